//! Check 8: a small benchmark from end to end: commitment, partial least squares, readout (SPEC: 4.1).

use ndarray::{Array2, Array3, Axis, s};

use crate::brainscore::behaviour::readout::{Labelled, Penalty, Readout};
use crate::brainscore::features::Features;
use crate::brainscore::metric::Metric;
use crate::brainscore::normalise::Normalise;
use crate::brainscore::recordings::{Estimator, Grouping, Recordings};
use crate::brainscore::regression::Regression;
use crate::brainscore::regression::pls::Solver;
use crate::brainscore::result::Row;
use crate::brainscore::splitting::Splitting;
use crate::brainscore::summary::best_layer;
use crate::error::{Error, Result};
use crate::io::assembly::{Assembly, Columns, STIMULUS};
use crate::model::finding::Verdict;
use crate::model::images::N_IMAGES;
use crate::model::subject::{Activations, Output, Subject};
use crate::stats::legacy_random::LegacyRandom;
use crate::study::memory::Memory;

/// Presentations of each image.
const N_REPETITIONS: usize = 2;

/// Recorded neurons.
const N_NEURONS: usize = 5;

/// Standard deviation of a neuron between presentations of an image; 1 between images.
const NOISE: f64 = 0.5;

/// Components of partial least squares: the registry's 25 are more than 18 training images allow.
const N_COMPONENTS: usize = 10;

/// Seed of the recordings.
const SEED: u32 = 1;

/// Objects that choices are among.
const N_OBJECTS: usize = 4;

/// Images that the readout learns from; choices are read of the others.
const N_FITTED: usize = 16;

/// What is in memory at once of an activation: the pass, the layer, what the metric makes of it.
const BYTES_PER_UNIT: usize = 16;

/// What the readout says about images.
pub(super) struct Choices {
    /// Probability of each object, `(n_images, n_objects)`.
    pub probabilities: Array2<f64>,
}

/// Whether a small benchmark runs from end to end and gives numbers.
pub(super) fn benchmark(subject: &dyn Subject, memory: Memory) -> (Verdict, Option<Choices>) {
    let n_images = subject.n_images();
    if n_images < N_IMAGES {
        let reason = format!("takes {N_IMAGES} images, there are {n_images}");
        return (Verdict::skipped(reason), None);
    }
    match run(subject, memory) {
        Ok(found) => found,
        Err(error) => (error.into(), None),
    }
}

fn run(subject: &dyn Subject, memory: Memory) -> Result<(Verdict, Option<Choices>)> {
    let n_units: usize = subject.together(1)?.outputs().map(Output::n_units).sum();
    let bytes = (N_IMAGES * n_units * BYTES_PER_UNIT) as u64;
    if let Err(error) = memory.require(bytes, "the mock benchmark", "all layers of 20 images") {
        return Ok((Verdict::skipped(error.to_string()), None));
    }
    let activations = match subject.one_by_one(N_IMAGES)? {
        Some(computed) => computed,
        None => subject.together(N_IMAGES)?,
    };
    let rows = scores(&activations)?;
    let layers = activations.layers.iter().map(|layer| layer.name.as_str());
    let committed = best_layer(&rows, layers);
    let best = rows
        .iter()
        .find(|row| Some(row.layer.as_str()) == committed);
    let Some((best, raw)) = best.and_then(|row| Some((row, row.score.raw?))) else {
        let remedy = "look at the activations of the layers";
        return Ok((Verdict::failed("no layer has a score", remedy), None));
    };
    let choices = activations
        .readout
        .map(|readout| choices(&readout))
        .transpose()?;
    let seen = format!(
        "commits to `{}`; pls r = {raw:.3} with {N_IMAGES} images and {N_NEURONS} made-up neurons{}",
        best.layer,
        if choices.is_some() { "; readout" } else { "" }
    );
    Ok((Verdict::ok(seen), choices))
}

/// A row for each layer, each with a number.
fn scores(activations: &Activations) -> Result<Vec<Row>> {
    let recordings = recordings(&activations.images)?;
    let metric = Metric::Regression(Regression::Pls {
        n_components: N_COMPONENTS,
        solver: Solver::Svd,
    });
    let splits = Splitting::default().of(&recordings, &metric)?;
    let of_layer = |layer: &Output| -> Result<Row> {
        let features = features(layer)?;
        let found = metric.measure(&features, &recordings, &splits, Normalise::default())?;
        let score = found.first().map(|measured| measured.score);
        let score = score.filter(|score| score.raw.is_some() && score.ceiled.is_some());
        let score = score.ok_or_else(|| {
            let remedy = "look at its activations: `bhscore extract` warns of odd ones";
            Error::data(format!("layer `{}`", layer.name), "has no score", remedy)
        })?;
        Ok(Row {
            layer: layer.name.clone(),
            subject: None,
            bin: None,
            per_split: Vec::new(),
            score,
        })
    };
    activations.layers.iter().map(of_layer).collect()
}

/// Units in the images' order, `(n_images, n_units)`.
fn features(output: &Output) -> Result<Features> {
    let shape = (output.values.shape()[0], output.n_units());
    let values = output.values.as_standard_layout().into_owned();
    let values = values
        .into_shape_with_order(shape)
        .expect("the same entries");
    Features::new(values).map_err(|error| error.within(&format!("layer `{}`", output.name)))
}

/// Neurons that respond to images at random, with repetitions.
fn recordings(images: &[String]) -> Result<Recordings> {
    let mut random = LegacyRandom::seed(SEED);
    let mut normals = |shape| Array2::from_shape_simple_fn(shape, || random.standard_normal());
    let signal = normals((images.len(), N_NEURONS));
    let n_presentations = images.len() * N_REPETITIONS;
    let mut values = Array3::zeros((n_presentations, N_NEURONS, 1));
    let mut presentations = Columns::default();
    let (mut shown, mut repetition) = (Vec::new(), Vec::new());
    for (number, part) in values
        .axis_chunks_iter_mut(Axis(0), images.len())
        .enumerate()
    {
        let noise = normals(signal.dim()) * NOISE;
        let mut part = part;
        part.slice_mut(s![.., .., 0]).assign(&(&signal + &noise));
        shown.extend_from_slice(images);
        repetition.extend(images.iter().map(|_| number.to_string()));
    }
    presentations.insert(STIMULUS[0], shown);
    presentations.insert("repetition", repetition);
    let assembly = Assembly {
        values,
        presentations,
        sites: Columns::default(),
        bins: Vec::new(),
        path: "mock".into(),
    };
    Recordings::new(
        &assembly,
        "IT",
        None,
        &Grouping::default(),
        Estimator::default(),
    )
}

/// Learns made-up objects from some images and reads the others.
fn choices(readout: &Output) -> Result<Choices> {
    let features = features(readout)?;
    let images: Vec<usize> = (0..N_IMAGES).collect();
    let classes: Vec<usize> = images.iter().map(|image| image % N_OBJECTS).collect();
    let (fitted, asked) = images.split_at(N_FITTED);
    let known = Labelled {
        images: fitted,
        classes: &classes[..N_FITTED],
        n_classes: N_OBJECTS,
    };
    let readout = Readout::fit(&features, known, Penalty::default())?;
    Ok(Choices {
        probabilities: readout.probabilities(asked),
    })
}
