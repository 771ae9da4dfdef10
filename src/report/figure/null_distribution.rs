//! A score among the scores that chance gives.

use super::axis::{Scale, number};
use super::drawing::{Align, Drawing};
use super::font;
use super::names::fitted;
use super::style::{FAINT, GAP, GREY, HIGHLIGHT, INK, LINE, PLAIN, RULE, SINGLE, Style, TITLE};

/// Height of the bars' area.
const HEIGHT: i32 = 520;

/// Bars at most.
const MOST_BARS: f64 = 40.0;

/// Below this p-values are written as a bound.
const LEAST_P: f64 = 0.001;

/// A score and the scores under a null hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct NullDistribution {
    /// The network's score, -1 to 1; `None` where undefined.
    pub observed: Option<f64>,
    /// Scores of the draws, `(n_draws,)`; those that are NaN are not drawn.
    pub draws: Vec<f64>,
    /// The test's p-value; `None` where undefined.
    pub p: Option<f64>,
    /// What was drawn, such as `layer orders`.
    pub what: String,
}

/// Histogram of the draws with a line at the observed score, 85 mm wide.
pub fn null_distribution(null: &NullDistribution, title: &str) -> Drawing {
    let finite: Vec<f64> = null
        .draws
        .iter()
        .copied()
        .filter(|d| d.is_finite())
        .collect();
    let observed = null.observed.filter(|score| score.is_finite());
    let (counts, edges) = histogram(&finite);
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
    heading(&mut canvas, null, observed, finite.len());
    if let Some(score) = observed {
        canvas.path(
            vec![(along.at(score), top - LINE / 2), (along.at(score), bottom)],
            6,
            HIGHLIGHT,
        );
    }
    canvas
}

/// Two lines above the bars: the score with its p, and how many draws.
fn heading(canvas: &mut Drawing, null: &NullDistribution, observed: Option<f64>, n: usize) {
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

/// Counts in bars of equal width with their edges, one more than bars; none without draws.
fn histogram(draws: &[f64]) -> (Vec<u64>, Vec<f64>) {
    let low = draws.iter().copied().fold(f64::INFINITY, f64::min);
    let high = draws.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if draws.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let n_bars = (draws.len() as f64).sqrt().clamp(1.0, MOST_BARS).round() as usize;
    // Equal draws have a narrow bar of their own.
    let (low, width) = if high > low {
        (low, (high - low) / n_bars as f64)
    } else {
        (low - 0.01, 0.02 / n_bars as f64)
    };
    let mut counts = vec![0; n_bars];
    for draw in draws {
        counts[(((draw - low) / width) as usize).min(n_bars - 1)] += 1;
    }
    let edges = (0..=n_bars).map(|edge| low + width * edge as f64).collect();
    (counts, edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_draw_is_in_a_bar() {
        let draws: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let (counts, edges) = histogram(&draws);
        assert_eq!(counts.iter().sum::<u64>(), 1000);
        assert_eq!(edges.len(), counts.len() + 1);
        assert_eq!(histogram(&[0.5; 9]).0.iter().sum::<u64>(), 9);
        assert!(histogram(&[]).0.is_empty());
    }

    #[test]
    fn p_is_written_or_bounded() {
        let mut null = NullDistribution {
            observed: Some(-0.25),
            draws: vec![0.1, -0.1],
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
