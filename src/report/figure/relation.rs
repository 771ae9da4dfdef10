//! Scatter of one property of models against another, with the Theil–Sen line.

use plotters::style::RGBColor;

use super::axis::{Scale, number};
use super::drawing::{Align, Drawing, Point};
use super::font;
use super::names::fitted;
use super::style::{
    FAINT_INK, GAP, HIGHLIGHT, INK, LINE, PLAIN, RULE, SINGLE, SMALL, Style, TITLE, ordered_colour,
};
use crate::relate::pair::Pair;
use crate::report::relation::p_text;
use crate::stats::relation::Coefficient;

/// Height of the field of points.
const FIELD: i32 = 900;

/// Radius of a point.
const RADIUS: i32 = 11;

/// Height of a model's name.
const NAME: i32 = 26;

/// By how much a name is nearer to its own point than to others.
const CLEAR: i32 = 6;

/// Ticks on an axis at most.
const TICKS: f64 = 6.0;

/// Size and colour of model names.
const NAME_STYLE: Style = Style {
    size: NAME,
    colour: FAINT_INK,
    bold: false,
};

/// Left top and right bottom corner.
type Area = ((i32, i32), (i32, i32));

/// Points with the names that fit, axes named, coefficients above, 85 mm wide.
///
/// With groups points are coloured by group and a legend says which is which.
pub fn relation(pair: &Pair) -> Drawing {
    let groups = group_names(pair);
    let legend = legend_lines(&groups);
    let top = GAP + LINE * (3 + legend.len() as i32);
    let bottom = top + FIELD;
    let y = Scale::covering(pair.sample.y.iter().copied(), TICKS, bottom, top);
    let ticks = y.ticks();
    let widest = font::widest(ticks.iter().map(|(_, text)| text.as_str()), PLAIN);
    let (left, right) = (2 * GAP + LINE + widest + GAP / 2, SINGLE - 3 * GAP);
    let x = Scale::covering(pair.sample.x.iter().copied(), TICKS, left, right);
    let mut canvas = Drawing::new(SINGLE, bottom + 2 * LINE + GAP);
    heading(&mut canvas, pair);
    draw_legend(&mut canvas, &groups, &legend);
    axes(&mut canvas, (&x, &y), pair);
    let line = line(&mut canvas, (&x, &y), pair);
    let points: Vec<Point> = (pair.sample.x.iter().zip(&pair.sample.y))
        .map(|(&a, &b)| (x.at(a), y.at(b)))
        .collect();
    for (&point, group) in points.iter().zip(&pair.groups) {
        canvas.dot(point, RADIUS, colour(&groups, group.as_deref()));
    }
    names(
        &mut canvas,
        pair,
        (&points, line),
        ((left, top), (SINGLE - GAP / 2, bottom)),
    );
    canvas
}

/// Number of models, then the coefficients: a line each.
fn heading(canvas: &mut Drawing, pair: &Pair) {
    let part = |kind, symbol: &str| {
        let mut estimates = pair.estimates.iter();
        let estimate = estimates.find(|estimate| estimate.kind == kind)?;
        let r = number(*estimate.r.as_ref().ok()?, 2);
        let p = p_text(estimate.p).replace('-', "−");
        Some(format!("{symbol} = {r} (p {p})"))
    };
    let mut parts = vec![format!("n = {}", pair.models.len())];
    parts.extend(part(Coefficient::Pearson, "Pearson r"));
    let mut lines = vec![parts.join(", ")];
    lines.extend(part(Coefficient::Spearman, "Spearman ρ"));
    if let Some(partial) = part(Coefficient::Partial, "partial r") {
        lines.push(format!("{partial}, {} taken out", pair.controls.join(", ")));
    }
    for (index, text) in lines.iter().enumerate() {
        let style = if index == 0 { TITLE } else { PLAIN };
        let at = (SINGLE / 2, GAP + LINE * index as i32 + LINE / 2);
        canvas.text(
            &fitted(text, SINGLE - 2 * GAP, style),
            at,
            Align::Middle,
            style,
        );
    }
}

fn axes(canvas: &mut Drawing, (x, y): (&Scale, &Scale), pair: &Pair) {
    for (at, text) in x.ticks() {
        canvas.line((at, y.to), (at, y.from), RULE);
        canvas.text(&text, (at, y.from + LINE / 2 + 6), Align::Middle, PLAIN);
    }
    for (at, text) in y.ticks() {
        canvas.line((x.from, at), (x.to, at), RULE);
        canvas.text(&text, (x.from - GAP / 2, at), Align::Right, PLAIN);
    }
    canvas.line((x.from, y.from), (x.to, y.from), INK);
    canvas.line((x.from, y.to), (x.from, y.from), INK);
    let middle = ((x.from + x.to) / 2, y.from + LINE + LINE / 2 + 6);
    canvas.text(
        &fitted(&pair.x, x.to - x.from, PLAIN),
        middle,
        Align::Middle,
        PLAIN,
    );
    let middle = (GAP + LINE / 2, (y.from + y.to) / 2);
    canvas.upright_text(&fitted(&pair.y, FIELD, PLAIN), middle, PLAIN);
}

