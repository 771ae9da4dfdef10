//! The evaluated tree as JSON: the same nodes in the same order, with what was computed.
//!
//! `{"id", "version", "hidden", "engineering", "score": number, "X" or null, "count", "n_scored", "coverage",
//! "rank": number, "X" or null, "display", "best", "median", "children"}`; `version`, `hidden`, `engineering` and
//! `children` only where a node has them. `count` is the number of benchmarks below, `coverage` the share of those
//! that have a number.

use serde_json::{Map, Value, json};

use super::display;
use super::mean::Scored;
use super::node::Score;
use super::rank::Rank;

/// A score as it stands in files.
pub fn score(score: Score) -> Value {
    match score {
        Score::Value(value) => json!(value),
        Score::Failed => json!(display::FAILED),
        Score::NotRun => Value::Null,
    }
}

/// A rank as it stands in files.
pub fn rank(rank: Option<Rank>) -> Value {
    match rank {
        Some(Rank::Place(place)) => json!(place),
        Some(Rank::Failed) => json!(display::FAILED),
        None => Value::Null,
    }
}

/// The object of a node and all below.
pub fn value(node: &Scored) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        object.insert(key.to_owned(), value);
    };
    put("id", json!(node.id));
    if let Some(version) = node.version {
        put("version", json!(version));
    }
    if node.hidden {
        put("hidden", json!(true));
    }
    if let Some(engineering) = node.engineering {
        put("engineering", json!(engineering));
    }
    put("score", score(node.score));
    put("count", json!(node.count));
    put("n_scored", json!(node.n_scored));
    put("coverage", json!(node.coverage()));
    put("rank", rank(node.rank));
    put("display", json!(display::text(node.score)));
    put("best", json!(node.best));
    put("median", json!(node.median));
    if !node.is_leaf() {
        put("children", node.children.iter().map(value).collect());
    }
    Value::Object(object)
}
