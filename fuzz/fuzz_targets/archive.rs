//! Zip archives of models. Nothing outside the folder may be written.
#![no_main]

use std::sync::atomic::AtomicBool;

use std::fs;

use bhscore::model::archive::unpack;
use bhscore_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("fuzz.zip", bytes);
    let into = bhscore_fuzz::folder().join("into");
    let _ = unpack(&path, &into, &AtomicBool::new(false));
    fs::remove_dir_all(&into).ok();
    let left = fs::read_dir(bhscore_fuzz::folder())
        .expect("it is there")
        .count();
    assert_eq!(left, 1, "only the archive is left");
});
