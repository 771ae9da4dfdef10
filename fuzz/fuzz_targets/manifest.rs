//! `model.toml`.
#![no_main]

use bhscore::model::manifest::Manifest;
use bhscore_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("model.toml", bytes);
    let reading = Manifest::read(&path);
    assert!(reading.manifest.is_some() || !reading.problems.is_empty());
    let _ = Manifest::id_in(&path);
});
