//! The leaderboard.

use serde::Serialize;

use super::board::{Board, Column, Model};
use super::csv::{BH, Get, N_SCORES};
use super::figures::{self, Figure};
use super::html::Html;
use super::shades::{Cell, range};
use crate::brainscore::tree::{Missing, Policy};
use crate::report::relation::p_text;

#[derive(Serialize)]
struct Page {
    title: String,
    n_models: usize,
    n_benchmarks: usize,
    has_bh: bool,
    has_tree: bool,
    has_sure: bool,
    has_encoding: bool,
    many: bool,
    skip: bool,
    site_ranks: bool,
    ranked_by: &'static str,
    columns: Vec<Heading>,
    rows: Vec<Row>,
    warnings: Vec<String>,
    figure: Option<Figure>,
}

/// Head of a column of the tree.
#[derive(Serialize)]
struct Heading {
    text: String,
    version: Option<u32>,
    leaf: bool,
    slug: Option<String>,
    parent: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    net: Option<String>,
    slug: String,
    rank: Cell,
    bh: Vec<Cell>,
    coverage: Cell,
    scores: Vec<ScoreCell>,
}

#[derive(Serialize)]
struct ScoreCell {
    cell: Cell,
    leaf: bool,
}

/// Columns of benchmarks are hidden at first if there are more.
const MANY: usize = 3;

/// Why there is no interval and no p.
const NOT_MEASURED: &str = "not measured: `bhscore compute --sure` does";

/// `index.html`.
pub fn page(board: &Board, html: &Html) -> Vec<u8> {
    let n_leaves = board.columns.iter().filter(|column| column.leaf).count();
    let bh = || board.models.iter().filter_map(|model| model.bh.as_ref());
    let has_sure = bh().any(|bh| bh.sure.is_some());
    let has_encoding = bh().any(|bh| bh.encoding.is_some());
    let figure = figures::ranked(board);
    let page = Page {
        title: board.title.clone(),
        n_models: board.models.len(),
        n_benchmarks: board
            .models
            .iter()
            .filter_map(|model| model.tree.as_ref())
            .map(|tree| tree.count)
            .max()
            .unwrap_or(0),
        has_bh: board.has_bh(),
        has_tree: board.has_tree(),
        has_sure,
        has_encoding,
        many: n_leaves > MANY,
        skip: board.missing == Missing::Skip,
        site_ranks: board.policy == Policy::Site,
        ranked_by: if board.has_bh() {
            "BH score"
        } else {
            "average"
        },
        columns: board.columns.iter().map(heading).collect(),
        rows: (board.models.iter())
            .map(|model| row(board, model, has_sure, has_encoding))
            .collect(),
        warnings: board.warnings.clone(),
        figure,
    };
    html.page(("index.html", ""), board, &page, page.figure.is_some())
}

fn heading(column: &Column) -> Heading {
    Heading {
        text: column.id.clone(),
        version: column.version,
        leaf: column.leaf,
        slug: column.slug.clone(),
        parent: column.parent.clone(),
    }
}

fn row(board: &Board, model: &Model, has_sure: bool, has_encoding: bool) -> Row {
    let nodes = model.nodes();
    let scores = board
        .columns
        .iter()
        .zip(&nodes)
        .map(|(column, node)| ScoreCell {
            cell: Cell::of(node, column.range),
            leaf: column.leaf,
        });
    let rank = match model.rank {
        Some(rank) => Cell {
            sort: Some(rank.to_string()),
            ..Cell::text(rank.to_string())
        },
        None => Cell::text("–"),
    };
    let coverage = (model.tree.as_ref()).map_or_else(Cell::default, |tree| Cell {
        sort: Some(tree.coverage().to_string()),
        title: format!(
            "{} of {} benchmarks gave a number",
            tree.n_scored, tree.count
        ),
        ..Cell::text(format!("{}/{}", tree.n_scored, tree.count))
    });
    Row {
        name: model.name.clone(),
        net: model.net().map(str::to_owned),
        slug: model.slug.clone(),
        rank,
        bh: bh_cells(board, model, has_sure, has_encoding),
        coverage,
        scores: scores.collect(),
    }
}

/// Decoding, encoding, average, interval, p: those that any model has.
fn bh_cells(board: &Board, model: &Model, has_sure: bool, has_encoding: bool) -> Vec<Cell> {
    if !board.has_bh() {
        return Vec::new();
    }
    let reason = |index: usize| {
        let Some(bh) = &model.bh else {
            return "no BH scores of this model";
        };
        let rules = match index {
            0 => bh.decoding.as_ref().map(|half| &half.scores),
            1 => bh.encoding.as_ref().map(|half| &half.scores),
            _ => bh.average.as_ref(),
        };
        rules.map_or("not computed", |rules| {
            rules.reason.as_deref().unwrap_or("")
        })
    };
    let n = if has_encoding { N_SCORES } else { 1 };
    let score = |(index, (_, get)): (usize, &(&str, Get))| {
        let all = board.models.iter().filter_map(*get);
        Cell::signed(get(model), range(all), reason(index))
    };
    let mut cells: Vec<Cell> = BH[..n].iter().enumerate().map(score).collect();
    if has_sure {
        cells.push(interval(model));
        cells.push(p(model));
    }
    cells
}

fn interval(model: &Model) -> Cell {
    let found = model
        .bh
        .as_ref()
        .and_then(|bh| Some((bh.headline().0, bh.interval()?)));
    let Some((kind, (low, high))) = found else {
        return Cell::signed(None, None, NOT_MEASURED);
    };
    Cell {
        sort: Some(low.to_string()),
        title: format!("95 % interval of the score ({kind}) over images, by the jackknife"),
        ..Cell::text(format!("{low:.2} to {high:.2}").replace('-', "−"))
    }
}

fn p(model: &Model) -> Cell {
    let Some((bh, p)) = model.bh.as_ref().and_then(|bh| Some((bh, bh.p()?))) else {
        return Cell::signed(None, None, NOT_MEASURED);
    };
    let text = |p: Option<f64>| p.map_or_else(|| "–".to_owned(), p_text);
    Cell {
        sort: Some(p.to_string()),
        title: format!(
            "decoding p {}, encoding p {}: the larger is shown",
            text(bh.p_decoding()),
            text(bh.p_encoding())
        ),
        ..Cell::text(p_text(p))
    }
}
