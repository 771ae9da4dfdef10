//! Scatter of one property of models against another, with the Theil–Sen line.

use plotters::style::RGBColor;

use super::figure::{
    Align, Canvas, FAINT_INK, GAP, INK, LINE, PLAIN, RULE, SMALL_TEXT, Style, TITLE, WIDTH, draw,
    nice_step, ordered_colour, text_width, widest,
};
use super::relation::p_text;
use crate::relate::pair::Pair;
use crate::stats::relation::Coefficient;

/// Height of the field of points.
const FIELD: i32 = 900;

/// Radius of a point.
const RADIUS: i32 = 11;

/// Height of a model's name.
const NAME: i32 = 24;

/// Points without groups: blue.
const POINT: RGBColor = RGBColor(0, 90, 160);

/// Free space between the data and the field's edges, as a share of their range.
const MARGIN: f64 = 0.06;

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

/// From values to drawing units along one axis.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
    from: i32,
    to: i32,
}

impl Scale {
    fn of(values: &[f64], from: i32, to: i32) -> Scale {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = match high > low {
            true => (low, high),
            false if low.is_finite() => (low - 0.5, low + 0.5),
            false => (0.0, 1.0),
        };
        let margin = MARGIN * (high - low);
        Scale {
            low: low - margin,
            high: high + margin,
            step: nice_step(high - low, TICKS),
            from,
            to,
        }
    }

    fn at(&self, value: f64) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + (share * f64::from(self.to - self.from)).round() as i32
    }

    /// Round values within the axis and their texts.
    fn ticks(&self) -> Vec<(f64, String)> {
        let decimals = (-self.step.log10().floor()).clamp(0.0, 12.0) as usize;
        let first = (self.low / self.step).ceil() as i64;
        let last = (self.high / self.step).floor() as i64;
        let tick = |index: i64| {
            let value = index as f64 * self.step;
            (value, format!("{value:.decimals$}").replace('-', "−"))
        };
        (first..=last).map(tick).collect()
    }
}

/// Points with the names that fit, axes named, coefficients in the title, as SVG.
///
/// With groups points are coloured by group and a legend says which is which.
pub fn relation(pair: &Pair) -> String {
    let groups = group_names(pair);
    let legend = legend_lines(&groups);
    let top = GAP + LINE * (2 + legend.len() as i32);
    let bottom = top + FIELD;
    let y = Scale::of(&pair.sample.y, bottom, top);
    let ticks = y.ticks();
    let left = 2 * GAP + LINE + widest(ticks.iter().map(|(_, text)| text.as_str()), PLAIN.size);
    let right = WIDTH - 2 * GAP;
    let x = Scale::of(&pair.sample.x, left, right);
    draw(bottom + 2 * LINE + GAP, |canvas| {
        title(canvas, pair);
        draw_legend(canvas, &groups, &legend);
        axes(canvas, (&x, &y), pair);
        line(canvas, (&x, &y), pair);
        let points: Vec<(i32, i32)> = (pair.sample.x.iter().zip(&pair.sample.y))
            .map(|(&a, &b)| (x.at(a), y.at(b)))
            .collect();
        for (&point, group) in points.iter().zip(&pair.groups) {
            canvas.dot(point, RADIUS, colour(&groups, group.as_deref()));
        }
        names(canvas, pair, &points, ((left, top), (right, bottom)));
    })
}

fn title(canvas: &Canvas<'_>, pair: &Pair) {
    let part = |kind, symbol: &str| {
        let estimate = pair
            .estimates
            .iter()
            .find(|estimate| estimate.kind == kind)?;
        let r = estimate.r.as_ref().ok()?;
        let r = format!("{r:.2}").replace('-', "−");
        Some(format!(
            "{symbol} = {r} (p {})",
            p_text(estimate.p).replace('-', "−")
        ))
    };
    let mut parts = vec![format!("n = {}", pair.models.len())];
    parts.extend(part(Coefficient::Pearson, "r"));
    parts.extend(part(Coefficient::Spearman, "ρ"));
    let at = |line: i32| (WIDTH / 2, GAP + LINE * line + LINE / 2);
    canvas.text(&parts.join(", "), at(0), Align::Middle, TITLE);
    if let Some(partial) = part(Coefficient::Partial, "partial r") {
        let text = format!("{partial}, {} taken out", pair.controls.join(", "));
        canvas.text(&text, at(1), Align::Middle, PLAIN);
    }
}

