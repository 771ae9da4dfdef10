//! The site of `report`: a leaderboard, a page for each model and each benchmark, and how they go together.
//!
//! | file | holds |
//! |---|---|
//! | [`bh`] | what the site needs of `bhscore.json` |
//! | [`accuracy`] | what it needs of `accuracy_summary.csv` |
//! | [`board`] | models with their scores and places, columns of the leaderboard |
//! | [`slug`] | names as names of files |
//! | [`bibtex`] | references, each once |
//! | [`csv`], [`json`] | the leaderboard, models, as data |
//! | [`figures`] | figures of a model's BH scores |
//! | [`shades`] | scores as shades and small drawings |
//! | [`index`], [`model`], [`rows`], [`benchmark`], [`compare`] | what the pages say |
//! | [`html`] | templates, and what browsers are allowed to do with the pages |
//!
//! Pages hold everything that they show: no page asks for anything, and their content security policy forbids it.
//! They can be read without scripts; those only sort tables and open many rows at a time. Equal input gives equal
//! bytes: nothing in them tells when or where they were made.

pub mod accuracy;
pub mod benchmark;
pub mod bh;
pub mod bibtex;
pub mod board;
pub mod compare;
pub mod csv;
pub mod figures;
pub mod html;
pub mod index;
pub mod json;
pub mod model;
pub mod rows;
pub mod shades;
pub mod slug;

pub use board::{Board, Input};
pub use compare::{request, table};

use crate::relate::Relations;

/// Name of the first page.
pub const INDEX: &str = "index.html";

/// Name of the list of the site's files, by which a folder is known as a site.
pub const LIST: &str = ".bhscore-site";

/// The files of the site with their paths in it.
///
/// - `relations`: how BH scores and benchmarks go together, of [`request`] on [`table`]; `None` where there
///   is nothing to relate.
///
/// The last one, [`LIST`], names the others.
pub fn files(board: &Board, relations: Option<&Relations>) -> Vec<(String, Vec<u8>)> {
    let html = html::Html::new();
    let mut files = vec![
        (INDEX.to_owned(), index::page(board, &html)),
        (
            "compare.html".to_owned(),
            compare::page(board, relations, &html),
        ),
        ("leaderboard.csv".to_owned(), csv::leaderboard(board)),
        ("leaderboard.json".to_owned(), json::leaderboard(board)),
        (
            "references.bib".to_owned(),
            bibtex::file(&board.references()),
        ),
    ];
    for model in &board.models {
        let path = |extension: &str| format!("models/{}.{extension}", model.slug);
        files.push((path("html"), model::page(board, model, &html)));
        files.push((path("json"), json::model(board, model)));
    }
    for benchmark in &board.benchmarks {
        let path = format!("benchmarks/{}.html", benchmark.slug);
        files.push((path, benchmark::page(board, benchmark, &html)));
    }
    let list: String = files.iter().map(|(path, _)| format!("{path}\n")).collect();
    files.push((LIST.to_owned(), list.into_bytes()));
    files
}

#[cfg(test)]
mod tests;
