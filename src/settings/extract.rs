//! How a network is run on images: the `extract` section of its entry in `settings.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preprocess::PreprocessEntry;
use super::problems::Problems;
use crate::error::Error;

/// Model file of a network, and which tensors are its layers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Extract {
    /// ONNX file, relative to the study folder or absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How pixels become the network's input: `pytorch`, `caffe`, `tensorflow`, or an object.
    pub preprocess: PreprocessEntry,
    /// Layer name to the tensor, node or module of the model that it is; others are looked up by their own name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tensors: BTreeMap<String, String>,
    /// What is done to a layer's activations; `abs` by default for names that end in `_abs`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub transforms: BTreeMap<String, Transform>,
    /// Which units are kept: `all` (default) or `random:<number>`.
    #[serde(skip_serializing_if = "Units::is_all")]
    #[schemars(with = "String")]
    pub units: Units,
    /// Seed of the units' choice.
    pub seed: u32,
    /// Control: `shuffle:<seed>` or `init:<seed>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

/// What is done to a layer's activations before they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// The absolute value.
    Abs,
}

impl Transform {
    /// Ending of the published names of layers whose absolute value is taken.
    pub const ABS_ENDING: &str = "_abs";

    /// What a layer's name asks for.
    #[must_use]
    pub fn of_name(layer: &str) -> Transform {
        if layer.ends_with(Self::ABS_ENDING) {
            Transform::Abs
        } else {
            Transform::None
        }
    }
}

impl FromStr for Transform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Transform, Error> {
        match text {
            "none" => Ok(Transform::None),
            "abs" => Ok(Transform::Abs),
            _ => Err(Error::data(
                format!("transform `{text}`"),
                "is not known",
                "choose `none` or `abs`",
            )),
        }
    }
}

/// Which units of a layer are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Units {
    /// Every one.
    #[default]
    All,
    /// So many, drawn at random, the same for all images; all where there are fewer.
    Random(usize),
}

impl Units {
    fn is_all(&self) -> bool {
        *self == Units::All
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Units::All => f.write_str("all"),
            Units::Random(number) => write!(f, "random:{number}"),
        }
    }
}

impl From<Units> for String {
    fn from(units: Units) -> String {
        units.to_string()
    }
}

impl TryFrom<String> for Units {
    type Error = Error;

    fn try_from(text: String) -> Result<Units, Error> {
        text.parse()
    }
}

impl FromStr for Units {
    type Err = Error;

    fn from_str(text: &str) -> Result<Units, Error> {
        let number = text
            .strip_prefix("random:")
            .and_then(|number| number.parse().ok());
        match number {
            Some(number) if number > 0 => Ok(Units::Random(number)),
            None if text == "all" => Ok(Units::All),
            _ => Err(Error::data(
                format!("units `{text}`"),
                "name no choice",
                "write `all`, or for instance `random:1000`",
            )),
        }
    }
}

impl Extract {
    /// Adds what is wrong, under `path`; `layers` are the network's.
    pub(super) fn check(&self, path: &str, layers: &[String], problems: &mut Problems) {
        for (key, names) in [
            ("tensors", self.tensors.keys().collect::<Vec<_>>()),
            ("transforms", self.transforms.keys().collect()),
        ] {
            for name in names {
                let folder = name.replace('/', ":");
                let plain =
                    |layer: &String| layer.strip_suffix(Transform::ABS_ENDING) == Some(&folder);
                if !layers.iter().any(|layer| *layer == folder || plain(layer)) {
                    let text =
                        format!("the network has no layer `{name}`; its layers are under `layers`");
                    problems.add(format!("{path}.{key}.{name}"), text);
                }
            }
        }
        for (field, text) in self.preprocess.problems() {
            problems.add(format!("{path}.preprocess.{field}"), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_all_or_a_number() {
        assert_eq!("all".parse::<Units>().unwrap(), Units::All);
        assert_eq!("random:1000".parse::<Units>().unwrap(), Units::Random(1000));
        for text in ["", "random", "random:0", "random:-1", "1000"] {
            let error = text.parse::<Units>().unwrap_err().to_string();
            assert!(error.contains("random:1000"), "{error}");
        }
    }

    #[test]
    fn the_ending_of_a_name_asks_for_absolute_values() {
        assert_eq!(Transform::of_name("conv1_abs"), Transform::Abs);
        assert_eq!(Transform::of_name("conv1"), Transform::None);
    }
}
