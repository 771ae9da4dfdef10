//! `check`: one good model, and one for each thing that can be wrong with it.

use std::fs;
use std::os::unix::fs::symlink;

use bhscore::io::mat;
use serde_json::Value;

use crate::env::{Run, TestEnv, run};
use crate::extract::model as fixture;

/// A model whose checks all pass; it has too few logits to name them.
pub const GOOD: &str = r#"
[model]
id = "cnn"
kind = "base"
[source]
onnx = "named.onnx"
sha256 = "ea5b8351eb2ecd641857ba8f768b54129af142aa90683d3819258d9567f13c29"
[input]
size = [16, 16]
visual_degrees = 8
[[layers]]
name = "features.0"
depth = 1
[[layers]]
name = "features.4"
depth = 2
[commit]
IT = "features.4"
[time]
"features.4" = [70, 170]
[behaviour]
readout = "features.5"
[meta]
params = 3046
bibtex = "@article{Key2020, title = {A title}}"
"#;

/// What a change of a manifest leads to.
struct Case {
    /// Text and what it is replaced by.
    edit: (&'static str, &'static str),
    /// Numbers of the checks that do not end as those of the good model.
    findings: &'static [(usize, &'static str)],
    /// A part of the first of these findings.
    told: &'static str,
}

const WITHOUT_FILES: &[(usize, &str)] = &[
    (3, "failed"),
    (4, "skipped"),
    (5, "skipped"),
    (6, "skipped"),
    (8, "skipped"),
    (9, "skipped"),
    (13, "skipped"),
    (14, "skipped"),
];

const WITHOUT_LAYERS: &[(usize, &str)] = &[
    (5, "failed"),
    (6, "skipped"),
    (8, "skipped"),
    (9, "skipped"),
    (13, "skipped"),
    (14, "skipped"),
];

const CASES: [Case; 22] = [
    Case {
        edit: (
            "[commit]",
            "[[layers]]\nname = \"again\"\ntensor = \"features.4\"\ndepth = 3\n[commit]",
        ),
        findings: &[(5, "warning")],
        told: "layers `features.4` and `again` are one tensor, `features.4`",
    },
    Case {
        edit: ("version", "version"),
        findings: &[],
        told: "",
    },
    Case {
        edit: ("kind =", "verison = 1\nkind ="),
        findings: &[(1, "failed")],
        told: "`model.verison` is unknown; did you mean `version`?",
    },
    Case {
        edit: ("IT = \"features.4\"", "IT = \"features.3\""),
        findings: &[(1, "failed")],
        told: "`commit.IT` names no layer of this file (`features.3`); did you mean",
    },
    Case {
        edit: ("id = \"cnn\"", "id = \"my cnn\""),
        findings: &[(2, "failed")],
        told: "`my cnn` cannot be an id",
    },
    Case {
        edit: ("id = \"cnn\"", "id = \"other\""),
        findings: &[(2, "failed")],
        told: "other/model.toml` has the id `other`, too",
    },
    Case {
        edit: ("onnx = \"", "onnx = \"../cnn/"),
        findings: WITHOUT_FILES,
        told: "`../cnn/named.onnx` is absolute or leaves the folder",
    },
    Case {
        edit: ("onnx = \"named", "onnx = \"link"),
        findings: WITHOUT_FILES,
        told: "`link.onnx` is a link that leaves the folder",
    },
    Case {
        edit: ("onnx = \"named", "onnx = \"gone"),
        findings: WITHOUT_FILES,
        told: "`gone.onnx` is not there",
    },
    Case {
        edit: ("sha256 = \"ea5b", "sha256 = \"0000"),
        findings: &[(4, "failed")],
        told: "the files have ea5b8351",
    },
    Case {
        edit: (
            "name = \"features.4\"\ndepth",
            "name = \"features.4\"\ntensor = \"conv4\"\ndepth",
        ),
        findings: WITHOUT_LAYERS,
        told: "has no tensor, node or module `conv4` for the layer `features.4`",
    },
    Case {
        edit: (
            "depth = 2",
            "depth = 2\n[[layers]]\nname = \"classifier.2\"\ndepth = 3",
        ),
        findings: WITHOUT_LAYERS,
        told: "layer `classifier.2` has 10 units, fewer than the 25",
    },
    Case {
        edit: ("depth = 2", "depth = 0.5"),
        findings: WITHOUT_LAYERS,
        told: "layer `features.4` has depth 0.5, but comes after `features.0` with depth 1",
    },
    Case {
        edit: ("size = [16, 16]", "size = [224, 224]"),
        findings: WITHOUT_LAYERS,
        told: "`input.size` is [224, 224], but the network takes [16, 16]",
    },
    Case {
        edit: (
            "depth = 2",
            "depth = 2\n[[layers]]\nname = \"features.0\"\ndepth = 3",
        ),
        findings: &[(7, "failed"), (8, "skipped"), (9, "skipped")],
        told: "layer `features.0` is there twice",
    },
    Case {
        edit: ("readout = \"features.5\"", "readout = \"features.55\""),
        findings: &[(9, "failed")],
        told: "has no layer `features.55`",
    },
    Case {
        edit: ("readout =", "logits = \"classifier.3\"\nreadout ="),
        findings: &[(10, "failed")],
        told: "has no layer `classifier.3`",
    },
    Case {
        edit: ("readout =", "logits = \"classifier.2\"\nreadout ="),
        findings: &[(10, "warning")],
        told: "`classifier.2` has 10 logits, ImageNet has 1000 classes",
    },
    Case {
        edit: ("visual_degrees = 8", "visual_degrees = 0"),
        findings: &[(11, "failed")],
        told: "0 degrees are not between 0 and 180",
    },
    Case {
        edit: ("visual_degrees = 8", ""),
        findings: &[(11, "warning")],
        told: "`input.visual_degrees` is missing",
    },
    Case {
        edit: ("title = {A", "title = {{A"),
        findings: &[(12, "failed")],
        told: "line 1: no `}` at the end of `Key2020`",
    },
    Case {
        edit: ("params = 3046", "params = 3047"),
        findings: &[(13, "failed")],
        told: "the network has 3046 parameters, `meta.params` says 3047",
    },
];

