//! What the inputs contribute to every fit, whatever the targets: computed once, used for all layers.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::Params;
use super::linalg;
use super::solve::Knowledge;

/// Inputs whose variance is below this are never selected (`FastL2LiR`: correlation set to 0).
const NEAR_CONSTANT_VARIANCE: f64 = 1e-8;

/// Rows of a matrix that one task goes through.
const ROWS_PER_TASK: usize = 64;

/// The inputs' side of the normal equations.
///
/// With `X` centred to `X̃` and means `x̄`, the penalised bias can be eliminated exactly:
///
/// ```text
///     (X̃ᵀX̃ + κ x̄ x̄ᵀ + α I) w = X̃ᵀy + κ x̄ ȳ      κ = n α / (n + α)
///     b = n (ȳ − x̄ᵀ w) / (n + α)
/// ```
///
/// which is the original's system on `[X 1]` with one unknown less (`FastL2LiR.fit`; the constant
/// column is penalised like any other). Targets repeat: every training presentation of one image
/// has the same target, so `X̃ᵀY` needs the inputs only as sums over the presentations of an image.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub(super) n_samples: f64,
    pub(super) alpha: f64,
    pub(super) n_selected: usize,
    /// `x̄`, `(n_inputs,)`.
    pub(super) mean: Vec<f64>,
    /// `1 / ‖x̃ⱼ‖`, 0 where the input is never selected, `(n_inputs,)`.
    pub(super) inverse_norms: Vec<f64>,
    /// Sums of `X̃` over the samples of each target row, `(n_rows, n_inputs)`.
    pub(super) sums: Array2<f64>,
    /// Samples per target row, `(n_rows,)`.
    pub(super) counts: Vec<f64>,
    pub(super) system: System,
    pub(super) knowledge: Knowledge,
}

/// The matrix to be factored.
#[derive(Debug, Clone)]
pub(super) enum System {
    /// `X̃ᵀX̃ + κ x̄ x̄ᵀ + α I`, `(n_inputs, n_inputs)`.
    Primal(Array2<f64>),
    /// For fits without selection and fewer samples than inputs: `X̃`, `(n_samples, n_inputs)`, and
    /// the target row of every sample. The smaller `(n_samples + 1)` system is solved instead.
    Dual {
        centred: Array2<f64>,
        row_of: Vec<usize>,
    },
}

impl Inputs {
    /// Prepares inputs whose targets are given once per row of a target table.
    ///
    /// - `x`: inputs of every sample, `(n_samples, n_inputs)`, all finite.
    /// - `row_of`: the target row that belongs to each sample, `(n_samples,)`.
    /// - `n_rows`: rows of the target tables that will come.
    #[track_caller]
    pub fn new(x: ArrayView2<f64>, row_of: &[usize], n_rows: usize, params: &Params) -> Inputs {
        assert_eq!(x.nrows(), row_of.len(), "one target row per sample");
        let n_samples = x.nrows() as f64;
        let moments = Moments::measure(x, row_of, n_rows);
        let n_selected = if params.asks_for_all(x.ncols()) {
            x.ncols()
        } else {
            params.n_selected
        };
        let dual = n_selected == x.ncols() && x.nrows() < x.ncols();
        // Centring a copy costs as much as a third of the Gram matrix, and where means are not
        // larger than deviations, subtracting their products afterwards loses no more than a bit.
        let centred = (dual || !moments.small_means).then(|| centre(x, &moments.mean));
        let Moments {
            mean,
            mut sums,
            counts,
            ..
        } = moments;
        let mut gram = match &centred {
            _ if dual => Array2::zeros((0, 0)),
            Some(centred) => linalg::gram(centred.view()),
            None => {
                let mut gram = linalg::gram(x);
                subtract_means(&mut gram, &mean, n_samples);
                gram
            }
        };
        for (mut row, count) in sums.rows_mut().into_iter().zip(&counts) {
            row.iter_mut()
                .zip(&mean)
                .for_each(|(sum, mean)| *sum -= count * mean);
        }
        let norms: Vec<f64> = match &centred {
            Some(centred) if dual => column_norms(centred),
            _ => gram
                .diag()
                .iter()
                .map(|square| square.max(0.0).sqrt())
                .collect(),
        };
        let inverse_norms = inverse_norms(&norms, n_samples);
        let n_selected = n_selectable(params, &inverse_norms);
        let system = match centred {
            Some(centred) if dual => System::Dual {
                centred,
                row_of: row_of.to_vec(),
            },
            _ => {
                penalise(&mut gram, &mean, n_samples, params.alpha);
                System::Primal(gram)
            }
        };
        Inputs {
            n_samples,
            alpha: params.alpha,
            n_selected,
            mean,
            inverse_norms,
            sums,
            counts,
            system,
            knowledge: Knowledge::new(params.force_f64),
        }
    }

