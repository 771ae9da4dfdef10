//! `report`: everything in `results/` as a site of HTML pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use bhscore::brainscore::{folder, tree};
use bhscore::io::atomic::Batch;
use bhscore::io::inside;
use bhscore::io::table::Table;
use bhscore::relate::{self, Relations};
use bhscore::report::site::{self, Board, INDEX, Input, LIST, accuracy, bh};
use clap::Args;
use serde_json::json;

use super::tree::PolicyArgs;
use super::{Global, Outcome, speech};

/// Files of the results that the site is made from.
const BH: &str = "bhscore.json";
const ACCURACIES: &str = "accuracy_summary.csv";
const BENCHMARKS: &str = "brainscore";

/// By which a page is known as ours.
const GENERATOR: &str = "<meta name=\"generator\" content=\"bhscore ";

/// Options of `report`.
#[derive(Args, Default)]
#[command(after_help = "\
Takes what is there: results/bhscore.json and accuracy_summary.csv of `compute`, results/brainscore/
of `score`. The pages hold everything they show and need no server: open site/index.html, or copy
the folder anywhere. Without --tree the average is over regions, each the mean of its benchmarks.

Examples:
  bhscore -C study report
  bhscore report --results results/ --tree tree.json --out site/
  bhscore -C study report --missing skip --title \"Our networks\"")]
pub struct ReportArgs {
    /// Folder of results [default: results/ in the study folder]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Tree of benchmarks, a file as for `tree`; scores in it do not matter
    #[arg(long, value_name = "FILE")]
    tree: Option<PathBuf>,
    /// Folder of the site [default: site/ in the study folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Heading of the leaderboard [default: scores of the folder that holds the results]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Write into a folder that is no site; other files in it stay
    #[arg(long)]
    force: bool,
}

pub fn run(global: &Global, args: &ReportArgs) -> Result<Outcome> {
    let made = make(global, args)?;
    let page = made.page.display().to_string();
    speech::print(&match global.json {
        true => json!({
            "site": page, "n_models": made.n_models, "n_benchmarks": made.n_benchmarks, "n_files": made.n_files,
            "warnings": made.warnings,
        })
        .to_string(),
        false => page,
    })?;
    Ok(made.outcome)
}

/// A site that was made.
pub struct Made {
    /// Its first page.
    pub page: PathBuf,
    /// Failed if results could not be used.
    pub outcome: Outcome,
    n_models: usize,
    n_benchmarks: usize,
    n_files: usize,
    warnings: Vec<String>,
}

/// Makes the site.
pub fn make(global: &Global, args: &ReportArgs) -> Result<Made> {
    let results = args
        .results
        .clone()
        .unwrap_or_else(|| global.layout().results());
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| global.study.join("site"));
    let old = check_folder(&out, args.force)?;
    let (input, n_problems) = read(&results, args)?;
    for warning in input.warnings.iter().filter(|_| n_problems > 0) {
        speech::warning(warning);
    }
    let board = Board::new(input);
    if !global.quiet {
        board
            .warnings
            .iter()
            .skip(n_problems)
            .for_each(|warning| speech::warning(warning));
    }
    let files = site::files(&board, relations(&board)?.as_ref());
    let mut batch = Batch::new();
    for (path, bytes) in &files {
        let path = out.join(path);
        inside::check(&out, path.parent().unwrap_or(&out))?;
        batch.add(path, bytes)?;
    }
    batch.commit()?;
    remove_old(
        &out,
        &old,
        files.iter().map(|(path, _)| path.as_str()).collect(),
    )?;
    Ok(Made {
        page: out.join(INDEX),
        outcome: if n_problems > 0 {
            Outcome::Failed
        } else {
            Outcome::Complete
        },
        n_models: board.models.len(),
        n_benchmarks: board.benchmarks.len(),
        n_files: files.len(),
        warnings: board.warnings,
    })
}

/// What there is, and how many files could not be used; their warnings come first.
fn read(results: &Path, args: &ReportArgs) -> Result<(Input, usize)> {
    let found = folder::read(&results.join(BENCHMARKS))?;
    let study = if_there(&results.join(BH))?;
    let accuracies = if_there(&results.join(ACCURACIES))?;
    let study = study
        .map(|(path, bytes)| bh::Study::parse(&path, &bytes))
        .transpose()?;
    let accuracies = accuracies
        .map(|(path, bytes)| accuracy::parse(&path, &bytes))
        .transpose()?;
    if study.is_none() && found.scores.is_empty() {
        if let Some(problem) = found.problems.into_iter().next() {
            return Err(problem.into());
        }
        let problem = format!("holds no results: neither `{BH}` nor `{BENCHMARKS}/`");
        let remedy =
            "run `bhscore compute` or `bhscore score` first, or name the folder by `--results`";
        return Err(bhscore::Error::file(results, problem, remedy).into());
    }
    let input = Input {
        title: args.title.clone().unwrap_or_else(|| title(results)),
        study,
        accuracies: accuracies.unwrap_or_default(),
        scores: found.scores,
        tree: args.tree.as_ref().map(tree::read).transpose()?,
        missing: args.policies.missing(),
        policy: args.policies.ranks(),
        warnings: found.problems.iter().map(ToString::to_string).collect(),
    };
    let n_problems = input.warnings.len();
    Ok((input, n_problems))
}

/// Path and content of a file; `None` if it is not there.
fn if_there(path: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some((path.to_owned(), bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bhscore::Error::io("read", path)(error).into()),
    }
}

fn title(results: &Path) -> String {
    let path = results
        .canonicalize()
        .unwrap_or_else(|_| results.to_owned());
    let name = path.parent().and_then(Path::file_name);
    name.map_or_else(
        || "Scores".to_owned(),
        |name| format!("Scores of {}", name.to_string_lossy()),
    )
}

fn relations(board: &Board) -> Result<Option<Relations>> {
    let Some(request) = site::request(board) else {
        return Ok(None);
    };
    let table = Table::parse(Path::new("leaderboard.csv"), &site::table(board))?;
    Ok(Some(relate::relate(&[table], &request)?))
}

/// Files of the site that is in the folder; none if it is empty or not there.
///
/// # Errors
/// If something else is in it, unless `force`.
fn check_folder(out: &Path, force: bool) -> Result<Vec<String>> {
    if let Some((_, list)) = if_there(&out.join(LIST))? {
        return Ok(String::from_utf8_lossy(&list)
            .lines()
            .map(str::to_owned)
            .collect());
    }
    let mut entries = match fs::read_dir(out) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(bhscore::Error::io("list", out))?,
    };
    let index = if_there(&out.join(INDEX))?;
    let ours = index.is_some_and(|(_, bytes)| String::from_utf8_lossy(&bytes).contains(GENERATOR));
    if force || ours || entries.next().is_none() {
        return Ok(Vec::new());
    }
    let remedy = "name another folder by `--out`, or write into this one by `--force`";
    Err(bhscore::Error::file(out, "holds files that are not a site of `report`", remedy).into())
}

/// Removes files of the site that was there before, which the new one does not have.
fn remove_old(out: &Path, old: &[String], new: BTreeSet<&str>) -> Result<()> {
    for path in old.iter().filter(|path| !new.contains(path.as_str())) {
        let is_below = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = out.join(path);
        if is_below && path.is_file() {
            inside::check(out, path.parent().unwrap_or(out))?;
            fs::remove_file(&path).map_err(bhscore::Error::io("remove", &path))?;
        }
    }
    Ok(())
}
