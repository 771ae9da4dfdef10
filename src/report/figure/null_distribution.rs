//! A score among the scores that chance gives.

use super::axis::{Scale, number};
use super::drawing::{Align, Drawing};
use super::font;
use super::names::fitted;
use super::style::{FAINT, GAP, GREY, HIGHLIGHT, INK, LINE, PLAIN, RULE, SINGLE, Style, TITLE};

/// Height of the bars' area.
const HEIGHT: i32 = 520;

/// Below this p-values are written as a bound.
const LEAST_P: f64 = 0.001;

/// A score and the scores under a null hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct NullDistribution {
    /// The network's score, -1 to 1; `None` where undefined.
    pub observed: Option<f64>,
    /// Draws in bins of equal width from −1 to 1.
    pub counts: Vec<u64>,
    /// The test's p-value; `None` where undefined.
    pub p: Option<f64>,
    /// What was drawn, such as `layer orders`.
    pub what: String,
}

/// Histogram of the draws with a line at the observed score, 85 mm wide.
pub fn null_distribution(null: &NullDistribution, title: &str) -> Drawing {
    let observed = null.observed.filter(|score| score.is_finite());
    let (counts, edges) = bars(&null.counts);
    let highest = counts.iter().copied().max().unwrap_or(0);
    let (top, bottom) = (GAP + 3 * LINE, GAP + 3 * LINE + HEIGHT);
    let up = Scale::covering([0.0, highest.max(1) as f64].into_iter(), 5.0, bottom, top);
    let words = up.ticks();
    let left =
        2 * GAP + LINE + font::widest(words.iter().map(|(_, w)| w.as_str()), PLAIN) + GAP / 2;
    let ends = edges.iter().copied().chain(observed).chain([0.0]);
    let along = Scale::covering(ends, 6.0, left, SINGLE - 2 * GAP - LINE / 2);
    let mut canvas = Drawing::new(SINGLE, bottom + 2 * LINE + GAP);
    let title = fitted(title, SINGLE - 2 * GAP, TITLE);
    canvas.text(&title, (SINGLE / 2, GAP + LINE / 2), Align::Middle, TITLE);
    for (y, word) in words {
        canvas.line((left, y), (along.to, y), RULE);
        canvas.text(&word, (left - GAP / 2, y), Align::Right, PLAIN);
    }
    for (count, edge) in counts
        .iter()
        .zip(edges.windows(2))
        .filter(|(count, _)| **count > 0)
    {
        let (from, to) = (along.at(edge[0]), along.at(edge[1]));
        canvas.rectangle(
            (from, up.at(*count as f64)),
            ((to - 2).max(from + 2), bottom),
            GREY,
        );
    }
    canvas.line((left, bottom), (along.to, bottom), INK);
    for (x, word) in along.ticks() {
        canvas.line((x, bottom), (x, bottom + 8), INK);
        canvas.text(&word, (x, bottom + LINE / 2 + 6), Align::Middle, PLAIN);
    }
    let name = fitted(&format!("number of {}", null.what), HEIGHT + LINE, PLAIN);
    canvas.upright_text(&name, (GAP + LINE / 2, (top + bottom) / 2), PLAIN);
    let middle = ((left + along.to) / 2, bottom + LINE + LINE / 2 + 6);
    canvas.text("Brain Hierarchy score", middle, Align::Middle, PLAIN);
    let n_draws = null
        .counts
        .iter()
        .fold(0, |n: u64, &count| n.saturating_add(count));
    heading(&mut canvas, null, observed, n_draws);
    if let Some(score) = observed {
        canvas.path(
            vec![(along.at(score), top), (along.at(score), bottom)],
            6,
            HIGHLIGHT,
        );
    }
    canvas
}

/// Two lines above the bars: the score with its p, and how many draws.
fn heading(canvas: &mut Drawing, null: &NullDistribution, observed: Option<f64>, n: u64) {
    let score = match observed {
        Some(score) => format!("observed {}", number(score, 3)),
        None => "observed score undefined".to_owned(),
    };
    let p = match null.p {
        Some(p) if p < LEAST_P => format!(", p < {LEAST_P}"),
        Some(p) => format!(", p = {p:.3}"),
        None => String::new(),
    };
    let style = Style {
        colour: HIGHLIGHT,
        bold: true,
        ..PLAIN
    };
    let y = GAP + LINE + LINE / 2;
    canvas.text(&(score + &p), (SINGLE / 2, y), Align::Middle, style);
    let draws = fitted(&format!("grey: {n} {}", null.what), SINGLE - 2 * GAP, FAINT);
    canvas.text(
        &draws,
        (SINGLE / 2, y + LINE - GAP / 2),
        Align::Middle,
        FAINT,
    );
}

/// Bins from the first to the last that is not empty, with their edges; none without draws.
fn bars(counts: &[u64]) -> (&[u64], Vec<f64>) {
    let filled = |count: &u64| *count > 0;
    let (Some(first), Some(last)) = (
        counts.iter().position(filled),
        counts.iter().rposition(filled),
    ) else {
        return (&[], Vec::new());
    };
    let edge = |bin: usize| 2.0 * bin as f64 / counts.len() as f64 - 1.0;
    (
        &counts[first..=last],
        (first..=last + 1).map(edge).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_bins_at_the_ends_are_left_out() {
        assert_eq!(
            bars(&[0, 3, 0, 2]),
            (&[3, 0, 2][..], vec![-0.5, 0.0, 0.5, 1.0])
        );
        assert_eq!(bars(&[0; 4]), (&[][..], Vec::new()));
    }

    #[test]
    fn p_is_written_or_bounded() {
        let mut null = NullDistribution {
            observed: Some(-0.25),
            counts: vec![0, 1, 1, 0],
            p: Some(0.0125),
            what: "layer orders".into(),
        };
        assert!(
            null_distribution(&null, "net")
                .svg()
                .contains("observed −0.250, p = 0.013")
        );
        null.p = Some(1e-5);
        assert!(
            null_distribution(&null, "net")
                .svg()
                .contains("p &lt; 0.001")
        );
        null.observed = None;
        null.p = None;
        assert!(
            null_distribution(&null, "net")
                .svg()
                .contains("observed score undefined")
        );
    }
}
