//! Networks that are not what a layer's name, a control or a batch takes them for.

use std::fs;

use bhscore::extract::onnx::write::{Attribute, Writer};
use bhscore::io::mat;

use crate::env::{Run, TestEnv};
use crate::extract::study;

/// Side of the images and their values.
const SIDE: usize = 16;
const N_VALUES: usize = 3 * SIDE * SIDE;

/// A graph that takes a batch of images.
fn graph() -> Writer {
    let mut graph = Writer::new("odd");
    graph.input("image", &[None, Some(3), Some(SIDE), Some(SIDE)]);
    graph
}

/// Values that repeat seldom.
fn values(n: usize) -> Vec<f32> {
    (0..n)
        .map(|at| ((at * 7919) % 613) as f32 / 613.0 - 0.4)
        .collect()
}

/// Extracts layers of a graph into a folder of the study.
fn extract(env: &TestEnv, graph: Writer, args: &[&str]) -> Run {
    let path = env.path("odd.onnx");
    fs::write(&path, graph.finish()).unwrap();
    let path = |name: &str| env.path(name).to_str().unwrap().to_owned();
    let (model, images, out) = (
        path("odd.onnx"),
        path("data/images/ImageNetTest"),
        path("out"),
    );
    let head = [
        "extract", "--model", &model, "--images", &images, "--out", &out,
    ];
    env.run(head.into_iter().chain(args.iter().copied()))
}

fn feature(env: &TestEnv, layer: &str) -> Vec<f32> {
    let path = env.path(format!("out/{layer}/444.mat"));
    mat::read_f32(&path, "feat").unwrap().values
}

/// A convolution of single pixels.
fn one_by_one() -> [(&'static str, Attribute); 3] {
    let ones = |n| Attribute::Numbers(vec![1; n]);
    [
        ("strides", ones(2)),
        ("dilations", ones(2)),
        ("kernel_shape", ones(2)),
    ]
}

/// `flat`, `(n_images, 768)`.
fn flattened(graph: &mut Writer) {
    graph.integers("shape", &[0, -1]);
    graph.node("Reshape", &["image", "shape"], "flat", &[]);
}

/// A control of which all weights stay the trained ones is none.
#[test]
fn weights_in_another_precision_make_no_control() {
    let env = study();
    let graph = || {
        let mut graph = graph();
        flattened(&mut graph);
        let whole: Vec<i64> = (0..2 * N_VALUES as i64).map(|at| at % 5).collect();
        graph.integers("whole", &whole);
        graph.integers("sizes", &[N_VALUES as i64, 2]);
        graph.node("Cast", &["whole"], "cast", &[("to", Attribute::Number(1))]);
        graph.node("Reshape", &["cast", "sizes"], "weights", &[]);
        graph.node("MatMul", &["flat", "weights"], "y", &[]);
        graph.output("y", &[None, Some(2)]);
        graph
    };
    for weights in ["shuffle:1", "init:1"] {
        extract(&env, graph(), &["--weights", weights])
            .status(2)
            .stderr_contains("such as `whole`, where `--weights` cannot change them");
    }
    extract(&env, graph(), &[]).ok();
}

/// The numbers of a function are no scales and biases of channels.
#[test]
fn single_values_are_the_same_in_an_untrained_network() {
    let env = study();
    let mut graph = graph();
    flattened(&mut graph);
    graph.floats("weights", &[N_VALUES, 2], &values(2 * N_VALUES));
    graph.node("MatMul", &["flat", "weights"], "before", &[]);
    graph.floats("half", &[], &[0.5]);
    graph.floats("one", &[1], &[1.0]);
    graph.node("Mul", &["before", "half"], "halved", &[]);
    graph.node("Add", &["halved", "one"], "after", &[]);
    graph.output("before", &[None, Some(2)]);
    graph.output("after", &[None, Some(2)]);
    extract(&env, graph, &["--weights", "init:1"])
        .ok()
        .stderr_lacks("keep their values");
    let (before, after) = (feature(&env, "before"), feature(&env, "after"));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(0.5 * before + 1.0, *after);
    }
}

#[test]
fn networks_that_compute_over_the_batch_are_told() {
    let said = "1 layers, such as `y`, depend on which images are in a batch";
    let centred = || {
        let mut graph = graph();
        let over_images = [
            ("axes", Attribute::Numbers(vec![0])),
            ("keepdims", Attribute::Number(1)),
        ];
        graph.node("ReduceMean", &["image"], "mean", &over_images);
        graph.node("Sub", &["image", "mean"], "y", &[]);
        graph.node("Relu", &["image"], "z", &[]);
        let shape = [None, Some(3), Some(SIDE), Some(SIDE)];
        graph.output("y", &shape);
        graph.output("z", &shape);
        graph
    };
    let env = study();
    extract(&env, centred(), &["--batch", "4"])
        .ok()
        .stderr_contains(said);
    let env = study();
    extract(&env, centred(), &["--batch", "1"])
        .ok()
        .stderr_lacks("in a batch");
}

/// Calls in a row look like one: the last result is that of the last, and of the others nothing is known.
#[test]
fn a_step_of_calls_in_a_row_is_refused() {
    let row = || {
        let mut graph = graph();
        graph.floats("w", &[3, 3, 1, 1], &values(9));
        let names = ["/r/rec/Conv", "/r/rec_1/Conv", "/r/rec_2/Conv"];
        let mut input = "image";
        for name in names {
            graph.node("Conv", &[input, "w"], name, &one_by_one());
            input = name;
        }
        graph.output(input, &[None, Some(3), Some(SIDE), Some(SIDE)]);
        graph
    };
    let env = study();
    for args in [
        ["--layers", "r", "--time-step", "0"],
        ["--layers", "r-t0", "--batch", "2"],
    ] {
        extract(&env, row(), &args)
            .status(2)
            .stderr_contains("calls `r` several times in a row");
    }
    // The exporter has numbered the calls of what is inside.
    extract(&env, row(), &["--layers", "r,r.rec-t0,r.rec-t2"]).ok();
    assert_eq!(feature(&env, "r"), feature(&env, "r.rec-t2"));
    assert_ne!(feature(&env, "r"), feature(&env, "r.rec-t0"));
}

#[test]
fn convolutions_that_the_exporter_has_changed_are_told() {
    let folded = |weights: &str| {
        let mut graph = graph();
        graph.floats(weights, &[3, 3, 1, 1], &values(9));
        graph.node("Conv", &["image", weights], "/conv1/Conv", &one_by_one());
        graph.output("/conv1/Conv", &[None, Some(3), Some(SIDE), Some(SIDE)]);
        graph
    };
    let said = "layer `conv1`: the exporter has changed the weights of this convolution";
    let env = study();
    extract(&env, folded("onnx::Conv_181"), &["--layers", "conv1"])
        .ok()
        .stderr_contains(said);
    let env = study();
    extract(&env, folded("conv1.weight"), &["--layers", "conv1"])
        .ok()
        .stderr_lacks(said);
}
