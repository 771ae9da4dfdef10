//! Where test data lie.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stderr)]

pub mod arrays;

use std::path::PathBuf;

/// A file of the project's own golden data.
pub fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// A file of the larger collection that may lie beside the repository (or where `BHSCORE_SHARED`
/// says). `None`, with a message, where it is absent: the test is then skipped.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BHSCORE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: `{}` is not there", path.display());
    None
}
