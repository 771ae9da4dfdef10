//! Forced-choice trials.
#![no_main]

use std::path::Path;

use bhscore::brainscore::behaviour::trials::Trials;
use bhscore::io::table::Table;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(table) = Table::parse(Path::new("fuzz.csv"), bytes) else {
        return;
    };
    if let Ok(trials) = Trials::of_table(&table) {
        assert_eq!(trials.truth.len(), trials.images.len());
        assert!(
            trials
                .trials
                .iter()
                .all(|trial| trial.choice < trials.objects.len())
        );
    }
});
