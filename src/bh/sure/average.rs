//! How sure the average of both halves is, over test images.
//!
//! The halves hang on the same images, so their errors are not independent: the jackknife leaves the same
//! images out of both, and its scores are averaged choice by choice before the spread is taken
//! ([`super::jackknife`]).

use serde::Serialize;

use super::SureOptions;
use super::half::{SureHalf, SureRule};
use super::interval::Interval;
use super::jackknife::Jackknife;
use crate::bh::Outcome;

/// How sure the average is by either rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AveragePair {
    /// By the original's significance test; `None` where it is undefined.
    pub published: Option<AverageRule>,
    /// By the textbook's.
    pub textbook: Option<AverageRule>,
}

/// How sure the average by one rule is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AverageRule {
    /// Standard error over test images.
    pub jackknife: Interval,
}

/// Intervals of the average `scores`, published first, and why one of them is missing.
pub fn intervals(
    decoding: &SureHalf,
    encoding: &SureHalf,
    scores: &(Outcome, Outcome),
    settings: &SureOptions,
) -> (AveragePair, Option<String>) {
    let none = |why: &str| {
        let pair = AveragePair {
            published: None,
            textbook: None,
        };
        (pair, Some(format!("no interval of the average: {why}")))
    };
    let (Some(images), Some(others)) = (&decoding.images, &encoding.images) else {
        return none("the test images of one half are not there");
    };
    if images != others {
        return none("the halves have other test images");
    }
    let jackknife = Jackknife::new(images.len(), settings.n_jackknife, settings.seed);
    let Some(jackknife) = jackknife else {
        return none(&format!("{} test images are too few", images.len()));
    };
    let interval = |score: &Outcome, decoding: &Option<SureRule>, encoding: &Option<SureRule>| {
        let replicates = mean(
            decoding.as_ref()?.replicates.as_ref()?,
            encoding.as_ref()?.replicates.as_ref()?,
        );
        let jackknife = jackknife.interval(*score.as_ref().ok()?, &replicates)?;
        Some(AverageRule { jackknife })
    };
    let (decoding, encoding) = (&decoding.rules, &encoding.rules);
    let pair = AveragePair {
        published: interval(&scores.0, &decoding.published, &encoding.published),
        textbook: interval(&scores.1, &decoding.textbook, &encoding.textbook),
    };
    let missing: Vec<&str> = [("published", &pair.published), ("textbook", &pair.textbook)]
        .into_iter()
        .filter_map(|(rule, found)| found.is_none().then_some(rule))
        .collect();
    let note = (!missing.is_empty()).then(|| {
        format!(
            "no interval of the average by the {} rule: a half or one of its resamples has no score",
            missing.join(" and the ")
        )
    });
    (pair, note)
}

/// Means of the scores of either half, choice by choice; `None` where one is undefined.
fn mean(decoding: &[Option<f64>], encoding: &[Option<f64>]) -> Vec<Option<f64>> {
    (decoding.iter().zip(encoding))
        .map(|(decoding, encoding)| Some((decoding.as_ref()? + encoding.as_ref()?) / 2.0))
        .collect()
}
