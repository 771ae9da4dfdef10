//! `compute --select`: who counts by the corrected textbook rule, from the definitions.
#![allow(clippy::unwrap_used)]

use bhscore::bh::spearman::spearman;
use bhscore::bh::{
    Correction, DecodingAccuracies, EncodingAccuracies, EncodingOptions, EncodingSampling,
    LayerSampling, ScoreOptions, decoding_score, encoding_score,
};
use bhscore::stats::significance::Test;
use ndarray::Array2;
use proptest::prelude::*;

const N_TEST: usize = 20;
const TEST: Test = Test::Textbook { n_stimuli: N_TEST };
const P_VALUE: f64 = 0.05;

fn names(prefix: &str, n: usize) -> Vec<String> {
    (1..=n).map(|index| format!("{prefix}{index}")).collect()
}

/// `values[layer][subject][roi][item]`; an empty list is a missing file.
type Values = Vec<Vec<Vec<Vec<f32>>>>;

fn files(values: &Values) -> Vec<Vec<Vec<Option<Vec<f32>>>>> {
    let file = |items: &Vec<f32>| (!items.is_empty()).then(|| items.clone());
    let rois = |rois: &Vec<Vec<f32>>| rois.iter().map(file).collect();
    let layer = |layer: &Vec<Vec<Vec<f32>>>| layer.iter().map(rois).collect();
    values.iter().map(layer).collect()
}

fn decoding(values: &Values) -> DecodingAccuracies {
    DecodingAccuracies {
        layers: names("conv", values.len()),
        subjects: names("sub-0", values[0].len()),
        rois: names("V", values[0][0].len()),
        values: files(values),
        n_test: Some(N_TEST),
    }
}

fn encoding(values: &Values) -> EncodingAccuracies {
    let input = decoding(values);
    EncodingAccuracies::new(
        input.layers,
        input.subjects,
        input.rois,
        input.values,
        input.n_test,
    )
}

/// An item: its group, and its accuracy at every level, NaN where there is none.
type Item = (usize, Vec<f32>);

/// Units with their layers as groups, or voxels with their ROIs.
fn items(values: &Values, groups_are_layers: bool) -> Vec<Item> {
    let (n_layers, n_rois) = (values.len(), values[0][0].len());
    let (n_groups, n_levels) = match groups_are_layers {
        true => (n_layers, n_rois),
        false => (n_rois, n_layers),
    };
    let mut items = Vec::new();
    for group in 0..n_groups {
        for (subject, _) in values[0].iter().enumerate() {
            let of = |level: usize| match groups_are_layers {
                true => &values[group][subject][level],
                false => &values[level][subject][group],
            };
            let n_items = (0..n_levels).map(|level| of(level).len()).max().unwrap();
            for item in 0..n_items {
                let accuracy = |level| of(level).get(item).copied().unwrap_or(f32::NAN);
                items.push((group, (0..n_levels).map(accuracy).collect()));
            }
        }
    }
    items
}

/// Best level and p · m (1 where nothing is positive) of an item; `None` without an accuracy.
fn best(accuracies: &[f32]) -> Option<(usize, f64)> {
    let defined: Vec<usize> = (0..accuracies.len())
        .filter(|&level| !accuracies[level].is_nan())
        .collect();
    let highest = defined
        .iter()
        .map(|&level| accuracies[level])
        .reduce(f32::max)?;
    let level = *defined
        .iter()
        .find(|&&level| accuracies[level] == highest)?;
    let p = TEST.p_value(highest) * defined.len() as f64;
    Some((level, if highest > 0.0 { p.min(1.0) } else { 1.0 }))
}

/// The largest level i · α / N at which the i smallest p are all within their own: Benjamini & Hochberg (1995).
fn cut(mut p: Vec<f64>) -> f64 {
    p.sort_by(f64::total_cmp);
    let n = p.len() as f64;
    let within = (1..=p.len()).filter(|&i| p[i - 1] < P_VALUE * i as f64 / n);
    within.max().unwrap_or(0) as f64 * P_VALUE / n
}

fn expected(items: &[Item], shape: (usize, usize), correction: Correction) -> Array2<u64> {
    let best: Vec<_> = items
        .iter()
        .map(|(_, accuracies)| best(accuracies))
        .collect();
    let below = match correction {
        Correction::Fdr => cut(best.iter().flatten().map(|&(_, p)| p).collect()),
        _ => P_VALUE,
    };
    let mut votes = Array2::zeros(shape);
    for ((group, _), best) in items.iter().zip(best) {
        if let Some((level, p)) = best {
            votes[[*group, level]] += u64::from(p < below);
        }
    }
    votes
}

