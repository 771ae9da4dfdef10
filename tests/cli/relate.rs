//! `relate`: the committed tables, files written, and errors with remedies.

use std::fs;

use crate::env::{Run, TestEnv};

const TABLES: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/data/imagenet_top1.csv"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/data/published_bhscores.csv"),
];

fn relate(env: &TestEnv, options: &[&str]) -> Run {
    env.run(
        [
            &[
                "relate",
                TABLES[0],
                TABLES[1],
                "--resamples",
                "50",
                "--permutations",
                "50",
            ],
            options,
        ]
        .concat(),
    )
}

#[test]
fn committed_tables_are_related() {
    let env = TestEnv::empty();
    let run = relate(
        &env,
        &[
            "--x",
            "imagenet_top1",
            "--y",
            "decoding",
            "--control",
            "n_layers",
            "--log",
            "n_layers",
        ],
    );
    run.ok()
        .stderr_contains("published_bhscores.csv`: VGG-F, VGG-M, VGG-S, DenseNet-161");
    for part in [
        "-0.5653",
        "-0.7451",
        "-0.4808",
        "partial (log n_layers)",
        "Theil-Sen line: decoding = 1.3740 - 1.4472",
    ] {
        assert!(run.stdout.contains(part), "{part} in {}", run.stdout);
    }
}

#[test]
fn files_are_written_and_json_is_the_same() {
    let env = TestEnv::empty();
    let out = env.path("out");
    let run = relate(
        &env,
        &[
            "--x",
            "imagenet_top1",
            "--y",
            "average",
            "--group",
            "family",
            "--json",
            "--out",
            out.to_str().unwrap(),
        ],
    );
    let printed = run.ok().json();
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("relation.json")).unwrap()).unwrap();
    assert_eq!(printed, written);
    assert_eq!(printed["pairs"][0]["n"], 25);
    assert_eq!(
        printed["groupings"][0]["groups"].as_array().unwrap().len(),
        9
    );
    assert!(
        fs::read_to_string(out.join("imagenet_top1-average.svg"))
            .unwrap()
            .contains("<circle")
    );
    assert_eq!(
        fs::read_to_string(out.join("relation.csv"))
            .unwrap()
            .lines()
            .count(),
        3
    );
}

#[test]
fn mistakes_are_told_with_a_remedy() {
    let env = TestEnv::empty();
    let told = |options: &[&str], part: &str| {
        relate(&env, options).status(2).stderr_contains(part);
    };
    told(
        &["--x", "top1", "--y", "average"],
        "`top1`: is a column of neither table",
    );
    told(
        &["--x", "family", "--y", "average"],
        "column `family` is not a number",
    );
    told(
        &["--x", "imagenet_top1", "--y", "average", "--by", "networks"],
        "did you mean `network`?",
    );
    told(
        &["--x", "imagenet_top1", "--y", "average", "--log", "rank"],
        "`--log rank`: is not used",
    );
    told(&["--x", "average", "--y", "average"], "are the same column");
    told(&["--y", "average"], "--help");
    fs::write(env.path("other.csv"), "model,a\nNobody,1\n").unwrap();
    let other = env.path("other.csv");
    env.run([
        "relate",
        other.to_str().unwrap(),
        TABLES[1],
        "--x",
        "a",
        "--y",
        "average",
    ])
    .status(2)
    .stderr_contains("have no model in common")
    .stderr_contains("`Nobody`");
}

#[test]
fn too_few_models_are_undefined_with_a_reason() {
    let env = TestEnv::empty();
    fs::write(env.path("few.csv"), "model,a,b\nx,1,2\ny,2,\nz,3,5\n").unwrap();
    let path = env.path("few.csv");
    let run = env.run([
        "relate",
        path.to_str().unwrap(),
        "--x",
        "a",
        "--y",
        "b",
        "--json",
    ]);
    let pair = &run.ok().json()["pairs"][0];
    assert!(pair["pearson"]["r"].is_null() && pair["pearson"]["p"].is_null());
    assert_eq!(
        pair["pearson"]["reason"],
        "2 models have all values, 3 are needed"
    );
    run.stderr_contains("want of a value: y");
}

#[test]
fn more_models_than_pairs_of_them_fit_into_memory_are_refused() {
    let env = TestEnv::empty();
    let rows: String = (0..5001)
        .map(|n| format!("net{n},{n},{}\n", n % 7))
        .collect();
    let path = env.path("t.csv");
    let table = path.to_str().unwrap();
    fs::write(table, format!("model,x,y\n{rows}")).unwrap();
    env.run(["relate", table, "--x", "x", "--y", "y", "--resamples", "0"])
        .status(2)
        .stderr_contains("5001 models in common")
        .stderr_contains("give at most 5000");
    env.run([
        "relate",
        table,
        "--x",
        "x",
        "--y",
        "y",
        "--resamples",
        "2000000",
    ])
    .status(2)
    .stderr_contains("1000000");
}
