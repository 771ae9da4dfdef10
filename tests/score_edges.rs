//! The score at its edges, and what must not matter to it.

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(clippy::unwrap_used)]

use bhscore::bh::layers::LayerSampling;
use bhscore::bh::{self, DecodingAccuracies, ScoreOptions};
use bhscore::stats::legacy_random::LegacyRandom;
use bhscore::stats::significance::Test;
use proptest::prelude::*;

/// Scores are sums in another order.
const TOLERANCE: f64 = 1e-12;

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

fn pooled_scores(input: &DecodingAccuracies) -> (Option<f64>, Option<f64>) {
    let score = bh::decoding_score(input, &ScoreOptions::default())
        .unwrap()
        .pooled;
    (score.published.score.ok(), score.textbook.score.ok())
}

// ------------------------------------------------------------------ edge cases

#[test]
fn undefined_has_a_reason_and_is_never_zero() {
    let mut input = study(5, 1, 2);
    let fill = |input: &mut DecodingAccuracies, first: f32, second: f32| {
        for layer in &mut input.values {
            layer[0] = vec![Some(vec![first; 3]), Some(vec![second; 3])];
        }
        bh::decoding_score(input, &ScoreOptions::default())
            .unwrap()
            .pooled
    };
    for (values, reason) in [
        ((0.05, 0.01), "no unit is significant"),
        ((f32::NAN, f32::NAN), "no unit is significant"),
        ((-0.9, -0.8), "no unit is significant"),
        ((0.6, 0.1), "all significant units prefer the same ROI"),
    ] {
        let score = fill(&mut input, values.0, values.1);
        assert_eq!(score.published.score, Err(reason.to_owned()), "{values:?}");
        assert_eq!(
            score.textbook.all_layers,
            Err(reason.to_owned()),
            "{values:?}"
        );
        assert_eq!(score.n_undefined, if values.0.is_nan() { 15 } else { 0 });
    }
    // One significant unit in all; r = 1 is significant by the textbook only.
    let _ = fill(&mut input, 0.05, 0.01);
    input.values[2][0][1].as_mut().unwrap()[0] = 1.0;
    let score = bh::decoding_score(&input, &ScoreOptions::default())
        .unwrap()
        .pooled;
    assert_eq!(score.published.n_selected(), Some(0));
    assert_eq!(score.textbook.n_selected(), Some(1));
    assert_eq!(
        score.textbook.all_layers,
        Err("only one unit is significant".to_owned())
    );
    let text = score.textbook.score.unwrap_err();
    assert!(text.contains("significant"), "{text}");
}

#[test]
fn one_roi_or_one_layer() {
    let mut input = study(6, 2, 1);
    input
        .values
        .iter_mut()
        .flatten()
        .for_each(|rois| rois[0] = Some(vec![0.6; 4]));
    let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
    assert_eq!(
        score.pooled.published.score,
        Err("all significant units prefer the same ROI".into())
    );
    let mut input = study(1, 1, 2);
    input.values[0][0] = vec![Some(vec![0.6, 0.1]), Some(vec![0.1, 0.6])];
    let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
    let reason = score.pooled.published.score.unwrap_err();
    assert_eq!(
        reason,
        "the network has 1 layer, the published score takes 5 at a time"
    );
    let reason = score.pooled.textbook.score.unwrap_err();
    assert_eq!(reason, "all significant units are in one layer");
}

/// A study with a clear hierarchy: units of layer l prefer ROI l, some the next one.
fn graded(n_layers: usize, n_subjects: usize) -> DecodingAccuracies {
    let mut input = study(n_layers, n_subjects, 5);
    for (layer, subjects) in input.values.iter_mut().enumerate() {
        for (subject, rois) in subjects.iter_mut().enumerate() {
            for (roi, values) in rois.iter_mut().enumerate() {
                let value = |unit: usize| {
                    let target = (layer * 5 / n_layers + unit % 3 / 2).min(4);
                    0.6 - 0.1 * roi.abs_diff(target) as f32 + 0.001 * ((unit * 7 + roi) % 5) as f32
                };
                *values = Some((0..10 + 3 * subject).map(value).collect());
            }
        }
    }
    input
}

#[test]
fn a_hierarchy_scores_high_and_reversed_low() {
    let input = graded(8, 3);
    let (published, textbook) = pooled_scores(&input);
    assert!(
        published.unwrap() > 0.8 && textbook.unwrap() > 0.8,
        "{published:?}"
    );
    let mut reversed = input.clone();
    reversed.values.reverse();
    let (down, _) = pooled_scores(&reversed);
    assert!((published.unwrap() + down.unwrap()).abs() < TOLERANCE);
}

