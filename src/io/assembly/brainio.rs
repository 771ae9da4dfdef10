//! BrainIO's assemblies: netCDF-4 files as xarray writes them, which are HDF5.
//!
//! The recordings are the variable with the most axes; axes are the dimensions `presentation`, `neuroid` and
//! `time_bin`, in any order. What describes them are variables of one axis. Which dimensions a variable has, netCDF
//! tells by numbers: `_Netcdf4Dimid` of the dimension, `_Netcdf4Coordinates` of the variable. Files of older
//! libraries lack the latter: there lengths decide, and, where they are equal, the names of columns that are known.

use std::path::Path;

use ndarray::{Array3, ArrayD, Axis as Along, IxDyn};

use super::columns::{Columns, text};
use super::{Assembly, STIMULUS};
use crate::error::{Error, Result};
use crate::io::hdf5::{Dataset, Group, Hdf5, Member, on_deep_stack};

const NOT_BRAINIO: &str =
    "give an assembly as BrainIO or xarray writes it: dimensions `presentation` and `neuroid`";

/// Names of the dimensions, in the order of [`Assembly::values`].
const AXES: [&str; 3] = ["presentation", "neuroid", "time_bin"];

/// Most dimensions of a variable.
const MOST_DIMENSIONS: usize = 32;

/// Columns whose axis is known by their name.
const KNOWN: [(&str, usize); 12] = [
    (STIMULUS[0], 0),
    (STIMULUS[1], 0),
    ("repetition", 0),
    ("object_name", 0),
    ("image_label", 0),
    ("texture_type", 0),
    ("neuroid_id", 1),
    ("neuroid_num", 1),
    ("region", 1),
    ("subject", 1),
    ("time_bin_start", 2),
    ("time_bin_end", 2),
];

