//! `bhscore train`.

use serde_json::Value;

use super::*;

fn bhscore<const N: usize>(args: [&str; N]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bhscore"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_trains_and_its_network_is_extracted() {
    let (images, study) = (toy(), TempDir::new().unwrap());
    let images_path = images.path().to_str().unwrap();
    let output = study.path().join("cornet_rt");
    let output_path = output.to_str().unwrap();
    let (code, stdout, stderr) = bhscore([
        "train",
        "--model",
        "rt",
        "--data_path",
        images_path,
        "-o",
        output_path,
        "--times",
        "4",
        "--epochs",
        "2",
        "--batch_size",
        "4",
        "--lr",
        ".01",
        "--step_size",
        "1",
        "--weight_decay",
        "0",
        "--imsize",
        "32",
    ]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("CORnet-RT: loss "), "{stdout}");
    assert!(stdout.ends_with("after 2 epochs\n"), "{stdout}");
    assert!(stderr.contains("its RT always takes 5"), "{stderr}");
    assert!(stderr.contains("epoch 2: validation loss"), "{stderr}");
    let table = fs::read_to_string(output.join("results.csv")).unwrap();
    assert!(
        table.starts_with("part,epoch,step,loss,top1,top5,lr,seconds\ntrain,0.0,0,"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 1 + 4 + 2);
    let json: Value =
        serde_json::from_slice(&fs::read(output.join("results.json")).unwrap()).unwrap();
    assert_eq!(json["classes"], serde_json::json!(["dark", "light"]));
    assert_eq!(json["validation"].as_array().unwrap().len(), 2);
    assert!(
        fs::read_to_string(output.join("loss.svg"))
            .unwrap()
            .contains("cross entropy")
    );
    assert!(
        fs::read(output.join("loss.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    // Once more: nothing is left to do, and the same is said.
    let (code, again, _) = bhscore([
        "train",
        "--model",
        "RT",
        "--data-path",
        images_path,
        "--output-path",
        output_path,
        "--times",
        "4",
        "--epochs",
        "2",
        "--batch-size",
        "4",
        "--imsize",
        "32",
    ]);
    assert_eq!((code, again), (0, stdout));

    let model = output.join("CORnet-RT.onnx");
    let (study, model) = (study.path().to_str().unwrap(), model.to_str().unwrap());
    let stimuli = format!("{images_path}/val/dark");
    let out = format!("{study}/features");
    let (code, _, stderr) = bhscore([
        "-C",
        study,
        "extract",
        "--net",
        "pytorch/CORnet_RT",
        "--model",
        model,
        "--images",
        &stimuli,
        "--layers",
        "IT.output-t2,decoder.avgpool",
        "--out",
        &out,
    ]);
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn steps_that_no_image_outlasts_are_refused() {
    let images = toy();
    let path = images.path().to_str().unwrap();
    let output = format!("{path}/out");
    for (model, times, fewest) in [("RT", "3", "4"), ("R", "1", "2")] {
        let (code, _, stderr) = bhscore([
            "train",
            "--model",
            model,
            "--data-path",
            path,
            "-o",
            &output,
            "--times",
            times,
        ]);
        assert_eq!(code, 2);
        assert!(
            stderr.contains(&format!("`--times {fewest}` or more")),
            "{stderr}"
        );
    }
    assert!(!Path::new(&output).exists());
}

#[test]
fn the_command_refuses_with_status_two() {
    let (code, _, stderr) = bhscore([
        "train",
        "--model",
        "Z",
        "--data-path",
        "no/such",
        "-o",
        "nowhere",
    ]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("no/such/train`: there is no such folder; give each class a folder"),
        "{stderr}"
    );
}
