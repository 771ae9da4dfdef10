//! The score against the vectors and the golden study of the Python oracle, and the published table.
//!
//! The oracle's files are those in `tests/golden`; the larger ones of the shared collection are taken as well where
//! they are at hand.

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::path::PathBuf;

use bhscore::bh::layers::{self, LayerSampling, SubsetScores};
use bhscore::bh::selection::{self, Best};
use bhscore::bh::{self, DecodingAccuracies, Pool, Rules, ScoreOptions, spearman};
use bhscore::stats::legacy_random::LegacyRandom;
use ndarray::{Array2, array};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Scores are sums in another order than the oracle's.
const TOLERANCE: f64 = 1e-12;

/// A golden file of the project's own, and of the shared collection.
fn oracle(path: &str) -> Vec<Value> {
    let shared = common::shared(&format!("golden/{path}"));
    let paths = std::iter::once(common::golden(path)).chain(shared);
    paths
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<usize> {
    list(value)
        .iter()
        .map(|n| n.as_u64().unwrap() as usize)
        .collect()
}

fn strings(value: &Value) -> Vec<String> {
    list(value)
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// Accuracies in decimal text to the `f32` they came from; null is NaN.
fn accuracies(value: &Value) -> Vec<f32> {
    list(value)
        .iter()
        .map(|r| r.as_f64().map_or(f32::NAN, |r| r as f32))
        .collect()
}

fn table(value: &Value) -> Array2<u64> {
    let rows: Vec<Vec<usize>> = list(value).iter().map(numbers).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j] as u64)
}

