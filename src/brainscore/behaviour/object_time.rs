//! Object-solution times: when does a model's population tell an image's object as well as people do?
//! (Kar et al. 2019, Nat. Neurosci. 22, 974–983; SPEC 2.14)
//!
//! Responses are recorded in time bins. For every split of the images (ten, 10 % for testing) and every bin a readout
//! learns the objects of the training images, and gives the test images their `i1`. With the `i1` that a monkey
//! reaches at an image's measured solution time as threshold θ, the predicted time is
//!
//! ```text
//! t = t_hit                                     if no bin before the first with i1 ≥ θ has a value
//! t = t_last + (θ − i_last) / (i_hit − i_last) · (t_hit − t_last)
//! ```
//!
//! `hit`: the first bin with `i1 ≥ θ`; `last`: the bin before it with the best `i1`; `t`: a bin's start. Never reached:
//! no time. The score is the mean over splits of Spearman's ρ of predicted and measured times over images that have
//! both, by the ceiling .79.
//!
//! A model whose responses do not change over time has no solution times: the result is [`Outcome::NoTime`], the X
//! on the registry's pages, not a number.
//
// DEVIATION: the registry stops 40 epochs of stochastic gradient descent (Adam, batches of 64) on the way to the
// optimum of this objective; here the optimum itself. Times agree by rank at best (SPEC 2.14).

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array1;

use super::choices::FalseAlarms;
use super::logistic::Intercept;
use super::readout::{Labelled, Penalty, Readout};
use super::signature::Signature;
use crate::brainscore::features::Features;
use crate::brainscore::predictivity::{N_SPLITS, SEED, check, impossible, mean_and_error};
use crate::error::{Error, Result};
use crate::stats::rank;
use crate::stats::splits::{self, Size, Split};

/// Share of images in a test.
pub const TEST_SHARE: f64 = 0.1;
/// What scores are divided by.
pub const CEILING: f64 = 0.79;
/// Weight decay of the registry's readout beside a mean loss, of weights and intercept: `1 / (1e-3 · 2160)`, rounded.
pub const DECAY: f64 = 0.463;

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// Object in every image, `(n_images,)`, below `n_objects`.
    pub truth: &'a [usize],
    /// Number of objects.
    pub n_objects: usize,
    /// Solution time of every image, in ms, `(n_images,)`; NaN where there is none.
    pub times: &'a [f64],
    /// `i1` at that time, `(n_images,)`.
    pub thresholds: &'a [f64],
}

/// What a model's responses give.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Responses are the same in all bins.
    NoTime,
    /// Scores of splits.
    Scored(Scores),
}

/// Agreement of predicted and measured times.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Spearman's ρ, `(n_splits,)`; NaN where too few images have times.
    pub per_split: Array1<f64>,
    /// Predicted times of the test images of every split, in the order of the split; NaN where never reached.
    pub predicted: Vec<Vec<f64>>,
    /// Mean over splits; NaN if any is.
    pub raw: f64,
    /// Standard error over splits.
    pub error: f64,
}

/// The registry's splits.
///
/// - `n_images`: images in ascending order of their names.
///
/// # Errors
/// If there are too few images.
pub fn registry_splits(n_images: usize) -> Result<Vec<Split>> {
    splits::plain(n_images, N_SPLITS, Size::Test(TEST_SHARE), SEED).map_err(impossible)
}

