//! `extract.json`: how the features of a layer were made, beside them.
//!
//! Unlike the records of other stages it is written *before* the features, since machines that share the work
//! must agree on it: a layer's folder never holds features of two recipes. Which images are done is told by
//! the feature files, each of which is there whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// Name of the file.
pub const FILE_NAME: &str = "extract.json";

/// Version of its format.
const FORMAT: u32 = 1;

/// What determines a layer's features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Fingerprint of the model and its weight files.
    pub model: String,
    /// `trained`, or the control `shuffle:<seed>` or `init:<seed>`.
    pub weights: String,
    /// Tensor of the model.
    pub tensor: String,
    /// `none` or `abs`.
    pub transform: String,
    /// Pixels to input.
    pub preprocess: Value,
    /// Height and width of the input in pixels.
    pub size: [usize; 2],
    /// Visual angle of the model's input and of the images, in degrees, where the images are fitted to it.
    pub degrees: Option<[f64; 2]>,
    /// `all` or `random:<number>`.
    pub units: String,
    /// Seed of their choice.
    pub seed: u32,
}

/// A layer's recipe with what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Version of this format.
    pub format: u32,
    /// Program and version.
    pub program: String,
    /// What ran the network for the first images; engines and processors differ by about 1e-6.
    pub engine: String,
    /// Vector instructions of that processor.
    pub processor: String,
    /// Name of the model file.
    pub model_file: String,
    /// What determines the features.
    pub recipe: Recipe,
    /// Shape of the layer for one image.
    pub shape: Vec<usize>,
    /// Positions of the kept units in the flattened (row-major) layer; `null` for all.
    pub unit_index: Option<Vec<usize>>,
    /// Images by name.
    pub images: BTreeMap<String, Fingerprint>,
}

/// An image file as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Size and modification time.
    pub stamp: String,
    /// BLAKE3 of the content.
    pub digest: String,
}

impl Recipe {
    /// What differs from another recipe, in the user's words; `None` if nothing does.
    #[must_use]
    pub fn difference(&self, other: &Recipe) -> Option<String> {
        let [ours, theirs] = [self, other].map(|recipe| {
            let value = serde_json::to_value(recipe).expect("a recipe has only string keys");
            let Value::Object(fields) = value else {
                unreachable!("a struct is an object")
            };
            fields
        });
        ours.into_iter().find_map(|(field, value)| {
            let theirs = theirs.get(&field).unwrap_or(&Value::Null);
            (*theirs != value).then(|| match field.as_str() {
                "model" => "another model".to_owned(),
                _ => format!("{field} {theirs} instead of {value}"),
            })
        })
    }
}

impl Origin {
    /// An origin in the present format.
    #[must_use]
    pub fn new(engine: String, model_file: String, recipe: Recipe) -> Origin {
        Origin {
            format: FORMAT,
            program: crate::PROGRAM.to_owned(),
            engine,
            processor: processor(),
            model_file,
            recipe,
            shape: Vec::new(),
            unit_index: None,
            images: BTreeMap::new(),
        }
    }

    /// Reads the origin of a layer folder; `None` where there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or was written by another version.
    pub fn read(folder: &Path) -> Result<Option<Origin>> {
        let path = folder.join(FILE_NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let remedy = "extract the layer again with `--force`, or delete its folder";
        let origin: Origin = serde_json::from_slice(&text)
            .map_err(|error| Error::file(&path, format!("is damaged ({error})"), remedy))?;
        if origin.format != FORMAT {
            let problem = format!("has format {}, this program reads {FORMAT}", origin.format);
            return Err(Error::file(&path, problem, remedy));
        }
        Ok(Some(origin))
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("an origin has only string keys");
        text.push(b'\n');
        text
    }
}

/// Vector instructions that engines choose their kernels by.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let found = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ];
        let names = found.iter().filter(|(_, there)| *there);
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        format!("x86_64 {}", names.join(" "))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic;

    fn recipe() -> Recipe {
        Recipe {
            model: "abc".to_owned(),
            weights: "trained".to_owned(),
            tensor: "conv1".to_owned(),
            transform: "none".to_owned(),
            preprocess: serde_json::json!({ "scale": 255.0 }),
            size: [224, 224],
            degrees: None,
            units: "all".to_owned(),
            seed: 0,
        }
    }

    #[test]
    fn differences_are_named() {
        assert_eq!(recipe().difference(&recipe()), None);
        let other = Recipe {
            units: "random:5".to_owned(),
            ..recipe()
        };
        let text = recipe().difference(&other).unwrap();
        assert_eq!(text, "units \"random:5\" instead of \"all\"");
        let other = Recipe {
            model: "def".to_owned(),
            ..recipe()
        };
        assert_eq!(recipe().difference(&other).unwrap(), "another model");
    }

    #[test]
    fn origins_read_back_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Origin::read(folder.path()).unwrap(), None);
        let origin = Origin::new("rten".to_owned(), "m.onnx".to_owned(), recipe());
        let path = folder.path().join(FILE_NAME);
        atomic::write(&path, &origin.encode()).unwrap();
        assert_eq!(Origin::read(folder.path()).unwrap(), Some(origin.clone()));
        let text = origin.encode();
        atomic::write(&path, &text[..text.len() / 2]).unwrap();
        let error = Origin::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("--force"), "{error}");
    }
}
