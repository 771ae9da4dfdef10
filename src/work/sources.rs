//! The inputs of an item and their fingerprints, computed once per run.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::item::Stage;
use super::layout::Layout;
use crate::error::{Error, Result};
use crate::io::features;
use crate::io::record::{self, Input, Record};

/// Stamps that are worth another thread.
const STAMPS_AT_ONCE: usize = 256;

/// Something an artifact is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// One file.
    File(PathBuf),
    /// A layer's folder of per-image `.mat` files.
    Features(PathBuf),
    /// An artifact of an earlier stage, known by its record, or by its files where it has none.
    Artifact {
        /// Folder of the artifact.
        folder: PathBuf,
        /// What makes it.
        stage: Stage,
    },
}

/// Stamps and digests of everything a run has looked at.
#[derive(Debug)]
pub struct Sources {
    layout: Layout,
    stamps: HashMap<Source, String>,
    digests: HashMap<Source, String>,
    on_reading: Option<fn()>,
}

impl Sources {
    /// Nothing looked at so far.
    pub fn new(layout: Layout) -> Sources {
        Sources {
            layout,
            stamps: HashMap::new(),
            digests: HashMap::new(),
            on_reading: None,
        }
    }

    /// Whether a record's inputs are the present ones.
    ///
    /// Stamps are compared first; only where they, or the names, differ is the content read. One that has changed
    /// decides, whatever has become of the others.
    ///
    /// # Errors
    /// If none has changed as far as one can see, and one is missing or cannot be read.
    pub fn unchanged(&mut self, sources: &[Source], recorded: &[Input]) -> Result<bool> {
        if sources.len() != recorded.len() {
            return Ok(false);
        }
        let mut missing = None;
        for (source, input) in sources.iter().zip(recorded) {
            match self.is_same(source, input) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        missing.map_or(Ok(true), Err)
    }

    fn is_same(&mut self, source: &Source, recorded: &Input) -> Result<bool> {
        let stamp = self.stamp(source)?;
        let is_there = self.layout.relative(source.path()) == recorded.path;
        if is_there && stamp == recorded.stamp {
            return Ok(true);
        }
        let is_artifact = matches!(source, Source::Artifact { .. });
        if let Some(tell) = self.on_reading.filter(|_| !is_artifact) {
            tell();
            self.on_reading = None;
        }
        Ok(self.digest(source)? == recorded.digest)
    }

    /// Tells the user when files are read for the first time to see whether they have changed, which may take long.
    #[must_use]
    pub fn telling(self, on_reading: Option<fn()>) -> Sources {
        Sources { on_reading, ..self }
    }

    /// The inputs as they go into a record.
    pub fn inputs(&mut self, sources: &[Source]) -> Result<Vec<Input>> {
        sources
            .iter()
            .map(|source| {
                Ok(Input {
                    path: self.layout.relative(source.path()),
                    stamp: self.stamp(source)?,
                    digest: self.digest(source)?,
                })
            })
            .collect()
    }

    /// Takes the stamps of inputs from outside by all threads; what cannot be read is told when it is asked for.
    pub(super) fn look_ahead(&mut self, sources: Vec<Source>) {
        let mut new: HashSet<Source> = sources.into_iter().collect();
        new.retain(|source| {
            !matches!(source, Source::Artifact { .. }) && !self.stamps.contains_key(source)
        });
        let stamps: Vec<(Source, String)> = new
            .into_par_iter()
            .filter_map(|source| stamp_of(&source).ok().map(|stamp| (source, stamp)))
            .collect();
        self.stamps.extend(stamps);
    }

    fn stamp(&mut self, source: &Source) -> Result<String> {
        if let Some(stamp) = self.stamps.get(source) {
            return Ok(stamp.clone());
        }
        let stamp = stamp_of(source)?;
        // An artifact of this run may still change; files from outside are taken as they are now.
        if !matches!(source, Source::Artifact { .. }) {
            self.stamps.insert(source.clone(), stamp.clone());
        }
        Ok(stamp)
    }

    fn digest(&mut self, source: &Source) -> Result<String> {
        if let Some(digest) = self.digests.get(source) {
            return Ok(digest.clone());
        }
        let digest = match source {
            Source::File(path) => record::digest_file(path)?,
            Source::Features(folder) => of_all(folder, &mat_files(folder)?, record::digest_file)?,
            Source::Artifact { folder, stage } => {
                return match Record::read(folder)? {
                    Some(record) => Ok(record.digest()),
                    None => {
                        let files = foreign_files(folder, *stage)?;
                        of_all(folder, &files, record::digest_file)
                    }
                };
            }
        };
        self.digests.insert(source.clone(), digest.clone());
        Ok(digest)
    }
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Source::File(path) | Source::Features(path) => path,
            Source::Artifact { folder, .. } => folder,
        }
    }
}

