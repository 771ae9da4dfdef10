//! Publishing by one of several workers who may all have computed the same artifact.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::{Batch, Staged, sync_folder};
use crate::error::{Error, Result};

/// Bytes that are compared at a time.
const PIECE: usize = 1 << 16;

/// How publishing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// The artifact is there and committed, by this batch or by another with the same bytes.
    Committed,
    /// Another worker has removed the temporary files: it took the item over.
    Superseded,
}

impl Batch {
    /// As [`commit`](Batch::commit), but nothing that is committed is replaced or taken back.
    ///
    /// The last file commits the others. Files that are there with the same bytes stay, and the last one stays as it is
    /// (it may tell time and host). [`commit`](Batch::commit) takes the last file away first: a worker that is stopped
    /// just before, and killed just after, would leave an item open that others have seen done.
    ///
    /// # Errors
    ///
    /// As for `commit`; and if another file is there with other bytes although the last one is, too: the same item has
    /// been computed twice with different results.
    pub fn commit_once(mut self) -> Result<Once> {
        let folders = self.folders();
        match self.sync(&folders) {
            Err(Error::Io { source, .. }) if is_lost(&source) => return Ok(Once::Superseded),
            synced => synced?,
        }
        let Some(last) = self.files.last().map(|last| last.path.clone()) else {
            return Ok(Once::Committed);
        };
        for staged in &mut self.files {
            let published = if staged.path == last {
                staged.link()?
            } else {
                staged.publish_once(&last)?
            };
            if published == Linked::Lost {
                return Ok(Once::Superseded);
            }
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))?;
        Ok(Once::Committed)
    }
}

/// What became of the attempt to give a file its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    /// It has it.
    Now,
    /// There is one already.
    Before,
    /// The temporary file is gone.
    Lost,
}

impl Staged {
    fn publish_once(&mut self, last: &Path) -> Result<Linked> {
        let linked = self.link()?;
        if linked != Linked::Before {
            return Ok(linked);
        }
        match same_bytes(&self.temporary, &self.path) {
            Ok(true) => return Ok(Linked::Before),
            Ok(false) => {}
            // If it is ours that is gone, the rename says so.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("compare", &self.path)(error)),
        }
        if last.exists() {
            return Err(Error::file(
                &self.path,
                "was written by another run of the same item, with other bytes",
                format!("delete `{}` to compute the item again", last.display()),
            ));
        }
        // Not committed: left by an interrupted run with other settings.
        match fs::rename(&self.temporary, &self.path) {
            Ok(()) => {
                self.published = true;
                Ok(Linked::Now)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Linked::Lost),
            Err(error) => Err(Error::io("rename", &self.path)(error)),
        }
    }

    /// Gives the file its name unless it is taken: of several, exactly one succeeds.
    fn link(&mut self) -> Result<Linked> {
        match fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => {
                // The file has its name; a temporary one that stays is found by `remove_stale`.
                let _ = fs::remove_file(&self.temporary);
                self.published = true;
                Ok(Linked::Now)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Linked::Before),
            Err(error) if is_lost(&error) => Ok(Linked::Lost),
            // File systems without hard links: two may both believe to be the first, with the same bytes.
            Err(_) if self.path.exists() => Ok(Linked::Before),
            Err(_) => match fs::rename(&self.temporary, &self.path) {
                Ok(()) => {
                    self.published = true;
                    Ok(Linked::Now)
                }
                Err(error) if is_lost(&error) => Ok(Linked::Lost),
                Err(error) => Err(Error::io("rename", &self.path)(error)),
            },
        }
    }
}

fn is_lost(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle
    )
}

fn same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        one.by_ref().take(PIECE as u64).read_to_end(&mut a)?;
        other.by_ref().take(PIECE as u64).read_to_end(&mut b)?;
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn batch(folder: &Path, weights: &[u8], record: &[u8]) -> Batch {
        let mut batch = Batch::new();
        batch.add(folder.join("W.mat"), weights).unwrap();
        batch.add(folder.join("record.json"), record).unwrap();
        batch
    }

    fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                assert_eq!(entry.metadata().unwrap().nlink(), 1);
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    fn expected(weights: &[u8], record: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![
            ("W.mat".into(), weights.to_vec()),
            ("record.json".into(), record.to_vec()),
        ]
    }

    #[test]
    fn the_second_of_two_leaves_everything_as_the_first_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let weights = vec![7; 3 * PIECE + 1];
        let (first, second) = (batch(folder, &weights, b"1"), batch(folder, &weights, b"2"));
        assert_eq!(first.commit_once().unwrap(), Once::Committed);
        assert_eq!(second.commit_once().unwrap(), Once::Committed);
        assert_eq!(files(folder), expected(&weights, b"1"));
    }

    #[test]
    fn other_bytes_are_an_error_if_committed_and_replaced_if_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        batch(folder, b"old", b"1").commit_once().unwrap();
        let text = batch(folder, b"new", b"2").commit_once().unwrap_err();
        assert!(text.to_string().contains("with other bytes"), "{text}");
        assert_eq!(files(folder), expected(b"old", b"1"));
        fs::remove_file(folder.join("record.json")).unwrap();
        batch(folder, b"new", b"2").commit_once().unwrap();
        assert_eq!(files(folder), expected(b"new", b"2"));
    }

    #[test]
    fn who_was_tidied_away_is_superseded() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let batch = batch(folder, b"a", b"1");
        for entry in fs::read_dir(folder).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        assert!(matches!(batch.commit_once(), Ok(Once::Superseded)));
        assert!(files(folder).is_empty());
    }
}
