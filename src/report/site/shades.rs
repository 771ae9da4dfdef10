//! Scores as shades and as small drawings, whose geometry is in hundredths of their width and height.
//!
//! Shades are classes of the style sheet (`h0` to `h10`): pages forbid styles of single elements.

use serde::Serialize;

use crate::brainscore::tree::{Score, Scored, display};

/// Darkest shade, that of the best model.
const BEST: f64 = 10.0;

/// Bins of a histogram over sites.
const N_BINS: usize = 24;

/// Narrowest and highest marks, so that a score of 0 is still seen.
const LEAST: f64 = 1.0;

/// What a cell of a table shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// By what it is put in order; none goes last.
    pub sort: Option<String>,
    /// Its shade, 0 for the worst to 10 for the best model; none has no shade.
    pub level: Option<usize>,
    /// What is told on hovering.
    pub title: String,
}

impl Cell {
    /// A score of a tree among those of all models.
    pub fn of(node: &Scored, range: Option<(f64, f64)>) -> Cell {
        let value = node.score.value();
        let sort = match node.score {
            Score::Value(value) => Some(value.to_string()),
            Score::Failed => Some(f64::MIN.to_string()),
            Score::NotRun => None,
        };
        let mut title = match node.score {
            Score::Value(value) => format!("{value:.4}"),
            Score::Failed => "failed: gave no number".to_owned(),
            Score::NotRun => "never run".to_owned(),
        };
        if let Some(rank) = node.rank {
            title.push_str(&format!(", rank {rank}"));
        }
        if !node.is_leaf() {
            title.push_str(&format!(", {} of {} benchmarks", node.n_scored, node.count));
        }
        Cell {
            text: display::text(node.score),
            sort,
            level: value.zip(range).map(|(value, range)| level(value, range)),
            title,
        }
    }

    /// A number of any sign; `reason` says why there is none.
    pub fn signed(value: Option<f64>, range: Option<(f64, f64)>, reason: &str) -> Cell {
        let Some(value) = value else {
            return Cell {
                text: "–".to_owned(),
                title: reason.to_owned(),
                ..Cell::default()
            };
        };
        Cell {
            text: signed(value),
            sort: Some(value.to_string()),
            level: range.map(|range| level(value, range)),
            title: reason.to_owned(),
        }
    }

    /// A text that is not put in order by a number.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell {
            text: text.into(),
            ..Cell::default()
        }
    }
}

/// Three decimals, with a minus sign rather than a hyphen.
pub fn signed(value: f64) -> String {
    format!("{value:.3}").replace('-', "−")
}

/// Lowest and highest of some numbers.
pub fn range(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    values.clone().reduce(f64::min).zip(values.reduce(f64::max))
}

/// Shade of a number between the worst (0) and the best (10); 10 if all are equal.
pub fn level(value: f64, (low, high): (f64, f64)) -> usize {
    if high <= low {
        return BEST as usize;
    }
    (BEST * (value - low) / (high - low))
        .round()
        .clamp(0.0, BEST) as usize
}

/// A score between 0 and the ceiling, with the median and the best of all models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// Length of the bar.
    pub length: String,
    /// Place of the median.
    pub median: Option<String>,
    /// Place of the best.
    pub best: Option<String>,
    /// The drawing in words.
    pub label: String,
}

impl Bar {
    /// The bar of a node; none without a number.
    pub fn of(node: &Scored) -> Option<Bar> {
        let value = node.score.value()?;
        let at = |value: f64| hundredths(value.clamp(0.0, 1.0));
        let mut label = format!("{} of a ceiling of 1", display::text(node.score));
        for (name, value) in [("median", node.median), ("best", node.best)] {
            if let Some(value) = value {
                label.push_str(&format!(", {name} {}", display::text(Score::Value(value))));
            }
        }
        Some(Bar {
            length: at(value),
            median: node.median.map(at),
            best: node.best.map(at),
            label,
        })
    }
}

/// Bars side by side: layers of a network, or bins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Strip {
    /// The bars from left to right.
    pub bars: Vec<StripBar>,
    /// Place of 0 from the top.
    pub zero: String,
    /// The drawing in words.
    pub label: String,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StripBar {
    /// Left end.
    pub x: String,
    /// Upper end.
    pub y: String,
    /// Width.
    pub width: String,
    /// Height.
    pub height: String,
    /// Whether it is the one that counts.
    pub chosen: bool,
    /// Whether it stands for no number.
    pub empty: bool,
    /// What is told on hovering.
    pub title: String,
}

