//! Settings files: the original's, ours, and everything that can be wrong with one.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

use std::path::Path;

use bhscore::Error;
use bhscore::settings::{self, Decoding, Encoding, FmriFiles, Precision, Score, Settings, Work};
use serde_json::{Value, json};

const ORIGINAL: &str = r#"{
    "subjects": ["sub-01", "sub-02"],
    "rois": ["V1", "V2", "HVC"],
    "dnns": {
        "ZFNet": {"dir": "./caffe/zf/", "layers": ["conv1", "mixed/pool"]},
        "AlexNet": {"dir": "caffe/alexnet", "layers": ["conv1", "fc8"]}
    }
}"#;

fn parse(text: &str) -> bhscore::Result<Settings> {
    Settings::from_json(text, Path::new("settings.json"))
}

/// The original's settings with some values set by JSON pointer; `null` removes.
fn with(changes: &[(&str, Value)]) -> String {
    let mut value: Value = serde_json::from_str(ORIGINAL).unwrap();
    for (pointer, new) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match value.pointer_mut(parent).unwrap() {
            Value::Object(object) if new.is_null() => drop(object.remove(key)),
            Value::Object(object) => drop(object.insert(key.to_owned(), new.clone())),
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = new.clone(),
            other => panic!("{other}"),
        }
    }
    value.to_string()
}

