//! NumPy's arrays.
#![no_main]

use bhscore::io::npy;
use bhscore_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("fuzz.npy", bytes);
    let _ = npy::read(&path);
    let _ = npy::read_f32(&path);
});
