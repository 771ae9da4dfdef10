//! Pixels to a network's input.

use crate::extract::image::Pixels;
use crate::extract::image::degrees::place;
use crate::extract::image::resample::{centre_crop, resize, resize_shorter};
use crate::settings::preprocess::{Channels, Preprocess};

/// Degrees of visual angle that a model sees and that an image was shown at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Degrees {
    /// Of the model's whole input.
    pub model: f64,
    /// Of the whole image.
    pub image: f64,
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