/// A dimension of the file.
struct Dimension {
    /// Place among [`AXES`].
    axis: usize,
    length: usize,
    id: Option<i64>,
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read as HDF5, is damaged, or holds no assembly.
pub fn read(path: &Path) -> Result<Assembly> {
    on_deep_stack(|| assembly(path))
}

fn assembly(path: &Path) -> Result<Assembly> {
    let source = Hdf5::open(path, NOT_BRAINIO)?;
    let root = source.root();
    let mut dimensions = dimensions(&source, &root)?;
    let (mut found_data, mut found) = (Vec::new(), Vec::new());
    for (name, member) in root.members()? {
        // Groups are not of interest.
        let Member::Dataset(dataset) = member else {
            continue;
        };
        // A dimension of its own only has a length.
        if AXES.contains(&name.as_str()) || !dataset.is_written()? {
            continue;
        }
        match dataset.shape().len() {
            1 => found.push((name, dataset)),
            // One letter an element, as netCDF's classic model has texts.
            2 if dataset.kind().is_text() => found.push((name, dataset)),
            2 | 3 if !dataset.kind().is_text() => found_data.push((name, dataset)),
            _ => {}
        }
    }
    let (1, Some((name, data))) = (found_data.len(), found_data.pop()) else {
        let problem = "has not one variable with two or three axes, but none or several";
        return Err(source.other_kind(problem.to_owned()));
    };
    let axes = axes(&source, &name, &data, &mut dimensions)?;
    let values = ordered(decoded(&data)?, &axes)
        .ok_or_else(|| source.other_kind(format!("`{name}` has not both axes")))?;

    let mut columns: [Columns; 3] = Default::default();
    for (name, dataset) in found {
        if let Some(axis) = axis_of(&name, &dataset, &dimensions)? {
            columns[axis].insert(&name, entries(&dataset)?);
        }
    }
    // A dimension with entries of its own, such as an index, describes itself.
    for (axis, name) in AXES.into_iter().enumerate() {
        if let Some(Member::Dataset(dataset)) = root.member(name)?
            && values.shape()[axis] > 0
            // Of those that have none only the length is there.
            && dataset.shape().len() == 1
            && dataset.is_written()?
        {
            columns[axis].insert(name, entries(&dataset)?);
        }
    }
    let [mut presentations, sites, time] = columns;
    if STIMULUS
        .iter()
        .all(|name| presentations.get(name).is_none())
        && let Some(names) = presentations.get(AXES[0]).map(<[String]>::to_vec)
    {
        presentations.insert(STIMULUS[0], names);
    }
    Assembly {
        values,
        presentations,
        sites,
        bins: bins(&time),
        path: path.to_owned(),
    }
    .checked()
}

fn dimensions(source: &Hdf5, root: &Group) -> Result<Vec<Dimension>> {
    let mut found = Vec::new();
    for (axis, name) in AXES.into_iter().enumerate() {
        let Some(Member::Dataset(dataset)) = root.member(name)? else {
            continue;
        };
        let id = dataset
            .attributes()
            .whole("_Netcdf4Dimid", MOST_DIMENSIONS)?;
        let &[length] = dataset.shape() else {
            return Err(source.other_kind(format!("`{name}` is not a dimension")));
        };
        found.push(Dimension {
            axis,
            length,
            id: id.and_then(|id| id.first().copied()),
        });
    }
    if !found.iter().any(|dimension| dimension.axis == 0)
        || !found.iter().any(|dimension| dimension.axis == 1)
    {
        return Err(source.other_kind("has no dimensions `presentation` and `neuroid`".to_owned()));
    }
    Ok(found)
}

/// Axes of the recordings, in the order of the file.
fn axes(
    source: &Hdf5,
    name: &str,
    data: &Dataset,
    dimensions: &mut [Dimension],
) -> Result<Vec<usize>> {
    let shape = data.shape();
    let by_id = by_id(data, dimensions)?;
    let by_length = || -> Option<Vec<usize>> {
        shape
            .iter()
            .map(|&length| {
                let mut fitting = dimensions.iter().filter(|known| known.length == length);
                fitting
                    .next()
                    .filter(|_| fitting.next().is_none())
                    .map(|known| known.axis)
            })
            .collect()
    };
    let axes = by_id.or_else(by_length).ok_or_else(|| {
        let problem = format!("does not say which axis of `{name}` {shape:?} is which");
        Error::file(
            source.path(),
            problem,
            "save it again with a present xarray",
        )
    })?;
    // The place of a dimension without a limit and without entries is empty in the file.
    for (axis, length) in axes.iter().zip(shape) {
        let of_axis = dimensions.iter_mut().find(|known| known.axis == *axis);
        if let Some(known) = of_axis.filter(|known| known.length == 0) {
            known.length = *length;
        }
    }
    let fits = axes.len() == shape.len()
        && (axes.iter().zip(shape)).all(|(axis, length)| {
            dimensions
                .iter()
                .any(|known| known.axis == *axis && known.length == *length)
        });
    if !fits {
        let problem = format!("`{name}` {shape:?} does not have the dimensions that it names");
        return Err(source.other_kind(problem));
    }
    Ok(axes)
}

/// Axes by netCDF's numbers; none where it has not written any, or they are of other dimensions.
fn by_id(dataset: &Dataset, dimensions: &[Dimension]) -> Result<Option<Vec<usize>>> {
    let ids = dataset
        .attributes()
        .whole("_Netcdf4Coordinates", MOST_DIMENSIONS)?;
    let axis = |id: &i64| {
        dimensions
            .iter()
            .find(|known| known.id == Some(*id))
            .map(|known| known.axis)
    };
    Ok(ids.and_then(|ids| ids.iter().map(axis).collect()))
}

/// Which axis a column describes; none if it is none of them.
fn axis_of(name: &str, dataset: &Dataset, dimensions: &[Dimension]) -> Result<Option<usize>> {
    let length = dataset.shape().first().copied().unwrap_or(0);
    if dataset.shape().len() == 1
        && let Some(axes) = by_id(dataset, dimensions)?
    {
        return Ok(axes.first().copied().filter(|_| axes.len() == 1));
    }
    let fits = |axis: usize| {
        dimensions
            .iter()
            .any(|known| known.axis == axis && known.length == length)
    };
    if let Some((_, axis)) = KNOWN
        .iter()
        .find(|(known, axis)| *known == name && fits(*axis))
    {
        return Ok(Some(*axis));
    }
    let mut fitting = (0..AXES.len()).filter(|&axis| fits(axis));
    let first = fitting.next();
    Ok(first.filter(|_| fitting.next().is_none()))
}

fn entries(dataset: &Dataset) -> Result<Vec<String>> {
    if dataset.kind().is_text() {
        let &[n, width] = dataset.shape() else {
            return dataset.texts();
        };
        let letters = dataset.text_bytes()?;
        let row = |row: usize| dataset.utf8(letters[row * width..(row + 1) * width].concat());
        return (0..n)
            .map(|at| Ok(row(at)?.trim_end().to_owned()))
            .collect();
    }
    // Beyond 2^53 floating point would merge numbers.
    if dataset.kind().is_whole() {
        let numbers = dataset.values::<i64>()?;
        return Ok(numbers
            .into_iter()
            .map(|number| number.to_string())
            .collect());
    }
    Ok(decoded(dataset)?.into_iter().map(text).collect())
}

/// What netCDF fills float variables with that were never written.
const UNWRITTEN: f64 = 9.969_209_968_386_869e36;

/// Numbers as xarray decodes them: those that stand for missing ones are NaN, packed ones are unpacked.
fn decoded(dataset: &Dataset) -> Result<ArrayD<f64>> {
    let mut values = dataset.array::<f64>()?;
    let attributes = dataset.attributes();
    let attribute = |name| attributes.number(name);
    let missing = [
        attribute("_FillValue")?,
        attribute("missing_value")?,
        Some(UNWRITTEN),
    ];
    let is_missing = |value: f64| missing.iter().flatten().any(|missing| *missing == value);
    let (scale, offset) = (attribute("scale_factor")?, attribute("add_offset")?);
    values.mapv_inplace(|value| match is_missing(value) {
        true => f64::NAN,
        false => value * scale.unwrap_or(1.0) + offset.unwrap_or(0.0),
    });
    Ok(values)
}

/// The array with its axes in the order of [`AXES`], with one bin where the file has no time.
fn ordered(values: ArrayD<f64>, axes: &[usize]) -> Option<Array3<f64>> {
    let mut values = values;
    let mut axes = axes.to_vec();
    if axes.len() == 2 {
        values = values.insert_axis(Along(2));
        axes.push(2);
    }
    let order: Vec<usize> = (0..AXES.len())
        .map(|axis| axes.iter().position(|found| *found == axis))
        .collect::<Option<_>>()?;
    let values = values.permuted_axes(IxDyn(&order));
    values
        .as_standard_layout()
        .into_owned()
        .into_dimensionality()
        .ok()
}

/// Start and end of each bin; nothing where they are not both there.
fn bins(time: &Columns) -> Vec<(f64, f64)> {
    let numbers = |name: &str| -> Option<Vec<f64>> {
        let entries = time.get(name)?.iter();
        entries.map(|entry| entry.parse().ok()).collect()
    };
    match (numbers("time_bin_start"), numbers("time_bin_end")) {
        (Some(start), Some(end)) => start.into_iter().zip(end).collect(),
        _ => Vec::new(),
    }
}
