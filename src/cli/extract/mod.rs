//! `extract`: images and a network → features.

mod args;
mod load;
mod report;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Result;
use bhscore::Error;
use bhscore::extract::job::{Claims, Job, Place};
use bhscore::extract::preprocess::Degrees;
use bhscore::extract::stage::{self, Event};
use bhscore::extract::stimuli::stimuli;
use bhscore::settings::Network;
use bhscore::work::layout::Split;
use serde_json::{Value, json};

use self::args::SplitArg;
pub use self::args::{ExtractArgs, InputArgs, RunningArgs, degrees};
pub use self::load::{batch, chosen, load, model_path, network};
use self::report::{as_json, bar, report};
use super::crew::Crew;
use super::stages::StageArgs;
use super::{Global, Outcome, speech, stop_flag};

/// Images and where their features go.
struct Part {
    name: String,
    images: PathBuf,
    features: PathBuf,
    /// What claims begin with, in a study.
    unit: Option<String>,
}

pub fn run(global: &Global, args: &ExtractArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    // Only a study has a place for claims.
    if args.out.is_some() {
        return extract(global, args, None, &stop);
    }
    let layout = global.layout();
    let crew = Crew::new(global, &layout, &global.read_settings()?)?;
    let outcome = extract(global, args, Some(&crew), &stop)?;
    crew.leave(&layout)?;
    Ok(outcome)
}

/// As a part of `run` and `demo`: everything as the settings say, for networks whose model and images are there.
/// Features of the others are taken as they are.
pub fn if_possible(
    global: &Global,
    network: &Network,
    run: &StageArgs,
    crew: &Crew,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let model = network
        .extract
        .as_ref()
        .and_then(|extract| extract.model.as_ref());
    let Some(model) = model.map(|model| global.study.join(model)) else {
        return Ok(Outcome::Complete);
    };
    let layout = global.layout();
    let splits = [Split::Training, Split::Test];
    let is_possible = model.exists() && splits.iter().all(|&split| layout.images(split).is_dir());
    if !is_possible {
        if global.verbose {
            let text = "no model or no images: features are taken as they are";
            speech::note(&format!(
                "extract {}: {text} (`{}`)",
                network.dir,
                model.display()
            ));
        }
        return Ok(Outcome::Complete);
    }
    let args = ExtractArgs {
        net: Some(network.name.clone()),
        pass: run.pass.clone(),
        ..ExtractArgs::default()
    };
    // What is printed is the scores.
    let global = Global {
        json: false,
        ..global.clone()
    };
    extract(&global, &args, Some(crew), stop)
}

/// Runs the stage on all parts of a study, or on the folder that was named.
pub fn extract(
    global: &Global,
    args: &ExtractArgs,
    crew: Option<&Crew>,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let network = network(global, args)?;
    let chosen = chosen(args, network.as_ref())?;
    let parts = parts(global, args, network.as_ref())?;
    let loaded = load(global, args, network.as_ref(), &chosen)?;
    let job = Job {
        network: &loaded,
        degrees: args
            .visual_degrees
            .zip(args.source_degrees)
            .map(|(model, image)| Degrees { model, image }),
        units: chosen.units,
        seed: chosen.seed,
        batch: batch(
            &args.running,
            &loaded.input,
            &model_path(global, args, &chosen)?,
        )?,
        memory: global.memory(),
    };
    let mut outcome = Outcome::Complete;
    let mut results = Vec::new();
    for part in parts {
        let (ended, result) = one_part(global, args, &job, &part, crew, stop)?;
        outcome = outcome.max(ended);
        results.push(result);
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    if global.json {
        let net = args.net.clone();
        speech::print(
            &json!({ "net": net, "engine": loaded.engine.name(), "parts": results }).to_string(),
        )?;
    }
    Ok(outcome)
}

fn parts(global: &Global, args: &ExtractArgs, network: Option<&Network>) -> Result<Vec<Part>> {
    if let (Some(images), Some(out)) = (&args.images, &args.out) {
        return Ok(vec![Part {
            name: images.display().to_string(),
            images: images.clone(),
            features: out.clone(),
            unit: None,
        }]);
    }
    let dir = network.map_or("", |network| network.dir.as_str());
    let layout = global.layout();
    let splits = match args.split {
        Some(SplitArg::Training) => vec![Split::Training],
        Some(SplitArg::Test) => vec![Split::Test],
        None => vec![Split::Training, Split::Test],
    };
    let parts = splits.into_iter().map(|split| {
        let images = layout.images(split);
        if !images.is_dir() {
            let remedy = "put the stimulus images there (see data/README.md), or ask for the other half only \
                          (`--split test`)";
            return Err(Error::file(images, "there is no such folder", remedy).into());
        }
        Ok(Part {
            name: split.folder().to_owned(),
            images,
            features: layout.network_features(split, dir),
            unit: Some(format!("extract/{}/{dir}", split.folder())),
        })
    });
    parts.collect()
}

fn one_part(
    global: &Global,
    args: &ExtractArgs,
    job: &Job,
    part: &Part,
    crew: Option<&Crew>,
    stop: &AtomicBool,
) -> Result<(Outcome, Value)> {
    let stimuli = stimuli(&part.images)?;
    let place = Place {
        stimuli: &stimuli,
        folder: part.features.clone(),
        shard: args.pass.part(),
        force: args.pass.force,
        dry_run: args.pass.dry_run,
        claims: crew.zip(part.unit.clone()).map(|(crew, prefix)| Claims {
            worker: crew.worker(),
            prefix,
        }),
        wait: args.pass.wait,
    };
    let bar = bar(global, &part.name);
    let start = Instant::now();
    let mut missing = 0;
    let summary = stage::run(job, &place, stop, &mut |event| match event {
        Event::Planned(n) => {
            missing = n;
            bar.set_length(n as u64);
            bar.reset();
        }
        Event::Published(n) => bar.set_position(n as u64),
        Event::Failed(image, error) => {
            bar.suspend(|| speech::note(&format!("extract {}: failed: {error}", image.name)));
        }
    });
    bar.finish_and_clear();
    let summary = summary?;
    let seconds = start.elapsed().as_secs_f64();
    if args.pass.dry_run {
        let total = missing + summary.done;
        speech::note(&format!(
            "{}: {missing} of {total} images to compute",
            part.name
        ));
        return Ok((
            Outcome::Complete,
            json!({ "part": part.name, "missing": missing, "images": total }),
        ));
    }
    report(global, part, &summary, seconds);
    let outcome = if !summary.failed.is_empty() {
        Outcome::Failed
    } else if summary.interrupted || summary.held > 0 {
        Outcome::WorkRemains
    } else {
        Outcome::Complete
    };
    Ok((outcome, as_json(job, part, &summary, seconds)))
}
