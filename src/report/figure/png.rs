//! Drawings as PNG: the same marks with the outlines of the same letters.
//!
//! Edges of rectangles and of upright and level lines fall on pixels, so that they are crisp; all else
//! is smoothed. Nothing depends on the machine: equal drawings give equal bytes.

use tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};
use ttf_parser::OutlineBuilder;

use super::drawing::{Align, Drawing, Label, Mark, Point};
use super::font;
use super::style::{PAPER, UNITS_PER_MM};
use plotters::style::RGBColor;

/// Dots per inch, what journals ask for.
const RESOLUTION: f64 = 300.0;

/// Millimetres in an inch.
const INCH: f64 = 25.4;

/// Pixels in a drawing unit.
const SCALE: f32 = (RESOLUTION / INCH / UNITS_PER_MM) as f32;

/// Paper that sets a dot apart from what lies under it, in drawing units.
const HAIRLINE: i32 = 3;

/// Width and height of a drawing in pixels.
pub(super) fn size(drawing: &Drawing) -> (u32, u32) {
    let pixels = |units: i32| (units.max(1) as f32 * SCALE).round().max(1.0) as u32;
    (pixels(drawing.width), pixels(drawing.height))
}

/// The file's bytes: 8-bit RGB with its resolution.
pub(super) fn file(drawing: &Drawing) -> Vec<u8> {
    let (width, height) = size(drawing);
    let mut pixmap = Pixmap::new(width, height).expect("both sides are at least 1");
    pixmap.fill(Color::WHITE);
    for mark in &drawing.marks {
        draw(&mut pixmap, mark);
    }
    let rgb: Vec<u8> = pixmap
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    encode(&rgb, width, height).expect("memory takes all bytes")
}

fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ::png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Balanced);
    // Flat colours repeat best as they are.
    encoder.set_filter(::png::Filter::NoFilter);
    let per_metre = (RESOLUTION / INCH * 1000.0).round() as u32;
    encoder.set_pixel_dims(Some(::png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: ::png::Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

fn draw(pixmap: &mut Pixmap, mark: &Mark) {
    match mark {
        Mark::Rectangle(from, to, colour) => rectangle(pixmap, *from, *to, *colour),
        Mark::Line(points, width, colour) => line(pixmap, points, *width, *colour),
        Mark::Area(points, colour) => fill(pixmap, polygon(points, true), *colour),
        Mark::Dot(centre, radius, colour) => {
            fill(pixmap, circle(*centre, radius + HAIRLINE), PAPER);
            fill(pixmap, circle(*centre, *radius), *colour);
        }
        Mark::Text(label) => text(pixmap, label),
    }
}

fn paint(colour: RGBColor) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour.0, colour.1, colour.2, u8::MAX);
    paint
}

fn fill(pixmap: &mut Pixmap, path: Option<Path>, colour: RGBColor) {
    // A path without extent has nothing to fill.
    if let Some(path) = path {
        let paint = paint(colour);
        pixmap.fill_path(
            &path,
            &paint,
            FillRule::Winding,
            Transform::identity(),
            None,
        );
    }
}

fn pixel(units: i32) -> f32 {
    units as f32 * SCALE
}

fn rectangle(pixmap: &mut Pixmap, from: Point, to: Point, colour: RGBColor) {
    let edges = |a: i32, b: i32| (pixel(a.min(b)).round(), pixel(a.max(b)).round());
    let ((left, right), (top, bottom)) = (edges(from.0, to.0), edges(from.1, to.1));
    if let Some(rectangle) = Rect::from_ltrb(left, top, right, bottom) {
        pixmap.fill_rect(rectangle, &paint(colour), Transform::identity(), None);
    }
}

fn line(pixmap: &mut Pixmap, points: &[Point], width: i32, colour: RGBColor) {
    if let [from, to] = points {
        let thick = pixel(width).round().max(1.0);
        let start = |units: i32| (pixel(units) - thick / 2.0).round();
        let rectangle = if from.0 == to.0 {
            let (top, bottom) = (
                pixel(from.1.min(to.1)).round(),
                pixel(from.1.max(to.1)).round(),
            );
            Rect::from_xywh(start(from.0), top, thick, bottom - top)
        } else if from.1 == to.1 {
            let (left, right) = (
                pixel(from.0.min(to.0)).round(),
                pixel(from.0.max(to.0)).round(),
            );
            Rect::from_xywh(left, start(from.1), right - left, thick)
        } else {
            None
        };
        if let Some(rectangle) = rectangle {
            return pixmap.fill_rect(rectangle, &paint(colour), Transform::identity(), None);
        }
    }
    if let Some(path) = polygon(points, false) {
        let stroke = Stroke {
            width: pixel(width),
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        pixmap.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
    }
}

fn polygon(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, point) in points.iter().enumerate() {
        let (x, y) = (pixel(point.0), pixel(point.1));
        if index == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn circle(centre: Point, radius: i32) -> Option<Path> {
    PathBuilder::from_circle(pixel(centre.0), pixel(centre.1), pixel(radius))
}

fn text(pixmap: &mut Pixmap, label: &Label) {
    let width = font::width(&label.text, label.style) as f32;
    let start = match label.align {
        Align::Left => 0.0,
        Align::Middle => -width / 2.0,
        Align::Right => -width,
    };
    let drop = font::half_x_height(label.style);
    let turn = if label.upright { -90.0 } else { 0.0 };
    let place = Transform::from_translate(start, drop)
        .post_concat(Transform::from_rotate(turn))
        .post_translate(label.at.0 as f32, label.at.1 as f32)
        .post_scale(SCALE, SCALE);
    let letters = font::outlines(&label.text, label.style, |start, scale| Letter {
        path: PathBuilder::new(),
        start,
        scale,
    });
    let paint = paint(label.style.colour);
    for path in letters
        .into_iter()
        .filter_map(|letter| letter.path.finish())
    {
        pixmap.fill_path(&path, &paint, FillRule::Winding, place, None);
    }
}

/// Outline of a letter that starts somewhere on the baseline, y down.
struct Letter {
    path: PathBuilder,
    start: f32,
    scale: f32,
}

impl Letter {
    fn x(&self, x: f32) -> f32 {
        self.start + x * self.scale
    }

    fn y(&self, y: f32) -> f32 {
        -y * self.scale
    }
}

impl OutlineBuilder for Letter {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = (self.x(x), self.y(y));
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = (self.x(x), self.y(y));
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (x1, y1, x, y) = (self.x(x1), self.y(y1), self.x(x), self.y(y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let first = (self.x(x1), self.y(y1));
        let second = (self.x(x2), self.y(y2));
        let (x, y) = (self.x(x), self.y(y));
        self.path
            .cubic_to(first.0, first.1, second.0, second.1, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
