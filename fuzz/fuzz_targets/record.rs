//! `record.json`.
#![no_main]

use bhscore::io::record::{FILE_NAME, Record};
use bhscore_fuzz::{file, folder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = file(FILE_NAME, bytes);
    if let Ok(Some(record)) = Record::read(&folder()) {
        let _ = record.digest();
        let _ = file(FILE_NAME, &record.encode());
        let again = Record::read(&folder()).expect("a record that was written can be read");
        assert!(again.is_some());
    }
});
