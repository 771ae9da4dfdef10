//! ONNX files loaded by the engine that is built in.
#![no_main]

use bhscore::extract::engine::Rten;
use bhscore::extract::onnx::Model;
use bhscore_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        // What the engine panics with is caught; what is not ends the process all the same.
        std::panic::set_hook(Box::new(|_| {}));
    },
    |bytes: &[u8]| load(bytes)
);

fn load(bytes: &[u8]) {
    let path = file("fuzz.onnx", bytes);
    let Ok(model) = Model::read(&path) else {
        return;
    };
    let Some(input) = model.graph().inputs().first() else {
        return;
    };
    let input = input.name.clone();
    let outputs = model.graph().outputs().to_vec();
    let _ = Rten::load(model.clone(), &input, &outputs, 1);
    let _ = Rten::load_plain(model, &input, &outputs);
}
