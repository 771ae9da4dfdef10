//! Pixels to degrees of visual angle: an image as it would look on a wider or narrower screen.
//!
//! A model is said to see `model` degrees, an image was shown at `image` degrees. Where the model sees more than the
//! image, the image is put on grey; where it sees less, the centre is cut out. One degree keeps its number of pixels;
//! the resizing to the network's input comes after.

use super::Pixels;

/// What surrounds an image that fills a part of the screen only: `gray` of Brain-Score (`ImageConverter`).
pub const GREY: u8 = 128;

/// The part of the visual field that the model sees, with round-half-even as in Brain-Score:
///
/// ```text
/// ratio = model / image;  new size = round(ratio · size);  top left = round((new − old) / 2)
/// ```
///
/// - `model`: degrees that the model sees; above 0.
/// - `image`: degrees that the image was shown at; above 0.
///
/// A side has at least one pixel, also where that formula gives none.
#[track_caller]
#[must_use]
pub fn place(pixels: &Pixels, model: f64, image: f64) -> Pixels {
    assert!(model > 0.0 && image > 0.0, "{model} and {image} degrees");
    if model == image {
        return pixels.clone();
    }
    let ratio = model / image;
    let new = |old: usize| ((ratio * old as f64).round_ties_even() as usize).max(1);
    let (width, height) = (new(pixels.width), new(pixels.height));
    // Both sides grow or both shrink, so that this is a paste or a cut, never half of each.
    let offset =
        |new: usize, old: usize| ((new as f64 - old as f64) / 2.0).round_ties_even() as isize;
    let (left, top) = (offset(width, pixels.width), offset(height, pixels.height));
    pixels.window((-left, -top), (width, height), GREY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize) -> Pixels {
        let rgb = (0..width * height * 3).map(|i| i as u8).collect();
        Pixels { width, height, rgb }
    }

    /// Left, top, width and height of what was kept.
    fn red(pixels: &Pixels, x: usize, y: usize) -> u8 {
        pixels.rgb[(y * pixels.width + x) * 3]
    }

    #[test]
    fn equal_degrees_change_nothing() {
        assert_eq!(place(&picture(3, 2), 8.0, 8.0), picture(3, 2));
    }

    #[test]
    fn a_wider_field_is_padded_with_grey() {
        // 5 · 1.5 = 7.5 → 8 and 3 · 1.5 = 4.5 → 4; offsets 1.5 → 2 and .5 → 0.
        let placed = place(&picture(5, 3), 12.0, 8.0);
        assert_eq!((placed.width, placed.height), (8, 4));
        assert_eq!(red(&placed, 1, 0), GREY);
        assert_eq!(red(&placed, 2, 0), 0);
        assert_eq!(red(&placed, 6, 2), 14 * 3);
        assert_eq!((red(&placed, 7, 0), red(&placed, 2, 3)), (GREY, GREY));
    }

    #[test]
    fn a_narrower_field_is_the_centre() {
        // 5 / 2 = 2.5 → 2 and 3 / 2 = 1.5 → 2; offsets 1.5 → 2 and .5 → 0.
        let placed = place(&picture(5, 3), 4.0, 8.0);
        assert_eq!((placed.width, placed.height), (2, 2));
        assert_eq!((red(&placed, 0, 0), red(&placed, 1, 1)), (6, 24));
        assert_eq!(place(&picture(5, 3), 1e-3, 8.0).rgb.len(), 3);
    }
}
