//! The files of a model: which they are, whether they lie where they may, their fingerprint.
//!
//! The fingerprint is the SHA-256 of the file. Where there are several (a network with its weights beside it, a folder
//! of features) it is that of the list that `sha256sum` prints of them, with paths in the order of their bytes:
//!
//! ```text
//! cd features && find * -type f ! -path '*/.*' | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum | sha256sum
//! ```

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::Source;
use crate::error::{Error, Result};
use crate::extract::onnx::Model;
use crate::io::ordinary;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// Notes that go with a model into its archive, where they are there.
pub const NOTES: [&str; 6] = [
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "README",
    "README.md",
    "README.txt",
];

/// What is wrong with a path that a manifest names; none if it may be used.
///
/// It must be relative, go down only, and lead to something inside the folder also when symbolic links are followed.
#[must_use]
pub fn problem_of_path(root: &Path, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("is empty".to_owned());
    }
    if path.contains('\\') {
        return Some(format!(
            "`{path}` has `\\`, which parts folders on some systems; write `/`"
        ));
    }
    let goes_down = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(path).components().all(goes_down) {
        return Some(format!("`{path}` is absolute or leaves the folder"));
    }
    problem_of_place(root, &root.join(path))
}

/// What is wrong with a file or folder on disk; none if it lies inside the folder.
fn problem_of_place(root: &Path, path: &Path) -> Option<String> {
    let shown = path.strip_prefix(root).unwrap_or(path).display();
    let inside = fs::canonicalize(root).and_then(|root| {
        let real = fs::canonicalize(path)?;
        Ok(real.starts_with(&root))
    });
    match inside {
        Ok(true) => None,
        Ok(false) => Some(format!("`{shown}` is a link that leaves the folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(format!("`{shown}` is not there"))
        }
        Err(error) => Some(format!("`{shown}` cannot be looked at ({error})")),
    }
}

/// The files of a source, relative to the folder of the manifest, in the order of their bytes; and what is wrong with
/// their places.
///
/// - `model`: the network, if it could be read: it may name more files.
///
/// # Errors
/// If a folder cannot be listed.
pub fn files(
    root: &Path,
    source: &Source,
    model: Option<&Model>,
) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let mut found = Vec::new();
    match source {
        Source::Onnx(path) => {
            found.push(plain(path));
            let weights = model.into_iter().flat_map(Model::external_files);
            found.extend(weights.map(|name| plain(path).with_file_name("").join(name)));
        }
        Source::Features(path) => walk(root, &plain(path), &mut found)?,
    }
    found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    found.dedup();
    let problems = found
        .iter()
        .filter_map(|path| problem_of_place(root, &root.join(path)))
        .collect();
    Ok((found, problems))
}

/// A path without `.`.
fn plain(path: &str) -> PathBuf {
    let parts = Path::new(path).components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

/// Adds all files below a folder; a link to a folder counts as a file, which it is not.
fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let full = root.join(folder);
    for entry in fs::read_dir(&full).map_err(Error::io("list", &full))? {
        let entry = entry.map_err(Error::io("list", &full))?;
        let path = folder.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match entry.file_type().map_err(Error::io("list", &full))? {
            kind if kind.is_dir() => walk(root, &path, found)?,
            _ => found.push(path),
        }
    }
    Ok(())
}

/// Fingerprint of files, `files` being relative to `root`; see the top of this file.
///
/// - `base`: what the paths of a list are relative to, relative to `root`.
///
/// # Errors
/// If a file cannot be read.
pub fn sha256(root: &Path, base: &Path, files: &[PathBuf]) -> Result<String> {
    if let [file] = files {
        return of_file(&root.join(file));
    }
    let mut list = Sha256::new();
    for file in files {
        let digest = of_file(&root.join(file))?;
        let path = file.strip_prefix(base).unwrap_or(file);
        list.update(format!("{digest}  {}\n", path.display()));
    }
    Ok(hexadecimal(&list.finalize()))
}

fn of_file(path: &Path) -> Result<String> {
    let mut file = ordinary::open(path).map_err(Error::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(Error::io("read", path))? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            n => hasher.update(&piece[..n]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic;

    #[test]
    fn hostile_paths_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        atomic::write(root.join("a/b.onnx"), b"x").unwrap();
        atomic::write(folder.path().join("secret"), b"x").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("out")).unwrap();
        std::os::unix::fs::symlink("a/b.onnx", root.join("in")).unwrap();
        for good in ["a/b.onnx", "./a/b.onnx", "in"] {
            assert_eq!(problem_of_path(&root, good), None, "{good}");
        }
        for (bad, told) in [
            ("", "is empty"),
            ("../secret", "leaves the folder"),
            ("a/../../secret", "leaves the folder"),
            ("/etc/passwd", "is absolute"),
            ("a\\b.onnx", "`\\`"),
            ("out", "is a link that leaves"),
            ("c", "is not there"),
        ] {
            let problem = problem_of_path(&root, bad).unwrap();
            assert!(problem.contains(told), "{bad}: {problem}");
        }
    }

    #[test]
    fn several_files_have_the_fingerprint_of_their_list() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("f/b/1.mat", "one"), ("f/a.mat", "two"), ("f/.note", "x")] {
            atomic::write(folder.path().join(path), text.as_bytes()).unwrap();
        }
        let source = Source::Features("./f".to_owned());
        let (files, problems) = files(folder.path(), &source, None).unwrap();
        assert_eq!(files, [Path::new("f/a.mat"), Path::new("f/b/1.mat")]);
        assert!(problems.is_empty());
        // (printf one > 1.mat …; sha256sum a.mat b/1.mat | sha256sum)
        let list = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  a.mat\n\
                    7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed  b/1.mat\n";
        let expected = hexadecimal(&Sha256::digest(list));
        let found = sha256(folder.path(), Path::new("f"), &files).unwrap();
        assert_eq!(found, expected);
        let one = sha256(folder.path(), Path::new("f"), &files[..1]).unwrap();
        assert!(list.starts_with(&one));
    }
}
