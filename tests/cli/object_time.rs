//! `score --metric ost`: times are those of scikit-learn and NumPy, models without time get an X, mistakes are told.

use std::fs;

use ndarray::{Array, Array3, Axis, Ix3};
use ndarray_npy::write_npy;
use serde_json::{Value, json};

use crate::behaviour::{number, write};
use crate::common::arrays::{Golden, furthest};
use crate::edit::Half;
use crate::env::{Run, TestEnv};
use crate::items::NET;
use crate::score::{score, scores};

/// `bin0.npy` and so on with `ids.csv`, and `times.csv`; features and times of every bin as options.
fn in_time() -> (TestEnv, Vec<String>, Vec<String>) {
    let env = TestEnv::empty();
    let mut golden = Golden::open("behaviour/object_times.npz");
    let bins: Array<f32, Ix3> = golden.array("bins");
    let starts = golden.indices("starts");
    let n = bins.len_of(Axis(1));
    let mut options = Vec::new();
    for (bin, (values, start)) in bins.outer_iter().zip(&starts).enumerate() {
        let path = format!("bin{bin}.npy");
        write_npy(env.path(&path), &values.to_owned()).unwrap();
        options.extend([
            "--features".to_owned(),
            format!("{start}-{}={path}", start + 10),
        ]);
    }
    let image = |at: usize| format!("im{at:02}");
    let ids: String = (0..n).map(|at| image(at) + "\n").collect();
    write(&env, "ids.csv", &format!("stimulus_id\n{ids}"));
    let (truth, times, i1) = (
        golden.indices("truth"),
        golden.vector("times"),
        golden.vector("thresholds"),
    );
    // In no order.
    let rows: String = (0..n)
        .map(|at| at * 7 % n)
        .map(|at| format!("{},obj{},{},{}\n", image(at), truth[at], times[at], i1[at]))
        .collect();
    write(
        &env,
        "times.csv",
        &format!("stimulus_id,truth,time,i1\n{rows}"),
    );
    let how = [
        "--ids",
        "ids.csv",
        "--solution-times",
        "times.csv",
        "--metric",
        "ost",
    ];
    (env, options, how.map(str::to_owned).to_vec())
}

fn run_in_time(env: &TestEnv, features: &[String], how: &[String], more: &[&str]) -> Run {
    let words = features.iter().chain(how).map(String::as_str);
    let words: Vec<&str> = words.chain(more.iter().copied()).collect();
    score(env, &words)
}

