//! Figures as SVG text, one journal column (86 mm) wide, and what they have in common.
//!
//! Text stays text in a generic sans-serif face, so nothing depends on the fonts of the machine that
//! draws; the room for it is estimated generously. Colours are told apart with any colour vision and
//! in grey print. Each figure has its own light ground and is legible on dark pages too.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::prelude::{
    Color, DrawingArea, IntoDrawingArea, IntoFont, PathElement, RGBColor, Rectangle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, TextStyle};

pub use super::figure_accuracy_map::accuracy_map;
pub use super::figure_ranking::{RankedNetwork, ranking};
pub use super::figure_top_roi::top_roi;

/// Width of all figures in drawing units.
pub(super) const WIDTH: i32 = 1300;

/// The same in millimetres, one column of most journals.
const WIDTH_MM: f64 = 86.0;

/// Height of ordinary text in drawing units, 6.6 points.
pub(super) const TEXT: i32 = 35;

/// Height of the text in dense rows, 5.6 points.
pub(super) const SMALL_TEXT: i32 = 30;

/// Free space around a figure and between its parts.
pub(super) const GAP: i32 = 20;

/// Height of the title, ticks, axis name and legend lines.
pub(super) const LINE: i32 = 50;

/// Mean width of a letter as a share of the text height; wide faces need 0.6.
const LETTER_WIDTH: f64 = 0.6;

/// plotters divides sizes by this before it writes them.
const PLOTTERS_SIZE: f64 = 1.24;

/// Longest name of a layer or network, in letters, beyond which its middle is left out.
const LONGEST_NAME: usize = 33;

/// Letters kept at the start of a shortened name, as a share; the end tells layers apart best.
const KEPT_START: f64 = 0.125;

/// What separates the parts of a layer's name.
const SEPARATORS: [char; 3] = [':', '/', '.'];

pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
pub(super) const FAINT_INK: RGBColor = RGBColor(110, 110, 110);
pub(super) const RULE: RGBColor = RGBColor(222, 222, 222);
pub(super) const PAPER: RGBColor = RGBColor(255, 255, 255);

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

/// Which side of the given point a text lies on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Align {
    /// The point is the text's left end.
    Left,
    /// The point is the middle of the text.
    Middle,
    /// The point is the text's right end.
    Right,
}

/// Looks of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: i32,
    pub(super) colour: RGBColor,
    pub(super) bold: bool,
}

/// Ordinary text.
pub(super) const PLAIN: Style = Style {
    size: TEXT,
    colour: INK,
    bold: false,
};

/// Titles.
pub(super) const TITLE: Style = Style {
    size: TEXT,
    colour: INK,
    bold: true,
};

/// Draws a figure of this height and gives it as SVG.
pub(super) fn draw(height: i32, paint: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    {
        let canvas = Canvas(SVGBackend::with_string(&mut svg, size).into_drawing_area());
        canvas.rectangle((0, 0), (WIDTH, height), PAPER);
        paint(&canvas);
    }
    let units = format!(r#"width="{}" height="{}""#, size.0, size.1);
    let height_mm = f64::from(height) * WIDTH_MM / f64::from(WIDTH);
    svg.replacen(
        &units,
        &format!(r#"width="{WIDTH_MM}mm" height="{height_mm:.2}mm""#),
        1,
    )
}

/// Drawing surface in drawing units, origin at the top left.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// The vertical axis of figures with a row per layer.
pub(super) fn layer_axis_name(canvas: &Canvas<'_>, top: i32, bottom: i32) {
    let whole = "layer (deepest on top)";
    let name = if text_width(whole, PLAIN.size) <= bottom - top {
        whole
    } else {
        "layer"
    };
    canvas.upright_text(name, (GAP + LINE / 2, (top + bottom) / 2), PLAIN);
}

/// Why drawing returns nothing.
const CANNOT_FAIL: &str = "drawing into a string cannot fail";

impl Canvas<'_> {
    /// Fills the rectangle between two corners.
    pub(super) fn rectangle(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) {
        self.0
            .draw(&Rectangle::new([from, to], colour.filled()))
            .expect(CANNOT_FAIL);
    }

    /// Draws a thin line.
    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) {
        let style = colour.stroke_width(3);
        self.0
            .draw(&PathElement::new(vec![from, to], style))
            .expect(CANNOT_FAIL);
    }

    /// Draws a filled circle.
    pub(super) fn dot(&self, at: (i32, i32), radius: i32, colour: RGBColor) {
        self.0
            .draw(&plotters::prelude::Circle::new(at, radius, colour.filled()))
            .expect(CANNOT_FAIL);
    }

    /// Writes a line of text centred on `at` vertically.
    pub(super) fn text(&self, text: &str, at: (i32, i32), align: Align, style: Style) {
        self.write(text, at, align, style, FontTransform::None);
    }

    /// Writes text from bottom to top, centred on `at`.
    pub(super) fn upright_text(&self, text: &str, at: (i32, i32), style: Style) {
        self.write(text, at, Align::Middle, style, FontTransform::Rotate270);
    }

    fn write(&self, text: &str, at: (i32, i32), align: Align, style: Style, turn: FontTransform) {
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        let weight = if style.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = ("sans-serif", f64::from(style.size) * PLOTTERS_SIZE)
            .into_font()
            .style(weight)
            .transform(turn);
        let style = TextStyle::from(font)
            .color(&style.colour)
            .pos(Pos::new(horizontal, VPos::Center));
        self.0
            .draw(&Text::new(text.to_owned(), at, style))
            .expect(CANNOT_FAIL);
    }
}

