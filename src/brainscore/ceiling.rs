//! How well a site's mean response could be predicted at all, from how its repetitions agree.
//!
//! The estimator of Brain-Score (`InternalConsistency`; SPEC 2.4): the repetitions are split into random halves, the
//! same for all stimuli; either half is averaged over its repetitions, and over stimuli
//!
//! ```text
//! r       Pearson's r of the two halves, of every site
//! c       2 r / (1 + r)     reliability of the mean over all repetitions (Spearman 1910; Brown 1910)
//! ```
//!
//! then the median over sites and the mean over splits. `c` is a share of variance: no prediction explains more of
//! the mean response, and none correlates with it better than `√c`.

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::predictivity::{N_SPLITS, SEED, impossible, mean_and_error, median};
use crate::error::{Error, Result};
use crate::stats::correlation;
use crate::stats::splits::{self, Size};

/// Share of the repetitions in the first half.
const HALF: f64 = 0.5;

/// Responses to single presentations.
#[derive(Debug, Clone, Copy)]
pub struct Presentations<'a> {
    /// `(n_presentations, n_sites)`; NaN where a response is missing.
    pub responses: ArrayView2<'a, f64>,
    /// Stimulus of every presentation, counted from 0, `(n_presentations,)`.
    pub stimulus: &'a [usize],
    /// Which repetition of its stimulus a presentation is, any numbers, `(n_presentations,)`.
    pub repetition: &'a [i64],
}

impl Presentations<'_> {
    /// Number of stimuli.
    pub fn n_stimuli(&self) -> usize {
        self.stimulus.iter().max().map_or(0, |last| last + 1)
    }

    /// Different repetitions, ascending.
    fn repetitions(&self) -> Vec<i64> {
        let mut all = self.repetition.to_vec();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn check(&self) -> Result<()> {
        let n = self.responses.nrows();
        if self.stimulus.len() == n && self.repetition.len() == n {
            return Ok(());
        }
        Err(Error::data(
            "presentations",
            format!(
                "{n} responses, {} stimuli and {} repetitions",
                self.stimulus.len(),
                self.repetition.len()
            ),
            "give one stimulus and one repetition per row of the responses",
        ))
    }

    /// Share of the stimuli that were repeated, with a response, over the sites that have one to each of them; 1 without
    /// such sites.
    pub fn share_repeated(&self) -> f64 {
        let (mut n_repeated, mut n_all) = (0, 0);
        for site in self.responses.columns() {
            let mut counts = vec![0_usize; self.n_stimuli()];
            let rows = site.iter().zip(self.stimulus);
            rows.filter(|(value, _)| !value.is_nan())
                .for_each(|(_, &stimulus)| counts[stimulus] += 1);
            if counts.iter().all(|&count| count > 0) {
                n_all += counts.len();
                n_repeated += counts.iter().filter(|&&count| count > 1).count();
            }
        }
        match n_all {
            0 => 1.0,
            n_all => n_repeated as f64 / n_all as f64,
        }
    }

    /// Mean response to every stimulus over the presentations that `of` chooses, without missing ones:
    /// `(n_stimuli, n_sites)`, NaN where nothing is left.
    pub fn means(&self, of: impl Fn(i64) -> bool) -> Array2<f64> {
        let shape = (self.n_stimuli(), self.responses.ncols());
        let (mut sums, mut counts) = (Array2::<f64>::zeros(shape), Array2::<f64>::zeros(shape));
        let rows = self.responses.rows().into_iter();
        for ((row, &stimulus), &repetition) in rows.zip(self.stimulus).zip(self.repetition) {
            if !of(repetition) {
                continue;
            }
            let slots = sums.row_mut(stimulus).into_iter();
            let slots = slots.zip(counts.row_mut(stimulus));
            for ((sum, count), &value) in slots.zip(row).filter(|(_, value)| !value.is_nan()) {
                *sum += value;
                *count += 1.0;
            }
        }
        sums / counts
    }
}

