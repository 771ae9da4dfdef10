//! Decoding: from the voxels of a ROI to the units of a layer.
//!
//! | stage | reads | writes |
//! |---|---|---|
//! | [`train`] | training fMRI and features | `feature_decoders/…/model/{W,b,x_mean,x_norm,y_mean,y_norm}.mat` |
//! | [`predict`] | decoders, test fMRI and features | `decoded_features/…/<image>.mat`, `decoding_accuracy/…/accuracy.mat` |

pub mod predict;
pub mod train;

use crate::study::Behaviour;
pub use crate::study::Context;
use crate::work::Item;

/// Label column of the original's decoding.
const COMPAT_LABEL: &str = "image_index";

/// Column of the fMRI tables that tells which image was shown.
fn label_key(context: &Context) -> &str {
    match context.behaviour {
        Behaviour::Corrected => &context.settings.decoding.label_key,
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
        "alpha": context.settings.decoding.alpha,
        "n_voxels": context.settings.decoding.n_voxels,
        "label_key": label_key(context),
        "select": select,
        "compat": context.behaviour == Behaviour::Compat,
    })
}
