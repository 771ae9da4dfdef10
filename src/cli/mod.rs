//! Command line: what was typed → calls of the library → exit status.
//!
//! Exit status: 0 everything that was asked for exists; 1 nothing failed but work remains
//! (interrupted, or not done by others yet); 2 something failed, or bad usage or settings.
//! Results go to stdout, everything else to stderr.

mod arrays;
mod ceilings;
mod compute;
mod crew;
mod demo;
mod extract;
mod inspect;
mod manual;
mod model;
mod outdated;
mod progress;
mod properties;
mod readout;
mod relate;
mod report;
mod ridge;
mod score;
mod slurm;
mod speech;
mod stages;
mod status;
mod sure;
mod train;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use bhscore::settings::Settings;
use bhscore::study::memory::Memory;
use bhscore::work::{Layout, Stage};
use clap::{Args, Parser, Subcommand};

/// Version and the commit it was built from.
const VERSION: &str = env!("BHSCORE_VERSION");

/// How hierarchically brain-like is a deep network? From a study folder to the Brain Hierarchy score.
#[derive(Parser)]
#[command(name = "bhscore", version = VERSION, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  bhscore demo                                       a small study, computed from end to end
  bhscore -C study run --net pytorch/resnet18        everything for one network
  bhscore -C study compute                           scores of all networks in settings.json

Exit status: 0 done, 1 work remains, 2 something failed.";

/// Options of every command.
#[derive(Args, Clone)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Study folder: holds settings.json and data/
    #[arg(
        short = 'C',
        long = "study",
        global = true,
        default_value = ".",
        value_name = "DIR"
    )]
    study: PathBuf,
    /// Settings file [default: settings.json in the study folder]
    #[arg(long, global = true, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Threads [default: all cores, in a Slurm job those of the task]
    #[arg(short = 'j', long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Upper bound for working arrays, such as 8G [default: half of the free memory, in a Slurm job 90% of
    /// the job's]
    #[arg(long, global = true, value_name = "SIZE")]
    memory: Option<Memory>,
    /// Only errors and results
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: items that were done before, too
    #[arg(short, long, global = true)]
    verbose: bool,
    /// No progress bar
    #[arg(long, global = true)]
    no_progress: bool,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Seconds by which this machine's clock is taken to be wrong: tests show that nothing depends on it
    #[arg(
        long,
        global = true,
        hide = true,
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    clock_skew: i64,
    /// The demo runs many small items: no line for each.
    #[arg(skip)]
    items_hidden: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make a small synthetic study and run every stage on it
    Demo(demo::DemoArgs),
    /// Run a network on images: every layer's unit activations per image
    Extract(extract::ExtractArgs),
    /// Train ridge decoders: from each ROI's voxels to each layer's units
    #[command(after_help = stages::examples!("decode-train"))]
    DecodeTrain(stages::TrainArgs),
    /// Decode test images' features and measure decoding accuracy
    #[command(after_help = stages::examples!("decode-predict"))]
    DecodePredict(stages::StageArgs),
    /// Train ridge encoders: from each layer's units to each ROI's voxels
    #[command(after_help = stages::examples!("encode-train"))]
    EncodeTrain(stages::StageArgs),
    /// Encode test images' fMRI and measure encoding accuracy
    #[command(after_help = stages::examples!("encode-predict"))]
    EncodePredict(stages::StageArgs),
    /// Compute Brain Hierarchy scores from decoding and encoding accuracies
    Compute(compute::ComputeArgs),
    /// All stages in order, then the score
    Run(stages::RunArgs),
    /// Write and submit scripts that run all stages with many workers on a Slurm cluster
    Slurm(slurm::SlurmArgs),
    /// How much of a network is done, failed, missing
    Status(status::StatusArgs),
    /// Say what is in a .mat, BData .h5, decoder folder or .onnx model
    Inspect(inspect::InspectArgs),
    /// Print the resolved settings, or their JSON Schema
    Settings(status::SettingsArgs),
    /// FastL2LiR on plain arrays (.npy or .mat)
    Ridge(ridge::RidgeArgs),
    /// Score layers on recordings or behaviour: predictivity, RSA, CKA, i2n
    Score(Box<score::ScoreArgs>),
    /// Choose the layer of a network that stands for each region
    Commit(Box<score::commit::CommitArgs>),
    /// Teach a layer the objects in images: top-1, top-5, probabilities
    Readout(Box<readout::ReadoutArgs>),
    /// Compare tuning properties of a layer's units with those of V1 neurons
    Properties(Box<properties::PropertiesArgs>),
    /// Check a model against its manifest, model.toml
    Check(model::CheckArgs),
    /// Put a checked model into one zip file
    Pack(model::pack::PackArgs),
    /// Relate properties of models in two tables: correlations, partial ones, groups
    Relate(relate::RelateArgs),
    /// Train CORnet on images, at toy scale (cargo feature `train`)
    Train(Box<train::TrainArgs>),
    /// Averages, coverage and ranks of a tree of benchmark scores
    Tree(tree::TreeArgs),
    /// A site of all results: leaderboard, models, benchmarks, how scores go together
    Report(report::ReportArgs),
    /// Print what makes a shell complete commands and options
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(manual::ManArgs),
}

