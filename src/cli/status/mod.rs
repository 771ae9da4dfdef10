//! `status` and `settings`.

mod show;

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bhscore::extract::survey::Extracted;
use bhscore::settings::{self, Network};
use bhscore::study::Context;
use bhscore::study::draft::Draft;
use bhscore::work::claims::{self, Holder, Lease, Life};
use bhscore::work::status::{Counts, Survey};
use bhscore::work::{Filter, Item, Stage, forget_failure, plan};
use clap::Args;
use serde_json::json;

use super::{Global, Outcome, speech, stages};
use show::View;

/// Options of `status`.
#[derive(Args)]
#[command(after_help = "\
Exit status 0 when everything is done, 1 when not.

Examples:
  bhscore -C study status
  bhscore -C study status --net pytorch/resnet18 --json
  bhscore -C study status --watch 10
  bhscore -C study status --failed")]
pub struct StatusArgs {
    /// Only this network: its folder <framework>/<network>, or its name in settings.json (repeatable)
    /// [default: all]
    #[arg(long = "net", value_name = "NET")]
    nets: Vec<String>,
    /// As the stages were run with --compat
    #[arg(long)]
    compat: bool,
    /// Look again and again, until everything is done, with so many seconds between [default: 2]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = pause,
          conflicts_with_all = ["failed", "retry_failed"])]
    watch: Option<Duration>,
    /// Only list the items that failed, with the reasons
    #[arg(long, conflicts_with = "retry_failed")]
    failed: bool,
    /// Forget failures, and attempts that died or failed: the next run tries these items again at once
    #[arg(long)]
    retry_failed: bool,
}

/// Seconds between two looks.
fn pause(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|pause| !pause.is_zero())
        .ok_or_else(|| "is not a time".to_owned())
}

/// Options of `settings`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore -C study settings
  bhscore -C study settings --draft > study/draft.json
  bhscore settings --schema > settings.schema.json")]
pub struct SettingsArgs {
    /// Print the JSON Schema of settings.json instead
    #[arg(long)]
    schema: bool,
    /// Print settings for the brain data and features that lie in the study folder, to be looked over
    #[arg(long, conflicts_with = "schema")]
    draft: bool,
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
    let mut survey = Survey::new(&context.layout);
    if let Some(pause) = args.watch {
        return watch(global, &context, &networks, &mut survey, pause);
    }
    let seen = look(&context, &networks, &mut survey)?;
    if args.retry_failed {
        let n = forget(&context, &seen)?;
        speech::print(&match global.json {
            true => json!({ "forgotten": n }).to_string(),
            false => format!("{n} items will be tried again by the next run"),
        })?;
        return Ok(Outcome::Complete);
    }
    if args.failed {
        let text = match global.json {
            true => seen.failures_json().to_string(),
            false => seen.failures().join("\n"),
        };
        match text.is_empty() {
            true => speech::note(
                "nothing failed, or what failed has a result of before that still stands",
            ),
            false => speech::print(&text)?,
        }
        let none = seen.counts.iter().all(|counts| counts.failed.is_empty());
        return Ok(if none {
            Outcome::Complete
        } else {
            Outcome::WorkRemains
        });
    }
    print(global, &seen, "")?;
    Ok(outcome(&seen))
}

fn outcome(seen: &View) -> Outcome {
    let is_extracted = seen.extracted.iter().all(Extracted::is_complete);
    if is_extracted && seen.counts.iter().all(Counts::is_complete) {
        Outcome::Complete
    } else {
        Outcome::WorkRemains
    }
}

fn print(global: &Global, seen: &View, before: &str) -> Result<()> {
    speech::print(&match global.json {
        true => seen.json().to_string(),
        false => format!("{before}{}", seen.text()),
    })
}

