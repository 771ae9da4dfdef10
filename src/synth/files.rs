//! The demo's files one by one, each through the crate's own writers, so that the stages read it
//! like anybody's study.

use std::path::Path;

use ndarray::ArrayView1;

use super::image::{Image, SIDE};
use super::study::Recording;
use super::{Plan, ROIS};
use crate::error::{Error, Result};
use crate::io::{atomic, bdata, mat};

/// Variable of feature files.
const FEATURE_VARIABLE: &str = "feat";

/// Writes text or any bytes, whole or not at all; makes the folder.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic::write(path, bytes)
}

/// A picture as 8-bit RGB PNG; `path` is for messages.
pub(super) fn encode_image(path: &Path, image: &Image) -> Result<Vec<u8>> {
    let side = u32::try_from(SIDE).expect("SIDE is a small constant");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // The png crate's own compressor. The others go through flate2, whose backend, and with it the
    // bytes of the file, depends on the features that other crates of the build ask for.
    encoder.set_compression(png::Compression::Fast);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&image.pixels))
        .map_err(|error| Error::io("encode", path)(std::io::Error::other(error)))?;
    Ok(bytes)
}

/// A layer's activations for one image as a file of `1 × shape`.
///
/// - `units`: one value per unit in column-major order of `shape`, `(n_units,)`.
pub(super) fn encode_feature(shape: &[usize], units: ArrayView1<'_, f64>) -> Vec<u8> {
    let shape: Vec<usize> = std::iter::once(1).chain(shape.iter().copied()).collect();
    let values: Vec<f32> = units.iter().map(|&value| value as f32).collect();
    mat::encode_f32(FEATURE_VARIABLE, &shape, &values)
}

/// Writes the fMRI table of one subject and part of the study.
///
/// - `names`: sorted names of the images that were shown; `recording.shown` counts along them.
pub(super) fn write_recording(
    path: &Path,
    plan: &Plan,
    recording: &Recording,
    names: &[&str],
) -> Result<()> {
    let n_columns = recording.voxels.ncols();
    let mask = |roi: usize| {
        (0..n_columns)
            .map(|column| column / plan.n_voxels == roi)
            .collect()
    };
    let label = |key: &str, values: Vec<f64>, names| bdata::Label {
        key: key.to_owned(),
        values,
        names,
    };
    let rank = |position: usize| (position + 1) as f64;
    let ranks: Vec<f64> = recording.shown.iter().map(|&shown| rank(shown)).collect();
    let named = names
        .iter()
        .enumerate()
        .map(|(i, &name)| (rank(i), name.to_owned()))
        .collect();
    bdata::write(
        path,
        &bdata::Table {
            voxels: recording.voxels.view(),
            rois: ROIS
                .iter()
                .enumerate()
                .map(|(i, roi)| (format!("ROI_{roi}"), mask(i)))
                .collect(),
            labels: vec![
                label(
                    "Run",
                    recording.run.iter().map(|&run| run as f64).collect(),
                    Vec::new(),
                ),
                label("image_index", ranks.clone(), Vec::new()),
                label("stimulus_name", ranks, named),
            ],
        },
    )
}
