//! TIFF through the crate `tiff`.
//!
//! Read are greyscale, RGB, palettes and CMYK without compression, or with LZW, Deflate, PackBits or fax. JPEG inside
//! TIFF is not: the crate's decoder for it is off by up to 18 grey levels.

use std::io::Cursor;

use tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::{Decoded, Fault, MOST_PIXELS, Pixels, Remark, check_size, convert, ifd};

/// What indices into a palette are called in [`ifd::PHOTOMETRIC`].
const PALETTE: u16 = 3;
/// What grey is called there if 0 is white.
const WHITE_IS_ZERO: u16 = 0;
/// What bits that begin with the lowest are called in [`ifd::FILL_ORDER`].
const FROM_THE_RIGHT: u16 = 2;
/// What grey is called there.
const BLACK_IS_ZERO: u16 = 1;
/// How many times as many pixels as the image has tiles may have, and how many beside that.
const MOST_PADDED: usize = 4;
const PADDING: usize = 1 << 24;
/// Bytes of a pixel at most: four channels of 16 bits.
const PIXEL_BYTES: usize = 8;
/// Samples kept channel by channel rather than pixel by pixel.
const PLANAR: u16 = 2;

/// Decodes the first image of a TIFF file.
pub fn decode(bytes: &[u8]) -> Decoded {
    let meaning = ifd::short(bytes, ifd::PHOTOMETRIC);
    // The crate reads these otherwise than Pillow does.
    if ifd::short(bytes, ifd::FILL_ORDER).is_some_and(|order| order.value == FROM_THE_RIGHT) {
        return Err(Fault::unsupported(
            "TIFF with bits from the right (FillOrder 2)",
        ));
    }
    let is_16_bit = ifd::short(bytes, ifd::BITS).is_some_and(|bits| bits.value == 16);
    if is_16_bit
        && meaning
            .as_ref()
            .is_some_and(|meaning| meaning.value == WHITE_IS_ZERO)
    {
        return Err(Fault::unsupported("TIFF of 16 bits in which 0 is white"));
    }
    match meaning.filter(|meaning| meaning.value == PALETTE) {
        // The crate knows no palettes. Told that they are grey, it reads the indices.
        Some(meaning) => {
            let mut grey = bytes.to_vec();
            grey[meaning.at..][..2].copy_from_slice(&meaning.bytes(BLACK_IS_ZERO));
            image(&grey, true)
        }
        None => image(bytes, false),
    }
}

fn image(bytes: &[u8], indexed: bool) -> Decoded {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MOST_PIXELS * PIXEL_BYTES;
    let mut decoder = Decoder::new(Cursor::new(bytes))
        .map_err(fault)?
        .with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(fault)?;
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let mut remarks = Vec::new();
    if decoder.more_images() {
        remarks.push(Remark::FirstFrame);
    }
    let kind = decoder.colortype().map_err(fault)?;
    let layout = decoder
        .find_tag_unsigned(Tag::PlanarConfiguration)
        .map_err(fault)?;
    if layout == Some(PLANAR) && kind.num_samples() > 1 {
        return Err(Fault::unsupported("TIFF with one plane per channel"));
    }
    if decoder.get_chunk_type() == ChunkType::Tile {
        let (across, down) = decoder.chunk_dimensions();
        check_tiles((width, height), (across as usize, down as usize))?;
    }
    let samples = decoder.read_image().map_err(fault)?;
    let rgb = if indexed {
        let indices = small_samples(samples, kind, width, height)?;
        coloured(&mut decoder, &indices, kind)?
    } else {
        rgb(samples, kind, (width, height), &mut remarks)?
    };
    if rgb.len() != width * height * 3 {
        return Err(Fault::damaged("fewer pixels than its header says"));
    }
    let pixels = Pixels { width, height, rgb };
    // Unlike in other kinds of files, Pillow turns the image, in all versions looked at (6.2 to 13.0).
    let orientation = ifd::short(bytes, ifd::ORIENTATION).map_or(1, |short| short.value);
    Ok((convert::oriented(pixels, orientation), remarks))
}

/// Refuses tiles that are mostly outside of the image: what is outside is decoded, too.
fn check_tiles(image: (usize, usize), tile: (usize, usize)) -> Result<(), Fault> {
    let padded = |length: usize, tile: usize| length.div_ceil(tile.max(1)).saturating_mul(tile);
    let n_pixels = padded(image.0, tile.0).saturating_mul(padded(image.1, tile.1));
    match n_pixels <= image.0 * image.1 * MOST_PADDED + PADDING {
        true => Ok(()),
        false => Err(Fault::damaged("its tiles are much larger than the image")),
    }
}