/// Layers × subjects × ROIs × items; a fifth undefined, now and then a file missing.
fn accuracies() -> impl Strategy<Value = Values> {
    let accuracy = (-4_000_i32..10_000).prop_map(|r| match r % 5 {
        0 => f32::NAN,
        _ => r as f32 / 12_000.0,
    });
    let file = (any::<u8>(), prop::collection::vec(accuracy, 7))
        .prop_map(|(missing, items)| if missing % 9 == 0 { vec![] } else { items });
    let rois = prop::collection::vec(file, 4);
    let layer = prop::collection::vec(rois, 2);
    prop::collection::vec(layer, 5)
}

const CORRECTIONS: [Correction; 2] = [Correction::Bonferroni, Correction::Fdr];

proptest! {
    #[test]
    fn votes_are_those_of_the_definition(values in accuracies()) {
        let (units, voxels) = (items(&values, true), items(&values, false));
        let (decoded, encoded) = (decoding(&values), encoding(&values));
        let plain = decoding_score(&decoded, &ScoreOptions::default()).unwrap();
        for correction in CORRECTIONS {
            let options = ScoreOptions { correction, ..ScoreOptions::default() };
            let score = decoding_score(&decoded, &options).unwrap();
            let votes = score.pooled.textbook.votes.clone().unwrap();
            prop_assert_eq!(&votes, &expected(&units, (5, 4), correction));
            prop_assert_eq!(&score.pooled.published, &plain.pooled.published);
            let by_subject = score.by_subject.iter().map(|(_, pair)| pair.textbook.n_selected().unwrap());
            prop_assert_eq!(by_subject.sum::<u64>(), votes.sum());

            let options = EncodingOptions { correction, ..EncodingOptions::default() };
            let score = encoding_score(&encoded, &options).unwrap();
            let votes = score.pooled.textbook.votes.unwrap();
            prop_assert_eq!(&votes, &expected(&voxels, (4, 5), correction));
        }
    }

    /// In a subset of the layers only its layers compete.
    #[test]
    fn subsets_of_layers_are_corrected_for_their_size(
        values in prop::collection::vec(
            prop::collection::vec(
                prop::collection::vec(prop::collection::vec((1_i32..9_000).prop_map(|r| r as f32 / 1e4), 6), 3), 1),
            5),
    ) {
        let options = EncodingOptions {
            n_layers: 3,
            sampling: EncodingSampling::Exact,
            correction: Correction::Bonferroni,
            ..EncodingOptions::default()
        };
        let found = encoding_score(&encoding(&values), &options).unwrap().pooled.textbook;
        let mut scores = Vec::new();
        for middle in 1..4 {
            let subset: Values = [0, middle, 4].iter().map(|&layer| values[layer].clone()).collect();
            let votes = expected(&items(&subset, false), (3, 3), Correction::Bonferroni);
            scores.push(spearman(votes.view()).ok());
        }
        let scores: Option<Vec<f64>> = scores.into_iter().collect();
        match (found.score, scores) {
            (Ok(found), Some(scores)) => {
                prop_assert!((found - scores.iter().sum::<f64>() / 3.0).abs() < 1e-12);
            }
            (found, scores) => prop_assert!(found.is_err() && scores.is_none(), "{found:?} {scores:?}"),
        }
    }
}

#[test]
fn the_number_of_rois_is_that_of_the_unit() {
    // Over 20 images p of 0.52 is 0.0188: twice that is below 0.05, three times is not.
    let nan = f32::NAN;
    let layer = vec![vec![vec![0.52, 0.52], vec![0.1, 0.1], vec![nan, 0.1]]];
    let input = decoding(&vec![layer; 2]);
    let selected = |correction| {
        let options = ScoreOptions {
            correction,
            sampling: LayerSampling::All,
            ..ScoreOptions::default()
        };
        let score = decoding_score(&input, &options).unwrap();
        (score.pooled.textbook.n_selected().unwrap(), score.warnings)
    };
    assert_eq!(selected(Correction::None).0, 4);
    let (n_selected, warnings) = selected(Correction::Bonferroni);
    assert_eq!(n_selected, 2);
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("unit's best ROI times the number of ROIs")),
        "{warnings:?}"
    );
    // Of four p · m, two are 0.0376 and two 0.0563: the cut is at 2 · 0.05 / 4.
    assert_eq!(selected(Correction::Fdr).0, 0);
}

#[test]
fn names_are_those_of_the_option() {
    let named = Correction::NAMES.map(|name| Correction::named(name).unwrap());
    assert_eq!(named, [Correction::None, CORRECTIONS[0], CORRECTIONS[1]]);
    assert_eq!(Correction::named("holm"), None);
}
