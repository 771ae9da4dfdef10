//! Scores of many resamples of the test images from one pass over predicted and true values.

use std::ops::Range;

use ndarray::{Array2, Array3, ArrayView2, s};
use rayon::prelude::*;

use super::subsets::LevelSubsets;
use crate::bh::pool::Block;
use crate::bh::selection;
use crate::bh::{Rules, Selector};

/// Items that one task correlates at a time.
const ITEMS_PER_TASK: usize = 256;

/// Test values of one group and subject: activations of a layer's units, or responses of a ROI's voxels.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The group's position.
    pub group: usize,
    /// True values, `(n_stimuli, n_items)`.
    pub truth: Array2<f32>,
    /// Predicted ones per level, of the same shape and in the same order of stimuli; `None` where there are
    /// none from a level.
    pub predicted: Vec<Option<Array2<f32>>>,
}

/// Count tables of every resample.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    /// Items, significant or not, the same in every resample.
    pub n_items: u64,
    /// By the published rule, a stack ([`super::subsets`]) per resample:
    /// `(n_replicates, n_subsets · n_groups, n_places)`.
    pub published: Array3<u64>,
    /// By the textbook rule; `None` without one.
    pub textbook: Option<Array3<u64>>,
    n_groups: usize,
}

/// Accuracies of every resample: predicted and true values, `(n_stimuli, n_items)`, to
/// `(n_replicates, n_items)`.
pub trait Correlate: Sync {
    /// The accuracies.
    fn accuracies(&self, predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, f32>)
    -> Array2<f32>;

    /// How many resamples there are.
    fn n_replicates(&self) -> usize;
}

impl Replicates {
    /// Empty tables for `n_replicates` resamples.
    pub fn new(
        n_replicates: usize,
        n_groups: usize,
        subsets: &LevelSubsets,
        rules: &Rules,
    ) -> Self {
        let n_rows = subsets.n_subsets() * n_groups;
        let tables = Array3::zeros((n_replicates, n_rows, subsets.n_places()));
        Self {
            n_items: 0,
            textbook: rules.textbook.as_ref().map(|_| tables.clone()),
            published: tables,
            n_groups,
        }
    }

    /// Adds the votes of one group and subject in every resample.
    pub fn add(
        &mut self,
        predictions: &Predictions,
        subsets: &LevelSubsets,
        rules: &Rules,
        correlate: &impl Correlate,
    ) {
        let n_items = predictions.truth.ncols();
        let starts: Vec<usize> = (0..n_items).step_by(ITEMS_PER_TASK).collect();
        // Counts are whole numbers: the order in which threads finish does not matter.
        let counts: Vec<(Array3<u64>, Option<Array3<u64>>)> = starts
            .into_par_iter()
            .map(|start| {
                let end = n_items.min(start + ITEMS_PER_TASK);
                count(predictions, start..end, subsets, rules, correlate)
            })
            .collect();
        self.n_items += n_items as u64;
        let (group, n_groups) = (predictions.group, self.n_groups);
        for (published, textbook) in counts {
            let mut rows = self.published.slice_mut(s![.., group..;n_groups, ..]);
            rows += &published;
            if let (Some(tables), Some(counts)) = (&mut self.textbook, textbook) {
                let mut rows = tables.slice_mut(s![.., group..;n_groups, ..]);
                rows += &counts;
            }
        }
    }
}

/// Votes of some items by either rule, `(n_replicates, n_subsets, n_places)`.
fn count(
    predictions: &Predictions,
    items: Range<usize>,
    subsets: &LevelSubsets,
    rules: &Rules,
    correlate: &impl Correlate,
) -> (Array3<u64>, Option<Array3<u64>>) {
    let truth = predictions.truth.slice(s![.., items.clone()]);
    let accuracies: Vec<Option<Array2<f32>>> = (predictions.predicted.iter())
        .map(|predicted| {
            let predicted = predicted.as_ref()?.slice(s![.., items.clone()]);
            Some(correlate.accuracies(predicted, truth))
        })
        .collect();
    let n_replicates = correlate.n_replicates();
    let shape = (n_replicates, subsets.n_subsets(), subsets.n_places());
    let mut published = Array3::zeros(shape);
    let mut textbook = rules.textbook.as_ref().map(|_| Array3::zeros(shape));
    for replicate in 0..n_replicates {
        let levels = (accuracies.iter())
            .map(|level| level.as_ref().and_then(|r| r.row(replicate).to_slice()))
            .collect();
        let block = Block {
            n_items: items.len(),
            levels,
            positions: None,
        };
        for (subset, levels) in subsets.levels().enumerate() {
            let best = selection::best_levels(&block.among(levels));
            for best in best.into_iter().flatten() {
                let cell = [replicate, subset, best.level];
                let keeps = |rule: &Selector| u64::from(rule.keeps(best));
                published[cell] += keeps(&rules.published);
                if let (Some(counts), Some(rule)) = (&mut textbook, &rules.textbook) {
                    counts[cell] += keeps(rule);
                }
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
