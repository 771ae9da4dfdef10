//! `relate`: how properties of models in two tables go together.

use std::path::PathBuf;

use anyhow::Result;
use bhscore::io::atomic::Batch;
use bhscore::io::table::Table;
use bhscore::relate::{self, Draws, Relations, Request};
use bhscore::report::{figure, relation};
use clap::Args;

use super::{Global, Outcome, speech};

/// Characters of column names that stay in file names; others become `_`.
const IN_FILE_NAMES: [char; 3] = ['-', '_', '.'];

/// Most resamples and shuffles.
const MOST_DRAWS: i64 = 1_000_000;

/// Options of `relate`.
#[derive(Args)]
#[command(after_help = "\
Columns are looked for in both tables: --x in the first one first, the others in the last one first.
p-values of one kind are adjusted together (Benjamini-Hochberg). Fields that are empty are left out.

Examples:
  bhscore relate data/imagenet_top1.csv data/published_bhscores.csv --x imagenet_top1 --y average
  bhscore relate data/imagenet_top1.csv data/published_bhscores.csv --x imagenet_top1 \\
      --y decoding --y encoding --y average --control n_layers --log n_layers --out relation
  bhscore relate data/imagenet_top1.csv data/published_bhscores.csv --y average --group family
  bhscore relate data/published_bhscores.csv --x decoding --y encoding")]
pub struct RelateArgs {
    /// One or two CSV tables with a row for each model
    #[arg(value_name = "TABLE", required = true, num_args = 1..=2)]
    tables: Vec<PathBuf>,
    /// Column on one side (repeatable)
    #[arg(long, value_name = "COLUMN", required_unless_present = "group")]
    x: Vec<String>,
    /// Column on the other side (repeatable): every --x is related to every --y
    #[arg(long, value_name = "COLUMN", required = true)]
    y: Vec<String>,
    /// Column to take out in a partial correlation (repeatable)
    #[arg(long = "control", value_name = "COLUMN", requires = "x")]
    controls: Vec<String>,
    /// Take the logarithm of this column (repeatable)
    #[arg(long = "log", value_name = "COLUMN")]
    logs: Vec<String>,
    /// Column with the models' names [default: network, model or name]
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Compare the values of --y between the groups that this column names
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// Write relation.csv, relation.json and a figure for each pair to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Bootstrap resamples for the intervals; 0 for none
    #[arg(long, value_name = "N", default_value_t = Draws::default().n_resamples as u32, value_parser = clap::value_parser!(u32).range(..=MOST_DRAWS))]
    resamples: u32,
    /// Shuffles for the permutation test of groups
    #[arg(long, value_name = "N", default_value_t = Draws::default().n_permutations as u32, value_parser = clap::value_parser!(u32).range(..=MOST_DRAWS))]
    permutations: u32,
    /// Seed of both
    #[arg(long, value_name = "SEED", default_value_t = Draws::default().seed)]
    seed: u32,
}

impl RelateArgs {
    fn request(&self) -> Request {
        Request {
            by: self.by.clone(),
            x: self.x.clone(),
            y: self.y.clone(),
            controls: self.controls.clone(),
            logs: self.logs.clone(),
            group: self.group.clone(),
            draws: Draws {
                n_resamples: self.resamples as usize,
                n_permutations: self.permutations as usize,
                seed: self.seed,
            },
        }
    }
}

pub fn run(global: &Global, args: &RelateArgs) -> Result<Outcome> {
    let tables: Vec<Table> = (args.tables.iter().map(Table::read)).collect::<Result<_, _>>()?;
    let request = args.request();
    let relations = relate::relate(&tables, &request)?;
    if !global.quiet {
        notes(&relations);
    }
    let json = relation::json(&relations, &request);
    if global.json {
        speech::print(&json.to_string())?;
    } else {
        speech::print(&relation::text(&relations))?;
    }
    if let Some(folder) = &args.out {
        let mut batch = Batch::new();
        batch.add(folder.join("relation.csv"), &relation::csv(&relations))?;
        for (name, bytes) in figures(&relations) {
            batch.add(folder.join(name), &bytes)?;
        }
        batch.add(
            folder.join("relation.json"),
            format!("{json:#}\n").as_bytes(),
        )?;
        batch.commit()?;
    }
    Ok(Outcome::Complete)
}

/// Who is not in the numbers.
fn notes(relations: &Relations) {
    let tell = |models: &[String], what: String| {
        if !models.is_empty() {
            speech::note(&format!("{what}: {}", models.join(", ")));
        }
    };
    for (path, models) in &relations.only_in {
        tell(models, format!("only in `{}`", path.display()));
    }
    for pair in &relations.pairs {
        let what = format!(
            "left out of `{}` and `{}` for want of a value",
            pair.x, pair.y
        );
        tell(&pair.left_out, what);
    }
    for grouping in &relations.groupings {
        let what = format!(
            "left out of `{}` by `{}` for want of an entry",
            grouping.y, grouping.column
        );
        tell(&grouping.left_out, what);
    }
}

/// File names and figures as SVG and PNG, a number before names that would be the same.
fn figures(relations: &Relations) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for pair in &relations.pairs {
        let stem = format!("{}-{}", plain(&pair.x), plain(&pair.y));
        let mut name = stem.clone();
        let mut number = 2;
        while files
            .iter()
            .any(|(other, _)| *other == format!("{name}.svg"))
        {
            name = format!("{stem}-{number}");
            number += 1;
        }
        let drawing = figure::relation(pair);
        files.push((format!("{name}.svg"), drawing.svg().into_bytes()));
        files.push((format!("{name}.png"), drawing.png()));
    }
    files
}

fn plain(name: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || IN_FILE_NAMES.contains(&c);
    name.chars()
        .map(|c| if keep(c) { c } else { '_' })
        .collect()
}
