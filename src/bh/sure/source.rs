//! Where predicted and true values of the test images come from.

use super::images::Predictions;
use crate::error::{Error, Result};
use crate::stats::correlation;
use crate::work::{Item, Stage};
use ndarray::ArrayView2;

/// Predictions are stored in single precision, accuracies were taken before that: they agree to 1e-6.
/// More than this is another run, or another order of images.
const MAX_DIFFERENCE: f64 = 1e-3;

/// Predicted and true values behind the accuracies of a pool.
pub trait Source {
    /// The first file or folder that is missing, relative to the study; `None` if all are there.
    fn missing(&self) -> Option<String>;

    /// Values of one group and subject of the pool, and the names of the test images, the rows.
    ///
    /// # Errors
    /// If a file cannot be read, predicted and true values differ in images or items, or the accuracies are
    /// not theirs.
    fn read(&self, group: usize, subject: usize) -> Result<(Vec<String>, Predictions)>;
}

/// What a stage predicts, in errors.
pub(super) fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::DecodeTrain | Stage::DecodePredict => "decoded features",
        Stage::EncodeTrain | Stage::EncodePredict => "encoded fMRI",
    }
}

/// Predictions that are other than they must be.
pub(super) fn other(item: &Item, than: &str) -> Error {
    Error::data(
        format!("{} `{item}`", name(item.stage)),
        format!("{} other {than}", have(item.stage)),
        remedy(item.stage),
    )
}

/// What to do about predictions that do not fit.
pub(super) fn remedy(stage: Stage) -> String {
    format!("run `bhscore {} --force` for the network", stage.name())
}

/// The verb that goes with [`name`].
pub(super) fn have(stage: Stage) -> &'static str {
    match stage {
        Stage::DecodeTrain | Stage::DecodePredict => "have",
        Stage::EncodeTrain | Stage::EncodePredict => "has",
    }
}

/// Checks that `accuracies`, `(n_items,)`, are those of the item's predictions, `(n_stimuli, n_items)`.
pub(super) fn check_accuracies(
    item: &Item,
    predicted: ArrayView2<'_, f32>,
    truth: ArrayView2<'_, f32>,
    accuracies: &[f32],
) -> Result<()> {
    let found = correlation::columns(predicted, truth);
    let differ =
        |(found, expected): (&f64, &f32)| (found - f64::from(*expected)).abs() > MAX_DIFFERENCE;
    let n_other = (found.iter().zip(accuracies))
        .filter(|&pair| differ(pair))
        .count();
    if n_other == 0 {
        return Ok(());
    }
    let items = match item.stage {
        Stage::DecodeTrain | Stage::DecodePredict => "units",
        Stage::EncodeTrain | Stage::EncodePredict => "voxels",
    };
    Err(Error::data(
        format!("{} `{item}`", name(item.stage)),
        format!(
            "{n_other} of {} {items} correlate otherwise than `accuracy.mat` says",
            found.len()
        ),
        remedy(item.stage),
    ))
}