#[test]
fn unknown_or_tiny_test_set_has_no_textbook_score() {
    let mut input = graded(6, 1);
    for (n_test, reason) in [(None, "not known"), (Some(2), "2 test images")] {
        input.n_test = n_test;
        let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
        assert!(score.pooled.published.score.is_ok());
        assert!(score.pooled.textbook.score.unwrap_err().contains(reason));
        assert_eq!(score.pooled.textbook.votes, None);
    }
    input.n_test = Some(30);
    let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
    assert!(
        score
            .warnings
            .iter()
            .any(|warning| warning.contains("48 degrees of freedom"))
    );
}

#[test]
fn a_level_the_published_rule_cannot_reach() {
    let options = ScoreOptions {
        p_value: 0.001,
        ..Default::default()
    };
    let score = bh::decoding_score(&graded(6, 1), &options).unwrap();
    assert_eq!(
        score.pooled.published.score,
        Err("no unit is significant".into())
    );
    assert!(score.pooled.textbook.score.is_ok());
    assert!(
        score
            .warnings
            .iter()
            .any(|warning| warning.contains("0.00113"))
    );
}

#[test]
fn sampling_all_layers_or_at_random() {
    let input = graded(8, 2);
    let score = |sampling| {
        let options = ScoreOptions {
            sampling,
            ..Default::default()
        };
        bh::decoding_score(&input, &options)
            .unwrap()
            .pooled
            .published
    };
    let all = score(LayerSampling::All);
    assert_eq!((&all.score, all.subsets), (&all.all_layers, None));
    let random = score(LayerSampling::Random {
        draws: 100,
        seed: 7,
    });
    let exact = score(LayerSampling::Exact).subsets.unwrap().spread.unwrap();
    assert!((random.score.unwrap() - exact.mean).abs() < 4.0 * exact.sd / 10.0);
    // Few layers are no obstacle when all were asked for.
    let options = ScoreOptions {
        sampling: LayerSampling::All,
        ..Default::default()
    };
    let few = bh::decoding_score(&graded(4, 1), &options).unwrap();
    assert!(few.pooled.published.score.is_ok() && few.warnings.is_empty());
    let few = bh::decoding_score(&graded(4, 1), &ScoreOptions::default()).unwrap();
    assert!(few.pooled.published.score.is_err() && few.pooled.textbook.score.is_ok());
    assert!(
        few.warnings[0].contains("that of all layers"),
        "{:?}",
        few.warnings
    );
}

#[test]
fn a_missing_roi_leaves_the_subject_in() {
    let mut input = graded(6, 2);
    let full = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
    for layer in &mut input.values {
        layer[1][2] = None;
    }
    let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
    assert_eq!(score.pooled.n_items, full.pooled.n_items);
    assert_eq!(score.by_subject[0], full.by_subject[0]);
    let votes = score.by_subject[1].1.published.votes.as_ref().unwrap();
    assert_eq!((votes.column(2).sum(), votes.sum()), (0, 6 * 13));
    assert_eq!(score.warnings.len(), 1);
    assert!(
        score.warnings[0].contains("`subject1`, ROI `roi2`"),
        "{:?}",
        score.warnings
    );
}

#[test]
fn bad_options_and_empty_studies_are_refused() {
    let input = graded(6, 1);
    let refused = |options: ScoreOptions| {
        bh::decoding_score(&input, &options)
            .unwrap_err()
            .to_string()
    };
    for p_value in [0.0, -0.1, 1.5, f64::NAN] {
        assert!(
            refused(ScoreOptions {
                p_value,
                ..Default::default()
            })
            .contains("`p_value`")
        );
    }
    assert!(
        refused(ScoreOptions {
            n_layers: 1,
            ..Default::default()
        })
        .contains("`n_layers`")
    );
    let sampling = LayerSampling::Random { draws: 0, seed: 0 };
    assert!(
        refused(ScoreOptions {
            sampling,
            ..Default::default()
        })
        .contains("random:0")
    );
    for empty in [study(0, 1, 5), study(6, 0, 5), study(6, 1, 0)] {
        assert!(bh::decoding_score(&empty, &ScoreOptions::default()).is_err());
    }
}

// ------------------------------------------------------------------ what must not matter

/// −0.2 to 1, through integers: proptest's own ranges of f32 fail an assertion of theirs now and then.
fn any_accuracy() -> impl Strategy<Value = f32> {
    (-2000_i32..10_000).prop_map(|r| r as f32 / 1e4)
}