/// Null expects undefined.
#[track_caller]
fn assert_score(found: Option<f64>, expected: &Value, what: &str) {
    match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => {
            assert!(
                (found - expected).abs() < TOLERANCE,
                "{what}: {found} {expected}"
            );
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

fn study(layers: usize, subjects: usize, rois: usize) -> DecodingAccuracies {
    let names = |prefix: &str, n| (0..n).map(|i| format!("{prefix}{i}")).collect();
    DecodingAccuracies {
        layers: names("layer", layers),
        subjects: names("subject", subjects),
        rois: names("roi", rois),
        values: vec![vec![vec![None; rois]; subjects]; layers],
        n_test: Some(50),
    }
}

// ------------------------------------------------------------------ oracle

#[test]
fn generator_equals_numpy() {
    oracle("vectors/rng_vectors.json")
        .iter()
        .for_each(check_generator);
}

fn check_generator(vectors: &Value) {
    let mut random = LegacyRandom::seed(0);
    for word in numbers(&vectors["mt19937_seed0_first_uint32"]) {
        assert_eq!(random.next_u32() as usize, word);
    }
    for case in list(&vectors["choice_without_replacement"]) {
        let [n, size] = ["n", "size"].map(|key| case[key].as_u64().unwrap() as usize);
        let picked = LegacyRandom::seed(0).choice(n, size);
        let first = numbers(&case["first"]);
        assert_eq!(picked[..first.len()], first);
        let text: Vec<String> = picked.iter().map(usize::to_string).collect();
        let digest: String = Sha256::digest(text.join(","))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest, case["sha256_of_comma_joined"], "n {n}");
    }
    for case in list(&vectors["layer_draws"]) {
        let n_layers = case["n_layers"].as_u64().unwrap() as usize;
        let mut random = LegacyRandom::seed(0);
        for expected in list(&case["first_20_sorted"]) {
            let mut picked: Vec<usize> = random
                .choice(n_layers - 2, 3)
                .into_iter()
                .map(|layer| layer + 1)
                .collect();
            picked.sort_unstable();
            assert_eq!(picked, numbers(expected), "{n_layers} layers");
        }
    }
}

/// A case of `score_vectors.json` as a study of one subject.
fn vector_case(case: &Value) -> DecodingAccuracies {
    let groups = list(&case["accuracy"]);
    let mut input = study(groups.len(), 1, case["areas"].as_u64().unwrap() as usize);
    for (layer, group) in groups.iter().enumerate() {
        input.values[layer][0] = list(group).iter().map(|r| Some(accuracies(r))).collect();
    }
    input.n_test = Some(case["n_test_images"].as_u64().unwrap() as usize);
    input
}

#[test]
fn vectors_of_the_oracle() {
    oracle("vectors/score_vectors.json")
        .iter()
        .for_each(check_vectors);
}

fn check_vectors(vectors: &Value) {
    let mut n_results = 0;
    for case in list(&vectors["cases"]) {
        let input = vector_case(case);
        for expected in list(&case["results"]) {
            check_result(&input, expected, case["name"].as_str().unwrap());
            n_results += 1;
        }
    }
    assert_eq!(n_results, 20);
}

fn check_result(input: &DecodingAccuracies, expected: &Value, name: &str) {
    let options = ScoreOptions {
        p_value: expected["pval"].as_f64().unwrap(),
        ..Default::default()
    };
    let published = expected["mode"] == "compat";
    let name = format!("{name}, {}, {}", expected["mode"], options.p_value);
    let score = bh::decoding_score(input, &options).unwrap();
    let half = if published {
        &score.pooled.published
    } else {
        &score.pooled.textbook
    };
    let votes = half.votes.as_ref().unwrap();
    assert_eq!(votes, &table(&expected["votes"]), "{name}");
    assert_eq!(
        best_of_kept(input, &options, published),
        expected["best_area_of_kept"],
        "{name}"
    );
    assert_score(half.all_layers.clone().ok(), &expected["all_groups"], &name);

    let mean = &expected["subset_mean_exact"];
    let n_subsets = expected["n_subsets"].as_u64().unwrap();
    if n_subsets > 0 || published {
        assert_score(half.score.clone().ok(), mean, &name);
    } else {
        assert_eq!(
            half.score, half.all_layers,
            "{name}: the textbook score takes what there is"
        );
    }
    assert_eq!(
        half.subsets.map_or(0, |subsets| subsets.n_subsets),
        n_subsets,
        "{name}"
    );
    assert_eq!(half.subsets.is_some(), n_subsets > 0, "{name}");
    assert_eq!(
        score.by_subject[0].1, score.pooled,
        "{name}: the only subject"
    );
    check_subsets(votes, half.subsets, expected, &name);
}

/// Range of the exact subsets and the mean of random ones, from the oracle's lists of scores.
fn check_subsets(votes: &Array2<u64>, exact: Option<SubsetScores>, expected: &Value, name: &str) {
    let (Some(exact), Some(drawn)) = (exact, expected["sampled_seed0_20"].as_array()) else {
        return;
    };
    let scores: Vec<Option<f64>> = expected["subset_scores"]
        .as_object()
        .unwrap()
        .values()
        .map(Value::as_f64)
        .collect();
    let n_undefined = scores.iter().filter(|score| score.is_none()).count();
    assert_eq!(exact.n_undefined as usize, n_undefined, "{name}");
    let sampling = LayerSampling::Random {
        draws: drawn.len(),
        seed: 0,
    };
    let random = layers::subset_scores(votes.view(), 5, sampling)
        .unwrap()
        .unwrap();
    let drawn: Option<Vec<f64>> = drawn.iter().map(Value::as_f64).collect();
    assert_eq!(random.spread.is_some(), drawn.is_some(), "{name}");
    let (Some(exact), Some(random), Some(drawn)) = (exact.spread, random.spread, drawn) else {
        return;
    };
    let mut scores: Vec<f64> = scores.into_iter().flatten().collect();
    scores.sort_by(f64::total_cmp);
    assert!((exact.min - scores[0]).abs() < TOLERANCE, "{name}");
    assert!(
        (exact.max - scores[scores.len() - 1]).abs() < TOLERANCE,
        "{name}"
    );
    let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
    assert!(
        (random.mean - mean).abs() < TOLERANCE,
        "{name}: {} {mean}",
        random.mean
    );
    let square: f64 = drawn.iter().map(|score| (score - mean).powi(2)).sum();
    assert!(
        (random.sd - (square / (drawn.len() - 1) as f64).sqrt()).abs() < 1e-9,
        "{name}"
    );
}

/// Best ROI of every significant unit, −1 for the others, per layer.
fn best_of_kept(input: &DecodingAccuracies, options: &ScoreOptions, published: bool) -> Value {
    let pool = Pool::decoding(input).unwrap();
    let rules = Rules::new(options.p_value, input.n_test);
    let rule = if published {
        rules.published
    } else {
        rules.textbook.unwrap()
    };
    let choice = |best: Option<Best>| match best {
        Some(best) if rule.keeps(best) => best.level as i64,
        _ => -1,
    };
    let layer = |blocks: &Vec<bh::Block<'_>>| -> Vec<i64> {
        selection::best_levels(&blocks[0])
            .into_iter()
            .map(choice)
            .collect()
    };
    serde_json::json!(pool.blocks.iter().map(layer).collect::<Vec<_>>())
}

/// The golden study from the accuracies in `reference.json`, which come in C order of the layer's shape;
/// the order of units within a layer does not matter to the score.
fn golden_study(reference: &Value, accuracy: &Value) -> DecodingAccuracies {
    let net = &reference["nets"]["ringnet"];
    let mut input = study(0, 0, 0);
    input.layers = strings(&net["layers"]);
    input.subjects = strings(&reference["subjects"]);
    input.rois = strings(&reference["rois"]);
    for layer in &input.layers {
        let subject = |subject: &String| {
            let rois = &accuracy[layer][subject];
            input
                .rois
                .iter()
                .map(|roi| Some(accuracies(&rois[roi]["accuracy"])))
                .collect()
        };
        let values = input.subjects.iter().map(subject).collect();
        input.values.push(values);
    }
    input.n_test = Some(net["n_test_images"].as_u64().unwrap() as usize);
    input
}

#[test]
fn golden_study_of_the_oracle() {
    oracle("expected/reference.json")
        .iter()
        .for_each(check_golden_study);
}

