//! `score --model model.toml --benchmark bench.toml`: a manifest's layers on the benchmark of a file.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::benchmark::Setup;
use bhscore::brainscore::commitment::Commitment;
use bhscore::brainscore::layer::Layer;
use bhscore::brainscore::recordings::{Estimator, Recordings};
use bhscore::brainscore::result::BenchmarkScore;
use bhscore::extract::job::{Job, Place};
use bhscore::extract::preprocess::Degrees;
use bhscore::extract::stage::{self, Event};
use bhscore::model::benchmark::{Benchmark, Images};
use bhscore::model::manifest::Kind;
use bhscore::model::submission::Submission;
use bhscore::settings::Units;
use bhscore::work::Shard;
use tempfile::TempDir;

use super::args::{BehaviourArgs, Ceiling, MeasureArgs, NameArgs, RecordingArgs, Time};
use super::data::recordings;
use super::naming::Naming;
use super::{ScoreArgs, measured, warn, with_progress};
use crate::cli::{Global, progress, speech};

/// Model and benchmark, as paths.
pub struct Files {
    model: PathBuf,
    benchmark: PathBuf,
}

/// The files, if the model and the benchmark are files rather than names.
pub fn files(args: &ScoreArgs) -> Result<Option<Files>> {
    let file = |given: &Option<String>| {
        let path = given.as_ref().map(PathBuf::from);
        path.filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
    };
    let given = &args.measure.name;
    let (model, benchmark) = match (file(&given.model), file(&given.benchmark)) {
        (None, None) => return Ok(None),
        (Some(model), Some(benchmark)) => (model, benchmark),
        (Some(model), None) => {
            let remedy = "name the benchmark's file, too: `--benchmark bench.toml`";
            return Err(
                Error::file(model, "is a manifest, and is scored on a file", remedy).into(),
            );
        }
        (None, Some(benchmark)) => {
            let remedy = "name a manifest, too: `--model model.toml`";
            let problem = "is a benchmark's file, which takes a manifest";
            return Err(Error::file(benchmark, problem, remedy).into());
        }
    };
    let only_files = MeasureArgs {
        name: NameArgs {
            model: given.model.clone(),
            benchmark: given.benchmark.clone(),
            out: given.out.clone(),
            ..NameArgs::default()
        },
        ..MeasureArgs::default()
    };
    if args.measure != only_files || args.behaviour != BehaviourArgs::default() {
        let problem = "says all about data, metric and names";
        let remedy = "of the other options only `--best` and `--out` go with it; write the rest into the file";
        return Err(Error::file(benchmark, problem, remedy).into());
    }
    Ok(Some(Files { model, benchmark }))
}

/// A score for each region, and the folder in which they are kept.
pub fn score(
    global: &Global,
    args: &ScoreArgs,
    files: &Files,
    stop: &AtomicBool,
) -> Result<(Vec<BenchmarkScore>, PathBuf)> {
    let submission = Submission::read(&files.model)?;
    let benchmark = Benchmark::read(&files.benchmark)?;
    let groups = benchmark.how.groups.as_deref();
    let (source, recordings) = recordings(global, None, &recordings_of(&benchmark), groups)?;
    let features = match submission.manifest.kind {
        Kind::Features => None,
        Kind::Base | Kind::Brain => {
            let images = benchmark.images.as_ref().ok_or_else(|| {
                let problem = "has no section `stimuli`, and the model is a network";
                let remedy = "name the images that were shown: `images = \"folder\"`";
                Error::file(&files.benchmark, problem, remedy)
            })?;
            let shown = shown(&recordings);
            Some(extracted(global, &submission, images, &shown, stop)?)
        }
    };
    let folder = features.as_ref().map(TempDir::path);
    if folder.is_none() {
        submission.verify(None)?;
    }
    let layers = layers(&submission, folder);
    let setup = Setup {
        metric: benchmark.how.metric.clone(),
        normalise: benchmark.how.normalise,
        splitting: benchmark.how.splitting.clone(),
        memory: global.memory(),
    };
    let regional = with_progress(global, &layers, &recordings, &setup, stop)?;
    let names = names(args, &submission, &benchmark);
    let mut naming = Naming::new(global, &names, &submission.manifest.id, &source)?;
    naming.bibtex = benchmark.bibtex;
    let commitment = Commitment {
        layers: submission.manifest.commit.clone(),
    };
    let commitment = Some(commitment).filter(|_| !args.best);
    let mut found = Vec::new();
    for of_region in &regional {
        warn(of_region);
        let mut score = naming.score(of_region, &measured(&setup), commitment.as_ref());
        score.provenance.manifest_sha256 = Some(submission.sha256.clone());
        naming.write(&score, &of_region.sites)?;
        found.push(score);
    }
    Ok((found, naming.folder()))
}

