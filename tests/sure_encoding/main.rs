//! How sure encoding scores are, against the definition: accuracies are made again for every resample, and
//! scored as always.

#![allow(clippy::unwrap_used, reason = "tests may")]

mod study;

use bhscore::bh::sure::half::{self, SureHalf, SureRule};
use bhscore::bh::sure::image_shuffle::Orders;
use bhscore::bh::sure::interval::sum_of_squares;
use bhscore::bh::sure::jackknife::Jackknife;
use bhscore::bh::sure::statistic::Statistic;
use bhscore::bh::sure::{Sure, SureOptions, balanced};
use bhscore::bh::{
    self, EncodingAccuracies, EncodingOptions, EncodingSampling, EncodingScore, PairedScore,
    RuleScore, layers,
};
use bhscore::stats::legacy_random::LegacyRandom;
use study::{N_IMAGES, N_LAYERS, N_ROIS, N_SUBJECTS, Study};

fn options(sampling: EncodingSampling) -> EncodingOptions {
    EncodingOptions {
        sampling,
        n_layers: 4,
        voxel_limit: None,
        ..Default::default()
    }
}

fn resamples() -> SureOptions {
    SureOptions {
        seed: 3,
        n_jackknife: 40,
        n_shuffles: 40,
        n_bootstraps: 400,
        ..Default::default()
    }
}

fn score(accuracies: &EncodingAccuracies, sampling: EncodingSampling) -> EncodingScore {
    bh::encoding_score(accuracies, &options(sampling)).unwrap()
}

fn measure(study: &Study, sampling: EncodingSampling) -> SureHalf {
    let accuracies = study.all();
    let score = score(&accuracies, sampling);
    half::encoding(study, &accuracies, &score, &options(sampling), &resamples()).unwrap()
}

/// One rule's part of scores and of what was measured.
struct Rule {
    score: fn(&PairedScore) -> &RuleScore,
    sure: fn(&SureHalf) -> &SureRule,
}

const RULES: [Rule; 2] = [
    Rule {
        score: |pair| &pair.published,
        sure: |half| half.rules.published.as_ref().unwrap(),
    },
    Rule {
        score: |pair| &pair.textbook,
        sure: |half| half.rules.textbook.as_ref().unwrap(),
    },
];

const SAMPLINGS: [EncodingSampling; 2] = [EncodingSampling::All, EncodingSampling::Exact];

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

/// Accuracies with their parts changed in place.
fn changed(
    input: &EncodingAccuracies,
    change: impl FnOnce(&mut EncodingAccuracies),
) -> EncodingAccuracies {
    let mut changed = input.clone();
    change(&mut changed);
    changed
}

#[test]
fn resamples_of_images_are_scores_of_their_accuracies() {
    let study = Study::new(1);
    let all: Vec<usize> = (0..N_IMAGES).collect();
    let jackknife = Jackknife::new(N_IMAGES, 40, 3).unwrap();
    let orders = Orders::new(N_IMAGES, 40, 3);
    for sampling in SAMPLINGS {
        let half = measure(&study, sampling);
        assert_eq!(half.n_deleted, Some(6));
        for rule in RULES {
            let of = |accuracies: &EncodingAccuracies| {
                (rule.score)(&score(accuracies, sampling).pooled).clone()
            };
            let found = (rule.sure)(&half);
            let kept: Vec<Option<f64>> = (0..40)
                .map(|replicate| {
                    let images = jackknife.images(replicate);
                    of(&study.accuracies(&images, &images)).score.ok()
                })
                .collect();
            for (found, expected) in found.replicates.as_ref().unwrap().iter().zip(&kept) {
                close(found.unwrap(), expected.unwrap());
            }
            let kept: Vec<f64> = kept.into_iter().flatten().collect();
            let se = (24.0 / (6.0 * 40.0) * sum_of_squares(&kept).unwrap()).sqrt();
            close(found.jackknife.as_ref().unwrap().se, se);

            let shuffled: Vec<RuleScore> = (0..40)
                .map(|replicate| of(&study.accuracies(&all, orders.order(replicate))))
                .collect();
            let defined: Vec<f64> = shuffled
                .iter()
                .filter_map(|s| s.score.clone().ok())
                .collect();
            let shuffle = found.image_shuffle.as_ref().unwrap();
            assert_eq!(shuffle.null.n_undefined as usize, 40 - defined.len());
            let mean = defined.iter().sum::<f64>() / defined.len() as f64;
            close(shuffle.null.mean.unwrap(), mean);
            if sampling == EncodingSampling::All {
                let n_kept: u64 = shuffled.iter().map(|s| s.n_selected().unwrap()).sum();
                let n_items = score(&study.all(), sampling).pooled.n_items;
                close(
                    shuffle.false_selection,
                    n_kept as f64 / (40 * n_items) as f64,
                );
            }
            // The study was made to be known from noise.
            assert!(shuffle.selection > 3.0 * shuffle.false_selection);
        }
    }
}

