//! A layer of a model as metrics take it: the features of a benchmark's stimuli.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array, Array2, ArrayD, Axis, ShapeBuilder};

use super::features::Features;
use super::gram::Gram;
use super::pca::Pca;
use crate::error::{Error, Result};
use crate::io::assembly::STIMULUS;
use crate::io::table::Table;
use crate::io::{features, mat, npy};
use crate::study::memory::Memory;
use crate::study::units::{Reading, UNITS_PER_BLOCK, Units};

/// Names of missing stimuli that an error lists.
const NAMED: usize = 10;

/// Where a layer's features are.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The layer's name.
    pub name: String,
    source: Source,
    /// Components that stand for the units, and the images that these are of.
    reduced: Option<(usize, Box<Layer>)>,
}

#[derive(Debug, Clone)]
enum Source {
    /// A file for each image, as `extract` writes them.
    Folder(PathBuf),
    /// One array, `(n_images, n_units)`, with the names of its rows.
    Array { path: PathBuf, images: Vec<String> },
}

/// What a metric wants of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Their products: a layer may be larger than memory.
    Products,
    /// Every unit's values.
    Values,
}

impl Layer {
    /// A folder of `<image>.mat` files.
    #[must_use]
    pub fn folder(name: &str, path: &Path) -> Layer {
        Layer {
            name: name.to_owned(),
            source: Source::Folder(path.to_owned()),
            reduced: None,
        }
    }

    /// An array in a `.npy` or `.mat` file (variable `feat`), `(n_images, n_units)` or with more axes.
    ///
    /// - `ids`: table with the column `stimulus_id`, a row per image; without it images are known by their numbers
    ///   from 1.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn array(name: &str, path: &Path, ids: Option<&Path>) -> Result<Layer> {
        let images = match ids {
            None => Vec::new(),
            Some(ids) => stimulus_ids(&Table::read(ids)?)?,
        };
        Ok(Layer {
            name: name.to_owned(),
            source: Source::Array {
                path: path.to_owned(),
                images,
            },
            reduced: None,
        })
    }

    /// The same layer, whose units are replaced by their principal components over the images of `reference`, if it
    /// has more units than that (SPEC: 2.7).
    #[must_use]
    pub fn reduced(self, n_components: usize, reference: Layer) -> Layer {
        Layer {
            reduced: Some((n_components, Box::new(reference))),
            ..self
        }
    }

    /// Names of all images that it has features of.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn images(&self) -> Result<Vec<String>> {
        match &self.source {
            Source::Folder(path) => Ok(features::Layer::open(path)?.labels().to_vec()),
            Source::Array { path, images } if images.is_empty() => {
                Ok(by_number(Given::read(path)?.n_images()))
            }
            Source::Array { images, .. } => Ok(images.clone()),
        }
    }

    /// Features of these stimuli, in this order.
    ///
    /// # Errors
    /// If a stimulus has no features (the first ten are named), a value is not finite, or memory does not suffice.
    pub fn features(
        &self,
        stimuli: &[String],
        want: Want,
        memory: Memory,
        stop: &AtomicBool,
    ) -> Result<Features> {
        let Some((n_components, reference)) = &self.reduced else {
            return self.of_units(Some(stimuli), want, memory, stop);
        };
        let units = self.of_units(Some(stimuli), Want::Values, memory, stop)?;
        if units.n_units() <= *n_components {
            return Ok(units);
        }
        let reference = reference.of_units(None, Want::Values, memory, stop)?;
        let components = Pca::fit(&reference, *n_components)?;
        Features::new(components.project(&units)?).map_err(|error| self.named(error))
    }

    /// Units of these stimuli; of all images if none are given.
    fn of_units(
        &self,
        stimuli: Option<&[String]>,
        want: Want,
        memory: Memory,
        stop: &AtomicBool,
    ) -> Result<Features> {
        match &self.source {
            Source::Folder(path) => self.of_folder(path, stimuli, want, memory, stop),
            Source::Array { path, images } => self.of_array(path, images, stimuli),
        }
    }

    fn of_folder(
        &self,
        path: &Path,
        stimuli: Option<&[String]>,
        want: Want,
        memory: Memory,
        stop: &AtomicBool,
    ) -> Result<Features> {
        let mut units = Units::open(path, Reading::default())?;
        let rows = rows(&units.images, stimuli.unwrap_or(&units.images), path)?;
        // The layer as it is read, the stimuli's rows of it, and products.
        let selected = (rows.len() * units.n_units() * size_of::<f32>()) as u64;
        let whole = units.whole_bytes() + 2 * selected;
        if want == Want::Values || whole <= memory.bytes {
            let item = format!("layer `{}`", self.name);
            memory.require(whole, item, &format!("its {} units", units.n_units()))?;
            units.seek(0, stop)?;
            let values = by_rows(units.values.select(Axis(0), &rows), &units.shape);
            return Features::new(values).map_err(|e| self.named(e));
        }
        units.limit(memory.bytes / 2);
        let mut gram = Gram::new(rows.len());
        for start in (0..units.n_units()).step_by(UNITS_PER_BLOCK) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            if !units.range.contains(&start) {
                units.seek(start, stop)?;
            }
            let end = units.n_units().min(start + UNITS_PER_BLOCK);
            let block = units.view(start..end).select(Axis(0), &rows);
            let block = centred(&block, start).map_err(|e| self.named(e))?;
            gram.add(block.view());
        }
        Ok(Features::from_gram(gram.finish().view(), units.n_units()))
    }

    fn of_array(
        &self,
        path: &Path,
        images: &[String],
        stimuli: Option<&[String]>,
    ) -> Result<Features> {
        let values = Given::read(path)?;
        let n_rows = values.n_images();
        let numbered: Vec<String>;
        let images = match images {
            [] => {
                numbered = by_number(n_rows);
                &numbered
            }
            images if images.len() == n_rows => images,
            images => {
                let problem = format!(
                    "has {n_rows} rows, and its table of stimuli {}",
                    images.len()
                );
                return Err(Error::file(path, problem, "give a row for each image"));
            }
        };
        let rows = rows(images, stimuli.unwrap_or(images), path)?;
        values.features(&rows).map_err(|error| self.named(error))
    }

    fn named(&self, error: Error) -> Error {
        error.within(&format!("layer `{}`", self.name))
    }
}