fn random_study() -> impl Strategy<Value = DecodingAccuracies> {
    (5_usize..8, 1_usize..4, 2_usize..6, 1_usize..9).prop_flat_map(
        |(layers, subjects, rois, units)| {
            let r = prop_oneof![1 => Just(f32::NAN), 1 => Just(0.5_f32), 10 => any_accuracy()];
            proptest::collection::vec(r, layers * subjects * rois * (units + 2)).prop_map(
                move |r| {
                    let mut input = study(layers, subjects, rois);
                    let mut r = r.into_iter();
                    for subjects in &mut input.values {
                        for (subject, rois) in subjects.iter_mut().enumerate() {
                            rois.fill_with(|| {
                                Some(r.by_ref().take(units + subject.min(2)).collect())
                            });
                        }
                    }
                    input
                },
            )
        },
    )
}

fn assert_same(one: (Option<f64>, Option<f64>), other: (Option<f64>, Option<f64>)) {
    for (one, other) in [(one.0, other.0), (one.1, other.1)] {
        match (one, other) {
            (Some(one), Some(other)) => assert!((one - other).abs() < TOLERANCE, "{one} {other}"),
            (one, other) => assert_eq!(one, other),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn order_of_units_and_subjects_does_not_matter(input in random_study(), seed: u32) {
        let mut shuffled = input.clone();
        let mut random = LegacyRandom::seed(seed);
        let order = random.permutation(input.subjects.len());
        shuffled.subjects = order.iter().map(|&subject| input.subjects[subject].clone()).collect();
        for (layer, subjects) in shuffled.values.iter_mut().enumerate() {
            *subjects = order.iter().map(|&subject| input.values[layer][subject].clone()).collect();
            for rois in subjects {
                let units = random.permutation(rois[0].as_ref().unwrap().len());
                for values in rois.iter_mut().flatten() {
                    *values = units.iter().map(|&unit| values[unit]).collect();
                }
            }
        }
        assert_same(pooled_scores(&input), pooled_scores(&shuffled));
    }

    #[test]
    fn names_do_not_matter(input in random_study()) {
        let mut renamed = input.clone();
        for names in [&mut renamed.layers, &mut renamed.subjects, &mut renamed.rois] {
            names.reverse();
        }
        assert_same(pooled_scores(&input), pooled_scores(&renamed));
    }

    #[test]
    fn one_subject_or_its_units_as_two_is_the_same(input in random_study()) {
        let mut split = study(input.layers.len(), 2 * input.subjects.len(), input.rois.len());
        for (layer, subjects) in input.values.iter().enumerate() {
            for (subject, rois) in subjects.iter().enumerate() {
                for (roi, values) in rois.iter().enumerate() {
                    let values = values.as_ref().unwrap();
                    let (left, right) = values.split_at(values.len() / 2);
                    split.values[layer][2 * subject][roi] = Some(left.to_vec());
                    split.values[layer][2 * subject + 1][roi] = Some(right.to_vec());
                }
            }
        }
        assert_same(pooled_scores(&input), pooled_scores(&split));
    }

    #[test]
    fn a_roi_that_never_wins_does_not_matter(input in random_study()) {
        let mut extended = input.clone();
        extended.rois.insert(1, "silent".to_owned());
        for rois in extended.values.iter_mut().flatten() {
            let n_units = rois[0].as_ref().unwrap().len();
            rois.insert(1, Some(vec![-1.0; n_units]));
        }
        assert_same(pooled_scores(&input), pooled_scores(&extended));
    }

    #[test]
    fn votes_are_counts_of_units(input in random_study()) {
        let score = bh::decoding_score(&input, &ScoreOptions::default()).unwrap();
        let textbook = Test::Textbook { n_stimuli: 50 };
        let mut n_selected = (0, 0);
        for rois in input.values.iter().flatten() {
            for unit in 0..rois[0].as_ref().unwrap().len() {
                let best = rois.iter().map(|r| r.as_ref().unwrap()[unit]).fold(f32::NAN, f32::max);
                n_selected.0 += u64::from(Test::Published.keeps(best, 0.05));
                n_selected.1 += u64::from(textbook.keeps(best, 0.05));
            }
        }
        prop_assert_eq!(score.pooled.published.n_selected(), Some(n_selected.0));
        prop_assert_eq!(score.pooled.textbook.n_selected(), Some(n_selected.1));
        let by_subject: u64 =
            score.by_subject.iter().map(|(_, score)| score.published.n_selected().unwrap()).sum();
        prop_assert_eq!(by_subject, n_selected.0);
    }
}
