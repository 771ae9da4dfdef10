//! Recordings in a folder: an array of NumPy beside tables that describe its axes.

use std::path::Path;

use ndarray::{Array3, ArrayD, Axis, Ix3};

use super::{Assembly, Columns, STIMULUS};
use crate::error::{Error, Result};
use crate::io::npy;
use crate::io::table::Table;

/// The array, `(n_presentations, n_sites)` or `(n_presentations, n_sites, n_bins)`.
pub const DATA: &str = "data.npy";
/// One row per presentation.
pub const PRESENTATIONS: &str = "presentation.csv";
/// One row per site.
pub const SITES: &str = "neuroid.csv";
/// One row per bin, with `time_bin_start` and `time_bin_end` in milliseconds.
pub const BINS: &str = "time_bin.csv";

/// Reads a folder.
///
/// # Errors
/// If a file is missing or damaged, or they do not fit together.
pub fn read(folder: &Path) -> Result<Assembly> {
    let data = folder.join(DATA);
    let sites = folder.join(SITES);
    let bins = folder.join(BINS);
    let mut assembly = bare(
        &data,
        Some(&folder.join(PRESENTATIONS)),
        sites.exists().then_some(sites.as_path()),
    )?;
    folder.clone_into(&mut assembly.path);
    if bins.exists() {
        assembly.bins = times(&Table::read(&bins)?)?;
    }
    assembly.checked()
}

/// Reads an array, and the tables that describe its rows and columns if there are any.
///
/// # Errors
/// As [`read`].
pub fn bare(path: &Path, presentations: Option<&Path>, sites: Option<&Path>) -> Result<Assembly> {
    let values = three_axes(path, npy::read(path)?)?;
    let mut assembly = Assembly {
        presentations: match presentations {
            Some(table) => columns(&Table::read(table)?),
            None => numbered(values.len_of(Axis(0))),
        },
        sites: match sites {
            Some(table) => columns(&Table::read(table)?),
            None => Columns::default(),
        },
        values,
        bins: Vec::new(),
        path: presentations.unwrap_or(path).to_owned(),
    }
    .checked()?;
    path.clone_into(&mut assembly.path);
    Ok(assembly)
}

fn three_axes(path: &Path, values: ArrayD<f64>) -> Result<Array3<f64>> {
    let shape = values.shape().to_vec();
    let values = match shape.len() {
        2 => values.insert_axis(Axis(2)),
        _ => values,
    };
    values.into_dimensionality::<Ix3>().map_err(|_| {
        let problem = format!("has the shape {shape:?}");
        let remedy =
            "give recordings with two axes, presentations × sites, or three, with time bins";
        Error::file(path, problem, remedy)
    })
}

/// Rows that are known by their numbers.
fn numbered(n: usize) -> Columns {
    let mut columns = Columns::default();
    columns.insert(
        STIMULUS[0],
        (1..=n).map(|number| number.to_string()).collect(),
    );
    columns
}

fn columns(table: &Table) -> Columns {
    let mut columns = Columns::default();
    for (place, name) in table.columns().iter().enumerate() {
        let entries = (0..table.n_rows()).map(|row| table.text(row, place).to_owned());
        columns.insert(name, entries.collect());
    }
    columns
}

fn times(table: &Table) -> Result<Vec<(f64, f64)>> {
    let (start, end) = (table.find("time_bin_start")?, table.find("time_bin_end")?);
    let time = |row: usize, column: usize| {
        table.number(row, column)?.ok_or_else(|| {
            let problem = format!("row {} has no time", row + 1);
            Error::file(table.path(), problem, "fill in milliseconds")
        })
    };
    (0..table.n_rows())
        .map(|row| Ok((time(row, start)?, time(row, end)?)))
        .collect()
}