fn stamp_of(source: &Source) -> Result<String> {
    match source {
        Source::File(path) => record::stamp(path),
        Source::Features(folder) => feature_stamp(folder),
        Source::Artifact { folder, stage } => {
            let record = folder.join(record::FILE_NAME);
            if record.exists() {
                record::stamp(&record)
            } else {
                of_all(folder, &foreign_files(folder, *stage)?, record::stamp)
            }
        }
    }
}

/// Number of a layer's `.mat` files and one fingerprint for their names, sizes and times.
///
/// All are asked, see [`of_all`], but by their names in the open folder: looking up whole paths takes longer than
/// all else.
fn feature_stamp(folder: &Path) -> Result<String> {
    let handle = fs::File::open(folder).map_err(features::unlisted(folder))?;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        if is_mat(Path::new(&name)) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(features::empty(folder));
    }
    names.sort_unstable();
    let stamps: Vec<String> = names
        .par_iter()
        .with_min_len(STAMPS_AT_ONCE)
        .map(|name| {
            record::stamp_in(&handle, name)
                .map_err(|error| Error::io("read", folder.join(name))(error))
        })
        .collect::<Result<_>>()?;
    let mut hasher = blake3::Hasher::new();
    for (name, stamp) in names.iter().zip(&stamps) {
        add(&mut hasher, Path::new(name), stamp);
    }
    Ok(format!("{} files {}", names.len(), record::short(&hasher)))
}

/// Whether a file is one that is read; hidden ones are notes of other systems.
fn is_mat(path: &Path) -> bool {
    let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    path.extension().is_some_and(|extension| extension == "mat")
        && !path.file_name().is_some_and(is_hidden)
}

fn add(hasher: &mut blake3::Hasher, name: &Path, fingerprint: &str) {
    hasher.update(name.to_string_lossy().as_bytes());
    hasher.update(&[0]);
    hasher.update(fingerprint.as_bytes());
}

/// `.mat` files of a folder in the order of their names.
fn mat_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        if is_mat(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `.mat` files of an artifact without a record, also those in folders of chunks.
fn foreign_files(folder: &Path, stage: Stage) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if folder.is_dir() {
        files = mat_files(folder)?;
        for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
            let path = entry.map_err(Error::io("list", folder))?.path();
            if path.is_dir() {
                files.extend(mat_files(&path)?);
            }
        }
        files.sort();
    }
    if files.is_empty() {
        let remedy = format!("run `bhscore {stage}` for it first");
        let model = match stage {
            Stage::EncodeTrain | Stage::EncodePredict => "encoder",
            Stage::DecodeTrain | Stage::DecodePredict => "decoder",
        };
        return Err(Error::file(folder, format!("holds no {model}"), remedy));
    }
    Ok(files)
}

/// One fingerprint for the names of files below a folder and the fingerprint of each.
///
/// All files are asked, not only some: a file that somebody repairs in place changes nothing else.
fn of_all(
    folder: &Path,
    files: &[PathBuf],
    fingerprint: impl Fn(&Path) -> Result<String> + Sync,
) -> Result<String> {
    let fingerprints: Vec<String> = files
        .par_iter()
        .map(|path| fingerprint(path))
        .collect::<Result<_>>()?;
    let mut hasher = blake3::Hasher::new();
    for (path, fingerprint) in files.iter().zip(fingerprints) {
        let name = path.strip_prefix(folder).unwrap_or(path);
        add(&mut hasher, name, &fingerprint);
    }
    Ok(record::short(&hasher))
}
