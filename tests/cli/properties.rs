//! `properties`: units whose tuning is known by construction, results that `report` takes, mistakes.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::env::{Run, TestEnv, run};
use crate::extract::model as fixture;

/// Properties of which neurons were published.
const NAMES: [&str; 7] = [
    "pref_or",
    "peak_sf",
    "sf_selective",
    "sf_bandwidth",
    "surround_suppression_index",
    "grating_summation_field",
    "surround_diameter",
];

/// Filters of 4 orientations and 2 cycles per degree (scripts/make_small_networks.py).
fn gabor() -> String {
    data("gabor.onnx")
}

fn data(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    folder.join(name).to_str().unwrap().to_owned()
}

const MANIFEST: &str = r#"
[model]
id = "gabor"
kind = "brain"
[source]
onnx = "gabor.onnx"
[input]
mean = [0, 0, 0]
std = [1, 1, 1]
visual_degrees = 4
[[layers]]
name = "simple cells"
tensor = "simple"
depth = 1
[[layers]]
name = "complex"
depth = 2
[commit]
V1 = "complex"
"#;

fn model() -> TestEnv {
    let env = TestEnv::empty();
    fs::create_dir_all(env.path("gabor")).unwrap();
    fs::copy(gabor(), env.path("gabor/gabor.onnx")).unwrap();
    fs::write(env.path("gabor/model.toml"), MANIFEST).unwrap();
    env
}

fn properties(env: &TestEnv, args: &[&str]) -> Run {
    let folder = env.path("gabor");
    let head = ["properties", "--model", folder.to_str().unwrap()];
    env.run(head.into_iter().chain(args.iter().copied()))
}

/// The experiment shows 9,097 images of 672 pixels, so that tests share one run.
static COMPLEX: LazyLock<(TestEnv, Value)> = LazyLock::new(|| {
    let env = model();
    let neurons = "property,value\nmodulation_ratio,0.05\nmodulation_ratio,1.9\nmax_texture,3\n";
    // A third of the draws of these have no neuron with a value.
    let silent = format!("max_dc,30\n{}", "max_dc,\n".repeat(40));
    fs::write(env.path("mine.csv"), format!("{neurons}{silent}")).unwrap();
    let own = env.path("mine.csv");
    let found = properties(&env, &["--recordings", own.to_str().unwrap(), "--json"]);
    found
        .ok()
        .stderr_contains("`max_texture` is of textures, which are not shown")
        .stderr_contains("warning: `max_dc`: there is no ceiling: too few neurons have a value");
    let found = found.json();
    (env, found)
});

fn of<'a>(found: &'a Value, property: &str) -> &'a Value {
    let all = found["properties"].as_array().unwrap();
    all.iter().find(|one| one["property"] == property).unwrap()
}

