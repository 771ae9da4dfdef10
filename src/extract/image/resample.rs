//! Resizing, to the bit as Pillow 6.2 to 12.1 does it: what the original's `imresize` calls.
//!
//! The published algorithm: an output pixel is a weighted mean of the input pixels under a kernel that is widened by
//! the factor of shrinking, so that nothing is skipped. Columns first, then rows; each pass rounds to 8 bits. Weights
//! are whole numbers of 22 bits, which makes the result the same on every machine.
//!
//! Pillow 13 takes rows first for some shapes, which moves 4 % of the values of our comparison, by up to 11 (bicubic) or
//! 1 (bilinear) levels; we keep the older order, the one of the original.

use std::borrow::Cow;

use super::Pixels;
use crate::settings::preprocess::Filter;

/// Bits after the binary point of a weight: 32, less 8 of a pixel value and 2 for sums that overshoot.
const WEIGHT_BITS: u32 = 22;
/// One half, so that shifting rounds.
const HALF: i32 = 1 << (WEIGHT_BITS - 1);
/// Free parameter of cubic convolution (Keys 1981), as in Pillow.
const CUBIC: f64 = -0.5;

/// Any size to any size, the aspect ignored; a copy if the size is the same.
///
/// Cost for 500 × 375 to 224 × 224: about a millisecond.
#[track_caller]
#[must_use]
pub fn resize(pixels: &Pixels, filter: Filter, width: usize, height: usize) -> Pixels {
    assert!(width > 0 && height > 0, "resizing to {width} × {height}");
    let columns = if width == pixels.width {
        Cow::Borrowed(pixels)
    } else {
        Cow::Owned(along_width(
            pixels,
            &Windows::new(filter, pixels.width, width),
        ))
    };
    if height == pixels.height {
        return columns.into_owned();
    }
    along_height(&columns, &Windows::new(filter, pixels.height, height))
}

/// Resizes so that the shorter side has `side` pixels and the longer `⌊side · longer / shorter⌋`, as torchvision's
/// `Resize(side)` does on PIL images.
#[track_caller]
#[must_use]
pub fn resize_shorter(pixels: &Pixels, filter: Filter, side: usize) -> Pixels {
    let (width, height) = (pixels.width, pixels.height);
    let (width, height) = if width <= height {
        (side, side * height / width)
    } else {
        (side * width / height, side)
    };
    resize(pixels, filter, width, height)
}

/// The centre as torchvision's `CenterCrop` cuts it: with offset `round((size − crop) / 2)`, half to even; an image
/// that is too small is first padded with black, the odd pixel right and below.
#[must_use]
pub fn centre_crop(pixels: &Pixels, width: usize, height: usize) -> Pixels {
    let offset = |old: usize, new: usize| {
        if new > old {
            -(((new - old) / 2) as isize)
        } else {
            ((old - new) as f64 / 2.0).round_ties_even() as isize
        }
    };
    let corner = (offset(pixels.width, width), offset(pixels.height, height));
    pixels.window(corner, (width, height), 0)
}

/// Which inputs make each output along one axis, and with what weights.
struct Windows {
    /// First input and number of inputs, `(n_outputs,)`.
    spans: Vec<(usize, usize)>,
    /// Weights in units of 2⁻²², `(n_outputs, most)`; 0 beyond the number of inputs.
    weights: Vec<i32>,
    /// Most inputs of any output.
    most: usize,
}

impl Windows {
    /// Windows of `outputs` values over `inputs` values.
    fn new(filter: Filter, inputs: usize, outputs: usize) -> Self {
        let scale = inputs as f64 / outputs as f64;
        let widened = scale.max(1.0);
        let support = support(filter) * widened;
        let narrow = 1.0 / widened;
        let mut spans = Vec::with_capacity(outputs);
        let mut exact = Vec::new();
        for output in 0..outputs {
            let centre = (output as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(inputs);
            spans.push((first, end - first));
            let at = |input: usize| kernel(filter, (input as f64 - centre + 0.5) * narrow);
            exact.push((first..end).map(at).collect::<Vec<f64>>());
        }
        let most = spans.iter().map(|&(_, count)| count).max().unwrap_or(0);
        let mut weights = vec![0; outputs * most];
        for (row, exact) in weights.chunks_exact_mut(most).zip(&exact) {
            let total: f64 = exact.iter().sum();
            for (weight, exact) in row.iter_mut().zip(exact) {
                *weight = fixed(exact / total);
            }
        }
        Self {
            spans,
            weights,
            most,
        }
    }

    /// First input and weights of each output.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let rows = self.weights.chunks_exact(self.most);
        let spans = self.spans.iter();
        spans
            .zip(rows)
            .map(|(&(first, count), row)| (first, &row[..count]))
    }
}

