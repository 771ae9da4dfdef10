//! Recordings in all forms that are read: the same numbers from each.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

use bhscore::io::assembly::Assembly;
use ndarray_npy::WriteNpyExt;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/assembly")
        .join(name)
}

/// What scripts/make_assemblies.py writes: the value of presentation p, site s and bin b is 100 p + 10 s + b.
fn is_the_assembly(assembly: &Assembly) {
    assert_eq!(assembly.values.shape(), [6, 4, 2]);
    for ((presentation, site, bin), &value) in assembly.values.indexed_iter() {
        let expected = (100 * presentation + 10 * site + bin) as f64;
        if (presentation, site, bin) == (5, 3, 1) {
            assert!(value.is_nan());
        } else {
            assert_eq!(value, expected, "{presentation} {site} {bin}");
        }
    }
    let stimuli = ["im0", "im0", "im1", "im1", "im2", "im2"];
    assert_eq!(assembly.stimuli().unwrap(), stimuli);
    let of = |name: &str| assembly.presentations.get(name).unwrap().to_vec();
    assert_eq!(of("repetition"), ["0", "1", "0", "1", "0", "1"]);
    assert_eq!(of("object_name")[5], "café");
    assert_eq!(
        assembly.sites.get("region").unwrap(),
        ["V4", "V4", "IT", "IT"]
    );
    assert_eq!(assembly.sites.get("x").unwrap(), ["0", "0.5", "1", "1.5"]);
    assert_eq!(assembly.site_names(), ["n0", "n1", "n2", "n3"]);
    assert_eq!(assembly.bins, [(70.0, 170.0), (170.0, 270.0)]);
}

#[test]
fn netcdf_files_of_both_libraries_are_the_assembly() {
    for name in [
        "netcdf4.nc",
        "h5netcdf.nc",
        "compressed.nc",
        "indexed.nc",
        "unlimited.nc",
    ] {
        is_the_assembly(&Assembly::read(&path(name)).unwrap());
    }
}

#[test]
fn texts_of_letters_and_packed_numbers_are_decoded() {
    for name in ["classic.nc", "packed.nc"] {
        is_the_assembly(&Assembly::read(&path(name)).unwrap());
    }
}

#[test]
fn whole_numbers_stay_whole() {
    let assembly = Assembly::read(&path("large_ids.nc")).unwrap();
    let stimuli = assembly.stimuli().unwrap();
    assert_eq!(stimuli[0], "1152921504606846976");
    assert_eq!(stimuli[5], "1152921504606846981");
}

#[test]
fn files_without_numbers_of_dimensions_are_understood_by_lengths() {
    is_the_assembly(&Assembly::read(&path("older.nc")).unwrap());
}

#[test]
fn two_dimensions_without_time_are_one_bin() {
    let assembly = Assembly::read(&path("without_time.nc")).unwrap();
    assert_eq!(assembly.values.shape(), [6, 4, 1]);
    assert_eq!(assembly.values[[2, 1, 0]], 210.0);
    assert!(assembly.bins.is_empty());
    assert_eq!(assembly.stimuli().unwrap()[2], "im1");
}

#[test]
fn what_is_no_assembly_is_told() {
    let told = |name: &str, part: &str| {
        let error = Assembly::read(&path(name)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(part), "{error}");
    };
    told("ambiguous.nc", "which axis of `data`");
    told("no_stimuli.nc", "stimulus_id");
    told("other.nc", "no dimensions `presentation`");
    told("nowhere.nc", "nowhere.nc");
}

#[test]
fn files_that_are_cut_off_or_damaged_are_errors() {
    let whole = fs::read(path("netcdf4.nc")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cut.nc");
    for length in (0..whole.len()).step_by(499) {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(Assembly::read(&file).is_err(), "{length}");
    }
}

fn folder(data: &ndarray::Array3<f64>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    data.write_npy(&mut bytes).unwrap();
    fs::write(folder.path().join("data.npy"), bytes).unwrap();
    let rows = "im0,0,a\nim0,1,a\nim1,0,a\nim1,1,a\nim2,0,café\nim2,1,café\n";
    let presentations = format!("stimulus_id,repetition,object_name\n{rows}");
    fs::write(folder.path().join("presentation.csv"), presentations).unwrap();
    let sites = "neuroid_id,region,x\nn0,V4,0\nn1,V4,0.5\nn2,IT,1\nn3,IT,1.5\n";
    fs::write(folder.path().join("neuroid.csv"), sites).unwrap();
    let bins = "time_bin_start,time_bin_end\n70,170\n170,270\n";
    fs::write(folder.path().join("time_bin.csv"), bins).unwrap();
    folder
}

fn data() -> ndarray::Array3<f64> {
    let value = |(p, s, b)| match (p, s, b) {
        (5, 3, 1) => f64::NAN,
        _ => (100 * p + 10 * s + b) as f64,
    };
    ndarray::Array3::from_shape_fn((6, 4, 2), value)
}

#[test]
fn a_folder_is_the_assembly() {
    is_the_assembly(&Assembly::read(folder(&data()).path()).unwrap());
}

#[test]
fn tables_that_do_not_fit_the_array_are_told() {
    let folder = folder(&data());
    let path = folder.path().join("neuroid.csv");
    fs::write(&path, "neuroid_id,region\nn0,V4\n").unwrap();
    let told = Assembly::read(folder.path()).unwrap_err().to_string();
    assert!(told.contains("4 sites, and 1 entries"), "{told}");
    fs::remove_file(folder.path().join("data.npy")).unwrap();
    let told = Assembly::read(folder.path()).unwrap_err().to_string();
    assert!(told.contains("data.npy"), "{told}");
}

#[test]
fn rows_of_a_bare_array_are_stimuli() {
    let folder = folder(&data());
    let assembly = Assembly::read(&folder.path().join("data.npy")).unwrap();
    assert_eq!(assembly.stimuli().unwrap(), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(assembly.n_sites(), 4);
}