#[test]
fn tuning_is_that_of_the_filters() {
    let (env, found) = &*COMPLEX;
    assert_eq!(found["layer"], "complex");
    assert_eq!(
        (&found["shape"], &found["n_units"], &found["n_units_seeing"]),
        (&json!([4, 8, 8]), &json!(256), &json!(4))
    );
    let table =
        fs::read_to_string(env.path("results/brainscore/gabor/properties_units.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!((columns.len(), rows.len()), (2 + 15, 4));
    for (number, row) in rows.iter().enumerate() {
        let text = |name: &str| {
            row.get(columns.iter().position(|c| c == name).unwrap())
                .unwrap()
        };
        let value = |name: &str| -> f64 { text(name).parse().unwrap() };
        assert_eq!(text("place"), format!("{number}:5:5"));
        assert!(
            (value("pref_or") - 45.0 * number as f64).abs() <= 2.0,
            "{row:?}"
        );
        // Filters of 2 cycles per degree; smoothing over octaves and resizing lower the peak by less than a tenth.
        assert!((1.8..2.05).contains(&value("peak_sf")), "{row:?}");
        assert!(
            value("modulation_ratio") < 0.01,
            "an energy does not depend on phase"
        );
        assert_eq!((value("or_selective"), value("sf_selective")), (1.0, 1.0));
        assert!(value("orth_pref_ratio") < 0.05 && value("surround_suppression_index") < 0.05);
        assert!(
            value("surround_diameter").is_nan(),
            "nothing surrounds them"
        );
    }
}

#[test]
fn published_and_own_neurons_are_scored_and_the_rest_is_said_to_be_absent() {
    let (_, found) = &*COMPLEX;
    let all = found["properties"].as_array().unwrap();
    let with_state = |state: &str| all.iter().filter(|one| one["state"] == state).count();
    assert_eq!(with_state("scored"), 7 + 1);
    assert_eq!((with_state("failed"), with_state("no_recordings")), (1, 6));
    assert_eq!(with_state("not_measured"), 7);
    let raw = |property: &str| of(found, property)["raw"].as_f64().unwrap();
    // One unit in each bin is nearly what neurons have; no unit has a surround.
    assert!(raw("pref_or") > 0.9 && raw("surround_diameter") == 0.0);
    // The first bin has half of the neurons and all units: D = 1/2 of at most 1/2.
    assert_eq!(raw("modulation_ratio"), 0.0);
    assert_eq!(of(found, "modulation_ratio")["neurons"]["own"], true);
    assert!(of(found, "max_texture")["n_units"].is_null());
}

#[test]
fn a_property_without_ceiling_has_no_score() {
    let (env, found) = &*COMPLEX;
    let of_stdout = of(found, "max_dc");
    assert_eq!(
        (
            &of_stdout["state"],
            &of_stdout["ceiling"],
            &of_stdout["ceiled"]
        ),
        (&json!("failed"), &json!(0.0), &Value::Null)
    );
    let kept = env.json("results/brainscore/gabor/mine-max_dc.json");
    assert_eq!(
        (&kept["state"], &kept["score"], &kept["rows"][0]["ceiling"]),
        (&json!("failed"), &Value::Null, &json!(0.0))
    );
    let reason = kept["reason"].as_str().unwrap();
    assert!(reason.starts_with("there is no ceiling"), "{reason}");
}

#[test]
fn results_are_taken_by_report_and_stand_in_the_model_page() {
    let (env, found) = &*COMPLEX;
    for name in NAMES {
        let path = format!("results/brainscore/gabor/{name}.json");
        let result = env.json(&path);
        assert_eq!(result["benchmark"]["region"], "V1");
        assert_eq!(
            (&result["committed"], &result["layer"]),
            (&json!(true), &json!("complex"))
        );
        assert_eq!(result["score"]["raw"], of(found, name)["raw"]);
        assert!(
            result["provenance"]["manifest_sha256"]
                .as_str()
                .unwrap()
                .len()
                == 64
        );
    }
    env.has("results/brainscore/gabor/mine-modulation_ratio.json")
        .has("results/brainscore/gabor/properties.svg")
        .has("results/brainscore/gabor/properties.png")
        .lacks("results/brainscore/gabor/max_dc.json");
    let out = env.path("site");
    let results = env.path("results");
    let (out, results) = (out.to_str().unwrap(), results.to_str().unwrap());
    let page = data("model_page.json");
    run([
        "report",
        "--results",
        results,
        "--tree",
        &page,
        "--out",
        out,
    ])
    .ok();
    let model = env.json("site/models/gabor.json");
    let rows = model["scores"].as_array().unwrap();
    let leaf = rows.iter().find(|row| row["id"] == "pref_or").unwrap();
    let expected = of(found, "pref_or")["ceiled"].as_f64().unwrap();
    assert!((leaf["score"].as_f64().unwrap() - expected).abs() < 1e-12);
    let all = rows.iter().find(|row| row["id"] == "Marques2020").unwrap();
    assert_eq!((&all["count"], &all["n_scored"]), (&json!(22), &json!(7)));
    let texts: String = crate::env::files(&env.path("site"))
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "bib"))
        .map(|file| fs::read_to_string(env.path("site").join(file)).unwrap())
        .collect();
    for key in [
        "Marques2021",
        "Cavanaugh2002",
        "DeValois1982a",
        "DeValois1982b",
        "Schiller1976c",
    ] {
        assert!(texts.contains(key), "{key}: {texts}");
    }
}