/// The file's recordings as options would ask for them.
fn recordings_of(benchmark: &Benchmark) -> RecordingArgs {
    let recorded = &benchmark.recorded;
    RecordingArgs {
        brain: recorded.files.clone(),
        brain_ids: recorded.presentations.clone(),
        sites: recorded.sites.clone(),
        rois: recorded.regions.clone(),
        stratify: benchmark.how.stratify.clone(),
        ceiling: Some(match benchmark.how.ceiling {
            Estimator::Repetition => Ceiling::Repetition,
            Estimator::Variance => Ceiling::Variance,
            Estimator::None => Ceiling::None,
        }),
        time: Some(match recorded.by_bins {
            true => Time::Bins,
            false => Time::Mean,
        }),
        ..RecordingArgs::default()
    }
}

fn names(args: &ScoreArgs, submission: &Submission, benchmark: &Benchmark) -> NameArgs {
    let images = benchmark.images.as_ref();
    NameArgs {
        model: Some(submission.manifest.id.clone()),
        benchmark: Some(benchmark.id.clone()),
        benchmark_version: benchmark.version,
        visual_degrees: images.and_then(|images| images.visual_degrees),
        out: args.measure.name.out.clone(),
        ..NameArgs::default()
    }
}

/// Stimuli of all recordings, each once.
fn shown(recordings: &[Recordings]) -> Vec<String> {
    let mut shown: Vec<String> = recordings
        .iter()
        .flat_map(|one| one.stimuli.iter().cloned())
        .collect();
    shown.sort();
    shown.dedup();
    shown
}

/// The manifest's layers, in their order.
///
/// - `extracted`: folder of the network's features; the manifest's own if there is no network.
fn layers(submission: &Submission, extracted: Option<&Path>) -> Vec<Layer> {
    let own = submission.source();
    let root = extracted.unwrap_or(&own);
    let layers = submission.manifest.layers.iter();
    let layer = |name: &String| Layer::folder(name, &root.join(name.replace('/', ":")));
    layers.map(|declared| layer(&declared.name)).collect()
}

/// Runs the network on the stimuli; the features go when the folder is dropped, and stay in TMPDIR after a second
/// Ctrl-C.
fn extracted(
    global: &Global,
    submission: &Submission,
    images: &Images,
    shown: &[String],
    stop: &AtomicBool,
) -> Result<TempDir> {
    let stimuli = images.of(shown)?;
    let network = submission.network(|_| true, global.memory())?;
    let angles = submission
        .manifest
        .visual_degrees
        .zip(images.visual_degrees);
    if angles.is_none() {
        let text = "the visual angle of model or images is not known: images fill the input";
        speech::warning(text);
    }
    let folder = tempfile::tempdir().map_err(Error::io("create", std::env::temp_dir()))?;
    let job = Job {
        network: &network,
        degrees: angles.map(|(model, image)| Degrees { model, image }),
        units: Units::All,
        seed: 0,
        batch: network.input.batch.unwrap_or(1),
        memory: global.memory(),
    };
    let place = Place {
        stimuli: &stimuli,
        folder: folder.path().to_owned(),
        shard: Shard::WHOLE,
        force: false,
        dry_run: false,
        claims: None,
        wait: false,
    };
    let bar = progress::bar(global, "extract [{bar:30}] {pos}/{len} images, {eta} left");
    let summary = stage::run(&job, &place, stop, &mut |event| match event {
        Event::Planned(n) => bar.set_length(n as u64),
        Event::Published(n) => bar.set_position(n as u64),
        Event::Failed(image, error) => {
            let text = format!("stimulus `{}`: {error}", image.name);
            bar.suspend(|| speech::note(&text));
        }
    });
    bar.finish_and_clear();
    let summary = summary?;
    for warning in &summary.warnings {
        speech::warning(warning);
    }
    if !summary.failed.is_empty() {
        let (n_failed, n) = (summary.failed.len(), stimuli.len());
        let problem = format!("has no usable image of {n_failed} of {n} stimuli, see above");
        let remedy = "replace them; recordings of a part of the stimuli would be another benchmark";
        return Err(Error::file(&images.images, problem, remedy).into());
    }
    if summary.interrupted {
        return Err(Error::Interrupted.into());
    }
    Ok(folder)
}
