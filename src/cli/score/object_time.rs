//! Object-solution times: a layer in time bins, against when monkeys' responses solved the images.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::behaviour::object_time;
use bhscore::brainscore::behaviour::people::of_times;
use bhscore::brainscore::behaviour::solution_times::SolutionTimes;
use bhscore::brainscore::benchmark::Regional;
use bhscore::brainscore::layer::{Layer, Want};
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::predictivity::SEED;
use bhscore::brainscore::result::BenchmarkScore;

use super::args::ModelArgs;
use super::data::{Model, model, stem};
use super::naming::{Measure, Naming};
use super::{ScoreArgs, warn};
use crate::cli::Global;

/// Where the times were measured.
const REGION: &str = "IT";

/// The score, and the folder in which it is kept.
pub fn score(
    global: &Global,
    args: &ScoreArgs,
    stop: &AtomicBool,
) -> Result<(Vec<BenchmarkScore>, PathBuf)> {
    let how = &args.measure.how;
    how.refuse(&[
        args.measure.recordings.given(),
        how.given(),
        args.behaviour.choices(),
        vec![("--best", args.best)],
    ])?;
    let path = how.need(&args.behaviour.solution_times, "--solution-times")?;
    let times = SolutionTimes::read(path)?;
    let splits = times.splits()?;
    let (model, bins) = bins(global, &args.measure.model)?;
    let naming = Naming::new(global, &args.measure.name, &model, &stem(path))?;
    let starts: Vec<f64> = bins.iter().map(|bin| bin.start).collect();
    let mut responses = |bin: usize| {
        let layer = &bins[bin].layer;
        layer.features(&times.images, Want::Values, global.memory(), stop)
    };
    let found = object_time::score(&starts, &mut responses, times.measured(), &splits, stop)?;
    let mut regional = Regional::new(REGION);
    regional.add(of_times(&name_of(&bins), &found, times.images.len()));
    warn(&regional);
    let measure = Measure {
        by_region: false,
        needs_ceiling: true,
        metric: how.metric.name(),
        normalise: Normalise::Ratio,
        seed: SEED,
    };
    let score = naming.score(&regional, &measure, None);
    naming.write(&score, &[])?;
    Ok((vec![score], naming.folder()))
}

/// A layer in a time bin.
struct Bin {
    /// Start in ms.
    start: f64,
    layer: Layer,
}

/// The model's name, and its layers in time; one layer without time is one bin.
fn bins(global: &Global, args: &ModelArgs) -> Result<(String, Vec<Bin>)> {
    let given = match &args.net {
        Some(_) => &args.layers,
        None => &args.features,
    };
    let timed: Vec<Option<(f64, &str)>> = given.iter().map(|text| timed(text)).collect();
    let all: Option<Vec<(f64, &str)>> = timed.iter().copied().collect();
    let Some(all) = all.filter(|all| !all.is_empty()) else {
        if given.len() > 1 {
            let remedy = "name start and end of each: `--features 70-80=PATH`, or `--layer 70-80=LAYER` of a study";
            let problem = "have no time bins, or not all of them";
            return Err(Error::data("the layers", problem, remedy).into());
        }
        // Of a study, the last layer if none was named.
        let Model { name, mut layers } = model(global, args)?;
        let bin = layers.pop().map(|layer| Bin { start: 0.0, layer });
        return Ok((name, bin.into_iter().collect()));
    };
    let mut bins = Vec::new();
    let mut model_name = String::new();
    for (start, text) in all {
        let of_bin = match args.net {
            Some(_) => ModelArgs {
                layers: vec![text.to_owned()],
                ..args.clone()
            },
            None => ModelArgs {
                features: vec![text.to_owned()],
                ..args.clone()
            },
        };
        let Model { name, layers } = model(global, &of_bin)?;
        let [layer] = <[Layer; 1]>::try_from(layers).map_err(|layers| {
            let problem = format!("`{text}` holds {} layers", layers.len());
            Error::data("a time bin", problem, "give one layer for each bin")
        })?;
        if bins.is_empty() {
            model_name = name;
        }
        bins.push(Bin { start, layer });
    }
    bins.sort_by(|one, other| one.start.total_cmp(&other.start));
    if let Some(twice) = bins.windows(2).find(|pair| pair[0].start == pair[1].start) {
        let problem = format!("two begin at {} ms", twice[0].start);
        return Err(Error::data("the time bins", problem, "give each its own time").into());
    }
    Ok((model_name, bins))
}

/// `70-80=IT` → 70, `IT`.
fn timed(text: &str) -> Option<(f64, &str)> {
    let (bin, rest) = text.split_once('=')?;
    let (start, end) = bin.split_once('-')?;
    let (start, end): (f64, f64) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    (start.is_finite() && start < end).then_some((start, rest))
}

/// What the layer is called: as in its first bin, and in the last one if that is another.
fn name_of(bins: &[Bin]) -> String {
    match bins {
        [] => String::new(),
        [first, .., last] if first.layer.name != last.layer.name => {
            format!("{} to {}", first.layer.name, last.layer.name)
        }
        [first, ..] => first.layer.name.clone(),
    }
}
