//! The Brain Hierarchy score: decoding accuracies in, one number out.
//!
//! Nonaka, Majima, Aoki & Kamitani (2021), iScience 24, 103013. An *item* belongs to a *group* and is
//! predicted from every *level* of the other system; the score is Spearman's ρ, over the significant
//! items, between the depth of the item's group and that of the level that predicts it best.
//!
//! | half | item | group | level |
//! |---|---|---|---|
//! | decoding | unit of the network | its layer | ROI it is decoded from |
//! | encoding | voxel | its ROI | layer it is predicted from |
//!
//! | module | step |
//! |---|---|
//! | [`accuracies`] | accuracies from the files of a study |
//! | [`pool`] | accuracies as blocks of one group and one subject, checked |
//! | [`selection`] | best level of every item, and whether it counts |
//! | [`correction`], [`selector`] | … with as many chances as there are levels |
//! | [`votes`] | how many items of each group chose each level |
//! | [`spearman`] | ρ of such a count table |
//! | [`layers`] | ρ over subsets of the layers |
//! | [`encoding`] | the encoding half: voxels chosen as in the original |
//! | [`competition`] | ρ over subsets of the layers when they are what competes |
//! | [`summary`] | accuracies of one layer, subject and ROI in a few numbers |
//! | [`score`] | the results, defined or with the reason why not |
//! | [`sure`] | how sure the score is: nulls, intervals, variants |
//!
//! Items of all subjects are pooled. Everything after the selection depends on the count table alone, so
//! one pass over the accuracies is enough for every subset of layers.

pub mod accuracies;
pub mod competition;
pub mod correction;
pub mod encoding;
pub mod layers;
pub mod pool;
pub mod score;
pub mod selection;
pub mod selector;
pub mod spearman;
pub mod summary;
pub mod sure;
pub mod votes;

pub use correction::Correction;
pub use encoding::{
    EncodingAccuracies, EncodingOptions, EncodingSampling, EncodingScore, encoding_score,
};
pub use layers::LayerSampling;
pub use pool::{Block, Pool};
pub use score::{DecodingScore, Outcome, PairedScore, RuleScore, average};
pub use selection::Rules;
pub use selector::Selector;

use crate::error::{Error, Result};

/// Level of the significance test in the original.
pub const DEFAULT_P_VALUE: f64 = 0.05;
/// Layers in each subset in the original.
pub const DEFAULT_N_LAYERS: usize = 5;

/// `values[layer][subject][roi]`: Pearson's r of each unit or voxel; `None` where there is no file.
pub type Values = Vec<Vec<Vec<Option<Vec<f32>>>>>;

/// `(layer, subject, ROI)` of each file that there is.
pub fn places(values: &Values) -> impl Iterator<Item = (usize, usize, usize)> {
    values.iter().enumerate().flat_map(|(layer, subjects)| {
        subjects
            .iter()
            .enumerate()
            .flat_map(move |(subject, rois)| {
                let there = rois.iter().enumerate().filter(|(_, file)| file.is_some());
                there.map(move |(roi, _)| (layer, subject, roi))
            })
    })
}

/// Decoding accuracies of one network.
#[derive(Clone, Debug)]
pub struct DecodingAccuracies {
    /// Names in hierarchy order, as the settings list them.
    pub layers: Vec<String>,
    /// Names; their order does not matter.
    pub subjects: Vec<String>,
    /// Names in hierarchy order, as the settings list them.
    pub rois: Vec<String>,
    /// `values[layer][subject][roi]`: Pearson's r of each unit, `(n_units,)` in column-major order of
    /// the layer's shape, NaN where undefined. `None` where a ROI was not decoded for a subject.
    pub values: Values,
    /// Number of test images behind each correlation, if known.
    pub n_test: Option<usize>,
}

/// How a score is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreOptions {
    /// Level of the significance test, above 0 and at most 1.
    pub p_value: f64,
    /// Layers in each subset, at least 2 (the first and the last are always in).
    pub n_layers: usize,
    /// Which subsets of layers are averaged.
    pub sampling: LayerSampling,
    /// Of the textbook rule.
    pub correction: Correction,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            p_value: DEFAULT_P_VALUE,
            n_layers: DEFAULT_N_LAYERS,
            sampling: LayerSampling::Exact,
            correction: Correction::None,
        }
    }
}

impl ScoreOptions {
    /// # Errors
    /// If a value is out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.p_value > 0.0 && self.p_value <= 1.0) {
            let problem = format!("{} is not a significance level", self.p_value);
            return Err(Error::data(
                "`p_value`",
                problem,
                "give a number above 0 and at most 1",
            ));
        }
        if self.n_layers < 2 {
            let problem = format!(
                "{} is too few, the first and the last are always in",
                self.n_layers
            );
            return Err(Error::data(
                "`n_layers`",
                problem,
                "give 2 or more (the original takes 5)",
            ));
        }
        if matches!(self.sampling, LayerSampling::Random { draws: 0, .. }) {
            return Err(Error::data(
                "layer sampling `random:0`",
                "without a draw there is no mean",
                "give `random:100`, as the original, or `exact`",
            ));
        }
        Ok(())
    }
}

/// The decoding half of the BH score, by the published and by the textbook test.
///
/// # Errors
/// If the ROIs of one subject and layer have different numbers of units, `values` does not match the
/// names, an option is out of range, or there are too many subsets of layers to visit.
pub fn decoding_score(input: &DecodingAccuracies, options: &ScoreOptions) -> Result<DecodingScore> {
    options.check()?;
    let pool = Pool::decoding(input)?;
    let rules = Rules::new(options.p_value, input.n_test).corrected(options.correction, &pool);
    let votes = votes::by_subject(&pool, &rules);
    let pooled = score::paired(&votes::sum(&votes), &pool, &rules, options)?;
    let mut by_subject = Vec::with_capacity(votes.len());
    for (subject, votes) in pool.subjects.iter().zip(&votes) {
        by_subject.push((
            subject.clone(),
            score::paired(votes, &pool, &rules, options)?,
        ));
    }
    let mut warnings = pool.missing();
    warnings.extend(rules.warnings());
    warnings.extend(options.correction.note(pool.words));
    warnings.extend(score::few_layers_note(&pool, options));
    Ok(DecodingScore {
        layers: input.layers.clone(),
        rois: input.rois.clone(),
        pooled,
        by_subject,
        warnings,
    })
}
