//! `check`: is a model as its manifest says; `pack`: one file of it.

pub mod pack;

use std::path::PathBuf;

use anyhow::Result;
use bhscore::model::checks::{Checked, check};
use bhscore::model::finding::{Finding, Status};
use bhscore::model::pack::unpacked;
use clap::Args;
use serde_json::{Value, json};

use super::{Global, Outcome, speech, stop_flag};

/// Columns of a table's text, before which lines go on.
const INDENT: usize = 31;

/// Options of `check`.
#[derive(Args)]
#[command(after_help = "\
Fourteen checks: the manifest, its files, the layers, three images, a small made-up benchmark, what
is said about the model. Nothing is written, and no data are needed.

Examples:
  bhscore check models/cornet_s
  bhscore check models/cornet_s/model.toml --json
  bhscore check cornet_s.zip")]
pub struct CheckArgs {
    /// A model's folder, its model.toml, or a .zip that `bhscore pack` has made
    #[arg(value_name = "MODEL", default_value = ".")]
    model: PathBuf,
}

pub fn run(global: &Global, args: &CheckArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    let is_archive = args.model.is_file()
        && args
            .model
            .extension()
            .is_some_and(|extension| extension == "zip");
    let checked = match is_archive {
        true => {
            let (_folder, root) = unpacked(&args.model, &stop)?;
            let mut checked = check(&root, global.memory(), &stop)?;
            checked.path = args.model.clone();
            checked
        }
        false => check(&args.model, global.memory(), &stop)?,
    };
    speech::print(&match global.json {
        true => as_json(&checked).to_string(),
        false => table(&checked),
    })?;
    Ok(outcome(&checked))
}

fn outcome(checked: &Checked) -> Outcome {
    match checked.findings.none_failed() {
        true => Outcome::Complete,
        false => Outcome::Failed,
    }
}

/// All findings for programs.
fn as_json(checked: &Checked) -> Value {
    json!({
        "model": checked.manifest.as_ref().map(|manifest| &manifest.id),
        "path": checked.path,
        "passed": checked.findings.none_failed(),
        "findings": checked.findings,
    })
}

/// All findings for people, and how many are of which kind.
fn table(checked: &Checked) -> String {
    let mut lines: Vec<String> = checked.findings.all().iter().map(line).collect();
    let counts = [Status::Ok, Status::Warning, Status::Failed, Status::Skipped]
        .map(|status| format!("{} {}", checked.findings.count(status), status.name()));
    lines.push(format!("{}: {}", checked.path.display(), counts.join(", ")));
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    let Finding {
        number,
        name,
        status,
        message,
        remedy,
    } = finding;
    let next = format!("\n{:INDENT$}", "");
    let mut text = message.replace('\n', &next);
    if let Some(remedy) = remedy {
        text = format!("{text}{next}→ {remedy}");
    }
    format!("{number:>2}  {name:<16}  {:<7}  {text}", status.name())
}