/// Half the width of the kernel at a scale of 1.
fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Bicubic => 2.0,
        Filter::Bilinear => 1.0,
    }
}

/// The kernel at a distance.
fn kernel(filter: Filter, distance: f64) -> f64 {
    let x = distance.abs();
    match filter {
        Filter::Bilinear if x < 1.0 => 1.0 - x,
        Filter::Bicubic if x < 1.0 => ((CUBIC + 2.0) * x - (CUBIC + 3.0)) * x * x + 1.0,
        Filter::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * CUBIC,
        _ => 0.0,
    }
}

/// A weight in units of 2⁻²², rounded half away from zero.
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << WEIGHT_BITS);
    (scaled + 0.5_f64.copysign(scaled)) as i32
}

/// A sum of weighted values as a pixel value.
fn rounded(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// The pass over columns.
fn along_width(pixels: &Pixels, windows: &Windows) -> Pixels {
    let width = windows.spans.len();
    let mut rgb = vec![0; width * pixels.height * 3];
    let rows = pixels.rgb.chunks_exact(pixels.width * 3);
    for (row, out) in rows.zip(rgb.chunks_exact_mut(width * 3)) {
        for ((first, weights), out) in windows.iter().zip(out.chunks_exact_mut(3)) {
            let inputs = row[first * 3..][..weights.len() * 3].chunks_exact(3);
            let [mut red, mut green, mut blue] = [HALF; 3];
            for (input, &weight) in inputs.zip(weights) {
                red += weight * i32::from(input[0]);
                green += weight * i32::from(input[1]);
                blue += weight * i32::from(input[2]);
            }
            out.copy_from_slice(&[rounded(red), rounded(green), rounded(blue)]);
        }
    }
    Pixels {
        width,
        height: pixels.height,
        rgb,
    }
}

/// The pass over rows.
fn along_height(pixels: &Pixels, windows: &Windows) -> Pixels {
    let row_length = pixels.width * 3;
    let mut rgb = vec![0; windows.spans.len() * row_length];
    let mut sums = vec![0; row_length];
    for ((first, weights), out) in windows.iter().zip(rgb.chunks_exact_mut(row_length)) {
        sums.fill(HALF);
        let rows = pixels.rgb[first * row_length..].chunks_exact(row_length);
        for (row, &weight) in rows.zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * i32::from(value);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = rounded(sum);
        }
    }
    Pixels {
        width: pixels.width,
        height: windows.spans.len(),
        rgb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: [Filter; 2] = [Filter::Bicubic, Filter::Bilinear];

    fn picture(width: usize, height: usize, value: impl Fn(usize) -> u8) -> Pixels {
        let rgb = (0..width * height * 3).map(value).collect();
        Pixels { width, height, rgb }
    }

    #[test]
    fn its_own_size_is_the_identity() {
        let pixels = picture(7, 5, |i| (i * 37) as u8);
        for filter in FILTERS {
            assert_eq!(resize(&pixels, filter, 7, 5), pixels);
        }
    }

    #[test]
    fn a_constant_stays_constant() {
        for filter in FILTERS {
            for value in [0, 1, 100, 254, 255] {
                for (width, height) in [(1, 1), (13, 29), (64, 2), (3, 100)] {
                    let resized = resize(&picture(17, 23, |_| value), filter, width, height);
                    assert_eq!(resized, picture(width, height, |_| value));
                }
            }
        }
    }

    #[test]
    fn extreme_sizes_work() {
        for filter in FILTERS {
            let resized = resize(&picture(1, 1, |i| i as u8), filter, 300, 2);
            assert_eq!(resized.rgb[3 * 299..], resized.rgb[..3 * 301]);
            assert_eq!(resize(&picture(5000, 1, |_| 9), filter, 1, 7).rgb, [9; 21]);
        }
    }

    #[test]
    fn the_shorter_side_and_the_crop_are_those_of_torchvision() {
        let wide = picture(101, 50, |i| i as u8);
        let resized = resize_shorter(&wide, Filter::Bilinear, 33);
        assert_eq!((resized.width, resized.height), (66, 33));
        // (101 − 10) / 2 = 45.5 → 46 and (50 − 5) / 2 = 22.5 → 22.
        let cropped = centre_crop(&wide, 10, 5);
        assert_eq!(cropped.rgb[0], ((22 * 101 + 46) * 3) as u8);
        // Too small by 3: one black row above, two below.
        let padded = centre_crop(&picture(4, 1, |_| 7), 4, 4);
        assert_eq!(padded.rgb[..12], [0; 12]);
        assert_eq!(padded.rgb[12..24], [7; 12]);
        assert_eq!(padded.rgb[24..], [0; 24]);
    }
}
