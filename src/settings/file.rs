//! `settings.json` as written, and its check.
//!
//! ```json
//! {
//!   "subjects": ["sub-01", "sub-02"],
//!   "rois": ["V1", "V2", {"name": "HVC", "select": "ROI_LOC = 1 | ROI_FFA = 1"}],
//!   "dnns": {"AlexNet": {"dir": "pytorch/alexnet", "layers": ["conv1", "conv2"], "meta": {"top1": 56.5}}},
//!   "decoding": {"alpha": 100, "n_voxels": 500, "label_key": "stimulus_name"}
//! }
//! ```
//!
//! The first three keys, with plain ROI names and without `meta`, are the original's; all others may be left out.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::{normalised, problem_of_dir, problem_of_name};
use super::problems::Problems;
use super::{
    Decoding, Encoding, Extract, FmriFiles, Network, Roi, SUBJECT_PLACEHOLDER, Score, Settings,
    Work,
};
use crate::error::Result;

/// Settings of a study: subjects, regions, networks, and how to decode, encode and score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bhscore settings")]
pub struct File {
    /// Where the schema is, for editors; ignored.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Names of the subjects.
    #[schemars(length(min = 1))]
    pub subjects: Vec<String>,
    /// ROIs in hierarchy order, lowest first.
    #[schemars(length(min = 1))]
    pub rois: Vec<RoiEntry>,
    /// Networks by name, in the order of the report.
    #[schemars(with = "BTreeMap<String, NetworkEntry>", extend("minProperties" = 1))]
    pub dnns: Map<String, Value>,
    /// How units are decoded from voxels.
    #[serde(default)]
    pub decoding: Decoding,
    /// How voxels are encoded from units.
    #[serde(default)]
    pub encoding: Encoding,
    /// How the Brain Hierarchy score is taken.
    #[serde(default)]
    pub score: Score,
    /// Where the fMRI files are.
    #[serde(default)]
    pub fmri: FmriFiles,
    /// How several machines share the study.
    #[serde(default)]
    pub work: Work,
}

/// A region: its name, or its name and its voxels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RoiEntry {
    /// The voxels are `ROI_<name> = 1`.
    Name(String),
    /// The voxels are those of a select expression.
    Selected(SelectedRoi),
}

/// A region with its voxels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectedRoi {
    /// Name in paths and tables.
    pub name: String,
    /// Select expression over the metadata of the brain data; `ROI_<name> = 1` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
}

/// A network: its feature folder and its layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkEntry {
    /// Folder under `data/features/<split>/`, such as `pytorch/alexnet`.
    pub dir: String,
    /// Layers in hierarchy order, lowest first.
    #[schemars(length(min = 1))]
    pub layers: Vec<String>,
    /// How the network is run on images (`bhscore extract`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Extract")]
    pub extract: Option<Extract>,
    /// Anything else about the network, such as `top1`, `family` or `groups`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
}

impl File {
    /// Checks what the schema cannot; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Settings`](crate::Error::Settings) with all problems, each with its JSON path.
    pub fn check(self, path: &Path) -> Result<Settings> {
        let mut problems = Problems::default();
        let settings = self.check_into(&mut problems);
        problems.into_result(path).map(|()| settings)
    }

    /// As [`check`](Self::check), adding to problems; if there are any the result is not to be used.
    pub(super) fn check_into(self, problems: &mut Problems) -> Settings {
        let subjects = check_names("subjects", self.subjects, problems);
        let rois = check_rois(self.rois, problems);
        let networks = check_networks(self.dnns, problems);
        for (section, alpha) in [
            ("decoding", self.decoding.alpha),
            ("encoding", self.encoding.alpha),
        ] {
            if !(alpha.is_finite() && alpha > 0.0) {
                let text = format!("{alpha} is not a penalty; give a number above 0");
                problems.add(format!("{section}.alpha"), text);
            }
        }
        let mut at_least = |path: &str, number: usize, least: usize| {
            if number < least {
                problems.add(path, format!("{number} is too few; give at least {least}"));
            }
        };
        at_least("decoding.n_voxels", self.decoding.n_voxels, 1);
        at_least("encoding.n_units", self.encoding.n_units, 1);
        at_least("score.voxel_limit", self.score.voxel_limit, 1);
        at_least("score.n_layers", self.score.n_layers, Score::FEWEST_LAYERS);
        if let Some(n_test) = self.score.n_test {
            at_least("score.n_test", n_test, Score::FEWEST_TEST);
        }
        let p_value = self.score.p_value;
        if !(p_value > 0.0 && p_value < 1.0) {
            let text =
                format!("{p_value} is not a significance level; give a number between 0 and 1");
            problems.add("score.p_value", text);
        }
        for (section, key) in [
            ("decoding", &self.decoding.label_key),
            ("encoding", &self.encoding.label_key),
        ] {
            if key.trim().is_empty() {
                problems.add(
                    format!("{section}.label_key"),
                    "empty; name a column such as `stimulus_name`",
                );
            }
        }
        for (path, pattern) in [
            ("fmri.training", &self.fmri.training),
            ("fmri.test", &self.fmri.test),
        ] {
            if let Some(text) = problem_of_pattern(pattern, subjects.len()) {
                problems.add(path, text);
            }
        }
        self.work.check(problems);
        let Self {
            decoding,
            encoding,
            score,
            fmri,
            work,
            ..
        } = self;
        Settings {
            subjects,
            rois,
            networks,
            decoding,
            encoding,
            score,
            fmri,
            work,
        }
    }
}

