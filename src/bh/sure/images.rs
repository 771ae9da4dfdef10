//! Scores of many resamples of the test images from one pass over decoded and true activations.

use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::bh::pool::Block;
use crate::bh::selection;
use crate::bh::{Rules, Selector};

/// Units that one task correlates at a time.
const UNITS_PER_TASK: usize = 256;

/// Activations of one layer for one subject's decoders.
#[derive(Clone, Debug)]
pub struct Activations {
    /// The layer's position.
    pub layer: usize,
    /// True activations, `(n_stimuli, n_units)`.
    pub truth: Array2<f32>,
    /// Decoded ones per ROI, of the same shape and in the same order of stimuli; `None` where a ROI was
    /// not decoded.
    pub decoded: Vec<Option<Array2<f32>>>,
}

/// Count tables of every resample.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    /// Units, significant or not, the same in every resample.
    pub n_items: u64,
    /// By the published rule, `(n_replicates, n_layers, n_rois)`.
    pub published: Array3<u64>,
    /// By the textbook rule; `None` without one.
    pub textbook: Option<Array3<u64>>,
}

/// Accuracies of every resample: decoded and true activations, `(n_stimuli, n_units)`, to
/// `(n_replicates, n_units)`.
pub trait Correlate: Sync {
    /// The accuracies.
    fn accuracies(&self, decoded: ArrayView2<'_, f32>, truth: ArrayView2<'_, f32>) -> Array2<f32>;

    /// How many resamples there are.
    fn n_replicates(&self) -> usize;
}

impl Replicates {
    /// Empty tables for `n_replicates` resamples.
    pub fn new(n_replicates: usize, n_layers: usize, n_rois: usize, rules: &Rules) -> Self {
        let tables = Array3::zeros((n_replicates, n_layers, n_rois));
        Self {
            n_items: 0,
            textbook: rules.textbook.as_ref().map(|_| tables.clone()),
            published: tables,
        }
    }

    /// Adds the votes of one layer and subject in every resample.
    pub fn add(&mut self, activations: &Activations, rules: &Rules, correlate: &impl Correlate) {
        let n_units = activations.truth.ncols();
        let starts: Vec<usize> = (0..n_units).step_by(UNITS_PER_TASK).collect();
        // Counts are whole numbers: the order in which threads finish does not matter.
        let counts: Vec<(Array2<u64>, Option<Array2<u64>>)> = starts
            .into_par_iter()
            .map(|start| {
                let end = n_units.min(start + UNITS_PER_TASK);
                count(activations, start, end, rules, correlate)
            })
            .collect();
        self.n_items += n_units as u64;
        let layer = activations.layer;
        for (published, textbook) in counts {
            let mut rows = self.published.index_axis_mut(Axis(1), layer);
            rows += &published;
            if let (Some(tables), Some(counts)) = (&mut self.textbook, textbook) {
                let mut rows = tables.index_axis_mut(Axis(1), layer);
                rows += &counts;
            }
        }
    }
}

/// Votes of units `start..end` by either rule, `(n_replicates, n_rois)`.
fn count(
    activations: &Activations,
    start: usize,
    end: usize,
    rules: &Rules,
    correlate: &impl Correlate,
) -> (Array2<u64>, Option<Array2<u64>>) {
    let truth = activations.truth.slice(s![.., start..end]);
    let accuracies: Vec<Option<Array2<f32>>> = (activations.decoded.iter())
        .map(|decoded| {
            let decoded = decoded.as_ref()?.slice(s![.., start..end]);
            Some(correlate.accuracies(decoded, truth))
        })
        .collect();
    let shape = (correlate.n_replicates(), activations.decoded.len());
    let mut published = Array2::zeros(shape);
    let mut textbook = rules.textbook.as_ref().map(|_| Array2::zeros(shape));
    for replicate in 0..shape.0 {
        let levels = (accuracies.iter())
            .map(|roi| roi.as_ref().and_then(|r| r.row(replicate).to_slice()))
            .collect();
        let block = Block {
            n_items: end - start,
            levels,
            positions: None,
        };
        for best in selection::best_levels(&block).into_iter().flatten() {
            let keeps = |rule: &Selector| u64::from(rule.keeps(best));
            published[[replicate, best.level]] += keeps(&rules.published);
            if let (Some(counts), Some(rule)) = (&mut textbook, &rules.textbook) {
                counts[[replicate, best.level]] += keeps(rule);
            }
        }
    }
    (published, textbook)
}

/// The columns of `values`, centred and of unit length, in double precision; NaN where a column is constant.
pub fn standardise(values: ArrayView2<'_, f32>) -> Array2<f64> {
    let moments = crate::stats::moments::columns(values);
    let mut scaled = values.mapv(f64::from);
    for (column, mut values) in scaled.columns_mut().into_iter().enumerate() {
        values -= moments.mean[column];
        let norm = match moments.constant[column] {
            true => f64::NAN,
            false => values.dot(&values).sqrt(),
        };
        values /= norm;
    }
    scaled
}
