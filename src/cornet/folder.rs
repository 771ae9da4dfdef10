//! Images by class: a folder per class, as for torchvision's `ImageFolder`.
//!
//! ```text
//! DIR/train/<class>/<image>            what is learnt
//! DIR/val_in_folders/<class>/<image>   what is validated with; or DIR/val/…
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::extract::stimuli::images_in;
use crate::io::record;

/// Names of the folder of validation images, the first that is there.
const VALIDATION: [&str; 2] = ["val_in_folders", "val"];

/// What to do about a folder that is not as it should be.
const REMEDY: &str = "give each class a folder of images below `train` and one of the same name below \
                      `val_in_folders` (or `val`)";

/// The images of both parts.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Names of the classes, sorted; a label is a place in this list.
    pub classes: Vec<String>,
    /// What is learnt.
    pub training: Images,
    /// What is validated with.
    pub validation: Images,
}

/// Images with their labels, sorted by class and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// File and label of each.
    pub files: Vec<(PathBuf, usize)>,
}

impl Folder {
    /// Lists the images below `path`.
    ///
    /// # Errors
    ///
    /// If a folder is not there, a class has no images, there are fewer than two classes, or the two parts have
    /// other classes.
    pub fn read(path: &Path) -> Result<Folder> {
        let training = path.join("train");
        let classes = classes(&training)?;
        if classes.len() < 2 {
            let problem = format!("holds {} class, too few to tell apart", classes.len());
            return Err(Error::file(&training, problem, REMEDY));
        }
        let validation = VALIDATION.map(|name| path.join(name));
        let [first, other] = &validation;
        let validation = if !first.is_dir() && other.is_dir() {
            other
        } else {
            first
        };
        let others = self::classes(validation)?;
        if others != classes {
            let lone = (classes.iter().find(|class| !others.contains(class)))
                .or_else(|| others.iter().find(|class| !classes.contains(class)));
            let problem = format!(
                "has other classes than `{}`: `{}` is only in one of them",
                training.display(),
                lone.map_or("?", String::as_str)
            );
            return Err(Error::file(validation, problem, REMEDY));
        }
        Ok(Folder {
            training: Images::read(&training, &classes)?,
            validation: Images::read(validation, &classes)?,
            classes,
        })
    }

    /// Fingerprint of classes, names and order of the training images: a training that goes on must see the same.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (path, label) in &self.training.files {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            hasher.update(self.classes[*label].as_bytes());
            hasher.update(b"/");
            hasher.update(name);
            hasher.update(b"\n");
        }
        record::short(&hasher)
    }
}

impl Images {
    fn read(folder: &Path, classes: &[String]) -> Result<Images> {
        let mut files = Vec::new();
        for (label, class) in classes.iter().enumerate() {
            let folder = folder.join(class);
            let mut paths = images_in(&folder)?;
            if paths.is_empty() {
                return Err(Error::file(&folder, "holds no images", REMEDY));
            }
            paths.sort();
            files.extend(paths.into_iter().map(|path| (path, label)));
        }
        Ok(Images { files })
    }
}

/// Names of the folders in a folder, sorted.
fn classes(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Err(Error::file(folder, "there is no such folder", REMEDY));
    }
    let mut classes = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::file(
                &path,
                "has a name that is not UTF-8",
                "rename it",
            ));
        };
        if path.is_dir() && !name.starts_with('.') {
            classes.push(name.to_owned());
        }
    }
    classes.sort();
    Ok(classes)
}
