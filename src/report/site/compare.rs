//! How BH scores and benchmarks go together, over the models.

use std::collections::BTreeSet;

use serde::Serialize;

use super::board::{Board, Column, Model};
use super::csv::{BH, N_SCORES};
use super::figures::Figure;
use super::html::Html;
use super::shades::{Cell, level};
use crate::io::table;
use crate::relate::pair::{Estimate, Pair};
use crate::relate::{Draws, Relations, Request};
use crate::report::figure;
use crate::report::relation::p_text;
use crate::stats::rank::spearman;
use crate::stats::relation::Coefficient;

/// Fewest models of which a correlation says anything.
const FEWEST: usize = 3;

/// Scatter figures on the page; all pairs are in the table.
const MOST_FIGURES: usize = 12;

/// Bootstrap resamples of an interval, of which two decimals are shown.
const N_RESAMPLES: usize = 2000;

/// Columns of the matrix of correlations.
const MOST_COLUMNS: usize = 24;

/// Nodes of the tree that are related to each BH score: averages and regions, then benchmarks.
const MOST_RELATED: usize = 40;

#[derive(Serialize)]
struct Page {
    title: &'static str,
    n_models: usize,
    has_leaves: bool,
    pairs: Vec<PairRow>,
    figures: Vec<Figure>,
    more_figures: bool,
    names: Vec<String>,
    matrix: Vec<MatrixRow>,
}

#[derive(Serialize)]
struct PairRow {
    x: String,
    y: String,
    n: usize,
    leaf: bool,
    pearson: Coefficients,
    spearman: Coefficients,
}

#[derive(Default, Serialize)]
struct Coefficients {
    r: Cell,
    interval: String,
    p: Cell,
    adjusted: Cell,
}

#[derive(Serialize)]
struct MatrixRow {
    name: String,
    cells: Vec<Cell>,
}

/// Names of the BH scores in the order of [`BH`].
pub const BH_NAMES: [&str; N_SCORES] = ["BH decoding", "BH encoding", "BH average"];

/// A number of every model.
struct Scores {
    name: String,
    /// Whether it is of a single benchmark.
    leaf: bool,
    values: Vec<Option<f64>>,
}

impl Scores {
    /// Whether there are enough numbers, and different ones.
    fn tell(&self) -> bool {
        let mut values = self.values.iter().flatten();
        let first = values.next();
        let varies = values.any(|value| Some(value) != first);
        varies && self.values.iter().flatten().count() >= FEWEST
    }
}

/// What there is to relate: BH scores, the average first, and nodes of the tree, benchmarks last; those that say as
/// much as another one (an average of one region) are left out.
fn scores(board: &Board) -> (Vec<Scores>, Vec<Scores>) {
    let bh = |index: usize| Scores {
        name: BH_NAMES[index].to_owned(),
        leaf: false,
        values: board.models.iter().map(BH[index].1).collect(),
    };
    let nodes: Vec<_> = board.models.iter().map(|model| model.nodes()).collect();
    let node = |(index, column): (usize, &Column)| Scores {
        name: column.key.clone(),
        leaf: column.leaf,
        values: nodes
            .iter()
            .map(|nodes| nodes[index].score.value())
            .collect(),
    };
    let mut tree: Vec<Scores> = Vec::new();
    for scores in board.columns.iter().enumerate().map(node) {
        if scores.leaf || !tree.iter().any(|other| other.values == scores.values) {
            tree.push(scores);
        }
    }
    tree.sort_by_key(|scores| scores.leaf);
    let bh = [2, 0, 1].map(bh);
    let telling = |scores: Vec<Scores>| scores.into_iter().filter(Scores::tell).collect();
    (telling(bh.into()), telling(tree))
}

/// What to relate: each BH score with each node of the tree of which enough models have one; decoding with encoding
/// if there is no tree. `None` where there is nothing.
pub fn request(board: &Board) -> Option<Request> {
    let names = |scores: &[Scores]| scores.iter().map(|scores| scores.name.clone()).collect();
    let (bh, tree) = scores(board);
    let (mut x, mut y): (Vec<String>, Vec<String>) = (names(&bh), names(&tree));
    if y.is_empty() {
        y = x.split_off(x.len().saturating_sub(1));
        x.retain(|name| *name == BH_NAMES[0]);
    }
    if x.is_empty() || y.is_empty() {
        return None;
    }
    y.truncate(MOST_RELATED);
    Some(Request {
        by: Some("model".to_owned()),
        x,
        y,
        controls: Vec::new(),
        logs: Vec::new(),
        group: None,
        draws: Draws {
            n_resamples: N_RESAMPLES,
            ..Draws::default()
        },
    })
}