#[track_caller]
fn problems(text: &str) -> Vec<String> {
    match parse(text) {
        Err(Error::Settings { path, problems }) => {
            assert_eq!(path, Path::new("settings.json"));
            problems
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_original_file_parses_and_the_rest_has_its_values() {
    let settings = parse(ORIGINAL).unwrap();
    assert_eq!(settings.subjects, ["sub-01", "sub-02"]);
    let rois: Vec<_> = settings
        .rois
        .iter()
        .map(|r| (r.name.as_str(), r.select.as_str()))
        .collect();
    assert_eq!(
        rois,
        [
            ("V1", "ROI_V1 = 1"),
            ("V2", "ROI_V2 = 1"),
            ("HVC", "ROI_HVC = 1")
        ]
    );
    let names: Vec<_> = settings.networks.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["ZFNet", "AlexNet"], "in the order of the file");
    assert_eq!(settings.networks[0].dir, "caffe/zf");
    assert_eq!(settings.networks[0].layers, ["conv1", "mixed:pool"]);
    let label_key = "stimulus_name".to_owned();
    let decoding = Decoding {
        alpha: 100.0,
        n_voxels: 500,
        label_key: label_key.clone(),
        precision: Precision::Mixed,
    };
    assert_eq!(settings.decoding, decoding);
    assert_eq!(
        settings.encoding,
        Encoding {
            alpha: 100.0,
            n_units: 500,
            label_key
        }
    );
    let score = Score {
        p_value: 0.05,
        voxel_limit: 1000,
        n_layers: 5,
        n_test: None,
    };
    assert_eq!(settings.score, score);
    let work = Work {
        lease_seconds: 90.0,
        heartbeat_seconds: 10.0,
        attempts: 3,
    };
    assert_eq!(settings.work, work);
    assert_eq!(
        settings.fmri.test_of("sub-02"),
        "data/fmri/sub-02_perceptionNaturalImageTest_VC_v2.h5"
    );
    assert_eq!(
        settings.fmri.training_of("sub-02"),
        "data/fmri/sub-02_perceptionNaturalImageTraining_VC_v2.h5"
    );
}

#[test]
fn every_key_can_be_given_and_survives_writing() {
    let text = with(&[
        (
            "/rois/1",
            json!({"name": "LO-a", "select": "ROI_LO1 = 1 | ROI_LO2 = 1"}),
        ),
        ("/rois/2", json!("V3-d")),
        (
            "/decoding",
            json!({"alpha": 0.1, "n_voxels": 7, "label_key": "image"}),
        ),
        (
            "/encoding",
            json!({"alpha": 1e3, "n_units": 8, "label_key": "image"}),
        ),
        (
            "/score",
            json!({"p_value": 0.01, "voxel_limit": 9, "n_layers": 6, "n_test": 40}),
        ),
        (
            "/fmri",
            json!({"training": "/far/{subject}.h5", "test": "x/{subject}/{subject}.mat"}),
        ),
        (
            "/work",
            json!({"lease_seconds": 0.9, "heartbeat_seconds": 0.3, "attempts": 1}),
        ),
        (
            "/dnns/AlexNet/meta",
            json!({"top1": 56.522, "groups": ["cnn", {"a": null}], "family": "x"}),
        ),
        ("/$schema", json!("settings.schema.json")),
    ]);
    let settings = parse(&text).unwrap();
    assert_eq!(
        settings.rois[2].select, "\"ROI_V3-d\" = 1",
        "`-` would be an operator"
    );
    assert_eq!(settings.score.n_test, Some(40));
    assert_eq!(settings.work.attempts, 1);
    assert_eq!(settings.fmri.test_of("s"), "x/s/s.mat");
    for settings in [settings, parse(ORIGINAL).unwrap()] {
        let written = serde_json::to_string_pretty(&settings).unwrap();
        assert_eq!(parse(&written).unwrap(), settings, "{written}");
        let resolved: Value = serde_json::from_str(&written).unwrap();
        assert!(resolved["decoding"]["alpha"].is_number() && resolved["fmri"]["test"].is_string());
    }
}

/// Each case: JSON pointer, value put there (`null` removes), path of the problem, part of its text.
#[test]
fn each_problem_is_named_with_path_and_remedy() {
    let text = include_str!("golden/settings/problems.json");
    let cases: Vec<(String, Value, String, String)> = serde_json::from_str(text).unwrap();
    assert!(cases.len() > 45, "cases cut short");
    for (pointer, value, path, part) in cases {
        let problems = problems(&with(&[(pointer.as_str(), value.clone())]));
        let [problem] = problems.as_slice() else {
            panic!("{pointer} {value}: {problems:#?}")
        };
        let expected = format!("`{path}`: ");
        assert!(
            problem.starts_with(&expected) && problem.contains(&part),
            "{pointer}: {problem}"
        );
    }
}

#[test]
fn all_problems_come_at_once_and_in_the_order_of_the_file() {
    let text = with(&[
        ("/subjects/1", json!(7)),
        ("/rois", Value::Null),
        ("/dnns/AlexNet/layers", json!(["a", "a", ""])),
        ("/decoding", json!({"alpha": "100", "n_voxel": 5})),
        ("/score", json!({"p_value": 2})),
    ]);
    let problems = problems(&text);
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.split('`').nth(1).unwrap())
        .collect();
    let expected = [
        "subjects[1]",
        "decoding.alpha",
        "decoding.n_voxel",
        "rois",
        "dnns.AlexNet.layers[1]",
        "dnns.AlexNet.layers[2]",
        "score.p_value",
    ];
    assert_eq!(paths, expected, "{problems:#?}");
    let message = parse(&text).unwrap_err().to_string();
    assert!(
        message.starts_with("`settings.json` has 7 problems:\n  - `subjects[1]`: "),
        "{message}"
    );
}

#[test]
fn syntax_errors_have_line_and_column() {
    let [problem] = &problems("{\n  \"subjects\": [\"a\",]\n}")[..] else {
        panic!()
    };
    assert!(
        problem.starts_with("line 2, column 20: trailing comma"),
        "{problem}"
    );
    for broken in [
        "",
        "{",
        "[]",
        "5",
        "{}}",
        "nul",
        "{\"decoding\": {\"alpha\": NaN}}",
        "{\"a\": 1e999}",
    ] {
        assert!(!problems(broken).is_empty(), "{broken}");
    }
    for end in 0..ORIGINAL.len() {
        assert!(!problems(&ORIGINAL[..end]).is_empty());
    }
    assert!(!problems(&"[".repeat(100_000)).is_empty());
    assert!(
        parse(&format!("\u{feff}{ORIGINAL}")).is_ok(),
        "byte order mark"
    );
}

#[test]
fn a_key_that_occurs_twice_is_a_problem() {
    let text = ORIGINAL.replace("\"ZFNet\"", "\"AlexNet\"");
    assert_eq!(
        problems(&text),
        ["`dnns.AlexNet`: the key occurs twice; remove one"]
    );
}

#[test]
fn one_subject_needs_no_placeholder() {
    let text = with(&[
        ("/subjects", json!(["a"])),
        ("/fmri", json!({"test": "a", "training": "b"})),
    ]);
    assert_eq!(
        parse(&text).unwrap().fmri,
        FmriFiles {
            test: "a".into(),
            training: "b".into()
        }
    );
}

#[test]
fn networks_are_found_by_name_and_by_folder() {
    let settings = parse(ORIGINAL).unwrap();
    for key in ["AlexNet", "caffe/alexnet", "./caffe/alexnet/"] {
        assert_eq!(settings.network(key).unwrap().name, "AlexNet", "{key}");
    }
    let error = settings.network("alexnt").unwrap_err().to_string();
    assert_eq!(
        error,
        "network `alexnt`: not in the settings; did you mean `AlexNet`?"
    );
    let error = settings.network("resnet152").unwrap_err().to_string();
    assert!(error.ends_with("they have `ZFNet`, `AlexNet`"), "{error}");
    let shared = parse(&with(&[("/dnns/ZFNet/dir", json!("caffe/alexnet"))])).unwrap();
    let error = shared.network("caffe/alexnet").unwrap_err().to_string();
    assert!(
        error.ends_with("the folder of several networks; name one of `ZFNet`, `AlexNet`"),
        "{error}"
    );
}

#[test]
fn reading_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    let error = Settings::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("settings.json") && error.contains("check the study folder"),
        "{error}"
    );
    let mut file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
    std::io::Write::write_all(&mut file, b"{\"a\": \"\xff\"}").unwrap();
    let error = Settings::read(file.path()).unwrap_err().to_string();
    assert!(error.contains("not UTF-8"), "{error}");
}

/// `BHSCORE_UPDATE=1 cargo test --test settings` writes the file anew.
#[test]
fn the_committed_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("settings.schema.json");
    let schema = format!(
        "{}\n",
        serde_json::to_string_pretty(&settings::schema()).unwrap()
    );
    if std::env::var_os("BHSCORE_UPDATE").is_some() {
        #[allow(
            clippy::disallowed_methods,
            reason = "the one file that a test may write"
        )]
        std::fs::write(&path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema,
        "stale; run `BHSCORE_UPDATE=1 cargo test --test settings`"
    );
}
