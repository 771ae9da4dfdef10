//! `encode-train` and `encode-predict`: the original's numbers, resuming, shards, threads, odd data,
//! and layers without a Gram matrix.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bhscore::encode::train::Train;
use bhscore::io::mat;
use bhscore::settings::Settings;
use bhscore::study::{Behaviour, Context};
use bhscore::work::stage::{self, Options};
use bhscore::work::{Filter, Layout, Stage, plan};
use hdf5::types::VarLenAscii;
use serde_json::Value;

use crate::common;
use crate::edit::Half::{Test, Training};
use crate::env::{TestEnv, files};
use crate::items::NET;

/// Largest distances from the original, which fits encoders in float32 throughout; relative to the root
/// mean square but for bias (standard deviations) and accuracy (`tests/golden/README.md`).
const WEIGHTS: f64 = 5e-5;
const ENCODED: f64 = 2e-5;
const MOMENTS: f64 = 2e-6;
const BIAS: f64 = 5e-6;
const ACCURACY: f64 = 5e-6;

/// The small study with 10 units a voxel: 8 items a stage.
fn small() -> TestEnv {
    let env = TestEnv::small();
    env.edit_settings(|settings| settings["encoding"]["n_units"] = 10.into());
    env
}

fn encode(env: &TestEnv) {
    env.run(["encode-train", "--net", NET]).ok();
    env.run(["encode-predict", "--net", NET]).ok();
}

/// Every file that the stages wrote but records.
fn artifacts(env: &TestEnv) -> BTreeMap<String, Vec<u8>> {
    let kinds = ["feature_encoders", "encoded_fmri", "encoding_accuracy"];
    kinds
        .iter()
        .flat_map(|kind| files(&env.path("data").join(kind)))
        .filter(|path| path.extension().is_some_and(|end| end == "mat"))
        .map(|path| {
            let relative = path.strip_prefix(env.root()).unwrap();
            let relative = relative.to_str().unwrap().to_owned();
            (relative, fs::read(&path).unwrap())
        })
        .collect()
}

#[track_caller]
fn same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert!(!a.is_empty());
    assert!(a.keys().eq(b.keys()), "other files");
    for (path, bytes) in a {
        assert!(bytes == &b[path], "`{path}` has other bytes");
    }
}

fn encoder(layer: &str, subject: &str, roi: &str) -> String {
    format!("data/feature_encoders/ImageNetTraining/{NET}/{layer}/{subject}/{roi}/model")
}

fn accuracy(env: &TestEnv, layer: &str, subject: &str, roi: &str) -> Vec<f64> {
    let folder = format!("data/encoding_accuracy/ImageNetTest/{NET}/{layer}/{subject}/{roi}");
    read(&env.path(folder).join("accuracy.mat"), "accuracy").1
}

/// Shape and column-major values.
fn read(path: &Path, variable: &str) -> (Vec<usize>, Vec<f64>) {
    let array = mat::read_f64(path, variable).unwrap();
    (array.shape, array.values)
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        let near = (a - b).abs() <= tolerance || (a.is_nan() && b.is_nan());
        assert!(near, "{what}, value {index}: {a} and {b}");
    }
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
}

#[test]
fn golden_study_gives_the_encoders_of_the_original() {
    compare(&common::golden("study"), &common::golden("expected"));
}

#[test]
fn shared_study_gives_the_encoders_of_the_original() {
    if let Some(shared) = common::shared("golden") {
        compare(&shared.join("study"), &shared.join("expected"));
    }
}

