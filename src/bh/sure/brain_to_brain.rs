//! The score of a brain: what a network that is as hierarchical as a brain would get from the same data.
//!
//! One subject takes the place of the network: its ROIs are the layers, its voxels the units. They are
//! decoded from another subject's ROIs, and the score is Spearman's ρ of own ROI and best ROI, over all ROIs
//! at once. Measured voxels are noisy where units are not, and noise costs accuracy: no strict upper bound, a
//! mark to compare with.
//!
//! What decodes them, and from which files, is in the module `ceilings`.

use crate::bh::{
    DecodingAccuracies, LayerSampling, Outcome, PairedScore, ScoreOptions, decoding_score,
};
use crate::error::Result;

/// The scores of all ordered pairs of subjects.
#[derive(Clone, Debug, PartialEq)]
pub struct BrainToBrain {
    /// One subject after the other in place of the network, each with every other one.
    pub pairs: Vec<Pair>,
    /// By the original's significance test; `None` where no pair has a score.
    pub published: Option<Range>,
    /// By the textbook's.
    pub textbook: Option<Range>,
}

/// One subject's voxels decoded from another subject's ROIs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Whose voxels are decoded, as if they were units.
    pub network_subject: String,
    /// From whose ROIs.
    pub brain_subject: String,
    /// Training stimuli that both saw.
    pub n_training: usize,
    /// Test stimuli that both saw.
    pub n_test: usize,
    /// The score, or why there is none.
    pub score: Result<PairedScore, String>,
}

/// Mean and range of the scores that are defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// How many there are.
    pub n_pairs: usize,
    /// Their mean.
    pub mean: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl BrainToBrain {
    /// With mean and range of the pairs' scores.
    pub fn new(pairs: Vec<Pair>) -> BrainToBrain {
        BrainToBrain {
            published: Range::of(pairs.iter().filter_map(Pair::published)),
            textbook: Range::of(pairs.iter().filter_map(Pair::textbook)),
            pairs,
        }
    }
}

impl Pair {
    /// The score by the published rule, if there is one.
    pub fn published(&self) -> Option<f64> {
        defined(&self.score.as_ref().ok()?.published.score)
    }

    /// The score by the textbook rule, if there is one.
    pub fn textbook(&self) -> Option<f64> {
        defined(&self.score.as_ref().ok()?.textbook.score)
    }
}

fn defined(outcome: &Outcome) -> Option<f64> {
    outcome.as_ref().ok().copied()
}

impl Range {
    fn of(scores: impl Iterator<Item = f64>) -> Option<Range> {
        let scores: Vec<f64> = scores.collect();
        let min = scores.iter().copied().reduce(f64::min)?;
        let max = scores.iter().copied().reduce(f64::max)?;
        Some(Range {
            n_pairs: scores.len(),
            mean: scores.iter().sum::<f64>() / scores.len() as f64,
            min,
            max,
        })
    }
}

/// The score of one pair, all ROIs of the decoded subject at once.
///
/// - `values`: `values[decoded ROI][decoding ROI]`, Pearson's r of each voxel of the decoded ROI, `(n_voxels,)`.
/// - `rois`: names in hierarchy order.
/// - `n_test`: stimuli behind each correlation.
///
/// # Errors
/// If `values` does not have an entry for every pair of ROIs.
pub fn score(
    values: Vec<Vec<Vec<f32>>>,
    rois: &[String],
    n_test: usize,
    p_value: f64,
) -> Result<PairedScore> {
    let accuracies = DecodingAccuracies {
        layers: rois.to_vec(),
        subjects: vec!["pair".to_owned()],
        rois: rois.to_vec(),
        values: (values.into_iter())
            .map(|levels| vec![levels.into_iter().map(Some).collect()])
            .collect(),
        n_test: Some(n_test),
    };
    let options = ScoreOptions {
        p_value,
        sampling: LayerSampling::All,
        ..ScoreOptions::default()
    };
    Ok(decoding_score(&accuracies, &options)?.pooled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(values: Vec<Vec<Vec<f32>>>) -> Pair {
        let rois = ["V1", "V2", "V3"].map(str::to_owned);
        Pair {
            network_subject: "sub-01".to_owned(),
            brain_subject: "sub-02".to_owned(),
            n_training: 100,
            n_test: 50,
            score: Ok(score(values, &rois, 50, 0.05).unwrap()),
        }
    }

    /// Two voxels in each of three ROIs, decoded best from ROI number `best(roi)`.
    fn values(best: fn(usize) -> usize) -> Vec<Vec<Vec<f32>>> {
        let r = |own: usize, from: usize| if best(own) == from { 0.8 } else { 0.4 };
        (0..3)
            .map(|own| (0..3).map(|from| vec![r(own, from); 2]).collect())
            .collect()
    }

    #[test]
    fn mean_and_range_are_of_the_defined_scores() {
        let found = BrainToBrain::new(vec![
            pair(values(|own| own)),
            pair(values(|own| 2 - own)),
            // Spearman's ρ of 0, 1, 2 and 0, 2, 1.
            pair(values(|own| [0, 2, 1][own])),
            pair(vec![vec![vec![0.1]; 3]; 3]),
        ]);
        let scores: Vec<_> = found.pairs.iter().map(Pair::published).collect();
        assert_eq!(scores, [Some(1.0), Some(-1.0), Some(0.5), None]);
        let range = found.published.unwrap();
        assert_eq!((range.n_pairs, range.min, range.max), (3, -1.0, 1.0));
        assert!((range.mean - 0.5 / 3.0).abs() < 1e-15);
        assert_eq!(found.textbook, found.published);
        assert_eq!(BrainToBrain::new(Vec::new()).published, None);
    }

    #[test]
    fn each_rule_selects_for_itself() {
        // 0.29 over 50 stimuli counts for the textbook only.
        let mut faint = values(|own| own);
        for value in faint.iter_mut().flatten().flatten() {
            *value = if *value > 0.5 { 0.29 } else { 0.1 };
        }
        let faint = pair(faint);
        assert_eq!((faint.published(), faint.textbook()), (None, Some(1.0)));
    }
}