fn axes(canvas: &Canvas<'_>, (x, y): (&Scale, &Scale), pair: &Pair) {
    for (value, text) in x.ticks() {
        let at = x.at(value);
        canvas.line((at, y.to), (at, y.from), RULE);
        canvas.text(&text, (at, y.from + LINE / 2), Align::Middle, PLAIN);
    }
    for (value, text) in y.ticks() {
        let at = y.at(value);
        canvas.line((x.from, at), (x.to, at), RULE);
        canvas.text(&text, (x.from - GAP / 2, at), Align::Right, PLAIN);
    }
    canvas.line((x.from, y.from), (x.to, y.from), INK);
    canvas.line((x.from, y.to), (x.from, y.from), INK);
    let middle = (x.from + x.to) / 2;
    canvas.text(
        &pair.x,
        (middle, y.from + LINE + LINE / 2),
        Align::Middle,
        PLAIN,
    );
    canvas.upright_text(&pair.y, (GAP + LINE / 2, (y.from + y.to) / 2), PLAIN);
}

/// The Theil–Sen line from edge to edge of the field.
fn line(canvas: &Canvas<'_>, (x, y): (&Scale, &Scale), pair: &Pair) {
    let Some(line) = pair.line else { return };
    let height = |x: f64| line.intercept + line.slope * x;
    let mut ends = [x.low, x.high];
    if line.slope != 0.0 {
        let mut meets = [y.low, y.high].map(|y| (y - line.intercept) / line.slope);
        meets.sort_by(f64::total_cmp);
        ends = [ends[0].max(meets[0]), ends[1].min(meets[1])];
    }
    if ends[0] < ends[1] {
        let [from, to] = ends.map(|end| (x.at(end), y.at(height(end))));
        canvas.line(from, to, FAINT_INK);
    }
}

/// Writes the names that find a place beside their point without touching another point or name.
fn names(canvas: &Canvas<'_>, pair: &Pair, points: &[(i32, i32)], field: Area) {
    let mut taken: Vec<Area> = points
        .iter()
        .map(|&(x, y)| ((x - RADIUS, y - RADIUS), (x + RADIUS, y + RADIUS)))
        .collect();
    for (name, &(x, y)) in pair.models.iter().zip(points) {
        let width = text_width(name, NAME);
        let off = RADIUS + 6;
        let places = [
            ((x + off, y), Align::Left, x + off),
            ((x - off, y), Align::Right, x - off - width),
            ((x, y - off - NAME / 2), Align::Middle, x - width / 2),
            ((x, y + off + NAME / 2), Align::Middle, x - width / 2),
        ];
        for (at, align, start) in places {
            let area = ((start, at.1 - NAME / 2), (start + width, at.1 + NAME / 2));
            let inside = area.0.0 >= field.0.0
                && area.1.0 <= field.1.0
                && area.0.1 >= field.0.1
                && area.1.1 <= field.1.1;
            if inside && !taken.iter().any(|other| overlap(area, *other)) {
                canvas.text(name, at, align, NAME_STYLE);
                taken.push(area);
                break;
            }
        }
    }
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
        None if groups.is_empty() => POINT,
        None => FAINT_INK,
    }
}

/// Breaks the legend into lines: ranges of groups.
fn legend_lines(groups: &[&str]) -> Vec<std::ops::Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (index, group) in groups.iter().enumerate() {
        let width = entry_width(group);
        if used + width > WIDTH - 2 * GAP && index > start {
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
    2 * RADIUS + 2 * GAP + text_width(group, SMALL_TEXT)
}

fn draw_legend(canvas: &Canvas<'_>, groups: &[&str], lines: &[std::ops::Range<usize>]) {
    let style = Style {
        size: SMALL_TEXT,
        ..PLAIN
    };
    for (line, range) in lines.iter().enumerate() {
        let y = GAP + LINE * (2 + line as i32) + LINE / 2 - GAP / 2;
        let mut x = GAP;
        for group in &groups[range.clone()] {
            canvas.dot((x + RADIUS, y), RADIUS, colour(groups, Some(group)));
            canvas.text(group, (x + 3 * RADIUS, y), Align::Left, style);
            x += entry_width(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::relation::Sample;

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
        let svg = relation(&pair(&[1.0, 1.0, 3.0], &[0.1, 0.1, -5.0]));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(
            svg.contains("\nmodel2\n") && svg.contains("a&lt;b"),
            "{svg}"
        );
        let scale = Scale::of(&[1.0, 3.0], 100, 900);
        assert!(scale.at(1.0) > 100 && scale.at(3.0) < 900);
    }

    #[test]
    fn nothing_and_equal_points_are_drawn() {
        assert!(relation(&pair(&[], &[])).ends_with("</svg>\n"));
        assert!(relation(&pair(&[2.0, 2.0], &[1.0, 1.0])).contains("<circle"));
    }

    #[test]
    fn ticks_are_round() {
        let texts = |values: &[f64]| -> Vec<String> {
            let ticks = Scale::of(values, 0, 100).ticks();
            ticks.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(
            texts(&[-0.1, 0.2]),
            ["−0.10", "−0.05", "0.00", "0.05", "0.10", "0.15", "0.20"]
        );
        assert_eq!(
            texts(&[0.0, 1000.0]),
            ["0", "200", "400", "600", "800", "1000"]
        );
    }
}
