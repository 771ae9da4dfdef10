//! The files of `tests/damaged`, in a folder for each format.

use std::fs;

use crate::readers::READERS;
use crate::{limit_memory, tests};

#[test]
fn every_damaged_file_is_an_error() {
    limit_memory();
    let mut formats = 0;
    for entry in fs::read_dir(tests("damaged")).unwrap() {
        let folder = entry.unwrap().path();
        let format = folder.file_name().unwrap().to_str().unwrap();
        let known = READERS.iter().find(|(name, _)| *name == format);
        let (_, read) = known.unwrap_or_else(|| panic!("no reader of {format}"));
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let error = read(&path).expect_err(path.to_str().unwrap());
            assert!(!error.to_string().is_empty());
        }
        formats += 1;
    }
    assert!(formats > 3, "{formats} formats");
}
