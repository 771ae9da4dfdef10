//! Metrics of behaviour: what a readout of a layer chooses, against what people chose.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::behaviour::consistency::SEED;
use bhscore::brainscore::behaviour::fit::{Lesson, Pupil};
use bhscore::brainscore::behaviour::labels::Labels;
use bhscore::brainscore::behaviour::people::{Comparison, People};
use bhscore::brainscore::behaviour::probabilities::Probabilities;
use bhscore::brainscore::behaviour::readout::{C, Penalty};
use bhscore::brainscore::benchmark::Regional;
use bhscore::brainscore::commitment::Commitment;
use bhscore::brainscore::layer::Layer;
use bhscore::brainscore::result::{BEHAVIOUR, BenchmarkScore};

use super::data::{model, stem};
use super::naming::{Measure, Naming};
use super::{ScoreArgs, warn};
use crate::cli::{Global, speech};

/// The score, and the folder in which it is kept.
pub fn score(
    global: &Global,
    args: &ScoreArgs,
    comparison: Comparison,
    stop: &AtomicBool,
) -> Result<(Vec<BenchmarkScore>, PathBuf)> {
    let (how, name) = (&args.measure.how, &args.measure.name);
    let of_behaviour = &args.behaviour;
    how.refuse(&[
        args.measure.recordings.given(),
        how.given(),
        of_behaviour.times(),
    ])?;
    let path = how.need(&of_behaviour.trials, "--trials")?;
    let people = People::read(path, comparison)?;
    let source = stem(path);
    let mut regional = Regional::new(BEHAVIOUR);
    let (naming, commitment) = match &of_behaviour.probabilities {
        Some(path) => {
            how.refuse(&[vec![("--best", args.best)]])?;
            let model = stem(path);
            regional.add(people.row(&model, &Probabilities::read(path)?)?);
            (Naming::new(global, name, &model, &source)?, None)
        }
        None => {
            let model = model(global, &args.measure.model)?;
            let naming = Naming::new(global, name, &model.name, &source)?;
            let committed = Commitment::read(&naming.folder())?;
            let (layers, commitment) = candidates(args, model.layers, committed);
            of_layers(global, args, &layers, &people, &mut regional, stop)?;
            (naming, commitment)
        }
    };
    warn(&regional);
    let measure = Measure {
        by_region: false,
        needs_ceiling: true,
        metric: comparison.key().to_owned(),
        normalise: comparison.normalise(),
        seed: SEED,
    };
    let score = naming.score(&regional, &measure, commitment.as_ref());
    naming.write(&score, &[])?;
    Ok((vec![score], naming.folder()))
}

/// Teaches layers the labels, and adds a row for each.
fn of_layers(
    global: &Global,
    args: &ScoreArgs,
    layers: &[Layer],
    people: &People,
    regional: &mut Regional,
    stop: &AtomicBool,
) -> Result<()> {
    let path = args.measure.how.need(&args.behaviour.labels, "--labels")?;
    let labels = Labels::read(path)?;
    let learned = labels.told()?.train;
    people.check(&labels)?;
    let (n_learned, images) = (people.n_learned(&labels, &learned), people.images());
    if n_learned > 0 {
        let n_images = images.len();
        speech::warning(&format!(
            "{n_learned} of the {n_images} images of the trials are learned, too"
        ));
    }
    let lesson = Lesson {
        labels: &labels,
        learned: &learned,
        penalty: Penalty {
            c: args.behaviour.c.unwrap_or(C),
            ..Penalty::default()
        },
    };
    for layer in layers {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted.into());
        }
        let pupil = Pupil::of_layer(layer, lesson, images, global.memory(), stop)?;
        regional.add(match pupil.learn() {
            Ok(fit) => people.row(&layer.name, &fit.probabilities(images))?,
            Err(error) => people.without_number(&layer.name, &error.to_string()),
        });
    }
    Ok(())
}

/// The layers that are scored, and which of them was committed to: of several the committed one, or by custom the last,
/// to which nobody has committed.
fn candidates(
    args: &ScoreArgs,
    mut layers: Vec<Layer>,
    committed: Option<Commitment>,
) -> (Vec<Layer>, Option<Commitment>) {
    if args.best {
        return (layers, None);
    }
    if !args.measure.model.layers.is_empty() {
        return (layers, committed);
    }
    let committed = committed.filter(|committed| committed.layers.contains_key(BEHAVIOUR));
    let chosen = committed
        .as_ref()
        .map(|committed| &committed.layers[BEHAVIOUR]);
    let is_chosen = |layer: &Layer| Some(&layer.name) == chosen;
    match layers.iter().any(is_chosen) {
        true => layers.retain(is_chosen),
        // A committed layer that is not there is told with the score.
        false => {
            // The layers of a folder come in the order of their names.
            let is_by_name = layers.len() > args.measure.model.features.len().max(1);
            drop(layers.drain(..layers.len().saturating_sub(1)));
            if let Some(last) = layers
                .first()
                .filter(|_| args.measure.model.net.is_none() && is_by_name)
            {
                speech::warning(&format!(
                    "behaviour is that of layer `{}`, the last of the folder's names; `--layer` names another",
                    last.name
                ));
            }
        }
    }
    (layers, committed)
}