/// Reliability of mean responses.
#[derive(Debug, Clone, PartialEq)]
pub struct Ceiling {
    /// `2 r / (1 + r)` of every split and site, `(n_splits, n_sites)`; as it comes: where r is near −1 it has no bound.
    pub table: Array2<f64>,
    /// Median over sites that have one, `(n_splits,)`.
    pub per_split: Array1<f64>,
    /// Mean over splits, as it comes.
    pub raw: f64,
    /// The same, within 0 and 1: what scores are normalised by.
    pub value: f64,
    /// Standard error over splits.
    pub error: f64,
    /// Different repetitions; of an odd number the second half has one more.
    pub n_repetitions: usize,
    /// Stimuli that a site lacks in one of the halves, summed over sites and splits; that site goes without them.
    pub n_dropped: usize,
}

impl Ceiling {
    /// Mean over splits of every site within 0 and 1, `(n_sites,)`; NaN where it is undefined in a split.
    pub fn per_site(&self) -> Array1<f64> {
        let n_splits = self.table.nrows() as f64;
        let mean = |site: ndarray::ArrayView1<f64>| (site.sum() / n_splits).clamp(0.0, 1.0);
        self.table.columns().into_iter().map(mean).collect()
    }
}

/// The ceiling of ten random halves; none when there are fewer than two repetitions.
///
/// # Errors
/// If there are not as many stimuli and repetitions as responses.
pub fn split_half(data: &Presentations) -> Result<Option<Ceiling>> {
    data.check()?;
    let repetitions = data.repetitions();
    if repetitions.len() < 2 {
        return Ok(None);
    }
    let halves = splits::plain(repetitions.len(), N_SPLITS, Size::Train(HALF), SEED);
    let found: Vec<(Array1<f64>, usize)> = halves
        .map_err(impossible)?
        .par_iter()
        .map(|split| {
            let mean = |half: &[usize]| {
                let mut chosen: Vec<i64> = half.iter().map(|&place| repetitions[place]).collect();
                chosen.sort_unstable();
                data.means(|repetition| chosen.binary_search(&repetition).is_ok())
            };
            agreement(mean(&split.train), mean(&split.test))
        })
        .collect();
    let n_sites = data.responses.ncols();
    let mut table = Array2::zeros((found.len(), n_sites));
    for (mut row, (corrected, _)) in table.rows_mut().into_iter().zip(&found) {
        row.assign(corrected);
    }
    let per_split: Array1<f64> = table
        .rows()
        .into_iter()
        .map(|row| median(row.iter().copied()))
        .collect();
    let (raw, error) = mean_and_error(&per_split);
    Ok(Some(Ceiling {
        table,
        per_split,
        raw,
        value: raw.clamp(0.0, 1.0),
        error,
        n_repetitions: repetitions.len(),
        n_dropped: found.iter().map(|(_, dropped)| dropped).sum(),
    }))
}

/// Reliability of every site from its two halves, both `(n_stimuli, n_sites)`, and how many stimuli were dropped.
fn agreement(mut one: Array2<f64>, mut other: Array2<f64>) -> (Array1<f64>, usize) {
    let missing = |half: &Array2<f64>| half.iter().any(|value| value.is_nan());
    if !missing(&one) && !missing(&other) {
        let r = correlation::columns(one.view(), other.view());
        return (r.mapv(spearman_brown), 0);
    }
    let mut dropped = 0;
    let columns = one.columns_mut().into_iter().zip(other.columns_mut());
    let corrected = columns.map(|(one, other)| {
        let pairs = one
            .iter()
            .zip(&other)
            .filter(|(a, b)| !a.is_nan() && !b.is_nan());
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
        dropped += one.len() - a.len();
        let column = |values: Vec<f64>| Array1::from(values).insert_axis(ndarray::Axis(1));
        spearman_brown(correlation::columns(column(a).view(), column(b).view())[0])
    });
    (corrected.collect(), dropped)
}

