//! `inspect` on every kind of file.

use std::fs;

use ndarray::array;
use serde_json::{Value, json};

use crate::common;
use crate::env::{Run, TestEnv, run};
use crate::items::{Item, NET};

fn inspect(path: &str) -> Value {
    run(["inspect", "--json", path]).ok().json()
}

fn golden(name: &str) -> String {
    common::golden(name).to_str().unwrap().to_owned()
}

/// The first test image of a layer; layers take MATLAB v7.3, v5 and compressed v5 in turn.
fn feature(layer: &str) -> String {
    let folder = common::golden(&format!("study/data/features/ImageNetTest/{NET}/{layer}"));
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files[0].to_str().unwrap().to_owned()
}

#[test]
fn matlab_files_of_every_version_are_described() {
    for (layer, shape) in [
        ("conv1", json!([1, 3, 4, 5])),
        ("conv2", json!([1, 40])),
        ("conv3", json!([1, 36])),
    ] {
        let value = inspect(&feature(layer));
        assert_eq!(value["kind"], "MATLAB file");
        let array = &value["arrays"][0];
        assert_eq!(array["name"], "feat");
        assert_eq!(array["shape"], shape);
        assert_eq!(array["class"], "single");
        assert_eq!(array["first"].as_array().unwrap().len(), 5);
    }
}

#[test]
fn a_layers_folder_is_described_by_its_images() {
    let folder = golden(&format!("study/data/features/ImageNetTest/{NET}/conv1"));
    let value = inspect(&folder);
    let n_files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(value["kind"], "features");
    assert_eq!(value["n_images"], n_files);
    assert_eq!(value["unit_shape"], json!([3, 4, 5]));
    let first = value["first"][0].as_str().unwrap();
    assert!(feature("conv1").ends_with(&format!("{first}.mat")));
}

#[test]
fn fmri_tables_are_described_by_their_keys() {
    let value = inspect(&golden(
        "study/data/fmri/sub-01_perceptionNaturalImageTraining_VC_v2.h5",
    ));
    assert_eq!(value["n_samples"], 120);
    let keys = value["keys"].as_array().unwrap();
    let v1 = keys.iter().find(|key| key["key"] == "ROI_V1").unwrap();
    assert_eq!(v1["columns"], 36);
    assert!(keys.iter().any(|key| key["key"] == "stimulus_name"));
}

#[test]
fn decoders_of_either_program_are_described_alike() {
    let env = TestEnv::finished();
    for item in [Item("conv1", "sub-01", "V1"), Item("fc6", "sub-02", "HVC")] {
        let ours = inspect(env.path(item.decoder()).to_str().unwrap());
        let theirs = inspect(&golden(&format!("expected/{}", item.decoder())));
        assert_eq!(ours, theirs);
        assert_eq!(ours["kind"], "decoder");
        assert_eq!(ours["voxels_per_unit"], 20.0);
    }
}

#[test]
fn numpy_files_are_described() {
    let env = TestEnv::empty();
    let path = env.path("x.npy");
    ndarray_npy::write_npy(&path, &array![[1.5f32, 2.0], [3.0, 4.0], [5.0, 6.0]]).unwrap();
    let value = inspect(path.to_str().unwrap());
    assert_eq!(
        value["arrays"][0],
        json!({ "name": "", "shape": [3, 2], "first": [1.5, 2.0, 3.0, 4.0, 5.0] })
    );
}

#[test]
fn people_get_lines() {
    let text = run(["inspect", &feature("conv1")]).ok().stdout.clone();
    assert!(
        text.contains("kind: MATLAB file") && text.contains("shape [1,3,4,5]"),
        "{text}"
    );
}

#[test]
fn what_is_none_of_these_is_refused() {
    let env = TestEnv::finished();
    let says = |path: &str, text: &str| {
        let run: Run = env.run(["inspect", path]);
        run.status(2).stderr_contains(text);
    };
    let path = |name: &str| env.path(name).to_str().unwrap().to_owned();
    says(&path("settings.json"), "neither MAT v5 nor v7.3");
    says(
        &path("data"),
        "neither features (`*.mat`) nor a decoder (`W.mat`)",
    );
    says(&path("none.mat"), "check the path");
    fs::write(env.path("empty.mat"), "").unwrap();
    says(&path("empty.mat"), "empty.mat");
    let cut = fs::read(feature("conv1")).unwrap();
    fs::write(env.path("cut.mat"), &cut[..1500]).unwrap();
    says(&path("cut.mat"), "cut.mat");
    let table = fs::read(golden(
        "study/data/fmri/sub-01_perceptionNaturalImageTest_VC_v2.h5",
    ))
    .unwrap();
    fs::write(env.path("cut.h5"), &table[..50_000]).unwrap();
    says(&path("cut.h5"), "cut.h5");
}
