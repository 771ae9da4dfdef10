//! What is written is read again, by us and by bdpy.

use bhscore::io::bdata::{Label, Table, write};

use ndarray::array;

use super::*;

const VOXELS: [[f64; 3]; 2] = [[0.5, -1.25, 3.0], [f64::MIN_POSITIVE, 1e300, -0.0]];

fn labels() -> Vec<Label> {
    let names = vec![(1.0, "b/é".to_owned()), (20.0, String::new())];
    vec![
        Label {
            key: "image_index".to_owned(),
            values: vec![7.0, 8.0],
            names: vec![],
        },
        Label {
            key: "stimulus_name".to_owned(),
            values: vec![20.0, 1.0],
            names,
        },
    ]
}

fn rois() -> Vec<(String, Vec<bool>)> {
    let roi = |name: &str, voxels: [bool; 3]| (name.to_owned(), voxels.to_vec());
    vec![
        roi("ROI_V1", [true, false, true]),
        roi("ROI_V2", [false; 3]),
    ]
}

fn write_table(path: &Path) {
    let voxels = Array2::from(VOXELS.to_vec());
    let table = Table {
        voxels: voxels.view(),
        rois: rois(),
        labels: labels(),
    };
    write(path, &table).unwrap();
}

#[test]
fn what_is_written_is_read_and_the_bytes_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    write_table(&path);
    let bytes = fs::read(&path).unwrap();

    let read = BData::read(&path).unwrap();
    let keys = [
        "VoxelData",
        "ROI_V1",
        "ROI_V2",
        "image_index",
        "stimulus_name",
    ];
    assert_eq!(read.keys(), keys);
    let voxels = Array2::from(VOXELS.to_vec());
    assert_eq!(read.select("VoxelData = 1").unwrap(), voxels);
    assert_eq!(
        read.select("ROI_V1").unwrap(),
        array![[0.5, 3.0], [f64::MIN_POSITIVE, -0.0]]
    );
    assert_eq!(read.select("ROI_V2").unwrap().dim(), (2, 0));
    assert_eq!(read.numbers("image_index").unwrap(), [7.0, 8.0]);
    assert_eq!(read.get_label("stimulus_name").unwrap(), ["", "b/é"]);

    std::thread::sleep(std::time::Duration::from_millis(1100));
    write_table(&path);
    assert!(
        fs::read(&path).unwrap() == bytes,
        "the same table, other bytes"
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "temporary files left"
    );
}

/// Runs where `BHSCORE_PYTHON` names a Python with bdpy.
#[test]
fn bdpy_reads_what_is_written() {
    let Some(python) = std::env::var_os("BHSCORE_PYTHON") else {
        eprintln!("skipped: BHSCORE_PYTHON names no Python with bdpy");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    write_table(&path);
    let script = "import bdpy, json, sys; b = bdpy.BData(sys.argv[1]); print(json.dumps([\
        b.select('VoxelData').tolist(), b.select('ROI_V1 = 1').tolist(), b.select('ROI_V2 = 1').tolist(),\
        b.get('image_index').ravel().tolist(), b.get_label('stimulus_name'), b.metadata.description]))";
    let output = std::process::Command::new(python)
        .args(["-W", "ignore", "-c", script])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let descriptions: Vec<String> = [
        "VoxelData",
        "ROI_V1",
        "ROI_V2",
        "image_index",
        "stimulus_name",
    ]
    .map(|key| format!("1 = {key}"))
    .to_vec();
    let v1 = vec![vec![0.5, 3.0], vec![f64::MIN_POSITIVE, -0.0]];
    let expected = serde_json::json!([VOXELS, v1, [[], []], [7.0, 8.0], ["", "b/é"], descriptions]);
    assert_eq!(read, expected);
}

#[test]
fn tables_that_cannot_be_stored_are_refused() {
    let voxels = Array2::from(VOXELS.to_vec());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    let refused = |change: &dyn Fn(&mut Table), part: &str| {
        let mut table = Table {
            voxels: voxels.view(),
            rois: rois(),
            labels: labels(),
        };
        change(&mut table);
        let error = write(&path, &table).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("fmri.h5"), "{error}");
        assert!(!path.exists());
    };
    refused(
        &|table| table.rois[0].1.truncate(1),
        "`ROI_V1` is about 1 voxels of 3",
    );
    refused(
        &|table| table.labels[1].values.push(1.0),
        "`stimulus_name` has 3 values for 2 samples",
    );
    refused(
        &|table| table.rois[1].0 = "VoxelData".to_owned(),
        "`VoxelData` occurs twice",
    );
    refused(
        &|table| table.rois[1].0 = "image_index".to_owned(),
        "`image_index` occurs twice",
    );
    refused(
        &|table| table.rois[1].0 = "a/b".to_owned(),
        "`a/b` cannot be a key",
    );
    refused(
        &|table| table.labels[1].names[0].0 = f64::NAN,
        "cannot name NaN `b/é`",
    );
    refused(&|table| table.labels[1].names[0].0 = 20.0, "cannot name 20");
    refused(
        &|table| table.labels[1].names[0].1 = "a\0".to_owned(),
        "cannot name 1 `a\\0`",
    );
    // Missing folders are made, where nothing else is in the way.
    let missing = folder.path().join("a file/folder/fmri.h5");
    save(&folder.path().join("a file"), b"");
    let table = Table {
        voxels: voxels.view(),
        rois: rois(),
        labels: labels(),
    };
    let error = write(&missing, &table).unwrap_err().to_string();
    assert!(error.contains("a file/folder"), "{error}");
}
