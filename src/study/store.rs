//! What a stage keeps from item to item, within the memory bound: an fMRI table, prepared ROIs, a layer.
//!
//! Items come layer by layer, then by subject and ROI. So a layer is read once, and what is made from a
//! ROI serves all layers, as long as there is room. When there is not, things go in this order: the layer
//! that is read ahead, the table, other ROIs, the layer at work (it comes back in smaller portions).
//! None of this changes a bit of a result.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::Context;
use super::ahead::Ahead;
use super::brain::{Extent, Samples};
use super::units::Units;
use crate::error::Result;
use crate::io::bdata::BData;
use crate::work::Item;
use crate::work::layout::Split;

/// What is kept from item to item; `T` is what a stage makes of a subject's ROI.
pub struct Store<T> {
    context: Context,
    split: Split,
    label_key: String,
    /// The last table that was read: the ROIs of one subject follow each other.
    table: Option<(PathBuf, BData)>,
    /// Prepared ROIs with the bytes that they take, the last used at the end.
    rois: Vec<Kept<T>>,
    /// The layer at work.
    layer: Option<(PathBuf, Units)>,
    /// The layer of the item that comes after it, and that layer on its way.
    upcoming: Option<Item>,
    ahead: Option<Ahead>,
}

/// What [`Store::make_room`] must not give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Everything may go.
    Nothing,
    /// The table is being used.
    Table,
    /// The ROI that was used last is that of the item at work.
    Roi,
}

/// Fifths of the bound that a layer may take from other ROIs.
const LAYER_SHARE: u64 = 2;

struct Kept<T> {
    subject: String,
    roi: String,
    bytes: u64,
    value: T,
}

impl<T> Kept<T> {
    fn is_of(&self, item: &Item) -> bool {
        self.subject == item.subject && self.roi == item.roi
    }
}

impl<T> Store<T> {
    /// Nothing kept so far, of one half of the study.
    ///
    /// - `label_key`: column of the fMRI tables that tells which image was shown.
    pub fn new(context: Context, split: Split, label_key: &str) -> Store<T> {
        Store {
            context,
            split,
            label_key: label_key.to_owned(),
            table: None,
            rois: Vec::new(),
            layer: None,
            upcoming: None,
            ahead: None,
        }
    }

    /// An item's ROI, if it is prepared; it is then the one that was used last.
    pub fn roi(&mut self, item: &Item) -> Option<&T> {
        let place = self.rois.iter().position(|roi| roi.is_of(item))?;
        let roi = self.rois.remove(place);
        self.rois.push(roi);
        self.rois.last().map(|roi| &roi.value)
    }

    /// The samples of an item's ROI, with room for what is made of them.
    ///
    /// - `need`: bytes that all work on a ROI of this size takes, its samples included.
    pub fn samples(&mut self, item: &Item, need: impl Fn(Extent) -> u64) -> Result<Samples> {
        let (layout, settings) = (&self.context.layout, &self.context.settings);
        let path = layout.fmri(settings, self.split, &item.subject);
        if self.table.as_ref().is_none_or(|(last, _)| *last != path) {
            self.table = None;
            // A table takes about as much memory as its file has bytes.
            let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            self.make_room(bytes, Keep::Nothing);
            self.table = Some((path.clone(), BData::read(&path)?));
        }
        let (_, table) = self.table.as_ref().expect("set above");
        let (roi, label_key) = (self.context.roi(item)?, self.label_key.as_str());
        let extent = Extent::measure(table, &path, roi, label_key)?;
        let need = need(extent);
        self.context.memory.require(
            need.max(self.table_bytes() + extent.bytes()),
            format!("ROI `{}` of `{}`", item.roi, item.subject),
            &format!("its {} voxels", extent.n_voxels),
        )?;
        self.make_room(extent.bytes(), Keep::Table);
        let (_, table) = self.table.as_ref().expect("kept");
        let (roi, label_key) = (self.context.roi(item)?, self.label_key.as_str());
        let samples = Samples::select(table, &path, roi, label_key)?;
        self.make_room(need, Keep::Nothing);
        Ok(samples)
    }

