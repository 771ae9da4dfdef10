//! Checks 3 and 4: where the model's files are, and whether they are the ones that were meant.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::extract::onnx::Model;
use crate::model::finding::Verdict;
use crate::model::manifest::{Manifest, Source};
use crate::model::source;

/// Digits of a SHA-256.
const N_DIGITS: usize = 64;

/// Files of a model that lie where they may.
#[derive(Default)]
pub(super) struct Found {
    /// Relative to the manifest's folder, in order.
    pub files: Vec<PathBuf>,
    /// The network, or why it cannot be read; none for features.
    pub model: Option<Result<Model>>,
}

/// Whether files are named by relative paths and lie inside the model's folder.
pub(super) fn paths(root: &Path, manifest: &Manifest) -> (Verdict, Option<Found>) {
    let key = format!("source.{}", manifest.source.key());
    let remedy = "put the files beside the manifest, and name them relative to it";
    let failed = |problem: String| (Verdict::failed(format!("`{key}`: {problem}"), remedy), None);
    let path = manifest.source.path();
    if let Some(problem) = source::problem_of_path(root, path) {
        return failed(problem);
    }
    let full = root.join(path);
    let model = match &manifest.source {
        Source::Onnx(_) if full.is_file() => Some(Model::read(&full)),
        Source::Features(_) if full.is_dir() => None,
        Source::Onnx(_) => return failed(format!("`{path}` is not a file")),
        Source::Features(_) => return failed(format!("`{path}` is not a folder")),
    };
    let loaded = model.as_ref().and_then(|model| model.as_ref().ok());
    let (files, problems) = match source::files(root, &manifest.source, loaded) {
        Ok(found) => found,
        Err(error) => return (error.into(), None),
    };
    let seen = match files.as_slice() {
        [file] => format!("`{}`", file.display()),
        files => format!("{} files in `{path}`", files.len()),
    };
    let verdict = Verdict::of_problems(&problems, remedy, Verdict::ok(seen));
    let found = problems.is_empty().then_some(Found { files, model });
    (verdict, found)
}

/// Whether files have the fingerprint that the manifest gives.
pub(in crate::model) fn hash(root: &Path, manifest: &Manifest, files: &[PathBuf]) -> Verdict {
    let base = match &manifest.source {
        Source::Onnx(path) => Path::new(path).with_file_name(""),
        Source::Features(path) => PathBuf::from(path),
    };
    let found = match source::sha256(root, &base, files) {
        Ok(found) => found,
        Err(error) => return error.into(),
    };
    let remedy =
        format!("if these are the right files, write `sha256 = \"{found}\"` in `[source]`");
    match &manifest.sha256 {
        None => Verdict::failed("`source.sha256` is missing", remedy),
        Some(given) if given.eq_ignore_ascii_case(&found) => Verdict::ok(found),
        Some(given) if !is_sha256(given) => {
            let problem = format!("`{given}` is not a SHA-256: {N_DIGITS} hexadecimal digits");
            Verdict::failed(problem, remedy)
        }
        Some(given) => {
            let problem = format!("the files have {found}, the manifest says {given}");
            Verdict::failed(problem, remedy)
        }
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == N_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Why a network that was asked for is not there.
pub(super) fn network(model: Option<Result<Model>>) -> Result<Model> {
    model.unwrap_or_else(|| {
        let remedy = "this is a defect of bhscore, report it";
        Err(Error::data("the network", "was not read", remedy))
    })
}
