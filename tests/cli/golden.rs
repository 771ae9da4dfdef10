//! The golden studies through the program: does it give the original's numbers?
//!
//! Tolerances are a float64 computation's distance from the original, which stores float32 and
//! standardises in it (`tests/golden/README.md`), rounded up.

use std::fs;
use std::path::Path;

use bhscore::io::mat;
use hdf5::types::VarLenAscii;
use ndarray::ArrayD;
use serde_json::Value;

use crate::common;
use crate::env::TestEnv;
use crate::items::NET;

/// Largest difference of weights, relative to the root mean square of the item's weights.
const WEIGHTS: f64 = 2e-6;
/// Largest difference of decoded features, relative to their root mean square.
const DECODED: f64 = 1e-6;
/// Largest difference of means and deviations, relative to their root mean square.
const MOMENTS: f64 = 2e-6;
/// Largest difference of the bias, in standard deviations of the unit.
const BIAS: f64 = 5e-6;
/// Largest difference of accuracies.
const ACCURACY: f64 = 2e-7;
/// Largest difference of scores.
const SCORE: f64 = 1e-12;

#[test]
fn golden_study_gives_the_numbers_of_the_original() {
    compare(&common::golden("study"), &common::golden("expected"));
}

#[test]
fn shared_study_gives_the_numbers_of_the_original() {
    if let Some(shared) = common::shared("golden") {
        compare(&shared.join("study"), &shared.join("expected"));
    }
}

/// The accuracies of the original alone, without a record, give its score, too.
#[test]
fn accuracies_of_the_original_give_its_score() {
    let expected = common::golden("expected");
    let env = TestEnv::copy_of(&expected);
    // Test images are counted from the features.
    crate::env::copy(
        &common::golden("study/data/features/ImageNetTest"),
        &env.path("data/features/ImageNetTest"),
    );
    env.run(["compute"]).ok();
    scores_agree(&env.results(), &reference(&expected));
}

fn compare(study: &Path, expected: &Path) {
    let env = TestEnv::copy_of(study);
    // Not in the settings of the shared study.
    env.edit_settings(|settings| settings["decoding"]["n_voxels"] = 20.into());
    let reference = reference(expected);
    env.run(["decode-train", "--net", NET]).ok();
    env.run(["decode-predict", "--net", NET]).ok();
    let run = env.run(["compute", "--json"]);
    scores_agree(&run.ok().json(), &reference);

    let file = hdf5::File::open(expected.join("expected.h5")).unwrap();
    let images: Vec<VarLenAscii> = file.dataset("image_names").unwrap().read_raw().unwrap();
    let layers = file.group("decode/ringnet").unwrap();
    let mut n_items = 0;
    for layer in layers.member_names().unwrap() {
        let subjects = layers.group(&layer).unwrap();
        for subject in subjects.member_names().unwrap() {
            let rois = subjects.group(&subject).unwrap();
            for roi in rois.member_names().unwrap() {
                let place = format!("{NET}/{layer}/{subject}/{roi}");
                item_agrees(&env, &place, &rois.group(&roi).unwrap(), &images);
                n_items += 1;
            }
        }
    }
    assert_eq!(n_items, 60);
}

fn item_agrees(env: &TestEnv, place: &str, expected: &hdf5::Group, images: &[VarLenAscii]) {
    let folder = env
        .path("data/feature_decoders/ImageNetTraining")
        .join(place)
        .join("model");
    let array = |name: &str| -> ArrayD<f64> {
        let dataset = expected.dataset(name).unwrap();
        dataset.read_dyn::<f64>().unwrap()
    };
    let ours = |name: &str| column_major(&folder.join(format!("{name}.mat")), name);

    let (weights, theirs) = (ours("W"), array("W"));
    assert_eq!(weights.0, theirs.shape(), "{place}");
    let theirs = flat(&theirs);
    close(
        &weights.1,
        &theirs,
        WEIGHTS * rms(&theirs),
        &format!("{place} W"),
    );
    for (index, (a, b)) in weights.1.iter().zip(&theirs).enumerate() {
        assert_eq!(
            *a == 0.0,
            *b == 0.0,
            "{place}: another voxel is selected at {index}"
        );
    }
    let bias = array("b");
    let found = ours("b");
    assert_eq!(found.0, bias.shape(), "{place}");
    close(&found.1, &flat(&bias), BIAS, &format!("{place} b"));
    for name in ["x_mean", "x_norm", "y_mean", "y_norm"] {
        let (found, theirs) = (ours(name), array(name));
        assert_eq!(found.0, theirs.shape(), "{place} {name}");
        let theirs = flat(&theirs);
        close(
            &found.1,
            &theirs,
            MOMENTS * rms(&theirs),
            &format!("{place} {name}"),
        );
    }

    let predicted = array("predicted");
    let tolerance = DECODED * rms(&flat(&predicted));
    let decoded = env.path("data/decoded_features/ImageNetTest").join(place);
    assert_eq!(
        fs::read_dir(&decoded).unwrap().count(),
        images.len(),
        "{place}"
    );
    for (image, theirs) in images.iter().zip(predicted.outer_iter()) {
        let found = column_major(&decoded.join(format!("{image}.mat")), "feat");
        assert_eq!(found.0[1..], *theirs.shape(), "{place} {image}");
        close(
            &found.1,
            &flat(&theirs.to_owned()),
            tolerance,
            &format!("{place} {image}"),
        );
    }
    let folder = env.path("data/decoding_accuracy/ImageNetTest").join(place);
    let (found, theirs) = (
        column_major(&folder.join("accuracy.mat"), "accuracy"),
        array("accuracy"),
    );
    assert_eq!(found.0, theirs.shape(), "{place} accuracy");
    close(
        &found.1,
        &flat(&theirs),
        ACCURACY,
        &format!("{place} accuracy"),
    );
}

fn scores_agree(results: &Value, reference: &Value) {
    let ours = &results["networks"][0]["decoding"];
    let theirs = &reference["nets"]["ringnet"]["bh"];
    let pairs = [
        ("published", "compat"),
        ("textbook", "compat_accuracy_corrected_test"),
        ("textbook", "corrected"),
    ];
    for (rule, kind) in pairs {
        let theirs = &theirs[kind]["decoding"];
        let found = [&ours[rule], &ours["all_layers"][rule]];
        for (found, name) in found.into_iter().zip(["subset_mean_exact", "all_layers"]) {
            let (found, expected) = (found.as_f64().unwrap(), theirs[name].as_f64().unwrap());
            assert!(
                (found - expected).abs() <= SCORE,
                "{rule} {name}: {found} and {expected}"
            );
        }
        assert_eq!(ours["votes"][rule], theirs["votes_layer_by_roi"], "{rule}");
    }
}

fn reference(expected: &Path) -> Value {
    serde_json::from_slice(&fs::read(expected.join("reference.json")).unwrap()).unwrap()
}

/// Shape and column-major values of a file of ours.
fn column_major(path: &Path, variable: &str) -> (Vec<usize>, Vec<f64>) {
    let array = mat::read_f64(path, variable).unwrap();
    (array.shape, array.values)
}

/// Values in column-major order.
fn flat(array: &ArrayD<f64>) -> Vec<f64> {
    array.t().iter().copied().collect()
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        let near = (a - b).abs() <= tolerance || (a.is_nan() && b.is_nan());
        assert!(
            near,
            "{what}, value {index}: {a} and {b} differ by more than {tolerance:e}"
        );
    }
}
