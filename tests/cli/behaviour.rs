//! `score` of behaviour: numbers are those of scikit-learn and NumPy (`scripts/make_behaviour_golden.py`), whatever form
//! the model comes in; what is kept and taken by `report`.

use std::fs;

use bhscore::brainscore::behaviour::consistency::halves;
use ndarray::{Array, Array2, Axis, Ix2, s};
use ndarray_npy::write_npy;
use serde_json::{Value, json};

use crate::common::arrays::{Golden, furthest};
use crate::edit::Half;
use crate::env::{Run, TestEnv};
use crate::items::NET;
use crate::score::{score, scores};

/// Images that are learned in the golden study.
const N_LEARNED: usize = 120;
/// The signatures.
const SIGNATURES: [&str; 6] = ["i1", "i1n", "i2", "i2n", "o1", "o2"];

/// Features and labels of the golden study.
pub const FEATURES: [&str; 6] = [
    "--features",
    "it=it.npy",
    "--ids",
    "ids.csv",
    "--labels",
    "labels.csv",
];

pub fn write(env: &TestEnv, path: &str, text: &str) {
    fs::write(env.path(path), text).unwrap();
}

/// `it.npy` with `ids.csv`, backwards, `labels.csv`, `trials.csv`, `p.csv` of the golden study.
pub fn files() -> TestEnv {
    let env = TestEnv::empty();
    let mut golden = Golden::open("behaviour/study.npz");
    let x = golden.single("x");
    let classes = golden.indices("classes");
    let n = x.nrows();
    write_npy(env.path("it.npy"), &x.slice(s![..;-1, ..]).to_owned()).unwrap();
    let ids: String = (0..n)
        .rev()
        .map(|image| format!("im{image:03}\n"))
        .collect();
    write(&env, "ids.csv", &format!("stimulus_id\n{ids}"));
    let labels: String = (0..N_LEARNED)
        .map(|image| format!("im{image:03},obj{}\n", classes[image]))
        .collect();
    write(
        &env,
        "labels.csv",
        &format!("stimulus_id,object_name\n{labels}"),
    );
    let subjects = golden.indices("subject");
    let trials: Array<i64, Ix2> = golden.array("trials");
    let trials: String = (trials.rows().into_iter().zip(subjects))
        .map(|(trial, subject)| {
            let (image, distractor, choice) = (N_LEARNED + trial[0] as usize, trial[1], trial[2]);
            let truth = classes[image];
            format!("s{subject},im{image:03},obj{truth},obj{distractor},obj{choice}\n")
        })
        .collect();
    let head = "subject,stimulus_id,truth,distractor,choice\n";
    write(&env, "trials.csv", &format!("{head}{trials}"));
    let p = golden.matrix("p");
    let p: String = (p.rows().into_iter().enumerate())
        .map(|(image, p)| {
            let numbers: Vec<String> = p.iter().map(f64::to_string).collect();
            format!("im{:03},{}\n", N_LEARNED + image, numbers.join(","))
        })
        .collect();
    write(
        &env,
        "p.csv",
        &format!("stimulus_id,obj0,obj1,obj2,obj3,obj4\n{p}"),
    );
    env
}