/// How a command ended when nothing is wrong with the call itself, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Complete,
    WorkRemains,
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        match outcome {
            Outcome::Complete => ExitCode::SUCCESS,
            Outcome::WorkRemains => ExitCode::from(1),
            Outcome::Failed => ExitCode::from(2),
        }
    }
}

/// Parses the arguments, runs the command, reports an error.
pub fn main() -> ExitCode {
    bhscore::extract::caught::hush();
    let cli = Cli::parse();
    match run(cli) {
        Ok(outcome) => outcome.into(),
        // Whoever reads our output has closed it: `bhscore … | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let interrupted = error
                .downcast_ref::<bhscore::Error>()
                .is_some_and(|error| matches!(error, bhscore::Error::Interrupted));
            speech::error(&error);
            if interrupted {
                Outcome::WorkRemains.into()
            } else {
                Outcome::Failed.into()
            }
        }
    }
}

fn run(cli: Cli) -> Result<Outcome> {
    let Cli { global, command } = cli;
    let typed = global.clone();
    let global = global.or_of_job()?;
    if let Some(threads) = global.threads {
        rayon_threads(threads.into())?;
    }
    match command {
        Command::Demo(args) => demo::run(&global, &args),
        Command::Extract(args) => extract::run(&global, &args),
        Command::DecodeTrain(args) => stages::decode_train(&global, &args),
        Command::DecodePredict(args) => stages::decode_predict(&global, &args),
        Command::EncodeTrain(args) => stages::encode(&global, &args, Stage::EncodeTrain),
        Command::EncodePredict(args) => stages::encode(&global, &args, Stage::EncodePredict),
        Command::Compute(args) => compute::run(&global, &args),
        Command::Run(args) => stages::run_all(&global, &args),
        Command::Slurm(args) => slurm::run(&typed, &args),
        Command::Status(args) => status::run(&global, &args),
        Command::Inspect(args) => inspect::run(&global, &args),
        Command::Settings(args) => status::settings(&global, &args),
        Command::Ridge(args) => ridge::run(&global, &args),
        Command::Score(args) => score::run(&global, &args),
        Command::Commit(args) => score::commit::run(&global, &args),
        Command::Readout(args) => readout::run(&global, &args),
        Command::Properties(args) => properties::run(&global, &args),
        Command::Check(args) => model::run(&global, &args),
        Command::Pack(args) => model::pack::run(&global, &args),
        Command::Relate(args) => relate::run(&global, &args),
        Command::Train(args) => train::run(&global, &args),
        Command::Tree(args) => tree::run(&global, &args),
        Command::Report(args) => report::run(&global, &args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&global, &args),
    }
}

fn rayon_threads(threads: usize) -> Result<()> {
    let started = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
    Ok(started.map_err(|error| {
        let problem = format!("cannot be started ({error})");
        bhscore::Error::data(
            format!("{threads} threads"),
            problem,
            "give fewer by `--threads`",
        )
    })?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

impl Global {
    fn layout(&self) -> Layout {
        Layout::new(&self.study)
    }

    fn read_settings(&self) -> Result<Settings> {
        let path = self
            .settings
            .clone()
            .unwrap_or_else(|| self.layout().settings());
        Ok(Settings::read(&path)?)
    }

    /// What was not typed is what the Slurm job has that this runs in, if any.
    fn or_of_job(self) -> Result<Global> {
        let threads = self
            .threads
            .map_or_else(slurm::job::threads, |n| Ok(Some(n)))?;
        let memory = self
            .memory
            .map_or_else(slurm::job::memory, |m| Ok(Some(m)))?;
        Ok(Global {
            threads,
            memory,
            ..self
        })
    }

    fn memory(&self) -> Memory {
        self.memory.unwrap_or_else(Memory::half_of_available)
    }
}

/// A flag that Ctrl-C and SIGTERM set; the second signal ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            speech::abort();
        }
        speech::note("stopping when the present piece of work is done; once more to stop at once");
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}
