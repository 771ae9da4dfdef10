//! Pixels to a network's input.

use std::path::Path;

use crate::error::{Error, Result};
use crate::extract::image::degrees::place;
use crate::extract::image::resample::{centre_crop, resize, resize_shorter};
use crate::extract::image::{self, MOST_PIXELS, Pixels, Remark};
use crate::settings::preprocess::{Channels, Preprocess};

/// Degrees of visual angle that a model sees and that an image was shown at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Degrees {
    /// Of the model's whole input.
    pub model: f64,
    /// Of the whole image.
    pub image: f64,
}

/// A file as a network's input, as by [`tensor`], with what is to be said of it.
///
/// # Errors
/// If it cannot be read, or would have more than [`MOST_PIXELS`] on its way to the input: a long and narrow image
/// whose shorter side grows, or one on a screen that is far wider.
pub fn read(
    path: &Path,
    preprocess: &Preprocess,
    degrees: Option<Degrees>,
    size: (usize, usize),
) -> Result<(Vec<f32>, Vec<Remark>)> {
    let (pixels, remarks) = image::read(path)?;
    let most = largest(&pixels, preprocess, degrees);
    if most > MOST_PIXELS as f64 {
        let problem = format!(
            "has {} × {} pixels, which preprocessing would make more than {} megapixels",
            pixels.width,
            pixels.height,
            MOST_PIXELS / 1_000_000
        );
        let remedy = "crop the image, or check the degrees of visual angle";
        return Err(Error::file(path, problem, remedy));
    }
    Ok((tensor(&pixels, preprocess, degrees, size), remarks))
}

/// Number of pixels of an image when it is placed and its shorter side resized; the larger of both.
fn largest(pixels: &Pixels, preprocess: &Preprocess, degrees: Option<Degrees>) -> f64 {
    let (width, height) = (pixels.width as f64, pixels.height as f64);
    let ratio = degrees.map_or(1.0, |degrees| degrees.model / degrees.image);
    let placed = (ratio * width).max(1.0) * (ratio * height).max(1.0);
    let resized = preprocess.shorter_side.map_or(0.0, |side| {
        (side as f64).powi(2) * width.max(height) / width.min(height)
    });
    placed.max(resized)
}

/// An image as a network's input: placed on the screen, resized, and in each channel
///
/// ```text
/// (value / scale − mean) / sd
/// ```
///
/// each step rounded to single precision, to the bit as torchvision's `ToTensor` and `Normalize` do.
///
/// - `degrees`: the size of model and image, if the image is to be placed on the model's screen first.
/// - `size`: height and width of the input.
///
/// Returns the tensor `(3, height, width)` in row-major order.
#[track_caller]
#[must_use]
pub fn tensor(
    pixels: &Pixels,
    preprocess: &Preprocess,
    degrees: Option<Degrees>,
    size: (usize, usize),
) -> Vec<f32> {
    let pixels = fitted(pixels, preprocess, degrees, size);
    let (red, green, blue) = (0, 1, 2);
    let order = match preprocess.channels {
        Channels::Rgb => [red, green, blue],
        Channels::Bgr => [blue, green, red],
    };
    let mut tensor = Vec::with_capacity(pixels.rgb.len());
    for (channel, place) in order.into_iter().enumerate() {
        let values = levels(preprocess, channel);
        let pixels = pixels.rgb.as_chunks::<3>().0;
        tensor.extend(pixels.iter().map(|pixel| values[usize::from(pixel[place])]));
    }
    tensor
}

/// The image in the input's size.
///
/// - `size`: height and width of the input.
#[track_caller]
#[must_use]
pub fn fitted(
    pixels: &Pixels,
    preprocess: &Preprocess,
    degrees: Option<Degrees>,
    (height, width): (usize, usize),
) -> Pixels {
    let placed = degrees.map(|degrees| place(pixels, degrees.model, degrees.image));
    let pixels = placed.as_ref().unwrap_or(pixels);
    match preprocess.shorter_side {
        None => resize(pixels, preprocess.resize, width, height),
        Some(side) => {
            let resized = resize_shorter(pixels, preprocess.resize, side);
            centre_crop(&resized, width, height)
        }
    }
}

/// What each of the 256 pixel values becomes in a channel.
fn levels(preprocess: &Preprocess, channel: usize) -> [f32; 256] {
    let scale = preprocess.scale as f32;
    let (mean, sd) = (
        preprocess.mean[channel] as f32,
        preprocess.sd[channel] as f32,
    );
    std::array::from_fn(|value| (value as f32 / scale - mean) / sd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(rgb: [u8; 3]) -> Pixels {
        Pixels {
            width: 1,
            height: 1,
            rgb: rgb.to_vec(),
        }
    }

    #[test]
    fn images_that_would_fill_the_memory_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.pgm");
        let mut bytes = b"P5 60000 1 255\n".to_vec();
        bytes.resize(bytes.len() + 60_000, 7);
        crate::io::atomic::write(&path, &bytes).unwrap();
        let crop = Preprocess {
            shorter_side: Some(256),
            ..Preprocess::pytorch()
        };
        let wide = Degrees {
            model: 170.0,
            image: 1e-4,
        };
        for (preprocess, degrees) in [(&crop, None), (&Preprocess::pytorch(), Some(wide))] {
            let error = read(&path, preprocess, degrees, (8, 8)).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("long.pgm") && text.contains("crop"), "{text}");
        }
        let (input, _) = read(&path, &Preprocess::pytorch(), None, (8, 8)).unwrap();
        assert_eq!(input.len(), 3 * 8 * 8);
    }

    #[test]
    fn presets_give_what_their_networks_expect() {
        let tensor = |preprocess| tensor(&pixel([255, 0, 51]), &preprocess, None, (1, 1));
        assert_eq!(
            tensor(Preprocess::caffe()),
            [51.0 - 104.0, -117.0, 255.0 - 123.0]
        );
        assert_eq!(
            tensor(Preprocess::tensorflow()),
            [1.0, -1.0, 51.0 / 127.5 - 1.0]
        );
        let pytorch = tensor(Preprocess::pytorch());
        assert_eq!(pytorch[0], (1.0 - 0.485_f32) / 0.229);
        assert_eq!(pytorch[1], (0.0 - 0.456_f32) / 0.224);
    }

    #[test]
    fn the_tensor_is_channel_by_channel() {
        let pixels = Pixels {
            width: 2,
            height: 1,
            rgb: vec![1, 2, 3, 4, 5, 6],
        };
        let plain = Preprocess {
            scale: 1.0,
            mean: [0.0; 3],
            ..Preprocess::tensorflow()
        };
        let rgb = tensor(&pixels, &plain, None, (1, 2));
        assert_eq!(rgb, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let degrees = Degrees {
            model: 2.0,
            image: 1.0,
        };
        let placed = tensor(&pixels, &plain, Some(degrees), (2, 4));
        // (2 − 1) / 2 = .5 → 0 above; one column of grey at either side.
        assert_eq!(
            placed[..8],
            [128.0, 1.0, 4.0, 128.0, 128.0, 128.0, 128.0, 128.0]
        );
    }

    #[test]
    fn the_shorter_side_comes_before_the_crop() {
        let pixels = Pixels {
            width: 40,
            height: 20,
            rgb: vec![10; 40 * 20 * 3],
        };
        let cropped = Preprocess {
            shorter_side: Some(10),
            ..Preprocess::caffe()
        };
        let fitted = fitted(&pixels, &cropped, None, (8, 8));
        assert_eq!((fitted.width, fitted.height, fitted.rgb[0]), (8, 8, 10));
    }
}