/// The optimum of one objective by two programs; a crossing moves by no more than 1e-6 ms, ranks by nothing.
#[test]
fn solution_times_are_those_of_scikit_learn_and_numpy() {
    let (env, features, how) = in_time();
    let expected = Golden::open("behaviour/object_times.npz").vector("scores");
    let found = scores(&run_in_time(&env, &features, &how, &["--json"])).remove(0);
    let per_split: Vec<f64> = found["rows"][0]["per_split"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect();
    assert!(
        furthest(&per_split, &expected) < 1e-12,
        "{per_split:?} {expected}"
    );
    let raw = expected.mean().unwrap();
    let score = &found["score"];
    assert!((number(&score["raw"]) - raw).abs() < 1e-12);
    assert_eq!(number(&score["ceiling"]), 0.79);
    assert!((number(&score["ceiled"]) - raw / 0.79).abs() < 1e-12);
    assert!((number(&score["error"]) - expected.std(0.0) / 10.0_f64.sqrt()).abs() < 1e-12);
    assert_eq!(
        (&found["benchmark"]["id"], &found["benchmark"]["region"]),
        (&json!("times-ost"), &json!("IT"))
    );
    assert_eq!(found["layer"], "bin0 to bin7");
    // Bins in another order are the same bins.
    let backwards: Vec<String> = features.chunks(2).rev().flatten().cloned().collect();
    let again = scores(&run_in_time(
        &env,
        &backwards,
        &how,
        &["--json", "--model", "bin0"],
    ))
    .remove(0);
    assert_eq!(again["score"], found["score"]);
}

#[test]
fn models_without_time_get_an_x() {
    let (env, features, how) = in_time();
    let x = |features: &[String], model: &str| {
        let run = run_in_time(&env, features, &how, &["--model", model]);
        run.ok()
            .stdout_contains("times-ost: X: responses are the same at all times");
        let kept = env.json(format!("results/brainscore/{model}/times-ost.json"));
        assert_eq!(
            (&kept["state"], &kept["score"]),
            (&json!("failed"), &Value::Null)
        );
    };
    x(&["--features".to_owned(), "bin3.npy".to_owned()], "plain");
    x(&features[..2], "one");
    let still: Vec<String> = (0..3)
        .flat_map(|bin| {
            [
                "--features".to_owned(),
                format!("{}-{}=bin3.npy", 10 * bin, 10 * bin + 10),
            ]
        })
        .collect();
    x(&still, "still");
    run_in_time(&env, &features, &how, &["--model", "moving"]).ok();
    let kept = env.json("results/brainscore/moving/times-ost.json");
    assert_eq!(kept["state"], "ok");
    // Times that no model reaches: a number is missing that should be there.
    let times = fs::read_to_string(env.path("times.csv")).unwrap();
    let unreached: String = (times.lines().enumerate())
        .map(|(row, line)| match (row, line.rsplit_once(',')) {
            (1.., Some((line, i1))) if !i1.is_empty() => format!("{line},1e9\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    write(&env, "unreached.csv", &unreached);
    let how: Vec<String> = (how.iter())
        .map(|word| word.replace("times.csv", "unreached.csv"))
        .collect();
    run_in_time(&env, &features, &how, &["--model", "slow"])
        .status(2)
        .stderr_contains("warning: a split has too few images that model and monkeys both solve");
    let kept = env.json("results/brainscore/slow/unreached-ost.json");
    assert_eq!(
        (&kept["state"], &kept["score"]),
        (&json!("failed"), &Value::Null)
    );
    env.run(["report"]).ok();
    let board = env.json("site/leaderboard.json").to_string();
    assert!(board.contains("\"X\""), "{board}");
    let page = fs::read_to_string(env.path("site/benchmarks/times-ost-v1.html")).unwrap();
    assert!(page.contains("responses are the same at all times"));
}

#[test]
fn time_bins_of_a_study_are_layers() {
    let env = TestEnv::small();
    let rows: String = env
        .images(Half::Training, "fc6")
        .into_iter()
        .enumerate()
        .map(|(at, image)| format!("{image},o{},{},0.2\n", at % 2, 80 + at % 7))
        .collect();
    write(
        &env,
        "times.csv",
        &format!("stimulus_id,truth,time,i1\n{rows}"),
    );
    let times = env.path("times.csv").to_str().unwrap().to_owned();
    let args = [
        "score",
        "--net",
        NET,
        "--solution-times",
        &times,
        "--metric",
        "ost",
        "--json",
    ];
    // One layer has no time, which is no mistake.
    let found = scores(&env.run(args)).remove(0);
    assert_eq!(found["state"], "failed");
    assert_eq!(found["score"], Value::Null);
    // Two objects in six images: no image is solved by both.
    let bins = ["--layer", "80-90=fc6", "--layer", "70-80=conv1"];
    let run = env.run([&args[..], &bins].concat());
    let found = &run
        .status(2)
        .stderr_contains("warning: a split has too few images that model and monkeys both solve")
        .json()["scores"][0];
    assert_eq!(
        (&found["rows"][0]["layer"], &found["state"]),
        (&json!("conv1 to fc6"), &json!("failed"))
    );
    env.run([&args[..], &["--layer", "70-80=conv9"]].concat())
        .status(2)
        .stderr_contains("layer `conv9`");
}

#[test]
fn wrong_times_are_refused() {
    let (env, features, how) = in_time();
    let told = |features: &[String], more: &[&str], part: &str| {
        run_in_time(&env, features, &how, more)
            .status(2)
            .stderr_contains(part);
    };
    let plain = |names: &[&str]| -> Vec<String> {
        names
            .iter()
            .flat_map(|name| ["--features".to_owned(), (*name).to_owned()])
            .collect()
    };
    told(
        &plain(&["bin0.npy", "bin1.npy"]),
        &[],
        "--features 70-80=PATH",
    );
    told(
        &plain(&["70-80=bin0.npy", "bin1.npy"]),
        &[],
        "not all of them",
    );
    told(
        &plain(&["70-80=bin0.npy", "70-90=bin1.npy"]),
        &[],
        "two begin at 70 ms",
    );
    told(
        &features,
        &["--trials", "t.csv"],
        "`--metric ost`: has no use for `--trials`",
    );
    told(
        &features,
        &["--best"],
        "`--metric ost`: has no use for `--best`",
    );
    told(
        &features,
        &["--n-splits", "3"],
        "`--metric ost`: has no use for `--n-splits`",
    );
    let times = fs::read_to_string(env.path("times.csv")).unwrap();
    write(&env, "times.csv", &times.replacen("im07,", "im97,", 1));
    told(&features, &[], "lacks 1 of 90 stimuli: `im97`");
    write(&env, "times.csv", &times.replacen("i1", "threshold", 1));
    told(&features, &[], "no column `i1`");
    write(&env, "times.csv", &times);
    let values: Array3<f32> = Array3::from_elem((90, 2, 2), f32::INFINITY);
    write_npy(env.path("bin1.npy"), &values).unwrap();
    told(&features, &[], "not finite");
    env.lacks("results");
}
