//! What the user asks for: `settings.json` of a study, checked once and never changed.
//!
//! Each value comes from the first of: command line, `settings.json`, default; the command line is laid over the
//! [`Settings`] by the binary. What the file looks like is in [`mod@file`], and for editors in `settings.schema.json`
//! at the top of the repository ([`schema`]).
//!
//! Reading goes in three steps, and every problem of all three is reported at once: text to JSON
//! (`shape`, where syntax errors end it), JSON against the schema, and [`file::File::check`] for what a
//! schema cannot say.

pub mod extract;
pub mod file;
mod names;
pub mod preprocess;
mod problems;
mod shape;
pub mod work;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::nearest::{nearest, quoted};
pub use extract::{Extract, Transform, Units};
use file::File;
pub use names::{normalised, problem_of_dir, problem_of_name};
pub use preprocess::{Filter, Preprocess, PreprocessEntry};
use problems::Problems;
pub use work::Work;

/// What stands for the subject's name in a file pattern.
pub const SUBJECT_PLACEHOLDER: &str = "{subject}";

/// Checked settings of a study. Serialised, they are a `settings.json` with every default written out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "File")]
pub struct Settings {
    /// Names of the subjects, each once.
    pub subjects: Vec<String>,
    /// ROIs in hierarchy order, lowest first; this order is the ROI number of the score.
    pub rois: Vec<Roi>,
    /// Networks in the order of the file.
    pub networks: Vec<Network>,
    /// fMRI to units.
    pub decoding: Decoding,
    /// Units to fMRI.
    pub encoding: Encoding,
    /// The Brain Hierarchy score.
    pub score: Score,
    /// Where the fMRI files are.
    pub fmri: FmriFiles,
    /// How machines share the study.
    pub work: Work,
}

/// A region of interest.
#[derive(Debug, Clone, PartialEq)]
pub struct Roi {
    /// Name in paths and tables, such as `V1`.
    pub name: String,
    /// Its voxels, as a select expression of `io::select`.
    pub select: String,
}

/// A network and its layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Name in tables, such as `AlexNet`.
    pub name: String,
    /// Folder under `data/features/<split>/`, such as `pytorch/alexnet`; without `./` and trailing slash.
    pub dir: String,
    /// Layer folders in hierarchy order, lowest first; a `/` in a layer's name is a `:` here and on disk.
    pub layers: Vec<String>,
    /// How it is run on images, where the settings say.
    pub extract: Option<Extract>,
    /// Whatever else is known about it (`top1`, `family`, `groups`), for reports.
    pub meta: serde_json::Map<String, Value>,
}

/// How units are decoded from voxels. Defaults are those of Nonaka et al. (2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Decoding {
    /// Ridge penalty, finite and above 0; not scaled by the number of samples.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub alpha: f64,
    /// Voxels selected per unit, by absolute correlation; at least 1.
    #[schemars(range(min = 1))]
    pub n_voxels: usize,
    /// Column of the brain data whose labels are the names of the feature files.
    pub label_key: String,
    /// `mixed`: single precision where double proves the result to 6e-8 of a unit's largest weight. `f64`: double
    /// throughout.
    pub precision: Precision,
}

/// Arithmetic of the decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, with = "String", extend("enum" = ["mixed", "f64"]))]
pub enum Precision {
    /// Single precision inside, proven in double.
    #[default]
    Mixed,
    /// Double precision throughout.
    F64,
}

impl Decoding {
    /// Ridge penalty of the original.
    pub const ALPHA: f64 = 100.0;
    /// Voxels per unit in the original.
    pub const N_VOXELS: usize = 500;
    // DEVIATION: the original matches by the number in `image_index`, which it takes for the rank of the image among
    // the sorted feature file names, and checks nothing. Same results where that rank is right; where it is not, the
    // original trains each unit on other images than were shown, and we do not.
    /// Label column for matching.
    pub const LABEL_KEY: &str = "stimulus_name";
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            alpha: Self::ALPHA,
            n_voxels: Self::N_VOXELS,
            label_key: Self::LABEL_KEY.to_owned(),
            precision: Precision::default(),
        }
    }
}

/// How voxels are encoded from units. Defaults are those of Nonaka et al. (2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Encoding {
    /// Ridge penalty, finite and above 0; not scaled by the number of samples.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub alpha: f64,
    /// Units selected per voxel, by absolute correlation; at least 1.
    #[schemars(range(min = 1))]
    pub n_units: usize,
    /// Column of the brain data whose labels are the names of the feature files.
    pub label_key: String,
}

impl Encoding {
    /// Ridge penalty of the original.
    pub const ALPHA: f64 = 100.0;
    /// Units per voxel in the original.
    pub const N_UNITS: usize = 500;
    /// Label column of the original.
    pub const LABEL_KEY: &str = "stimulus_name";
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            alpha: Self::ALPHA,
            n_units: Self::N_UNITS,
            label_key: Self::LABEL_KEY.to_owned(),
        }
    }
}

