//! A model's tree as rows that fold, with a card for each benchmark.

use serde::Serialize;

use super::bibtex;
use super::board::{Board, Column, Model};
use super::shades::{Bar, Cell, Strip, signed};
use crate::brainscore::result::{BenchmarkScore, Choice, Row as Layer, Scored as Numbers};
use crate::brainscore::summary::over_rows;
use crate::brainscore::tree::{Score, Scored};

/// Trees of more rows are folded below the regions.
const MANY_ROWS: usize = 30;

/// Levels that are open in any case: those of average and neural.
const OPEN_LEVELS: usize = 2;

/// One node.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Identifier.
    pub id: String,
    /// Version of a benchmark.
    pub version: Option<u32>,
    /// Its score, coloured.
    pub cell: Cell,
    /// `ok`, `failed` or `none`.
    pub state: &'static str,
    /// Rank among the models, or `X`.
    pub rank: String,
    /// Benchmarks below.
    pub count: usize,
    /// Those with a number.
    pub n_scored: usize,
    /// Key of the paper.
    pub reference: Option<String>,
    /// Name of the benchmark's page in files.
    pub slug: Option<String>,
    /// Score between 0, median, best and ceiling.
    pub bar: Option<Bar>,
    /// Unfolded at first.
    pub open: bool,
    /// What is told of a benchmark.
    pub card: Option<Card>,
    /// Rows below.
    pub children: Vec<Row>,
}

/// What is told of a benchmark.
#[derive(Debug, Serialize)]
pub struct Card {
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// Why there is no number.
    pub reason: Option<String>,
    /// Score of each layer.
    pub layers: Option<Strip>,
}

/// The rows of a model; none without a tree.
pub fn rows(board: &Board, model: &Model) -> Option<Row> {
    let tree = model.tree.as_ref().filter(|tree| !tree.hidden)?;
    let fold = board.columns.len() > MANY_ROWS;
    let mut columns = board.columns.iter();
    row(tree, model, &mut columns, fold)
}

fn row<'a>(
    node: &Scored,
    model: &Model,
    columns: &mut impl Iterator<Item = &'a Column>,
    fold: bool,
) -> Option<Row> {
    let column = columns.next()?;
    let result = model
        .result(&node.id, node.version)
        .filter(|_| node.is_leaf());
    let children = node.children.iter().filter(|child| !child.hidden);
    let children: Vec<Row> = children
        .filter_map(|child| row(child, model, columns, fold))
        .collect();
    let mut cell = Cell::of(node, column.range);
    if let Some(result) = result {
        cell.title = hover(result);
    }
    Some(Row {
        id: node.id.clone(),
        version: node.version,
        cell,
        state: match node.score {
            Score::Value(_) => "ok",
            Score::Failed => "failed",
            Score::NotRun => "none",
        },
        rank: node.rank.map_or_else(String::new, |rank| rank.to_string()),
        count: node.count,
        n_scored: node.n_scored,
        reference: (result.and_then(|result| bibtex::key(result.benchmark.bibtex.as_deref()?)))
            .map(str::to_owned),
        slug: column.slug.clone(),
        bar: Bar::of(node),
        open: !node.is_leaf() && (!fold || column.depth < OPEN_LEVELS),
        card: node.is_leaf().then(|| card(result)),
        children,
    })
}

/// Raw score, ceiling, version and normalisation in a line.
fn hover(result: &BenchmarkScore) -> String {
    let benchmark = &result.benchmark;
    let mut parts = Vec::new();
    match &result.score {
        Some(score) => {
            parts.push(format!("raw {}", with_error(score.raw, score.error)));
            parts.push(format!(
                "ceiling {}",
                with_error(score.ceiling, score.ceiling_error)
            ));
            parts.push(format!(
                "ceiled {}",
                with_error(score.ceiled, score.ceiled_error)
            ));
        }
        None => parts.extend(result.reason.clone()),
    }
    parts.push(format!("version {}", benchmark.version));
    parts.push(benchmark.normalise.clone());
    parts.join(" · ")
}

/// A number and its standard error.
pub fn with_error(value: Option<f64>, error: Option<f64>) -> String {
    let Some(value) = value else {
        return "none".to_owned();
    };
    match error {
        Some(error) => format!("{} ± {error:.3}", signed(value)),
        None => signed(value),
    }
}

