//! GIF through the crate `gif`: the first frame, on the canvas where it does not fill it.

use std::ops::Range;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::{Decoded, Fault, Pixels, Remark, check_size};

/// Colour of the canvas where nothing is drawn and no colour is transparent: Pillow takes the first, whatever
/// background the file names.
const CANVAS: u8 = 0;

/// Decodes the first frame of a GIF file.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // Sizes are checked here, before anything is allocated.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(bytes).map_err(fault)?;
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    check_size(width, height)?;
    let frame = decoder.next_frame_info().map_err(fault)?;
    let frame = frame.ok_or_else(|| Fault::damaged("no frame"))?;
    let (transparent, left, top) = (frame.transparent, frame.left, frame.top);
    let frame_size = (usize::from(frame.width), usize::from(frame.height));
    check_size(frame_size.0, frame_size.1)?;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).map_err(fault)?;
    // Without a palette the indices are greys.
    let palette = decoder.palette().map_or_else(|_| greys(), <[u8]>::to_vec);

    let mut canvas = vec![transparent.unwrap_or(CANVAS); width * height];
    let columns = shown(left, frame_size.0, width);
    let rows = shown(top, frame_size.1, height);
    let first = rows.start;
    for y in rows {
        let row = &indices[(y - first) * frame_size.0..][..columns.len()];
        canvas[y * width..][columns.clone()].copy_from_slice(row);
    }
    let mut remarks = Vec::new();
    if transparent.is_some_and(|transparent| canvas.contains(&transparent)) {
        remarks.push(Remark::AlphaDropped);
    }
    // What is wrong with a second frame is none of our business.
    if matches!(decoder.next_frame_info(), Ok(Some(_))) {
        remarks.push(Remark::FirstFrame);
    }
    let colours = palette.as_chunks::<3>().0;
    // An index beyond the palette is black.
    let colour = |&index: &u8| colours.get(usize::from(index)).copied().unwrap_or_default();
    let rgb = canvas.iter().flat_map(colour).collect();
    Ok((Pixels { width, height, rgb }, remarks))
}

/// Pixels of the canvas that a frame covers along one axis.
fn shown(offset: u16, length: usize, canvas: usize) -> Range<usize> {
    let start = usize::from(offset).min(canvas);
    start..(start + length).min(canvas)
}

/// A palette of all greys.
fn greys() -> Vec<u8> {
    (0..=u8::MAX).flat_map(|grey| [grey; 3]).collect()
}

fn fault(error: DecodingError) -> Fault {
    Fault::damaged(error)
}
