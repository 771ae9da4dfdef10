//! Decoding: from the voxels of a ROI to the units of a layer.
//!
//! | stage | reads | writes |
//! |---|---|---|
//! | [`train`] | training fMRI and features | `feature_decoders/…/model/{W,b,x_mean,x_norm,y_mean,y_norm}.mat` |
//! | [`predict`] | decoders, test fMRI and features | `decoded_features/…/<image>.mat`, `decoding_accuracy/…/accuracy.mat` |

pub mod predict;
pub mod train;

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::io::bdata::BData;
use crate::settings::{Roi, Settings};
use crate::study::Behaviour;
use crate::study::brain::Samples;
use crate::study::memory::Memory;
use crate::study::units::{Reading, Units};
use crate::work::layout::Split;
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

/// The last fMRI table that was read: the ROIs of one subject follow each other in the plan.
#[derive(Default)]
struct Tables {
    last: Option<(std::path::PathBuf, BData)>,
}

impl Tables {
    fn samples(&mut self, context: &Context, split: Split, item: &Item) -> Result<Samples> {
        let path = context.layout.fmri(&context.settings, split, &item.subject);
        if self.last.as_ref().is_none_or(|(last, _)| *last != path) {
            self.last = None;
            self.last = Some((path.clone(), BData::read(&path)?));
        }
        let (_, table) = self.last.as_ref().expect("set above");
        Samples::select(table, &path, context.roi(item)?, context.label_key())
    }
}

/// The features of the layer at work: read once for all subjects and ROIs.
#[derive(Default)]
struct CurrentLayer {
    units: Option<(std::path::PathBuf, Units)>,
}

impl CurrentLayer {
    /// The layer's units with the first portion loaded.
    fn open(&mut self, context: &Context, split: Split, item: &Item) -> Result<&mut Units> {
        let folder = context.layout.features(split, &item.net, &item.layer);
        if self.units.as_ref().is_none_or(|(last, _)| *last != folder) {
            self.units = None;
            // A share of the bound: decoder weights and the Gram matrices want the rest.
            let units = Units::open(
                &folder,
                context.memory.bytes / 5 * 2,
                context.reading.clone(),
            )?;
            self.units = Some((folder, units));
        }
        let (_, units) = self.units.as_mut().expect("set above");
        units.seek(0)?;
        Ok(units)
    }
}

/// A cache of what depends on subject and ROI only, forgotten from the oldest when it grows beyond
/// its bound.
struct RoiCache<T> {
    entries: HashMap<(String, String), (u64, u64, T)>,
    clock: u64,
    bound: u64,
}

impl<T> RoiCache<T> {
    fn new(bound: u64) -> RoiCache<T> {
        RoiCache {
            entries: HashMap::new(),
            clock: 0,
            bound,
        }
    }

    fn get(&mut self, item: &Item) -> Option<&T> {
        self.clock += 1;
        let entry = self
            .entries
            .get_mut(&(item.subject.clone(), item.roi.clone()))?;
        entry.0 = self.clock;
        Some(&entry.2)
    }

    fn insert(&mut self, item: &Item, bytes: u64, value: T) {
        let held = |entries: &HashMap<_, (u64, u64, T)>| -> u64 {
            entries.values().map(|(_, bytes, _)| bytes).sum()
        };
        while !self.entries.is_empty() && held(&self.entries) + bytes > self.bound {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _, _))| *used);
            let key = oldest.map(|(key, _)| key.clone()).expect("not empty");
            self.entries.remove(&key);
        }
        self.clock += 1;
        let key = (item.subject.clone(), item.roi.clone());
        self.entries.insert(key, (self.clock, bytes, value));
    }
}
