//! Images of all kinds, told by content.
#![no_main]

use std::path::Path;

use bhscore::extract::image::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        // A decoder of others may panic, which `decode` catches; what it does not catch ends the process all the same.
        std::panic::set_hook(Box::new(|_| {}));
    },
    |bytes: &[u8]| {
        if let Ok((pixels, _)) = decode(bytes, Path::new("fuzz")) {
            assert_eq!(pixels.rgb.len(), pixels.width * pixels.height * 3);
        }
    }
);
