//! `decode-train`, `decode-predict`, `encode-train`, `encode-predict`, and `run`, which does all of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use bhscore::settings::{Network, Precision, Settings};
use bhscore::study::{Behaviour, Context};
use bhscore::work::stage::{self, Job, Options, Summary};
use bhscore::work::{Filter, Item, Shard, Stage, plan};
use bhscore::{decode, encode};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::crew::Crew;
use super::progress::Progress;
use super::{Global, Outcome, compute, extract, slurm, speech, stop_flag};

/// Reasons of failures that the summary at the end repeats.
const REASONS_REPEATED: usize = 5;

/// Options of a stage.
#[derive(Args, Clone)]
pub struct StageArgs {
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub pass: PassArgs,
    /// Do as the original also where that is a defect
    #[arg(long)]
    pub compat: bool,
}

/// How to go through the work; the same for all stages.
#[derive(Args, Clone, Default)]
pub struct PassArgs {
    /// Only the i-th of n parts of the work, for several machines on one folder; slurm: this task's part
    #[arg(long, value_name = "i/n", value_parser = slurm::job::shard)]
    pub shard: Option<Shard>,
    /// Compute again what is done; overwrite files of other programs
    #[arg(long)]
    pub force: bool,
    /// Only say what would be done; with --json an object per line
    #[arg(long)]
    pub dry_run: bool,
    /// Stay until what other machines work on is done, too
    #[arg(long)]
    pub wait: bool,
}

impl PassArgs {
    /// The part of the work that was asked for.
    pub fn part(&self) -> Shard {
        self.shard.unwrap_or(Shard::WHOLE)
    }
}

/// Examples of a stage's command.
macro_rules! examples {
    ($command:literal) => {
        concat!(
            "Examples:\n  bhscore -C study ",
            $command,
            " --net pytorch/resnet18\n  bhscore -C study ",
            $command,
            " --net pytorch/resnet18 --layer conv1 --roi V1\n  bhscore -C study ",
            $command,
            " --net pytorch/resnet18 --shard 2/3",
        )
    };
}
pub(super) use examples;

/// Options of `decode-train`.
#[derive(Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub stage: StageArgs,
    /// Double precision throughout, as `decoding.precision: "f64"` in settings.json
    #[arg(long)]
    pub f64: bool,
}

/// Which items.
#[derive(Args, Clone)]
pub struct SelectArgs {
    /// Network: its folder <framework>/<network>, or its name in settings.json
    #[arg(long = "net", required = true, value_name = "NET")]
    pub nets: Vec<String>,
    /// Only this layer (repeatable)
    #[arg(long = "layer", value_name = "LAYER")]
    pub layers: Vec<String>,
    /// Only this subject (repeatable)
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub subjects: Vec<String>,
    /// Only this ROI (repeatable)
    #[arg(long = "roi", value_name = "ROI")]
    pub rois: Vec<String>,
}

impl SelectArgs {
    /// The filter without the networks.
    pub fn filter(&self) -> Filter {
        Filter {
            layers: self.layers.clone(),
            subjects: self.subjects.clone(),
            rois: self.rois.clone(),
        }
    }

    /// The networks that were named.
    pub fn networks<'a>(&self, settings: &'a Settings) -> Result<Vec<&'a Network>> {
        Ok(self
            .nets
            .iter()
            .map(|net| settings.network(net))
            .collect::<Result<_, _>>()?)
    }
}

/// Options of `run`.
#[derive(Args, Clone)]
#[command(after_help = "\
Examples:
  bhscore -C study run --net pytorch/resnet18
  bhscore -C study run --net pytorch/resnet18 --net caffe/AlexNet --memory 8G
  bhscore -C study run --net pytorch/resnet18 --stage decode-train --stage decode-predict")]
pub struct RunArgs {
    #[command(flatten)]
    pub stage: StageArgs,
    /// Only this stage (repeatable)
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<Step>,
    /// No scores at the end: for one of many workers
    #[arg(long)]
    no_compute: bool,
}

impl RunArgs {
    fn wants(&self, step: Step) -> bool {
        self.stages.is_empty() || self.stages.contains(&step)
    }
}