/// All orders of `items`.
fn orders(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, &first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(place);
        all.extend(
            orders(&rest)
                .into_iter()
                .map(|rest| [vec![first], rest].concat()),
        );
    }
    all
}

#[test]
fn the_null_is_of_the_order_of_the_rois() {
    let input = Study::new(1).all();
    for sampling in SAMPLINGS {
        let half = measure(&Study::new(1), sampling);
        for rule in RULES {
            let of = |accuracies: &EncodingAccuracies| {
                let score = score(accuracies, sampling);
                (rule.score)(&score.pooled).score.clone().unwrap()
            };
            let observed = of(&input);
            let scores: Vec<f64> = (orders(&[0, 1, 2, 3]).iter())
                .map(|order| {
                    of(&changed(&input, |input| {
                        for rois in input.values.iter_mut().flatten() {
                            *rois = order.iter().map(|&roi| rois[roi].clone()).collect();
                        }
                    }))
                })
                .collect();
            let as_high = scores.iter().filter(|&&s| s >= observed - 1e-12).count();
            let null = (rule.sure)(&half).layer_order.as_ref().unwrap();
            assert_eq!((null.n_draws, null.exact), (24, true));
            close(null.observed, observed);
            close(null.p, as_high as f64 / 24.0);
            close(null.smallest_p, 1.0 / 24.0);
            close(null.mean.unwrap(), scores.iter().sum::<f64>() / 24.0);
        }
    }
}

#[test]
fn subjects_alone_and_without_each() {
    let input = Study::new(2).all();
    for sampling in SAMPLINGS {
        let (scores, half) = (score(&input, sampling), measure(&Study::new(2), sampling));
        for rule in RULES {
            let subjects = &(rule.sure)(&half).subjects;
            for (found, (name, expected)) in subjects.alone.iter().zip(&scores.by_subject) {
                assert_eq!(&found.subject, name);
                close(
                    found.score.unwrap(),
                    (rule.score)(expected).score.clone().unwrap(),
                );
            }
            // Of two, all but one is the other.
            assert_eq!(subjects.without[0].score, subjects.alone[1].score);
            assert_ne!(subjects.without[0].score, subjects.without[1].score);
        }
    }
}

/// The layers of every subset that competes.
fn subsets(sampling: EncodingSampling) -> Vec<Vec<usize>> {
    match sampling {
        EncodingSampling::All => vec![(0..N_LAYERS).collect()],
        EncodingSampling::Exact => layers::subsets(N_LAYERS, 4).collect(),
    }
}

