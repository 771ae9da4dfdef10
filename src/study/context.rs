//! What every stage on a study needs to know.

use super::Behaviour;
use super::memory::Memory;
use super::units::Reading;
use crate::error::{Error, Result};
use crate::settings::{Roi, Settings};
use crate::work::{Item, Layout};

/// What every stage on a study needs to know.
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
    /// An item's ROI.
    ///
    /// # Errors
    /// If the settings do not have it.
    pub fn roi(&self, item: &Item) -> Result<&Roi> {
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
}
