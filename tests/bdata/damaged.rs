//! Files that lack something, and damaged ones.

use ndarray::array;

use super::*;

/// The error of a file made by `make`, which names it.
#[track_caller]
fn error_of(make: impl FnOnce(&hdf5::File) -> hdf5::Result<()>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.h5");
    let file = hdf5::File::create(&path).unwrap();
    make(&file).unwrap();
    file.close().unwrap();
    let error = BData::read(&path).unwrap_err().to_string();
    assert!(
        error.starts_with('`') && error.contains("odd.h5`: ") && error.contains("; "),
        "{error}"
    );
    error
}

/// A small good file, without the parts named.
fn parts(file: &hdf5::File, without: &[&str]) -> hdf5::Result<()> {
    let has = |name: &str| !without.contains(&name);
    let store =
        |name: &str, data: Array2<f64>| file.new_dataset_builder().with_data(&data).create(name);
    if has("dataset") {
        store("dataset", array![[1., 2.], [3., 4.]])?;
    }
    file.create_group("metadata")?;
    if has("metadata/value") {
        store("metadata/value", array![[1., f64::NAN], [f64::NAN, 1.]])?;
    }
    if has("metadata/key") {
        let keys = ["ROI_V1", "name"].map(|key| key.parse::<hdf5::types::VarLenUnicode>().unwrap());
        file.new_dataset_builder()
            .with_data(&keys)
            .create("metadata/key")?;
    }
    file.create_group("vmap")?.create_group("name")?;
    Ok(())
}

#[test]
fn files_that_lack_something_say_what() {
    let data = |file: &hdf5::File, name: &str, data: Array2<f64>| {
        file.new_dataset_builder()
            .with_data(&data)
            .create(name)
            .map(|_| ())
    };
    let label = |file: &hdf5::File, name: &str| {
        let text: hdf5::types::VarLenUnicode = "x".parse().unwrap();
        file.new_dataset_builder()
            .with_data(&ndarray::arr0(text))
            .create(name)
            .map(|_| ())
    };
    let cases: [(&str, String); 11] = [
        (
            "it has neither `metadata` nor `metaData`",
            error_of(|_| Ok(())),
        ),
        (
            "it has neither `dataset` nor `dataSet`",
            error_of(|file| parts(file, &["dataset"])),
        ),
        (
            "it has no `/metadata/key`",
            error_of(|file| parts(file, &["metadata/key"])),
        ),
        (
            "it has no `/metadata/value`",
            error_of(|file| parts(file, &["metadata/value"])),
        ),
        (
            "the metadata are 2 x 3, but there are 2 keys and 2 columns",
            error_of(|file| {
                parts(file, &["metadata/value"])?;
                data(file, "metadata/value", Array2::ones((2, 3)))
            }),
        ),
        (
            "the metadata are 1 x 2, but there are 2 keys and 2 columns",
            error_of(|file| {
                parts(file, &["metadata/value"])?;
                data(file, "metadata/value", Array2::ones((1, 2)))
            }),
        ),
        (
            "`/metadata/key` is of type float64, not text",
            error_of(|file| {
                parts(file, &["metadata/key"])?;
                data(file, "metadata/key", Array2::ones((2, 1)))
            }),
        ),
        (
            "`/vmap/name/one` is not named by a number",
            error_of(|file| {
                parts(file, &[])?;
                label(file, "vmap/name/one")
            }),
        ),
        (
            "`/vmap/name/1` is of type float64, not text",
            error_of(|file| {
                parts(file, &[])?;
                data(file, "vmap/name/1", Array2::ones((1, 1)))
            }),
        ),
        (
            "`dataset`",
            error_of(|file| {
                parts(file, &["dataset"])?;
                file.create_group("dataset").map(|_| ())
            }),
        ),
        (
            "`/dataset` has the shape [4], not two axes",
            error_of(|file| {
                parts(file, &["dataset"])?;
                file.new_dataset_builder()
                    .with_data(&[1.0; 4])
                    .create("dataset")
                    .map(|_| ())
            }),
        ),
    ];
    for (expected, error) in cases {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_is_no_brain_data_at_all_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    assert!(
        BData::read(&path)
            .unwrap_err()
            .to_string()
            .contains("check the path")
    );
    assert!(BData::read(folder.path()).is_err(), "a folder");
    for bytes in [&b""[..], b"\x89HDF\r\n\x1a\n", b"text", &[0; 5000]] {
        save(&path, bytes);
        let error = BData::read(&path).unwrap_err().to_string();
        assert!(error.contains("fmri.h5`"), "{error}");
    }
}

#[test]
fn every_truncated_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.h5");
    for name in ["bdpy.h5", "fixed_text_f32.h5"] {
        let bytes = fs::read(golden(name)).unwrap();
        for end in (0..bytes.len())
            .step_by(37)
            .chain(bytes.len() - 16..bytes.len())
        {
            save(&path, &bytes[..end]);
            let error = BData::read(&path).unwrap_err().to_string();
            assert!(error.contains("cut.h5`: "), "{name} cut at {end}: {error}");
        }
    }
}

/// A sample of what was tried once: every byte of the golden files with each of the three flips.
#[test]
fn no_flipped_byte_makes_it_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.h5");
    for name in ["bdpy.h5", "fixed_text_f32.h5", "int_utf8.h5"] {
        let bytes = fs::read(golden(name)).unwrap();
        let filled = (0..bytes.len()).filter(|&at| bytes[at] != 0);
        for (at, flip) in filled
            .step_by(5)
            .zip([0x01, 0x80, 0xff].into_iter().cycle())
        {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            save(&path, &flipped);
            if let Ok(table) = BData::read(&path) {
                let _ = table.select("*");
                let _ = table.get_label("stimulus_name");
            }
        }
    }
}
