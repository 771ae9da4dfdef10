//! `readout`: how well a linear readout of a layer names the objects in images.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use bhscore::brainscore::behaviour::fit::{Lesson, Pupil};
use bhscore::brainscore::behaviour::labels::Labels;
use bhscore::brainscore::behaviour::probabilities::Probabilities;
use bhscore::brainscore::behaviour::readout::{C, Penalty, top};
use bhscore::brainscore::behaviour::weights::{self, Weights};
use bhscore::brainscore::layer::{Layer, Want};
use bhscore::brainscore::predictivity::SEED;
use bhscore::io::atomic::Batch;
use bhscore::stats::splits::Split;
use bhscore::{Error, PROGRAM};
use clap::Args;
use ndarray::Axis;
use serde::Serialize;
use serde_json::json;

use super::score::{Model, ModelArgs, command, model};
use super::{Global, Outcome, speech, stop_flag};

/// Places of the true object that count as right.
const TOPS: [usize; 2] = [1, 5];

/// Options of `readout`.
#[derive(Args)]
#[command(mut_arg("layers", |layer| layer.help("Only this layer [default: the last one]")))]
#[command(after_help = "\
Multinomial logistic regression on standardised units, penalised, to the optimum. Of several layers
the last one learns, unless --layer names another. Held out are the images that the labels' column
split calls `test`, or a random share. --out keeps probabilities.csv (stimulus_id × objects),
readout.json with the accuracies, and objects.csv, W.npy, b.npy, mean.npy, scale.npy:
p = softmax(((x − mean) / scale) W + b).

Examples:
  bhscore readout --features fc7.npy --ids ids.csv --labels labels.csv
  bhscore readout --net pytorch/alexnet --layer fc7 --labels labels.csv --test-share 0.1 --out kept
  bhscore readout --features new.npy --ids new.csv --readout kept --out new")]