/// Predicts and compares solution times.
///
/// - `starts`: start of every bin in ms, ascending, `(n_bins,)`; the registry's are 70, 80, … 240.
/// - `responses`: features of all images in a bin, with their values; called once for every bin, and before that until a
///   bin differs from the first; one bin in memory at a time.
/// - `splits`: [`registry_splits`].
/// - `stop`: asked before every readout.
///
/// # Errors
/// If numbers of images differ, a training part lacks an object, `responses` fails, or it is stopped.
pub fn score(
    starts: &[f64],
    responses: &mut dyn FnMut(usize) -> Result<Features>,
    measured: Measured,
    splits: &[Split],
    stop: &AtomicBool,
) -> Result<Outcome> {
    let n_images = measured.truth.len();
    for other in [measured.times.len(), measured.thresholds.len()] {
        check(n_images, other, splits)?;
    }
    if !changes(starts.len(), responses, stop)? {
        return Ok(Outcome::NoTime);
    }
    let start = |split: &Split| vec![Crossing::default(); split.test.len()];
    let mut crossings: Vec<Vec<Crossing>> = splits.iter().map(start).collect();
    for (bin, &time) in starts.iter().enumerate() {
        go_on(stop)?;
        let features = responses(bin)?;
        check(features.n_images(), n_images, &[])?;
        for (split, crossings) in splits.iter().zip(&mut crossings) {
            if crossings.iter().all(|crossing| crossing.hit.is_some()) {
                continue;
            }
            go_on(stop)?;
            let i1 = of_bin(&features, split, measured)?;
            let images = split.test.iter().zip(i1);
            for (crossing, (&image, i1)) in crossings.iter_mut().zip(images) {
                crossing.see(time, i1, measured.thresholds[image]);
            }
        }
    }
    let predicted = splits.iter().zip(&crossings).map(|(split, crossings)| {
        let images = crossings.iter().zip(&split.test);
        images
            .map(|(crossing, &image)| crossing.time(measured.thresholds[image]))
            .collect()
    });
    Ok(Outcome::Scored(compare(
        predicted.collect(),
        measured,
        splits,
    )))
}

/// Whether the first image's responses differ between any two bins.
fn changes(
    n_bins: usize,
    responses: &mut dyn FnMut(usize) -> Result<Features>,
    stop: &AtomicBool,
) -> Result<bool> {
    let mut first: Option<Vec<Option<f64>>> = None;
    for bin in 0..n_bins {
        go_on(stop)?;
        let features = responses(bin)?;
        let units = 0..features.n_units();
        let row: Vec<Option<f64>> = units.map(|unit| features.at(0, unit)).collect();
        match &first {
            Some(first) if *first != row => return Ok(true),
            Some(_) => {}
            None => first = Some(row),
        }
    }
    Ok(false)
}

fn go_on(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

/// `i1` of the test images in a bin.
fn of_bin(features: &Features, split: &Split, measured: Measured) -> Result<Vec<f64>> {
    let truth = |images: &[usize]| -> Vec<usize> {
        images.iter().map(|&image| measured.truth[image]).collect()
    };
    let classes = truth(&split.train);
    let known = Labelled {
        images: &split.train,
        classes: &classes,
        n_classes: measured.n_objects,
    };
    // Mean loss + ½ decay ‖·‖², divided by the decay.
    let penalty = Penalty {
        c: 1.0 / (DECAY * split.train.len() as f64),
        intercept: Intercept::Penalised,
    };
    let readout = Readout::fit(features, known, penalty)?;
    let probabilities = readout.probabilities(&split.test);
    let alarms = FalseAlarms::of_probabilities(probabilities.view(), &truth(&split.test))?;
    Ok(Signature::I1.of(&alarms).into_iter().collect())
}

/// Where an image's `i1` reaches its threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Crossing {
    /// Time and value of the best bin below the threshold.
    last: Option<(f64, f64)>,
    /// Time and value of the first bin that reaches it.
    hit: Option<(f64, f64)>,
}

impl Crossing {
    /// Takes the next bin in. NaN is neither below nor above.
    fn see(&mut self, time: f64, i1: f64, threshold: f64) {
        if self.hit.is_some() {
            return;
        }
        if i1 >= threshold {
            self.hit = Some((time, i1));
        } else if i1 < threshold && self.last.is_none_or(|(_, best)| best < i1) {
            self.last = Some((time, i1));
        }
    }

    fn time(&self, threshold: f64) -> f64 {
        match (self.hit, self.last) {
            (None, _) => f64::NAN,
            (Some((time, _)), None) => time,
            (Some((hit, reached)), Some((last, best))) => {
                last + (threshold - best) / (reached - best) * (hit - last)
            }
        }
    }
}

