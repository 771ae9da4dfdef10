//! Pixels of any kind to RGB, as Pillow's `convert("RGB")` does it.
//!
//! Colours are taken as they are: no colour profile, no gamma, and transparent pixels have the colour that is stored
//! for them.

use super::Pixels;

/// Grey in every channel; `samples`: one byte per pixel.
pub fn grey(samples: &[u8]) -> Vec<u8> {
    samples.iter().flat_map(|&grey| [grey; 3]).collect()
}

/// The first three channels of `N`.
pub fn first_three<const N: usize>(samples: &[u8]) -> Vec<u8> {
    let pixels = samples.as_chunks::<N>().0;
    pixels
        .iter()
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect()
}

/// The first channel of `N`.
pub fn first<const N: usize>(samples: &[u8]) -> Vec<u8> {
    let pixels = samples.as_chunks::<N>().0;
    pixels.iter().map(|pixel| pixel[0]).collect()
}

/// Whether the last of `N` channels is opaque everywhere.
pub fn opaque<const N: usize>(samples: &[u8]) -> bool {
    let pixels = samples.as_chunks::<N>().0;
    pixels.iter().all(|pixel| pixel[N - 1] == u8::MAX)
}

/// Inks to light: `white − black`, less the share of the ink in what black leaves.
///
/// - `samples`: cyan, magenta, yellow and black, 255 for full ink.
pub fn cmyk(samples: &[u8]) -> Vec<u8> {
    let pixels = samples.as_chunks::<4>().0;
    let light = |[cyan, magenta, yellow, black]: [u8; 4]| {
        let left = u32::from(u8::MAX - black);
        [cyan, magenta, yellow].map(|ink| (left - over_255(u32::from(ink) * left)) as u8)
    };
    pixels.iter().flat_map(|&pixel| light(pixel)).collect()
}

/// `round(product / 255)` without a division, for products of two bytes.
fn over_255(product: u32) -> u32 {
    let shifted = product + 128;
    ((shifted >> 8) + shifted) >> 8
}

/// The upper byte of samples of 16 bits.
pub fn upper_bytes(samples: &[u16]) -> Vec<u8> {
    samples.iter().map(|&sample| (sample >> 8) as u8).collect()
}

/// Samples of 16 bits cut off at 255. All versions of Pillow from 6.2 to 13.0 do this to greyscale of 16 bits (and to
/// nothing else), which leaves little of most such images; [`Remark::Clipped`](super::Remark::Clipped) says so.
pub fn clipped(samples: &[u16]) -> Vec<u8> {
    let white = u16::from(u8::MAX);
    samples
        .iter()
        .map(|&sample| sample.min(white) as u8)
        .collect()
}

/// Samples of 1, 2 or 4 bits, the highest bits of a byte first, as one byte each; rows begin at a byte.
///
/// Returns `None` if there are fewer bytes than `height` rows of `width` samples need.
pub fn unpacked(bytes: &[u8], bits: usize, width: usize, height: usize) -> Option<Vec<u8>> {
    let row_length = (width * bits).div_ceil(8);
    let bytes = bytes.get(..row_length * height)?;
    let mask = u8::MAX >> (8 - bits);
    let sample = |row: &[u8], x: usize| {
        let bit = x * bits;
        row[bit / 8] >> (8 - bits - bit % 8) & mask
    };
    let rows = bytes.chunks_exact(row_length.max(1));
    Some(
        rows.flat_map(|row| (0..width).map(move |x| sample(row, x)))
            .collect(),
    )
}

/// The image turned as an orientation of EXIF (1 to 8) says; others leave it as it is.
pub fn oriented(pixels: Pixels, orientation: u16) -> Pixels {
    let (width, height) = (pixels.width, pixels.height);
    let (right, bottom) = (width - 1, height - 1);
    // Where the output's pixel (x, y) is in the input.
    let from = |x: usize, y: usize| match orientation {
        2 => (right - x, y),
        3 => (right - x, bottom - y),
        4 => (x, bottom - y),
        5 => (y, x),
        6 => (y, bottom - x),
        7 => (right - y, bottom - x),
        8 => (right - y, x),
        _ => (x, y),
    };
    let (new_width, new_height) = match orientation {
        2..=4 => (width, height),
        5..=8 => (height, width),
        _ => return pixels,
    };
    let mut rgb = Vec::with_capacity(pixels.rgb.len());
    for y in 0..new_height {
        for x in 0..new_width {
            let (x, y) = from(x, y);
            rgb.extend_from_slice(&pixels.rgb[(y * width + x) * 3..][..3]);
        }
    }
    Pixels {
        width: new_width,
        height: new_height,
        rgb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_rounded() {
        for product in 0..=255 * 255 {
            let exact = (f64::from(product) / 255.0).round() as u32;
            assert_eq!(over_255(product), exact);
        }
        assert_eq!(
            cmyk(&[0, 0, 0, 0, 255, 0, 51, 0, 9, 9, 9, 255])[..6],
            [255, 255, 255, 0, 255, 204]
        );
        assert_eq!(cmyk(&[9, 9, 9, 255]), [0; 3]);
    }

    #[test]
    fn small_samples_are_unpacked_by_row() {
        let bits = unpacked(&[0b1010_0000, 0b0100_0000], 1, 3, 2);
        assert_eq!(bits.as_deref(), Some(&[1, 0, 1, 0, 1, 0][..]));
        assert_eq!(
            unpacked(&[0x12, 0x30], 4, 3, 1).as_deref(),
            Some(&[1, 2, 3][..])
        );
        assert_eq!(unpacked(&[0x12], 4, 3, 1), None);
    }

    #[test]
    fn orientations_turn() {
        // a b
        // c d
        // e f
        let letters = |letters: &str, width: usize| Pixels {
            width,
            height: letters.len() / width,
            rgb: grey(letters.as_bytes()),
        };
        let turned = |orientation| oriented(letters("abcdef", 2), orientation);
        assert_eq!(turned(1), letters("abcdef", 2));
        assert_eq!(turned(2), letters("badcfe", 2));
        assert_eq!(turned(3), letters("fedcba", 2));
        assert_eq!(turned(4), letters("efcdab", 2));
        assert_eq!(turned(5), letters("acebdf", 3));
        assert_eq!(turned(6), letters("ecafdb", 3));
        assert_eq!(turned(7), letters("fdbeca", 3));
        assert_eq!(turned(8), letters("bdface", 3));
    }
}
