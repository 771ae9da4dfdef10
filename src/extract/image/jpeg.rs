//! JPEG through libjpeg-turbo (in the crate `mozjpeg`), with libjpeg's defaults: the exact inverse transform and
//! smooth upsampling of colours, as in Pillow.
//!
//! libjpeg only warns where data end early or make no sense, and paints the rest grey. Here a warning ends it: the
//! crate keeps them to itself, so that an error manager of our own is needed. Which warning it was is not told, but
//! when: before the first scan and after the last row they are harmless (bytes between segments, odd headers), in
//! between they are of the picture. In a file of several scans (progressive ones) bytes between scans are in between,
//! too: such a file is refused though libjpeg could read it.

use std::cell::Cell;
use std::ffi::c_int;
use std::io::{self, BufRead, Read};
use std::panic::resume_unwind;

use mozjpeg::decompress::DecompressBuilder;
use mozjpeg::{ColorSpace, Decompress, Marker};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};

use super::{CUT_OFF, Decoded, Fault, Pixels, Remark, check_size, convert, ifd};
use crate::extract::caught::caught;

/// Segment that cameras' notes are in.
const EXIF_SEGMENT: Marker = Marker::APP(1);
/// What such a segment begins with.
const EXIF_HEAD: &[u8] = b"Exif\0\0";

/// What the first two bytes of a scan are.
const START_OF_SCAN: [u8; 2] = [0xFF, 0xDA];
/// Scans that a file may have: progressive ones have about ten, and each goes over the whole picture, however few
/// bytes it has. libjpeg-turbo advises this bound.
const MOST_SCANS: usize = 500;

thread_local! {
    /// Whether the decoder that runs in this thread is at the picture.
    static AT_PICTURE: Cell<bool> = const { Cell::new(false) };
    /// Whether it warned there.
    static WARNED: Cell<bool> = const { Cell::new(false) };
}

/// Decodes a JPEG file.
pub fn decode(bytes: &[u8]) -> Decoded {
    let n_scans = bytes.windows(2).filter(|two| *two == START_OF_SCAN).count();
    if n_scans > MOST_SCANS {
        return Err(Fault::damaged(format!("it has {n_scans} scans")));
    }
    let ended = Cell::new(false);
    WARNED.set(false);
    let strict = || run(bytes, Decompress::with_err(strict()), &ended);
    caught(strict).unwrap_or_else(|_| {
        if WARNED.get() && ended.get() {
            return Err(Fault::damaged(CUT_OFF));
        }
        // DEVIATION: Pillow takes what libjpeg makes of data that make no sense, mostly a picture that is grey below
        // the place; 57 % of its values in our test. Both refuse files that are cut off.
        if WARNED.get() {
            return Err(Fault::damaged("its data make no sense from some place on"));
        }
        // Only the crate's own error manager can tell what it was; the same bytes fail again.
        let told = || run(bytes, Decompress::builder(), &ended);
        caught(told).unwrap_or_else(|text| {
            Err(Fault::damaged(
                text.trim_start_matches("libjpeg fatal error: "),
            ))
        })
    })
}

/// Decodes with an error manager; unwinds where libjpeg gives up.
fn run(bytes: &[u8], builder: DecompressBuilder<'_>, ended: &Cell<bool>) -> Decoded {
    AT_PICTURE.set(false);
    let source = Source { rest: bytes, ended };
    let markers = [EXIF_SEGMENT];
    let header = builder.with_markers(&markers).from_reader(source);
    let header = header.map_err(|error| file_error(&error, ended.get()))?;
    let (width, height) = header.size();
    check_size(width, height)?;
    let mut remarks = Vec::new();
    let mut blocks = header
        .markers()
        .filter_map(|marker| marker.data.strip_prefix(EXIF_HEAD));
    let orientation = blocks.find_map(|block| ifd::short(block, ifd::ORIENTATION));
    if orientation.is_some_and(|orientation| (2..=8).contains(&orientation.value)) {
        remarks.push(Remark::OrientationIgnored);
    }
    drop(blocks);
    let space = match header.color_space() {
        ColorSpace::JCS_GRAYSCALE => ColorSpace::JCS_GRAYSCALE,
        ColorSpace::JCS_RGB | ColorSpace::JCS_YCbCr => ColorSpace::JCS_RGB,
        ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => ColorSpace::JCS_CMYK,
        _ => {
            let channels = header.components().len();
            let what = format!("JPEG with {channels} channels of unknown meaning");
            return Err(Fault::unsupported(what));
        }
    };
    let error = |error: io::Error| file_error(&error, ended.get());
    AT_PICTURE.set(true);
    let mut started = header.to_colorspace(space).map_err(error)?;
    let mut samples: Vec<u8> = started.read_scanlines().map_err(error)?;
    AT_PICTURE.set(false);
    if ended.get() {
        return Err(Fault::damaged(CUT_OFF));
    }
    started.finish().map_err(error)?;
    if ended.get() {
        return Err(Fault::damaged(CUT_OFF));
    }
    let rgb = match space {
        ColorSpace::JCS_GRAYSCALE => {
            remarks.push(Remark::Greyscale);
            convert::grey(&samples)
        }
        ColorSpace::JCS_CMYK => {
            remarks.push(Remark::Cmyk);
            // Inks are stored as what is left of the light, as Adobe began and Pillow takes for granted.
            samples.iter_mut().for_each(|sample| *sample = !*sample);
            convert::cmyk(&samples)
        }
        _ => samples,
    };
    Ok((Pixels { width, height, rgb }, remarks))
}

/// An error that the crate returns rather than unwinds with.
fn file_error(error: &io::Error, ended: bool) -> Fault {
    if ended {
        Fault::damaged(CUT_OFF)
    } else {
        Fault::damaged(error)
    }
}

/// A file in memory that remembers having been read beyond its end, where the crate fakes an end marker.
struct Source<'a> {
    rest: &'a [u8],
    ended: &'a Cell<bool>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.rest.read(buffer)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest.is_empty() {
            self.ended.set(true);
        }
        Ok(self.rest)
    }

    fn consume(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

/// An error manager that unwinds on errors, and on warnings about the picture, without a word.
fn strict() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(leave),
        emit_message: Some(warn),
        output_message: Some(ignore),
        format_message: None,
        reset_error_mgr: Some(ignore),
        msg_code: 0,
        msg_parm: Default::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: std::ptr::null(),
        last_jpeg_message: 0,
        addon_message_table: std::ptr::null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

extern "C-unwind" fn leave(_: &mut jpeg_common_struct) {
    // Does not call the panic hook, which would print.
    resume_unwind(Box::new(()));
}

extern "C-unwind" fn warn(_: &mut jpeg_common_struct, level: c_int) {
    // Warnings have level −1, traces 0 and above.
    if level < 0 && AT_PICTURE.get() {
        WARNED.set(true);
        resume_unwind(Box::new(()));
    }
}

extern "C-unwind" fn ignore(_: &mut jpeg_common_struct) {}