#[test]
fn variants_are_means_over_the_subsets() {
    let input = Study::new(3).all();
    for sampling in SAMPLINGS {
        let half = measure(&Study::new(3), sampling);
        for rule in RULES {
            let (mut weighed, mut above, mut n_above) = (Vec::new(), Vec::new(), 0);
            for levels in subsets(sampling) {
                let among = changed(&input, |input| {
                    input.layers = levels.iter().map(|&l| input.layers[l].clone()).collect();
                    input.values = levels.iter().map(|&l| input.values[l].clone()).collect();
                });
                let scored = score(&among, EncodingSampling::All).pooled;
                let votes = (rule.score)(&scored).votes.clone().unwrap();
                weighed.push(balanced::score(votes.view(), &Statistic::ALL_ROWS).unwrap());
                // Voxels with small margins have no accuracy.
                let clear = changed(&among, |among| {
                    for (subject, roi) in
                        (0..N_SUBJECTS).flat_map(|s| (0..N_ROIS).map(move |roi| (s, roi)))
                    {
                        for voxel in 0..among.n_voxels(subject, roi).unwrap() {
                            let of = |layer: &Vec<Vec<Option<Vec<f32>>>>| {
                                layer[subject][roi].as_ref().unwrap()[voxel]
                            };
                            let mut sorted: Vec<f32> = among.values.iter().map(of).collect();
                            sorted.sort_by(|a, b| b.total_cmp(a));
                            if f64::from(sorted[0]) - f64::from(sorted[1]) > 0.05 {
                                continue;
                            }
                            for layer in &mut among.values {
                                layer[subject][roi].as_mut().unwrap()[voxel] = f32::NAN;
                            }
                        }
                    }
                });
                let scored = score(&clear, EncodingSampling::All).pooled;
                above.push((rule.score)(&scored).score.clone().unwrap());
                n_above += (rule.score)(&scored).n_selected().unwrap();
            }
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let found = (rule.sure)(&half);
            close(found.balanced.unwrap(), mean(&weighed));
            let margin = &found.margin.above[1];
            assert_eq!((margin.margin, margin.n_selected), (0.05, n_above));
            close(margin.score.unwrap(), mean(&above));
        }
    }
}

#[test]
fn voxels_are_drawn_within_each_roi_and_subject() {
    let input = Study::new(4).all();
    let mut random = LegacyRandom::seed(8);
    for sampling in SAMPLINGS {
        let half = measure(&Study::new(4), sampling);
        let drawn: Vec<EncodingScore> = (0..400)
            .map(|_| {
                let drawn = changed(&input, |input| {
                    for subject in 0..N_SUBJECTS {
                        for roi in 0..N_ROIS {
                            let n = input.n_voxels(subject, roi).unwrap();
                            let voxels: Vec<usize> = (0..n)
                                .map(|_| random.interval(n as u32 - 1) as usize)
                                .collect();
                            for layer in &mut input.values {
                                let values = layer[subject][roi].as_mut().unwrap();
                                *values = voxels.iter().map(|&voxel| values[voxel]).collect();
                            }
                        }
                    }
                });
                score(&drawn, sampling)
            })
            .collect();
        for rule in RULES {
            let scores: Vec<f64> = (drawn.iter())
                .map(|score| (rule.score)(&score.pooled).score.clone().unwrap())
                .collect();
            let expected = (sum_of_squares(&scores).unwrap() / 399.0).sqrt();
            let found = (rule.sure)(&half).unit_bootstrap.as_ref().unwrap().se;
            // Either is of 400 draws: its standard error is 3.5 %.
            assert!((found / expected - 1.0).abs() < 0.2, "{found} {expected}");
        }
    }
}

#[test]
fn threads_do_not_matter_and_the_seed_does() {
    let study = Study::new(5);
    let accuracies = study.all();
    let sampling = EncodingSampling::Exact;
    let scored = score(&accuracies, sampling);
    let with = |n_threads: usize, seed: u32| {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .unwrap();
        let resamples = SureOptions {
            seed,
            ..resamples()
        };
        threads.install(|| {
            half::encoding(&study, &accuracies, &scored, &options(sampling), &resamples).unwrap()
        })
    };
    assert_eq!(with(1, 3), with(4, 3));
    assert_ne!(with(4, 3), with(4, 4));
}