    /// Prepares inputs that repeat while targets do not: presentations of one image have the same
    /// inputs, and a target of their own each.
    ///
    /// Fits then want the mean of the targets over the samples of each row: with `cᵢ` samples in row
    /// `i`, `X̃ᵀy = Σ cᵢ x̃ᵢ ȳᵢ` and `X̃ᵀX̃ = Σ cᵢ x̃ᵢ x̃ᵢᵀ`, so that the solution is that of the
    /// expanded samples.
    ///
    /// - `x`: inputs of every row, `(n_rows, n_inputs)`, all finite.
    /// - `counts`: samples of every row, `(n_rows,)`.
    #[track_caller]
    pub fn weighted(x: ArrayView2<f64>, counts: &[f64], params: &Params) -> Inputs {
        assert_eq!(x.nrows(), counts.len(), "one count per row");
        let n_samples = counts.iter().sum();
        let mean = super::weighted_mean(x, counts, n_samples);
        let mut gram = {
            let mut rows = centre(x, &mean);
            scale_rows(&mut rows, |row| counts[row].sqrt());
            linalg::gram(rows.view())
        };
        let mut sums = centre(x, &mean);
        scale_rows(&mut sums, |row| counts[row]);
        let norms: Vec<f64> = gram
            .diag()
            .iter()
            .map(|square| square.max(0.0).sqrt())
            .collect();
        let inverse_norms = inverse_norms(&norms, n_samples);
        penalise(&mut gram, &mean, n_samples, params.alpha);
        Inputs {
            n_samples,
            alpha: params.alpha,
            n_selected: n_selectable(params, &inverse_norms),
            mean,
            inverse_norms,
            sums,
            counts: counts.to_vec(),
            system: System::Primal(gram),
            knowledge: Knowledge::new(params.force_f64),
        }
    }

    /// Samples that went in.
    pub fn n_samples(&self) -> usize {
        self.n_samples as usize
    }

    /// Inputs per sample.
    pub fn n_inputs(&self) -> usize {
        self.mean.len()
    }

    /// Inputs that every target uses.
    pub fn n_selected(&self) -> usize {
        self.n_selected
    }

    /// Whether every target uses all inputs.
    pub fn uses_all(&self) -> bool {
        self.n_selected == self.n_inputs()
    }

    /// Name of the method that fits use, for records.
    pub fn solver(&self) -> &'static str {
        match (&self.system, self.uses_all()) {
            (System::Dual { .. }, _) => "dual",
            (System::Primal(_), true) => "primal",
            (System::Primal(_), false) => self.knowledge.solver(),
        }
    }

    /// Bytes held, for the memory bound of whoever keeps several of these.
    pub fn bytes(&self) -> u64 {
        let system = match &self.system {
            System::Primal(matrix) => matrix.len(),
            System::Dual { centred, row_of } => centred.len() + row_of.len(),
        };
        let known = match (&self.system, self.uses_all()) {
            (System::Primal(_), false) => self.knowledge.bytes(self.n_inputs(), self.n_selected),
            _ => 0,
        };
        known + 8 * (system + self.sums.len() + 2 * self.mean.len() + self.counts.len()) as u64
    }

    /// `κ = n α / (n + α)`, the weight that eliminating the bias leaves on the means.
    pub(super) fn kappa(&self) -> f64 {
        kappa(self.n_samples, self.alpha)
    }
}

/// `1 / ‖x̃ⱼ‖`, 0 for inputs that vary too little to be selected.
pub(super) fn inverse_norms(norms: &[f64], n_samples: f64) -> Vec<f64> {
    let threshold = (NEAR_CONSTANT_VARIANCE * n_samples).sqrt();
    norms
        .iter()
        .map(|&norm| if norm > threshold { 1.0 / norm } else { 0.0 })
        .collect()
}

/// How many inputs every target gets.
///
/// All inputs are used when there are not more than asked for: then also those that vary too little
/// to be selected, as in the original (`docs/compared.md` B2).
fn n_selectable(params: &Params, inverse_norms: &[f64]) -> usize {
    if params.asks_for_all(inverse_norms.len()) {
        return inverse_norms.len();
    }
    let usable = inverse_norms.iter().filter(|&&inverse| inverse > 0.0);
    params.n_selected.min(usable.count())
}

