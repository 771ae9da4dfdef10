//! Bars of the networks' scores, best first (after figure 3 of Nonaka et al. 2021).

use super::axis::{Scale, number};
use super::drawing::{Align, Drawing};
use super::font;
use super::names::{fitted, short_names};
use super::style::{
    FAINT, GAP, GREY, HIGHLIGHT, INK, LINE, PLAIN, RULE, SINGLE, SMALL, SQUARE, Style,
};

/// Room for the names of networks.
const NAMES: i32 = 560;

/// Height of a network's row.
const ROW: i32 = 44;

/// Free space above and below a bar in its row.
const BAR_MARGIN: i32 = 6;

/// The widest number beside a bar.
const NUMBER: &str = "−0.00";

/// Names and numbers of highlighted networks.
const BOLD: Style = Style {
    bold: true,
    ..SMALL
};

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

/// Horizontal bars sorted by score, undefined ones last, 85 mm wide.
///
/// Known networks are grey, those with `highlight` blue with bold names; numbers stand at the bars.
/// `quantity` names the axis.
pub fn ranking(rows: &[RankedNetwork], quantity: &str) -> Drawing {
    let mut sorted: Vec<&RankedNetwork> = rows.iter().collect();
    sorted.sort_by(|a, b| {
        let descending = |score: Option<f64>| score.map_or(f64::INFINITY, |score| -score);
        descending(defined(a)).total_cmp(&descending(defined(b)))
    });
    let names: Vec<&str> = sorted.iter().map(|row| row.name.as_str()).collect();
    let names = short_names(&names, NAMES, BOLD);
    let both_kinds = rows.iter().any(|r| r.highlight) && rows.iter().any(|r| !r.highlight);
    let top = GAP + if both_kinds { LINE } else { 0 };
    let bottom = top + ROW * sorted.len() as i32;
    let left = 2 * GAP + font::widest(names.iter().map(String::as_str), BOLD);
    let scale = roomy_scale(sorted.iter().filter_map(|row| defined(row)), left);
    let mut canvas = Drawing::new(SINGLE, bottom + 2 * LINE + GAP);
    if both_kinds {
        legend(&mut canvas, left);
    }
    axis(&mut canvas, &scale, top, bottom, quantity);
    for (index, (row, name)) in sorted.iter().zip(&names).enumerate() {
        let y = top + ROW * index as i32;
        bar(&mut canvas, &scale, y, row);
        let style = if row.highlight { BOLD } else { SMALL };
        canvas.text(name, (left - GAP, y + ROW / 2), Align::Right, style);
    }
    canvas.line((scale.at(0.0), top), (scale.at(0.0), bottom), INK);
    canvas
}

/// A network's score if it has one.
fn defined(row: &RankedNetwork) -> Option<f64> {
    row.published.filter(|score| score.is_finite())
}

/// The scale between the names and the right edge, with room for the numbers beside the bars.
fn roomy_scale(scores: impl Iterator<Item = f64> + Clone, left: i32) -> Scale {
    let beside = font::width(NUMBER, BOLD) + GAP;
    let lowest = scores.clone().fold(0.0, f64::min);
    let highest = scores.clone().fold(0.0, f64::max);
    let mut scale = Scale::covering(scores.chain([0.0]), 6.0, left, SINGLE - 2 * GAP);
    if lowest < 0.0 {
        scale.from += (left + beside - scale.at(lowest)).max(0);
    }
    scale.to -= (scale.at(highest) + beside + GAP / 2 - SINGLE).max(0);
    scale
}

fn legend(canvas: &mut Drawing, left: i32) {
    let mut x = left;
    for (colour, text) in [(HIGHLIGHT, "this study"), (GREY, "published")] {
        canvas.rectangle((x, GAP + 6), (x + SQUARE, GAP + 6 + SQUARE), colour);
        canvas.text(text, (x + SQUARE + GAP / 2, GAP + 20), Align::Left, PLAIN);
        x += SQUARE + 2 * GAP + font::width(text, PLAIN);
    }
}

fn axis(canvas: &mut Drawing, scale: &Scale, top: i32, bottom: i32, quantity: &str) {
    let ticks = scale.ticks();
    let widest = font::widest(ticks.iter().map(|(_, word)| word.as_str()), PLAIN) + GAP;
    let apart = (scale.to - scale.from) / (ticks.len() as i32 - 1).max(1);
    let every = ((widest + apart - 1) / apart.max(1)).max(1);
    for (index, (x, word)) in ticks.iter().enumerate() {
        canvas.line((*x, top), (*x, bottom), RULE);
        if index as i32 % every == 0 {
            canvas.text(word, (*x, bottom + LINE / 2), Align::Middle, PLAIN);
        }
    }
    let name = fitted(quantity, SINGLE - 2 * GAP, PLAIN);
    let half = font::width(&name, PLAIN) / 2;
    let middle = ((scale.from + scale.to) / 2)
        .min(SINGLE - GAP - half)
        .max(GAP + half);
    canvas.text(
        &name,
        (middle, bottom + LINE + LINE / 2),
        Align::Middle,
        PLAIN,
    );
}

fn bar(canvas: &mut Drawing, scale: &Scale, y: i32, row: &RankedNetwork) {
    let (colour, style) = if row.highlight {
        (HIGHLIGHT, BOLD)
    } else {
        (GREY, SMALL)
    };
    let zero = scale.at(0.0);
    let middle = y + ROW / 2;
    let Some(score) = defined(row) else {
        return canvas.text("undefined", (zero + GAP / 2, middle), Align::Left, FAINT);
    };
    let end = scale.at(score);
    canvas.rectangle(
        (zero.min(end), y + BAR_MARGIN),
        (zero.max(end), y + ROW - BAR_MARGIN),
        colour,
    );
    let text = number(score, 2);
    if score < 0.0 {
        canvas.text(&text, (end - GAP / 2, middle), Align::Right, style);
    } else {
        canvas.text(&text, (end + GAP / 2, middle), Align::Left, style);
    }
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
        let svg = ranking(&rows, "score").svg();
        let at = |name: &str| {
            svg.find(name)
                .unwrap_or_else(|| panic!("no {name} in {svg}"))
        };
        assert!(at("\nbest\n") < at("\nworst\n") && at("\nworst\n") < at("\nnone\n"));
        assert!(svg.contains("\nundefined\n"));
    }

    #[test]
    fn no_rows_and_equal_rows_are_drawn() {
        assert!(ranking(&[], "score").svg().ends_with("</svg>\n"));
        assert!(
            ranking(&[row("zero", Some(0.0), true)], "score")
                .svg()
                .contains("\nzero\n")
        );
    }

    #[test]
    fn names_are_escaped() {
        let svg = ranking(&[row("a<b>&c", Some(0.1), true)], "score").svg();
        assert!(!svg.contains("a<b>") && svg.contains("a&lt;b"), "{svg}");
    }
}
