//! `tree`: averages, coverage and ranks of a tree of benchmark scores.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::brainscore::tree::{self, Field, Missing, Policy, Scored};
use bhscore::report;
use clap::{Args, ValueEnum};

use super::{Global, Outcome, speech};

/// Options of `tree`.
#[derive(Args)]
#[command(after_help = "\
FILE holds nodes {\"id\": …, \"score\": number, \"X\" (failed) or null (never run), \"children\": [nodes]},
with \"version\", \"hidden\": true (not printed, but counted), \"rank\" and \"engineering\": true if need
be. Scores of parents are computed: the mean of their children, each clamped to 0 to 1 (engineering:
not clamped).

Examples:
  bhscore tree model.json
  bhscore tree model.json --json --missing skip
  bhscore tree model.json --others models/ --rank-policy site")]
pub struct TreeArgs {
    /// Tree of one model's benchmark scores, JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Trees of the other models that ranks, best and median are among: files, or folders of .json files
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    others: Vec<PathBuf>,
}

/// How scores are averaged and compared.
#[derive(Args, Default)]
pub struct PolicyArgs {
    /// What a benchmark without a number is in its parent's mean: zero, as on the site, or left out
    #[arg(long, value_enum, default_value_t = MissingArg::Zero, value_name = "HOW")]
    missing: MissingArg,
    /// How ranks compare scores: exact, or site (as shown: three decimals, two at the top)
    #[arg(long, value_enum, default_value_t = PolicyArg::Exact, value_name = "HOW")]
    rank_policy: PolicyArg,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum MissingArg {
    #[default]
    Zero,
    Skip,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum PolicyArg {
    #[default]
    Exact,
    Site,
}

impl PolicyArgs {
    /// What a child without a number is.
    pub fn missing(&self) -> Missing {
        match self.missing {
            MissingArg::Zero => Missing::Zero,
            MissingArg::Skip => Missing::Skip,
        }
    }

    /// How ranks are taken.
    pub fn ranks(&self) -> Policy {
        match self.rank_policy {
            PolicyArg::Exact => Policy::Exact,
            PolicyArg::Site => Policy::Site,
        }
    }
}

pub fn run(global: &Global, args: &TreeArgs) -> Result<Outcome> {
    let missing = args.policies.missing();
    let read = |path: &Path| -> bhscore::Result<Scored> {
        Ok(tree::evaluate(&tree::read(path)?, missing))
    };
    let mut own = read(&args.file)?;
    if !args.others.is_empty() {
        let mut models = vec![own.clone()];
        for path in others(args)? {
            let other = read(&path)?;
            if let Some(benchmark) = tree::only_in_one(&own, &other) {
                speech::warning(&format!(
                    "{} is another tree, of the two only one has `{benchmark}`: ranks of what is above it compare means of \
                     different benchmarks, and nodes of other names are not compared",
                    path.display()
                ));
            }
            models.push(other);
        }
        Field::new(&models).place(&mut own, args.policies.ranks());
    }
    if global.json {
        speech::print(&tree::json::value(&own).to_string())?;
    } else {
        speech::print(&report::tree::text(&own))?;
    }
    Ok(Outcome::Complete)
}

/// Files of the other models, the model's own left out.
fn others(args: &TreeArgs) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for path in &args.others {
        if !path.is_dir() {
            paths.push(path.clone());
            continue;
        }
        let list = |error| bhscore::Error::io("list", path)(error);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(list)? {
            let file = entry.map_err(list)?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                found.push(file);
            }
        }
        if found.is_empty() {
            let remedy = "name a folder with trees of other models";
            return Err(bhscore::Error::file(path, "holds no .json file", remedy).into());
        }
        found.sort();
        paths.extend(found);
    }
    let own = args.file.canonicalize().ok();
    paths.retain(|path| path.canonicalize().ok() != own || own.is_none());
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(paths)
}