/// The Theil–Sen line as far as the data go; its ends.
fn line(canvas: &mut Drawing, (x, y): (&Scale, &Scale), pair: &Pair) -> Option<Area> {
    let line = pair.line?;
    let range = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        [
            low,
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ]
    };
    let mut ends = range(&pair.sample.x);
    if line.slope != 0.0 {
        let mut meets = range(&pair.sample.y).map(|y| (y - line.intercept) / line.slope);
        meets.sort_by(f64::total_cmp);
        ends = [ends[0].max(meets[0]), ends[1].min(meets[1])];
    }
    if ends[0] >= ends[1] {
        return None;
    }
    let [from, to] = ends.map(|end| (x.at(end), y.at(line.intercept + line.slope * end)));
    canvas.line(from, to, FAINT_INK);
    Some((from, to))
}

/// Small areas along a line.
fn along((from, to): Area) -> impl Iterator<Item = Area> {
    let n_steps = ((to.0 - from.0).abs().max((to.1 - from.1).abs()) / NAME * 4).max(1);
    (0..=n_steps).map(move |step| {
        let at = |from: i32, to: i32| from + (to - from) * step / n_steps;
        let (x, y) = (at(from.0, to.0), at(from.1, to.1));
        ((x - 2, y - 2), (x + 2, y + 2))
    })
}

/// Writes the names that find a place beside their point, farther from all others, without touching another
/// name or the line.
fn names(canvas: &mut Drawing, pair: &Pair, (points, line): (&[Point], Option<Area>), field: Area) {
    let mut taken: Vec<Area> = points
        .iter()
        .map(|&(x, y)| ((x - RADIUS, y - RADIUS), (x + RADIUS, y + RADIUS)))
        .chain(line.into_iter().flat_map(along))
        .collect();
    for (name, &(x, y)) in pair.models.iter().zip(points) {
        let width = font::width(name, NAME_STYLE);
        let off = RADIUS + 6;
        let places = [
            ((x + off, y), Align::Left, x + off),
            ((x - off, y), Align::Right, x - off - width),
            ((x, y - off - NAME / 2), Align::Middle, x - width / 2),
            ((x, y + off + NAME / 2), Align::Middle, x - width / 2),
            ((x + RADIUS, y - RADIUS - NAME / 2), Align::Left, x + RADIUS),
            ((x + RADIUS, y + RADIUS + NAME / 2), Align::Left, x + RADIUS),
            (
                (x - RADIUS, y - RADIUS - NAME / 2),
                Align::Right,
                x - RADIUS - width,
            ),
            (
                (x - RADIUS, y + RADIUS + NAME / 2),
                Align::Right,
                x - RADIUS - width,
            ),
        ];
        for (at, align, start) in places {
            let area = ((start, at.1 - NAME / 2), (start + width, at.1 + NAME / 2));
            let inside = area.0.0 >= field.0.0
                && area.1.0 <= field.1.0
                && area.0.1 >= field.0.1
                && area.1.1 <= field.1.1;
            let own = points
                .iter()
                .filter(|&&other| other != (x, y))
                .all(|&other| gap(area, other) > gap(area, (x, y)) + CLEAR);
            if inside && own && !taken.iter().any(|other| overlap(area, *other)) {
                canvas.text(name, at, align, NAME_STYLE);
                taken.push(area);
                break;
            }
        }
    }
}

/// How far a point is from an area, along the axis where that is more.
fn gap(area: Area, (x, y): Point) -> i32 {
    let beyond = |low: i32, at: i32, high: i32| (low - at).max(at - high).max(0);
    beyond(area.0.0, x, area.1.0).max(beyond(area.0.1, y, area.1.1))
}

fn overlap(a: Area, b: Area) -> bool {
    a.0.0 < b.1.0 && b.0.0 < a.1.0 && a.0.1 < b.1.1 && b.0.1 < a.1.1
}

