//! PNG, WebP, BMP and PNM through the crate `image`.
//!
//! Compared with Pillow all are exact but two rare kinds, which are one level off in places: BMP with 5 or 6 bits per
//! channel, and colours of PNM whose largest value is not 255.

use std::io::Cursor;
use std::ops::Range;

use image::codecs::webp::WebPDecoder;
use image::codecs::{bmp::BmpDecoder, png::PngDecoder, pnm::PnmDecoder};
use image::error::ImageError;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, Limits};

use super::{CUT_OFF, Decoded, Fault, Pixels, Remark, check_size, convert};

/// Where a PNG file says what its channels are.
const PNG_KIND: usize = 25;
/// Where it says how wide it is.
const PNG_WIDTH: Range<usize> = 16..20;
/// Bytes of a pixel at most.
const PNG_PIXEL: u64 = 8;
/// Rows that its decoder holds at once, at most.
const ROWS: u64 = 4;
/// Bytes for all other than rows: profiles have some kilobytes, and can be compressed a thousandfold.
const PNG_MEMORY: u64 = 64 << 20;
/// What it says of one channel of grey.
const PNG_GREY: u8 = 0;
/// Bytes before those that the length of a RIFF file counts.
const RIFF_HEAD: usize = 8;

/// What is decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Png,
    WebP,
    Bmp,
    Pnm,
}

/// Decodes a file of a known format.
pub fn decode(bytes: &[u8], format: Format) -> Decoded {
    let file = Cursor::new(bytes);
    match format {
        Format::Png => {
            let decoder = PngDecoder::with_limits(file, png_limits(bytes)).map_err(fault)?;
            let animated = decoder.is_apng().map_err(fault)?;
            // Transparency noted beside grey pixels makes two channels of one here, but not in Pillow.
            let one_channel = bytes.get(PNG_KIND) == Some(&PNG_GREY);
            pixels(decoder, animated, one_channel)
        }
        Format::WebP => {
            // The decoder makes something of what there is; libwebp, and so Pillow, does not.
            let length = bytes.get(4..8).and_then(|length| length.try_into().ok());
            let length = length.map_or(0, u32::from_le_bytes) as usize;
            if length.saturating_add(RIFF_HEAD) > bytes.len() {
                return Err(Fault::damaged(CUT_OFF));
            }
            let decoder = WebPDecoder::new(file).map_err(fault)?;
            let animated = decoder.has_animation();
            pixels(decoder, animated, false)
        }
        Format::Bmp => pixels(BmpDecoder::new(file).map_err(fault)?, false, false),
        Format::Pnm => pixels(PnmDecoder::new(file).map_err(fault)?, false, false),
    }
}

/// Memory for what stands before the pixels, such as a colour profile, and for some rows.
fn png_limits(bytes: &[u8]) -> Limits {
    let width = bytes.get(PNG_WIDTH).and_then(|width| width.try_into().ok());
    let row = u64::from(width.map_or(0, u32::from_be_bytes)) * PNG_PIXEL;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(PNG_MEMORY + ROWS * row);
    limits
}

/// The first frame as RGB.
///
/// - `one_channel`: whether the file has one channel, whatever the decoder makes of it.
fn pixels(mut decoder: impl ImageDecoder, animated: bool, one_channel: bool) -> Decoded {
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let mut remarks = Vec::new();
    if animated {
        remarks.push(Remark::FirstFrame);
    }
    if decoder
        .orientation()
        .is_ok_and(|orientation| orientation != Orientation::NoTransforms)
    {
        remarks.push(Remark::OrientationIgnored);
    }
    let kind = decoder.color_type();
    let mut bytes = vec![0; width * height * usize::from(kind.bytes_per_pixel())];
    decoder.read_image(&mut bytes).map_err(fault)?;
    let narrow = match kind {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            let pairs = bytes.as_chunks().0.iter();
            let samples: Vec<u16> = pairs.map(|&pair| u16::from_ne_bytes(pair)).collect();
            let grey = one_channel || kind == ColorType::L16;
            if grey && samples.iter().any(|&sample| sample > u16::from(u8::MAX)) {
                remarks.push(Remark::Clipped);
            }
            if grey {
                convert::clipped(&samples)
            } else {
                convert::upper_bytes(&samples)
            }
        }
        _ => bytes,
    };
    let (rgb, opaque, grey) = match kind {
        ColorType::L8 | ColorType::L16 => (convert::grey(&narrow), true, true),
        ColorType::La8 | ColorType::La16 => {
            let grey = convert::grey(&convert::first::<2>(&narrow));
            (grey, convert::opaque::<2>(&narrow), true)
        }
        ColorType::Rgb8 | ColorType::Rgb16 => (narrow, true, false),
        ColorType::Rgba8 | ColorType::Rgba16 => {
            let rgb = convert::first_three::<4>(&narrow);
            (rgb, convert::opaque::<4>(&narrow), false)
        }
        _ => return Err(Fault::unsupported(format!("pixels of kind {kind:?}"))),
    };
    if grey {
        remarks.push(Remark::Greyscale);
    }
    if !opaque {
        remarks.push(Remark::AlphaDropped);
    }
    Ok((Pixels { width, height, rgb }, remarks))
}

fn fault(error: ImageError) -> Fault {
    match error {
        ImageError::Unsupported(cause) => Fault::unsupported(cause),
        cause => Fault::damaged(cause),
    }
}