    /// Gives things back until `bytes` more fit, or nothing is left.
    pub fn make_room(&mut self, bytes: u64, keep: Keep) {
        while self.free() < bytes {
            if self.ahead.is_some() {
                self.ahead = None;
            } else if self.table.is_some() && keep != Keep::Table {
                self.table = None;
            } else if self.rois.len() > usize::from(keep == Keep::Roi) {
                // Of ROIs that come round in a circle the last used is needed last.
                let last = self.rois.len() - 1 - usize::from(keep == Keep::Roi);
                self.rois.remove(last);
            } else if self.layer.is_some() {
                self.layer = None;
            } else {
                return;
            }
        }
    }

    /// Keeps a prepared ROI.
    pub fn keep_roi(&mut self, item: &Item, bytes: u64, value: T) {
        self.make_room(bytes, Keep::Nothing);
        self.rois.push(Kept {
            subject: item.subject.clone(),
            roi: item.roi.clone(),
            bytes,
            value,
        });
    }

    /// Says which item comes after the layer at work: its layer may be read ahead.
    pub fn announce(&mut self, item: &Item) {
        self.upcoming = Some(item.clone());
    }

    /// The item's ROI and its layer with the first portion loaded.
    ///
    /// - `working`: bytes that computing wants besides.
    pub fn open(
        &mut self,
        item: &Item,
        working: u64,
        stop: &AtomicBool,
    ) -> Result<(&T, &mut Units)> {
        let layout = &self.context.layout;
        let folder = layout.features(self.split, &item.net, &item.layer);
        if self.layer.as_ref().is_some_and(|(last, _)| *last != folder) {
            self.layer = None;
        }
        if self.layer.is_none() {
            self.layer = self
                .finish_ahead(&folder, stop)
                .map(|units| (folder.clone(), units));
        }
        self.make_room(working, Keep::Roi);
        if self.layer.is_none() {
            let units = Units::open(&folder, self.context.reading.clone())?;
            let share = self.context.memory.bytes / 5 * LAYER_SHARE;
            self.make_room(working + units.whole_bytes().min(share), Keep::Roi);
            self.layer = Some((folder, units));
        }
        let free = self.free();
        let (_, units) = self.layer.as_mut().expect("set above");
        if !units.is_whole() {
            // Portions differ in size, and others may have taken what was free before.
            // A third is for what fits allocate and the allocator holds on to.
            units.limit((free + units.bytes()).saturating_sub(working) / 3 * 2);
        }
        units.seek(0, stop)?;
        if units.is_whole() {
            self.read_ahead(working);
        }
        let (_, units) = self.layer.as_mut().expect("set above");
        let roi = self.rois.iter().find(|roi| roi.is_of(item));
        Ok((&roi.expect("the stage prepares it first").value, units))
    }

    /// The layer that was read ahead, if it is this one.
    fn finish_ahead(&mut self, folder: &Path, stop: &AtomicBool) -> Option<Units> {
        let ahead = self.ahead.take_if(|ahead| ahead.folder() == folder)?;
        let mut units = ahead.finish(stop)?;
        units.report_to(self.context.reading.clone());
        Some(units)
    }

    /// Starts to read the upcoming layer, once: if it has to go again, memory is scarce.
    fn read_ahead(&mut self, working: u64) {
        let Some(item) = self.upcoming.take() else {
            return;
        };
        let layout = &self.context.layout;
        let folder = layout.features(self.split, &item.net, &item.layer);
        self.ahead = None;
        self.ahead = Ahead::start(&folder, self.free().saturating_sub(working));
    }

    fn free(&self) -> u64 {
        let rois: u64 = self.rois.iter().map(|roi| roi.bytes).sum();
        let layer = self.layer.as_ref().map_or(0, |(_, units)| units.bytes());
        let ahead = self.ahead.as_ref().map_or(0, Ahead::bytes);
        let held = self.table_bytes() + rois + layer + ahead;
        self.context.memory.bytes.saturating_sub(held)
    }

    fn table_bytes(&self) -> u64 {
        let table = self.table.as_ref();
        table.map_or(0, |(_, table)| {
            8 * (table.n_samples() * table.n_columns()) as u64
        })
    }
}