/// Samples that are no indices as RGB.
fn rgb(
    samples: DecodingResult,
    kind: ColorType,
    (width, height): (usize, usize),
    remarks: &mut Vec<Remark>,
) -> Result<Vec<u8>, Fault> {
    let grey = matches!(kind, ColorType::Gray(_));
    let samples = match samples {
        DecodingResult::U16(samples) if grey => {
            if samples.iter().any(|&sample| sample > u16::from(u8::MAX)) {
                remarks.push(Remark::Clipped);
            }
            convert::clipped(&samples)
        }
        DecodingResult::U16(samples) => convert::upper_bytes(&samples),
        DecodingResult::U8(samples) if grey => {
            let bits = kind.bit_depth();
            let mut samples = small_samples(DecodingResult::U8(samples), kind, width, height)?;
            if bits < 8 {
                let white = u8::MAX / (u8::MAX >> (8 - bits));
                samples.iter_mut().for_each(|sample| *sample *= white);
            }
            samples
        }
        DecodingResult::U8(samples) => samples,
        _ => return Err(unsupported(kind)),
    };
    let mut dropped = |opaque: bool| {
        if !opaque {
            remarks.push(Remark::AlphaDropped);
        }
    };
    match kind {
        ColorType::Gray(_) => {
            remarks.push(Remark::Greyscale);
            Ok(convert::grey(&samples))
        }
        ColorType::GrayA(8 | 16)
        | ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        } => {
            dropped(convert::opaque::<2>(&samples));
            remarks.push(Remark::Greyscale);
            Ok(convert::grey(&convert::first::<2>(&samples)))
        }
        ColorType::RGB(8 | 16) => Ok(samples),
        ColorType::RGBA(8 | 16) => {
            dropped(convert::opaque::<4>(&samples));
            Ok(convert::first_three::<4>(&samples))
        }
        ColorType::CMYK(8 | 16) => {
            remarks.push(Remark::Cmyk);
            Ok(convert::cmyk(&samples))
        }
        _ => Err(unsupported(kind)),
    }
}

/// One channel of at most 8 bits as one byte per pixel.
fn small_samples(
    samples: DecodingResult,
    kind: ColorType,
    width: usize,
    height: usize,
) -> Result<Vec<u8>, Fault> {
    match (samples, kind) {
        (DecodingResult::U8(samples), ColorType::Gray(8)) => Ok(samples),
        (DecodingResult::U8(samples), ColorType::Gray(bits @ (1 | 2 | 4))) => {
            let samples = convert::unpacked(&samples, usize::from(bits), width, height);
            samples.ok_or_else(|| Fault::damaged("fewer pixels than its header says"))
        }
        _ => Err(unsupported(kind)),
    }
}

/// Indices as the colours that the file's palette has for them.
fn coloured(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    indices: &[u8],
    kind: ColorType,
) -> Result<Vec<u8>, Fault> {
    let palette = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(fault)?;
    let count = 1 << kind.bit_depth();
    if palette.len() < 3 * count {
        return Err(Fault::damaged("its palette is too short"));
    }
    // All reds, all greens, all blues, in 16 bits.
    let colour = |&index: &u8| {
        let index = usize::from(index);
        [index, index + count, index + 2 * count].map(|at| (palette[at] >> 8) as u8)
    };
    Ok(indices.iter().flat_map(colour).collect())
}

fn unsupported(kind: ColorType) -> Fault {
    Fault::unsupported(format!("TIFF with pixels of kind {kind:?}"))
}

fn fault(error: TiffError) -> Fault {
    match error {
        TiffError::UnsupportedError(cause) => Fault::unsupported(cause),
        cause => Fault::damaged(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one row of 8 pixels, with tags of two bytes.
    fn file(tags: &[(u16, u16)], row: &[u8]) -> Vec<u8> {
        let n_bytes = 8 + 2 + 12 * (tags.len() + 2) + 4;
        let mut all = tags.to_vec();
        all.extend([(273, n_bytes as u16), (279, row.len() as u16)]);
        all.sort_unstable();
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((all.len() as u16).to_le_bytes());
        for (tag, value) in all {
            bytes.extend(tag.to_le_bytes());
            bytes.extend([3, 0, 1, 0, 0, 0]);
            bytes.extend(value.to_le_bytes());
            bytes.extend([0, 0]);
        }
        bytes.extend([0; 4]);
        bytes.extend(row);
        bytes
    }

    const COMMON: [(u16, u16); 4] = [(256, 8), (257, 1), (259, 1), (278, 1)];

    #[test]
    fn bits_from_the_right_are_refused() {
        let of = |order: u16| {
            let more = [(258, 1), (262, 1), (266, order), (277, 1)];
            decode(&file(&[&COMMON[..], &more].concat(), &[0b1010_0000]))
        };
        let Ok((pixels, _)) = of(1) else {
            panic!("bits from the left are read");
        };
        assert_eq!(pixels.rgb[..9], [255, 255, 255, 0, 0, 0, 255, 255, 255]);
        assert!(of(2).is_err());
    }

    #[test]
    fn sixteen_bits_in_which_0_is_white_are_refused() {
        let of = |meaning: u16| {
            let more = [(258, 16), (262, meaning), (277, 1)];
            decode(&file(&[&COMMON[..], &more].concat(), &[7, 0].repeat(8)))
        };
        let Ok((pixels, _)) = of(1) else {
            panic!("16 bits in which 0 is black are read");
        };
        assert_eq!(pixels.rgb, [7; 24]);
        assert!(of(0).is_err());
    }
}
