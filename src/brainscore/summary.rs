//! From a row per layer, subject and bin to one score of a model.

use std::collections::HashSet;

use super::result::{Row, Scored};

/// The score of a layer over its subjects and bins: means, and errors of means of independent numbers.
///
/// None if the layer has no row, or none with a number.
#[must_use]
pub fn over_rows(rows: &[Row], layer: &str) -> Option<Scored> {
    let of_layer: Vec<&Scored> = rows
        .iter()
        .filter(|row| row.layer == layer && row.score.raw.is_some())
        .map(|row| &row.score)
        .collect();
    let first = of_layer.first()?;
    let subjects: HashSet<&Option<String>> = rows
        .iter()
        .filter(|row| row.layer == layer)
        .map(|row| &row.subject)
        .collect();
    let n_bins = of_layer.len() / subjects.len().max(1);
    let mean = |of: &dyn Fn(&Scored) -> Option<f64>| -> Option<f64> {
        let numbers: Option<Vec<f64>> = of_layer.iter().map(|score| of(score)).collect();
        numbers.map(|numbers| numbers.iter().sum::<f64>() / numbers.len() as f64)
    };
    let error = |of: &dyn Fn(&Scored) -> Option<f64>| -> Option<f64> {
        let squares = mean(&|score| of(score).map(|error| error * error))?;
        Some((squares / of_layer.len() as f64).sqrt())
    };
    let sum = |of: fn(&Scored) -> usize| of_layer.iter().map(|score| of(score)).sum::<usize>();
    Some(Scored {
        raw: mean(&|score| score.raw),
        error: error(&|score| score.error),
        ceiling: mean(&|score| score.ceiling),
        ceiling_error: error(&|score| score.ceiling_error),
        ceiled: mean(&|score| score.ceiled),
        ceiled_error: error(&|score| score.ceiled_error),
        // Bins share their sites.
        n_sites: sum(|score| score.n_sites) / n_bins.max(1),
        n_undefined: sum(|score| score.n_undefined) / n_bins.max(1),
        n_stimuli: first.n_stimuli,
    })
}

/// The layer with the highest ceiled score, the raw one where there is no ceiling; the first of equals.
// DEVIATION: Brain-Score commits by squared scores, so that a layer with r = −.3 can win over one with r = .2. Here a
// negative r counts as 0 in ceiled scores; of several layers at 0 the raw score decides.
#[must_use]
pub fn best_layer<'a>(rows: &[Row], layers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(&str, (f64, f64))> = None;
    for layer in layers {
        let Some(score) = over_rows(rows, layer) else {
            continue;
        };
        let Some(raw) = score.raw else { continue };
        let value = (score.ceiled.unwrap_or(raw), raw);
        if best.is_none_or(|(_, least)| value > least) {
            best = Some((layer, value));
        }
    }
    best.map(|(layer, _)| layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(layer: &str, subject: &str, raw: f64, ceiled: Option<f64>) -> Row {
        Row {
            layer: layer.to_owned(),
            subject: Some(subject.to_owned()),
            bin: None,
            per_split: Vec::new(),
            score: Scored {
                raw: Some(raw),
                error: Some(0.3),
                ceiling: ceiled.map(|_| 0.8),
                ceiling_error: None,
                ceiled,
                ceiled_error: None,
                n_sites: 10,
                n_undefined: 1,
                n_stimuli: 5,
            },
        }
    }

    #[test]
    fn a_layer_is_the_mean_of_its_subjects() {
        let rows = [
            row("a", "s1", 0.2, Some(0.1)),
            row("a", "s2", 0.4, Some(0.3)),
            row("b", "s1", 0.9, None),
        ];
        let score = over_rows(&rows, "a").unwrap();
        assert!((score.raw.unwrap() - 0.3).abs() < 1e-15);
        assert!((score.ceiled.unwrap() - 0.2).abs() < 1e-15);
        // √(.09 + .09) / 2
        assert!((score.error.unwrap() - 0.3 / 2f64.sqrt()).abs() < 1e-15);
        assert_eq!((score.n_sites, score.n_undefined), (20, 2));
        assert_eq!(score.ceiled_error, None);
        assert_eq!(over_rows(&rows, "c"), None);
    }

    #[test]
    fn bins_share_their_sites() {
        let mut rows = [row("a", "s", 0.2, None), row("a", "s", 0.4, None)];
        rows[0].bin = Some((0.0, 10.0));
        rows[1].bin = Some((10.0, 20.0));
        assert_eq!(over_rows(&rows, "a").unwrap().n_sites, 10);
    }

    #[test]
    fn the_best_layer_is_never_one_with_a_negative_correlation() {
        let rows = [
            row("a", "s", -0.5, Some(0.0)),
            row("b", "s", 0.0, Some(0.0)),
            row("c", "s", 0.3, Some(0.1)),
            row("d", "s", 0.3, Some(0.1)),
        ];
        assert_eq!(best_layer(&rows, ["a", "b", "c", "d"]), Some("c"));
        assert_eq!(best_layer(&rows, ["a", "b"]), Some("b"));
        assert_eq!(best_layer(&rows, ["x"]), None);
    }
}
