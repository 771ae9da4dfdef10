//! Drawings as SVG. Text stays text: it can be selected, searched and edited.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::prelude::{
    Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, Rectangle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, TextStyle};

use super::drawing::{Align, Drawing, Label, Mark};
use super::font;
use super::style::{PAPER, UNITS_PER_MM};

/// plotters divides sizes of text by this before it writes them.
const PLOTTERS_SIZE: f64 = 1.24;

/// Paper that sets a dot apart from what lies under it.
const HAIRLINE: i32 = 3;

/// Why drawing returns nothing.
const CANNOT_FAIL: &str = "drawing into a string cannot fail";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A whole file with the fonts inside.
pub(super) fn file(drawing: &Drawing) -> String {
    let element = element(drawing);
    let start = element.find("<svg").unwrap_or(0);
    let end = element[start..].find('>').map_or(0, |end| start + end + 1);
    let (head, body) = element.split_at(end);
    format!("{head}\n<style>\n{}</style>{body}", font::css())
}

/// The element without fonts.
pub(super) fn element(drawing: &Drawing) -> String {
    let mut svg = String::new();
    let size = (drawing.width.unsigned_abs(), drawing.height.unsigned_abs());
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        for mark in &drawing.marks {
            draw(&area, mark);
        }
    }
    let millimetres = |units: i32| f64::from(units) / UNITS_PER_MM;
    svg.replacen(
        &format!(r#"width="{}" height="{}""#, size.0, size.1),
        &format!(
            r#"width="{:.2}mm" height="{:.2}mm""#,
            millimetres(drawing.width),
            millimetres(drawing.height)
        ),
        1,
    )
}

fn draw(area: &Area<'_>, mark: &Mark) {
    match mark {
        Mark::Rectangle(from, to, colour) => {
            area.draw(&Rectangle::new([*from, *to], colour.filled()))
        }
        Mark::Line(points, width, colour) => area.draw(&PathElement::new(
            points.clone(),
            colour.stroke_width(width.unsigned_abs()),
        )),
        Mark::Area(points, colour) => area.draw(&Polygon::new(points.clone(), colour.filled())),
        Mark::Dot(centre, radius, colour) => area
            .draw(&Circle::new(*centre, radius + HAIRLINE, PAPER.filled()))
            .and_then(|()| area.draw(&Circle::new(*centre, *radius, colour.filled()))),
        Mark::Text(label) => area.draw(&text(label)),
    }
    .expect(CANNOT_FAIL);
}

fn text(label: &Label) -> Text<'_, (i32, i32), String> {
    let horizontal = match label.align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    let weight = if label.style.bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let turn = if label.upright {
        FontTransform::Rotate270
    } else {
        FontTransform::None
    };
    let font = (font::FAMILY, f64::from(label.style.size) * PLOTTERS_SIZE)
        .into_font()
        .style(weight)
        .transform(turn);
    let style = TextStyle::from(font)
        .color(&label.style.colour)
        .pos(Pos::new(horizontal, VPos::Center));
    Text::new(label.text.clone(), label.at, style)
}