pub struct ReadoutArgs {
    /// Objects in images: a table with stimulus_id and object_name, perhaps split (train or test)
    #[arg(long, value_name = "CSV", required_unless_present = "readout")]
    labels: Option<PathBuf>,
    /// Weight of the loss beside the penalty of the weights [default: 0.001]
    #[arg(long, value_name = "C")]
    c: Option<f64>,
    /// Hold out this share of each object's images, at random
    #[arg(long, value_name = "SHARE")]
    test_share: Option<f64>,
    /// Seed of the random share [default: 1]
    #[arg(long, value_name = "SEED", requires = "test_share")]
    seed: Option<u32>,
    /// Use the readout that --out has kept in this folder, instead of a new one
    #[arg(long, value_name = "DIR", conflicts_with_all = ["c", "test_share", "seed"])]
    readout: Option<PathBuf>,
    /// Keep the results in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// How often the true object is among the most probable ones.
#[derive(Debug, Clone, Copy, Serialize)]
struct Accuracy {
    n_images: usize,
    top1: f64,
    top5: f64,
}

impl Accuracy {
    /// Of some rows of the probabilities; none of no row.
    fn of(probabilities: &Probabilities, rows: &[usize], truth: &[usize]) -> Option<Accuracy> {
        if rows.is_empty() {
            return None;
        }
        let values = probabilities.values.select(Axis(0), rows);
        let [top1, top5] = TOPS.map(|k| top(values.view(), truth, k));
        Some(Accuracy {
            n_images: rows.len(),
            top1,
            top5,
        })
    }
}

/// What is printed and kept.
#[derive(Debug, Serialize)]
struct Found {
    model: String,
    layer: String,
    n_units: usize,
    objects: Vec<String>,
    /// None where a readout was given.
    c: Option<f64>,
    /// Of the images that were learned.
    learned: Option<Accuracy>,
    /// Of the others that have labels.
    held_out: Option<Accuracy>,
    /// Of all that have labels, where a readout was given and these do not tell which of them it has learned.
    labelled: Option<Accuracy>,
    program: &'static str,
    command: String,
}

pub fn run(global: &Global, args: &ReadoutArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    refuse_to_mix(args)?;
    let Model { name, layers } = model(global, &args.model)?;
    let layer = one(args, layers)?;
    let (found, probabilities, weights) = match &args.readout {
        Some(folder) => used(global, args, (&name, &layer), folder, &stop)?,
        None => learned(global, args, (&name, &layer), &stop)?,
    };
    if let Some(folder) = &args.out {
        let mut files = Batch::new();
        if let Some(weights) = weights {
            weights.add_to(&mut files, folder)?;
        }
        files.add(folder.join("probabilities.csv"), &probabilities.csv())?;
        let mut text = serde_json::to_vec_pretty(&found)?;
        text.push(b'\n');
        files.add(folder.join(weights::RECORD), &text)?;
        files.commit()?;
    }
    speech::print(&match global.json {
        true => json!(found).to_string(),
        false => text(&found),
    })?;
    if let Some(folder) = args.out.as_ref().filter(|_| !global.quiet && !global.json) {
        speech::note(&format!("results: {}", folder.display()));
    }
    Ok(Outcome::Complete)
}

/// Refuses to write results without weights beside the weights of a readout, whose record would be lost.
fn refuse_to_mix(args: &ReadoutArgs) -> Result<()> {
    let (Some(_), Some(folder)) = (&args.readout, &args.out) else {
        return Ok(());
    };
    if !folder.join(weights::WEIGHTS).exists() {
        return Ok(());
    }
    let problem = format!(
        "holds the readout that its `{}` tells of, and `--readout` makes none to take its place",
        weights::RECORD
    );
    Err(Error::file(folder, problem, "name another folder with `--out`").into())
}

/// The layer that was asked for, or the last one.
fn one(args: &ReadoutArgs, mut layers: Vec<Layer>) -> Result<Layer> {
    if args.model.layers.len() > 1 {
        let remedy = "run the command once for each layer";
        return Err(Error::data("`--layer`", "is given more than once", remedy).into());
    }
    let layer = layers.pop();
    layer.ok_or_else(|| {
        Error::data("the model", "has no layers", "name them in settings.json").into()
    })
}

/// A new readout.
fn learned(
    global: &Global,
    args: &ReadoutArgs,
    (model, layer): (&str, &Layer),
    stop: &AtomicBool,
) -> Result<(Found, Probabilities, Option<Weights>)> {
    let path = args.labels.as_deref();
    let labels = Labels::read(path.expect("`--labels` is required where no readout is given"))?;
    let split = split(args, &labels)?;
    let penalty = Penalty {
        c: args.c.unwrap_or(C),
        ..Penalty::default()
    };
    let lesson = Lesson {
        labels: &labels,
        learned: &split.train,
        penalty,
    };
    let pupil = Pupil::of_layer(layer, lesson, &labels.images, global.memory(), stop)?;
    let fit = pupil.learn()?;
    let probabilities = fit.probabilities(&labels.images);
    let accuracy = |images: &[usize]| Accuracy::of(&probabilities, images, &labels.truths(images));
    let found = Found {
        model: model.to_owned(),
        layer: layer.name.clone(),
        n_units: fit.n_units(),
        c: Some(penalty.c),
        learned: accuracy(&split.train),
        held_out: accuracy(&split.test),
        labelled: None,
        objects: labels.objects.clone(),
        program: PROGRAM,
        command: command(),
    };
    let weights = args.out.as_ref().map(|_| fit.weights(global.memory()));
    Ok((found, probabilities, weights.transpose()?))
}

fn split(args: &ReadoutArgs, labels: &Labels) -> Result<Split> {
    let Some(share) = args.test_share else {
        return Ok(labels.told()?);
    };
    if labels.split.is_some() {
        let problem = "does not go with labels that have a column `split`";
        return Err(Error::data("`--test-share`", problem, "leave one of the two out").into());
    }
    if !(share > 0.0 && share < 1.0) {
        let problem = format!("{share} is not a share");
        return Err(Error::data("`--test-share`", problem, "give one between 0 and 1").into());
    }
    Ok(labels.random(share, args.seed.unwrap_or(SEED))?)
}

/// A readout that was kept, on all images of the layer, or those that have labels.
fn used(
    global: &Global,
    args: &ReadoutArgs,
    (model, layer): (&str, &Layer),
    folder: &Path,
    stop: &AtomicBool,
) -> Result<(Found, Probabilities, Option<Weights>)> {
    let weights = Weights::read(folder)?;
    let labels = args.labels.as_deref().map(Labels::read).transpose()?;
    let images = match &labels {
        Some(labels) => labels.images.clone(),
        None => layer.images()?,
    };
    let features = layer.features(&images, Want::Values, global.memory(), stop)?;
    let probabilities = Probabilities {
        path: None,
        values: weights.probabilities(&features)?,
        objects: weights.objects,
        images,
    };
    let (mut held_out, mut labelled) = (None, None);
    if let Some(labels) = &labels {
        let known = probabilities.places(&labels.objects)?;
        let accuracy = |rows: &[usize]| {
            let truth: Vec<usize> = rows.iter().map(|&row| known[labels.truth[row]]).collect();
            Accuracy::of(&probabilities, rows, &truth)
        };
        match &labels.split {
            Some(split) => held_out = accuracy(&split.test),
            None => labelled = accuracy(&(0..labels.images.len()).collect::<Vec<_>>()),
        }
    }
    let found = Found {
        model: model.to_owned(),
        layer: layer.name.clone(),
        n_units: features.n_units(),
        objects: probabilities.objects.clone(),
        c: None,
        learned: None,
        held_out,
        labelled,
        program: PROGRAM,
        command: command(),
    };
    Ok((found, probabilities, None))
}

/// The layer, and a line for each part of the images.
fn text(found: &Found) -> String {
    let (n_units, n_objects) = (found.n_units, found.objects.len());
    let mut lines = vec![format!(
        "{}: {n_units} units, {n_objects} objects",
        found.layer
    )];
    for (part, accuracy) in [
        ("learned", found.learned),
        ("held out", found.held_out),
        ("labelled", found.labelled),
    ] {
        lines.extend(accuracy.map(
            |Accuracy {
                 n_images,
                 top1,
                 top5,
             }| {
                format!("{part}: {n_images} images, top-1 {top1:.3}, top-5 {top5:.3}")
            },
        ));
    }
    lines.join("\n")
}
