//! ONNX files: read, looked at, rewritten with other outputs, weights and words.
#![no_main]

use bhscore::extract::onnx::{Model, Weights};
use bhscore_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("fuzz.onnx", bytes);
    let Ok(model) = Model::read(&path) else {
        return;
    };
    let graph = model.graph();
    let _ = graph.layout(&path, None);
    let _ = graph.layout(&path, Some((8, 8)));
    let names: Vec<String> = graph
        .tensors()
        .iter()
        .map(|tensor| tensor.name.clone())
        .collect();
    for tensor in graph.tensors().iter().take(3) {
        for name in [&tensor.name, &tensor.node, &tensor.module] {
            let _ = graph.find(name);
        }
        let _ = graph.near(&tensor.call);
    }
    for weights in [Weights::Shuffled(1), Weights::Random(2)] {
        let _ = model.clone().with_weights(weights);
    }
    let _ = model.clone().spelt_out();
    let _ = model.with_outputs(&names);
});
