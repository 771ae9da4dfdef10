//! From a row per layer, subject and bin to one score of a model.

use std::collections::{HashMap, HashSet};

use ndarray::Array1;

use super::predictivity::mean_and_error;
use super::result::{Row, Scored};

/// The score of a layer over its subjects and bins: means and their errors.
///
/// Subjects and bins share images and splits, so what is by chance of a split is so in all of them: the errors of raw
/// and ceiled scores are those over splits of the mean over rows, as if the mean had been measured in each split. Where rows
/// have no splits in common, and for ceilings, bins of a subject count as one number measured again, and subjects as independent.
///
/// Subjects and bins for which no layer has a number are left out. None if the layer has no number for one of the
/// others: a mean over easier subjects could not be compared with that of another layer.
#[must_use]
pub fn over_rows(rows: &[Row], layer: &str) -> Option<Scored> {
    let with_number = || rows.iter().filter(|row| row.score.raw.is_some());
    let of_layer: Vec<&Row> = with_number().filter(|row| row.layer == layer).collect();
    let first = of_layer.first()?;
    let places: HashSet<Place> = of_layer.iter().map(|row| place_of(row)).collect();
    if !with_number().all(|row| places.contains(&place_of(row))) {
        return None;
    }
    let mean = |of: &dyn Fn(&Scored) -> Option<f64>| -> Option<f64> {
        let numbers: Option<Vec<f64>> = of_layer.iter().map(|row| of(&row.score)).collect();
        numbers.map(|numbers| numbers.iter().sum::<f64>() / numbers.len() as f64)
    };
    let error = |of: &dyn Fn(&Scored) -> Option<f64>| -> Option<f64> {
        over_splits(&of_layer, of).or_else(|| over_subjects(&of_layer, of))
    };
    // Bins share their sites.
    let mut sites: HashMap<&Option<String>, (usize, usize)> = HashMap::new();
    for row in &of_layer {
        let (n_sites, n_undefined) = sites.entry(&row.subject).or_default();
        *n_sites = row.score.n_sites.max(*n_sites);
        *n_undefined = row.score.n_undefined.max(*n_undefined);
    }
    Some(Scored {
        raw: mean(&|score| score.raw),
        error: error(&|score| score.error),
        ceiling: mean(&|score| score.ceiling),
        ceiling_error: of_ceilings(&of_layer),
        ceiled: mean(&|score| score.ceiled),
        ceiled_error: error(&|score| score.ceiled_error),
        n_sites: sites.values().map(|(n, _)| n).sum(),
        n_undefined: sites.values().map(|(_, n)| n).sum(),
        n_stimuli: first.score.n_stimuli,
    })
}

/// Standard error over splits of the mean over rows; none if rows do not have the same number of splits, each with a
/// number and an error.
///
/// - `of`: the error of a row: the one over its own splits, or that times a slope if it was normalised.
fn over_splits(rows: &[&Row], of: &dyn Fn(&Scored) -> Option<f64>) -> Option<f64> {
    if let [row] = rows {
        return of(&row.score);
    }
    let n_splits = rows.first()?.per_split.len();
    let mut sums = vec![0.0; n_splits];
    for row in rows {
        let splits: Option<Vec<f64>> = row.per_split.iter().copied().collect();
        let splits = Array1::from(splits.filter(|splits| splits.len() == n_splits)?);
        let (own, wanted) = (mean_and_error(&splits).1, of(&row.score)?);
        // Where all splits agree there is nothing to pass on.
        let slope = if own > 0.0 { wanted / own } else { 0.0 };
        let terms = sums.iter_mut().zip(splits);
        terms.for_each(|(sum, value)| *sum += slope * value);
    }
    if n_splits < 2 {
        return None;
    }
    sums.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
    Some(mean_and_error(&Array1::from(sums)).1)
}

/// Error of the mean over rows whose subjects are independent; none if a row has none.
fn over_subjects(rows: &[&Row], of: &dyn Fn(&Scored) -> Option<f64>) -> Option<f64> {
    let mut sums: HashMap<&Option<String>, f64> = HashMap::new();
    for row in rows {
        *sums.entry(&row.subject).or_default() += of(&row.score)?;
    }
    let squares: f64 = sums.values().map(|sum| sum * sum).sum();
    Some(squares.sqrt() / rows.len() as f64)
}

/// Error of the mean ceiling; that of dissimilarities is one for all subjects.
fn of_ceilings(rows: &[&Row]) -> Option<f64> {
    let of = |row: &Row| (row.score.ceiling, row.score.ceiling_error);
    let first = of(rows.first()?);
    match rows.iter().all(|row| of(row) == first) {
        true => first.1,
        false => over_subjects(rows, &|score| score.ceiling_error),
    }
}

/// What a row is of, beside its layer.
type Place<'a> = (Option<&'a str>, Option<(u64, u64)>);

