//! The one error type of the library: variants by cause, each with the thing and the remedy.
//!
//! Messages are lower case without a full stop, literals stand in backticks, and the hint follows
//! the cause after a semicolon, so that `bhscore: error: {message}` reads as one sentence.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the file or item it happened to and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read, write, rename or list a path.
    #[error("cannot {action} `{}`: {source}{}", path.display(), io_hint(source))]
    Io {
        /// What was attempted, as a verb: `read`, `write`, `create`.
        action: &'static str,
        /// File or folder it was attempted on.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A file exists but does not hold what its format or its place in the study promises.
    #[error("`{}`: {problem}; {remedy}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },

    /// Inputs that are each readable do not fit together, or cannot be used for this item.
    #[error("{item}: {problem}; {remedy}")]
    Data {
        /// Work item, layer, ROI or argument in the user's words.
        item: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },

    /// `settings.json` has problems; all of them are listed, one per line.
    #[error("`{}` has {} problem{}:{}", path.display(), problems.len(), plural(problems.len()), Bullets(problems))]
    Settings {
        /// The settings file.
        path: PathBuf,
        /// Each with its JSON path and remedy.
        problems: Vec<String>,
    },

    /// The user asked to stop (Ctrl-C or SIGTERM); what was finished is on disk.
    #[error("interrupted; run the same command again to continue")]
    Interrupted,
}

impl Error {
    /// An I/O failure of `action` on `path`; made for `.map_err(Error::io("read", path))`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    }

    /// A file that is not what it should be.
    pub fn file(
        path: impl AsRef<Path>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Error {
        Error::File {
            path: path.as_ref().to_owned(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// Inputs that do not fit together.
    pub fn data(
        item: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Error {
        Error::Data {
            item: item.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// The same about a part of something that its message does not name; files name themselves.
    #[must_use]
    pub fn within(self, whole: &str) -> Error {
        match self {
            Error::Data {
                item,
                problem,
                remedy,
            } => Error::data(format!("{whole}, {item}"), problem, remedy),
            other => other,
        }
    }
}

/// A remedy for the system errors that users meet, and one for all others.
fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; check the path and the study folder (`-C`)",
        io::ErrorKind::PermissionDenied => "; check the permissions of the file and its folder",
        io::ErrorKind::StorageFull => {
            "; free some space and run the same command again, finished items are kept"
        }
        io::ErrorKind::ReadOnlyFilesystem => "; the study folder must be writable",
        io::ErrorKind::QuotaExceeded => {
            "; the disk quota is used up, free some space and run the same command again"
        }
        io::ErrorKind::NotADirectory => "; part of the path is a file, check it",
        io::ErrorKind::InvalidInput => "; put what comes from it into a file",
        io::ErrorKind::IsADirectory => "; it is a folder, name a file",
        _ => "; check the path, the disk and the network, then run the same command again",
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

struct Bullets<'a>(&'a [String]);

impl fmt::Display for Bullets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_name_path_and_remedy() {
        let error = Error::io("write", "W.mat")(io::Error::from(io::ErrorKind::StorageFull));
        let text = error.to_string();
        assert!(text.starts_with("cannot write `W.mat`"), "{text}");
        assert!(text.contains("free some space"), "{text}");
    }

    #[test]
    fn settings_errors_list_every_problem() {
        let problems = vec!["`a`: one".to_owned(), "`b`: two".to_owned()];
        let text = Error::Settings {
            path: "settings.json".into(),
            problems,
        }
        .to_string();
        assert_eq!(
            text,
            "`settings.json` has 2 problems:\n  - `a`: one\n  - `b`: two"
        );
    }
}
