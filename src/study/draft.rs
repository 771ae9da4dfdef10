//! A first `settings.json`, from what lies in a study folder.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::io::bdata::BData;
use crate::settings::FmriFiles;
use crate::work::layout::{Layout, Split};

/// ROIs of the publication, lowest first: taken where brain data have all of them among others.
const PUBLISHED_ROIS: [&str; 5] = ["V1", "V2", "V3", "V4", "HVC"];

/// What metadata of brain data call a ROI.
const ROI_PREFIX: &str = "ROI_";

/// Settings to look over, and what to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// `settings.json`.
    pub settings: Value,
    /// What a person must decide.
    pub remarks: Vec<String>,
}

impl Draft {
    /// Subjects by the names of brain-data files, ROIs by the first subject's table, networks and layers by folders.
    ///
    /// # Errors
    /// If there are no brain data with the published names or no features, or a folder or the table cannot be read.
    pub fn of(layout: &Layout) -> Result<Draft> {
        let mut remarks = Vec::new();
        let subjects = subjects(layout)?;
        let rois = rois(layout, &subjects[0], &mut remarks)?;
        let networks = networks(layout, &mut remarks)?;
        Ok(Draft {
            settings: json!({ "subjects": subjects, "rois": rois, "dnns": networks }),
            remarks,
        })
    }
}

fn subjects(layout: &Layout) -> Result<Vec<String>> {
    let pattern = layout.root().join(FmriFiles::TRAINING);
    let folder = pattern.parent().unwrap_or(layout.root());
    let suffix = FmriFiles::TRAINING
        .rsplit_once('}')
        .map_or("", |(_, suffix)| suffix);
    let mut found: Vec<String> = entries(folder)?
        .iter()
        .filter_map(|name| name.strip_suffix(suffix))
        .filter(|subject| !subject.is_empty() && !subject.starts_with('.'))
        .map(str::to_owned)
        .collect();
    if found.is_empty() {
        return Err(Error::file(
            folder,
            format!("no file is called <subject>{suffix}"),
            "put brain data or links to them there, or write settings.json by hand with their names under `fmri`",
        ));
    }
    found.sort_by(|a, b| natord::compare(a, b));
    Ok(found)
}

fn rois(layout: &Layout, subject: &str, remarks: &mut Vec<String>) -> Result<Vec<String>> {
    let path = layout
        .root()
        .join(FmriFiles::default().training_of(subject));
    let table = BData::read(&path)?;
    let all: Vec<&str> = table
        .keys()
        .iter()
        .filter_map(|key| key.strip_prefix(ROI_PREFIX))
        .collect();
    if all.is_empty() {
        return Err(Error::file(
            path,
            format!("no metadata begin with {ROI_PREFIX}"),
            "write `rois` by hand, each with a `select` expression (`bhscore inspect` lists the keys)",
        ));
    }
    let has_published = PUBLISHED_ROIS.iter().all(|roi| all.contains(roi));
    let taken = if has_published {
        PUBLISHED_ROIS.to_vec()
    } else {
        all.clone()
    };
    let left: Vec<&str> = all.into_iter().filter(|roi| !taken.contains(roi)).collect();
    if !left.is_empty() {
        remarks.push(format!("ROIs that were left out: {}", left.join(", ")));
    }
    if !has_published {
        remarks
            .push("ROIs are in the order of the file: put them from lowest to highest".to_owned());
    }
    Ok(taken.into_iter().map(str::to_owned).collect())
}

/// Every `<framework>/<network>` with its layers.
fn networks(layout: &Layout, remarks: &mut Vec<String>) -> Result<Map<String, Value>> {
    let root = layout.network_features(Split::Training, "");
    let mut found = Map::new();
    for framework in folders(&root)? {
        for network in folders(&root.join(&framework))? {
            let layers = folders(&root.join(&framework).join(&network))?;
            let dir = format!("{framework}/{network}");
            if layers.is_empty() {
                remarks.push(format!("{dir} has no layers and was left out"));
                continue;
            }
            let name = match found.contains_key(&network) {
                true => dir.clone(),
                false => network,
            };
            found.insert(name, json!({ "dir": dir, "layers": layers }));
        }
    }
    if found.is_empty() {
        return Err(Error::file(
            root,
            "there is no network, no folder <framework>/<network>/<layer>",
            "put features or links to them there, or write settings.json by hand for `bhscore extract`",
        ));
    }
    remarks
        .push("layers are in the order of their names: put them from lowest to highest".to_owned());
    Ok(found)
}

/// Names of the folders in a folder, numbers in them by value.
fn folders(folder: &Path) -> Result<Vec<String>> {
    let mut found = entries(folder)?;
    found.retain(|name| !name.starts_with('.') && folder.join(name).is_dir());
    found.sort_by(|a, b| natord::compare(a, b));
    Ok(found)
}

/// Names in a folder that are text; none where there is no folder.
fn entries(folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let list = fs::read_dir(folder).map_err(Error::io("list", folder))?;
    list.filter_map(|entry| {
        entry
            .map(|entry| entry.file_name().into_string().ok())
            .transpose()
    })
    .collect::<std::io::Result<_>>()
    .map_err(Error::io("list", folder))
}