/// Units in the order of an array that is flattened row by row, as those of an array file are; files of a folder hold
/// them column by column. Weights and components of one can so be used with the other.
fn by_rows(values: Array2<f32>, unit_shape: &[usize]) -> Array2<f32> {
    if unit_shape.iter().filter(|&&length| length > 1).count() < 2 {
        return values;
    }
    let places = Array::from_shape_vec(unit_shape.to_vec().f(), (0..values.ncols()).collect());
    let places = places.expect("as many units as the shape has");
    values.select(Axis(1), &places.iter().copied().collect::<Vec<usize>>())
}

/// Names of images that have none but their numbers.
fn by_number(n_images: usize) -> Vec<String> {
    (1..=n_images).map(|row| row.to_string()).collect()
}

/// An array of features in the precision of its file, `(n_images, n_units)`; further axes are units, too.
enum Given {
    Single(Array2<f32>),
    Double(Array2<f64>),
}

impl Given {
    fn read(path: &Path) -> Result<Given> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => match npy::read_f32(path)? {
                Some(array) => flat(path, array).map(Given::Single),
                None => flat(path, npy::read(path)?).map(Given::Double),
            },
            Some("mat") => {
                let array = mat::read_f64(path, "feat")?;
                let array = ArrayD::from_shape_vec(array.shape.f(), array.values);
                let array = array.map_err(|_| {
                    let problem = "has values that do not fit its shape";
                    Error::file(path, problem, "save it again")
                })?;
                flat(path, array).map(Given::Double)
            }
            _ => {
                let remedy =
                    "give a .npy or .mat file, or a folder with a .mat file for each image";
                Err(Error::file(path, "holds no features", remedy))
            }
        }
    }

    fn n_images(&self) -> usize {
        match self {
            Given::Single(values) => values.nrows(),
            Given::Double(values) => values.nrows(),
        }
    }

    /// Features of these rows.
    fn features(self, rows: &[usize]) -> Result<Features> {
        let is_all = rows.iter().copied().eq(0..self.n_images());
        match self {
            Given::Single(values) if is_all => Features::new(values),
            Given::Single(values) => Features::new(values.select(Axis(0), rows)),
            Given::Double(values) if is_all => Features::new(values),
            Given::Double(values) => Features::new(values.select(Axis(0), rows)),
        }
    }
}

