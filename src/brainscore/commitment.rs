//! Which layer a model commits to for each region: `results/brainscore/<model>/layers.json`.
//!
//! Chosen once, on other data than those that scores are of (SPEC: 2.7).

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::atomic;

/// Name of the file in the model's folder.
pub const FILE_NAME: &str = "layers.json";

/// A model's layers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment {
    /// Region → layer.
    pub layers: BTreeMap<String, String>,
}

impl Commitment {
    /// Reads the file of a model's folder; `None` where there is none.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(folder: &Path) -> Result<Option<Commitment>> {
        let path = folder.join(FILE_NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let parsed = serde_json::from_slice(&text).map_err(|error| {
            let problem = format!("is not a list of layers: {error}");
            let remedy = "remove it and run `bhscore commit`, or write {\"V1\": \"<layer>\", …}";
            Error::file(&path, problem, remedy)
        })?;
        Ok(Some(parsed))
    }

    /// Adds these layers to those of a model's folder.
    ///
    /// # Errors
    /// If the file cannot be written, or is damaged.
    pub fn keep(self, folder: &Path) -> Result<Commitment> {
        let mut all = Commitment::read(folder)?.unwrap_or_default();
        all.layers.extend(self.layers);
        let mut text = serde_json::to_vec_pretty(&all).expect("names are strings");
        text.push(b'\n');
        atomic::write(folder.join(FILE_NAME), &text)?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_added_region_by_region() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Commitment::read(folder.path()).unwrap(), None);
        let of = |region: &str, layer: &str| Commitment {
            layers: BTreeMap::from([(region.to_owned(), layer.to_owned())]),
        };
        of("V1", "a").keep(folder.path()).unwrap();
        of("V4", "b").keep(folder.path()).unwrap();
        let all = of("V1", "c").keep(folder.path()).unwrap();
        assert_eq!(Commitment::read(folder.path()).unwrap(), Some(all));
        let text = fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
        assert_eq!(text, "{\n  \"V1\": \"c\",\n  \"V4\": \"b\"\n}\n");
        atomic::write(folder.path().join(FILE_NAME), b"[]").unwrap();
        let told = Commitment::read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("layers.json"), "{told}");
    }
}
