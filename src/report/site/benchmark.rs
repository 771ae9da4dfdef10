//! The page of a benchmark.

use serde::Serialize;

use super::bibtex::{self, Reference};
use super::board::{Benchmark, Board, Model};
use super::html::Html;
use super::rows::{by_layer, sites, with_error};
use super::shades::{Cell, Strip, range, signed};
use crate::brainscore::result::{BenchmarkScore, Choice, State};
use crate::brainscore::tree::{Score, Scored};

#[derive(Serialize)]
struct Page {
    title: String,
    version: u32,
    facts: Vec<(&'static str, String)>,
    in_tree: bool,
    rows: Vec<Row>,
    has_sites: bool,
    site_range: String,
    reference: Option<Reference>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    slug: String,
    rank: Cell,
    score: Cell,
    state: &'static str,
    raw: Cell,
    ceiling: Cell,
    layer: String,
    /// Whether the layer is the best of several on these data.
    is_best: bool,
    sites: String,
    layers: Option<Strip>,
    histogram: Option<Strip>,
    reason: Option<String>,
}

/// `benchmarks/<slug>.html`.
pub fn page(board: &Board, benchmark: &Benchmark, html: &Html) -> Vec<u8> {
    let measured = &benchmark.measured;
    let mut results: Vec<(&Model, &BenchmarkScore, Scored)> = Vec::new();
    for model in &board.models {
        if let Some(result) = model.result(&measured.id, Some(measured.version)) {
            results.push((model, result, node(model, benchmark, result)));
        }
    }
    let order = |score: Score| score.value().unwrap_or(f64::NEG_INFINITY);
    results.sort_by(|(_, _, a), (_, _, b)| order(b.score).total_cmp(&order(a.score)));
    let values = results.iter().filter_map(|(_, _, node)| node.score.value());
    let shades = range(values);
    let sites = results
        .iter()
        .flat_map(|(_, result, _)| result.site_scores.iter().copied().flatten());
    let sites = range(sites).unwrap_or_default();
    let rows: Vec<Row> = (results.iter())
        .map(|(model, result, node)| row(model, result, node, (shades, sites)))
        .collect();
    let page = Page {
        title: measured.id.clone(),
        version: measured.version,
        facts: facts(benchmark, &results),
        in_tree: benchmark.in_tree,
        site_range: format!("{} to {}", signed(sites.0), signed(sites.1)),
        has_sites: rows.iter().any(|row| row.histogram.is_some()),
        rows,
        reference: bibtex::unique(measured.bibtex.as_deref()).pop(),
    };
    html.page(("benchmark.html", "../"), board, &page, false)
}

/// The model's node of the benchmark; one made up for a benchmark that is not in the tree.
fn node(model: &Model, benchmark: &Benchmark, result: &BenchmarkScore) -> Scored {
    if let Some(node) = benchmark
        .column
        .and_then(|column| model.nodes().get(column).copied())
    {
        return node.clone();
    }
    let ceiled = result.score.as_ref().and_then(|score| score.ceiled);
    Scored {
        score: ceiled.map_or(Score::Failed, |value| Score::Value(value.clamp(0.0, 1.0))),
        count: 1,
        ..Scored::default()
    }
}

fn facts(
    benchmark: &Benchmark,
    results: &[(&Model, &BenchmarkScore, Scored)],
) -> Vec<(&'static str, String)> {
    let measured = &benchmark.measured;
    let mut facts = vec![
        ("region", measured.region.clone()),
        ("metric", measured.metric.clone()),
        ("normalisation", measured.normalise.clone()),
    ];
    if let Some(degrees) = measured.visual_degrees {
        facts.push(("visual angle", format!("{degrees}°")));
    }
    if let Some(score) = results.iter().find_map(|(_, result, _)| result.score) {
        facts.push(("ceiling", with_error(score.ceiling, score.ceiling_error)));
        if score.n_sites > 0 {
            facts.push(("sites", score.n_sites.to_string()));
        }
        facts.push(("images", score.n_stimuli.to_string()));
    }
    let scored = results
        .iter()
        .filter(|(_, result, _)| result.state == State::Ok)
        .count();
    facts.push(("models scored", format!("{scored} of {}", results.len())));
    facts
}

fn row(
    model: &Model,
    result: &BenchmarkScore,
    node: &Scored,
    (shades, site_range): (Option<(f64, f64)>, (f64, f64)),
) -> Row {
    let rank = node.rank.map_or_else(String::new, |rank| rank.to_string());
    let sort = rank.parse::<usize>().ok().map(|rank| rank.to_string());
    let score = result.score.as_ref();
    let number = |value: Option<f64>, error: Option<f64>| Cell {
        sort: value.map(|value| value.to_string()),
        ..Cell::text(with_error(value, error))
    };
    let layers = by_layer(&result.rows);
    let site_scores: Vec<f64> = result.site_scores.iter().copied().flatten().collect();
    Row {
        name: model.name.clone(),
        slug: model.slug.clone(),
        rank: Cell {
            sort,
            ..Cell::text(rank)
        },
        score: Cell::of(node, shades),
        state: match result.state {
            State::Ok => "ok",
            State::Failed => "failed",
        },
        raw: number(score.and_then(|s| s.raw), score.and_then(|s| s.error)),
        ceiling: number(
            score.and_then(|s| s.ceiling),
            score.and_then(|s| s.ceiling_error),
        ),
        layer: result.layer.clone().unwrap_or_default(),
        is_best: result.choice() == Choice::Best,
        sites: score.map(sites).unwrap_or_default(),
        layers: Strip::of(&layers.scores, result.layer.as_deref(), layers.label),
        histogram: Strip::histogram(&site_scores, site_range, "sites"),
        reason: result.reason.clone(),
    }
}