/// Reliability of twice as many repetitions.
fn spearman_brown(r: f64) -> f64 {
    2.0 * r / (1.0 + r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    /// Presentations of `n_stimuli` stimuli, each `n_repetitions` times, one repetition after the other.
    struct Recorded {
        responses: Array2<f64>,
        stimulus: Vec<usize>,
        repetition: Vec<i64>,
    }

    impl Recorded {
        fn new(n_stimuli: usize, n_repetitions: usize, n_sites: usize, sd: f64) -> Recorded {
            let signal = noise(n_stimuli, n_sites, 1);
            let errors = noise(n_stimuli * n_repetitions, n_sites, 2);
            let shape = errors.dim();
            Recorded {
                responses: Array2::from_shape_fn(shape, |(row, site)| {
                    signal[[row % n_stimuli, site]] + sd * errors[[row, site]]
                }),
                stimulus: (0..shape.0).map(|row| row % n_stimuli).collect(),
                repetition: (0..shape.0)
                    .map(|row| 5 + (row / n_stimuli) as i64)
                    .collect(),
            }
        }

        fn presentations(&self) -> Presentations<'_> {
            Presentations {
                responses: self.responses.view(),
                stimulus: &self.stimulus,
                repetition: &self.repetition,
            }
        }
    }

    #[test]
    fn reliability_that_was_built_in_is_found() {
        // 1 / (1 + 2² / 8) of the mean of 8; 40 sites of 400 stimuli.
        let recorded = Recorded::new(400, 8, 40, 2.0);
        let found = split_half(&recorded.presentations()).unwrap().unwrap();
        let expected = 1.0 / 1.5;
        // The standard error of r over 400 stimuli is (1 − r²)/20 with r = .5, of c by the factor 2/(1 + r)² = .89;
        // of a median of 40 sites 1.25/√40 of it. Splits share their data: their own error is too small.
        let error = 0.75 / 20.0 * 0.89 * 1.25 / 40_f64.sqrt();
        assert!(
            (found.value - expected).abs() < 3.0 * error,
            "{} {error}",
            found.value
        );
        assert_eq!((found.n_repetitions, found.n_dropped), (8, 0));
        assert_eq!(found.raw, found.value);
    }

    #[test]
    fn without_repetitions_there_is_none() {
        let recorded = Recorded::new(10, 1, 3, 1.0);
        assert_eq!(split_half(&recorded.presentations()).unwrap(), None);
        let mut short = recorded.presentations();
        short.repetition = &short.repetition[1..];
        assert!(split_half(&short).is_err());
    }

    #[test]
    fn missing_stimuli_are_dropped_for_their_site_only() {
        let mut recorded = Recorded::new(30, 5, 3, 0.5);
        let whole = split_half(&recorded.presentations()).unwrap().unwrap();
        // Stimulus 4 was shown to site 1 in the first repetition only: it is always missing from one half.
        for repetition in 1..5 {
            recorded.responses[[30 * repetition + 4, 1]] = f64::NAN;
        }
        let found = split_half(&recorded.presentations()).unwrap().unwrap();
        assert_eq!(found.n_dropped, 10);
        assert!((recorded.presentations().share_repeated() - (1.0 - 1.0 / 90.0)).abs() < 1e-15);
        assert_eq!(found.table.column(0), whole.table.column(0));
        assert_eq!(found.table.column(2), whole.table.column(2));
        let rows: Vec<usize> = (0..150).filter(|row| row % 30 != 4).collect();
        let stimulus: Vec<usize> = rows
            .iter()
            .map(|row| row % 30)
            .map(|s| s - usize::from(s > 4))
            .collect();
        let repetition: Vec<i64> = rows.iter().map(|&row| recorded.repetition[row]).collect();
        let fewer = recorded.responses.select(ndarray::Axis(0), &rows);
        let fewer = Presentations {
            responses: fewer.view(),
            stimulus: &stimulus,
            repetition: &repetition,
        };
        let expected = split_half(&fewer).unwrap().unwrap();
        let difference = &found.table.column(1) - &expected.table.column(1);
        assert!(difference.iter().all(|d| d.abs() < 1e-13));
    }

    #[test]
    fn disagreement_is_kept_raw_and_reported_as_zero() {
        let signal = noise(20, 1, 1);
        let responses = Array2::from_shape_fn((40, 1), |(row, _)| {
            let sign = if row < 20 { 1.0 } else { -0.8 };
            sign * signal[[row % 20, 0]] + 0.3 * f64::from(row as u32 % 7)
        });
        let stimulus: Vec<usize> = (0..40).map(|row| row % 20).collect();
        let repetition: Vec<i64> = (0..40).map(|row| row / 20).collect();
        let data = Presentations {
            responses: responses.view(),
            stimulus: &stimulus,
            repetition: &repetition,
        };
        let found = split_half(&data).unwrap().unwrap();
        assert!(found.raw < 0.0 && found.value == 0.0);
        assert_eq!(found.per_site()[0], 0.0);
    }
}