impl Strip {
    /// Names with their values from left to right, `chosen` set apart; none without any.
    pub fn of(values: &[(String, Option<f64>)], chosen: Option<&str>, what: &str) -> Option<Strip> {
        let numbers = values.iter().filter_map(|(_, value)| *value);
        let (low, high) = range(numbers)?;
        let (low, high) = (low.min(0.0), high.max(0.0));
        let scale = |value: f64| match high > low {
            true => (high - value) / (high - low),
            false => 1.0,
        };
        let width = 1.0 / values.len() as f64;
        let bar = |(index, (name, value)): (usize, &(String, Option<f64>))| {
            let (top, bottom) = match value {
                Some(value) => (scale(value.max(0.0)), scale(value.min(0.0))),
                None => (scale(0.0), scale(0.0)),
            };
            let height = (bottom - top).max(LEAST / 100.0);
            StripBar {
                x: hundredths(width * (index as f64 + 0.1)),
                y: hundredths(top.min(1.0 - height)),
                width: hundredths(width * 0.8),
                height: hundredths(height),
                chosen: chosen == Some(name.as_str()),
                empty: value.is_none(),
                title: match value {
                    Some(value) => format!("{name}: {}", signed(*value)),
                    None => format!("{name}: no value"),
                },
            }
        };
        Some(Strip {
            bars: values.iter().enumerate().map(bar).collect(),
            zero: hundredths(scale(0.0)),
            label: format!("{what}, from {} to {}", signed(low), signed(high)),
        })
    }

    /// How many of some values lie in each of equal bins from `low` to `high`; none without values.
    pub fn histogram(values: &[f64], (low, high): (f64, f64), what: &str) -> Option<Strip> {
        if values.is_empty() {
            return None;
        }
        let width = ((high - low) / N_BINS as f64).max(f64::MIN_POSITIVE);
        let mut counts = [0_u32; N_BINS];
        for value in values {
            counts[(((value - low) / width) as usize).min(N_BINS - 1)] += 1;
        }
        let bin = |count: &u32| (String::new(), Some(f64::from(*count)));
        let bins: Vec<(String, Option<f64>)> = counts.iter().map(bin).collect();
        let mut strip = Strip::of(&bins, None, what)?;
        for (index, (bar, count)) in strip.bars.iter_mut().zip(counts).enumerate() {
            let start = low + width * index as f64;
            bar.title = format!("{} to {}: {count}", signed(start), signed(start + width));
        }
        strip.label = format!(
            "{what}: {} from {} to {}",
            values.len(),
            signed(low),
            signed(high)
        );
        Some(strip)
    }
}

fn hundredths(share: f64) -> String {
    let text = format!("{:.2}", 100.0 * share);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_run_from_the_worst_to_the_best() {
        assert_eq!(level(0.2, (0.2, 0.7)), 0);
        assert_eq!(level(0.7, (0.2, 0.7)), 10);
        assert_eq!(level(0.45, (0.2, 0.7)), 5);
        assert_eq!(level(0.3, (0.3, 0.3)), 10);
    }

    #[test]
    fn places_are_hundredths() {
        assert_eq!(hundredths(0.5), "50");
        assert_eq!(hundredths(1.0 / 3.0), "33.33");
        assert_eq!(hundredths(0.0), "0");
    }

    #[test]
    fn strips_go_up_and_down_from_zero() {
        let values = [("a", Some(0.5)), ("b", Some(-0.5)), ("c", None)]
            .map(|(name, value)| (name.to_owned(), value));
        let strip = Strip::of(&values, Some("a"), "layers").unwrap();
        assert_eq!(strip.zero, "50");
        let bars: Vec<(&str, &str)> = (strip.bars.iter())
            .map(|bar| (bar.y.as_str(), bar.height.as_str()))
            .collect();
        assert_eq!(bars, [("0", "50"), ("50", "50"), ("50", "1")]);
        assert!(strip.bars[0].chosen && strip.bars[2].empty);
        assert_eq!(strip.bars[1].title, "b: −0.500");
        assert_eq!(Strip::of(&[("a".into(), None)], None, "x"), None);
        assert!(Strip::of(&[("a".into(), Some(0.0))], None, "x").is_some());
    }

    #[test]
    fn histograms_count_every_value() {
        let strip = Strip::histogram(&[0.0, 0.1, 0.1, 1.0], (0.0, 1.0), "sites").unwrap();
        assert_eq!(strip.bars.len(), N_BINS);
        assert!(
            strip.label.starts_with("sites: 4 from 0.000 to 1.000"),
            "{}",
            strip.label
        );
        assert!(strip.bars[0].title.ends_with(": 1") && strip.bars[2].title.ends_with(": 2"));
        assert!(Strip::histogram(&[0.5, 0.5], (0.5, 0.5), "x").is_some());
        assert_eq!(Strip::histogram(&[], (0.0, 1.0), "x"), None);
    }
}