fn check_golden_study(reference: &Value) {
    let net = &reference["nets"]["ringnet"];
    let input = golden_study(reference, &net["decode"]);
    let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
    let halves = [
        ("compat", &score.pooled.published),
        ("compat_accuracy_corrected_test", &score.pooled.textbook),
    ];
    for (mode, half) in halves {
        let expected = &net["bh"][mode]["decoding"];
        assert_eq!(
            half.votes.as_ref(),
            Some(&table(&expected["votes_layer_by_roi"])),
            "{mode}"
        );
        assert_score(
            half.score.clone().ok(),
            &expected["subset_mean_exact"],
            mode,
        );
        assert_score(half.all_layers.clone().ok(), &expected["all_layers"], mode);
        let draws = list(&expected["sampled_scores"]).len();
        let sampling = LayerSampling::Random { draws, seed: 0 };
        let votes = half.votes.as_ref().unwrap();
        let random = layers::subset_scores(votes.view(), 5, sampling)
            .unwrap()
            .unwrap();
        assert_score(
            random.spread.map(|spread| spread.mean),
            &expected["sampled_mean"],
            mode,
        );
        let edges = &net["bh"][mode]["significant_r"];
        let rules = Rules::new(0.05, input.n_test);
        let rule = if mode == "compat" {
            rules.published
        } else {
            rules.textbook.unwrap()
        };
        let (low, high) = rule.interval().unwrap();
        assert!((low - edges[0].as_f64().unwrap()).abs() < 1e-9);
        assert!((high - edges[1].as_f64().unwrap()).abs() < 1e-9);
    }
    // 48 degrees of freedom belong to 50 images.
    assert_eq!(score.warnings.is_empty(), input.n_test == Some(50));
}

#[test]
fn golden_study_with_corrected_accuracies() {
    oracle("expected/reference.json")
        .iter()
        .for_each(check_corrected_accuracies);
}

fn check_corrected_accuracies(reference: &Value) {
    let net = &reference["nets"]["ringnet"];
    let Some(accuracy) = net["corrected_accuracy"].get("decode") else {
        panic!(
            "keys: {:?}",
            net["corrected_accuracy"].as_object().unwrap().keys()
        );
    };
    let score =
        bh::decoding_score(&golden_study(reference, accuracy), &ScoreOptions::default()).unwrap();
    let expected = &net["bh"]["corrected"]["decoding"]["subset_mean_exact"];
    assert_score(score.pooled.textbook.score.ok(), expected, "corrected");
}

// ------------------------------------------------------------------ goldens in text

#[test]
fn published_table_is_consistent() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/published_bhscores.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 29);
    let number = |row: &csv::StringRecord, column: usize| row[column].parse::<f64>().unwrap();
    let (mut n_layers, mut top) = (0, String::new());
    for row in &rows {
        assert!(
            (number(row, 6) - (number(row, 4) + number(row, 5)) / 2.0).abs() < 1e-12,
            "{row:?}"
        );
        let layers: usize = row[2].parse().unwrap();
        assert_eq!(row[3].parse(), Ok(layers::n_subsets(layers, 5)), "{row:?}");
        let above = rows
            .iter()
            .filter(|other| number(other, 6) > number(row, 6))
            .count();
        assert_eq!(row[7].parse(), Ok(above + 1), "{row:?}");
        n_layers += layers;
        if above == 0 {
            top = row[0].to_owned();
        }
    }
    assert_eq!((n_layers, top.as_str()), (705, "VGG-S"));
}

#[test]
fn rho_of_a_typical_table() {
    let table = array![
        [900, 500, 300, 200, 100],
        [800, 600, 400, 250, 150],
        [500, 600, 600, 400, 300],
        [400, 450, 600, 600, 400],
        [250, 350, 500, 700, 700],
        [200, 250, 400, 700, 1000],
        [150, 250, 350, 600, 1200],
        [150, 200, 300, 600, 1300]
    ];
    let rho = spearman::spearman(table.view()).unwrap();
    assert!((rho - 0.48205154341493334).abs() < TOLERANCE, "{rho}");
    // Random draws of layers scatter around the exact mean: within 4 standard errors.
    let mean = |sampling| {
        layers::subset_scores(table.view(), 5, sampling)
            .unwrap()
            .unwrap()
            .spread
            .unwrap()
    };
    let exact = mean(LayerSampling::Exact);
    for seed in 0..20 {
        let random = mean(LayerSampling::Random { draws: 100, seed });
        assert!(
            (random.mean - exact.mean).abs() < 4.0 * exact.sd / 10.0,
            "seed {seed}"
        );
    }
}

#[test]
fn all_subsets_of_the_largest_published_network() {
    let table = Array2::from_shape_fn((99, 5), |(i, j)| {
        (1 + (i * 7 + j * 13) % 31 + i * j / 4) as u64
    });
    let start = std::time::Instant::now();
    let scores = layers::subset_scores(table.view(), 5, LayerSampling::Exact)
        .unwrap()
        .unwrap();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{} subsets in {:.1} ms", scores.n_subsets, 1e3 * seconds);
    assert_eq!(scores.n_subsets, 147_440);
    // Milliseconds when optimised; the limit is for a debug build on a busy machine.
    assert!(seconds < 5.0, "{seconds} s");
}
