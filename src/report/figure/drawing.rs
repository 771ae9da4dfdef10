//! A figure as a list of marks; SVG and PNG are made from the same list.

use plotters::style::RGBColor;

use super::style::{PAPER, SINGLE, Style};
use super::{png, svg};

/// A point in drawing units, x to the right and y down from the top left corner.
pub(super) type Point = (i32, i32);

/// Which side of the given point a text lies on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Align {
    /// The point is the text's left end.
    Left,
    /// The point is the middle of the text.
    Middle,
    /// The point is the text's right end.
    Right,
}

/// A line of text whose lower-case letters are centred on its point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) at: Point,
    pub(super) align: Align,
    pub(super) style: Style,
    /// From bottom to top instead of left to right.
    pub(super) upright: bool,
}

/// One mark.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    /// Filled rectangle between two corners.
    Rectangle(Point, Point, RGBColor),
    /// Line through points, with its width.
    Line(Vec<Point>, i32, RGBColor),
    /// Filled area with corners.
    Area(Vec<Point>, RGBColor),
    /// Filled circle with a hairline of paper around it: centre and radius.
    Dot(Point, i32, RGBColor),
    /// Text.
    Text(Label),
}

/// Width of ordinary lines.
const THIN: i32 = 3;

/// A drawn figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) marks: Vec<Mark>,
}

impl Drawing {
    /// An empty sheet, in drawing units.
    pub(super) fn new(width: i32, height: i32) -> Drawing {
        let ground = Mark::Rectangle((0, 0), (width, height), PAPER);
        Drawing {
            width,
            height,
            marks: vec![ground],
        }
    }

    /// The figure as an SVG file with its fonts.
    pub fn svg(&self) -> String {
        svg::file(self)
    }

    /// The figure as an SVG element for a page that has the [fonts](super::font_css) already.
    pub fn svg_element(&self) -> String {
        svg::element(self)
    }

    /// The figure as a PNG file of 300 dots per inch.
    pub fn png(&self) -> Vec<u8> {
        png::file(self)
    }

    /// Two columns wide rather than one.
    pub fn is_wide(&self) -> bool {
        self.width > SINGLE
    }

    pub(super) fn rectangle(&mut self, from: Point, to: Point, colour: RGBColor) {
        self.marks.push(Mark::Rectangle(from, to, colour));
    }

    pub(super) fn line(&mut self, from: Point, to: Point, colour: RGBColor) {
        self.marks.push(Mark::Line(vec![from, to], THIN, colour));
    }

    pub(super) fn path(&mut self, points: Vec<Point>, width: i32, colour: RGBColor) {
        self.marks.push(Mark::Line(points, width, colour));
    }

    pub(super) fn area(&mut self, points: Vec<Point>, colour: RGBColor) {
        self.marks.push(Mark::Area(points, colour));
    }

    pub(super) fn dot(&mut self, centre: Point, radius: i32, colour: RGBColor) {
        self.marks.push(Mark::Dot(centre, radius, colour));
    }

    /// Writes a line of text centred on `at` vertically.
    pub(super) fn text(&mut self, text: &str, at: Point, align: Align, style: Style) {
        self.write(text, at, align, style, false);
    }

    /// Writes text from bottom to top, centred on `at`.
    pub(super) fn upright_text(&mut self, text: &str, at: Point, style: Style) {
        self.write(text, at, Align::Middle, style, true);
    }

    fn write(&mut self, text: &str, at: Point, align: Align, style: Style, upright: bool) {
        self.marks.push(Mark::Text(Label {
            text: text.to_owned(),
            at,
            align,
            style,
            upright,
        }));
    }
}
