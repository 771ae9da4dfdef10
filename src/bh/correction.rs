//! Corrections of the textbook rule for the choice of the best of several levels.
//!
//! An item's best level is the maximum over all levels that it was predicted from, and its p is that of a
//! single correlation: of units that no ROI knows anything about, 1 − 0.975⁵ = 12% pass the test at 0.05 with
//! five independent ROIs, instead of 2.5%.
//!
//! | correction | an item counts when |
//! |---|---|
//! | [`Correction::None`] | p < level, as in the original |
//! | [`Correction::Bonferroni`] | p · m < level, m the number of levels where the item has an accuracy |
//! | [`Correction::Fdr`] | the p · m of all items, adjusted by Benjamini & Hochberg (1995), is below the level |
//!
//! The last one is the first step of Benjamini & Bogomolov (2014, J. R. Stat. Soc. B 76, 297) for families of
//! tests: p · m, at most 1, is a valid p of "no level predicts this item", and the procedure over all items of
//! the network and all subjects bounds the expected share of such items among those that count. It is never
//! more lenient than Bonferroni within items. Items without any positive
//! accuracy cannot count and have p = 1; items without any accuracy are no tests.

use super::Pool;
use super::pool::Words;
use super::selection;
use crate::stats::adjust::benjamini_hochberg;
use crate::stats::significance::Test;

/// How the textbook rule takes account of the number of levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Correction {
    /// Not at all.
    #[default]
    None,
    /// p times the number of levels of the item.
    Bonferroni,
    /// That, and the false discovery rate over all items.
    Fdr,
}

impl Correction {
    /// Names of all corrections, as options and results have them.
    pub const NAMES: [&'static str; 3] = ["p", "bonferroni", "fdr"];

    /// The correction of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "p" => Some(Self::None),
            "bonferroni" => Some(Self::Bonferroni),
            "fdr" => Some(Self::Fdr),
            _ => None,
        }
    }

    /// What a reader of the textbook score should know; `None` without a correction.
    pub fn note(self, words: Words) -> Option<String> {
        let Words { item, level, .. } = words;
        let corrected = format!("p of a {item}'s best {level} times the number of {level}s");
        match self {
            Self::None => None,
            Self::Bonferroni => Some(format!("the textbook rule takes the {corrected}")),
            Self::Fdr => Some(format!(
                "the textbook rule takes the {corrected}, adjusted over all {item}s (Benjamini–Hochberg)"
            )),
        }
    }

    /// Level below which p · m must be for an item of `pool` to count, at a wanted level of `p_value`.
    pub(super) fn level(self, pool: &Pool<'_>, test: Test, p_value: f64) -> f64 {
        if self != Self::Fdr {
            return p_value;
        }
        let adjusted = benjamini_hochberg(&best_p(pool, test));
        let n_items = adjusted.len();
        let n_kept = adjusted.iter().filter(|&&p| p < p_value).count();
        // Benjamini and Hochberg's cut: exactly `n_kept` items are below it.
        p_value * n_kept as f64 / n_items.max(1) as f64
    }
}

/// p · m of every item of `pool` that has an accuracy.
fn best_p(pool: &Pool<'_>, test: Test) -> Vec<f64> {
    let blocks = pool.blocks.iter().flatten();
    let best = blocks.flat_map(selection::best_levels).flatten();
    best.map(|best| match best.accuracy > 0.0 {
        true => (test.p_value(best.accuracy) * best.n_levels as f64).min(1.0),
        false => 1.0,
    })
    .collect()
}
