//! MAT v5: the bytes as a file, and as the matrix inside of a compressed element, whose checksum would else keep
//! the fuzzer out.
#![no_main]

use std::io::Write;
use std::path::Path;

use bhscore::io::mat_v5;
use bhscore_fuzz::file;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    if let Some((header, rest)) = bytes.split_at_checked(128)
        && mat_v5::is_v5(header)
    {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(rest).expect("memory takes all");
        let packed = encoder.finish().expect("memory takes all");
        let mut whole = header.to_vec();
        let tag = [15, packed.len() as u32];
        let is_big = header[126] == b'M';
        whole.extend(tag.iter().flat_map(|n| {
            if is_big {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        }));
        whole.extend(packed);
        read(&whole);
    }
});

fn read(bytes: &[u8]) {
    if !mat_v5::is_v5(bytes) {
        return;
    }
    let path = Path::new("fuzz.mat");
    for variable in mat_v5::variables(path, bytes).unwrap_or_default() {
        let _ = mat_v5::read(path, bytes, &variable.name);
    }
    let _ = mat_v5::read_all(&file("fuzz.mat", bytes));
}