fn compare(study: &Path, expected: &Path) {
    let env = TestEnv::copy_of(study);
    env.edit_settings(|settings| settings["encoding"]["n_units"] = 20.into());
    encode(&env);
    let file = hdf5::File::open(expected.join("expected.h5")).unwrap();
    let images: Vec<VarLenAscii> = file.dataset("image_names").unwrap().read_raw().unwrap();
    let layers = file.group("encode/ringnet").unwrap();
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
    let folder = format!("data/feature_encoders/ImageNetTraining/{place}/model");
    let array = |name: &str| {
        let array = expected.dataset(name).unwrap().read_dyn::<f64>().unwrap();
        let values: Vec<f64> = array.t().iter().copied().collect();
        (array.shape().to_vec(), values)
    };
    let ours = |name: &str| read(&env.path(&folder).join(format!("{name}.mat")), name);
    let (found, theirs) = (ours("W"), array("W"));
    assert_eq!(found.0, theirs.0, "{place}");
    for (a, b) in found.1.iter().zip(&theirs.1) {
        assert_eq!(*a == 0.0, *b == 0.0, "{place}: another unit is selected");
    }
    let tolerance = WEIGHTS * rms(&theirs.1);
    close(&found.1, &theirs.1, tolerance, &format!("{place} W"));
    for name in ["b", "x_mean", "x_norm", "y_mean", "y_norm"] {
        let (found, theirs) = (ours(name), array(name));
        assert_eq!(found.0, theirs.0, "{place} {name}");
        let tolerance = match name {
            "b" => BIAS,
            // A mean near 0 has no digits of its own.
            "x_mean" | "y_mean" => {
                let norm = array(&name.replace("mean", "norm")).1;
                MOMENTS * rms(&norm).max(rms(&theirs.1))
            }
            _ => MOMENTS * rms(&theirs.1),
        };
        close(&found.1, &theirs.1, tolerance, &format!("{place} {name}"));
    }
    let (shape, predicted) = array("predicted");
    let n_images = shape[0];
    let encoded = env.path(format!(
        "data/encoded_fmri/ImageNetTest/encoded_brain/{place}"
    ));
    assert_eq!(fs::read_dir(&encoded).unwrap().count(), n_images, "{place}");
    for (row, image) in images.iter().enumerate() {
        let found = read(&encoded.join(format!("{image}.mat")), "feat");
        assert_eq!(found.0, [1, shape[1]], "{place}");
        let theirs: Vec<f64> = predicted
            .iter()
            .skip(row)
            .step_by(n_images)
            .copied()
            .collect();
        let what = format!("{place} {image}");
        close(&found.1, &theirs, ENCODED * rms(&predicted), &what);
    }
    let path = env.path(format!(
        "data/encoding_accuracy/ImageNetTest/{place}/accuracy.mat"
    ));
    let (found, theirs) = (read(&path, "accuracy"), array("accuracy"));
    assert_eq!(found.0, theirs.0, "{place}");
    close(&found.1, &theirs.1, ACCURACY, &format!("{place} accuracy"));
}

#[test]
fn threads_shards_and_interruptions_change_no_byte() {
    let one = small();
    one.run(["-j", "1", "encode-train", "--net", NET]).ok();
    one.run(["-j", "1", "encode-predict", "--net", NET]).ok();
    let other = small();
    for stage in ["encode-train", "encode-predict"] {
        for shard in ["2/3", "1/3", "3/3"] {
            other
                .run(["-j", "2", stage, "--net", NET, "--shard", shard])
                .ok();
        }
        other
            .run([stage, "--net", NET])
            .ok()
            .stderr_contains("8 items: 0 computed, 8 done before");
    }
    same(&artifacts(&one), &artifacts(&other));
    // What is half gone is made again, and nothing else.
    let folder = other.path(encoder("fc6", "sub-01", "V1"));
    fs::remove_file(folder.join("record.json")).unwrap();
    fs::remove_file(folder.join("W.mat")).unwrap();
    other
        .run(["encode-train", "--net", NET])
        .ok()
        .stderr_contains("8 items: 1 computed, 7 done before");
    let status = other.run(["status", "--json"]).json();
    let stage = &status["stages"][2];
    assert_eq!(stage["stage"], "encode-train");
    assert_eq!(stage["done"], 8);
    same(&artifacts(&one), &artifacts(&other));
    other.edit_settings(|settings| settings["encoding"]["alpha"] = 50.into());
    other
        .run(["encode-train", "--net", NET])
        .ok()
        .stderr_contains("8 items: 8 computed");
}

