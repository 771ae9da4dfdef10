//! Brain data of bdpy in MAT v5; those in HDF5 have a target of their own.
#![no_main]

use bhscore_fuzz::{file, is_hdf5};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if !is_hdf5(bytes) {
        bhscore_fuzz::bdata(&file("fuzz.mat", bytes));
    }
});