/// A folder of models: `cnn`, `other` beside it, and a network outside of both.
pub fn models() -> TestEnv {
    let env = TestEnv::empty();
    for folder in ["models/cnn", "models/other"] {
        fs::create_dir_all(env.path(folder)).unwrap();
    }
    fs::copy(fixture("named.onnx"), env.path("models/cnn/named.onnx")).unwrap();
    fs::copy(fixture("named.onnx"), env.path("outside.onnx")).unwrap();
    symlink("../../outside.onnx", env.path("models/cnn/link.onnx")).unwrap();
    fs::write(env.path("models/cnn/model.toml"), GOOD).unwrap();
    let other = GOOD.replace("id = \"cnn\"", "id = \"other\"");
    fs::write(env.path("models/other/model.toml"), other).unwrap();
    env
}

/// Replaces the manifest of `cnn`.
pub fn write(env: &TestEnv, manifest: &str) {
    fs::write(env.path("models/cnn/model.toml"), manifest).unwrap();
}

fn check(env: &TestEnv, args: &[&str]) -> Run {
    let model = env.path("models/cnn");
    run(["check", model.to_str().unwrap(), "--json"]
        .into_iter()
        .chain(args.iter().copied()))
}

/// Number and status of every finding.
fn statuses(run: &Run) -> Vec<(usize, String)> {
    let value = run.json();
    let findings = value["findings"].as_array().unwrap();
    let one = |finding: &Value| {
        let status = finding["status"].as_str().unwrap().to_owned();
        (finding["number"].as_u64().unwrap() as usize, status)
    };
    findings.iter().map(one).collect()
}

