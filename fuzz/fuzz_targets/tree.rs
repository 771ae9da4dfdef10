//! Trees of benchmarks: read, averaged, ranked, written and read again.
#![no_main]

use std::path::Path;

use bhscore::brainscore::tree::{Field, Missing, Policy, evaluate, json, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzz.json");
    let Ok(tree) = read::parse(path, bytes) else {
        return;
    };
    for missing in [Missing::Zero, Missing::Skip] {
        let mut scored = evaluate(&tree, missing);
        let field = Field::new([&scored.clone()]);
        field.place(&mut scored, Policy::default());
        let written = json::value(&scored).to_string();
        read::parse(path, written.as_bytes()).expect("a tree that was written can be read");
    }
});
