//! The encoding half: goldens of the oracle, the choice of voxels, edge cases, and what must not matter.

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::path::Path;

use bhscore::bh::{
    self, DecodingAccuracies, EncodingAccuracies, EncodingOptions, EncodingSampling, PairedScore,
    Pool, RuleScore, Rules, ScoreOptions, accuracies, selection, spearman,
};
use bhscore::settings::Settings;
use bhscore::stats::legacy_random::LegacyRandom;
use bhscore::work::Layout;
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use serde_json::Value;

/// Scores are sums in another order than the oracle's.
const TOLERANCE: f64 = 1e-12;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn table(value: &Value) -> Array2<u64> {
    let rows: Vec<Vec<u64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[track_caller]
fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() < TOLERANCE,
        "{what}: {found} {expected}"
    );
}

/// Both halves of a study as its files have them.
fn read(study: &Path) -> (Option<DecodingAccuracies>, EncodingAccuracies) {
    let settings = Settings::read(&study.join("settings.json")).unwrap();
    let (layout, network) = (Layout::new(study), &settings.networks[0]);
    let encoding = accuracies::read_encoding(&layout, &settings, network)
        .unwrap()
        .unwrap();
    let has_decoding = accuracies::has_decoding(&layout, &settings, network).unwrap();
    let decoding =
        has_decoding.then(|| accuracies::read_decoding(&layout, &settings, network).unwrap());
    (decoding, encoding)
}

fn options(voxel_limit: Option<usize>, sampling: EncodingSampling) -> EncodingOptions {
    EncodingOptions {
        voxel_limit,
        sampling,
        ..Default::default()
    }
}

// ------------------------------------------------------------------ oracle

/// A study of the oracle: encoding scores and votes for two voxel limits, and the average.
fn check_study(expected: &Path, n_test: usize) {
    let (decoding, mut encoding) = read(expected);
    let mut decoding = decoding.unwrap();
    (decoding.n_test, encoding.n_test) = (Some(n_test), Some(n_test));
    let reference = json(&expected.join("reference.json"));
    let reference = &reference["nets"]["ringnet"]["bh"];
    let decoded = bh::decoding_score(&decoding, &ScoreOptions::default()).unwrap();
    for limit in [1000, 25] {
        let options = options(Some(limit), EncodingSampling::All);
        let encoded = bh::encoding_score(&encoding, &options).unwrap();
        let rules: [(&str, &RuleScore); 2] = [
            ("compat", &encoded.pooled.published),
            ("compat_accuracy_corrected_test", &encoded.pooled.textbook),
        ];
        for (mode, found) in rules {
            let theirs = &reference[mode]["encoding"][format!("limit_{limit}")];
            close(found.score.clone().unwrap(), &theirs["score"], mode);
            assert_eq!(
                found.votes,
                Some(table(&theirs["votes_roi_by_layer"])),
                "{mode} {limit}"
            );
        }
        let average = bh::average(Some(&decoded.pooled), Some(&encoded.pooled)).unwrap();
        if limit == 1000 {
            let mean = |mode: &str| &reference[mode]["average"]["subset_mean_exact"];
            close(average.0.unwrap(), mean("compat"), "published average");
            close(
                average.1.unwrap(),
                mean("compat_accuracy_corrected_test"),
                "textbook average",
            );
        }
    }
}

/// One rule's score of the two.
type OfRule = fn(&PairedScore) -> &RuleScore;

#[test]
fn golden_study() {
    check_study(&common::golden("expected"), 40);
}

#[test]
fn shared_golden_study() {
    if let Some(expected) = common::shared("golden/expected") {
        check_study(&expected, 50);
    }
}

#[test]
fn more_than_a_thousand_voxels() {
    let folder = common::golden("voxels");
    let (decoding, input) = read(&folder);
    assert!(decoding.is_none());
    assert_eq!(input.n_test, Some(50));
    let expected = json(&folder.join("expected.json"));
    for (limit, name) in [(Some(1000), "1000"), (Some(40), "40"), (None, "all")] {
        let expected = &expected[name];
        let all = bh::encoding_score(&input, &options(limit, EncodingSampling::All)).unwrap();
        let exact = bh::encoding_score(&input, &options(limit, EncodingSampling::Exact)).unwrap();
        assert_eq!(expected["n_items"], all.pooled.n_items, "{name}");
        assert_eq!((all.n_voxels, exact.n_voxels), (3783, 3783));
        let rules: [(&str, OfRule); 2] = [
            ("published", |pair| &pair.published),
            ("textbook", |pair| &pair.textbook),
        ];
        for (rule, of) in rules {
            let (all, exact, expected) = (of(&all.pooled), of(&exact.pooled), &expected[rule]);
            let what = format!("{rule}, {name} voxels");
            close(all.score.clone().unwrap(), &expected["score"], &what);
            assert_eq!(
                all.votes,
                Some(table(&expected["votes_roi_by_layer"])),
                "{what}"
            );
            assert_eq!(exact.all_layers, all.score);
            let subsets = exact.subsets.unwrap();
            let spread = subsets.spread.unwrap();
            let expected = &expected["exact"];
            close(exact.score.clone().unwrap(), &expected["mean"], &what);
            close(spread.mean, &expected["mean"], &what);
            close(spread.min, &expected["min"], &what);
            close(spread.max, &expected["max"], &what);
            assert!(
                (spread.sd - expected["sd"].as_f64().unwrap()).abs() < 1e-9,
                "{what}"
            );
            assert_eq!(expected["n"], subsets.n_subsets);
        }
    }
}

