//! `status` and `settings`.

use anyhow::Result;
use bhscore::settings::{self, Network};
use bhscore::work::status::Counts;
use bhscore::work::{Filter, Stage, plan};
use clap::Args;
use serde_json::json;

use super::{Global, Outcome, speech, stages};

/// Options of `status`.
#[derive(Args)]
#[command(after_help = "\
Exit status 0 when everything is done, 1 when not.

Examples:
  bhscore -C study status
  bhscore -C study status --net pytorch/resnet18 --json")]
pub struct StatusArgs {
    /// Only this network (repeatable) [default: all in settings.json]
    #[arg(long = "net", value_name = "NET")]
    nets: Vec<String>,
    /// As the stages were run with --compat
    #[arg(long)]
    compat: bool,
}

/// Options of `settings`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore -C study settings
  bhscore settings --schema > settings.schema.json")]
pub struct SettingsArgs {
    /// Print the JSON Schema of settings.json instead
    #[arg(long)]
    schema: bool,
}

pub fn run(global: &Global, args: &StatusArgs) -> Result<Outcome> {
    let context = stages::context(global, args.compat)?;
    let networks: Vec<&Network> = if args.nets.is_empty() {
        context.settings.networks.iter().collect()
    } else {
        args.nets
            .iter()
            .map(|net| context.settings.network(net))
            .collect::<Result<_, _>>()?
    };
    let mut all = Vec::new();
    for network in networks {
        for stage in Stage::ALL {
            let items = plan(&context.settings, network, stage, &Filter::default())?;
            let job = stages::job(stage, &context);
            let counts = Counts::of(stage, &network.dir, &items, job.as_ref(), &context.layout)?;
            // Who has not begun to encode does not miss it.
            if Stage::DECODING.contains(&stage) || counts.missing < items.len() {
                all.push(counts);
            }
        }
    }
    if global.json {
        speech::print(&as_json(&all).to_string())?;
    } else {
        speech::print(&as_table(&all))?;
    }
    let complete = all.iter().all(Counts::is_complete);
    Ok(if complete {
        Outcome::Complete
    } else {
        Outcome::WorkRemains
    })
}

fn as_json(all: &[Counts]) -> serde_json::Value {
    let stages: Vec<_> = all
        .iter()
        .map(|counts| {
            let failures: Vec<_> = counts
                .failed
                .iter()
                .map(|(item, reason)| json!({ "item": item.to_string(), "reason": reason }))
                .collect();
            json!({
                "stage": counts.stage.name(),
                "net": counts.net,
                "done": counts.done + counts.foreign,
                "foreign": counts.foreign,
                "running": 0,
                "stale": counts.stale,
                "failed": counts.failed.len(),
                "missing": counts.missing,
                "failures": failures,
            })
        })
        .collect();
    json!({ "stages": stages })
}

fn as_table(all: &[Counts]) -> String {
    let width = all
        .iter()
        .map(|counts| counts.net.len())
        .max()
        .unwrap_or(0)
        .max("network".len());
    let mut lines = vec![format!(
        "{:<width$}  {:<14} {:>7} {:>7} {:>7} {:>7} {:>7}",
        "network", "stage", "done", "foreign", "stale", "failed", "missing"
    )];
    for counts in all {
        lines.push(format!(
            "{:<width$}  {:<14} {:>7} {:>7} {:>7} {:>7} {:>7}",
            counts.net,
            counts.stage.name(),
            counts.done,
            counts.foreign,
            counts.stale,
            counts.failed.len(),
            counts.missing
        ));
    }
    for counts in all {
        for (item, reason) in &counts.failed {
            lines.push(format!("failed: {} {item}: {reason}", counts.stage));
        }
    }
    lines.join("\n")
}

pub fn settings(global: &Global, args: &SettingsArgs) -> Result<Outcome> {
    let value = if args.schema {
        settings::schema()
    } else {
        serde_json::to_value(global.read_settings()?)?
    };
    speech::print(&format!("{value:#}"))?;
    Ok(Outcome::Complete)
}
