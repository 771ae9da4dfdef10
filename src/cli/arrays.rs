//! Plain arrays on the command line: `.npy` and `.mat`.

use std::path::Path;

use anyhow::Result;
use bhscore::Error;
use bhscore::io::{mat, npy};
use ndarray::{Array2, ArrayD, ShapeBuilder};
use ndarray_npy::WriteNpyExt;

/// File format, told by the extension for outputs and for `.npy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Npy,
    Mat,
}

impl Format {
    /// The format that a file name asks for.
    pub fn of(path: &Path) -> Result<Format> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Ok(Format::Npy),
            Some("mat") => Ok(Format::Mat),
            _ => {
                let remedy = "name it `.npy` or `.mat`";
                Err(Error::file(path, "has no known extension", remedy).into())
            }
        }
    }

    /// The format in which a folder holds an array.
    pub fn in_folder(folder: &Path, name: &str) -> Result<Format> {
        let is_there = |format: &Format| folder.join(format.file_name(name)).exists();
        let there = [Format::Npy, Format::Mat].into_iter().filter(is_there);
        let (problem, remedy) = match there.collect::<Vec<_>>()[..] {
            [format] => return Ok(format),
            [] => (
                format!("has neither `{name}.npy` nor `{name}.mat`"),
                "fit a model first with `bhscore ridge fit`",
            ),
            _ => (
                format!("has both `{name}.npy` and `{name}.mat`"),
                "remove the files of the model that is not wanted",
            ),
        };
        Err(Error::file(folder, problem, remedy).into())
    }

    /// The one that it is not.
    pub fn other(self) -> Format {
        match self {
            Format::Npy => Format::Mat,
            Format::Mat => Format::Npy,
        }
    }

    /// `W` → `W.npy`.
    pub fn file_name(self, name: &str) -> String {
        match self {
            Format::Npy => format!("{name}.npy"),
            Format::Mat => format!("{name}.mat"),
        }
    }
}

/// Reads a numeric array as double.
pub fn read(path: &Path, variable: &str) -> Result<ArrayD<f64>> {
    match Format::of(path)? {
        Format::Mat => {
            let array = mat::read_f64(path, variable)?;
            Ok(ArrayD::from_shape_vec(array.shape.f(), array.values)?)
        }
        Format::Npy => Ok(npy::read(path)?),
    }
}

/// Bytes of a file with one array.
pub fn encode(format: Format, name: &str, array: &ArrayD<f64>, single: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match (format, single) {
        (Format::Npy, false) => array.write_npy(&mut bytes)?,
        (Format::Npy, true) => array.mapv(|value| value as f32).write_npy(&mut bytes)?,
        (Format::Mat, _) => {
            // MATLAB knows no arrays of one axis.
            let mut shape = array.shape().to_vec();
            if shape.len() < 2 {
                shape.push(1);
            }
            let column_major: Vec<f64> = array.t().iter().copied().collect();
            bytes = if single {
                let values: Vec<f32> = column_major.iter().map(|value| *value as f32).collect();
                mat::encode_f32(name, &shape, &values)
            } else {
                mat::encode_f64(name, &shape, &column_major)
            };
        }
    }
    Ok(bytes)
}

/// Bytes of a file with indices: `uint32` in `.npy`, double in `.mat`.
pub fn encode_indices(format: Format, name: &str, indices: &Array2<u32>) -> Result<Vec<u8>> {
    match format {
        Format::Npy => {
            let mut bytes = Vec::new();
            indices.write_npy(&mut bytes)?;
            Ok(bytes)
        }
        Format::Mat => encode(format, name, &indices.mapv(f64::from).into_dyn(), false),
    }
}
