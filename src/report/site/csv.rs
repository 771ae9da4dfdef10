//! `leaderboard.csv`: a row per model, best first.
//!
//! Columns: `rank`, `model`, `net`, `bh_decoding`, `bh_encoding`, `bh_average`, `bh_low` and `bh_high` (95 % interval
//! of the headline), `bh_p_decoding`, `bh_p_encoding` (all by the published rule; only if a model has BH scores),
//! `layers` (JSON, region to layer), `benchmarks` and `scored` (number of them), then a column per node of the tree. `X` is a
//! benchmark that failed; empty what is undefined or was never run.

use serde_json::Value;

use super::board::{Board, Model};
use super::json;
use crate::brainscore::tree::{Score, display};
use crate::io::table;

/// BH columns, each by its name.
pub const BH: [(&str, Get); 7] = [
    ("bh_decoding", |model| model.bh.as_ref()?.decoding()),
    ("bh_encoding", |model| model.bh.as_ref()?.encoding()),
    ("bh_average", |model| model.bh.as_ref()?.average()),
    ("bh_low", |model| Some(model.bh.as_ref()?.interval()?.0)),
    ("bh_high", |model| Some(model.bh.as_ref()?.interval()?.1)),
    ("bh_p_decoding", |model| model.bh.as_ref()?.p_decoding()),
    ("bh_p_encoding", |model| model.bh.as_ref()?.p_encoding()),
];

/// A number of a model.
pub type Get = fn(&Model) -> Option<f64>;

/// BH columns that are scores.
pub const N_SCORES: usize = 3;

/// The leaderboard.
pub fn leaderboard(board: &Board) -> Vec<u8> {
    let mut header: Vec<&str> = vec!["rank", "model", "net"];
    if board.has_bh() {
        header.extend(BH.iter().map(|(name, _)| *name));
    }
    if board.has_tree() {
        header.extend(["layers", "benchmarks", "scored"]);
    }
    header.extend(board.columns.iter().map(|column| column.key.as_str()));
    let row = |model: &Model| {
        let rank = model.rank.map_or_else(String::new, |rank| rank.to_string());
        let net = model.net().unwrap_or(&model.name);
        let mut row = vec![rank, model.name.clone(), net.to_owned()];
        if board.has_bh() {
            row.extend(BH.iter().map(|(_, get)| text(get(model))));
        }
        if let Some(tree) = &model.tree {
            let layers = Value::Object(json::layers(model));
            row.extend([
                layers.to_string(),
                tree.count.to_string(),
                tree.n_scored.to_string(),
            ]);
        }
        row.extend(model.nodes().iter().map(|node| match node.score {
            Score::Failed => display::FAILED.to_owned(),
            score => text(score.value()),
        }));
        row
    };
    table::encode(header, board.models.iter().map(row))
}

/// A number as it is read again; nothing for none.
pub(super) fn text(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
