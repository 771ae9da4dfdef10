//! MAT v7.3 by our own reader.
#![no_main]

use bhscore::io::hdf5_plain::{self, Input};
use bhscore_fuzz::{file, of_its_length};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let input = Input::open(&file("fuzz.mat", &of_its_length(bytes))).expect("it was just written");
    for variable in ["feat", "W"] {
        let described = hdf5_plain::describe(&input, variable);
        if let Some(numeric) = hdf5_plain::read(&input, variable) {
            let shape = described.expect("what is read can be described").shape;
            assert_eq!(numeric.shape(), shape);
            let values = numeric.into_f64().values;
            assert_eq!(values.len(), shape.iter().product::<usize>());
            let n = values.len();
            let part = hdf5_plain::read_range(&input, variable, n / 3..n);
            assert_eq!(part.expect("a part of it can be read").1.len(), n - n / 3);
        }
    }
});