#[test]
fn silent_units_are_left_out_and_constant_voxels_have_no_encoder() {
    let env = small();
    env.edit_features(Training, "fc6", |_, units| units[3] = 0.0);
    env.edit_voxel("sub-01", Training, ("V1", 4), |_, _| 7.0);
    env.run(["encode-train", "--net", NET])
        .ok()
        .stderr_contains("1 constant or undefined units: left out")
        .stderr_contains("1 constant or undefined voxels have no encoder");
    env.run(["encode-predict", "--net", NET])
        .ok()
        .stderr_contains("1 voxels have no defined accuracy");
    for layer in ["conv1", "fc6"] {
        let found = accuracy(&env, layer, "sub-01", "V1");
        for (voxel, r) in found.iter().enumerate() {
            assert_eq!(r.is_nan(), voxel == 4, "{layer} voxel {voxel}");
        }
    }
    let (shape, weights) = read(
        &env.path(encoder("fc6", "sub-02", "HVC")).join("W.mat"),
        "W",
    );
    for voxel in weights.chunks(shape[0]) {
        assert_eq!(voxel[3], 0.0);
        assert_eq!(voxel.iter().filter(|weight| **weight != 0.0).count(), 10);
    }
    // The original makes the whole layer NaN.
    env.run(["encode-train", "--net", NET, "--compat"])
        .ok()
        .stderr_contains("every weight is NaN");
    env.run(["encode-predict", "--net", NET, "--compat"]).ok();
    let found = accuracy(&env, "fc6", "sub-02", "HVC");
    assert!(found.iter().all(|r| r.is_nan()));
    let found = accuracy(&env, "conv1", "sub-01", "V1");
    assert!(
        found
            .iter()
            .enumerate()
            .all(|(voxel, r)| r.is_nan() == (voxel == 4))
    );
}

#[test]
fn missing_layers_and_images_are_named() {
    let env = small();
    fs::remove_dir_all(env.path(env.features(Training, "conv1"))).unwrap();
    env.run(["encode-predict", "--net", NET])
        .status(2)
        .stderr_contains("encode-train");
    env.run(["encode-train", "--net", NET])
        .status(2)
        .stderr_contains("conv1")
        .stderr_contains("8 items: 4 computed, 4 failed");
    // A test image that nobody has seen is skipped; the original fails.
    let unseen = env.images(Test, "fc6")[0].clone();
    env.keep_samples("sub-01", Test, |_, image| image != unseen);
    env.run(["encode-predict", "--net", NET, "--layer", "fc6"])
        .ok()
        .stderr_contains("1 test images were never shown: skipped");
    let folder = format!("data/encoded_fmri/ImageNetTest/encoded_brain/{NET}/fc6/sub-01/V1");
    env.has(format!("{folder}/{}.mat", env.images(Test, "fc6")[1]));
    env.lacks(format!("{folder}/{unseen}.mat"));
}

/// Without a Gram matrix of the layer the same units are selected and get the same weights, whole or
/// in portions.
#[test]
fn wide_layers_give_the_weights_of_the_gram_matrix() {
    let env = small();
    env.edit_features(Training, "conv1", |_, units| units[3] = 0.5);
    env.run(["encode-train", "--net", NET]).ok();
    let narrow = artifacts(&env);
    let settings = Settings::read(&env.path("settings.json")).unwrap();
    let layout = Layout::new(env.root());
    let context = Context {
        layout: layout.clone(),
        settings: settings.clone(),
        behaviour: Behaviour::Corrected,
        memory: "1G".parse().unwrap(),
        reading: Default::default(),
    };
    let network = settings.network(NET).unwrap();
    let items = plan(&settings, network, Stage::EncodeTrain, &Filter::default()).unwrap();
    let mut job = Train::with_gram_limit(context, 0);
    let (options, stop) = (
        Options {
            force: true,
            wait: false,
        },
        AtomicBool::new(false),
    );
    let summary = stage::run(&items, &mut job, &layout, options, None, &stop, &mut |_| ()).unwrap();
    assert_eq!((summary.computed, summary.failed.len()), (8, 0));
    let wide = artifacts(&env);
    assert!(narrow.keys().eq(wide.keys()));
    let folder = TestEnv::empty();
    for (path, bytes) in &wide {
        let variable = path.rsplit('/').next().unwrap().trim_end_matches(".mat");
        let before = folder.path("before.mat");
        fs::write(&before, &narrow[path]).unwrap();
        let after = folder.path("after.mat");
        fs::write(&after, bytes).unwrap();
        let ((shape, a), (other, b)) = (read(&after, variable), read(&before, variable));
        assert_eq!(shape, other, "{path}");
        // Stored as float32.
        close(&a, &b, 2e-7 * rms(&b).max(1e-3), path);
    }
    let record: Value = env.json(Path::new(&encoder("conv1", "sub-01", "V1")).join("record.json"));
    assert_eq!(record["result"]["n_constant_units"], 1);
}
