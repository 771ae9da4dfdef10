//! Checks 1 and 2: the manifest itself, and the model's name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::finding::Verdict;
use crate::model::manifest::{FILE_NAME, Manifest};

/// Whether the manifest can be read and has no unknown keys.
pub(super) fn manifest(problems: &[String]) -> Verdict {
    let remedy = "correct the manifest; the README describes its keys";
    Verdict::of_problems(problems, remedy, Verdict::ok("no unknown or missing keys"))
}

/// Whether the id is well-formed and of no model in a folder beside this one: results go by it.
pub(super) fn id(root: &Path, id: &str) -> Verdict {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if id.is_empty() || !id.chars().all(is_allowed) || id.starts_with(['.', '-']) {
        let problem = format!("`{}` cannot be an id", id.escape_debug());
        let remedy = "use letters, digits, `.`, `_` and `-`, and begin with none of `.` and `-`";
        return Verdict::failed(problem, remedy);
    }
    let others: Vec<String> = neighbours(root)
        .iter()
        .filter(|path| Manifest::id_in(path).as_deref() == Some(id))
        .map(|path| format!("`{}` has the id `{id}`, too", path.display()))
        .collect();
    let remedy = "give each model its own id: results of one would be taken for the other's";
    let unique = Verdict::ok(format!("`{id}`, of no model beside it"));
    Verdict::of_problems(&others, remedy, unique)
}

/// Manifests in the folders beside a model's, in order.
fn neighbours(root: &Path) -> Vec<PathBuf> {
    let Ok(root) = fs::canonicalize(root) else {
        return Vec::new();
    };
    // What cannot be listed has no neighbours that could be told.
    let entries = root.parent().and_then(|parent| fs::read_dir(parent).ok());
    let folders = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut found: Vec<PathBuf> = folders
        .filter(|folder| fs::canonicalize(folder).is_ok_and(|real| real != root))
        .map(|folder| folder.join(FILE_NAME))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}