/// What `run` does one after the other, before the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    Extract,
    DecodeTrain,
    DecodePredict,
    EncodeTrain,
    EncodePredict,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Step; 5] = [
        Step::Extract,
        Step::DecodeTrain,
        Step::DecodePredict,
        Step::EncodeTrain,
        Step::EncodePredict,
    ];

    /// The stage that works item by item; `extract` works image by image.
    fn stage(self) -> Option<Stage> {
        match self {
            Step::Extract => None,
            Step::DecodeTrain => Some(Stage::DecodeTrain),
            Step::DecodePredict => Some(Stage::DecodePredict),
            Step::EncodeTrain => Some(Stage::EncodeTrain),
            Step::EncodePredict => Some(Stage::EncodePredict),
        }
    }

    /// The command's name.
    pub fn name(self) -> &'static str {
        self.stage().map_or("extract", Stage::name)
    }

    /// Whether scores are made from what it writes.
    pub fn is_scored(self) -> bool {
        matches!(self, Step::DecodePredict | Step::EncodePredict)
    }
}

pub fn decode_train(global: &Global, args: &TrainArgs) -> Result<Outcome> {
    let mut context = context(global, args.stage.compat)?;
    if args.f64 {
        context.settings.decoding.precision = Precision::F64;
    }
    one_stage(global, &args.stage, &context, Stage::DecodeTrain)
}

pub fn decode_predict(global: &Global, args: &StageArgs) -> Result<Outcome> {
    let context = context(global, args.compat)?;
    one_stage(global, args, &context, Stage::DecodePredict)
}

pub fn encode(global: &Global, args: &StageArgs, stage: Stage) -> Result<Outcome> {
    let context = context(global, args.compat)?;
    one_stage(global, args, &context, stage)
}

fn one_stage(
    global: &Global,
    args: &StageArgs,
    context: &Context,
    stage: Stage,
) -> Result<Outcome> {
    let stop = stop_flag()?;
    let crew = Crew::new(global, &context.layout, &context.settings)?;
    let outcome = run_stage(global, args, context, stage, &crew, &stop)?;
    crew.leave(&context.layout)?;
    Ok(outcome)
}

/// All stages, then the scores of the networks that were named.
pub fn run_all(global: &Global, args: &RunArgs) -> Result<Outcome> {
    let context = context(global, args.stage.compat)?;
    let stop = stop_flag()?;
    let crew = Crew::new(global, &context.layout, &context.settings)?;
    // The next stage needs what others are about to finish.
    let args = &RunArgs {
        stage: StageArgs {
            pass: PassArgs {
                wait: true,
                ..args.stage.pass.clone()
            },
            ..args.stage.clone()
        },
        ..args.clone()
    };
    let mut outcome = Outcome::Complete;
    let networks = args.stage.select.networks(&context.settings)?;
    for network in networks.iter().filter(|_| args.wants(Step::Extract)) {
        outcome = outcome.max(extract::if_possible(
            global,
            network,
            &args.stage,
            &crew,
            &stop,
        )?);
        if stop.load(Ordering::Relaxed) {
            return Ok(outcome.max(Outcome::WorkRemains));
        }
    }
    let wanted = Step::ALL.into_iter().filter(|step| args.wants(*step));
    for stage in wanted.filter_map(Step::stage) {
        // A failed item does not keep the others from the next stage.
        outcome = outcome.max(run_stage(
            global,
            &args.stage,
            &context,
            stage,
            &crew,
            &stop,
        )?);
        if stop.load(Ordering::Relaxed) {
            return Ok(outcome.max(Outcome::WorkRemains));
        }
    }
    crew.leave(&context.layout)?;
    if args.stage.pass.dry_run || args.no_compute {
        return Ok(outcome);
    }
    let select = &args.stage.select;
    let unscored = !Step::ALL
        .iter()
        .any(|step| step.is_scored() && args.wants(*step));
    let partial = unscored
        || !(select.layers.is_empty() && select.subjects.is_empty() && select.rois.is_empty());
    if partial || args.stage.pass.shard.is_some() {
        speech::note(
            "only a part was asked for: no score; run `bhscore compute` when all parts are done",
        );
        return Ok(outcome);
    }
    let scored = compute::score(global, &context.settings, &networks, &Default::default())?;
    Ok(outcome.max(scored))
}

/// What the stages need to know, from the global options.
pub fn context(global: &Global, compat: bool) -> Result<Context> {
    let mut context = corrected(global, &global.read_settings()?);
    if compat {
        context.behaviour = Behaviour::Compat;
    }
    Ok(context)
}

/// The same for settings that were read, without `--compat`.
pub fn corrected(global: &Global, settings: &Settings) -> Context {
    Context {
        layout: global.layout(),
        settings: settings.clone(),
        behaviour: Behaviour::Corrected,
        memory: global.memory(),
        reading: Default::default(),
    }
}

