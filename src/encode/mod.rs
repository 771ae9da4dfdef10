//! Encoding: from the units of a layer to the voxels of a ROI.
//!
//! | stage | reads | writes |
//! |---|---|---|
//! | [`train`] | training fMRI and features | `feature_encoders/…/model/{W,b,x_mean,x_norm,y_mean,y_norm}.mat` |
//! | [`predict`] | encoders, test fMRI and features | `encoded_fmri/…/<image>.mat`, `encoding_accuracy/…/accuracy.mat` |
//!
//! The roles of decoding are swapped: inputs are units (flattened in column-major order, `n_units`),
//! targets are voxels. Units repeat with their image, voxels differ from presentation to presentation.

mod layer;
pub mod predict;
pub mod train;

use crate::study::{Behaviour, Context};
use crate::work::Item;

/// Label column of the original's encoding.
const COMPAT_LABEL: &str = "stimulus_name";

/// Column of the fMRI tables that tells which image was shown.
fn label_key(context: &Context) -> &str {
    match context.behaviour {
        Behaviour::Corrected => &context.settings.encoding.label_key,
        Behaviour::Compat => COMPAT_LABEL,
    }
}

/// Settings that both stages record.
fn recorded(context: &Context, item: &Item) -> serde_json::Value {
    let select = context
        .roi(item)
        .map(|roi| roi.select.clone())
        .unwrap_or_default();
    serde_json::json!({
        "alpha": context.settings.encoding.alpha,
        "n_units": context.settings.encoding.n_units,
        "label_key": label_key(context),
        "select": select,
        "compat": context.behaviour == Behaviour::Compat,
    })
}