fn flat<T: Clone>(path: &Path, array: ArrayD<T>) -> Result<Array2<T>> {
    let shape = array.shape().to_vec();
    if shape.len() < 2 || array.is_empty() {
        let problem = format!("has the shape {shape:?}");
        return Err(Error::file(
            path,
            problem,
            "give features of images × units",
        ));
    }
    let (n_images, n_units) = (shape[0], array.len() / shape[0]);
    let flat = array.as_standard_layout().into_owned();
    Ok(flat
        .into_shape_with_order((n_images, n_units))
        .expect("the same entries"))
}

/// The column of stimuli of a table.
///
/// # Errors
/// If it has none.
pub fn stimulus_ids(table: &Table) -> Result<Vec<String>> {
    let known = STIMULUS.into_iter().find_map(|name| table.position(name));
    let column = match known {
        Some(column) => column,
        None => table.find(STIMULUS[0])?,
    };
    let entries = (0..table.n_rows()).map(|row| table.text(row, column).to_owned());
    Ok(entries.collect())
}

/// The row of every stimulus.
fn rows(images: &[String], stimuli: &[String], path: &Path) -> Result<Vec<usize>> {
    let place: HashMap<&str, usize> = images
        .iter()
        .enumerate()
        .map(|(row, image)| (image.as_str(), row))
        .collect();
    if let Some((_, twice)) = images
        .iter()
        .enumerate()
        .find(|(row, image)| place[image.as_str()] != *row)
    {
        let problem = format!("has stimulus `{twice}` twice (by its table of stimuli, `--ids`)");
        return Err(Error::file(path, problem, "keep one row of each"));
    }
    let missing: Vec<&str> = stimuli
        .iter()
        .map(String::as_str)
        .filter(|stimulus| !place.contains_key(stimulus))
        .collect();
    if missing.is_empty() {
        return Ok(stimuli
            .iter()
            .map(|stimulus| place[stimulus.as_str()])
            .collect());
    }
    let first = missing[..missing.len().min(NAMED)].join("`, `");
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let problem = format!(
        "lacks {} of {} stimuli: `{first}`{more}",
        missing.len(),
        stimuli.len()
    );
    let remedy =
        "extract their features, or correct the names (`--ids` names those of an array's rows)";
    Err(Error::file(path, problem, remedy))
}

/// Units less their means, in double precision.
///
/// - `first`: number of the first unit, for errors.
fn centred(block: &Array2<f32>, first: usize) -> Result<Array2<f64>> {
    let mut block = block.mapv(f64::from);
    for (unit, mut column) in block.columns_mut().into_iter().enumerate() {
        let mean = column.mean().unwrap_or(f64::NAN);
        if !mean.is_finite() {
            return Err(Error::data(
                format!("unit {}", first + unit),
                "has a value that is not finite",
                "extract the layer again, or leave the unit out",
            ));
        }
        column -= mean;
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn units_of_a_folder_come_in_the_order_of_an_array() {
        // A 2 × 3 layer, stored column by column: entries 11 21, 12 22, 13 23.
        let stored = array![[11.0, 21.0, 12.0, 22.0, 13.0, 23.0]];
        let expected = array![[11.0, 12.0, 13.0, 21.0, 22.0, 23.0]];
        assert_eq!(by_rows(stored.clone(), &[2, 3]), expected);
        assert_eq!(by_rows(stored.clone(), &[1, 6]), stored);
        assert_eq!(by_rows(stored.clone(), &[6]), stored);
    }
}
