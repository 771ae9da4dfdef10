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
pub(super) mod files;
mod identity;
pub(super) mod layers;
mod memory;
pub(super) mod meta;
mod mock;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::finding::{Check, Findings, Verdict};
use super::manifest::{Kind, Manifest, Reading, locate};
use super::{go_on, root};
use crate::error::Result;
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

/// Does all checks.
///
/// - `path`: a manifest, or the folder of one.
/// - `memory`: bound for activations, and what a benchmark's features are compared with.
/// - `stop`: whether the user asked to stop; looked at before each check that takes long.
///
/// # Errors
/// If the user asked to stop.
pub fn check(path: &Path, memory: Memory, stop: &AtomicBool) -> Result<Checked> {
    let path = locate(path);
    let Reading { manifest, problems } = Manifest::read(&path);
    let mut findings = Findings::default();
    findings.check(Check::Manifest, &[], || identity::manifest(&problems));
    let Some(manifest) = manifest else {
        for check in &Check::ALL[1..] {
            let reason = "the manifest cannot be used (check 1)";
            findings.check(*check, &[], || Verdict::skipped(reason));
        }
        return Ok(Checked {
            path,
            manifest: None,
            files: Vec::new(),
            findings,
        });
    };
    let files = of_model(root(&path), &manifest, memory, stop, &mut findings)?;
    Ok(Checked {
        path,
        manifest: Some(manifest),
        files,
        findings,
    })
}

/// Checks 2 to 14; returns the files of the model.
fn of_model(
    root: &Path,
    manifest: &Manifest,
    memory: Memory,
    stop: &AtomicBool,
    findings: &mut Findings,
) -> Result<Vec<PathBuf>> {
    use Check::{Activations, Benchmark, Layers, Paths, Units};
    findings.check(Check::Id, &[], || identity::id(root, &manifest.id));
    let found = findings.check_with(Paths, &[], || files::paths(root, manifest));
    let files::Found { files, model } = found.unwrap_or_default();
    findings.check(Check::Hash, &[Paths], || {
        files::hash(root, manifest, &files)
    });
    go_on(stop)?;
    let opened = findings.check_with(Layers, &[Paths], || layers::layers(root, manifest, model));
    let opened = opened.as_ref();
    go_on(stop)?;
    findings.check_on(Activations, &[Layers], opened, activations::activations);
    findings.check(Units, &[], || layers::unit_names(manifest));
    go_on(stop)?;
    let mut choices = None;
    findings.check_on(Benchmark, &[Layers, Activations, Units], opened, |opened| {
        let (verdict, found) = mock::benchmark(opened.subject.as_ref(), memory);
        choices = found;
        verdict
    });
    findings.check_on(Check::Probabilities, &[Layers], opened, |opened| {
        let [unknown, _] = opened.subject.unknown();
        behaviour::probabilities(manifest, unknown, choices.as_ref())
    });
    findings.check_on(Check::Logits, &[Layers], opened, |opened| {
        let [_, unknown] = opened.subject.unknown();
        behaviour::logits(manifest, unknown, opened.first.logits.as_ref())
    });
    findings.check(Check::Degrees, &[], || meta::degrees(manifest));
    findings.check(Check::Bibtex, &[], || meta::bibtex(manifest));
    let needs: &[Check] = match manifest.kind {
        Kind::Features => &[],
        Kind::Base | Kind::Brain => &[Layers],
    };
    findings.check(Check::Parameters, needs, || {
        let counted = opened.and_then(|opened| opened.subject.n_parameters());
        meta::parameters(manifest, counted)
    });
    findings.check_on(Check::Memory, &[Layers], opened, |opened| {
        memory::memory(opened, memory)
    });
    go_on(stop)?;
    Ok(files)
}
