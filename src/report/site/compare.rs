//! How BH scores and benchmarks go together, over the models.

use serde::Serialize;

use super::board::{Board, Column};
use super::csv::{BH, N_SCORES};
use super::figures::Figure;
use super::html::Html;
use super::shades::{Cell, level};
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

/// Columns of the matrix of correlations.
const MOST_COLUMNS: usize = 24;

/// Levels of the tree that are related: averages and regions, and benchmarks if they are few.
const MOST_RELATED: usize = 40;

#[derive(Serialize)]
struct Page {
    title: &'static str,
    n_models: usize,
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

/// What to relate: each BH score with each node of the tree of which enough models have both; decoding with encoding
/// if there is no tree. `None` where there is nothing.
pub fn request(board: &Board) -> Option<Request> {
    let values = values(board);
    let enough = |(_, values): &&(String, Vec<Option<f64>>)| {
        values.iter().flatten().count() >= FEWEST && varies(values)
    };
    let names = |columns: &[(String, Vec<Option<f64>>)]| {
        columns
            .iter()
            .filter(enough)
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    let (bh, tree) = values.split_at(N_SCORES);
    let (x, mut y) = match (names(bh), names(tree)) {
        (bh, tree) if tree.is_empty() && bh.len() > 1 => (vec![bh[0].clone()], vec![bh[1].clone()]),
        found => found,
    };
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
        draws: Draws::default(),
    })
}

fn varies(values: &[Option<f64>]) -> bool {
    let mut values = values.iter().flatten();
    let first = values.next();
    values.any(|value| Some(value) != first)
}

/// BH scores, then nodes of the tree, with a value per model; of nodes those from the top first.
fn values(board: &Board) -> Vec<(String, Vec<Option<f64>>)> {
    let bh = BH[..N_SCORES]
        .iter()
        .map(|(name, get)| ((*name).to_owned(), board.models.iter().map(get).collect()));
    let nodes: Vec<_> = board.models.iter().map(|model| model.nodes()).collect();
    let mut order: Vec<(usize, &Column)> = board.columns.iter().enumerate().collect();
    order.sort_by_key(|(_, column)| column.leaf);
    let tree = order.into_iter().map(|(index, column)| {
        let values = nodes.iter().map(|nodes| nodes[index].score.value());
        (column.key.clone(), values.collect())
    });
    bh.chain(tree).collect()
}

/// `compare.html`.
pub fn page(board: &Board, relations: Option<&Relations>, html: &Html) -> Vec<u8> {
    let pairs = relations.map_or(&[][..], |relations| &relations.pairs);
    let drawn = || pairs.iter().filter(|pair| pair.models.len() >= FEWEST);
    let figures = drawn().take(MOST_FIGURES).map(|pair| {
        let title = format!("{} and {}", pair.x, pair.y);
        Figure::new(title, "A point per model.", &figure::relation(pair))
    });
    let (names, matrix) = matrix(board);
    let page = Page {
        title: "Comparison",
        n_models: board.models.len(),
        pairs: pairs.iter().map(pair_row).collect(),
        more_figures: drawn().count() > MOST_FIGURES,
        figures: figures.collect(),
        names,
        matrix,
    };
    html.page(("compare.html", ""), board, &page, !page.figures.is_empty())
}

fn pair_row(pair: &Pair) -> PairRow {
    let of = |kind: Coefficient| {
        let estimate = pair.estimates.iter().find(|estimate| estimate.kind == kind);
        estimate.map(coefficients).unwrap_or_default()
    };
    PairRow {
        x: pair.x.clone(),
        y: pair.y.clone(),
        n: pair.models.len(),
        pearson: of(Coefficient::Pearson),
        spearman: of(Coefficient::Spearman),
    }
}

fn coefficients(estimate: &Estimate) -> Coefficients {
    let p = |p: f64| Cell {
        sort: (!p.is_nan()).then(|| p.to_string()),
        ..Cell::text(p_text(p))
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

/// Spearman's ρ of all columns with enough values, over the models that have both.
fn matrix(board: &Board) -> (Vec<String>, Vec<MatrixRow>) {
    let columns: Vec<(String, Vec<Option<f64>>)> = (values(board).into_iter())
        .filter(|(_, values)| values.iter().flatten().count() >= FEWEST && varies(values))
        .take(MOST_COLUMNS)
        .collect();
    if columns.len() < 2 {
        return (Vec::new(), Vec::new());
    }
    let cell = |(i, a): (usize, &Vec<Option<f64>>), (j, b): (usize, &Vec<Option<f64>>)| {
        if i == j {
            return Cell::text("·");
        }
        let both = a.iter().zip(b).filter_map(|(a, b)| a.zip(*b));
        let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
        let rho = if a.len() < FEWEST {
            f64::NAN
        } else {
            spearman(&a, &b)
        };
        match rho.is_nan() {
            true => Cell::signed(None, None, "too few models, or all alike"),
            false => Cell {
                text: format!("{rho:.2}").replace('-', "−").replacen("0.", ".", 1),
                sort: Some(rho.to_string()),
                level: Some(level(rho, (-1.0, 1.0))),
                title: format!("{} models", a.len()),
            },
        }
    };
    let rows = columns.iter().enumerate().map(|(i, (name, a))| MatrixRow {
        name: name.clone(),
        cells: (columns.iter().enumerate())
            .map(|(j, (_, b))| cell((i, a), (j, b)))
            .collect(),
    });
    let rows = rows.collect();
    (columns.into_iter().map(|(name, _)| name).collect(), rows)
}