/// Runs `score` with a metric on the trials, as JSON.
pub fn of_trials(env: &TestEnv, args: &[&str], metric: &str) -> Run {
    let how = ["--trials", "trials.csv", "--metric", metric, "--json"];
    score(env, &[args, &how].concat())
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// T16, from features to scores. The reference stops at a gradient of 1e-12 relative; 1e-6 is the specification's.
#[test]
fn scores_are_those_of_scikit_learn_and_numpy() {
    let env = files();
    let mut golden = Golden::open("behaviour/study.npz");
    for (args, tolerance) in [
        (&FEATURES[..], 1e-6),
        // The same probabilities: the same sums but for their order.
        (&["--probabilities", "p.csv"], 1e-12),
    ] {
        for signature in SIGNATURES {
            let found = scores(&of_trials(&env, args, signature)).remove(0);
            let expected = golden.matrix(&format!("result_{signature}"));
            let raws: Vec<f64> = found["rows"][0]["per_split"]
                .as_array()
                .unwrap()
                .iter()
                .map(number)
                .collect();
            assert!(
                furthest(&raws, expected.column(0)) < tolerance,
                "{signature}"
            );
            let mean = expected.mean_axis(Axis(0)).unwrap();
            let error = expected.std_axis(Axis(0), 0.0);
            let wanted = [mean[0], error[0], mean[1], error[1], mean[2], error[2]];
            let keys = [
                "raw",
                "error",
                "ceiling",
                "ceiling_error",
                "ceiled",
                "ceiled_error",
            ];
            let numbers = keys.map(|key| number(&found["score"][key]));
            let far = furthest(&numbers, &wanted);
            eprintln!("{signature}: {far:.1e}");
            assert!(far < tolerance, "{signature}: {numbers:?}, {wanted:?}");
            assert_eq!(found["benchmark"]["id"], format!("trials-{signature}"));
            assert_eq!(found["benchmark"]["region"], "behaviour");
            assert_eq!(found["benchmark"]["normalise"], "sqrt");
            assert_eq!(
                (&found["score"]["n_sites"], &found["score"]["n_stimuli"]),
                (&json!(0), &json!(40))
            );
        }
        let found = scores(&of_trials(&env, args, "error_consistency")).remove(0);
        let expected = golden.matrix("kappas");
        let keys = ["raw", "error", "ceiling", "ceiling_error"];
        let numbers = keys.map(|key| number(&found["score"][key]));
        // Right and wrong hang on no last digit.
        assert!(furthest(&numbers, &expected) < 1e-12, "{numbers:?}");
        let ceiled = number(&found["score"]["ceiled"]);
        assert!((ceiled - expected[[0, 0]] / expected[[1, 0]]).abs() < 1e-12);
    }
}

/// SPEC 2.12. In the first half of the trials people choose as often as Q tells, and so in the other one.
#[test]
fn the_specifications_consistency_comes_out() {
    let env = TestEnv::empty();
    let p = "i0,.7,.2,.1\ni1,.5,.3,.2\ni2,.3,.6,.1\ni3,.1,.8,.1\ni4,.2,.2,.6\ni5,.4,.1,.5\n";
    write(&env, "model.csv", &format!("stimulus_id,a,b,c\n{p}"));
    let q = [
        [6, 3, 1],
        [7, 1, 2],
        [2, 7, 1],
        [3, 5, 2],
        [1, 3, 6],
        [2, 3, 5],
    ];
    let objects = ["a", "b", "c"];
    let mut half = Vec::new();
    for (image, q) in q.iter().enumerate() {
        let truth = image / 2;
        for distractor in (0..3).filter(|&object| object != truth) {
            for trial in 0..q[truth] + q[distractor] {
                let choice = if trial < q[distractor] {
                    distractor
                } else {
                    truth
                };
                let [truth, distractor, choice] = [truth, distractor, choice].map(|o| objects[o]);
                half.push(format!("i{image},{truth},{distractor},{choice}\n"));
            }
        }
    }
    let [first, second] = halves(2 * half.len(), 1, 0).remove(0);
    let mut rows = vec![String::new(); 2 * half.len()];
    for (place, row) in first
        .into_iter()
        .chain(second)
        .zip(half.iter().chain(&half))
    {
        rows[place] = row.clone();
    }
    write(
        &env,
        "trials.csv",
        &format!("stimulus_id,truth,distractor,choice\n{}", rows.concat()),
    );
    // Its second draw has no ceiling.
    let run = of_trials(&env, &["--probabilities", "model.csv"], "i2n");
    let found = run.status(2).json()["scores"][0].clone();
    let first = number(&found["rows"][0]["per_split"][0]);
    assert!((first + 0.23592585930066448).abs() < 1e-12, "{first}");
    assert_eq!(
        (&found["model"], &found["layer"]),
        (&json!("model"), &json!("model"))
    );
}

#[test]
fn results_are_kept_the_same_again_and_taken_by_report() {
    let env = files();
    let args = [
        &FEATURES[..],
        &["--trials", "trials.csv", "--metric", "i2n"],
    ]
    .concat();
    let kept = |name: &str| fs::read(env.path(format!("results/brainscore/it/{name}"))).unwrap();
    let names = ["trials-i2n.json", "trials-i2n.csv"];
    let run = score(&env, &args);
    run.ok()
        .stdout_contains("trials-i2n: 0.5")
        .stdout_contains("; 40 stimuli");
    assert!(!run.stdout.contains("sites"), "{}", run.stdout);
    let first = names.map(kept);
    score(&env, &args).ok();
    assert_eq!(first, names.map(kept));
    score(
        &env,
        &[
            &args[..4],
            &[
                "--labels",
                "labels.csv",
                "--trials",
                "trials.csv",
                "--metric",
                "error_consistency",
                "--benchmark",
                "People",
            ],
        ]
        .concat(),
    )
    .ok();
    env.has("results/brainscore/it/People-error_consistency.csv");
    env.run(["report"]).ok();
    env.has("site/benchmarks/trials-i2n-v1.html");
    let page = fs::read_to_string(env.path("site/index.html")).unwrap();
    assert!(page.contains("behaviour") && !page.contains("neural"));
    let page = fs::read_to_string(env.path("site/benchmarks/trials-i2n-v1.html")).unwrap();
    assert!(
        page.contains("sqrt") && !page.contains("<dt>sites"),
        "{page}"
    );
    let tree = r#"{"id": "average", "children": [{"id": "trials-i2n"}, {"id": "People-error_consistency"}, {"id": "c"}]}"#;
    write(&env, "tree.json", tree);
    env.run(["report", "--tree", env.path("tree.json").to_str().unwrap()])
        .ok();
    // 0.95, 1.41 clamped to 1, and one that was never run.
    let board = fs::read_to_string(env.path("site/leaderboard.csv")).unwrap();
    let i2n = number(&env.json("results/brainscore/it/trials-i2n.json")["score"]["ceiled"]);
    let mean = (i2n + 1.0) / 3.0;
    assert!(board.contains(&format!("{mean}")), "{board} {mean}");
    env.has_no_temporary_files();
}

#[test]
fn the_behavioural_layer_is_the_last_the_named_or_the_committed_one() {
    let env = files();
    let noise = Array2::from_shape_fn((160, 8), |(i, j)| ((i * 31 + j * 17) % 29) as f32);
    write_npy(env.path("late.npy"), &noise).unwrap();
    let both = [&FEATURES[..], &["--features", "late=late.npy"]].concat();
    let of = |more: &[&str]| {
        let found = scores(&of_trials(&env, &[&both[..], more].concat(), "i2")).remove(0);
        let layer = found["layer"].as_str().unwrap().to_owned();
        let n_rows = found["rows"].as_array().unwrap().len();
        (layer, found["committed"] == true, n_rows)
    };
    // By custom, which is no commitment.
    assert_eq!(of(&[]), ("late".to_owned(), false, 1));
    let how = ["--trials", "trials.csv", "--metric", "i2"];
    score(&env, &[&both[..], &how].concat())
        .ok()
        .stdout_contains(" at late (the only layer)");
    assert_eq!(of(&["--best"]), ("it".to_owned(), false, 2));
    assert_eq!(of(&["--layer", "it"]), ("it".to_owned(), false, 1));
    write(
        &env,
        "results/brainscore/it/layers.json",
        r#"{"behaviour": "it"}"#,
    );
    assert_eq!(of(&[]), ("it".to_owned(), true, 1));
    write(
        &env,
        "results/brainscore/it/layers.json",
        r#"{"behaviour": "gone"}"#,
    );
    of_trials(&env, &both, "i2")
        .ok()
        .stderr_contains("layer `gone`, committed to for behaviour");
    assert_eq!(of(&[]), ("late".to_owned(), false, 1));
}

#[test]
fn layers_of_a_study_are_scored() {
    let env = TestEnv::small();
    let images = env.images(Half::Training, "fc6");
    let object = |at: usize| ["cat", "dog", "owl"][at % 3];
    let (mut labels, mut trials) = (String::new(), String::new());
    for (at, image) in images.iter().enumerate() {
        if at % 2 == 0 {
            labels += &format!("{image},{}\n", object(at));
            continue;
        }
        for turn in 0..12 {
            let other = object(at + 1 + turn % 2);
            // Some images are harder than others.
            let choice = if turn < at % 7 { other } else { object(at) };
            trials += &format!("{image},{},{other},{choice}\n", object(at));
        }
    }
    write(
        &env,
        "labels.csv",
        &format!("stimulus_id,object_name\n{labels}"),
    );
    write(
        &env,
        "trials.csv",
        &format!("stimulus_id,truth,distractor,choice\n{trials}"),
    );
    let path = |name: &str| env.path(name).to_str().unwrap().to_owned();
    let (labels, trials) = (path("labels.csv"), path("trials.csv"));
    let args = [
        "score", "--net", NET, "--labels", &labels, "--trials", &trials, "--metric", "i1n",
        "--json",
    ];
    let found = scores(&env.run(args)).remove(0);
    assert_eq!(
        (&found["model"], &found["layer"]),
        (&json!(NET), &json!("fc6"))
    );
    env.has(format!("results/brainscore/{NET}/trials-i1n.json"));
    // A folder knows no order of its layers but that of their names.
    let folder = path(&format!("data/features/ImageNetTraining/{NET}"));
    let args = [
        "score",
        "--features",
        &folder,
        "--labels",
        &labels,
        "--trials",
        &trials,
        "--metric",
        "i1n",
    ];
    let said = "behaviour is that of layer `fc6`, the last of the folder's names";
    env.run(args).ok().stderr_contains(said);
    let named = [&args[..], &["--layer", "fc6"]].concat();
    env.run(named).ok().stderr_lacks(said);
}

#[test]
fn images_that_are_learned_and_seen_are_told() {
    let env = files();
    let labels = fs::read_to_string(env.path("labels.csv")).unwrap();
    let truth = Golden::open("behaviour/study.npz").indices("classes")[130];
    write(&env, "labels.csv", &format!("{labels}im130,obj{truth}\n"));
    of_trials(&env, &FEATURES, "i2n")
        .ok()
        .stderr_contains("1 of the 40 images of the trials are learned, too");
    // What is held out is not learned.
    let split: String = (labels.lines().skip(1))
        .map(|line| format!("{line},train\n"))
        .collect();
    let head = "stimulus_id,object_name,split\n";
    write(
        &env,
        "labels.csv",
        &format!("{head}{split}im130,obj{truth},test\n"),
    );
    let run = of_trials(&env, &FEATURES, "i2n");
    assert_eq!(run.ok().stderr, "");
}

#[test]
fn a_layer_that_cannot_learn_leaves_the_others() {
    let env = files();
    let noise = Array2::from_shape_fn((160, 8), |(i, j)| ((i * 31 + j * 17) % 29) as f32);
    write_npy(env.path("late.npy"), &noise).unwrap();
    // Penalised so little that no step is small enough.
    let strong = ["--features", "late=late.npy", "--c", "1e300", "--best"];
    of_trials(&env, &[&FEATURES[..], &strong].concat(), "i2n")
        .ok()
        .stderr_contains("warning: layer `it`: logistic regression: does not converge");
    let kept = env.json("results/brainscore/it/trials-i2n.json");
    let rows = kept["rows"].as_array().unwrap().iter();
    let layers: Vec<&Value> = rows.map(|row| &row["layer"]).collect();
    assert_eq!(layers, [&json!("it"), &json!("late")]);
    assert_eq!(kept["rows"][0]["raw"], Value::Null);
    assert_eq!(
        (&kept["layer"], &kept["state"]),
        (&json!("late"), &json!("ok"))
    );
}

#[test]
fn one_person_is_no_ceiling() {
    let env = files();
    let classes = Golden::open("behaviour/study.npz").indices("classes");
    let trials: String = (120..160)
        .map(|image| {
            let choice = (classes[image] + image % 2) % 5;
            format!("s0,im{image:03},obj{},obj{choice}\n", classes[image])
        })
        .collect();
    let head = "subject,stimulus_id,truth,choice\n";
    write(&env, "one.csv", &format!("{head}{trials}"));
    let how = ["--trials", "one.csv", "--metric", "error_consistency"];
    score(&env, &[&["--probabilities", "p.csv"], &how[..]].concat())
        .status(2)
        .stderr_contains("warning: layer `p`: there is no ceiling")
        .stdout_contains("one-error_consistency: X: layer `p`: there is no ceiling");
    let kept = env.json("results/brainscore/p/one-error_consistency.json");
    assert_eq!(
        (&kept["state"], &kept["score"]),
        (&json!("failed"), &Value::Null)
    );
    assert!(kept["rows"][0]["raw"].is_f64(), "{kept}");
}

#[test]
fn certain_models_have_no_score() {
    let env = files();
    let text = fs::read_to_string(env.path("p.csv")).unwrap();
    let certain: String = (text.lines().skip(1))
        .map(|line| format!("{},1,0,0,0,0\n", line.split(',').next().unwrap()))
        .collect();
    write(
        &env,
        "p.csv",
        &format!("stimulus_id,obj0,obj1,obj2,obj3,obj4\n{certain}"),
    );
    let run = of_trials(&env, &["--probabilities", "p.csv"], "i2n");
    run.status(2)
        .stderr_contains("warning: layer `p`: behavioural consistency: the model has no d′");
    let kept = env.json("results/brainscore/p/trials-i2n.json");
    assert_eq!(
        (&kept["state"], &kept["score"]),
        (&json!("failed"), &Value::Null)
    );
}
