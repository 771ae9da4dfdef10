//! Checks 9 and 10: what choices and labels are read from.

use super::mock::Choices;
use crate::model::finding::Verdict;
use crate::model::manifest::Manifest;
use crate::model::subject::Output;

/// Classes of ImageNet, which labels are told by.
const N_CLASSES: usize = 1000;

/// Largest difference of a sum of probabilities from 1: double precision over a few objects.
const TOLERANCE: f64 = 1e-9;

/// Whether the readout gives each image probabilities from 0 to 1 that sum to 1.
///
/// - `unknown`: why the model has no such layer.
pub(super) fn probabilities(
    manifest: &Manifest,
    unknown: Option<&str>,
    choices: Option<&Choices>,
) -> Verdict {
    if manifest.readout.is_none() {
        return Verdict::skipped("the manifest names no `behaviour.readout`");
    }
    if let Some(reason) = unknown {
        return Verdict::failed(reason, "correct `behaviour.readout`, or leave it out");
    }
    let Some(Choices { probabilities }) = choices else {
        return Verdict::skipped("check 8 (mock benchmark) gave no probabilities");
    };
    let possible = probabilities.iter().all(|p| (0.0..=1.0).contains(p));
    let sums = probabilities.rows().into_iter().map(|row| row.sum());
    let off = sums.map(|sum| (sum - 1.0).abs()).fold(0.0, f64::max);
    if !possible || off.is_nan() || off > TOLERANCE {
        let problem = format!("probabilities are not from 0 to 1 with the sum 1 (off by {off:e})");
        return Verdict::failed(problem, "look at the activations of the readout's layer");
    }
    let (n_images, n_objects) = probabilities.dim();
    Verdict::ok(format!(
        "{n_images} images, {n_objects} objects: each sums to 1"
    ))
}

/// Whether there are as many logits as ImageNet has classes.
///
/// - `unknown`: why the model has no such layer.
pub(super) fn logits(
    manifest: &Manifest,
    unknown: Option<&str>,
    logits: Option<&Output>,
) -> Verdict {
    if let Some(reason) = unknown {
        return Verdict::failed(reason, "correct `behaviour.logits`, or leave it out");
    }
    match (&manifest.logits, logits.map(Output::n_units)) {
        (Some(_), Some(N_CLASSES)) => Verdict::ok(format!("{N_CLASSES} logits")),
        (Some(name), Some(n_units)) => Verdict::warning(
            format!("`{name}` has {n_units} logits, ImageNet has {N_CLASSES} classes"),
            "such a layer does not say which class an image is of; name another layer, or leave `behaviour.logits` out",
        ),
        _ => Verdict::skipped("the manifest names no `behaviour.logits`"),
    }
}
