//! Sizes and colours that all figures share.
//!
//! Colours are told apart with any colour vision and in grey print: ordered things run from dark
//! violet to yellow, amounts from white to dark blue, and what is the user's is blue beside grey.

use plotters::style::RGBColor;

/// Drawing units in a millimetre.
pub const UNITS_PER_MM: f64 = 15.0;

/// Width of a figure of one journal column, 85 mm.
pub const SINGLE: i32 = 1275;

/// Width of a figure over two columns, 180 mm.
pub const DOUBLE: i32 = 2700;

/// Free space around a figure and between its parts.
pub const GAP: i32 = 20;

/// Height of the title, ticks, axis name and legend lines.
pub const LINE: i32 = 50;

/// Side of a legend's square.
pub const SQUARE: i32 = 28;

/// Height of a layer's row at best; many layers share less.
const ROW: i32 = 60;

/// Least height of a row: its text and a hair of space.
const LEAST_ROW: i32 = 36;

/// Height that the rows together should not exceed, three quarters of a page.
const ROWS: i32 = 2600;

/// Text and lines.
pub const INK: RGBColor = RGBColor(34, 34, 34);

/// Words that stand back.
pub const FAINT_INK: RGBColor = RGBColor(110, 110, 110);

/// Lines behind the data.
pub const RULE: RGBColor = RGBColor(222, 222, 222);

/// The ground.
pub const PAPER: RGBColor = RGBColor(255, 255, 255);

/// Networks known before, and draws of a null.
pub const GREY: RGBColor = RGBColor(168, 168, 168);

/// What is the user's: blue differs from grey in every kind of colour vision.
pub const HIGHLIGHT: RGBColor = RGBColor(0, 90, 160);

/// Spread around a line in [`HIGHLIGHT`].
pub const BAND: RGBColor = RGBColor(178, 208, 232);

/// Dark violet to yellow (viridis): lightness rises evenly, so order survives grey print and every
/// kind of colour vision.
const ORDERED: [RGBColor; 5] = [
    RGBColor(68, 1, 84),
    RGBColor(59, 82, 139),
    RGBColor(33, 145, 140),
    RGBColor(94, 201, 98),
    RGBColor(253, 231, 37),
];

/// Nearly white to dark blue, for amounts.
const AMOUNT: [RGBColor; 4] = [
    RGBColor(247, 251, 255),
    RGBColor(158, 202, 225),
    RGBColor(49, 130, 189),
    RGBColor(8, 48, 107),
];

/// Looks of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Height of the letters' body in drawing units.
    pub size: i32,
    /// Colour of the letters.
    pub colour: RGBColor,
    /// In the bold face.
    pub bold: bool,
}

/// Ordinary text, 6.6 points.
pub const PLAIN: Style = Style {
    size: 35,
    colour: INK,
    bold: false,
};

/// Titles.
pub const TITLE: Style = Style {
    bold: true,
    ..PLAIN
};

/// Text in dense rows, 5.7 points.
pub const SMALL: Style = Style { size: 30, ..PLAIN };

/// Small text that stands back.
pub const FAINT: Style = Style {
    colour: FAINT_INK,
    ..SMALL
};

/// Height of a row where there are so many, in drawing units.
pub fn row_height(n_rows: usize) -> i32 {
    (ROWS / (n_rows.max(1) as i32)).clamp(LEAST_ROW, ROW)
}

/// One of `n` colours for things that have an order, such as ROIs.
pub fn ordered_colour(index: usize, n: usize) -> RGBColor {
    blend(&ORDERED, index as f64 / n.saturating_sub(1).max(1) as f64)
}

/// Colour of an amount as a share of the largest, 0 to 1.
pub fn amount_colour(share: f64) -> RGBColor {
    blend(&AMOUNT, share)
}

/// Ink that can be read on a ground of this colour.
pub fn ink_on(ground: RGBColor) -> RGBColor {
    // Luma of Rec. 601, enough to choose between dark and light.
    let luma =
        0.299 * f64::from(ground.0) + 0.587 * f64::from(ground.1) + 0.114 * f64::from(ground.2);
    if luma > 140.0 { INK } else { PAPER }
}

/// The colour at a position from 0 to 1 along some stops.
fn blend(stops: &[RGBColor], position: f64) -> RGBColor {
    let scaled = position.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let index = (scaled as usize).min(stops.len() - 2);
    let (from, to, share) = (stops[index], stops[index + 1], scaled - index as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_end_at_the_ends_of_the_scale() {
        assert_eq!(ordered_colour(0, 5), ORDERED[0]);
        assert_eq!(ordered_colour(4, 5), ORDERED[4]);
        assert_eq!(ordered_colour(0, 1), ORDERED[0]);
        assert_eq!(amount_colour(f64::MAX), AMOUNT[3]);
    }

    #[test]
    fn rows_shrink_only_to_what_text_needs() {
        assert_eq!(row_height(3), ROW);
        assert_eq!(row_height(1000), LEAST_ROW);
    }
}
