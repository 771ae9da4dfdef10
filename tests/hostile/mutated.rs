//! Good files with bytes changed, cut off or added, and files of any bytes.

use std::fs;
use std::path::PathBuf;

use bhscore::io::mat_v73::Source;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::readers::READERS;
use crate::{limit_memory, tests};

/// Largest file that is changed.
const LARGEST: u64 = 200_000;

/// Good files of a format: of the tests, or else of the fuzzer's seeds.
fn good(format: &str) -> Vec<PathBuf> {
    let (folder, wanted): (&str, &[&str]) = match format {
        "image" => (
            "images",
            &[
                "jpg", "png", "tif", "webp", "gif", "bmp", "pbm", "pgm", "ppm",
            ],
        ),
        "onnx" | "onnx_engine" => ("onnx", &["onnx"]),
        "mat_v5" => ("golden/formats", &["v5_"]),
        "mat_v73" => ("golden/formats", &["v73_"]),
        "mat_hdf5" => ("golden/formats", &["v73_", "sparse_"]),
        "bdata_hdf5" => ("golden/bdata", &["h5"]),
        "brainio" => ("assembly", &["nc"]),
        "bdata" => ("golden/bdata", &["mat"]),
        "npy" => ("onnx", &["npy"]),
        "settings" => ("golden/study", &["json"]),
        "tree" => ("data", &["json"]),
        "archive" => return Vec::new(),
        seeds => {
            let folder = tests("../fuzz/seeds").join(seeds);
            let files = fs::read_dir(folder).unwrap();
            return files.map(|file| file.unwrap().path()).collect();
        }
    };
    let files = fs::read_dir(tests(folder))
        .unwrap()
        .map(|file| file.unwrap().path());
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let of_kind = |kind: &str| name.starts_with(kind) || name.ends_with(&format!(".{kind}"));
        wanted.iter().any(|kind| of_kind(kind)) && path.metadata().unwrap().len() < LARGEST
    };
    let mut found: Vec<PathBuf> = files.filter(is_wanted).collect();
    found.sort();
    assert!(!found.is_empty(), "good files of {format}");
    found
}

/// Those that read HDF5 of any layout.
const HDF5: [&str; 3] = ["bdata_hdf5", "brainio", "mat_hdf5"];

/// What is done to a file.
#[derive(Debug, Clone)]
struct Change {
    bytes: Vec<(Index, u8)>,
    cut: Option<Index>,
    added: Vec<u8>,
}

impl Change {
    fn apply(&self, mut content: Vec<u8>) -> Vec<u8> {
        let n = content.len();
        if n > 0 {
            for (place, byte) in &self.bytes {
                content[place.index(n)] = *byte;
            }
            content.truncate(self.cut.map_or(n, |cut| cut.index(n)));
        }
        content.extend_from_slice(&self.added);
        content
    }
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![Just(0u8), Just(0xff), Just(0x7f), any::<u8>()];
    let bytes = prop::collection::vec((any::<Index>(), byte), 0..8);
    let cut = prop::option::weighted(0.2, any::<Index>());
    let added = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..64)];
    (bytes, cut, added).prop_map(|(bytes, cut, added)| Change { bytes, cut, added })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn changed_files_never_panic(changes in prop::collection::vec(change(), 3), which in any::<Index>()) {
        limit_memory();
        let folder = tempfile::tempdir().unwrap();
        for (format, read) in &READERS {
            let good = good(format);
            if good.is_empty() {
                continue;
            }
            let content = fs::read(which.get(&good)).unwrap();
            let path = folder.path().join(format);
            for change in &changes {
                fs::write(&path, change.apply(content.clone())).unwrap();
                let _ = read(&path);
            }
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,200}") {
        limit_memory();
        let folder = tempfile::tempdir().unwrap();
        for (format, read) in READERS {
            let path = folder.path().join(format);
            for content in [bytes.as_slice(), text.as_bytes()] {
                fs::write(&path, content).unwrap();
                let _ = read(&path);
            }
        }
    }
}

/// The length of a file is compared with what its superblock says.
#[test]
fn hdf5_files_that_are_cut_off_are_errors() {
    limit_memory();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for (kind, ending) in [
        ("golden/bdata", "h5"),
        ("assembly", "nc"),
        ("golden/formats", "mat"),
    ] {
        for file in fs::read_dir(tests(kind)).unwrap() {
            let file = file.unwrap().path();
            let content = fs::read(&file).unwrap();
            let is_kind = file.extension().is_some_and(|found| found == ending);
            if !is_kind || Source::open(&file).is_err() {
                continue;
            }
            for part in [0, 1, 7, 8, 9] {
                fs::write(&path, &content[..content.len() * part / 10]).unwrap();
                for (_, read) in READERS.iter().filter(|(format, _)| HDF5.contains(format)) {
                    assert!(read(&path).is_err(), "{} cut to {part}/10", file.display());
                }
            }
        }
    }
}