/// Different groups in alphabetical order.
fn group_names(pair: &Pair) -> Vec<&str> {
    let mut names: Vec<&str> = pair.groups.iter().flatten().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn colour(groups: &[&str], group: Option<&str>) -> RGBColor {
    match group.and_then(|group| groups.iter().position(|name| *name == group)) {
        Some(index) => ordered_colour(index, groups.len()),
        None if groups.is_empty() => HIGHLIGHT,
        None => FAINT_INK,
    }
}

/// Breaks the legend into lines: ranges of groups.
fn legend_lines(groups: &[&str]) -> Vec<std::ops::Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (index, group) in groups.iter().enumerate() {
        let width = entry_width(group);
        if used + width > SINGLE - 2 * GAP && index > start {
            lines.push(start..index);
            (start, used) = (index, 0);
        }
        used += width;
    }
    if start < groups.len() {
        lines.push(start..groups.len());
    }
    lines
}

fn entry_width(group: &str) -> i32 {
    2 * RADIUS + 2 * GAP + font::width(group, SMALL)
}

fn draw_legend(canvas: &mut Drawing, groups: &[&str], lines: &[std::ops::Range<usize>]) {
    for (line, range) in lines.iter().enumerate() {
        let y = GAP + LINE * (3 + line as i32) + LINE / 2 - GAP / 2;
        let mut x = GAP;
        for group in &groups[range.clone()] {
            canvas.dot((x + RADIUS, y), RADIUS, colour(groups, Some(group)));
            canvas.text(group, (x + 3 * RADIUS, y), Align::Left, SMALL);
            x += entry_width(group);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::io::table::Table;
    use crate::relate::{Draws, Request, relate};
    use crate::stats::relation::Sample;

    /// The published encoding scores against accuracy in ImageNet: the README's example of `relate`.
    pub fn published() -> Pair {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let tables = ["imagenet_top1.csv", "published_bhscores.csv"];
        let tables = tables.map(|file| Table::read(data.join(file)).unwrap());
        let name = |name: &str| vec![name.to_owned()];
        let request = Request {
            x: name("imagenet_top1"),
            y: name("encoding"),
            controls: name("n_layers"),
            logs: name("n_layers"),
            draws: Draws {
                n_resamples: 0,
                ..Draws::default()
            },
            ..Request::default()
        };
        relate(&tables, &request).unwrap().pairs.remove(0)
    }

    fn pair(x: &[f64], y: &[f64]) -> Pair {
        Pair {
            x: "top1".to_owned(),
            y: "a<b".to_owned(),
            controls: Vec::new(),
            models: (0..x.len()).map(|index| format!("model{index}")).collect(),
            groups: vec![None; x.len()],
            sample: Sample {
                x: x.to_vec(),
                y: y.to_vec(),
                controls: Vec::new(),
            },
            left_out: Vec::new(),
            estimates: Vec::new(),
            line: crate::stats::theil_sen::line(x, y),
        }
    }

    #[test]
    fn points_lie_within_the_field_and_names_do_not_overlap() {
        let drawing = relation(&pair(&[1.0, 1.0, 3.0, 2.0], &[0.1, 0.1, -5.0, 0.0]));
        let svg = drawing.svg();
        // A dot is a disc and the paper around it.
        assert_eq!(svg.matches("<circle").count(), 2 * 4);
        assert!(svg.contains("model3") && svg.contains("a&lt;b"), "{svg}");
        // Two models at one point: the other's name would cover it.
        assert!(svg.contains("model0") || svg.contains("model1"), "{svg}");
    }

    #[test]
    fn nothing_and_equal_points_are_drawn() {
        assert!(!relation(&pair(&[], &[])).svg().contains("<circle"));
        let equal = relation(&pair(&[2.0, 2.0], &[1.0, 1.0]));
        assert!(equal.svg().contains("<circle"));
    }

    #[test]
    fn no_name_lies_on_the_line() {
        use super::super::drawing::Mark;
        let drawing = relation(&published());
        let is_line =
            |mark: &&Mark| matches!(mark, Mark::Line(_, _, colour) if *colour == FAINT_INK);
        let Some(Mark::Line(ends, ..)) = drawing.marks.iter().find(is_line) else {
            panic!("there is no line");
        };
        let (from, to) = (ends[0], ends[1]);
        let mut n_names = 0;
        for mark in &drawing.marks {
            let Mark::Text(label) = mark else { continue };
            if label.style.size != NAME {
                continue;
            }
            n_names += 1;
            let width = font::width(&label.text, NAME_STYLE);
            let left = match label.align {
                Align::Left => label.at.0,
                Align::Right => label.at.0 - width,
                Align::Middle => label.at.0 - width / 2,
            };
            for x in left.max(from.0)..(left + width).min(to.0) {
                let y = from.1 + (to.1 - from.1) * (x - from.0) / (to.0 - from.0);
                assert!((y - label.at.1).abs() >= NAME / 2 - 2, "{}", label.text);
            }
        }
        assert!(n_names > 12, "{n_names}");
    }
}