/// Room a text needs at most, in drawing units.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * LETTER_WIDTH).ceil() as i32
}

/// Room the widest of some texts needs.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, size: i32) -> i32 {
    texts
        .into_iter()
        .map(|text| text_width(text, size))
        .max()
        .unwrap_or(0)
}

/// Names short enough for an axis and still all different: where one is too long, a start that all
/// share goes first, then the middle; if that makes two alike, all are numbered.
pub(super) fn short_names(names: &[&str]) -> Vec<String> {
    let too_long = names.iter().any(|name| name.chars().count() > LONGEST_NAME);
    let shared = if too_long { shared_start(names) } else { 0 };
    let rests: Vec<&str> = names.iter().map(|name| &name[shared..]).collect();
    let short: Vec<String> = rests
        .iter()
        .map(|name| shorten(name, LONGEST_NAME))
        .collect();
    let distinct: std::collections::BTreeSet<&String> = short.iter().collect();
    if distinct.len() == short.len() {
        return short;
    }
    let digits = names.len().to_string().len();
    let numbered = |(i, name): (usize, &&str)| {
        format!("{} {}", i + 1, shorten(name, LONGEST_NAME - digits - 1))
    };
    rests.iter().enumerate().map(numbered).collect()
}

/// Bytes up to the last separator that all names have in common.
fn shared_start(names: &[&str]) -> usize {
    let Some((first, others)) = names.split_first() else {
        return 0;
    };
    let mut ends = first
        .match_indices(SEPARATORS)
        .map(|(at, separator)| at + separator.len());
    ends.rfind(|&end| others.iter().all(|name| name.starts_with(&first[..end])))
        .unwrap_or(0)
}

/// A name with some of its letters left out where it has more than `longest`.
pub(super) fn shorten(name: &str, longest: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= longest {
        return name.to_owned();
    }
    let head = (longest as f64 * KEPT_START) as usize;
    let tail = longest.saturating_sub(head + 1);
    letters[..head]
        .iter()
        .chain(&['…'])
        .chain(&letters[letters.len() - tail..])
        .collect()
}

/// One of `n` colours for things that have an order, such as ROIs.
pub(super) fn ordered_colour(index: usize, n: usize) -> RGBColor {
    blend(&ORDERED, index as f64 / n.saturating_sub(1).max(1) as f64)
}

/// Colour of an amount as a share of the largest, 0 to 1.
pub(super) fn amount_colour(share: f64) -> RGBColor {
    blend(&AMOUNT, share)
}

/// Ink that can be read on a ground of this colour.
pub(super) fn ink_on(ground: RGBColor) -> RGBColor {
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

/// A step of 1, 2 or 5 × 10ⁿ that divides `span` into at most `most` parts.
pub(super) fn nice_step(span: f64, most: f64) -> f64 {
    let raw = span / most;
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&s| s >= raw * 0.999)
        .unwrap_or(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_what_tells_least() {
        let unit = |n: u32| format!("resnet_v2_101:block3:unit_{n}:bottleneck_v2");
        let (a, b) = (unit(10), unit(11));
        let alike = short_names(&[&a, &b]);
        assert_eq!(alike, ["unit_10:bottleneck_v2", "unit_11:bottleneck_v2"]);
        let mixed = short_names(&["conv1_abs", &a, &b]);
        assert_eq!(
            mixed[..2],
            ["conv1_abs", "resn…block3:unit_10:bottleneck_v2"]
        );
    }

    #[test]
    fn short_names_stay_whole() {
        assert_eq!(short_names(&["a:conv1", "a:conv2"]), ["a:conv1", "a:conv2"]);
    }

    #[test]
    fn names_that_differ_only_in_the_middle_are_numbered() {
        let name = |n: u32| format!("start_of_name_{n}_and_a_very_long_end_of_the_name");
        let names = [name(1), name(2)];
        let short = short_names(&names.each_ref().map(String::as_str));
        assert!(
            short[0].starts_with("1 ") && short[1].starts_with("2 "),
            "{short:?}"
        );
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(nice_step(0.53, 6.0), 0.1);
        assert_eq!(nice_step(1.9, 6.0), 0.5);
        assert_eq!(nice_step(1.0, 5.0), 0.2);
    }

    #[test]
    fn colours_end_at_the_ends_of_the_scale() {
        assert_eq!(ordered_colour(0, 5), ORDERED[0]);
        assert_eq!(ordered_colour(4, 5), ORDERED[4]);
        assert_eq!(ordered_colour(0, 1), ORDERED[0]);
        assert_eq!(amount_colour(f64::MAX), AMOUNT[3]);
    }
}