/// The work of a stage.
pub fn job(stage: Stage, context: &Context) -> Box<dyn Job> {
    match stage {
        Stage::DecodeTrain => Box::new(decode::train::Train::new(context.clone())),
        Stage::DecodePredict => Box::new(decode::predict::Predict::new(context.clone())),
        Stage::EncodeTrain => Box::new(encode::train::Train::new(context.clone())),
        Stage::EncodePredict => Box::new(encode::predict::Predict::new(context.clone())),
    }
}

/// Runs one stage over the wanted items of all named networks.
pub fn run_stage(
    global: &Global,
    args: &StageArgs,
    context: &Context,
    stage: Stage,
    crew: &Crew,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let mut items: Vec<Item> = Vec::new();
    for network in args.select.networks(&context.settings)? {
        items.extend(plan(
            &context.settings,
            network,
            stage,
            &args.select.filter(),
        )?);
    }
    let items = args.pass.part().part(items);
    if args.pass.dry_run {
        return list(global, &items, job(stage, context).as_ref(), context);
    }
    let mut progress = Progress::new(global, stage.name(), items.len());
    let mut job = job(
        stage,
        &Context {
            reading: progress.reading(),
            ..context.clone()
        },
    );
    let summary = stage::run(
        &items,
        job.as_mut(),
        &context.layout,
        Options {
            force: args.pass.force,
            wait: args.pass.wait,
        },
        Some(crew.worker()),
        stop,
        &mut |event| progress.observe(&event),
    );
    progress.finish();
    conclude(global, stage, items.len(), &summary?)
}

/// What a stage would do, one item per line, as JSON too.
fn list(global: &Global, items: &[Item], job: &dyn Job, context: &Context) -> Result<Outcome> {
    let mut sources = bhscore::work::sources::Sources::new(context.layout.clone());
    let states = stage::states(items, job, &context.layout, &mut sources);
    for (item, state) in items.iter().zip(states) {
        let word = match state.unwrap_or(stage::State::Missing) {
            stage::State::Done => "done",
            stage::State::Stale(reason) => reason,
            stage::State::Foreign => "foreign",
            stage::State::Failed(_) => "failed",
            stage::State::Missing => "missing",
        };
        speech::print(&match global.json {
            true => json!({
                "stage": item.stage.name(), "net": item.net, "layer": item.layer,
                "subject": item.subject, "roi": item.roi, "state": word,
            })
            .to_string(),
            false => format!("{} {item} {word}", item.stage),
        })?;
    }
    Ok(Outcome::Complete)
}

/// Says how a stage ended and turns it into an exit status.
fn conclude(global: &Global, stage: Stage, total: usize, summary: &Summary) -> Result<Outcome> {
    let Summary {
        computed,
        done,
        foreign,
        failed,
        held,
        interrupted,
    } = summary;
    if !global.quiet {
        let mut parts = vec![format!("{computed} computed")];
        let others = [
            (*done, "done before"),
            (*foreign, "kept as another program wrote them"),
        ];
        parts.extend(
            others
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, text)| format!("{n} {text}")),
        );
        if !failed.is_empty() {
            parts.push(format!("{} failed", failed.len()));
        }
        speech::note(&format!("{stage}: {total} items: {}", parts.join(", ")));
    }
    repeat_failures(stage, failed);
    if !failed.is_empty() {
        return Ok(Outcome::Failed);
    }
    if !held.is_empty() && !interrupted {
        let text = "held by other processes; run the same command again, or with `--wait`, to see to the end";
        speech::note(&format!("{stage}: {} items {text}", held.len()));
        return Ok(Outcome::WorkRemains);
    }
    if *interrupted {
        speech::note("interrupted; run the same command again to continue");
        return Ok(Outcome::WorkRemains);
    }
    Ok(Outcome::Complete)
}

/// Repeats why items failed, a line for each reason with the first item and the number of others.
fn repeat_failures(stage: Stage, failed: &[(Item, String)]) {
    let mut n_items: HashMap<&str, usize> = HashMap::new();
    let mut first = Vec::new();
    for (item, reason) in failed {
        let n = n_items.entry(reason).or_default();
        *n += 1;
        if *n == 1 {
            first.push((item, reason));
        }
    }
    let mut more = failed.len();
    for (item, reason) in first.into_iter().take(REASONS_REPEATED) {
        let n = n_items[reason.as_str()];
        let others = match n {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        speech::note(&format!("{stage} {item}{others}: failed: {reason}"));
        more -= n;
    }
    if more > 0 {
        speech::note(&format!(
            "and {more} others; `bhscore status --failed` lists all"
        ));
    }
}
