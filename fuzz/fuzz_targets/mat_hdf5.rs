//! MAT v7.3 of any layout.
#![no_main]

use bhscore::io::mat::Variable;
use bhscore::io::mat_v73::Source;
use bhscore_fuzz::{file, is_hdf5, of_its_length};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if !is_hdf5(bytes) {
        return;
    }
    let Ok(source) = Source::open(&file("fuzz.mat", &of_its_length(bytes))) else {
        return;
    };
    for Variable { name, .. } in source.variables().unwrap_or_default() {
        if let Ok(numeric) = source.read(&name) {
            let n: usize = numeric.shape().iter().product();
            assert_eq!(numeric.into_f64().values.len(), n);
            let _ = source.read_range(&name, n / 3..n);
        }
    }
});
