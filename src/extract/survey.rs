//! How many images of a study have their features, for `status`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::recipe::FILE_NAME;
use super::stimuli::stimuli;
use crate::error::Result;
use crate::settings::Network;
use crate::work::Layout;
use crate::work::claims::Holder;
use crate::work::layout::Split;

/// Images of a network, training and test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// Network folder.
    pub net: String,
    /// Images with features of all layers.
    pub done: usize,
    /// Images without, that a process is at.
    pub running: usize,
    /// The others.
    pub missing: usize,
}

impl Extracted {
    /// Looks at a network's folders, one listing each; none where `run` would not extract and nothing of ours is there.
    ///
    /// # Errors
    /// If images cannot be listed.
    pub fn of(network: &Network, layout: &Layout, holders: &[Holder]) -> Result<Option<Extracted>> {
        let model = network
            .extract
            .as_ref()
            .and_then(|extract| extract.model.as_ref());
        let has_model = model.is_some_and(|model| layout.root().join(model).exists());
        let mut found = Extracted {
            net: network.dir.clone(),
            done: 0,
            running: 0,
            missing: 0,
        };
        let mut is_ours = has_model;
        for split in [Split::Training, Split::Test] {
            let images = layout.images(split);
            if !images.is_dir() {
                continue;
            }
            let folders = network
                .layers
                .iter()
                .map(|layer| layout.features(split, &network.dir, layer));
            let folders: Vec<_> = folders.collect();
            is_ours |= folders.iter().any(|folder| folder.join(FILE_NAME).exists());
            if !is_ours {
                continue;
            }
            let images = stimuli(&images)?;
            let features: Vec<HashSet<String>> =
                folders.iter().map(|folder| names(folder)).collect();
            let is_done = |name: &String| features.iter().all(|names| names.contains(name));
            let done = images.iter().filter(|image| is_done(&image.name)).count();
            let open = images.len() - done;
            let prefix = format!("extract/{}/{}/", split.folder(), network.dir);
            let running = running(&prefix, holders).min(open);
            found.done += done;
            found.running += running;
            found.missing += open - running;
        }
        Ok(Some(found).filter(|found| is_ours && found.done + found.running + found.missing > 0))
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.running + self.missing == 0
    }
}

/// Names of the images that a layer's folder has features of.
fn names(folder: &Path) -> HashSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".mat")?.to_owned()))
        .collect()
}

/// Images of the blocks that are being worked on.
fn running(prefix: &str, holders: &[Holder]) -> usize {
    let alive = holders.iter().filter(|holder| !holder.life.is_over());
    alive
        .filter_map(|holder| {
            let (first, last) = holder.unit.strip_prefix(prefix)?.split_once('-')?;
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            Some(last.saturating_add(1).saturating_sub(first))
        })
        .fold(0, usize::saturating_add)
}
