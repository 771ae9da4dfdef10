//! `properties`: how tuning properties are distributed over a network's "V1 neurons" and over a macaque's.

mod asked;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use bhscore::brainscore::metric::number;
use bhscore::brainscore::properties::experiment::{
    self, N_IMAGES, Recorded, Score, record, scores,
};
use bhscore::brainscore::properties::histogram::SEED;
use bhscore::brainscore::properties::{own, published};
use bhscore::brainscore::result::{
    Benchmark, BenchmarkScore, Provenance, Row, SCHEMA, Scored, State,
};
use bhscore::io::atomic::Batch;
use bhscore::model::screen::Screen;
use bhscore::report::{self, figure};
use bhscore::{Error, PROGRAM};
use clap::Args;
use serde_json::json;

use self::asked::{Asked, asked};
use super::extract::{InputArgs, RunningArgs, degrees};
use super::score::command;
use super::{Global, Outcome, progress, speech, stop_flag};

/// Region that the properties are of.
const REGION: &str = "V1";

/// How results call the comparison.
const METRIC: &str = "ks";

/// Version of the benchmarks.
const VERSION: u32 = 1;

/// Names of the files that are not of one benchmark, in the model's folder.
const UNITS: &str = "properties_units.csv";
const FIGURE: &str = "properties";

/// Options of `properties`.
#[derive(Args)]
#[command(after_help = "\
9,097 gratings are drawn and shown to the network. Units that see them are found, their responses
taken to spikes per second, and 15 properties measured, as Marques et al. (2021) do. Seven of them
are compared with published histograms of macaque V1 neurons. Properties of responses to textures
are not measured: the images cannot be drawn.

Results: results/brainscore/<model>/<property>.json (neurons-<property>.json with --recordings
neurons.csv), which `report` takes, properties.svg and .png, and properties_units.csv with every unit.

Examples:
  bhscore -C study properties --net pytorch/alexnet --layer features.0 --visual-degrees 8
  bhscore properties --model alexnet.onnx --layer features.1 --visual-degrees 8 --name alexnet
  bhscore properties --model models/cornet_s --recordings neurons.csv --json")]
pub struct PropertiesArgs {
    /// Network of the study: its folder <framework>/<network>, or its name in settings.json
    #[arg(long, value_name = "NET", required_unless_present = "model")]
    net: Option<String>,
    /// ONNX file, or a model's folder or model.toml
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Layer whose units are looked at [default: the one that is committed to for V1]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Time step of a recurrent network's layer [default: the last]
    #[arg(long, value_name = "STEP")]
    time_step: Option<usize>,
    /// Visual angle that the network's whole input covers, in degrees [default: that of model.toml]
    #[arg(long, value_name = "DEGREES", value_parser = degrees)]
    visual_degrees: Option<f64>,
    /// Your own neurons, a table with the columns property and value; they stand for published ones
    #[arg(long, value_name = "CSV")]
    recordings: Option<PathBuf>,
    /// Seed of the draws of units
    #[arg(long, value_name = "SEED", default_value_t = SEED)]
    draws_seed: u32,
    /// Name of the model in the results [default: the network's folder, the id of model.toml, or the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where results go [default: results/brainscore in the study folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    running: RunningArgs,
}

pub fn run(global: &Global, args: &PropertiesArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    let own = match &args.recordings {
        Some(path) => own::read(path)?,
        None => BTreeMap::new(),
    };
    let asked = asked(global, args)?;
    let screen = Screen::new(&asked.network, asked.degrees, asked.batch, global.memory())?;
    let recorded = with_progress(global, &screen, &stop)?;
    let scores = scores(&recorded.values, &own, args.draws_seed);
    let missing = own.keys().filter(|property| property.set().is_none());
    for property in missing {
        let text = "is of textures, which are not shown: its neurons are not used";
        speech::warning(&format!("`{property}` {text}"));
    }
    for score in scores.iter().filter(|score| undefined(score)) {
        speech::warning(&format!("`{}`: {UNDEFINED}", score.property));
    }
    keep(&asked, args, &screen, &recorded, &scores)?;
    speech::print(&match global.json {
        true => json!({
            "model": asked.model,
            "layer": asked.layer,
            "committed": asked.is_committed,
            "visual_degrees": asked.degrees,
            "shape": screen.shape(),
            "n_units": screen.n_units(),
            "n_units_seeing": recorded.units.len(),
            "slope": recorded.calibration.slope,
            "offset": recorded.calibration.offset,
            "properties": report::properties::value(&recorded.values, &scores),
        })
        .to_string(),
        false => report::properties::text(&recorded.values, &scores),
    })?;
    if !global.quiet && !global.json {
        let (n_seeing, n_units) = (recorded.units.len(), screen.n_units());
        speech::note(&format!(
            "{}: {n_seeing} of {n_units} units see the gratings",
            asked.layer
        ));
        speech::note(&format!("results: {}", asked.folder.display()));
    }
    Ok(Outcome::Complete)
}

