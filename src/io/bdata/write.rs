//! Writing of brain-data files that bdpy reads, for synthetic studies.
//!
//! The voxels come first, marked by [`VOXEL_KEY`], then one column per label. Metadata values are 1 or NaN, the
//! description of a row is `1 = <key>`, and there is no `header`. The same table gives the same bytes: nothing in
//! the file tells the time.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use hdf5::types::VarLenUnicode;
use hdf5::{Group, H5Type};
use ndarray::{Array1, Array2, ArrayView, ArrayView2, Dimension, s};

use crate::error::{Error, Result};
use crate::io::atomic::{Batch, Staged};

/// Metadata key of all voxels.
pub const VOXEL_KEY: &str = "VoxelData";

/// A brain-data table to write.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// Responses, `(n_samples, n_voxels)`.
    pub voxels: ArrayView2<'a, f64>,
    /// Metadata key of each region, such as `ROI_V1`, and which voxels are in it, `(n_voxels,)`.
    pub rois: Vec<(String, Vec<bool>)>,
    /// Further columns.
    pub labels: Vec<Label>,
}

/// A column beside the voxels, such as `stimulus_name`.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Metadata key of the column.
    pub key: String,
    /// The column, `(n_samples,)`.
    pub values: Vec<f64>,
    /// What numbers stand for; empty for a column of plain numbers.
    pub names: Vec<(f64, String)>,
}

/// Writes a table as HDF5, whole or not at all; missing folders are created.
///
/// # Errors
/// [`Error::Data`] if lengths do not fit or a name cannot be stored, [`Error::Io`] or [`Error::File`] if writing
/// fails.
pub fn write(path: &Path, table: &Table) -> Result<()> {
    check(path, table)?;
    let staged = Staged::create(path)?;
    fill(staged.temporary(), table).map_err(|cause| unwritten(path, &cause.to_string()))?;
    let mut batch = Batch::new();
    batch.add_staged(staged);
    batch.commit()
}

/// What went wrong: the system's own error where libhdf5 quotes one, among a dozen numbers of no use to anybody.
fn unwritten(path: &Path, cause: &str) -> Error {
    let quoted = cause.split_once("errno = ").and_then(|(_, rest)| {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        number.parse().ok()
    });
    match quoted {
        Some(number) => Error::io("write", path)(io::Error::from_raw_os_error(number)),
        None => {
            let problem = format!("cannot be written ({cause})");
            let remedy = "check the space and the permissions of its folder";
            Error::file(path, problem, remedy)
        }
    }
}

/// Lengths and names of a table.
fn check(path: &Path, table: &Table) -> Result<()> {
    let (n_samples, n_voxels) = table.voxels.dim();
    let fail = |problem: String, remedy: &str| {
        Err(Error::data(
            format!("brain data for `{}`", path.display()),
            problem,
            remedy,
        ))
    };
    let mut keys = HashSet::from([VOXEL_KEY]);
    for key in table
        .rois
        .iter()
        .map(|(key, _)| key)
        .chain(table.labels.iter().map(|l| &l.key))
    {
        if key.is_empty() || key == "." || key.contains(['/', '\0']) {
            return fail(
                format!("`{}` cannot be a key", key.escape_debug()),
                "use plain names",
            );
        }
        if !keys.insert(key) {
            return fail(
                format!("the key `{key}` occurs twice"),
                "give each row its own key",
            );
        }
    }
    for (key, voxels) in &table.rois {
        if voxels.len() != n_voxels {
            let problem = format!("`{key}` is about {} voxels of {n_voxels}", voxels.len());
            return fail(problem, "say for every voxel whether it is in the region");
        }
    }
    for Label { key, values, names } in &table.labels {
        if values.len() != n_samples {
            let problem = format!(
                "`{key}` has {} values for {n_samples} samples",
                values.len()
            );
            return fail(problem, "give one per sample");
        }
        let mut numbers = HashSet::new();
        for (number, name) in names {
            let once = numbers.insert((number + 0.0).to_bits());
            if number.is_nan() || !once || name.contains('\0') {
                let problem = format!("`{key}` cannot name {number} `{}`", name.escape_debug());
                return fail(problem, "name each number once, in plain text");
            }
        }
    }
    Ok(())
}

fn fill(path: &Path, table: &Table) -> hdf5::Result<()> {
    let (n_samples, n_voxels) = table.voxels.dim();
    let n_columns = n_voxels + table.labels.len();
    let mut dataset = Array2::zeros((n_samples, n_columns));
    dataset.slice_mut(s![.., ..n_voxels]).assign(&table.voxels);

    let n_keys = 1 + table.rois.len() + table.labels.len();
    let mut keys = vec![VOXEL_KEY];
    let mut values = Array2::from_elem((n_keys, n_columns), f64::NAN);
    values.slice_mut(s![0, ..n_voxels]).fill(1.0);
    for (key, voxels) in &table.rois {
        let mut row = values.row_mut(keys.len());
        for (value, _) in row.iter_mut().zip(voxels).filter(|&(_, &is_in)| is_in) {
            *value = 1.0;
        }
        keys.push(key);
    }
    for (label, column) in table.labels.iter().zip(n_voxels..) {
        values[[keys.len(), column]] = 1.0;
        dataset
            .column_mut(column)
            .assign(&ArrayView::from(&label.values));
        keys.push(&label.key);
    }

    let file = hdf5::File::create(path)?;
    store(&file, "dataset", dataset.view())?;
    let metadata = group(&file, "metadata")?;
    let descriptions = keys.iter().map(|key| text(&format!("1 = {key}")));
    let descriptions: Array1<VarLenUnicode> = descriptions.collect::<hdf5::Result<_>>()?;
    let keys: Array1<VarLenUnicode> = keys
        .iter()
        .map(|key| text(key))
        .collect::<hdf5::Result<_>>()?;
    store(&metadata, "key", keys.view())?;
    store(&metadata, "description", descriptions.view())?;
    store(&metadata, "value", values.view())?;
    let value_maps = group(&file, "vmap")?;
    for label in table.labels.iter().filter(|label| !label.names.is_empty()) {
        let value_map = group(&value_maps, &label.key)?;
        for (number, name) in &label.names {
            // As Python writes a float: `1.0`.
            let name = ndarray::arr0(text(name)?);
            store(&value_map, &format!("{number:?}"), name.view())?;
        }
    }
    file.close()
}

fn text(text: &str) -> hdf5::Result<VarLenUnicode> {
    text.parse()
        .map_err(|error| hdf5::Error::from(format!("`{text}`: {error}")))
}

fn group(parent: &Group, name: &str) -> hdf5::Result<Group> {
    parent
        .create_group_builder()
        .obj_track_times(false)
        .create(name)
}

fn store<T: H5Type, D: Dimension>(
    parent: &Group,
    name: &str,
    data: ArrayView<T, D>,
) -> hdf5::Result<()> {
    parent
        .new_dataset_builder()
        .obj_track_times(false)
        .with_data(data)
        .create(name)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_without_the_numbers_of_libhdf5() {
        let said = "H5Dwrite(): can't write data: file write failed: time = Sat Nov 28 09:15:13 2026\n, filename = \
                    'x.h5', file descriptor = 4, errno = 28, error message = 'No space left on device', buf = 0x56";
        let error = unwritten(Path::new("x.h5"), said);
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("cannot write `x.h5`: No space left"));
        assert!(text.contains("free some space") && !text.contains("errno"));
        let other = unwritten(Path::new("x.h5"), "H5Dcreate(): name already exists").to_string();
        assert!(other.contains("H5Dcreate") && other.contains("check the space"));
    }
}
