//! `compute --select`: the textbook rule corrected for the choice of the best ROI or layer.

use serde_json::{Value, json};

use crate::common;
use crate::env::{Run, TestEnv, program};

/// Accuracies of both halves of the golden study.
fn accuracies() -> TestEnv {
    let env = TestEnv::copy_of(&common::golden("expected"));
    env.edit_settings(|settings| settings["score"] = json!({"n_test": 40}));
    env
}

fn compute(env: &TestEnv, args: &[&str]) -> Value {
    let args = [&["compute", "--json"], args].concat();
    env.run(args).ok().json()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn corrections_change_the_textbook_score_only() {
    let env = accuracies();
    let [plain, named, bonferroni, fdr] = [
        &[][..],
        &["--select", "p"],
        &["--select", "bonferroni"],
        &["--select", "fdr"],
    ]
    .map(|args| compute(&env, args));
    assert_eq!(plain["networks"], named["networks"]);
    assert_eq!(plain["settings"]["select"], "p");
    for (name, corrected) in [("bonferroni", &bonferroni), ("fdr", &fdr)] {
        assert_eq!(corrected["settings"]["select"], name);
        for half in ["decoding", "encoding"] {
            let [before, after] = [&plain, corrected].map(|results| &results["networks"][0][half]);
            for same in ["published", "n_items", "n_selected"] {
                assert_eq!(before[same], after[same], "{name} {half} {same}");
            }
            assert_eq!(before["votes"]["published"], after["votes"]["published"]);
            let [before, after] = [before, after].map(|half| number(&half["n_selected_textbook"]));
            assert!(
                0 < after && after < before,
                "{name} {half}: {after} {before}"
            );
        }
    }
    // The rate's cut is the wanted level times the share of items that count.
    let selected =
        |results: &Value| number(&results["networks"][0]["decoding"]["n_selected_textbook"]);
    assert!(selected(&fdr) <= selected(&bonferroni));
}

#[test]
fn what_is_not_known_or_not_taken_is_refused() {
    let env = accuracies();
    env.run(["compute", "--select", "holm"])
        .status(2)
        .stderr_contains("bonferroni");
    env.run([
        "compute",
        "--select",
        "fdr",
        "--enc-layer-sampling",
        "exact",
    ])
    .status(2)
    .stderr_contains("--select bonferroni");
    env.run([
        "compute",
        "--select",
        "bonferroni",
        "--enc-layer-sampling",
        "exact",
    ])
    .ok();
}

#[test]
fn shuffled_images_are_selected_less_often_and_the_score_is_the_same_as_without_sure() {
    let env = TestEnv::empty();
    let run = |args: &[&str]| {
        let mut command = program();
        command.current_dir(env.root()).args(args);
        Run::of(command).ok().json()
    };
    run(&["demo", "study", "--json"]);
    let sure = |select: &str| {
        let net = ["--net", "synth/forward", "--sure", "--json"];
        run(&[&["-C", "study", "compute", "--select", select], &net[..]].concat())["networks"][0]
            .clone()
    };
    let (plain, bonferroni, fdr) = (sure("p"), sure("bonferroni"), sure("fdr"));
    let shuffle = |network: &Value, rule: &str, name: &str| {
        network["sure"]["decoding"][rule]["image_shuffle"][name]
            .as_f64()
            .unwrap()
    };
    let false_selection = |network| shuffle(network, "textbook", "false_selection");
    // Five ROIs at one-sided 0.025 each without, at a fifth of that with the correction.
    assert!(
        false_selection(&plain) > 0.06,
        "{}",
        false_selection(&plain)
    );
    for corrected in [&bonferroni, &fdr] {
        let found = false_selection(corrected);
        assert!(0.0 < found && found < 0.035, "{found}");
        for name in ["false_selection", "selection"] {
            assert_eq!(
                shuffle(corrected, "published", name),
                shuffle(&plain, "published", name)
            );
        }
        let decoding = &corrected["decoding"];
        let n_selected =
            shuffle(corrected, "textbook", "selection") * decoding["n_items"].as_f64().unwrap();
        assert!((n_selected - number(&decoding["n_selected_textbook"]) as f64).abs() < 1e-6);
        let observed = &corrected["sure"]["decoding"]["textbook"]["layer_order"]["observed"];
        let score = &decoding["textbook"];
        assert!((observed.as_f64().unwrap() - score.as_f64().unwrap()).abs() < 1e-12);
    }
}
