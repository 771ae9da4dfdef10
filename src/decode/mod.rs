//! Decoding: from the voxels of a ROI to the units of a layer.
//!
//! | stage | reads | writes |
//! |---|---|---|
//! | [`train`] | training fMRI and features | `feature_decoders/…/model/{W,b,x_mean,x_norm,y_mean,y_norm}.mat` |
//! | [`predict`] | decoders, test fMRI and features | `decoded_features/…/<image>.mat`, `decoding_accuracy/…/accuracy.mat` |

pub mod predict;
mod store;
pub mod train;

use crate::error::{Error, Result};
use crate::settings::{Roi, Settings};
use crate::study::Behaviour;
use crate::study::memory::Memory;
use crate::study::units::Reading;
use crate::work::{Item, Layout};

/// Label column of the original's decoding.
const COMPAT_LABEL: &str = "image_index";

/// What both decoding stages need to know.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where the study lies.
    pub layout: Layout,
    /// The resolved settings.
    pub settings: Settings,
    /// Corrected, or as the original.
    pub behaviour: Behaviour,
    /// Bound for working arrays.
    pub memory: Memory,
    /// Who is told how reading a layer's files goes.
    pub reading: Reading,
}

impl Context {
    fn label_key(&self) -> &str {
        match self.behaviour {
            Behaviour::Corrected => &self.settings.decoding.label_key,
            Behaviour::Compat => COMPAT_LABEL,
        }
    }

    fn roi(&self, item: &Item) -> Result<&Roi> {
        self.settings
            .rois
            .iter()
            .find(|roi| roi.name == item.roi)
            .ok_or_else(|| {
                Error::data(
                    item.to_string(),
                    "its ROI is not in the settings",
                    "add it to `rois`",
                )
            })
    }

    /// Settings that both stages record.
    fn recorded(&self, item: &Item) -> serde_json::Value {
        let select = self
            .roi(item)
            .map(|roi| roi.select.clone())
            .unwrap_or_default();
        serde_json::json!({
            "alpha": self.settings.decoding.alpha,
            "n_voxels": self.settings.decoding.n_voxels,
            "label_key": self.label_key(),
            "select": select,
            "compat": self.behaviour == Behaviour::Compat,
        })
    }
}
