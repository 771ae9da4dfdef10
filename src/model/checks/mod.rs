//! The fourteen checks of a model (SPEC: 4.3), without any network but the model's own.
//!
//! | file | checks |
//! |---|---|
//! | `identity` | 1 manifest, 2 id |
//! | `files` | 3 paths, 4 sha256 |
//! | `layers` | 5 layers, 7 unit names |
//! | `activations` | 6 activations |
//! | `mock` | 8 mock benchmark |
//! | `behaviour` | 9 probabilities, 10 logits |
//! | `meta` | 11 visual degrees, 12 bibtex, 13 parameters |
//! | `memory` | 14 memory |
//!
//! A check whose ground is missing, since an earlier one did not pass, is skipped and says so.

mod activations;
mod behaviour;
mod files;
mod identity;
mod layers;
mod memory;
mod meta;
mod mock;

use std::path::{Path, PathBuf};

use super::finding::{Check, Findings, Verdict};
use super::manifest::{Kind, Manifest, Reading, locate};
use crate::study::memory::Memory;

/// A model and what was found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Path of the manifest.
    pub path: PathBuf,
    /// The manifest, if it could be used.
    pub manifest: Option<Manifest>,
    /// Files that it names, relative to its folder, in order.
    pub files: Vec<PathBuf>,
    /// What the checks found, in their order.
    pub findings: Findings,
}

impl Checked {
    /// The model's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        root(&self.path)
    }
}

/// Folder of a manifest.
fn root(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Does all checks.
///
/// - `path`: a manifest, or the folder of one.
/// - `memory`: bound for activations, and what a benchmark's features are compared with.
#[must_use]
pub fn check(path: &Path, memory: Memory) -> Checked {
    let path = locate(path);
    let Reading { manifest, problems } = Manifest::read(&path);
    let mut findings = Findings::default();
    findings.check(Check::Manifest, &[], || identity::manifest(&problems));
    let Some(manifest) = manifest else {
        for check in &Check::ALL[1..] {
            let reason = "the manifest cannot be used (check 1)";
            findings.check(*check, &[], || Verdict::skipped(reason));
        }
        return Checked {
            path,
            manifest: None,
            files: Vec::new(),
            findings,
        };
    };
    let files = of_model(root(&path), &manifest, memory, &mut findings);
    Checked {
        path,
        manifest: Some(manifest),
        files,
        findings,
    }
}

/// Checks 2 to 14; returns the files of the model.
fn of_model(
    root: &Path,
    manifest: &Manifest,
    memory: Memory,
    findings: &mut Findings,
) -> Vec<PathBuf> {
    use Check::{Activations, Benchmark, Layers, Paths, Units};
    findings.check(Check::Id, &[], || identity::id(root, &manifest.id));
    let found = findings.check_with(Paths, &[], || files::paths(root, manifest));
    let files::Found { files, model } = found.unwrap_or_default();
    findings.check(Check::Hash, &[Paths], || {
        files::hash(root, manifest, &files)
    });
    let opened = findings.check_with(Layers, &[Paths], || layers::layers(root, manifest, model));
    findings.check(Activations, &[Layers], || {
        opened
            .as_ref()
            .map_or_else(unopened, activations::activations)
    });
    findings.check(Units, &[], || layers::unit_names(manifest));
    let needs = [Layers, Activations, Units];
    let choices = findings.check_with(Benchmark, &needs, || match &opened {
        Some(opened) => mock::benchmark(opened.subject.as_ref(), memory),
        None => (unopened(), None),
    });
    findings.check(Check::Probabilities, &[Layers], || {
        let unknown = opened
            .as_ref()
            .and_then(|opened| opened.subject.unknown()[0]);
        behaviour::probabilities(manifest, unknown, choices.as_ref())
    });
    findings.check(Check::Logits, &[Layers], || {
        let [_, unknown] = opened
            .as_ref()
            .map_or([None; 2], |opened| opened.subject.unknown());
        let logits = opened
            .as_ref()
            .and_then(|opened| opened.first.logits.as_ref());
        behaviour::logits(manifest, unknown, logits)
    });
    findings.check(Check::Degrees, &[], || meta::degrees(manifest));
    findings.check(Check::Bibtex, &[], || meta::bibtex(manifest));
    if manifest.kind == Kind::Features {
        findings.check(Check::Parameters, &[], meta::no_parameters);
    } else {
        findings.check(Check::Parameters, &[Layers], || {
            let counted = opened
                .as_ref()
                .and_then(|opened| opened.subject.n_parameters());
            counted.map_or_else(unopened, |counted| meta::parameters(manifest, counted))
        });
    }
    findings.check(Check::Memory, &[Layers], || {
        opened
            .as_ref()
            .map_or_else(unopened, |opened| memory::memory(opened, memory))
    });
    files
}

/// What does not happen: a passed check of the layers leaves an opened model.
fn unopened() -> Verdict {
    Verdict::skipped("the model is not loaded")
}