#[test]
fn what_is_missing_is_told_before_anything_is_shown() {
    let env = model();
    let edit = |from: &str, to: &str| {
        assert!(MANIFEST.contains(from));
        fs::write(env.path("gabor/model.toml"), MANIFEST.replace(from, to)).unwrap();
    };
    edit("[commit]\nV1", "[commit]\nV2");
    let told = properties(&env, &[]);
    told.status(2)
        .stderr_contains("the layer for V1: is not known");
    told.stderr_contains("name it with `--layer`");
    properties(&env, &["--layer", "pool"])
        .status(2)
        .stderr_contains("choose from `simple cells`, `complex`");
    edit("visual_degrees = 4", "");
    properties(&env, &[])
        .status(2)
        .stderr_contains("`--visual-degrees 8`");
    edit("depth = 2", "dpeth = 2");
    properties(&env, &[])
        .status(2)
        .stderr_contains("did you mean `depth`?");
    properties(&env, &["--size", "64"])
        .status(2)
        .stderr_contains("--size: does not go");
    fs::write(env.path("gabor/model.toml"), MANIFEST).unwrap();
    properties(&env, &["--memory", "8M"])
        .status(2)
        .stderr_contains("`--memory`");
    // More than the 3,528 gratings of the first set, which are 6 GB.
    properties(&env, &["--batch", "4000", "--memory", "1G"])
        .status(2)
        .stderr_contains("the model and 3528 images of a pass (`--batch`)");
    let net = ["properties", "--model", &gabor(), "--layer", "complex"];
    let batch = ["--visual-degrees", "4", "--batch", "4000", "--memory", "1G"];
    env.run([&net[..], &batch].concat())
        .status(2)
        .stderr_contains("the model and 3528 images of a pass (`--batch`)");
    edit("visual_degrees = 4", "visual_degrees = -4");
    properties(&env, &[])
        .status(2)
        .stderr_contains("`input.visual_degrees`: ");
    let tensors = MANIFEST.replace("tensor = \"simple\"", "tensor = \"features.0\"");
    let tensors = tensors.replace("depth = 2", "tensor = \"features.4\"\ndepth = 2");
    fs::write(env.path("gabor/model.toml"), tensors).unwrap();
    fs::copy(fixture("batch2.onnx"), env.path("gabor/gabor.onnx")).unwrap();
    properties(&env, &["--batch", "3"])
        .status(2)
        .stderr_contains("takes exactly 2 images at a time");
    env.run(["properties", "--model", &gabor(), "--layer", "complex"])
        .status(2)
        .stderr_contains("the network's visual angle: is not known");
    fs::write(env.path("mine.csv"), "property,value\npeak_fs,1\n").unwrap();
    let own = env.path("mine.csv");
    properties(&env, &["--recordings", own.to_str().unwrap()])
        .status(2)
        .stderr_contains("did you mean `peak_sf`?");
    env.lacks("results");
}

#[test]
fn a_network_of_the_study_takes_its_committed_layer() {
    let env = model();
    env.write_settings(&json!({
        "subjects": ["sub-01"],
        "rois": ["V1"],
        "dnns": { "Gabor": { "dir": "made/gabor", "layers": ["simple", "complex"], "extract": { "model": gabor() } } },
    }));
    let net = ["properties", "--net", "Gabor", "--visual-degrees", "4"];
    env.run(net)
        .status(2)
        .stderr_contains("results/brainscore/made/gabor/layers.json");
    fs::create_dir_all(env.path("results/brainscore/made/gabor")).unwrap();
    fs::write(
        env.path("results/brainscore/made/gabor/layers.json"),
        "{\"V1\": \"pool\"}",
    )
    .unwrap();
    env.run(net)
        .status(2)
        .stderr_contains("has no layer `pool`");
}
