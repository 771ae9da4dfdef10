//! ONNX files that are small and would take gigabytes to list.

use std::fs;
use std::path::Path;

use bhscore::extract::onnx::Model;

/// A field of bytes in a message of Protocol Buffers.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push((length as u8) | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

/// Why a model with a graph of these fields is refused.
fn refused(folder: &Path, graph: &[u8]) -> String {
    let path = folder.join("model.onnx");
    fs::write(&path, field(7, graph)).unwrap();
    Model::read(&path).unwrap_err().to_string()
}

#[test]
fn graphs_of_too_many_tensors_or_letters() {
    let folder = tempfile::tempdir().unwrap();
    let many = field(1, &field(2, b"a")).repeat(70_000);
    let text = refused(folder.path(), &many);
    assert!(text.contains("70000 tensors"), "{text}");
    // A name of a megabyte, which each output would repeat.
    let node = [field(3, &[b'n'; 1 << 20]), field(2, b"a").repeat(100)].concat();
    let text = refused(folder.path(), &field(1, &node));
    assert!(text.contains("bytes of names"), "{text}");
}

#[test]
fn one_file_of_weights_by_many_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w"), [0; 4]).unwrap();
    for name in ["././w", ".//w", "a/../w", "../w", "/w"] {
        let entry = [field(1, b"location"), field(2, name.as_bytes())].concat();
        // One float of the shape (1,), its data elsewhere.
        let tensor = [
            vec![1 << 3, 1, 2 << 3, 1],
            field(8, b"t"),
            field(13, &entry),
            vec![14 << 3, 1],
        ]
        .concat();
        let text = refused(folder.path(), &field(5, &tensor));
        assert!(text.contains("outside its folder"), "{name}: {text}");
    }
}
