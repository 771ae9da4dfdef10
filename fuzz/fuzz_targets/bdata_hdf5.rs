//! Brain data of bdpy in HDF5.
#![no_main]

use bhscore_fuzz::{file, is_hdf5, of_its_length};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if is_hdf5(bytes) {
        bhscore_fuzz::bdata(&file("fuzz.h5", &of_its_length(bytes)));
    }
});