#[test]
fn drawn_voxels_are_the_first_of_the_permutation() {
    let (_, input) = read(&common::golden("voxels"));
    let limited = input.limited(Some(1000)).unwrap();
    let pool = Pool::encoding(&limited).unwrap();
    let block = &pool.blocks[0][0];
    assert_eq!(
        block.positions.unwrap(),
        LegacyRandom::seed(0).choice(1400, 1000)
    );
    assert_eq!(block.position(3), block.positions.unwrap()[3]);
    // Every layer has the same voxels.
    for (layer, values) in block.levels.iter().enumerate() {
        let all = input.values[layer][0][0].as_ref().unwrap();
        for (index, r) in values.unwrap().iter().enumerate() {
            assert_eq!(r.to_bits(), all[block.position(index)].to_bits());
        }
    }
    // Exactly 1,000 voxels are all taken, in order, as are fewer.
    for block in [&pool.blocks[2][0], &pool.blocks[1][0]] {
        assert_eq!((block.positions, block.position(7)), (None, 7));
    }
    assert_eq!(
        (pool.blocks[2][0].n_items, pool.blocks[1][1].n_items),
        (1000, 1000)
    );
}

#[test]
fn layers_in_reverse_turn_the_sign() {
    let (_, input) = read(&common::golden("voxels"));
    let order: Vec<usize> = (0..input.layers.len()).rev().collect();
    let reversed = with_layers(&input, &order);
    for sampling in [EncodingSampling::All, EncodingSampling::Exact] {
        let score = |input| {
            let score = bh::encoding_score(input, &options(Some(1000), sampling)).unwrap();
            score.pooled.published.score.unwrap()
        };
        assert!(score(&input) > 0.8);
        assert!((score(&input) + score(&reversed)).abs() < TOLERANCE);
    }
}

// ------------------------------------------------------------------ edges

/// `n_voxels` voxels per ROI and subject, of r 0.1 everywhere.
fn study(n_layers: usize, n_subjects: usize, n_rois: usize, n_voxels: usize) -> EncodingAccuracies {
    let names = |prefix: &str, n| (1..=n).map(|i| format!("{prefix}{i}")).collect();
    let layer = vec![vec![Some(vec![0.1_f32; n_voxels]); n_rois]; n_subjects];
    EncodingAccuracies::new(
        names("layer", n_layers),
        names("sub", n_subjects),
        names("roi", n_rois),
        vec![layer; n_layers],
        Some(50),
    )
}

fn set(input: &mut EncodingAccuracies, [layer, roi, voxel]: [usize; 3], r: f32) {
    input.values[layer][0][roi].as_mut().unwrap()[voxel] = r;
}

#[test]
fn voxels_that_do_not_count() {
    let mut input = study(6, 1, 2, 5);
    for layer in 0..6 {
        set(&mut input, [layer, 0, 0], f32::NAN);
        set(&mut input, [layer, 0, 1], -0.9);
        set(
            &mut input,
            [layer, 0, 2],
            if layer == 4 { 0.6 } else { f32::NAN },
        );
    }
    // Ties go to the lower layer; r = 1 counts by the textbook only.
    set(&mut input, [2, 0, 3], 0.5);
    set(&mut input, [5, 0, 3], 0.5);
    set(&mut input, [3, 0, 4], 1.0);
    set(&mut input, [5, 1, 0], 0.7);
    let score = bh::encoding_score(&input, &EncodingOptions::default()).unwrap();
    let PairedScore {
        published,
        textbook,
        n_items,
        n_undefined,
    } = &score.pooled;
    assert_eq!((*n_items, *n_undefined), (10, 1));
    let votes = published.votes.as_ref().unwrap();
    assert_eq!(votes.row(0).to_vec(), [0, 0, 1, 0, 1, 0]);
    assert_eq!(votes.row(1).to_vec(), [0, 0, 0, 0, 0, 1]);
    let votes = textbook.votes.as_ref().unwrap();
    assert_eq!(votes.row(0).to_vec(), [0, 0, 1, 1, 1, 0]);
    assert_eq!(score.by_subject[0].1, score.pooled);
}

