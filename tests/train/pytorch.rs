//! The same losses and activations as PyTorch, and as the engine of `extract`.

use std::sync::LazyLock;

use bhscore::cornet::batches::Batch;
use bhscore::cornet::forward::activations;
use bhscore::cornet::graph::onnx;
use bhscore::cornet::sgd::{Velocity, rate};
use bhscore::cornet::step;
use bhscore::cornet::weights::Weights;
use bhscore::extract::engine::{Engine, Rten};
use bhscore::extract::onnx::Model;
use ndarray::ArrayD;
use serde_json::Value;

use super::*;

const SIDE: usize = 32;
/// Images of a step there.
const BATCH: usize = 32;
/// Side of the even squares that they are made of.
const SQUARE: usize = 8;
/// All its images.
const N_IMAGES: usize = 64;
/// Losses in single precision, after up to 20 steps in which rounding grows (SPEC 3.6).
const LOSS_TOLERANCE: f64 = 1e-4;
/// Activations in single precision, of the largest of the layer: sums of up to 18,432 products in another order
/// (T22 allows 1e-4).
const ACTIVATION_TOLERANCE: f64 = 1e-4;
/// Two engines on the same file and machine.
const ENGINE_TOLERANCE: f64 = 1e-5;

static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/cornet/golden.json"
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
});

/// Weights by the same rule.
fn filled(network: &Network) -> Weights {
    let mut weights = Weights::new(network, 0);
    for (name, parameter) in &mut weights.parameters {
        let fan: usize = parameter.shape[1..].iter().product();
        let spread = if parameter.shape.len() == 2 {
            0.06
        } else {
            6.0
        };
        let bound = (spread / fan as f64).sqrt() as f32;
        let is_norm = parameter.shape.len() == 1;
        for (value, u) in
            (parameter.values.iter_mut()).zip(uniform(name, parameter.shape.iter().product()))
        {
            *value = match (is_norm, name.ends_with(".weight")) {
                (false, _) => (2.0 * u - 1.0) * bound,
                (true, true) => 0.5 + u,
                (true, false) => (2.0 * u - 1.0) * 0.125,
            };
        }
    }
    weights
}

/// The images from number `first` on, by the same rule.
fn images(first: usize, n: usize) -> Batch {
    let n_squares = SIDE / SQUARE;
    let all = uniform("images", N_IMAGES * 3 * n_squares * n_squares);
    let labels: Vec<usize> = (first..first + n).map(|image| image % N_CLASSES).collect();
    let images = (0..n * 3 * SIDE * SIDE).map(|at| {
        let (row, column) = (at / SIDE % SIDE, at % SIDE);
        let (image, channel) = (at / (3 * SIDE * SIDE), at / (SIDE * SIDE) % 3);
        let plane = (first + image) * 3 + channel;
        let square = (plane * n_squares + row / SQUARE) * n_squares + column / SQUARE;
        all[square] * 4.0 - 2.0 + (labels[image] >> channel & 1) as f32
    });
    Batch {
        images: images.collect(),
        labels,
    }
}

fn losses(kind: Kind) {
    let network = network(kind);
    let expected: Vec<f64> = serde_json::from_value(GOLDEN[name(kind)]["losses"].clone()).unwrap();
    assert_eq!(expected.len(), 20);
    // With higher rates rounding grows, most in the batch norms of S: PyTorch then differs from itself.
    let lr = match kind {
        Kind::Z => 0.002,
        Kind::R | Kind::RT => 0.001,
        Kind::S => 0.000_02,
    };
    let sgd = Sgd {
        momentum: 0.9,
        weight_decay: 1e-4,
    };
    let (mut weights, mut velocity) = (filled(&network), Velocity::new());
    for (number, expected) in expected.into_iter().enumerate() {
        let batch = images(number * BATCH % N_IMAGES, BATCH);
        let lr = rate(lr, 5.0, (number * BATCH) as f64 / N_IMAGES as f64);
        let found = step::train(&network, (&mut weights, &mut velocity), &batch, (&sgd, lr));
        let off = (found.loss - expected).abs();
        assert!(
            off <= LOSS_TOLERANCE,
            "{kind} step {number}: {} is not {expected}",
            found.loss
        );
    }
    // The running statistics, too, are those of 20 batches.
    let found = step::validate(&network, &weights, &images(0, BATCH)).loss;
    let expected = GOLDEN[name(kind)]["evaluated"].as_f64().unwrap();
    let off = (found - expected).abs();
    assert!(off <= LOSS_TOLERANCE, "{kind}: {found} is not {expected}");
}

fn name(kind: Kind) -> String {
    format!("{kind:?}")
}

