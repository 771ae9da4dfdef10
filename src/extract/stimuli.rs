//! The images of a study: which files, under which names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::atomic;

/// Endings of image files, in lower case; what a file holds is told by its content.
const ENDINGS: [&str; 13] = [
    "jpeg", "jpg", "png", "tif", "tiff", "webp", "gif", "bmp", "pbm", "pgm", "ppm", "pnm", "jpe",
];

/// An image to extract features of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stimulus {
    /// File name without ending, the stimulus name of all tables.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
}

/// The images of a folder, or those that a list names, sorted by name.
///
/// A list is a text file with one path per line, relative to its own folder; empty lines and lines that begin
/// with `#` are skipped.
///
/// # Errors
///
/// If there are none, or two have the same name.
pub fn stimuli(folder_or_list: &Path) -> Result<Vec<Stimulus>> {
    let paths = if folder_or_list.is_file() {
        listed(folder_or_list)?
    } else {
        images_in(folder_or_list)?
    };
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in paths {
        let name = path.file_stem().and_then(|name| name.to_str());
        let Some(name) = name.map(str::to_owned) else {
            return Err(Error::file(
                &path,
                "has a name that is not UTF-8",
                "rename it",
            ));
        };
        if let Some(other) = found.insert(name.clone(), path.clone()) {
            let problem = format!("has the same name as `{}`: `{name}`", other.display());
            let remedy =
                "features are named after images without their ending: rename one of the two";
            return Err(Error::file(&path, problem, remedy));
        }
    }
    if found.is_empty() {
        let problem = "holds no images (JPEG, PNG, TIFF, WebP, GIF, BMP or PNM)";
        let remedy = "put the stimuli there, or name their folder or a list of them (`--images`)";
        return Err(Error::file(folder_or_list, problem, remedy));
    }
    let found = found.into_iter();
    Ok(found.map(|(name, path)| Stimulus { name, path }).collect())
}

/// Image files of a folder, by their endings, in no order.
///
/// # Errors
///
/// If the folder cannot be listed.
pub fn images_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Notes of other systems (`._cat.jpg`) have the ending, too.
        let hidden = name.starts_with('.') || atomic::is_temporary(&name);
        if !hidden && is_image(&entry.path()) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

fn listed(list: &Path) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(list).map_err(Error::io("read", list))?;
    let lines = text.lines().map(str::trim);
    let folder = list.with_file_name("");
    let named = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(named.map(|line| folder.join(line)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            atomic::write(folder.path().join(name), b"").unwrap();
        }
        folder
    }

    #[test]
    fn images_are_found_by_their_ending_and_sorted() {
        let folder = folder(&["n2.JPEG", "n10.png", "._n2.JPEG", "read.me", "n1.tiff"]);
        let names: Vec<String> = stimuli(folder.path())
            .unwrap()
            .into_iter()
            .map(|image| image.name)
            .collect();
        assert_eq!(names, ["n1", "n10", "n2"]);
    }

    #[test]
    fn lists_are_relative_to_their_own_folder() {
        let folder = folder(&["b.png", "a.png"]);
        let list = folder.path().join("list.txt");
        atomic::write(&list, b"# test images\nb.png\n\n").unwrap();
        let images = stimuli(&list).unwrap();
        assert_eq!(images.len(), 1);
        assert_eq!(images[0].path, folder.path().join("b.png"));
    }

    #[test]
    fn two_images_of_one_name_and_none_at_all_are_refused() {
        let error = stimuli(folder(&["a.png", "a.jpg"]).path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("a.png") && error.contains("a.jpg"),
            "{error}"
        );
        let error = stimuli(folder(&["a.txt"]).path()).unwrap_err().to_string();
        assert!(error.contains("no images"), "{error}");
    }
}