#[test]
fn a_network_that_knows_nothing_has_no_significant_order() {
    // Accuracies at random, all of them significant: p is as good as uniform.
    let mut random = LegacyRandom::seed(11);
    let nothing = Study {
        images: Vec::new(),
        ..Study::new(1)
    };
    let few = SureOptions {
        n_bootstraps: 2,
        ..resamples()
    };
    let p: Vec<f64> = (0..200)
        .map(|_| {
            let accuracies = changed(&nothing.all(), |input| {
                for values in input.values.iter_mut().flatten().flatten().flatten() {
                    values.fill_with(|| (0.4 + 0.5 * random.random_sample()) as f32);
                }
            });
            let scored = score(&accuracies, EncodingSampling::All);
            let options = options(EncodingSampling::All);
            let half = half::encoding(&nothing, &accuracies, &scored, &options, &few).unwrap();
            assert!(half.images.is_none() && half.notes[0].contains("data/encoded_fmri"));
            half.rules.published.unwrap().layer_order.unwrap().p
        })
        .collect();
    // With 24 orders p ≤ .05 is p = 1/24: 8 of 200, standard deviation 3.
    let n_small = p.iter().filter(|&&p| p <= 0.05).count();
    assert!((1..=20).contains(&n_small), "{n_small} of 200");
    let mean = p.iter().sum::<f64>() / 200.0;
    assert!((mean - 0.52).abs() < 0.1, "{mean}");
}

#[test]
fn subjects_with_other_images_are_named() {
    let study = Study {
        stranger: Some((2, 1)),
        ..Study::new(1)
    };
    let accuracies = study.all();
    let sampling = EncodingSampling::All;
    let scored = score(&accuracies, sampling);
    let found = half::encoding(
        &study,
        &accuracies,
        &scored,
        &options(sampling),
        &resamples(),
    );
    let text = found.unwrap_err().to_string();
    for part in [
        "encoded fMRI of ROI `V3`, subject `sub-2`",
        "other images",
        "encode-predict",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn too_many_subsets_are_said_to_be() {
    let study = Study::new(1);
    let accuracies = study.all();
    let sampling = EncodingSampling::Exact;
    let scored = score(&accuracies, sampling);
    let many = SureOptions {
        n_bootstraps: 1_000_000_000_000,
        ..resamples()
    };
    let found = half::encoding(&study, &accuracies, &scored, &options(sampling), &many).unwrap();
    assert!(
        found.notes[0].contains("--enc-layer-sampling all"),
        "{:?}",
        found.notes
    );
    let rule = found.rules.published.unwrap();
    assert!(rule.jackknife.is_none() && rule.image_shuffle.is_none());
    assert!(rule.unit_bootstrap.is_none() && rule.replicates.is_none());
    assert!(rule.layer_order.is_some() && rule.balanced.is_some());
}

#[test]
fn the_average_has_the_spread_of_averaged_resamples() {
    let (one, other) = (
        measure(&Study::new(1), EncodingSampling::All),
        measure(&Study::new(6), EncodingSampling::All),
    );
    let scores = Some((Ok(0.4), Err("none".to_owned())));
    let both = |one: &SureHalf, other: &SureHalf| {
        let (one, other) = (Some(one.clone()), Some(other.clone()));
        Sure::new(&resamples(), one, other, scores.clone()).unwrap()
    };
    let found = both(&one, &other);
    let replicates = |half: &SureHalf| {
        let rule = half.rules.published.as_ref().unwrap();
        rule.replicates.clone().unwrap()
    };
    let means: Vec<f64> = (replicates(&one).iter().zip(replicates(&other)))
        .map(|(a, b)| (a.unwrap() + b.unwrap()) / 2.0)
        .collect();
    let se = (24.0 / (6.0 * 40.0) * sum_of_squares(&means).unwrap()).sqrt();
    let pair = found.average.unwrap();
    let interval = pair.published.unwrap().jackknife;
    close(interval.se, se);
    close((interval.low + interval.high) / 2.0, 0.4);
    assert!(pair.textbook.is_none() && found.notes[0].contains("textbook"));

    let mut elsewhere = other.clone();
    elsewhere.images.as_mut().unwrap()[7].push('x');
    let found = both(&one, &elsewhere);
    assert!(found.average.unwrap().published.is_none());
    assert!(
        found.notes[0].contains("other test images"),
        "{:?}",
        found.notes
    );
    let without = SureHalf {
        images: None,
        ..other
    };
    assert!(both(&one, &without).notes[0].contains("of one half are not there"));
    assert!(Sure::new(&resamples(), None, None, None).is_none());
    let alone = Sure::new(&resamples(), None, Some(one), None).unwrap();
    assert!(alone.average.is_none() && alone.decoding.is_none() && alone.notes.is_empty());
    assert_eq!(alone.n_stimuli, Some(N_IMAGES));
}