fn card(result: Option<&BenchmarkScore>) -> Card {
    let Some(result) = result else {
        return Card {
            facts: Vec::new(),
            reason: Some("This model was never run on this benchmark.".to_owned()),
            layers: None,
        };
    };
    let benchmark = &result.benchmark;
    let mut facts = vec![
        ("region", benchmark.region.clone()),
        ("metric", benchmark.metric.clone()),
    ];
    if let Some(layer) = &result.layer {
        let how = match result.choice() {
            Choice::Committed => "committed",
            Choice::Best => "best on these data",
            Choice::Named => "the only one measured",
        };
        facts.push(("layer", format!("{layer} ({how})")));
    }
    if let Some(score) = &result.score {
        facts.extend([
            ("raw score", with_error(score.raw, score.error)),
            ("ceiling", with_error(score.ceiling, score.ceiling_error)),
            ("ceiled score", with_error(score.ceiled, score.ceiled_error)),
        ]);
        if score.n_sites > 0 {
            facts.push(("sites", sites(score)));
        }
        facts.push(("images", score.n_stimuli.to_string()));
    }
    facts.push(("normalisation", benchmark.normalise.clone()));
    if let Some(degrees) = benchmark.visual_degrees {
        facts.push(("visual angle", format!("{degrees}°")));
    }
    let chosen = result.layer.as_deref();
    let layers = by_layer(&result.rows);
    Card {
        facts,
        reason: result.reason.clone(),
        layers: Strip::of(&layers.scores, chosen, layers.label),
    }
}

/// Number of sites, and of those left out; nothing for behaviour, which has none.
pub fn sites(score: &Numbers) -> String {
    match (score.n_sites, score.n_undefined) {
        (0, _) => String::new(),
        (n_sites, 0) => n_sites.to_string(),
        (n_sites, n) => format!("{n_sites}, {n} without a value"),
    }
}

/// Scores of all layers.
pub struct ByLayer {
    /// Of each layer over all subjects and bins, as [`over_rows`] has it, in the network's order.
    pub scores: Vec<(String, Option<f64>)>,
    /// What they are.
    pub label: &'static str,
}

/// Ceiled score of each layer; raw where no layer has a ceiling for all of its subjects and bins.
pub fn by_layer(rows: &[Layer]) -> ByLayer {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.layer.as_str()) {
            names.push(&row.layer);
        }
    }
    let scores: Vec<(&str, Option<Numbers>)> = (names.into_iter())
        .map(|name| (name, over_rows(rows, name)))
        .collect();
    let is_ceiled =
        (scores.iter().filter_map(|(_, score)| *score)).any(|score| score.ceiled.is_some());
    let (label, value): (_, fn(Numbers) -> Option<f64>) = match is_ceiled {
        true => ("ceiled score of each layer", |score| score.ceiled),
        false => ("raw score of each layer", |score| score.raw),
    };
    let of_layers = scores.into_iter();
    ByLayer {
        scores: of_layers
            .map(|(name, score)| (name.to_owned(), score.and_then(value)))
            .collect(),
        label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(layer: &str, subject: &str, raw: Option<f64>, ceiled: Option<f64>) -> Layer {
        Layer {
            layer: layer.to_owned(),
            subject: Some(subject.to_owned()),
            bin: None,
            per_split: Vec::new(),
            score: Numbers {
                raw,
                ceiled,
                ..Numbers::default()
            },
        }
    }

    #[test]
    fn strips_show_the_scores_of_the_tables() {
        let mut rows = vec![
            row("a", "s1", Some(0.4), Some(0.2)),
            row("a", "s2", Some(0.2), Some(0.4)),
            row("b", "s1", Some(0.9), Some(0.8)),
            row("b", "s2", None, None),
        ];
        let found = by_layer(&rows);
        assert_eq!(found.label, "ceiled score of each layer");
        let value = |found: &ByLayer, index: usize| found.scores[index].1;
        assert!((value(&found, 0).unwrap_or_default() - 0.3).abs() < 1e-15);
        // A mean over the easier subject could not be compared.
        assert_eq!(found.scores[1], ("b".to_owned(), None));
        // A ceiling of one subject only makes no ceiled score.
        rows[1].score.ceiled = None;
        let found = by_layer(&rows);
        assert_eq!(found.label, "raw score of each layer");
        assert!((value(&found, 0).unwrap_or_default() - 0.3).abs() < 1e-15);
    }
}
