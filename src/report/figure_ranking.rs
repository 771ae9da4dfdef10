//! Bars of the networks' scores, best first (after figure 3 of Nonaka et al. 2021).

use plotters::style::RGBColor;

use super::figure::{
    Align, Canvas, FAINT_INK, GAP, INK, LINE, PLAIN, RULE, SMALL_TEXT, Style, WIDTH, draw,
    nice_step, short_names, text_width, widest,
};

/// Height of a network's row.
const ROW: i32 = 44;

/// Free space above and below a bar in its row.
const BAR_MARGIN: i32 = 6;

/// Bars of networks known before.
const GREY: RGBColor = RGBColor(168, 168, 168);

/// Bars of the user's networks: blue differs from grey in every kind of colour vision.
const HIGHLIGHT: RGBColor = RGBColor(0, 90, 160);

/// Room beside a bar for its number, as many letters as `-0.000`.
const NUMBER: &str = "-0.00";

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedNetwork {
    /// Name of the network.
    pub name: String,
    /// BH score by the published rule, -1 to 1; `None` where it is undefined.
    pub published: Option<f64>,
    /// One of the user's networks rather than a known one.
    pub highlight: bool,
}

/// Where scores lie on the horizontal axis.
struct Scale {
    low: f64,
    step: f64,
    n_steps: i32,
    left: i32,
    right: i32,
}

impl Scale {
    /// From zero or the lowest score to zero or the highest, in round steps.
    fn of(scores: impl Iterator<Item = f64> + Clone, left: i32, right: i32) -> Scale {
        let lowest = scores.clone().fold(0.0, f64::min);
        let highest = scores.fold(0.0, f64::max);
        let span = if highest > lowest {
            highest - lowest
        } else {
            1.0
        };
        let step = nice_step(span, 8.0);
        let below = (lowest / step + 1e-9).floor();
        let above = (highest.max(lowest + span) / step - 1e-9)
            .ceil()
            .max(below + 1.0);
        Scale {
            low: below * step,
            step,
            n_steps: (above - below) as i32,
            left,
            right,
        }
    }

    fn x(&self, score: f64) -> i32 {
        let share = (score - self.low) / (self.step * f64::from(self.n_steps));
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }
}

/// Horizontal bars sorted by score, undefined ones last, as SVG.
///
/// Known networks are grey, those with `highlight` blue with bold names; numbers stand at the bars.
pub fn ranking(rows: &[RankedNetwork]) -> String {
    let mut sorted: Vec<&RankedNetwork> = rows.iter().collect();
    let key = |row: &RankedNetwork| row.published.filter(|score| !score.is_nan());
    sorted.sort_by(|a, b| {
        let descending = |score: Option<f64>| score.map_or(f64::INFINITY, |score| -score);
        descending(key(a)).total_cmp(&descending(key(b)))
    });
    let names = short_names(
        &sorted
            .iter()
            .map(|row| row.name.as_str())
            .collect::<Vec<_>>(),
    );
    let both_kinds = rows.iter().any(|r| r.highlight) && rows.iter().any(|r| !r.highlight);
    let top = GAP + if both_kinds { LINE } else { 0 };
    let bottom = top + ROW * sorted.len() as i32;
    // Bold names are a little wider.
    let left = GAP + widest(names.iter().map(String::as_str), SMALL_TEXT + 2) + GAP;
    let scale = roomy_scale(sorted.iter().filter_map(|row| key(row)), left);
    draw(bottom + 2 * LINE + GAP, |canvas| {
        if both_kinds {
            legend(canvas, left);
        }
        axis(canvas, &scale, top, bottom);
        for (index, (row, name)) in sorted.iter().zip(&names).enumerate() {
            let y = top + ROW * index as i32;
            bar(canvas, &scale, y, key(row), row.highlight);
            let style = Style {
                size: SMALL_TEXT,
                colour: INK,
                bold: row.highlight,
            };
            canvas.text(name, (left - GAP, y + ROW / 2), Align::Right, style);
        }
        canvas.line((scale.x(0.0), top), (scale.x(0.0), bottom), INK);
    })
}

/// The scale between the names and the right edge, with room for the numbers beside the bars.
fn roomy_scale(scores: impl Iterator<Item = f64> + Clone, left: i32) -> Scale {
    let number = text_width(NUMBER, SMALL_TEXT) + GAP;
    let right = WIDTH - GAP - number / 2;
    let lowest = scores.clone().fold(0.0, f64::min);
    let highest = scores.clone().fold(0.0, f64::max);
    let mut scale = Scale::of(scores, left + number / 2, right);
    if lowest < 0.0 {
        scale.left += (left + number - scale.x(lowest)).max(0);
    }
    scale.right -= (scale.x(highest) + number + GAP - WIDTH).max(0);
    scale
}

