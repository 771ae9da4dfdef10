//! Model files of both exporters of PyTorch (`tests/onnx`): names, and activations of the built-in engine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bhscore::extract::engine::{Choice, Engine};
use bhscore::extract::onnx::{Model, Weights};
use ndarray::{ArrayD, Axis, Slice};
use serde::Deserialize;

/// Largest difference to PyTorch, as a share of the layer's largest activation: sums of some hundred single
/// floats in another order; the largest seen is a tenth of it.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Fixture {
    file: String,
    network: String,
    batch: Option<usize>,
    /// Layer to tensor.
    tensors: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx")
}

fn fixtures() -> Vec<Fixture> {
    let text = std::fs::read(folder().join("fixtures.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn inputs() -> ArrayD<f32> {
    ndarray_npy::read_npy(folder().join("inputs.npy")).unwrap()
}

fn model(file: &str) -> Model {
    Model::read(&folder().join(file)).unwrap()
}

fn load(model: Model, tensors: &[String]) -> Box<dyn Engine> {
    let input = model.graph().layout(model.path(), None).unwrap().input;
    let model = model.with_outputs(tensors).unwrap();
    Choice::Rten.load(model, &input, tensors, 1).unwrap()
}

/// Activations for all images, in batches as the model wants them.
fn run(engine: &dyn Engine, images: &ArrayD<f32>, batch: usize) -> Vec<ArrayD<f32>> {
    let mut parts: Vec<Vec<ArrayD<f32>>> = Vec::new();
    for start in (0..images.shape()[0]).step_by(batch) {
        let part = images.slice_axis(Axis(0), Slice::from(start..start + batch));
        parts.push(engine.run(part).unwrap());
    }
    (0..parts[0].len())
        .map(|layer| {
            let views: Vec<_> = parts.iter().map(|part| part[layer].view()).collect();
            ndarray::concatenate(Axis(0), &views).unwrap()
        })
        .collect()
}

fn largest(array: &ArrayD<f32>) -> f32 {
    array
        .iter()
        .fold(0.0, |most: f32, value| most.max(value.abs()))
}

#[test]
fn layers_are_found_by_module_and_step() {
    let mut n_found = 0;
    for fixture in fixtures() {
        let model = model(&fixture.file);
        for (layer, tensor) in &fixture.tensors {
            let found = model.graph().find(layer).map(|tensor| tensor.name.as_str());
            assert_eq!(found, Some(tensor.as_str()), "{} {layer}", fixture.file);
            n_found += 1;
        }
    }
    assert!(n_found > 100, "{n_found}");
}

#[test]
fn activations_are_pytorchs() {
    let images = inputs();
    for fixture in fixtures() {
        let tensors: Vec<String> = {
            let mut tensors: Vec<String> = fixture.tensors.values().cloned().collect();
            tensors.sort();
            tensors.dedup();
            tensors
        };
        let engine = load(model(&fixture.file), &tensors);
        for batch in [1, 2] {
            if fixture.batch.is_some_and(|fixed| fixed != batch) {
                continue;
            }
            let outputs = run(engine.as_ref(), &images, batch);
            for (layer, tensor) in &fixture.tensors {
                if fixture.file == "folded.onnx" && layer == "features.0" {
                    // The exporter put the norm into the convolution: the tensor is the norm's.
                    continue;
                }
                let path = folder().join(format!("expected/{}/{layer}.npy", fixture.network));
                let expected: ArrayD<f32> = ndarray_npy::read_npy(path).unwrap();
                let found = &outputs[tensors.iter().position(|name| name == tensor).unwrap()];
                assert_eq!(found.shape(), expected.shape(), "{} {layer}", fixture.file);
                let off = largest(&(found - &expected)) / largest(&expected).max(f32::MIN_POSITIVE);
                assert!(off <= TOLERANCE, "{} {layer}: {off}", fixture.file);
            }
        }
    }
}

/// Attributes are left out, padding comes first where it is odd, and some operations the engine does not know;
/// `scripts/make_spelling_fixture.py` had ONNX Runtime compute them.
#[test]
fn operations_mean_what_the_standard_says() {
    let images = inputs();
    for (file, n_outputs) in [("spelling_old", 12), ("spelling_new", 6)] {
        let model = model(&format!("{file}.onnx"));
        let names = model.graph().outputs().to_vec();
        assert_eq!(names.len(), n_outputs);
        let outputs = load(model, &names).run(images.view()).unwrap();
        for (name, found) in names.iter().zip(outputs) {
            let path = folder().join(format!("expected/{file}/{name}.npy"));
            let expected: ArrayD<f32> = ndarray_npy::read_npy(path).unwrap();
            assert_eq!(found.shape(), expected.shape(), "{name}");
            let off = largest(&(&found - &expected)) / largest(&expected);
            assert!(off <= TOLERANCE, "{name}: {off}");
        }
    }
}

#[test]
fn an_image_alone_and_in_a_batch_are_the_same_to_rounding() {
    let tensors = vec!["features.0".to_owned(), "classifier.2".to_owned()];
    let engine = load(model("named.onnx"), &tensors);
    let images = inputs();
    let (alone, together) = (
        run(engine.as_ref(), &images, 1),
        run(engine.as_ref(), &images, 2),
    );
    for (alone, together) in alone.iter().zip(&together) {
        assert!(largest(&(alone - together)) <= TOLERANCE * largest(alone));
    }
}

#[test]
fn external_weights_must_be_there_and_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("external.onnx");
    std::fs::copy(folder().join("external.onnx"), &path).unwrap();
    let error = Model::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("external.onnx.data") && error.contains("missing"),
        "{error}"
    );
    let data = std::fs::read(folder().join("external.onnx.data")).unwrap();
    std::fs::write(
        scratch.path().join("external.onnx.data"),
        &data[..data.len() / 2],
    )
    .unwrap();
    let error = Model::read(&path).unwrap_err().to_string();
    assert!(error.contains("too few for the weights"), "{error}");
}