#[test]
fn undefined_has_a_reason_in_the_words_of_this_half() {
    let reason = |input: &EncodingAccuracies| {
        let score = bh::encoding_score(input, &EncodingOptions::default()).unwrap();
        score.pooled.published.score.unwrap_err()
    };
    let mut input = study(6, 1, 2, 3);
    assert_eq!(reason(&input), "no voxel is significant");
    set(&mut input, [1, 0, 0], 0.5);
    assert_eq!(reason(&input), "only one voxel is significant");
    set(&mut input, [2, 0, 1], 0.5);
    assert_eq!(reason(&input), "all significant voxels are in one ROI");
    let mut one_roi = study(6, 2, 1, 3);
    set(&mut one_roi, [1, 0, 0], 0.5);
    set(&mut one_roi, [2, 0, 1], 0.5);
    assert_eq!(reason(&one_roi), "all significant voxels are in one ROI");
    let mut input = study(6, 1, 2, 3);
    set(&mut input, [1, 0, 0], 0.5);
    set(&mut input, [1, 1, 0], 0.5);
    assert_eq!(
        reason(&input),
        "all significant voxels prefer the same layer"
    );
}

#[test]
fn few_layers_are_no_obstacle() {
    let mut input = study(3, 1, 2, 3);
    set(&mut input, [0, 0, 0], 0.5);
    set(&mut input, [2, 1, 0], 0.5);
    for sampling in [EncodingSampling::All, EncodingSampling::Exact] {
        let score = bh::encoding_score(&input, &options(None, sampling)).unwrap();
        assert_eq!(score.pooled.published.score, Ok(1.0));
        let noted = score
            .warnings
            .iter()
            .any(|note| note.contains("no subsets of 5"));
        assert_eq!(noted, sampling == EncodingSampling::Exact);
    }
}

