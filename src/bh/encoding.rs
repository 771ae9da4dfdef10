//! The encoding half: voxels are items, and all layers compete to predict them.
//!
//! A large ROI would outvote the others, so the original draws 1,000 of its voxels where there are more:
//! for every accuracy file it seeds NumPy's legacy generator with 0 and takes the first 1,000 entries of a
//! permutation. Files of equal length so give the same voxels for every layer, which the comparison of
//! layers needs. The original takes no subsets of layers here; [`EncodingSampling::Exact`] does.

use std::borrow::Cow;

use super::correction::Correction;
use super::layers::{LayerSampling, SubsetScores};
use super::pool::{Pool, Words};
use super::score::{self, PairedScore, RuleScore};
use super::selection::Rules;
use super::{DEFAULT_N_LAYERS, DEFAULT_P_VALUE, ScoreOptions, competition, votes};
use crate::error::{Error, Result};
use crate::stats::legacy_random::LegacyRandom;

/// Voxels per ROI and subject that the original takes at most.
pub const DEFAULT_VOXEL_LIMIT: usize = 1000;

/// Seed of the draw of voxels in the original.
const VOXEL_SEED: u32 = 0;

/// Encoding accuracies of one network.
#[derive(Clone, Debug)]
pub struct EncodingAccuracies {
    /// Names in hierarchy order, as the settings list them.
    pub layers: Vec<String>,
    /// Names; their order does not matter.
    pub subjects: Vec<String>,
    /// Names in hierarchy order, as the settings list them.
    pub rois: Vec<String>,
    /// `values[layer][subject][roi]`: Pearson's r of each voxel, `(n_voxels,)` in the order of the file, NaN
    /// where undefined. `None` where there is no file.
    pub values: super::Values,
    /// Number of test images behind each correlation, if known.
    pub n_test: Option<usize>,
    /// `drawn[subject][roi]`: positions of the voxels in the file; empty if all are there.
    drawn: Vec<Vec<Option<Vec<usize>>>>,
}

impl EncodingAccuracies {
    /// Accuracies of all voxels of the files.
    pub fn new(
        layers: Vec<String>,
        subjects: Vec<String>,
        rois: Vec<String>,
        values: super::Values,
        n_test: Option<usize>,
    ) -> Self {
        Self {
            layers,
            subjects,
            rois,
            values,
            n_test,
            drawn: Vec::new(),
        }
    }

    /// Position in the file of every voxel of a subject and ROI; `None` if all are there, in order.
    pub fn positions(&self, subject: usize, roi: usize) -> Option<&[usize]> {
        self.drawn.get(subject)?.get(roi)?.as_deref()
    }

    /// Voxels of a subject and ROI; `None` where no layer has accuracies of them.
    pub fn n_voxels(&self, subject: usize, roi: usize) -> Option<usize> {
        let mut layers = self.values.iter();
        layers.find_map(|layer| layer[subject][roi].as_ref().map(Vec::len))
    }

    /// At most `limit` voxels per subject and ROI, drawn as the original does; all of them without a limit.
    ///
    /// # Errors
    /// If the layers of one subject and ROI differ in their number of voxels.
    pub fn limited(&self, limit: Option<usize>) -> Result<Cow<'_, Self>> {
        let Some(limit) = limit else {
            return Ok(Cow::Borrowed(self));
        };
        let pool = Pool::encoding(self)?;
        let choice =
            |n: usize| (n > limit).then(|| LegacyRandom::seed(VOXEL_SEED).choice(n, limit));
        let drawn: Vec<Vec<Option<Vec<usize>>>> = (0..self.subjects.len())
            .map(|subject| {
                let blocks = pool.blocks.iter().map(|blocks| &blocks[subject]);
                blocks.map(|block| choice(block.n_items)).collect()
            })
            .collect();
        if drawn.iter().flatten().all(Option::is_none) {
            return Ok(Cow::Borrowed(self));
        }
        let mut limited = self.clone();
        for layer in &mut limited.values {
            for (rois, drawn) in layer.iter_mut().zip(&drawn) {
                for (values, drawn) in rois.iter_mut().zip(drawn) {
                    if let (Some(values), Some(drawn)) = (values, drawn) {
                        *values = drawn.iter().map(|&voxel| values[voxel]).collect();
                    }
                }
            }
        }
        limited.drawn = drawn;
        Ok(Cow::Owned(limited))
    }
}

/// Which layers compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodingSampling {
    /// All of them, as in the original.
    All,
    /// Mean over every subset that holds the first and the last layer; each voxel's best layer is sought in
    /// the subset. Comparable between networks that list different numbers of layers.
    Exact,
}