fn message(run: &Run, number: usize) -> String {
    run.json()["findings"][number - 1]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Statuses that are all `ok` but for some.
fn all_ok_but(others: &[(usize, &str)]) -> Vec<(usize, String)> {
    let status = |number| {
        let other = others.iter().find(|(other, _)| *other == number);
        other.map_or("ok", |(_, status)| status).to_owned()
    };
    (1..=14).map(|number| (number, status(number))).collect()
}

#[test]
fn each_broken_manifest_gives_its_findings_and_no_others() {
    let env = models();
    for Case {
        edit: (old, new),
        findings,
        told,
    } in CASES
    {
        write(&env, &GOOD.replace(old, new));
        let found = check(&env, &[]);
        let no_logits: &[(usize, &str)] = &[(10, "skipped")];
        let expected = all_ok_but(&[findings, no_logits].concat());
        assert_eq!(statuses(&found), expected, "{new}: {found}");
        let has_failed = findings.iter().any(|(_, status)| *status == "failed");
        found.status(if has_failed { 2 } else { 0 });
        if let Some((number, _)) = findings.first() {
            let message = message(&found, *number);
            assert!(message.contains(told), "{message}");
        }
    }
}

#[test]
fn what_is_no_manifest_leaves_nothing_to_check() {
    let env = models();
    for (text, told) in [
        ("[model\nid = 1", "line 1: "),
        ("", "`model` is missing"),
        (
            "[model]\nid = \"a\"\nkind = \"base\"\n[source]\nonnx = \"a\"",
            "`layers` is missing",
        ),
    ] {
        write(&env, text);
        let found = check(&env, &[]);
        found.status(2);
        let statuses = statuses(&found);
        assert_eq!(statuses[0].1, "failed");
        assert!(statuses[1..].iter().all(|(_, status)| status == "skipped"));
        assert!(message(&found, 1).contains(told), "{found}");
    }
    fs::remove_file(env.path("models/cnn/model.toml")).unwrap();
    assert!(message(check(&env, &[]).status(2), 1).contains("cannot read"));
}

#[test]
fn layers_that_do_not_depend_on_images_are_found() {
    let env = models();
    fs::copy(fixture("recurrent.onnx"), env.path("models/cnn/named.onnx")).unwrap();
    let manifest = GOOD
        .replace("features.0", "V1.output-t0")
        .replace("features.4", "V2.output-t0")
        .replace("features.5", "V1.output");
    write(&env, &manifest);
    let found = check(&env, &[]);
    let expected = [
        (4, "failed"),
        (6, "failed"),
        (8, "skipped"),
        (9, "skipped"),
        (10, "skipped"),
        (13, "failed"),
    ];
    assert_eq!(statuses(found.status(2)), all_ok_but(&expected), "{found}");
    assert_eq!(
        message(&found, 6),
        "layer `V2.output-t0` is the same for all images"
    );
}

#[test]
fn fixed_batches_and_weights_beside_the_network_are_taken() {
    let env = models();
    for (file, sha256) in [
        ("batch1.onnx", "1"),
        ("batch2.onnx", "2"),
        ("external.onnx", "3"),
    ] {
        fs::copy(fixture(file), env.path("models/cnn/named.onnx")).unwrap();
        let data = fixture("external.onnx.data");
        fs::copy(data, env.path("models/cnn/external.onnx.data")).unwrap();
        write(&env, &GOOD.replace("ea5b", sha256));
        let found = check(&env, &[]);
        let expected = [(4, "failed"), (10, "skipped")];
        assert_eq!(statuses(&found), all_ok_but(&expected), "{found}");
        // What the remedy says is right.
        let remedy = found.json()["findings"][3]["remedy"]
            .as_str()
            .unwrap()
            .to_owned();
        let right = remedy.split('"').nth(1).unwrap();
        let given = GOOD
            .lines()
            .find(|line| line.starts_with("sha256"))
            .unwrap();
        write(&env, &GOOD.replace(given, &format!("sha256 = \"{right}\"")));
        check(&env, &[]).ok();
    }
}

#[test]
fn too_little_memory_is_a_warning() {
    let found = check(&models(), &["--memory", "1M"]);
    let expected = [(10, "skipped"), (14, "warning")];
    assert_eq!(statuses(found.ok()), all_ok_but(&expected));
    let told =
        "3200 images take more than the 1.0 MB there are: `features.0` 6.6 MB, `features.4` 2.5 MB";
    assert_eq!(message(&found, 14), told);
}

/// A model of features for so many images; a value of the last one may be spoiled.
fn features(env: &TestEnv, n_images: usize, spoiled: Option<f32>) {
    for (layer, shape) in [("conv", vec![1, 4, 3, 3]), ("fc", vec![1, 1000])] {
        for image in 0..n_images {
            let n_units: usize = shape.iter().product();
            let value = |unit: usize| ((image * 37 + unit * 11) % 101) as f32;
            let mut values: Vec<f32> = (0..n_units).map(value).collect();
            if let Some(value) = spoiled.filter(|_| image + 1 == n_images) {
                values[0] = value;
            }
            let path = env.path(format!("models/f/features/{layer}/im{image:02}.mat"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, mat::encode_f32("feat", &shape, &values)).unwrap();
        }
    }
    let manifest = r#"
[model]
id = "f"
kind = "features"
[source]
features = "features"
sha256 = ""
[[layers]]
name = "conv"
depth = 1
[behaviour]
readout = "fc"
logits = "fc"
[meta]
bibtex = "@misc{f, url = {x}}"
"#;
    fs::write(env.path("models/f/model.toml"), manifest).unwrap();
    let found = check_features(env);
    let remedy = found.json()["findings"][3]["remedy"]
        .as_str()
        .unwrap()
        .to_owned();
    let right = format!("sha256 = \"{}\"", remedy.split('"').nth(1).unwrap());
    let manifest = manifest.replace("sha256 = \"\"", &right);
    fs::write(env.path("models/f/model.toml"), manifest).unwrap();
}

fn check_features(env: &TestEnv) -> Run {
    run(["check", env.path("models/f").to_str().unwrap(), "--json"])
}

#[test]
fn features_are_checked_as_far_as_they_go() {
    let env = TestEnv::empty();
    let always = [(11, "skipped"), (13, "skipped")];
    features(&env, 20, None);
    let found = check_features(&env);
    assert_eq!(statuses(found.ok()), all_ok_but(&always), "{found}");
    // The first three images are looked at closely, the last one is of the benchmark.
    features(&env, 20, Some(f32::NAN));
    let found = check_features(&env);
    let expected = [&always[..], &[(8, "failed"), (9, "skipped")]].concat();
    assert_eq!(statuses(found.status(2)), all_ok_but(&expected), "{found}");
    assert!(message(&found, 8).contains("layer `conv`"), "{found}");
    let few = TestEnv::empty();
    features(&few, 19, None);
    let found = check_features(&few);
    let expected = [&always[..], &[(8, "skipped"), (9, "skipped")]].concat();
    assert_eq!(statuses(found.ok()), all_ok_but(&expected), "{found}");
    // Names of images must be the same in all layers.
    let folder = few.path("models/f/features/conv");
    fs::rename(folder.join("im00.mat"), folder.join("im99.mat")).unwrap();
    let found = check_features(&few);
    assert!(
        message(found.status(2), 9).contains("other images"),
        "{found}"
    );
    symlink("/etc/hostname", folder.join("im98.mat")).unwrap();
    let found = check_features(&few);
    assert!(
        message(found.status(2), 3).contains("im98.mat` is a link"),
        "{found}"
    );
}

#[test]
fn a_thousand_logits_are_as_many_as_there_are_classes() {
    let env = models();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/logits.onnx");
    fs::copy(network, env.path("models/cnn/logits.onnx")).unwrap();
    let manifest = r#"
[model]
id = "cnn"
kind = "base"
[source]
onnx = "logits.onnx"
sha256 = "SHA"
[input]
visual_degrees = 8
[[layers]]
name = "logits"
depth = 1
[behaviour]
readout = "logits"
logits = "logits"
[meta]
params = 3000
bibtex = "@misc{a, url = {x}}"
"#;
    let sha256 = bhscore::model::source::sha256(
        env.path("models/cnn").as_path(),
        "".as_ref(),
        &["logits.onnx".into()],
    );
    write(&env, &manifest.replace("SHA", &sha256.unwrap()));
    let found = check(&env, &[]);
    assert_eq!(statuses(found.ok()), all_ok_but(&[]), "{found}");
    assert_eq!(message(&found, 10), "1000 logits");
}

#[test]
fn people_get_a_table() {
    let env = models();
    write(&env, &GOOD.replace("params = 3046", "params = 1"));
    let path = env.path("models/cnn/model.toml");
    let found = run(["check", path.to_str().unwrap()]);
    let text = &found.status(2).stdout;
    assert_eq!(
        text.lines().filter(|line| line.contains("  ok  ")).count(),
        12,
        "{text}"
    );
    for part in [
        "13  parameters        failed   the network has 3046 parameters",
        "→ write `params = 3046` in `[meta]`",
        "model.toml: 12 ok, 0 warning, 1 failed, 1 skipped",
    ] {
        found.stdout_contains(part);
    }
}