#[test]
fn different_numbers_of_voxels() {
    let mut input = study(6, 2, 2, 3);
    // Subjects may differ.
    for layer in &mut input.values {
        layer[1][0] = Some(vec![0.5; 9]);
    }
    let score = bh::encoding_score(&input, &EncodingOptions::default()).unwrap();
    assert_eq!(score.pooled.n_items, 3 + 3 + 9 + 3);
    // Layers may not.
    input.values[4][1][0] = Some(vec![0.5; 8]);
    for limit in [None, Some(2)] {
        let error = bh::encoding_score(&input, &options(limit, EncodingSampling::All));
        let text = error.unwrap_err().to_string();
        for part in ["`roi1`", "`sub2`", "`layer1` has 9", "`layer5` has 8"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn a_missing_roi_leaves_the_subject_in() {
    let mut input = study(6, 2, 2, 4);
    for layer in &mut input.values {
        layer[1][0] = None;
    }
    let score = bh::encoding_score(&input, &EncodingOptions::default()).unwrap();
    assert_eq!(score.pooled.n_items, 3 * 4);
    assert!(score.warnings[0].contains("`sub2`"), "{:?}", score.warnings);
    let exact = bh::encoding_score(&input, &options(None, EncodingSampling::Exact));
    assert_eq!(exact.unwrap().pooled.n_items, 3 * 4);
}

#[test]
fn bad_options_are_refused() {
    let input = study(6, 1, 2, 3);
    let refused = |options: EncodingOptions| {
        bh::encoding_score(&input, &options)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(options(Some(0), EncodingSampling::All)).contains("voxel limit 0"));
    let p_value = EncodingOptions {
        p_value: 0.0,
        ..Default::default()
    };
    assert!(refused(p_value).contains("`p_value`"));
    let n_layers = EncodingOptions {
        n_layers: 1,
        ..Default::default()
    };
    assert!(refused(n_layers).contains("`n_layers`"));
    assert!(bh::encoding_score(&study(0, 1, 1, 1), &EncodingOptions::default()).is_err());
}

#[test]
fn unknown_test_set_has_no_textbook_score() {
    let (_, mut input) = read(&common::golden("voxels"));
    input.n_test = None;
    for sampling in [EncodingSampling::All, EncodingSampling::Exact] {
        let score = bh::encoding_score(&input, &options(Some(40), sampling)).unwrap();
        assert!(score.pooled.published.score.is_ok());
        assert!(
            score
                .pooled
                .textbook
                .score
                .unwrap_err()
                .contains("not known")
        );
        assert_eq!(
            (score.pooled.textbook.votes, score.pooled.textbook.subsets),
            (None, None)
        );
    }
}

// ------------------------------------------------------------------ properties

fn random_study() -> impl Strategy<Value = EncodingAccuracies> {
    (5_usize..9, 1_usize..3, 2_usize..4, 1_usize..12).prop_flat_map(
        |(layers, subjects, rois, voxels)| {
            let r = prop_oneof![
                1 => Just(f32::NAN), 1 => Just(0.5_f32), 1 => Just(0.0_f32), 1 => Just(-0.0_f32),
                10 => (-2000_i32..10_000).prop_map(|r| r as f32 / 1e4)
            ];
            let n = layers * subjects * rois * voxels;
            proptest::collection::vec(r, n).prop_map(move |r| {
                let mut input = study(layers, subjects, rois, voxels);
                let cells = input
                    .values
                    .iter_mut()
                    .flatten()
                    .flatten()
                    .flatten()
                    .flatten();
                cells.zip(r).for_each(|(cell, r)| *cell = r);
                input
            })
        },
    )
}

/// The study with these layers only.
fn with_layers(input: &EncodingAccuracies, layers: &[usize]) -> EncodingAccuracies {
    EncodingAccuracies::new(
        layers
            .iter()
            .map(|&layer| input.layers[layer].clone())
            .collect(),
        input.subjects.clone(),
        input.rois.clone(),
        layers
            .iter()
            .map(|&layer| input.values[layer].clone())
            .collect(),
        input.n_test,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn exact_is_the_mean_of_studies_with_fewer_layers(input in random_study(), n_layers in 2_usize..6) {
        let options = EncodingOptions {
            n_layers,
            sampling: EncodingSampling::Exact,
            ..Default::default()
        };
        let found = bh::encoding_score(&input, &options).unwrap();
        let n = input.layers.len();
        let mut scores: Vec<Vec<Option<f64>>> = Vec::new();
        for bits in 0..1_u32 << (n - 2) {
            if bits.count_ones() as usize != n_layers - 2 {
                continue;
            }
            let inner = (1..n - 1).filter(|layer| bits >> (layer - 1) & 1 == 1);
            let layers: Vec<usize> = [0].into_iter().chain(inner).chain([n - 1]).collect();
            let fewer = with_layers(&input, &layers);
            let score = bh::encoding_score(&fewer, &EncodingOptions::default()).unwrap();
            let pairs = std::iter::once(&score.pooled).chain(score.by_subject.iter().map(|(_, s)| s));
            let both = pairs.flat_map(|s| [&s.published, &s.textbook]);
            scores.push(both.map(|rule| rule.score.clone().ok()).collect());
        }
        let pairs = std::iter::once(&found.pooled).chain(found.by_subject.iter().map(|(_, s)| s));
        for (index, rule) in pairs.flat_map(|s| [&s.published, &s.textbook]).enumerate() {
            let each: Option<Vec<f64>> = scores.iter().map(|scores| scores[index]).collect();
            prop_assert_eq!(rule.subsets.unwrap().n_subsets as usize, scores.len());
            let expected = each.map(|each| each.iter().sum::<f64>() / each.len() as f64);
            match (rule.score.clone().ok(), expected) {
                (Some(found), Some(expected)) => prop_assert!((found - expected).abs() < 1e-12),
                (found, expected) => prop_assert_eq!(found, expected),
            }
        }
    }

    #[test]
    fn votes_are_those_of_the_definition(input in random_study()) {
        let score = bh::encoding_score(&input, &EncodingOptions::default()).unwrap();
        let rules = Rules::new(0.05, Some(50));
        let mut votes = Array2::<u64>::zeros((input.rois.len(), input.layers.len()));
        for (roi, mut row) in votes.axis_iter_mut(Axis(0)).enumerate() {
            for subject in 0..input.subjects.len() {
                let of = |layer: usize| input.values[layer][subject][roi].as_ref().unwrap();
                for voxel in 0..of(0).len() {
                    let (mut best, mut highest) = (0, f32::NEG_INFINITY);
                    for layer in 0..input.layers.len() {
                        // As the original: NaN is 0, the first maximum wins.
                        let r = of(layer)[voxel];
                        let r = if r.is_nan() { 0.0 } else { r };
                        if r > highest {
                            (best, highest) = (layer, r);
                        }
                    }
                    let best = selection::Best { level: best, accuracy: highest, n_levels: 1 };
                    row[best.level] += u64::from(rules.keeps_published(Some(best)));
                }
            }
        }
        prop_assert_eq!(score.pooled.published.votes.as_ref(), Some(&votes));
        prop_assert_eq!(score.pooled.published.score.ok(), spearman::spearman(votes.view()).ok());
    }
}
