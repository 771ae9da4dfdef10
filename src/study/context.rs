//! What every stage on a study needs to know.

use super::Behaviour;
use super::brain::Stimuli;
use super::memory::Memory;
use super::units::{Reading, Units};
use crate::error::{Error, Result};
use crate::io::features::Layer;
use crate::settings::{Roi, Settings};
use crate::work::layout::Split;
use crate::work::sources::Source;
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

    /// What an item reads of one split: the subject's fMRI table, and the features of the layer.
    pub fn inputs(&self, split: Split, item: &Item) -> [Source; 2] {
        let fmri = self.layout.fmri(&self.settings, split, &item.subject);
        let features = self.layout.features(split, &item.net, &item.layer);
        [Source::File(fmri), Source::Features(features)]
    }

    /// Makes sure that a layer has the images of the network's next one, where stimuli are known by rank: a file too
    /// many or too few would give all later images the features of others (`docs/compared.md` D9).
    ///
    /// The last layer is compared with the first, so that one that differs fails with its neighbour. A neighbour
    /// that cannot be listed says nothing.
    ///
    /// # Errors
    /// Names an image that only one of the two has.
    pub fn refuse_other_images(
        &self,
        item: &Item,
        split: Split,
        stimuli: &Stimuli,
        units: &Units,
    ) -> Result<()> {
        if matches!(stimuli, Stimuli::Names { .. }) {
            return Ok(());
        }
        let layers = &self.settings.network(&item.net)?.layers;
        let place = layers.iter().position(|layer| *layer == item.layer);
        let next = &layers[place.map_or(0, |place| (place + 1) % layers.len())];
        let Ok(other) = Layer::open(self.layout.features(split, &item.net, next)) else {
            return Ok(());
        };
        let only = |some: &[String], others: &[String]| {
            let mut only = some.iter();
            only.find(|name| others.binary_search(name).is_err())
                .cloned()
        };
        let (image, with, without) = if let Some(image) = only(&units.images, other.labels()) {
            (image, &item.layer, next)
        } else if let Some(image) = only(other.labels(), &units.images) {
            (image, next, &item.layer)
        } else {
            return Ok(());
        };
        Err(Error::file(
            &units.folder,
            format!(
                "layer `{with}` has a file for `{image}` and layer `{without}` has not; images are matched by \
                 their rank among the files"
            ),
            "give all layers the same files",
        ))
    }
}