fn place_of(row: &Row) -> Place<'_> {
    let bin = row.bin.map(|(from, to)| (from.to_bits(), to.to_bits()));
    (row.subject.as_deref(), bin)
}

/// Subjects and bins for which no layer has a number, in words; none if there is no number at all.
#[must_use]
pub fn without_number(rows: &[Row]) -> Vec<String> {
    let with_number: HashSet<Place> = (rows.iter())
        .filter(|row| row.score.raw.is_some())
        .map(place_of)
        .collect();
    if with_number.is_empty() {
        return Vec::new();
    }
    let mut told = HashSet::new();
    let lost = rows.iter().filter(|row| {
        let place = place_of(row);
        !with_number.contains(&place) && told.insert(place)
    });
    let words = |row: &Row| {
        let subject = row
            .subject
            .iter()
            .map(|subject| format!("subject `{subject}`"));
        let bin = row
            .bin
            .iter()
            .map(|(from, to)| format!("{from} to {to} ms"));
        subject.chain(bin).collect::<Vec<_>>().join(", ")
    };
    lost.map(words).filter(|words| !words.is_empty()).collect()
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
    fn a_layer_without_a_number_for_a_subject_has_no_mean() {
        let undefined = |layer: &str, subject: &str| {
            let mut row = row(layer, subject, 0.0, None);
            row.score.raw = None;
            row
        };
        let rows = [
            row("good", "a", 0.9, None),
            row("good", "b", 0.1, None),
            undefined("good", "c"),
            row("dead", "a", 0.8, None),
            undefined("dead", "b"),
            undefined("dead", "c"),
        ];
        assert_eq!(over_rows(&rows, "dead"), None);
        assert!((over_rows(&rows, "good").unwrap().raw.unwrap() - 0.5).abs() < 1e-15);
        assert_eq!(best_layer(&rows, ["dead", "good"]), Some("good"));
        assert_eq!(without_number(&rows), ["subject `c`"]);
    }

    #[test]
    fn a_bin_without_a_number_does_not_change_the_number_of_sites() {
        let mut rows: Vec<Row> = Vec::new();
        for (subject, bin) in [("a", 0.0), ("a", 1.0), ("b", 0.0), ("b", 1.0), ("b", 2.0)] {
            rows.push(Row {
                bin: Some((bin, bin + 1.0)),
                ..row("a", subject, 0.2, None)
            });
        }
        assert_eq!(over_rows(&rows, "a").unwrap().n_sites, 20);
    }

    #[test]
    fn bins_share_their_sites() {
        let mut rows = [row("a", "s", 0.2, None), row("a", "s", 0.4, None)];
        rows[0].bin = Some((0.0, 10.0));
        rows[1].bin = Some((10.0, 20.0));
        assert_eq!(over_rows(&rows, "a").unwrap().n_sites, 10);
    }

    /// The error of the same numbers told several times is that of one.
    #[test]
    fn bins_that_repeat_each_other_do_not_shrink_errors() {
        let splits = [0.1, 0.3, 0.2, 0.6];
        let (_, error) = mean_and_error(&Array1::from(splits.to_vec()));
        let bins = |n: usize| -> Vec<Row> {
            let mut row = row("a", "s", 0.3, Some(0.2));
            row.per_split = splits.map(Some).to_vec();
            row.score.error = Some(error);
            row.score.ceiled_error = Some(1.5 * error);
            row.score.ceiling_error = Some(0.04);
            let of = |bin| Row {
                bin: Some((bin as f64, bin as f64 + 1.0)),
                ..row.clone()
            };
            (0..n).map(of).collect()
        };
        for n in [1, 16] {
            let found = over_rows(&bins(n), "a").unwrap();
            assert!((found.error.unwrap() - error).abs() < 1e-15);
            assert!((found.ceiled_error.unwrap() - 1.5 * error).abs() < 1e-15);
            assert!((found.ceiling_error.unwrap() - 0.04).abs() < 1e-15);
        }
        // A ceiling that subjects have in common is no more certain for that.
        let mut rows = bins(4);
        for (row, subject) in rows.iter_mut().zip(["s", "t", "u", "v"]) {
            row.subject = Some(subject.to_owned());
        }
        let found = over_rows(&rows, "a").unwrap().ceiling_error;
        assert_eq!(found, Some(0.04));
        rows[0].score.ceiling = Some(0.7);
        let found = over_rows(&rows, "a").unwrap().ceiling_error;
        assert!((found.unwrap() - 0.02).abs() < 1e-15);
        // What one split is too low in another bin makes up for.
        let mut rows = bins(2);
        rows[1].per_split = splits.map(|value| Some(0.6 - value)).to_vec();
        assert!(over_rows(&rows, "a").unwrap().error.unwrap() < 1e-15);
        // Without splits, bins of a subject are one number.
        let mut rows = bins(16);
        rows.iter_mut().for_each(|row| row.per_split.clear());
        let found = over_rows(&rows, "a").unwrap();
        assert!((found.error.unwrap() - error).abs() < 1e-15);
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