/// A list of names of files or folders: some, each usable, each once.
fn check_names(path: &str, names: Vec<String>, problems: &mut Problems) -> Vec<String> {
    if names.is_empty() {
        problems.add(path, "empty; name at least one");
    }
    let placed = names
        .iter()
        .enumerate()
        .map(|(at, name)| (format!("{path}[{at}]"), name.as_str()));
    check_each_name(&placed.collect::<Vec<_>>(), problems);
    names
}

/// Names with their JSON paths: each usable, each once.
fn check_each_name(names: &[(String, &str)], problems: &mut Problems) {
    let mut places = HashMap::new();
    for (path, name) in names {
        if let Some(text) = problem_of_name(name) {
            problems.add(path, text);
        }
        let first = *places.entry(*name).or_insert(path);
        if !std::ptr::eq(first, path) {
            let text = format!("`{}` is `{first}` already; remove one", name.escape_debug());
            problems.add(path, text);
        }
    }
}

fn check_rois(entries: Vec<RoiEntry>, problems: &mut Problems) -> Vec<Roi> {
    if entries.is_empty() {
        problems.add("rois", "empty; name at least one");
    }
    let mut paths = Vec::with_capacity(entries.len());
    let mut rois = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        let path = format!("rois[{at}]");
        let (path, name, select) = match entry {
            RoiEntry::Name(name) => (path, name, None),
            RoiEntry::Selected(roi) => (format!("{path}.name"), roi.name, roi.select),
        };
        if select
            .as_ref()
            .is_some_and(|select| select.trim().is_empty())
        {
            problems.add(
                format!("rois[{at}].select"),
                "empty; write for example `ROI_V1 = 1`",
            );
        }
        let select = select.unwrap_or_else(|| default_select(&name));
        paths.push(path);
        rois.push(Roi { name, select });
    }
    let names: Vec<_> = paths
        .into_iter()
        .zip(rois.iter().map(|roi| roi.name.as_str()))
        .collect();
    check_each_name(&names, problems);
    rois
}

/// The voxels of a region given by name; quoted where the expression language would read signs in it.
fn default_select(name: &str) -> String {
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':'));
    if plain {
        format!("ROI_{name} = 1")
    } else {
        format!("\"ROI_{name}\" = 1")
    }
}

fn check_networks(dnns: Map<String, Value>, problems: &mut Problems) -> Vec<Network> {
    if dnns.is_empty() {
        problems.add("dnns", "empty; name at least one network");
    }
    let mut networks = Vec::with_capacity(dnns.len());
    for (name, value) in dnns {
        let path = format!("dnns.{name}");
        if name.trim().is_empty() || name.contains(char::is_control) {
            problems.add(
                &path,
                "a network without a name that can be shown; give it one",
            );
        }
        let NetworkEntry {
            dir,
            layers,
            extract,
            meta,
        } = match serde_json::from_value(value) {
            Ok(entry) => entry,
            Err(error) => {
                problems.add(path, error.to_string());
                continue;
            }
        };
        if let Some(text) = problem_of_dir(&dir) {
            problems.add(format!("{path}.dir"), text);
        }
        // A layer is one folder, whatever its framework calls it.
        let layers = layers.iter().map(|layer| layer.replace('/', ":")).collect();
        let layers = check_names(&format!("{path}.layers"), layers, problems);
        if let Some(extract) = &extract {
            extract.check(&format!("{path}.extract"), &layers, problems);
        }
        networks.push(Network {
            name,
            dir: normalised(&dir),
            layers,
            extract,
            meta,
        });
    }
    networks
}

/// What is wrong with a file pattern; `None` if it can be used.
fn problem_of_pattern(pattern: &str, n_subjects: usize) -> Option<String> {
    if pattern.trim().is_empty() || pattern.contains(char::is_control) {
        return Some(format!(
            "empty or with characters that cannot be typed; write for example `{}`",
            FmriFiles::TRAINING
        ));
    }
    let rest = pattern.replace(SUBJECT_PLACEHOLDER, "");
    if rest.contains(['{', '}']) {
        return Some(format!(
            "`{pattern}` has braces; only `{SUBJECT_PLACEHOLDER}` is replaced"
        ));
    }
    if n_subjects > 1 && !pattern.contains(SUBJECT_PLACEHOLDER) {
        return Some(format!(
            "`{pattern}` is one file for {n_subjects} subjects; put `{SUBJECT_PLACEHOLDER}` where the names differ"
        ));
    }
    None
}

impl From<Settings> for File {
    fn from(settings: Settings) -> Self {
        let Settings {
            subjects,
            rois,
            networks,
            decoding,
            encoding,
            score,
            fmri,
            work,
        } = settings;
        let roi = |Roi { name, select }| {
            RoiEntry::Selected(SelectedRoi {
                name,
                select: Some(select),
            })
        };
        let network = |Network {
                           name,
                           dir,
                           layers,
                           extract,
                           meta,
                       }| {
            let mut entry = Map::new();
            entry.insert("dir".to_owned(), dir.into());
            entry.insert("layers".to_owned(), layers.into());
            if let Some(extract) = extract {
                let value = serde_json::to_value(extract).expect("settings have only string keys");
                entry.insert("extract".to_owned(), value);
            }
            if !meta.is_empty() {
                entry.insert("meta".to_owned(), meta.into());
            }
            (name, Value::Object(entry))
        };
        let rois = rois.into_iter().map(roi).collect();
        let dnns = networks.into_iter().map(network).collect();
        Self {
            schema: None,
            subjects,
            rois,
            dnns,
            decoding,
            encoding,
            score,
            fmri,
            work,
        }
    }
}
