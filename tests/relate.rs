//! Relations between tables against SciPy (`tests/golden/vectors/relate.json`).

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use bhscore::io::table::Table;
use bhscore::relate::{Draws, Relations, Request, relate};
use bhscore::stats::relation::{Coefficient, p_value};
use bhscore::stats::{adjust, groups, partial, rank, theil_sen};
use serde_json::Value;

const TOLERANCE: f64 = 1e-10;
const SCORES: [&str; 3] = ["decoding", "encoding", "average"];
const KINDS: [(&str, Coefficient); 3] = [
    ("pearson", Coefficient::Pearson),
    ("spearman", Coefficient::Spearman),
    ("partial", Coefficient::Partial),
];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn golden() -> Value {
    let text = std::fs::read_to_string(file("tests/golden/vectors/relate.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() < TOLERANCE,
        "{what}: {found} instead of {expected}"
    );
}

fn tables() -> [Table; 2] {
    ["data/imagenet_top1.csv", "data/published_bhscores.csv"]
        .map(|path| Table::read(file(path)).unwrap())
}

fn top1_and_scores(n_draws: usize) -> Relations {
    let request = Request {
        x: vec!["imagenet_top1".to_owned()],
        y: SCORES.map(str::to_owned).to_vec(),
        controls: vec!["n_layers".to_owned()],
        logs: vec!["n_layers".to_owned()],
        group: Some("family".to_owned()),
        draws: Draws {
            n_resamples: n_draws,
            n_permutations: n_draws,
            seed: 0,
        },
        ..Request::default()
    };
    relate(&tables(), &request).unwrap()
}

#[test]
fn published_scores_against_top1_are_as_specified() {
    let relations = top1_and_scores(0);
    // Pearson, Spearman, partial, rounded as the specification gives them.
    let expected = [
        [-0.5653, -0.7451, -0.481],
        [-0.3599, -0.3828, 0.175],
        [-0.5682, -0.7390, -0.378],
    ];
    let digits = [4, 4, 3];
    for (pair, expected) in relations.pairs.iter().zip(expected) {
        assert_eq!(pair.models.len(), 25);
        for ((estimate, expected), digits) in pair.estimates.iter().zip(expected).zip(digits) {
            let scale = 10_f64.powi(digits);
            let rounded = (estimate.r.clone().unwrap() * scale).round() / scale;
            assert_eq!(rounded, expected, "{} {:?}", pair.y, estimate.kind);
        }
    }
    let only: Vec<usize> = relations
        .only_in
        .iter()
        .map(|(_, models)| models.len())
        .collect();
    assert_eq!(only, [0, 4]);
}

#[test]
fn published_scores_against_top1_equal_scipy() {
    let golden = golden();
    let n_draws = golden["resamples"].as_u64().unwrap() as usize;
    let relations = top1_and_scores(n_draws);
    assert_eq!(relations.pairs.len(), SCORES.len());
    for pair in &relations.pairs {
        let expected = &golden["pairs"][&pair.y];
        for (name, kind) in KINDS {
            let what = format!("{} {name}", pair.y);
            let expected = &expected[name];
            let estimate = pair.estimates.iter().find(|e| e.kind == kind).unwrap();
            close(*estimate.r.as_ref().unwrap(), &expected["r"], &what);
            close(estimate.p, &expected["p"], &what);
            close(estimate.p_adjusted, &expected["p_adjusted"], &what);
            let interval = estimate.interval.unwrap();
            assert_eq!(interval.n_resamples, n_draws);
            close(interval.low, &expected["interval"][0], &what);
            close(interval.high, &expected["interval"][1], &what);
        }
        let line = pair.line.unwrap();
        let found = [line.slope, line.intercept, line.low, line.high];
        for (found, name) in found.into_iter().zip(["slope", "intercept", "low", "high"]) {
            close(found, &expected["theil_sen"][name], name);
        }
    }
}

#[test]
fn families_of_networks_equal_scipy() {
    let golden = golden();
    let relations = top1_and_scores(golden["resamples"].as_u64().unwrap() as usize);
    assert_eq!(relations.groupings.len(), SCORES.len());
    for grouping in &relations.groupings {
        let expected = &golden["groups"][&grouping.y];
        close(grouping.test.h, &expected["h"], "H");
        close(grouping.test.p, &expected["p"], "p");
        close(
            grouping.permutation_p,
            &expected["permutation_p"],
            "permutation p",
        );
        assert_eq!(grouping.groups.len(), 9);
        for group in &grouping.groups {
            close(group.mean, &expected["means"][&group.name], &group.name);
        }
        assert!(
            grouping
                .groups
                .windows(2)
                .all(|pair| pair[0].mean >= pair[1].mean)
        );
    }
}

#[test]
fn ties_and_two_controls_equal_scipy() {
    let ties = &golden()["ties"];
    let (x, y) = (numbers(&ties["x"]), numbers(&ties["y"]));
    let controls: Vec<Vec<f64>> = ties["controls"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let r = partial::partial(&x, &y, &controls);
    close(r, &ties["partial"]["r"], "partial");
    close(
        p_value(r, x.len() - 4),
        &ties["partial"]["p"],
        "p of partial",
    );
    let rho = rank::spearman(&x, &y);
    close(rho, &ties["spearman"][0], "Spearman");
    close(
        p_value(rho, x.len() - 2),
        &ties["spearman"][1],
        "p of Spearman",
    );
    let line = theil_sen::line(&x, &y).unwrap();
    for (index, found) in [line.slope, line.intercept, line.low, line.high]
        .into_iter()
        .enumerate()
    {
        close(found, &ties["theil_sen"][index], "Theil-Sen");
    }
    let labels: Vec<usize> = (0..y.len())
        .map(|row| usize::from(row >= 4) + usize::from(row >= 9))
        .collect();
    let test = groups::kruskal_wallis(&y, &labels, 3);
    close(test.h, &ties["kruskal"][0], "H");
    close(test.p, &ties["kruskal"][1], "p of H");
}

#[test]
fn adjusted_p_equal_scipy() {
    let golden = &golden()["adjusted"];
    let found = adjust::benjamini_hochberg(&numbers(&golden["p"]));
    for (index, found) in found.into_iter().enumerate() {
        close(found, &golden["adjusted"][index], "adjusted");
    }
}

#[test]
fn decoding_and_encoding_scores_agree_as_specified() {
    let request = Request {
        x: vec!["decoding".to_owned()],
        y: vec!["encoding".to_owned()],
        draws: Draws {
            n_resamples: 0,
            ..Draws::default()
        },
        ..Request::default()
    };
    let relations = relate(&tables()[1..], &request).unwrap();
    let pair = &relations.pairs[0];
    let r: Vec<f64> = pair
        .estimates
        .iter()
        .map(|e| e.r.clone().unwrap())
        .collect();
    assert!(
        (r[0] - 0.528).abs() < 5e-4 && (r[1] - 0.541).abs() < 5e-4,
        "{r:?}"
    );
    assert!((pair.estimates[1].p - 0.0024).abs() < 5e-5);
}
