//! Loss along a training: every step, and the validation after each epoch.

use super::axis::Scale;
use super::drawing::{Align, Drawing};
use super::style::{FAINT, FAINT_INK, GAP, GREY, HIGHLIGHT, LINE, PLAIN, RULE, SINGLE, TITLE};

/// Height of the figure.
const HEIGHT: i32 = 850;
/// Space of the vertical ticks and the name of their axis.
const LEFT: i32 = 170;
/// Width of the line through the steps, and of the one through the validations.
const WIDTHS: (i32, i32) = (3, 6);
/// Radius of a validation's dot.
const DOT: i32 = 9;
/// Most ticks of an axis.
const MOST_TICKS: f64 = 6.0;
/// Most points of the line through the steps: more would hide each other.
const MOST_POINTS: usize = 1000;

/// Loss of batches (grey line) and of all validation images (blue dots) over epochs, 85 mm wide.
///
/// - `steps`: epoch, fractional, and mean cross entropy of each step in nats; of many steps, means of neighbours
///   are drawn.
/// - `validations`: the same of each validation.
pub fn loss_curve(steps: &[(f64, f64)], validations: &[(f64, f64)], title: &str) -> Drawing {
    let mut canvas = Drawing::new(SINGLE, HEIGHT);
    let all = || steps.iter().chain(validations);
    let (top, bottom) = (2 * GAP + 2 * LINE + LINE / 2, HEIGHT - GAP - 2 * LINE);
    let across = Scale::covering(
        all().map(|point| point.0).chain([0.0]),
        MOST_TICKS,
        LEFT,
        SINGLE - 2 * GAP,
    );
    let up = Scale::covering(
        all().map(|point| point.1).chain([0.0]),
        MOST_TICKS,
        bottom,
        top,
    );
    canvas.text(title, (GAP, GAP + LINE / 2), Align::Left, TITLE);
    let key = "Grey: batches of training; blue: all validation images";
    canvas.text(key, (GAP, GAP + LINE + LINE / 2), Align::Left, FAINT);
    for (y, word) in up.ticks() {
        canvas.line((across.from, y), (across.to, y), RULE);
        canvas.text(&word, (across.from - GAP, y), Align::Right, PLAIN);
    }
    for (x, word) in across.ticks() {
        canvas.text(
            &word,
            (x, bottom + LINE / 2 + GAP / 2),
            Align::Middle,
            PLAIN,
        );
    }
    canvas.line((across.from, bottom), (across.to, bottom), FAINT_INK);
    let middle = (across.from + across.to) / 2;
    let below = HEIGHT - GAP - LINE / 2;
    canvas.text("epoch", (middle, below), Align::Middle, PLAIN);
    let name = "cross entropy (nats)";
    canvas.upright_text(name, (GAP + LINE / 2, (top + bottom) / 2), PLAIN);
    let place = |&(epoch, loss): &(f64, f64)| (across.at(epoch), up.at(loss));
    let line: Vec<_> = thinned(steps).iter().map(place).collect();
    if line.len() > 1 {
        canvas.path(line, WIDTHS.0, GREY);
    }
    let dots: Vec<_> = validations.iter().map(place).collect();
    if dots.len() > 1 {
        canvas.path(dots.clone(), WIDTHS.1, HIGHLIGHT);
    }
    for dot in dots {
        canvas.dot(dot, DOT, HIGHLIGHT);
    }
    canvas
}

/// Means of neighbours, so many that at most [`MOST_POINTS`] are left.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(MOST_POINTS).max(1);
    let means = points.chunks(size).map(|part| {
        let n = part.len() as f64;
        let sums = (part.iter()).fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        (sums.0 / n, sums.1 / n)
    });
    means.collect()
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Mark;
    use super::*;

    #[test]
    fn steps_are_a_line_and_validations_dots() {
        let steps: Vec<(f64, f64)> = (0..2500)
            .map(|i| (f64::from(i) / 500.0, 3.0 / f64::from(i + 1)))
            .collect();
        let drawing = loss_curve(&steps, &[(1.0, 2.0), (2.0, 1.5)], "CORnet-Z");
        let lines = drawing.marks.iter().filter_map(|mark| match mark {
            Mark::Line(points, _, colour) if *colour == GREY => Some(points.len()),
            _ => None,
        });
        assert_eq!(lines.collect::<Vec<_>>(), [834]);
        let dots = |mark: &&Mark| matches!(mark, Mark::Dot(..));
        assert_eq!(drawing.marks.iter().filter(dots).count(), 2);
        assert!(drawing.svg().contains("CORnet-Z"));
    }

    #[test]
    fn nothing_yet_is_an_empty_figure() {
        assert!(loss_curve(&[], &[], "CORnet-Z").svg().contains("epoch"));
    }
}