#[test]
fn losses_of_z_are_those_of_pytorch() {
    losses(Kind::Z);
}

#[test]
fn losses_of_r_are_those_of_pytorch() {
    losses(Kind::R);
}

#[test]
fn losses_of_rt_are_those_of_pytorch() {
    losses(Kind::RT);
}

#[test]
fn losses_of_s_are_those_of_pytorch() {
    losses(Kind::S);
}

#[test]
fn activations_of_every_step_are_those_of_pytorch() {
    for kind in [Kind::Z, Kind::R, Kind::RT, Kind::S] {
        let network = network(kind);
        let found = activations(&network, &filled(&network), &images(0, 2));
        let expected = GOLDEN[name(kind)]["activations"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{kind}");
        for expected in expected {
            let (module, step) = (&expected["module"], expected["step"].as_u64().unwrap());
            let found = (found.iter())
                .find(|found| found.module == *module && found.step as u64 == step)
                .unwrap();
            let sampled = expected["values"].as_array().unwrap();
            assert_eq!(found.values.len() as u64, expected["n"].as_u64().unwrap());
            let every = (found.values.len() / 24).max(1);
            let largest = found
                .values
                .iter()
                .fold(0.0_f32, |most, v| most.max(v.abs()));
            for (value, expected) in found.values.iter().step_by(every).zip(sampled) {
                let off = (f64::from(*value) - expected.as_f64().unwrap()).abs();
                let most = ACTIVATION_TOLERANCE * f64::from(largest).max(1.0);
                assert!(
                    off <= most,
                    "{kind} {module} t{step}: {value} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn the_first_step_of_r_and_rt_is_the_same_for_every_image_beyond_v1() {
    for kind in [Kind::R, Kind::RT] {
        let network = network(kind);
        for found in activations(&network, &filled(&network), &images(0, 2)) {
            let (first, second) = found.values.split_at(found.values.len() / 2);
            let is_constant = first == second;
            let (module, step) = (found.module.as_str(), found.step);
            // In RT what an image causes goes up by one area a step.
            let reached = match (kind, module) {
                (
                    _,
                    "V1.conv_input" | "V1.conv1" | "V1.output" | "decoder.avgpool"
                    | "decoder.linear",
                ) => 0,
                (Kind::R, _) | (_, "V2.output") => 1,
                (_, "V4.output") => 2,
                (_, _) => 3,
            };
            assert_eq!(is_constant, step < reached, "{kind} {module} t{step}");
        }
    }
}

#[test]
fn extract_reads_the_network_and_finds_the_same_activations() {
    let folder = TempDir::new().unwrap();
    for kind in [Kind::Z, Kind::R, Kind::RT, Kind::S] {
        let network = network(kind);
        let mut weights = filled(&network);
        for (name, buffer) in &mut weights.buffers {
            let n = buffer.values.len();
            buffer.values = uniform(name, n).into_iter().map(|u| 0.5 + u).collect();
        }
        let path = folder.path().join(format!("{kind}.onnx"));
        fs::write(&path, onnx(&network, &weights)).unwrap();
        let model = Model::read(&path).unwrap();
        assert_eq!(
            model.graph().n_parameters(),
            weights.n_parameters() as u64 + added(kind)
        );
        let batch = images(0, 2);
        let expected = activations(&network, &weights, &batch);
        let mut last = BTreeMap::new();
        for activation in &expected {
            let step = format!("{}-t{}", activation.module, activation.step);
            last.insert(activation.module.clone(), &activation.values);
            last.insert(step, &activation.values);
        }
        let outputs = model.graph().outputs().to_vec();
        assert_eq!(outputs.last().map(String::as_str), Some("decoder.linear"));
        assert!(
            outputs.iter().all(|name| last.contains_key(name)),
            "{outputs:?}"
        );
        let engine = Rten::load(model, "image", &outputs, 1).unwrap();
        let shape = [2, 3, SIDE, SIDE].as_slice();
        let input = ArrayD::from_shape_vec(shape, batch.images).unwrap();
        for (name, found) in outputs.iter().zip(engine.run(input.view()).unwrap()) {
            let expected = last[name];
            let largest = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            assert_eq!(found.len(), expected.len(), "{kind} {name}");
            let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let off = f64::from(off.fold(0.0, f32::max) / largest.max(1.0));
            assert!(
                off <= ENGINE_TOLERANCE,
                "{kind} {name}: off by {off:e} of the largest"
            );
        }
    }
}

/// Constants of the file that are no parameters: the scale and bias of 32 groups, which do nothing.
fn added(kind: Kind) -> u64 {
    if matches!(kind, Kind::R | Kind::RT) {
        64
    } else {
        0
    }
}
