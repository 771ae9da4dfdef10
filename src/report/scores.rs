//! What `score` found: the table on stdout, and `<benchmark>.csv`.

use super::table::aligned;
use crate::brainscore::result::{BenchmarkScore, Choice, Row, Scored};
use crate::brainscore::summary::over_rows;
use crate::io::table;

/// Columns of the CSV file.
const COLUMNS: [&str; 16] = [
    "model",
    "benchmark",
    "version",
    "region",
    "metric",
    "normalise",
    "layer",
    "subject",
    "bin_start",
    "bin_end",
    "raw",
    "error",
    "ceiling",
    "ceiled",
    "n_sites",
    "n_undefined",
];

/// A line for each layer, with its raw and ceiled score in each region; `*` marks the layer that a region's score is
/// of.
#[must_use]
pub fn text(scores: &[BenchmarkScore]) -> String {
    let rows = scores.iter().flat_map(|score| &score.rows);
    let layers = distinct(rows.map(|row| row.layer.as_str()));
    let mut columns = vec![column("layer", &layers, |layer| layer.to_owned())];
    for score in scores {
        columns.push(column(&score.benchmark.region, &layers, |layer| {
            let mark = match score.layer.as_deref() == Some(layer) {
                true => "*",
                false => " ",
            };
            format!("{}{mark}", cell(over_rows(&score.rows, layer)))
        }));
    }
    let mut lines = vec![lines_of(&columns)];
    let legend = "raw score, and in brackets the share of the ceiling; * the layer that a region's score is of";
    lines.push(legend.to_owned());
    lines.push(String::new());
    lines.extend(scores.iter().map(line));
    lines.join("\n")
}

/// A line for each model, with its score in each region: what `score` found for several.
#[must_use]
pub fn by_model(scores: &[BenchmarkScore]) -> String {
    let models = distinct(scores.iter().map(|score| score.model.as_str()));
    let mut columns = vec![column("model", &models, |model| model.to_owned())];
    for benchmark in distinct(scores.iter().map(|score| score.benchmark.id.as_str())) {
        columns.push(column(benchmark, &models, |model| {
            let is =
                |score: &&BenchmarkScore| score.model == model && score.benchmark.id == benchmark;
            cell(scores.iter().find(is).and_then(|score| score.score))
        }));
    }
    let mut lines = vec![lines_of(&columns)];
    lines.push("raw score of the best layer, and in brackets the share of the ceiling".to_owned());
    lines.join("\n")
}

/// Names, each once, in the order in which they come first.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// A heading and a cell for each row.
fn column(heading: &str, rows: &[&str], cell: impl Fn(&str) -> String) -> Vec<String> {
    let cells = rows.iter().map(|row| cell(row));
    std::iter::once(heading.to_owned()).chain(cells).collect()
}

/// Lines of a table: the first column to the left, the others to the right.
fn lines_of(columns: &[Vec<String>]) -> String {
    let n_lines = columns.first().map_or(0, Vec::len);
    let row = |line: usize| columns.iter().map(|column| column[line].clone()).collect();
    let rows: Vec<Vec<String>> = (0..n_lines).map(row).collect();
    aligned(&rows, 1)
}

fn cell(score: Option<Scored>) -> String {
    let number = |value: Option<f64>| value.map_or("X".to_owned(), |value| format!("{value:.3}"));
    match score {
        None => "X".to_owned(),
        Some(score) if score.ceiling.is_none() => number(score.raw),
        Some(score) => format!("{} ({})", number(score.raw), number(score.ceiled)),
    }
}

/// One score in words.
fn line(score: &BenchmarkScore) -> String {
    let id = &score.benchmark.id;
    let Some((found, layer)) = score.score.zip(score.layer.as_ref()) else {
        let reason = score.reason.as_deref().unwrap_or("no layer has a number");
        return format!("{id}: X: {reason}");
    };
    let with_error = |value: Option<f64>, error: Option<f64>| match (value, error) {
        (Some(value), Some(error)) => format!("{value:.3} ± {error:.3}"),
        (Some(value), None) => format!("{value:.3}"),
        (None, _) => "unknown".to_owned(),
    };
    let chosen = match score.choice() {
        Choice::Committed => "committed",
        Choice::Best => "best",
        Choice::Named => "the only layer",
    };
    let mut text = format!(
        "{id}: {} at {layer} ({chosen})",
        with_error(found.raw, found.error)
    );
    if found.ceiling.is_some() {
        let (ceiled, ceiling) = (
            with_error(found.ceiled, found.ceiled_error),
            with_error(found.ceiling, found.ceiling_error),
        );
        text += &format!(
            "; ceiling {ceiling}; {}: {ceiled}",
            score.benchmark.normalise
        );
    }
    if found.n_sites > 0 {
        text += &format!("; {} sites", found.n_sites);
    }
    text += &format!("; {} stimuli", found.n_stimuli);
    if found.n_undefined > 0 {
        text += &format!("; {} sites undefined", found.n_undefined);
    }
    text
}

/// A row for each layer, subject and bin; empty fields where nothing is known.
#[must_use]
pub fn csv(score: &BenchmarkScore) -> Vec<u8> {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let fields = |row: &Row| -> Vec<String> {
        let benchmark = &score.benchmark;
        vec![
            score.model.clone(),
            benchmark.id.clone(),
            benchmark.version.to_string(),
            benchmark.region.clone(),
            benchmark.metric.clone(),
            benchmark.normalise.clone(),
            row.layer.clone(),
            row.subject.clone().unwrap_or_default(),
            number(row.bin.map(|(start, _)| start)),
            number(row.bin.map(|(_, end)| end)),
            number(row.score.raw),
            number(row.score.error),
            number(row.score.ceiling),
            number(row.score.ceiled),
            row.score.n_sites.to_string(),
            row.score.n_undefined.to_string(),
        ]
    };
    table::encode(COLUMNS, score.rows.iter().map(fields))
}
