//! How sure scores are, from outside: against SciPy, and on the demo study, whose hierarchy is known.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may")]

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use bhscore::bh::sure::kendall;
use bhscore::bh::sure::soft::Soft;
use bhscore::bh::{DecodingAccuracies, Pool, Rules};
use serde_json::Value;

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(|n| n.as_f64().unwrap()).collect()
}

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

#[test]
fn rank_correlations_equal_scipy() {
    let text = fs::read_to_string(common::golden("vectors/sure.json")).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    for case in list(&vectors["tied"]) {
        let groups: Vec<usize> = numbers(&case["groups"])
            .iter()
            .map(|&g| g as usize)
            .collect();
        let found = kendall::tau_b(&groups, &numbers(&case["values"]));
        let expected = case["kendall"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    for case in list(&vectors["soft"]) {
        let layers = list(&case["accuracy"]);
        let n_rois = list(&layers[0])[0].as_array().unwrap().len();
        let of_roi = |units: &Value, roi: usize| {
            let units = list(units).iter();
            Some(
                units
                    .map(|unit| unit[roi].as_f64().unwrap() as f32)
                    .collect(),
            )
        };
        let accuracies = DecodingAccuracies {
            layers: names("layer", layers.len()),
            subjects: names("subject", 1),
            rois: names("roi", n_rois),
            values: (layers.iter())
                .map(|units| vec![(0..n_rois).map(|roi| of_roi(units, roi)).collect()])
                .collect(),
            n_test: Some(50),
        };
        let rules = Rules::new(0.05, Some(50));
        let found = Soft::new(&Pool::decoding(&accuracies).unwrap(), &rules.published);
        for (found, key) in [
            (found.spearman, "soft_spearman"),
            (found.kendall, "soft_kendall"),
        ] {
            let (found, expected) = (found.unwrap(), case[key].as_f64().unwrap());
            assert!(
                (found - expected).abs() < 1e-12,
                "{key}: {found} {expected}"
            );
        }
    }
}

// ------------------------------------------------------------------ the demo study

fn bhscore(study: &Path, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bhscore"));
    let output = command.current_dir(study).args(args).output().unwrap();
    let speech = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {speech}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_demo_has_the_significance_it_was_made_for() {
    let folder = tempfile::tempdir().unwrap();
    bhscore(folder.path(), &["demo", "study", "--json"]);
    let study = folder.path().join("study");
    let one = bhscore(&study, &["compute", "--sure", "--json", "-j", "1"]);
    let rule = |network: usize, rule: &str| &one["networks"][network]["sure"]["decoding"][rule];
    for name in ["published", "textbook"] {
        let p = |network: usize| rule(network, name)["layer_order"]["p"].as_f64().unwrap();
        // Six layers: 720 orders, all visited.
        assert!(p(0) < 0.01, "forward, {name}: {}", p(0));
        assert!(p(1) > 0.95, "reversed, {name}: {}", p(1));
        assert!(p(2) > 0.05, "shuffled, {name}: {}", p(2));
        let forward = rule(0, name);
        let order = &forward["layer_order"];
        assert_eq!(
            (&order["n_draws"], &order["exact"]),
            (&720.into(), &true.into())
        );
        assert_eq!(order["smallest_p"], 1.0 / 720.0);
        let score = one["networks"][0]["decoding"][name].as_f64().unwrap();
        assert!((order["observed"].as_f64().unwrap() - score).abs() < 1e-12);
        for interval in ["jackknife", "unit_bootstrap"] {
            let [se, low, high] =
                ["se", "low", "high"].map(|key| forward[interval][key].as_f64().unwrap());
            assert!(se > 0.001 && se < 0.2, "{interval}: {se}");
            assert!(
                low < score && score < high,
                "{interval}: {low} {score} {high}"
            );
        }
        let images = &forward["image_shuffle"];
        assert!(images["p"].as_f64().unwrap() < 0.01);
        // One of five ROIs at one-sided .025 each: between .025 and 1 − .975⁵ = .119, and noise.
        let false_selection = images["false_selection"].as_f64().unwrap();
        assert!((0.01..0.16).contains(&false_selection), "{false_selection}");
        assert!(images["selection"].as_f64().unwrap() > 3.0 * false_selection);
        for variant in [
            &forward["soft"]["spearman"],
            &forward["soft"]["kendall"],
            &forward["balanced"],
        ] {
            assert!(variant.as_f64().unwrap() > 0.4, "{variant}");
        }
        assert_eq!(list(&forward["subjects"]["without"]).len(), 2);
        // Two subjects: all but one is the other alone.
        let of = |part: &str, at: usize| forward["subjects"][part][at]["score"].clone();
        assert_eq!(of("without", 0), of("alone", 1));
    }
    assert_eq!(one["networks"][0]["sure"]["n_deleted"], 10);
    assert_eq!(one["networks"][0]["sure"]["settings"]["seed"], 0);

    // The encoding half: five ROIs, 120 orders.
    for name in ["published", "textbook"] {
        let rule = |network: usize| &one["networks"][network]["sure"]["encoding"][name];
        let p = |network: usize| rule(network)["layer_order"]["p"].as_f64().unwrap();
        assert_eq!((p(0), p(1)), (1.0 / 120.0, 1.0), "{name}");
        assert!(p(2) > 0.05, "shuffled, {name}: {}", p(2));
        let forward = rule(0);
        assert_eq!(forward["layer_order"]["smallest_p"], 1.0 / 120.0);
        let score = one["networks"][0]["encoding"][name].as_f64().unwrap();
        let observed = forward["layer_order"]["observed"].as_f64().unwrap();
        assert!((observed - score).abs() < 1e-12);
        for interval in ["jackknife", "unit_bootstrap"] {
            let [se, low, high] =
                ["se", "low", "high"].map(|key| forward[interval][key].as_f64().unwrap());
            assert!(se > 0.001 && se < 0.2, "{interval}: {se}");
            assert!(low < score && score < high, "{low} {score} {high}");
        }
        let images = |network: usize| rule(network)["image_shuffle"]["p"].as_f64().unwrap();
        assert!(images(0) < 0.01 && images(2) > 0.05, "{}", images(2));
        let average = &one["networks"][0]["sure"]["average"][name]["jackknife"];
        let mean = one["networks"][0]["average"][name].as_f64().unwrap();
        let ends = ["low", "high"].map(|key| average[key].as_f64().unwrap());
        assert!(((ends[0] + ends[1]) / 2.0 - mean).abs() < 1e-9, "{ends:?}");
    }

    // The same in any number of threads, other resamples from another seed, none unless asked for.
    let two = bhscore(&study, &["compute", "--sure", "--json", "-j", "2"]);
    assert_eq!(one["networks"], two["networks"]);
    assert_eq!(one["ceilings"], two["ceilings"]);
    let other = bhscore(&study, &["compute", "--sure", "--seed", "5", "--json"]);
    let se =
        |of: &Value| of["networks"][0]["sure"]["decoding"]["published"]["jackknife"]["se"].clone();
    assert_ne!(se(&one), se(&other));
    let (one, other) = (se(&one).as_f64().unwrap(), se(&other).as_f64().unwrap());
    assert!((one / other - 1.0).abs() < 0.3, "{one} {other}");
    let without = bhscore(&study, &["compute", "--json"]);
    assert!(without["networks"][0]["sure"].is_null());

    // Accuracies alone say nothing about images.
    fs::remove_dir_all(study.join("data/decoded_features")).unwrap();
    let without = bhscore(&study, &["compute", "--sure", "--json"]);
    let sure = &without["networks"][0]["sure"];
    assert!(sure["decoding"]["published"]["jackknife"].is_null());
    assert!(sure["decoding"]["published"]["layer_order"].is_object());
    assert!(
        sure["notes"][0]
            .as_str()
            .unwrap()
            .contains("decoded_features")
    );
    // The encoding half has its images still; the average has lost them.
    assert!(sure["encoding"]["published"]["jackknife"].is_object());
    assert!(sure["average"]["published"].is_null());
    assert!(
        sure["notes"][1]
            .as_str()
            .unwrap()
            .contains("no interval of the average")
    );
}
