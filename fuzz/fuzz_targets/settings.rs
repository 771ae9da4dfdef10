//! `settings.json`, and whether what was accepted is accepted again as written.
#![no_main]

use std::path::Path;

use bhscore::settings::Settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let path = Path::new("settings.json");
    if let Ok(settings) = Settings::from_json(text, path) {
        let written = serde_json::to_string(&settings).expect("settings have only string keys");
        let again = Settings::from_json(&written, path).expect("checked settings are good");
        assert_eq!(again, settings);
    }
});