/// Shows the gratings with a bar where somebody looks.
fn with_progress(global: &Global, screen: &Screen, stop: &AtomicBool) -> Result<Recorded> {
    let style = "properties [{bar:30}] {pos}/{len} images, {per_sec}, {eta} left";
    let bar = progress::bar(global, style);
    bar.set_length(N_IMAGES as u64);
    let mut show = |shown: experiment::Shown<'_>| {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let responses = screen.show(shown)?;
        bar.inc(responses.nrows() as u64);
        Ok(responses)
    };
    let recorded = record(&mut show, screen.images_at_once());
    bar.finish_and_clear();
    Ok(recorded?)
}

/// Writes a result for each scored property, the figure, and every unit's properties. These come last: the old ones go
/// first ([`Batch::commit`]), so that results without them are of an interrupted run.
fn keep(
    asked: &Asked,
    args: &PropertiesArgs,
    screen: &Screen,
    recorded: &Recorded,
    scores: &[Score],
) -> Result<()> {
    let mut files = Batch::new();
    let drawing = figure::properties(scores, &format!("{}, {}", asked.model, asked.layer));
    let place = |extension: &str| asked.folder.join(FIGURE).with_extension(extension);
    files.add(place("svg"), drawing.svg().as_bytes())?;
    files.add(place("png"), &drawing.png())?;
    for score in scores {
        let result = result(asked, args, score);
        let mut text = serde_json::to_vec_pretty(&result)?;
        text.push(b'\n');
        let name = format!("{}.json", result.benchmark.id);
        files.add(asked.folder.join(name), &text)?;
    }
    let units = report::properties::units_csv(recorded, screen.shape());
    files.add(asked.folder.join(UNITS), &units)?;
    Ok(files.commit()?)
}

/// Why a property has no score.
const UNDEFINED: &str =
    "there is no ceiling: too few neurons have a value to be like themselves; give more of them";

/// Whether there is no score, for lack of a ceiling.
fn undefined(score: &Score) -> bool {
    score.ceiled.value.is_nan()
}

/// A property's score as `score` would leave it.
fn result(asked: &Asked, args: &PropertiesArgs, score: &Score) -> BenchmarkScore {
    let is_undefined = undefined(score);
    let values = Scored {
        raw: number(score.raw.value),
        error: number(score.raw.error),
        ceiling: number(score.ceiling.value),
        ceiling_error: number(score.ceiling.error),
        ceiled: number(score.ceiled.value),
        ceiled_error: number(score.ceiled.error),
        n_sites: score.n_units,
        n_undefined: score.n_undefined,
        n_stimuli: N_IMAGES,
    };
    BenchmarkScore {
        schema: SCHEMA,
        model: asked.model.clone(),
        benchmark: Benchmark {
            id: benchmark_id(args, score),
            version: VERSION,
            region: REGION.to_owned(),
            metric: METRIC.to_owned(),
            normalise: "ratio".to_owned(),
            visual_degrees: Some(asked.degrees),
            bibtex: Some(published::bibtex(score.property, score.is_own)),
        },
        layer: Some(asked.layer.clone()),
        committed: asked.is_committed,
        state: match is_undefined {
            true => State::Failed,
            false => State::Ok,
        },
        reason: is_undefined.then(|| UNDEFINED.to_owned()),
        score: Some(values).filter(|_| !is_undefined),
        rows: vec![Row {
            layer: asked.layer.clone(),
            subject: None,
            bin: None,
            per_split: Vec::new(),
            score: values,
        }],
        site_scores: Vec::new(),
        provenance: Provenance {
            program: PROGRAM.to_owned(),
            command: command(),
            seed: args.draws_seed,
            manifest_sha256: asked.manifest_sha256.clone(),
        },
    }
}

/// The model page's name of a property; the name of the file goes before it where the neurons are the user's.
fn benchmark_id(args: &PropertiesArgs, score: &Score) -> String {
    let key = score.property.key();
    match args.recordings.as_ref().filter(|_| score.is_own) {
        None => key.to_owned(),
        Some(path) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            format!("{stem}-{key}")
        }
    }
}
