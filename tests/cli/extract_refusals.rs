//! What `extract` refuses, and the remedy it names.

use std::fs;

use serde_json::json;

use crate::env::run;
use crate::extract::{extract, features, model, study};

#[test]
fn names_that_mean_nothing_are_told_with_near_ones() {
    let env = study();
    extract(&env, &["--layers", "features.O"])
        .status(2)
        .stderr_contains("has no layer `features.O`; did you mean `features.0`")
        .stderr_contains("bhscore inspect");
    extract(&env, &["--layers", "fc,fc"])
        .status(2)
        .stderr_contains("named twice");
    extract(&env, &["--transform", "fc=sqrt"])
        .status(2)
        .stderr_contains("choose `none` or `abs`");
    extract(&env, &["--transform", "fx=abs"])
        .status(2)
        .stderr_contains("of no layer");
    extract(&env, &["--preprocess", "keras"])
        .status(2)
        .stderr_contains("is neither a preset nor a file that can be read");
    extract(&env, &["--size", "32"])
        .status(2)
        .stderr_contains("16 × 16 pixels only");
    extract(&env, &["--weights", "noise:1"])
        .status(2)
        .stderr_contains("init:<seed>");
    extract(
        &env,
        &[
            "--model",
            &model("batch2.onnx"),
            "--layers",
            "features.4",
            "--batch",
            "3",
        ],
    )
    .status(2)
    .stderr_contains("exactly 2 images");
    assert_eq!(features(&env).len(), 0);
}

#[test]
fn models_that_cannot_be_used_are_told() {
    let env = study();
    let copy = |name: &str, bytes: &[u8]| {
        let path = env.path(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let whole = fs::read(model("external.onnx")).unwrap();
    let alone = copy("external.onnx", &whole);
    extract(&env, &["--model", &alone])
        .status(2)
        .stderr_contains("external.onnx.data`, which is missing");
    let cut = copy("cut.onnx", &whole[..whole.len() / 2]);
    extract(&env, &["--model", &cut])
        .status(2)
        .stderr_contains("damaged")
        .stderr_contains("export");
    let text = copy("text.onnx", b"not a model");
    extract(&env, &["--model", &text])
        .status(2)
        .stderr_contains("not an ONNX model");
    let pytorch = copy("weights.pt", b"PK\x03\x04weights/data.pkl");
    extract(&env, &["--model", &pytorch])
        .status(2)
        .stderr_contains("as the files of PyTorch are")
        .stderr_contains("scripts/export_onnx.py");
    extract(&env, &["--model", "nowhere.onnx"])
        .status(2)
        .stderr_contains("nowhere.onnx");
    extract(&env, &["--memory", "1M"])
        .status(2)
        .stderr_contains("give at least `--memory");
    assert_eq!(features(&env).len(), 0);
}

/// The engine panics here (in builds that check their arithmetic): that is told as an error, and only once.
#[test]
fn what_the_engine_panics_with_is_an_error_and_no_more() {
    let broken = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/damaged/onnx_engine/reshape_overflow.onnx"
    );
    run(["inspect", broken])
        .ok()
        .stdout_contains("failed in rten")
        .stderr_lacks("panicked");
}

#[test]
fn an_engine_that_is_not_there_is_told() {
    if cfg!(feature = "ort") {
        extract(&study(), &["--ort-lib", "/nowhere/libonnxruntime.so"])
            .status(2)
            .stderr_contains("/nowhere/libonnxruntime.so")
            .stderr_contains("--ort-lib");
    } else {
        extract(&study(), &["--engine", "ort"])
            .status(2)
            .stderr_contains("--features ort");
    }
}

#[test]
fn missing_images_are_told_with_the_way_out() {
    let env = study();
    fs::remove_dir_all(env.path("data/images/ImageNetTraining")).unwrap();
    extract(&env, &[]).status(2).stderr_contains("--split test");
    extract(&env, &["--split", "test"]).ok();
    fs::remove_dir_all(env.path("data/images/ImageNetTest")).unwrap();
    fs::create_dir(env.path("data/images/ImageNetTest")).unwrap();
    extract(&env, &["--split", "test"])
        .status(2)
        .stderr_contains("holds no images");
}

#[test]
fn settings_of_the_section_are_checked() {
    let env = study();
    env.edit_settings(|settings| {
        let extract = &mut settings["dnns"]["CNN"]["extract"];
        extract["tensors"]["conv9"] = json!("features.0");
        extract["preprocess"] = json!({ "sd": [0, 1, 1] });
    });
    extract(&env, &[])
        .status(2)
        .stderr_contains("conv9")
        .stderr_contains("preprocess");
    env.edit_settings(|settings| {
        settings["dnns"]["CNN"]["extract"] = json!({ "units": "random:0" });
    });
    extract(&env, &[])
        .status(2)
        .stderr_contains("random:0")
        .stderr_contains("random:1000");
    env.edit_settings(|settings| {
        settings["dnns"]["CNN"]["extract"] = json!({ "modell": "a.onnx" });
    });
    extract(&env, &[])
        .status(2)
        .stderr_contains("modell")
        .stderr_contains("`model`");
}