/// How the Brain Hierarchy score is taken. Defaults are those of the original's notebook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Score {
    /// Units count if their accuracy is significant at this level, one-sided; between 0 and 1.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub p_value: f64,
    /// Voxels per ROI and subject that enter the encoding score at most; at least 1.
    #[schemars(range(min = 1))]
    pub voxel_limit: usize,
    /// Layers in each subset over which the score is averaged, the first and last included; at least 2.
    #[schemars(range(min = 2))]
    pub n_layers: usize,
    /// Test stimuli that all accuracies are over; left out, what the files tell. At least 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3))]
    pub n_test: Option<usize>,
}

impl Score {
    /// Significance level of the original.
    pub const P_VALUE: f64 = 0.05;
    /// Voxel limit of the original.
    pub const VOXEL_LIMIT: usize = 1000;
    /// Layers per subset of the original.
    pub const N_LAYERS: usize = 5;
    /// Fewest layers with a rank correlation.
    pub const FEWEST_LAYERS: usize = 2;
    /// Fewest stimuli that leave a degree of freedom (n − 2).
    pub const FEWEST_TEST: usize = 3;
}

impl Default for Score {
    fn default() -> Self {
        Self {
            p_value: Self::P_VALUE,
            voxel_limit: Self::VOXEL_LIMIT,
            n_layers: Self::N_LAYERS,
            n_test: None,
        }
    }
}

/// Brain-data files, relative to the study folder or absolute; `{subject}` stands for the subject's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FmriFiles {
    /// Responses to the training images.
    pub training: String,
    /// Responses to the test images.
    pub test: String,
}

impl FmriFiles {
    /// Name of the training files of the published data.
    pub const TRAINING: &str = "data/fmri/{subject}_perceptionNaturalImageTraining_VC_v2.h5";
    /// Name of the test files of the published data.
    pub const TEST: &str = "data/fmri/{subject}_perceptionNaturalImageTest_VC_v2.h5";

    /// The training file of a subject.
    pub fn training_of(&self, subject: &str) -> String {
        self.training.replace(SUBJECT_PLACEHOLDER, subject)
    }

    /// The test file of a subject.
    pub fn test_of(&self, subject: &str) -> String {
        self.test.replace(SUBJECT_PLACEHOLDER, subject)
    }
}

impl Default for FmriFiles {
    fn default() -> Self {
        Self {
            training: Self::TRAINING.to_owned(),
            test: Self::TEST.to_owned(),
        }
    }
}

impl Settings {
    /// Reads and checks a settings file.
    ///
    /// # Errors
    /// [`Error::File`] if it is not there or no text, [`Error::Io`] if it cannot be read, [`Error::Settings`] with all
    /// its problems.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let remedy = "check the study folder (`-C`), or begin with `bhscore settings --draft > draft.json`, \
                              which looks at what is in data/";
                return Err(Error::file(path, "there is no such file", remedy));
            }
            read => read.map_err(Error::io("read", path))?,
        };
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::file(
                path,
                "it is not UTF-8 text",
                "save it as UTF-8 in your editor",
            )
        })?;
        Self::from_json(&text, path)
    }

    /// Checks settings given as text; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Settings`] with all problems, each with its JSON path.
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let mut problems = Problems::default();
        let settings = Self::parse(text, &mut problems);
        problems.into_result(path)?;
        Ok(settings.expect("what cannot be read has a problem"))
    }

    fn parse(text: &str, problems: &mut Problems) -> Option<Self> {
        let mut value = shape::parse(text, problems)?;
        shape::fit(&mut value, &schema(), problems);
        match serde_json::from_value::<File>(value) {
            Ok(file) => Some(file.check_into(problems)),
            // What fits the schema can be read; said all the same, should they ever differ.
            Err(error) => {
                problems.add("", error.to_string());
                None
            }
        }
    }

    /// The network of this name or, if none has it, in this folder.
    ///
    /// # Errors
    /// [`Error::Data`] with the nearest names and folders, or if the folder belongs to several networks.
    pub fn network(&self, dir_or_name: &str) -> Result<&Network> {
        if let Some(network) = self
            .networks
            .iter()
            .find(|network| network.name == dir_or_name)
        {
            return Ok(network);
        }
        let dir = names::normalised(dir_or_name);
        let in_dir: Vec<&Network> = self
            .networks
            .iter()
            .filter(|network| network.dir == dir)
            .collect();
        let fail = |problem: &str, remedy: String| {
            Err(Error::data(
                format!("network `{dir_or_name}`"),
                problem,
                remedy,
            ))
        };
        let names = || self.networks.iter().map(|network| network.name.as_str());
        match in_dir.as_slice() {
            [network] => Ok(network),
            [] => {
                let dirs = self.networks.iter().map(|network| network.dir.as_str());
                match nearest(dir_or_name, names().chain(dirs)).as_slice() {
                    [] => fail(
                        "not in the settings",
                        format!("they have {}", quoted(names())),
                    ),
                    near => {
                        let near = quoted(near.iter().copied());
                        fail("not in the settings", format!("did you mean {near}?"))
                    }
                }
            }
            several => {
                let names = quoted(several.iter().map(|network| network.name.as_str()));
                fail(
                    "the folder of several networks",
                    format!("name one of {names}"),
                )
            }
        }
    }
}

/// JSON Schema of `settings.json`, as committed in `settings.schema.json`.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}
