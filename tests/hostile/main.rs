//! Files that mean harm are refused: with an error, in little memory, and nothing is written elsewhere.
//!
//! | file | asks |
//! |---|---|
//! | [`claims`] | do made-up claims hold anybody up, or remove anything? |
//! | [`models`] | are networks refused that would take gigabytes to list? |
//! | [`damaged`] | is every file of `tests/damaged`, most of which the fuzzer found, an error? |
//! | [`mutated`] | are good files with changed bytes, cut off or made up read or refused, whatever they are? |
//! | [`readers`] | how is a file of each format read? |
//!
//! A process of these tests may take no more memory than [`MOST_MEMORY`]: a reader that believes a header's claim ends
//! the test.

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "damaged files must be written as they are"
)]

#[cfg(unix)]
mod claims;
mod damaged;
mod models;
mod mutated;
mod readers;

use std::path::PathBuf;
use std::sync::Once;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bytes of addresses that the tests may ask for: threads and libraries need half a gigabyte of them.
const MOST_MEMORY: u64 = 2 << 30;

/// Limits the memory of this process (on Linux; other systems know no such limit, or do not keep it).
fn limit_memory() {
    static LIMITED: Once = Once::new();
    LIMITED.call_once(|| {
        let current = Some(MOST_MEMORY);
        let limit = Rlimit {
            current,
            ..getrlimit(Resource::As)
        };
        setrlimit(Resource::As, limit).unwrap();
    });
}

/// A file or folder of the tests.
fn tests(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}
