//! Damaged files give errors, never panics, and the fast reader never an answer that the full one would not give.

use std::fs;
use std::path::Path;

use bhscore::io::hdf5_plain::{self, Input};
use bhscore::io::mat_v73::Source;
use bhscore::io::{mat, mat_v5};

use crate::{common, same, variants};

#[test]
fn empty_foreign_and_header_only_files_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mat");
    let header_only = &mat::encode_f32("feat", &[1, 3], &[1.0, 2.0, 3.0])[..512];
    let cases: [(&[u8], &str); 3] = [
        (b"", "is empty"),
        (b"hello", "neither"),
        (header_only, "no data"),
    ];
    for (bytes, problem) in cases {
        fs::write(&path, bytes).unwrap();
        let text = mat::read(&path, "feat").unwrap_err().to_string();
        assert!(text.contains(problem) && text.contains("a.mat"), "{text}");
    }
}

#[test]
fn truncated_files_give_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mat");
    for (original, variable, _) in variants() {
        let bytes = fs::read(&original).unwrap();
        // HDF5 says how long it is, MAT v5 ends with the last value.
        let step = if bytes.len() > 1000 { 97 } else { 1 };
        for length in (0..bytes.len()).step_by(step) {
            fs::write(&path, &bytes[..length]).unwrap();
            let result = mat::read(&path, &variable);
            let error = result.expect_err(&format!("{} cut to {length}", original.display()));
            assert!(error.to_string().contains("cut.mat"), "{error}");
            assert!(mat::read_range(&path, &variable, 0..1).is_err());
        }
    }
}

/// Calls `check` with every one of `n_flips` copies of a file that differ in one bit, somewhere in
/// the first 4 KiB of the HDF5 part, and the place of that bit.
fn flip_bits(original: &[u8], n_flips: usize, mut check: impl FnMut(&[u8], usize)) {
    let mut random = 1u64;
    for _ in 0..n_flips {
        // A linear congruential generator (Knuth's MMIX) is enough to choose places.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = 512 + (random >> 33) as usize % (original.len().min(4096) - 512);
        let mut bytes = original.to_vec();
        bytes[at] ^= 1 << ((random >> 20) % 8);
        check(&bytes, at);
    }
}

const PLAIN: [&str; 5] = [
    "v73_row.mat",
    "v73_4d.mat",
    "v73_matlab_like.mat",
    "v73_4d_chunked.mat",
    "v73_new_hdf5_objects.mat",
];

#[test]
fn plain_reader_leaves_damaged_files_to_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.mat");
    for name in PLAIN {
        let original = fs::read(common::golden("formats").join(name)).unwrap();
        let mut n_left = 0;
        flip_bits(&original, 500, |bytes, _| {
            fs::write(&path, bytes).unwrap();
            n_left += usize::from(hdf5_plain::read(&Input::open(&path).unwrap(), "feat").is_none());
        });
        assert!(n_left > 20, "{name}: {n_left} left to the library");
    }
}

#[test]
fn plain_reader_never_differs_from_the_library_on_damaged_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.mat");
    let mut n_read = 0;
    for name in PLAIN {
        let original = fs::read(common::golden("formats").join(name)).unwrap();
        flip_bits(&original, 500, |bytes, at| {
            fs::write(&path, bytes).unwrap();
            let Some(plain) = hdf5_plain::read(&Input::open(&path).unwrap(), "feat") else {
                return;
            };
            n_read += 1;
            if let Ok(library) = Source::open(&path).and_then(|file| file.read("feat")) {
                assert!(same(&plain, &library), "{name}: byte {at} flipped");
            }
        });
    }
    assert!(n_read > 300, "{n_read} read");
}

#[test]
fn damaged_v5_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.mat");
    let mut cases = variants();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/data/v5_struct.mat");
    cases.push((tree, "metaData".to_owned(), serde_json::Value::Null));
    for (path, variable, _) in cases {
        let original = fs::read(&path).unwrap();
        if !mat_v5::is_v5(&original) {
            continue;
        }
        for at in 128..original.len() {
            for bit in 0..8 {
                let mut bytes = original.clone();
                bytes[at] ^= 1 << bit;
                let _ = mat_v5::read(&path, &bytes, &variable);
                let _ = mat_v5::variables(&path, &bytes);
                if bit == 0 {
                    fs::write(&damaged, &bytes).unwrap();
                    let _ = mat_v5::read_all(&damaged);
                }
            }
        }
    }
}
