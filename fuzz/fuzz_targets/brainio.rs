//! Assemblies of BrainIO.
#![no_main]

use bhscore::io::assembly::brainio;
use bhscore_fuzz::{file, is_hdf5, of_its_length};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if !is_hdf5(bytes) {
        return;
    }
    if let Ok(assembly) = brainio::read(&file("fuzz.nc", &of_its_length(bytes))) {
        assert_eq!(assembly.site_names().len(), assembly.n_sites());
        let _ = assembly.averaged();
    }
});
