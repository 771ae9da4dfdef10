//! Image files to RGB pixels, the same numbers as Pillow's `Image.open(file).convert("RGB")`.
//!
//! The kind is told by a file's first bytes, not by its name: JPEG (through libjpeg-turbo, as in Pillow), PNG, TIFF,
//! WebP, GIF, BMP and PNM. What loses or changes meaning on the way is remarked. A file that is cut off or damaged is
//! an error, not a picture that is half grey.
//!
//! Not here: colour profiles, which are ignored as in the original, and the orientation that cameras note, which the
//! original ignores too (but not in TIFF files, where Pillow heeds it).

mod convert;
pub mod degrees;
mod gif;
mod ifd;
mod jpeg;
mod raster;
pub mod resample;
mod tiff;

use std::fmt;
use std::path::Path;

use super::caught::caught;
use crate::error::{Error, Result};
use crate::io::ordinary;

/// Most pixels of an image, where Pillow stops, too: an RGB image of half a gigabyte. More is taken for a damaged
/// header: a few kilobytes can be compressed from any number of pixels of one colour.
pub const MOST_PIXELS: usize = 178_956_970;

/// What is said of a file that is cut off.
const CUT_OFF: &str = "the file ends before the image does";

/// An image in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels of a row, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row from the top, `(height, width, 3)`.
    pub rgb: Vec<u8>,
}

/// What was lost or changed on the way from the file to RGB, for the user to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Remark {
    /// One channel became three equal ones.
    Greyscale,
    /// Some pixels are transparent; they have the colour stored for them.
    AlphaDropped,
    /// Inks became light by the plain formula, without a colour profile.
    Cmyk,
    /// Values of 16 bits above 255 became 255.
    Clipped,
    /// The camera was turned; the image is not.
    OrientationIgnored,
    /// There are more images in the file.
    FirstFrame,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remark::Greyscale => "greyscale, taken as three equal channels",
            Remark::AlphaDropped => "transparency dropped, not blended",
            Remark::Cmyk => "CMYK converted to RGB without a colour profile",
            Remark::Clipped => "16-bit greyscale cut off at 255; save it with 8 bits to keep it",
            Remark::OrientationIgnored => "EXIF orientation ignored, as in the original",
            Remark::FirstFrame => "several frames, the first taken",
        })
    }
}

/// An image as its decoder gives it, or why there is none.
type Decoded = Result<(Pixels, Vec<Remark>), Fault>;

/// Why a file is no image for us; becomes an [`Error::File`].
#[derive(Debug)]
struct Fault {
    problem: String,
    remedy: &'static str,
}

impl Fault {
    /// The file is cut off or was written over.
    fn damaged(cause: impl fmt::Display) -> Self {
        Self {
            problem: format!("damaged image: {cause}"),
            remedy: "download or save the image again",
        }
    }

    /// The file may be sound, but is of a kind that is not read, or not read exactly.
    fn unsupported(what: impl fmt::Display) -> Self {
        Self {
            problem: what.to_string(),
            remedy: "save the image as PNG in RGB with 8 bits per channel",
        }
    }
}

/// What is read, by the first bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Jpeg,
    Tiff,
    Gif,
    Raster(raster::Format),
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Kind> {
        use raster::Format;
        let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        Some(match bytes {
            [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Kind::Tiff,
            [0x89, b'P', b'N', b'G', ..] => Kind::Raster(Format::Png),
            [b'G', b'I', b'F', b'8', ..] => Kind::Gif,
            [b'B', b'M', ..] => Kind::Raster(Format::Bmp),
            [b'P', b'1'..=b'6', next, ..] if next.is_ascii_whitespace() || *next == b'#' => {
                Kind::Raster(Format::Pnm)
            }
            _ if webp => Kind::Raster(Format::WebP),
            _ => return None,
        })
    }
}

/// Reads an image file.
///
/// # Errors
///
/// [`Error::Io`] if it cannot be read; otherwise as [`decode`].
pub fn read(path: &Path) -> Result<(Pixels, Vec<Remark>)> {
    let bytes = ordinary::read(path).map_err(Error::io("read", path))?;
    decode(&bytes, path)
}

