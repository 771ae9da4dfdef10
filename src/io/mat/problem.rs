//! Errors that all readers of MATLAB files share.

use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};

/// Remedy for files whose bytes make no sense.
pub(in crate::io) const COPY_AGAIN: &str =
    "copy, download or compute the file again, it may be cut off or damaged";

pub(in crate::io) fn missing_variable(path: &Path, variable: &str, names: &[String]) -> Error {
    let remedy = match names {
        [] => "the file holds no variables; write it again".to_owned(),
        _ => format!("the file holds `{}`", names.join("`, `")),
    };
    Error::file(path, format!("has no variable `{variable}`"), remedy)
}

pub(in crate::io) fn not_numeric(path: &Path, variable: &str, class: &str) -> Error {
    let problem = format!("`{variable}` is not a real numeric array but `{class}`");
    Error::file(path, problem, "store it as single or double")
}

pub(in crate::io) fn too_large(path: &Path, variable: &str) -> Error {
    let problem = format!("`{variable}` claims more data than the file can hold");
    Error::file(path, problem, COPY_AGAIN)
}

pub(in crate::io) fn check_range(
    path: &Path,
    variable: &str,
    range: &Range<usize>,
    n_elements: usize,
) -> Result<()> {
    if range.start <= range.end && range.end <= n_elements {
        return Ok(());
    }
    let (start, end) = (range.start, range.end);
    let problem =
        format!("`{variable}` has {n_elements} elements, but {start} to {end} were asked for");
    Err(Error::file(
        path,
        problem,
        "extract the layer again: all its files have one shape",
    ))
}
