//! Pictures that are drawn for the checks, the same on every machine.
//!
//! Each goes through a PNG file in memory, so that the checks see images as `extract` does.

use std::path::Path;

use png::{BitDepth, ColorType, Encoder};

use crate::error::{Error, Result};
use crate::extract::image::{self, Pixels};
use crate::stats::legacy_random::LegacyRandom;

/// Pictures of a mock benchmark (SPEC: 4.1).
pub const N_IMAGES: usize = 20;

/// Pictures that activations are looked at closely with: two with colours, one without.
pub const N_CLOSE: usize = 3;

/// The picture without colours.
const GREY: usize = 2;

/// Width and height in pixels; not square, so that resizing has something to do.
const SIZE: (usize, usize) = (160, 120);

/// Waves that a picture is the sum of, in each channel.
const N_WAVES: usize = 6;

/// Most periods of a wave across the picture.
const MOST_PERIODS: f64 = 12.0;

/// A picture and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its name, the id of a stimulus.
    pub name: String,
    /// The picture.
    pub pixels: Pixels,
}

/// All pictures, `(N_IMAGES,)`; the first [`N_CLOSE`] are those that are looked at closely.
///
/// # Errors
/// If a picture cannot be encoded or decoded, which would be a defect of this program.
pub fn pictures() -> Result<Vec<Picture>> {
    (0..N_IMAGES).map(picture).collect()
}

/// A sum of waves of random direction, frequency and phase in each channel, centred on grey.
fn picture(number: usize) -> Result<Picture> {
    let name = format!("picture{:02}", number + 1);
    let (width, height) = SIZE;
    let n_channels = if number == GREY { 1 } else { 3 };
    let mut random = LegacyRandom::seed(number as u32);
    let mut values = vec![0_u8; width * height * n_channels];
    for channel in 0..n_channels {
        let waves: Vec<[f64; 4]> = (0..N_WAVES)
            .map(|_| {
                let frequency = || MOST_PERIODS * std::f64::consts::TAU;
                let [x, y, phase, weight] = std::array::from_fn(|_| random.random_sample());
                let [x, y] = [x, y].map(|share| (share - 0.5) * frequency());
                [x, y, phase * std::f64::consts::TAU, weight]
            })
            .collect();
        let total: f64 = waves.iter().map(|[.., weight]| weight).sum();
        for (at, pixel) in values.chunks_exact_mut(n_channels).enumerate() {
            let (x, y) = (
                (at % width) as f64 / width as f64,
                (at / width) as f64 / height as f64,
            );
            let wave =
                |[fx, fy, phase, weight]: &[f64; 4]| weight * (fx * x + fy * y + phase).cos();
            let value: f64 = waves.iter().map(wave).sum::<f64>() / total;
            pixel[channel] = (127.5 * (1.0 + value)).round() as u8;
        }
    }
    let file = encode(&values, n_channels).map_err(|error| {
        let remedy = "this is a defect of bhscore, report it";
        Error::data(&name, format!("cannot be drawn ({error})"), remedy)
    })?;
    let (pixels, _) = image::decode(&file, Path::new(&format!("{name}.png")))?;
    Ok(Picture { name, pixels })
}

fn encode(values: &[u8], n_channels: usize) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, SIZE.0 as u32, SIZE.1 as u32);
    encoder.set_color(match n_channels {
        1 => ColorType::Grayscale,
        _ => ColorType::Rgb,
    });
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(values)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_differ_and_the_third_has_no_colours() {
        let pictures = pictures().unwrap();
        assert_eq!(pictures.len(), N_IMAGES);
        for (at, one) in pictures.iter().enumerate() {
            assert_eq!((one.pixels.width, one.pixels.height), SIZE);
            let grey = |pixel: &[u8; 3]| pixel[0] == pixel[1] && pixel[1] == pixel[2];
            let is_grey = one.pixels.rgb.as_chunks::<3>().0.iter().all(grey);
            assert_eq!(is_grey, at == GREY, "{}", one.name);
            assert!(
                pictures[..at]
                    .iter()
                    .all(|other| other.pixels != one.pixels)
            );
            let (least, most) = (one.pixels.rgb.iter().min(), one.pixels.rgb.iter().max());
            assert!(least < Some(&60) && most > Some(&195), "{least:?} {most:?}");
        }
    }
}