fn legend(canvas: &Canvas<'_>, left: i32) {
    let mut x = left;
    for (colour, text) in [(HIGHLIGHT, "this study"), (GREY, "published")] {
        canvas.rectangle((x, GAP + 8), (x + 28, GAP + 36), colour);
        canvas.text(text, (x + 28 + GAP / 2, GAP + 22), Align::Left, PLAIN);
        x += 28 + 2 * GAP + text_width(text, PLAIN.size);
    }
}

fn axis(canvas: &Canvas<'_>, scale: &Scale, top: i32, bottom: i32) {
    for tick in 0..=scale.n_steps {
        let score = scale.low + f64::from(tick) * scale.step;
        let x = scale.x(score);
        canvas.line((x, top), (x, bottom), RULE);
        let text = format!(
            "{:.1}",
            if score.abs() < scale.step / 2.0 {
                0.0
            } else {
                score
            }
        );
        let decimals = if scale.step < 0.1 {
            format!("{score:.2}")
        } else {
            text
        };
        canvas.text(
            &minus(&decimals),
            (x, bottom + LINE / 2),
            Align::Middle,
            PLAIN,
        );
    }
    let middle = (scale.left + scale.right) / 2;
    canvas.text(
        "Brain Hierarchy score",
        (middle, bottom + LINE + LINE / 2),
        Align::Middle,
        PLAIN,
    );
}

fn bar(canvas: &Canvas<'_>, scale: &Scale, y: i32, score: Option<f64>, highlight: bool) {
    let colour = if highlight { HIGHLIGHT } else { GREY };
    let zero = scale.x(0.0);
    let middle = y + ROW / 2;
    let style = Style {
        size: SMALL_TEXT,
        colour: INK,
        bold: highlight,
    };
    let Some(score) = score else {
        let style = Style {
            colour: FAINT_INK,
            ..style
        };
        return canvas.text("undefined", (zero + GAP / 2, middle), Align::Left, style);
    };
    let end = scale.x(score);
    canvas.rectangle(
        (zero.min(end), y + BAR_MARGIN),
        (zero.max(end), y + ROW - BAR_MARGIN),
        colour,
    );
    let text = minus(&format!("{score:.2}"));
    if score < 0.0 {
        canvas.text(&text, (end - GAP / 2, middle), Align::Right, style);
    } else {
        canvas.text(&text, (end + GAP / 2, middle), Align::Left, style);
    }
}

/// A number with a true minus sign.
fn minus(number: &str) -> String {
    number.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, published: Option<f64>, highlight: bool) -> RankedNetwork {
        RankedNetwork {
            name: name.to_owned(),
            published,
            highlight,
        }
    }

    #[test]
    fn best_network_comes_first_and_undefined_last() {
        let rows = [
            row("worst", Some(-0.4), true),
            row("none", None, true),
            row("best", Some(0.5), false),
        ];
        let svg = ranking(&rows);
        let at = |name: &str| {
            svg.find(name)
                .unwrap_or_else(|| panic!("no {name} in {svg}"))
        };
        assert!(at("\nbest\n") < at("\nworst\n") && at("\nworst\n") < at("\nnone\n"));
        assert!(svg.contains("\nundefined\n"));
    }

    #[test]
    fn negative_bars_end_left_of_zero() {
        let scale = Scale::of([-0.84, 0.83].into_iter(), 100, 1100);
        assert!(scale.x(-0.84) < scale.x(0.0) && scale.x(0.0) < scale.x(0.83));
        assert!(scale.x(-0.84) >= 100 && scale.x(0.83) <= 1100);
    }

    #[test]
    fn axis_starts_at_zero_where_nothing_is_negative() {
        let scale = Scale::of([0.1, 0.43].into_iter(), 100, 1100);
        assert_eq!((scale.low, scale.x(0.0)), (0.0, 100));
    }

    #[test]
    fn no_rows_and_equal_rows_are_drawn() {
        assert!(ranking(&[]).ends_with("</svg>\n"));
        assert!(ranking(&[row("zero", Some(0.0), true)]).contains("\nzero\n"));
    }

    #[test]
    fn names_are_escaped() {
        let svg = ranking(&[row("a<b>&c", Some(0.1), true)]);
        assert!(!svg.contains("a<b>") && svg.contains("a&lt;b"), "{svg}");
    }
}