/// How an encoding score is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncodingOptions {
    /// Level of the significance test, above 0 and at most 1.
    pub p_value: f64,
    /// Layers in each subset of [`EncodingSampling::Exact`], at least 2.
    pub n_layers: usize,
    /// Which layers compete.
    pub sampling: EncodingSampling,
    /// Voxels per subject and ROI at most; `None` for all.
    pub voxel_limit: Option<usize>,
    /// Of the textbook rule.
    pub correction: Correction,
}

impl Default for EncodingOptions {
    fn default() -> Self {
        Self {
            p_value: DEFAULT_P_VALUE,
            n_layers: DEFAULT_N_LAYERS,
            sampling: EncodingSampling::All,
            voxel_limit: Some(DEFAULT_VOXEL_LIMIT),
            correction: Correction::None,
        }
    }
}

/// The encoding half of the BH score of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodingScore {
    /// Names of the layers in hierarchy order: columns of the votes.
    pub layers: Vec<String>,
    /// Names of the ROIs in hierarchy order: rows of the votes.
    pub rois: Vec<String>,
    /// The score: voxels of all subjects together.
    pub pooled: PairedScore,
    /// The score of each subject alone.
    pub by_subject: Vec<(String, PairedScore)>,
    /// Voxels per subject and ROI at most; `None` for all.
    pub voxel_limit: Option<usize>,
    /// Voxels in the files; `pooled.n_items` of them were taken.
    pub n_voxels: u64,
    /// What a reader of these numbers should know.
    pub warnings: Vec<String>,
}

/// The encoding half of the BH score, by the published and by the textbook test.
///
/// # Errors
/// If the layers of one subject and ROI have different numbers of voxels, `values` does not match the
/// names, an option is out of range, or there are too many subsets of layers to visit.
pub fn encoding_score(
    input: &EncodingAccuracies,
    options: &EncodingOptions,
) -> Result<EncodingScore> {
    let all_layers = ScoreOptions {
        p_value: options.p_value,
        n_layers: options.n_layers,
        sampling: LayerSampling::All,
        correction: options.correction,
    };
    all_layers.check()?;
    if options.voxel_limit == Some(0) {
        return Err(Error::data(
            "voxel limit 0",
            "no voxel would be left",
            "give a positive number (the original takes 1000) or `all`",
        ));
    }
    if options.sampling == EncodingSampling::Exact && options.correction == Correction::Fdr {
        return Err(Error::data(
            "the false discovery rate over subsets of layers",
            "is another one for every subset and not taken",
            "let all layers compete (`--enc-layer-sampling all`), or choose `--select bonferroni`",
        ));
    }
    let limited = input.limited(options.voxel_limit)?;
    let pool = Pool::encoding(&limited)?;
    let rules = Rules::new(options.p_value, input.n_test).corrected(options.correction, &pool);
    let votes = votes::by_subject(&pool, &rules);
    let mut pooled = score::paired(&votes::sum(&votes), &pool, &rules, &all_layers)?;
    let mut by_subject = Vec::with_capacity(votes.len());
    for (subject, votes) in pool.subjects.iter().zip(&votes) {
        let paired = score::paired(votes, &pool, &rules, &all_layers)?;
        by_subject.push((subject.clone(), paired));
    }
    let mut warnings = pool.missing();
    warnings.extend(rules.warnings());
    warnings.extend(options.correction.note(pool.words));
    if options.sampling == EncodingSampling::Exact {
        if pool.levels.len() < options.n_layers {
            warnings.push(format!(
                "with {} layers there are no subsets of {}; the encoding score is that of all layers",
                pool.levels.len(),
                options.n_layers
            ));
        } else {
            let subsets = competition::subset_scores(&pool, &rules, options.n_layers)?;
            replace(&mut pooled, subsets.pooled, options.n_layers);
            for ((_, paired), subsets) in by_subject.iter_mut().zip(subsets.by_subject) {
                replace(paired, subsets, options.n_layers);
            }
        }
    }
    Ok(EncodingScore {
        layers: input.layers.clone(),
        rois: input.rois.clone(),
        pooled,
        by_subject,
        voxel_limit: options.voxel_limit,
        n_voxels: n_voxels(input)?,
        warnings,
    })
}

/// Puts the mean over subsets in the place of the score of all layers.
fn replace(paired: &mut PairedScore, subsets: competition::BothRules, n_layers: usize) {
    let put = |rule: &mut RuleScore, subsets: SubsetScores| {
        rule.score = score::mean(&subsets, Words::ENCODING, n_layers);
        rule.subsets = Some(subsets);
    };
    put(&mut paired.published, subsets.published);
    if paired.textbook.votes.is_some() {
        put(&mut paired.textbook, subsets.textbook);
    }
}

fn n_voxels(input: &EncodingAccuracies) -> Result<u64> {
    let pool = Pool::encoding(input)?;
    let voxels = pool
        .blocks
        .iter()
        .flatten()
        .map(|block| block.n_items as u64);
    Ok(voxels.sum())
}