#[test]
fn truncated_models_are_errors() {
    let whole = std::fs::read(folder().join("named.onnx")).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("cut.onnx");
    for part in 0..40 {
        let length = whole.len() * part / 40;
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = Model::read(&path).unwrap_err().to_string();
        assert!(error.contains("cut.onnx"), "{error}");
    }
}

/// A sample of single damaged bytes: reading, looking up and loading may fail, but not panic.
#[test]
fn damaged_models_are_errors_or_models() {
    let whole = std::fs::read(folder().join("dynamo.onnx")).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("odd.onnx");
    let (mut n_read, mut n_run) = (0, 0);
    for at in (0..whole.len()).step_by(29) {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            std::fs::write(&path, &bytes).unwrap();
            let Ok(model) = Model::read(&path) else {
                continue;
            };
            n_read += 1;
            let Ok(layout) = model.graph().layout(&path, None) else {
                continue;
            };
            let outputs = model.graph().outputs().to_vec();
            let Ok(model) = model.with_outputs(&outputs) else {
                continue;
            };
            let Ok(engine) = Choice::Rten.load(model, &layout.input, &outputs, 1) else {
                continue;
            };
            let images = ArrayD::zeros(layout.shape(layout.batch.unwrap_or(1)));
            n_run += usize::from(
                layout.height * layout.width < 1 << 16 && engine.run(images.view()).is_ok(),
            );
        }
    }
    assert!(n_read > 0 && n_run > 0, "{n_read} {n_run}");
}

/// The weights are found in all three places where exporters put them, and only they change.
#[test]
fn controls_change_weights_and_nothing_else() {
    let images = inputs();
    let tensors = vec!["features.0".to_owned()];
    for file in ["named.onnx", "external.onnx"] {
        let trained = run(load(model(file), &tensors).as_ref(), &images, 2).remove(0);
        let mut seen = vec![trained.clone()];
        for weights in [
            Weights::Shuffled(1),
            Weights::Shuffled(2),
            Weights::Random(1),
        ] {
            let of = |weights: Weights| {
                let (changed, kept) = model(file).with_weights(weights).unwrap();
                assert_eq!(kept, Vec::<String>::new(), "{file}");
                run(load(changed, &tensors).as_ref(), &images, 2).remove(0)
            };
            let changed = of(weights);
            assert_eq!(
                changed,
                of(weights),
                "{file} {weights}: another result for the same seed"
            );
            assert!(
                seen.iter().all(|other| *other != changed),
                "{file} {weights}"
            );
            seen.push(changed);
        }
        let (same, _) = model(file).with_weights(Weights::Trained).unwrap();
        assert_eq!(
            run(load(same, &tensors).as_ref(), &images, 2).remove(0),
            trained
        );
    }
}

#[test]
fn integers_are_no_activations() {
    let model = model("reshaping.onnx");
    let shape = model
        .graph()
        .tensors()
        .iter()
        .find(|tensor| tensor.op == "Shape");
    let tensors = vec![shape.unwrap().name.clone()];
    let engine = load(model, &tensors);
    let error = engine.run(inputs().view()).unwrap_err().to_string();
    assert!(error.contains("no float32 values"), "{error}");
}

#[test]
fn near_names_are_told() {
    let model = model("plain.onnx");
    assert!(model.graph().find("features.10").is_none());
    assert!(model.graph().near("feature.0").contains(&"features.0"));
}