/// Multiplies every row by its factor.
pub(super) fn scale_rows(matrix: &mut Array2<f64>, factor: impl Fn(usize) -> f64 + Sync) {
    matrix
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .enumerate()
        .for_each(|(row, mut values)| {
            let factor = factor(row);
            values.iter_mut().for_each(|value| *value *= factor);
        });
}

pub(super) fn kappa(n_samples: f64, alpha: f64) -> f64 {
    n_samples * alpha / (n_samples + alpha)
}

pub(super) fn column_norms(centred: &Array2<f64>) -> Vec<f64> {
    let mut squares = vec![0.0; centred.ncols()];
    for row in centred.axis_iter(Axis(0)) {
        squares
            .iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value * value);
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// Adds `κ x̄ x̄ᵀ + α I` to the centred Gram matrix.
fn penalise(gram: &mut Array2<f64>, mean: &[f64], n_samples: f64, alpha: f64) {
    add_means(gram, mean, kappa(n_samples, alpha));
    gram.diag_mut().mapv_inplace(|value| value + alpha);
}

/// `XᵀX − n x̄ x̄ᵀ`.
fn subtract_means(gram: &mut Array2<f64>, mean: &[f64], n_samples: f64) {
    add_means(gram, mean, -n_samples);
}

fn add_means(gram: &mut Array2<f64>, mean: &[f64], factor: f64) {
    gram.axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(mean)
        .with_min_len(ROWS_PER_TASK)
        .for_each(|(mut row, mean_i)| {
            row.iter_mut()
                .zip(mean)
                .for_each(|(value, mean_j)| *value += factor * mean_i * mean_j);
        });
}

pub(super) fn centre(x: ArrayView2<f64>, mean: &[f64]) -> Array2<f64> {
    let mut centred = x.to_owned();
    centred
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .for_each(|mut row| {
            row.iter_mut()
                .zip(mean)
                .for_each(|(value, mean)| *value -= mean);
        });
    centred
}

/// One pass over the samples.
struct Moments {
    mean: Vec<f64>,
    /// Whether no mean exceeds its column's deviation.
    small_means: bool,
    /// Sums of `X` over the samples of each target row, `(n_rows, n_inputs)`; not centred.
    sums: Array2<f64>,
    counts: Vec<f64>,
}

impl Moments {
    fn measure(x: ArrayView2<f64>, row_of: &[usize], n_rows: usize) -> Moments {
        let mut samples_of: Vec<Vec<usize>> = vec![Vec::new(); n_rows];
        for (sample, &row) in row_of.iter().enumerate() {
            samples_of[row].push(sample);
        }
        let mut sums = Array2::zeros((n_rows, x.ncols()));
        // Tasks of a fixed size whose squares are added in order: the same bits for any threads.
        let squares: Vec<Vec<f64>> = sums
            .axis_chunks_iter_mut(Axis(0), ROWS_PER_TASK)
            .into_par_iter()
            .zip(samples_of.par_chunks(ROWS_PER_TASK))
            .map(|(sums, samples_of)| add_samples(x, samples_of, sums))
            .collect();
        let squares = squares.into_iter().fold(vec![0.0; x.ncols()], add);
        let counts = samples_of.iter().map(|of| of.len() as f64).collect();
        let n = (x.nrows() as f64).max(1.0);
        let mean: Vec<f64> = sums.sum_axis(Axis(0)).iter().map(|sum| sum / n).collect();
        // x̄² ≤ variance, that is: x̄² ≤ half of the mean square.
        let small_means = mean
            .iter()
            .zip(&squares)
            .all(|(mean, square)| mean * mean <= square / n / 2.0);
        Moments {
            mean,
            small_means,
            sums,
            counts,
        }
    }
}

/// Sums of the samples of some target rows; returns the sums of their squares, `(n_inputs,)`.
fn add_samples(
    x: ArrayView2<f64>,
    samples_of: &[Vec<usize>],
    mut sums: ArrayViewMut2<f64>,
) -> Vec<f64> {
    let mut squares = vec![0.0; x.ncols()];
    for (mut sum, samples) in sums.rows_mut().into_iter().zip(samples_of) {
        for &sample in samples {
            let terms = sum.iter_mut().zip(&mut squares).zip(x.row(sample));
            for ((sum, square), value) in terms {
                *sum += value;
                *square += value * value;
            }
        }
    }
    squares
}

fn add(mut sum: Vec<f64>, terms: Vec<f64>) -> Vec<f64> {
    sum.iter_mut()
        .zip(terms)
        .for_each(|(sum, term)| *sum += term);
    sum
}