/// The table that [`request`] is about. Models go by their names in files if their names cannot be told apart in a
/// table.
pub fn table(board: &Board) -> Vec<u8> {
    let (bh, tree) = scores(board);
    let columns: Vec<&Scores> = bh.iter().chain(&tree).collect();
    let names: BTreeSet<&str> = board.models.iter().map(|model| model.name.trim()).collect();
    let clear = names.len() == board.models.len() && !names.contains("");
    let mut header = vec!["model"];
    header.extend(columns.iter().map(|column| column.name.as_str()));
    let row = |(index, model): (usize, &Model)| {
        let name = if clear { &model.name } else { &model.slug };
        let number = |column: &&Scores| super::csv::text(column.values[index]);
        let numbers: Vec<String> = columns.iter().map(number).collect();
        [name.clone()].into_iter().chain(numbers)
    };
    table::encode(header, board.models.iter().enumerate().map(row))
}

/// `compare.html`.
pub fn page(board: &Board, relations: Option<&Relations>, html: &Html) -> Vec<u8> {
    let pairs = relations.map_or(&[][..], |relations| &relations.pairs);
    let drawn = || pairs.iter().filter(|pair| pair.models.len() >= FEWEST);
    let figures = drawn().take(MOST_FIGURES).map(|pair| {
        let title = format!("{} and {}", pair.x, pair.y);
        Figure::new(title, "A point per model.", &figure::relation(pair))
    });
    let (bh, tree) = scores(board);
    let leaf = |pair: &Pair| {
        tree.iter()
            .any(|scores| scores.leaf && scores.name == pair.y)
    };
    let pairs: Vec<PairRow> = pairs
        .iter()
        .map(|pair| pair_row(pair, leaf(pair)))
        .collect();
    let all: Vec<&Scores> = bh.iter().chain(&tree).take(MOST_COLUMNS).collect();
    let page = Page {
        title: "Comparison",
        n_models: board.models.len(),
        has_leaves: pairs.iter().any(|pair| pair.leaf) && pairs.iter().any(|pair| !pair.leaf),
        pairs,
        more_figures: drawn().count() > MOST_FIGURES,
        figures: figures.collect(),
        matrix: matrix(&all),
        names: all.iter().map(|scores| scores.name.clone()).collect(),
    };
    html.page(("compare.html", ""), board, &page, !page.figures.is_empty())
}

fn pair_row(pair: &Pair, leaf: bool) -> PairRow {
    let of = |kind: Coefficient| {
        let estimate = pair.estimates.iter().find(|estimate| estimate.kind == kind);
        estimate.map(coefficients).unwrap_or_default()
    };
    PairRow {
        x: pair.x.clone(),
        y: pair.y.clone(),
        n: pair.models.len(),
        leaf,
        pearson: of(Coefficient::Pearson),
        spearman: of(Coefficient::Spearman),
    }
}

fn coefficients(estimate: &Estimate) -> Coefficients {
    let p = |p: f64| Cell {
        sort: (!p.is_nan()).then(|| p.to_string()),
        ..Cell::text(if p.is_nan() {
            "–".to_owned()
        } else {
            p_text(p)
        })
    };
    let reason = estimate.r.as_ref().err().map_or("", String::as_str);
    Coefficients {
        r: Cell::signed(estimate.r.as_ref().ok().copied(), None, reason),
        interval: (estimate.interval).map_or_else(
            || "–".to_owned(),
            |interval| format!("{:.2} to {:.2}", interval.low, interval.high).replace('-', "−"),
        ),
        p: p(estimate.p),
        adjusted: p(estimate.p_adjusted),
    }
}

/// Spearman's ρ of all with all, over the models that have both.
fn matrix(all: &[&Scores]) -> Vec<MatrixRow> {
    if all.len() < 2 {
        return Vec::new();
    }
    let cell = |a: &Scores, b: &Scores| {
        let both = a
            .values
            .iter()
            .zip(&b.values)
            .filter_map(|(a, b)| a.zip(*b));
        let (x, y): (Vec<f64>, Vec<f64>) = both.unzip();
        let rho = if x.len() < FEWEST {
            f64::NAN
        } else {
            spearman(&x, &y)
        };
        match (a.name == b.name, rho.is_nan()) {
            (true, _) => Cell::text("·"),
            (_, true) => Cell::signed(None, None, "too few models, or all alike"),
            _ => Cell {
                text: format!("{rho:.2}").replace('-', "−").replacen("0.", ".", 1),
                sort: Some(rho.to_string()),
                level: Some(level(rho, (-1.0, 1.0))),
                title: format!("{} models", x.len()),
            },
        }
    };
    let row = |a: &&Scores| MatrixRow {
        name: a.name.clone(),
        cells: all.iter().map(|b| cell(a, b)).collect(),
    };
    all.iter().map(row).collect()
}