/// Decodes an image; `path` is for messages.
///
/// # Errors
///
/// [`Error::File`] if it is no image of a kind that is read, is cut off or damaged, or larger than [`MOST_PIXELS`].
pub fn decode(bytes: &[u8], path: &Path) -> Result<(Pixels, Vec<Remark>)> {
    let decoded = match Kind::of(bytes) {
        // libjpeg leaves by unwinding; the other decoders should not, but their input is the world's.
        Some(kind) => caught(|| match kind {
            Kind::Jpeg => jpeg::decode(bytes),
            Kind::Tiff => tiff::decode(bytes),
            Kind::Gif => gif::decode(bytes),
            Kind::Raster(format) => raster::decode(bytes, format),
        })
        .unwrap_or_else(|told| Err(Fault::damaged(told))),
        None if bytes.is_empty() => Err(Fault::damaged("the file is empty")),
        None => Err(Fault {
            problem: "no image that can be read".to_owned(),
            remedy: "the kinds are JPEG, PNG, TIFF, WebP, GIF, BMP and PNM",
        }),
    };
    let (pixels, mut remarks) =
        decoded.map_err(|fault| Error::file(path, fault.problem, fault.remedy))?;
    debug_assert_eq!(pixels.rgb.len(), pixels.width * pixels.height * 3);
    remarks.sort_unstable();
    remarks.dedup();
    Ok((pixels, remarks))
}

/// Refuses sizes that would not fit into memory or hold nothing, before anything is allocated.
fn check_size(width: usize, height: usize) -> Result<(), Fault> {
    match width.checked_mul(height) {
        Some(0) => Err(Fault::damaged(format!("{width} × {height} pixels"))),
        Some(count) if count <= MOST_PIXELS => Ok(()),
        _ => Err(Fault {
            problem: format!(
                "{width} × {height} pixels are more than {} megapixels",
                MOST_PIXELS / 1_000_000
            ),
            remedy: "check the file, or save the image smaller",
        }),
    }
}

impl Pixels {
    /// A part of the plane on which the image lies, `fill` in every channel where the image is not.
    ///
    /// - `corner`: left and top of the part, in pixels of the image; may be negative.
    /// - `size`: width and height of the part.
    #[must_use]
    pub fn window(&self, corner: (isize, isize), size: (usize, usize), fill: u8) -> Pixels {
        let (left, top) = corner;
        let (width, height) = size;
        let mut rgb = vec![fill; width * height * 3];
        // First and last + 1 of the part's columns that show the image.
        let from = (-left).clamp(0, width as isize) as usize;
        let to = (self.width as isize - left).clamp(from as isize, width as isize) as usize;
        for (y, out) in rgb.chunks_exact_mut(width.max(1) * 3).enumerate() {
            let row = usize::try_from(y as isize + top).ok();
            if let Some(row) = row.filter(|&row| row < self.height && from < to) {
                let first = (from as isize + left) as usize;
                let start = (row * self.width + first) * 3;
                out[from * 3..to * 3].copy_from_slice(&self.rgb[start..][..(to - from) * 3]);
            }
        }
        Pixels { width, height, rgb }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> String {
        decode(bytes, Path::new("a.jpg")).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_image_is_named_with_the_kinds_that_are() {
        assert!(problem(b"").starts_with("`a.jpg`: damaged image: the file is empty; "));
        assert!(problem(b"<html>").contains("no image that can be read; the kinds are JPEG"));
        let missing = read(Path::new("no/such.png")).unwrap_err();
        assert!(missing.to_string().starts_with("cannot read `no/such.png`"));
    }

    #[test]
    fn sizes_are_refused_before_anything_is_allocated() {
        assert!(check_size(13_000, 13_000).is_ok());
        assert!(check_size(usize::MAX, 2).is_err());
        let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bmp.extend_from_slice(&60_000_u32.to_le_bytes());
        bmp.extend_from_slice(&60_000_u32.to_le_bytes());
        bmp.extend_from_slice(b"\x01\0\x18\0");
        bmp.resize(0x36 + 100, 0);
        let text = problem(&bmp);
        assert!(
            text.contains("60000 × 60000 pixels are more than 178 megapixels"),
            "{text}"
        );
    }

    #[test]
    fn windows_cut_and_pad() {
        let rgb: Vec<u8> = (0..4).flat_map(|i| [i; 3]).collect();
        let pixels = Pixels {
            width: 2,
            height: 2,
            rgb,
        };
        let reds = |corner, size| -> Vec<u8> {
            let part = pixels.window(corner, size, 9);
            part.rgb.iter().step_by(3).copied().collect()
        };
        assert_eq!(reds((0, 0), (2, 2)), [0, 1, 2, 3]);
        assert_eq!(reds((1, 0), (1, 2)), [1, 3]);
        assert_eq!(reds((-1, -1), (3, 3)), [9, 9, 9, 9, 0, 1, 9, 2, 3]);
        assert_eq!(reds((1, 1), (2, 2)), [3, 9, 9, 9]);
        assert_eq!(reds((5, -5), (1, 1)), [9]);
    }
}
