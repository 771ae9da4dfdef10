//! `leaderboard.json` and `models/<model>.json`.
//!
//! A model is `{"schema", "model", "net", "visual_degrees", "layers": {region: layer}, "bh": {"decoding", "encoding",
//! "average", "low", "high", "p_decoding", "p_encoding"} or null, "coverage": {"scored", "benchmarks"} or null,
//! "scores": […], "references": [key], "provenance": {"bhscore", "seed", "manifest_sha256", "commands"}}`; a score is
//! `{"id", "version", "parent", "depth", "raw", "error", "ceiling", "ceiled", "state": "ok", "failed" or "not_run",
//! "score", "display", "rank", "best", "median", "count", "n_scored", "n_sites", "region", "normalise", "layer",
//! "reference": {"bibtex_key"} or null}`, in the tree's order from the root. Numbers that differ between
//! benchmarks where one is asked for (`visual_degrees`, `seed`) are null.

use serde_json::{Map, Value, json};

use super::bibtex;
use super::board::{Board, Column, Model};
use super::csv::{BH, Get};
use crate::PROGRAM;
use crate::brainscore::result::BenchmarkScore;
use crate::brainscore::tree::{self, Missing, Policy, Score, Scored};

/// Version of both formats.
const SCHEMA: u32 = 1;

/// `leaderboard.json`.
pub fn leaderboard(board: &Board) -> Vec<u8> {
    let column = |column: &Column| {
        json!({
            "key": column.key, "id": column.id, "version": column.version,
            "parent": parent(column), "depth": column.depth, "benchmark": column.leaf,
        })
    };
    let model = |model: &Model| {
        let score = |(column, node): (&Column, &&Scored)| {
            let value = json!({
                "score": tree::json::score(node.score),
                "display": tree::display::text(node.score),
                "rank": tree::json::rank(node.rank),
            });
            (column.key.clone(), value)
        };
        let nodes = model.nodes();
        let scores: Map<String, Value> = board.columns.iter().zip(&nodes).map(score).collect();
        json!({
            "rank": model.rank, "model": model.name, "net": model.net(), "page": format!("models/{}.html", model.slug),
            "bh": bh(model), "coverage": coverage(model), "layers": layers(model), "scores": scores,
        })
    };
    pretty(&json!({
        "schema": SCHEMA,
        "bhscore": PROGRAM,
        "title": board.title,
        "missing": match board.missing { Missing::Zero => "zero", Missing::Skip => "skip" },
        "rank_policy": match board.policy { Policy::Exact => "exact", Policy::Site => "site" },
        "columns": board.columns.iter().map(column).collect::<Vec<_>>(),
        "models": board.models.iter().map(model).collect::<Vec<_>>(),
        "warnings": board.warnings,
    }))
}

/// `models/<model>.json`.
pub fn model(board: &Board, model: &Model) -> Vec<u8> {
    let nodes = model.nodes();
    let scores = board.columns.iter().zip(&nodes);
    let scores: Vec<Value> = scores
        .map(|(column, node)| score(model, column, node))
        .collect();
    let keys: Vec<String> = model.references().into_iter().map(|r| r.key).collect();
    let same = |get: fn(&BenchmarkScore) -> Option<Value>| same(model, get);
    pretty(&json!({
        "schema": SCHEMA,
        "model": model.name,
        "net": model.net(),
        "visual_degrees": same(|score| score.benchmark.visual_degrees.map(Value::from)),
        "layers": layers(model),
        "bh": bh(model),
        "coverage": coverage(model),
        "scores": scores,
        "references": keys,
        "provenance": {
            "bhscore": PROGRAM,
            "seed": same(|score| Some(score.provenance.seed.into())),
            "manifest_sha256": same(|score| score.provenance.manifest_sha256.clone().map(Value::from)),
            "commands": commands(board, model),
        },
    }))
}

fn score(model: &Model, column: &Column, node: &Scored) -> Value {
    let result = model
        .result(&column.id, column.version)
        .filter(|_| column.leaf);
    let scored = result.and_then(|result| result.score);
    let reference = result.and_then(|result| bibtex::key(result.benchmark.bibtex.as_deref()?));
    json!({
        "id": column.id,
        "version": column.version,
        "parent": parent(column),
        "depth": column.depth,
        "raw": scored.and_then(|scored| scored.raw),
        "error": scored.and_then(|scored| scored.error),
        "ceiling": scored.and_then(|scored| scored.ceiling),
        "ceiled": scored.and_then(|scored| scored.ceiled),
        "state": match node.score {
            Score::Value(_) => "ok",
            Score::Failed => "failed",
            Score::NotRun => "not_run",
        },
        "score": tree::json::score(node.score),
        "display": tree::display::text(node.score),
        "rank": tree::json::rank(node.rank),
        "best": node.best,
        "median": node.median,
        "count": node.count,
        "n_scored": node.n_scored,
        "n_sites": scored.map(|scored| scored.n_sites),
        "region": result.map(|result| &result.benchmark.region),
        "normalise": result.map(|result| &result.benchmark.normalise),
        "layer": result.and_then(|result| result.layer.as_ref()),
        "reference": reference.map(|key| json!({"bibtex_key": key})),
    })
}

fn parent(column: &Column) -> Option<&str> {
    (column.depth > 0).then_some(column.parent.as_str())
}

fn bh(model: &Model) -> Value {
    let Some(_) = &model.bh else {
        return Value::Null;
    };
    let number = |(name, get): &(&str, Get)| {
        let name = name.strip_prefix("bh_").unwrap_or(name);
        (name.to_owned(), json!(get(model)))
    };
    Value::Object(BH.iter().map(number).collect())
}

fn coverage(model: &Model) -> Value {
    let tree = model.tree.as_ref();
    tree.map_or(
        Value::Null,
        |tree| json!({"scored": tree.n_scored, "benchmarks": tree.count}),
    )
}

/// A value that all results of a model share; null if they do not.
fn same(model: &Model, get: fn(&BenchmarkScore) -> Option<Value>) -> Value {
    let mut values = model.scores.iter().filter_map(get);
    let first = values.next().unwrap_or(Value::Null);
    match values.all(|value| value == first) {
        true => first,
        false => Value::Null,
    }
}

/// Layer of each region: the committed one, else the one that most of its benchmarks chose or were measured with.
pub fn layers(model: &Model) -> Map<String, Value> {
    let commitments = super::model::commitments(model);
    let layer = |commitment: super::model::Commitment| (commitment.region, commitment.layer.into());
    commitments.into_iter().map(layer).collect()
}

/// Commands that made the numbers of a model, each once.
pub fn commands(board: &Board, model: &Model) -> Vec<String> {
    let bh = model.bh.as_ref().and(board.command.as_ref());
    let scores = model.scores.iter().map(|score| &score.provenance.command);
    let mut commands: Vec<String> = Vec::new();
    for command in bh.into_iter().chain(scores) {
        if !command.is_empty() && !commands.contains(command) {
            commands.push(command.clone());
        }
    }
    commands
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