fn compare(predicted: Vec<Vec<f64>>, measured: Measured, splits: &[Split]) -> Scores {
    let rho = |(predicted, split): (&Vec<f64>, &Split)| {
        let times = split.test.iter().map(|&image| measured.times[image]);
        let pairs = predicted.iter().copied().zip(times);
        let both = pairs.filter(|(one, other)| !one.is_nan() && !other.is_nan());
        let (one, other): (Vec<f64>, Vec<f64>) = both.unzip();
        rank::spearman(&one, &other)
    };
    let per_split: Array1<f64> = predicted.iter().zip(splits).map(rho).collect();
    let (raw, error) = mean_and_error(&per_split);
    Scores {
        per_split,
        predicted,
        raw,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use ndarray::Array2;

    #[test]
    fn times_are_interpolated_from_the_best_bin_before() {
        let mut crossing = Crossing::default();
        for (time, i1) in [(70.0, 0.2), (80.0, 1.0), (90.0, 0.4), (100.0, f64::NAN)] {
            crossing.see(time, i1, 1.5);
        }
        assert!(crossing.time(1.5).is_nan());
        crossing.see(110.0, 2.0, 1.5);
        crossing.see(120.0, 9.0, 1.5);
        // Half way from 1 at 80 to 2 at 110.
        assert_eq!(crossing.time(1.5), 95.0);
        let mut at_once = Crossing::default();
        at_once.see(70.0, 3.0, 1.5);
        assert_eq!(at_once.time(1.5), 70.0);
    }

    /// Images whose signal grows, each from its own bin on.
    fn study(n: usize, n_bins: usize) -> (Vec<usize>, Vec<f64>, Vec<Array2<f32>>) {
        let truth: Vec<usize> = (0..n).map(|image| image % 3).collect();
        let onsets: Vec<f64> = (0..n).map(|image| (image * 5 % 8) as f64).collect();
        let bins = (0..n_bins).map(|bin| {
            let mut x = noise(n, 40, 3 + bin as u32) * 0.4;
            for (image, mut row) in x.rows_mut().into_iter().enumerate() {
                let signal = (bin as f64 - onsets[image]).clamp(0.0, 4.0);
                for unit in 0..8 {
                    row[8 * truth[image] + unit] += signal;
                }
            }
            x.mapv(|value| value as f32)
        });
        let bins = bins.collect();
        (truth, onsets, bins)
    }

    #[test]
    fn images_that_are_solved_later_have_later_times() {
        let (n, n_bins) = (120, 12);
        let (truth, onsets, bins) = study(n, n_bins);
        let starts: Vec<f64> = (0..n_bins).map(|bin| 70.0 + 10.0 * bin as f64).collect();
        let times: Vec<f64> = onsets.iter().map(|onset| 70.0 + 10.0 * onset).collect();
        let measured = Measured {
            truth: &truth,
            n_objects: 3,
            times: &times,
            thresholds: &vec![1.8; n],
        };
        let splits = registry_splits(n).unwrap();
        assert_eq!(splits[0].test.len(), 12);
        let mut responses = |bin: usize| Features::new(bins[bin].clone());
        let run = |responses: &mut dyn FnMut(usize) -> Result<Features>| {
            score(
                &starts,
                responses,
                measured,
                &splits,
                &AtomicBool::new(false),
            )
        };
        let Outcome::Scored(found) = run(&mut responses).unwrap() else {
            panic!("responses change");
        };
        assert!(found.raw > 0.7, "{found:?}");
        let mut still = |_| Features::new(bins[0].clone());
        assert_eq!(run(&mut still).unwrap(), Outcome::NoTime);
        let mut wrong =
            |bin: usize| Features::new(bins[bin].slice(ndarray::s![..50, ..]).to_owned());
        assert!(run(&mut wrong).is_err());
        // Ctrl-C while a bin is read ends it before the next one.
        let stop = AtomicBool::new(false);
        let mut n_read = 0;
        let mut stopping = |bin: usize| {
            n_read += 1;
            stop.store(n_read == 3, Ordering::Relaxed);
            Features::new(bins[bin].clone())
        };
        let found = score(&starts, &mut stopping, measured, &splits, &stop);
        assert!(matches!(found, Err(Error::Interrupted)), "{found:?}");
        assert_eq!(n_read, 3);
    }
}