/// Looks again and again until everything is done, or for ever if items have failed and nobody tries them again.
fn watch(
    global: &Global,
    context: &Context,
    networks: &[&Network],
    survey: &mut Survey,
    pause: Duration,
) -> Result<Outcome> {
    // Nothing is under way that would have to be ended well.
    ctrlc::set_handler(|| speech::abort()).context("cannot listen for Ctrl-C")?;
    let mut before = if speech::shows_output() {
        speech::CLEAR
    } else {
        ""
    };
    loop {
        let seen = look(context, networks, survey)?;
        print(global, &seen, before)?;
        if outcome(&seen) == Outcome::Complete {
            return Ok(Outcome::Complete);
        }
        if before.is_empty() {
            before = "\n";
        }
        thread::sleep(pause);
    }
}

/// One look at everything.
fn look(context: &Context, networks: &[&Network], survey: &mut Survey) -> Result<View> {
    // Before the items: who ends between the two is seen done, not missing.
    let mut holders = claims::holders(&context.layout.claims(), Duration::ZERO)?;
    holders.retain(|holder| {
        let of = |network: &&Network| holder.unit.contains(&format!("/{}/", network.dir));
        networks.iter().any(of)
    });
    survey.look_anew(&holders);
    let (mut extracted, mut all) = (Vec::new(), Vec::new());
    let jobs = Stage::ALL.map(|stage| (stage, stages::job(stage, context)));
    for network in networks {
        extracted.extend(Extracted::of(network, &context.layout, &holders)?);
        for (stage, job) in &jobs {
            let stage = *stage;
            let items = plan(&context.settings, network, stage, &Filter::default())?;
            let counts = survey.counts(stage, &network.dir, &items, job.as_ref());
            // Who has not begun to encode does not miss it.
            if Stage::DECODING.contains(&stage) || !counts.is_untouched() {
                all.push(counts);
            }
        }
    }
    // Who has published an item and not yet let go of it, or died before, holds nobody up.
    holders.retain(|holder| Item::of_unit(&holder.unit).is_none_or(|item| !survey.is_done(&item)));
    let lease = Lease::from(&context.settings.work);
    Ok(View {
        extracted,
        counts: all,
        holders,
        attempts: lease.attempts,
        now: bhscore::io::record::now(),
    })
}

/// Forgets the failures that were seen, and attempts that ended with no better result; returns of how many items.
fn forget(context: &Context, seen: &View) -> Result<usize> {
    let layout = &context.layout;
    let failed: Vec<&Item> = seen
        .counts
        .iter()
        .flat_map(|counts| counts.failed.iter().map(|(item, _)| item))
        .collect();
    let units: std::collections::HashSet<String> = failed.iter().map(|item| item.unit()).collect();
    // Too many died of these, and no run has come by since to note it.
    let given_up = |holder: &Holder| {
        holder.life == Life::Dead
            && holder.attempt >= seen.attempts
            && seen.holders.iter().any(|other| other.unit == holder.unit)
    };
    let n_given_up = std::cell::Cell::new(0);
    let is_wanted = |holder: &Holder| {
        let is_failed = units.contains(&holder.unit);
        let is_wanted = is_failed || given_up(holder);
        n_given_up.set(n_given_up.get() + usize::from(is_wanted && !is_failed));
        is_wanted
    };
    layout.check_claims()?;
    claims::forget_over(&layout.claims(), &is_wanted, &mut |unit, worker| {
        bhscore::work::stage::tidy(layout, unit, worker)
    })?;
    let mut n = n_given_up.get();
    for item in failed {
        n += usize::from(forget_failure(&layout.record_folder(item))?);
    }
    Ok(n)
}

pub fn settings(global: &Global, args: &SettingsArgs) -> Result<Outcome> {
    let value = if args.schema {
        settings::schema()
    } else if args.draft {
        let draft = Draft::of(&global.layout())?;
        for remark in &draft.remarks {
            speech::note(remark);
        }
        draft.settings
    } else {
        serde_json::to_value(global.read_settings()?)?
    };
    speech::print(&format!("{value:#}"))?;
    Ok(Outcome::Complete)
}
