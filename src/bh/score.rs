//! Results: scores that are defined, or the reason why they are not.

use ndarray::{Array2, Axis};

use super::ScoreOptions;
use super::layers::{self, LayerSampling, SubsetScores};
use super::pool::{Pool, Words};
use super::selection::Rules;
use super::spearman;
use super::votes::Votes;
use crate::error::Result;

/// A score, or in plain words why there is none.
pub type Outcome = Result<f64, String>;

/// The decoding half of the BH score of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodingScore {
    /// Names of the layers in hierarchy order: rows of the votes.
    pub layers: Vec<String>,
    /// Names of the ROIs in hierarchy order: columns of the votes.
    pub rois: Vec<String>,
    /// The score: units of all subjects together.
    pub pooled: PairedScore,
    /// The score of each subject alone.
    pub by_subject: Vec<(String, PairedScore)>,
    /// What a reader of these numbers should know.
    pub warnings: Vec<String>,
}

/// A score by either rule, from the same items.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedScore {
    /// Number of items, significant or not.
    pub n_items: u64,
    /// Items without an accuracy at any level.
    pub n_undefined: u64,
    /// By the original's significance test.
    pub published: RuleScore,
    /// By the textbook's.
    pub textbook: RuleScore,
}

/// A score by one significance rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleScore {
    /// The score: mean over the subsets of layers, or all layers at once if that was asked for.
    pub score: Outcome,
    /// ρ of all layers at once.
    pub all_layers: Outcome,
    /// The subsets of layers; `None` without any.
    pub subsets: Option<SubsetScores>,
    /// Significant items, `(n_groups, n_levels)`; `None` if the rule cannot be applied.
    pub votes: Option<Array2<u64>>,
}

impl RuleScore {
    /// Number of significant items; `None` if the rule cannot be applied.
    pub fn n_selected(&self) -> Option<u64> {
        self.votes.as_ref().map(|votes| votes.sum())
    }

    fn unavailable(reason: String) -> Self {
        Self {
            score: Err(reason.clone()),
            all_layers: Err(reason),
            subsets: None,
            votes: None,
        }
    }
}

/// The averaged BH score: the mean of the two halves, by each rule.
///
/// `None` if a half was not computed; an outcome without a value says which half has none.
pub fn average(
    decoding: Option<&PairedScore>,
    encoding: Option<&PairedScore>,
) -> Option<(Outcome, Outcome)> {
    let (decoding, encoding) = (decoding?, encoding?);
    let mean = |decoding: &RuleScore, encoding: &RuleScore| match (&decoding.score, &encoding.score)
    {
        (Ok(decoding), Ok(encoding)) => Ok((decoding + encoding) / 2.0),
        (Err(why), _) => Err(format!("decoding: {why}")),
        (_, Err(why)) => Err(format!("encoding: {why}")),
    };
    Some((
        mean(&decoding.published, &encoding.published),
        mean(&decoding.textbook, &encoding.textbook),
    ))
}

/// What becomes of the score when the network has fewer layers than a subset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TooFewLayers {
    /// The original stops with an error.
    Undefined,
    /// The score of the layers that there are.
    AllLayers,
}

/// The scores of `votes` by both rules.
///
/// # Errors
/// If there are too many subsets of layers to visit.
pub(super) fn paired(
    votes: &Votes,
    pool: &Pool<'_>,
    rules: &Rules,
    options: &ScoreOptions,
) -> Result<PairedScore> {
    let published = score(&votes.published, pool, options, TooFewLayers::Undefined)?;
    // DEVIATION: the original cannot score networks with fewer layers than a subset has. The textbook score
    // of such a network is that of all its layers: 0.8491 for the four-layer test case.
    let textbook = match &votes.textbook {
        Some(table) => score(table, pool, options, TooFewLayers::AllLayers)?,
        None => RuleScore::unavailable(rules.no_textbook()),
    };
    Ok(PairedScore {
        n_items: votes.n_items,
        n_undefined: votes.n_undefined,
        published,
        textbook,
    })
}

fn score(
    table: &Array2<u64>,
    pool: &Pool<'_>,
    options: &ScoreOptions,
    too_few: TooFewLayers,
) -> Result<RuleScore> {
    let all_layers = spearman::spearman(table.view()).map_err(|why| why.reason(pool.words));
    let subsets = layers::subset_scores(table.view(), options.n_layers, options.sampling)?;
    let score = match subsets {
        Some(subsets) => mean(&subsets, pool.words, options.n_layers),
        None if has_too_few_layers(pool, options) && too_few == TooFewLayers::Undefined => {
            Err(format!(
                "the network has {}, the published score takes {} at a time",
                plural(table.len_of(Axis(0)) as u64, pool.words.group),
                options.n_layers
            ))
        }
        None => all_layers.clone(),
    };
    Ok(RuleScore {
        score,
        all_layers,
        subsets,
        votes: Some(table.clone()),
    })
}

/// The mean over subsets, or why there is none.
pub(super) fn mean(subsets: &SubsetScores, words: Words, n_layers: usize) -> Outcome {
    let Some(why) = subsets.first_undefined else {
        return subsets
            .spread
            .map(|spread| spread.mean)
            .ok_or_else(|| "no subset of layers".into());
    };
    let why = why.reason(words);
    if subsets.n_undefined == subsets.n_subsets {
        return Err(why);
    }
    let SubsetScores {
        n_undefined,
        n_subsets,
        ..
    } = subsets;
    Err(format!(
        "{n_undefined} of {n_subsets} subsets of {n_layers} layers have no score ({why})"
    ))
}

fn has_too_few_layers(pool: &Pool<'_>, options: &ScoreOptions) -> bool {
    options.sampling != LayerSampling::All && pool.groups.len() < options.n_layers
}

/// Says that the textbook score is that of all layers, if it is for want of layers.
pub(super) fn few_layers_note(pool: &Pool<'_>, options: &ScoreOptions) -> Option<String> {
    has_too_few_layers(pool, options).then(|| {
        let layers = plural(pool.groups.len() as u64, pool.words.group);
        format!(
            "with {layers} there are no subsets of {}; the textbook score is that of all layers",
            options.n_layers
        )
    })
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
