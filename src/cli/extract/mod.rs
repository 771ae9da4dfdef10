//! `extract`: images and a network → features.

mod args;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Result;
use bhscore::Error;
use bhscore::extract::engine::Choice;
use bhscore::extract::job::{Claims, Job, Place};
use bhscore::extract::layers::{self, Layer};
use bhscore::extract::onnx::{Layout, Model, Weights};
use bhscore::extract::preprocess::Degrees;
use bhscore::extract::resident::{PROGRAM, resident_bytes};
use bhscore::extract::stage::{self, Event};
use bhscore::extract::stimuli::stimuli;
use bhscore::settings::{self, Extract, Filter, Network, PreprocessEntry, Transform};
use bhscore::study::memory::Memory;
use bhscore::work::layout::Split;
use serde_json::{Value, json};

pub use self::args::ExtractArgs;
use self::args::{EngineArg, FilterArg, SplitArg};
use self::report::{as_json, bar, report};
use super::crew::Crew;
use super::stages::StageArgs;
use super::{Global, Outcome, speech, stop_flag};

/// How often the model is in memory while it is loaded: its file, the weights, and for some networks a second
/// form of them (measured with AlexNet: 2.0, ResNet-18: 3.1).
const COPIES_OF_MODEL: u64 = 3;

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
    let path = model_path(global, args, &chosen)?;
    let before = resident_bytes();
    let model = Model::read(&path)?;
    let memory = global.memory();
    let size = model.size();
    memory.require(
        COPIES_OF_MODEL * size + PROGRAM,
        format!("network `{}`", path.display()),
        "loading the model",
    )?;
    let weights = match (args.weights, &chosen.weights) {
        (Some(weights), _) => weights,
        (None, Some(text)) => text.parse()?,
        (None, None) => Weights::Trained,
    };
    let input = model.graph().layout(&path, args.size)?;
    let layers = wanted_layers(args, network.as_ref(), &chosen, &model)?;
    let batch = batch(args, &input, &path)?;
    let digest = model.digest().to_owned();
    let (tensors, outputs) = distinct(&layers);
    let (model, kept) = model.with_weights(weights)?;
    if !kept.is_empty() && !global.quiet {
        speech::note(&untouched(&kept));
    }
    let model = model.with_outputs(&tensors)?;
    let engine = choice(args).load(model, &input.input, &tensors, rayon_threads())?;
    let loaded = resident_bytes().zip(before);
    let loaded = loaded.map_or(0, |(now, before)| now.saturating_sub(before));
    let job = Job {
        engine: engine.as_ref(),
        input,
        layers,
        outputs,
        preprocess: preprocess(args, &chosen)?,
        degrees: args
            .visual_degrees
            .zip(args.source_degrees)
            .map(|(model, image)| Degrees { model, image }),
        units: chosen.units,
        seed: chosen.seed,
        weights: weights.to_string(),
        model_digest: digest,
        model_file: path
            .file_name()
            .map_or(String::new(), |name| name.to_string_lossy().into_owned()),
        batch,
        memory: Memory {
            bytes: memory.bytes,
        },
        model_bytes: loaded.max(size) + PROGRAM,
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
            &json!({ "net": net, "engine": engine.name(), "parts": results }).to_string(),
        )?;
    }
    Ok(outcome)
}

/// The network of the settings; `None` where its folder or layers are given without settings.
fn network(global: &Global, args: &ExtractArgs) -> Result<Option<Network>> {
    let Some(net) = &args.net else {
        return Ok(None);
    };
    let path = global.layout().settings();
    if global.settings.is_none() && !path.exists() && args.out.is_some() {
        return Ok(None);
    }
    match global.read_settings()?.network(net) {
        Ok(network) => Ok(Some(network.clone())),
        // Any folder will do when the layers are named.
        Err(_) if !args.layers.is_empty() && net.contains('/') => {
            if let Some(problem) = settings::problem_of_dir(net) {
                let remedy = "write <framework>/<network>";
                return Err(Error::data(format!("network `{net}`"), problem, remedy).into());
            }
            Ok(Some(Network {
                name: net.clone(),
                dir: settings::normalised(net),
                layers: Vec::new(),
                extract: None,
                meta: serde_json::Map::new(),
            }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The network's settings with the command line laid over them.
fn chosen(args: &ExtractArgs, network: Option<&Network>) -> Result<Extract> {
    let mut chosen = network
        .and_then(|network| network.extract.clone())
        .unwrap_or_default();
    for text in &args.transforms {
        let wrong = || {
            Error::data(
                format!("transform `{text}`"),
                "is not of the form LAYER=abs or LAYER=none",
                "write for instance `--transform conv1=abs`",
            )
        };
        let (layer, transform) = text.rsplit_once('=').ok_or_else(wrong)?;
        let transform: Transform = transform.parse()?;
        let folder = layer.replace('/', ":");
        chosen
            .transforms
            .retain(|name, _| name.replace('/', ":") != folder);
        chosen.transforms.insert(layer.to_owned(), transform);
    }
    chosen.units = args.units.unwrap_or(chosen.units);
    chosen.seed = args.seed.unwrap_or(chosen.seed);
    Ok(chosen)
}

fn model_path(global: &Global, args: &ExtractArgs, chosen: &Extract) -> Result<PathBuf> {
    if let Some(path) = &args.model {
        return Ok(path.clone());
    }
    match &chosen.model {
        Some(path) => Ok(global.study.join(path)),
        None => Err(Error::data(
            format!("network `{}`", args.net.as_deref().unwrap_or("")),
            "has no model file in the settings",
            "name the ONNX file (`--model alexnet.onnx`); scripts/export_onnx.py makes one from PyTorch",
        )
        .into()),
    }
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
            return Err(Error::file(images, "is not there", remedy).into());
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

fn wanted_layers(
    args: &ExtractArgs,
    network: Option<&Network>,
    chosen: &Extract,
    model: &Model,
) -> Result<Vec<Layer>> {
    let names = match network {
        _ if !args.layers.is_empty() => args.layers.clone(),
        Some(network) => network.layers.clone(),
        None => Vec::new(),
    };
    let layers = layers::layers(&names, chosen, args.time_step, model.graph(), model.path())?;
    for (at, layer) in layers.iter().enumerate() {
        let twice = layers[..at].iter().any(|other| other.name == layer.name);
        let problem = match settings::problem_of_name(&layer.name) {
            Some(problem) => problem,
            None if twice => "is named twice".to_owned(),
            None => continue,
        };
        let remedy = "choose the layers with `--layers`";
        return Err(Error::data(format!("layer `{}`", layer.name), problem, remedy).into());
    }
    for name in chosen.transforms.keys() {
        let folder = name.replace('/', ":");
        let known = layers.iter().any(|layer| layer.name == folder);
        if !known
            && args
                .transforms
                .iter()
                .any(|text| text.starts_with(name.as_str()))
        {
            let remedy = "name a layer that is extracted";
            return Err(
                Error::data(format!("transform of `{name}`"), "is of no layer", remedy).into(),
            );
        }
    }
    Ok(layers)
}

/// The tensors of the layers, each once, and which one each layer is.
fn distinct(layers: &[Layer]) -> (Vec<String>, Vec<usize>) {
    let mut tensors: Vec<String> = Vec::new();
    let mut outputs = Vec::with_capacity(layers.len());
    for layer in layers {
        let at = tensors.iter().position(|tensor| *tensor == layer.tensor);
        outputs.push(at.unwrap_or(tensors.len()));
        if at.is_none() {
            tensors.push(layer.tensor.clone());
        }
    }
    (tensors, outputs)
}

fn batch(args: &ExtractArgs, input: &Layout, model: &Path) -> Result<usize> {
    match (input.batch, args.batch.map(usize::from)) {
        (Some(fixed), Some(asked)) if fixed != asked => {
            let problem = format!("takes exactly {fixed} images at a time");
            let remedy = "leave `--batch` out, or export it with a free batch size";
            Err(Error::file(model, problem, remedy).into())
        }
        (Some(fixed), _) => Ok(fixed),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Ok(choice(args).batch()),
    }
}

fn choice(args: &ExtractArgs) -> Choice {
    let is_ort =
        args.engine == Some(EngineArg::Ort) || (args.engine.is_none() && args.ort_lib.is_some());
    if is_ort {
        Choice::Ort(args.ort_lib.clone())
    } else {
        Choice::Rten
    }
}

fn preprocess(args: &ExtractArgs, chosen: &Extract) -> Result<settings::Preprocess> {
    let entry = match &args.preprocess {
        None => chosen.preprocess.clone(),
        Some(text) => match serde_json::from_value::<PreprocessEntry>(json!(text)) {
            Ok(preset) => preset,
            Err(_) => read_preprocess(text)?,
        },
    };
    if let Some((field, problem)) = entry.problems().first() {
        let text = args.preprocess.as_deref().unwrap_or("of the settings");
        return Err(Error::data(
            format!("preprocessing {text}: {field}"),
            problem,
            "correct it",
        )
        .into());
    }
    let mut preprocess = entry.resolve();
    match args.resize {
        Some(FilterArg::Bicubic) => preprocess.resize = Filter::Bicubic,
        Some(FilterArg::Bilinear) => preprocess.resize = Filter::Bilinear,
        None => {}
    }
    Ok(preprocess)
}

fn read_preprocess(path: &str) -> Result<PreprocessEntry> {
    let remedy = "name a preset (`pytorch`, `caffe`, `tensorflow`) or a JSON file such as \
                  {\"preset\": \"caffe\", \"shorter_side\": 256}";
    let Ok(text) = fs::read_to_string(path) else {
        return Err(Error::data(
            format!("preprocessing `{path}`"),
            "is no preset and no file",
            remedy,
        )
        .into());
    };
    Ok(
        serde_json::from_str(&text)
            .map_err(|error| Error::file(path, error.to_string(), remedy))?,
    )
}

fn rayon_threads() -> usize {
    rayon::current_num_threads()
}

fn untouched(kept: &[String]) -> String {
    const SHOWN: usize = 3;
    let names = kept.iter().take(SHOWN).map(|name| format!("`{name}`"));
    let names = names.collect::<Vec<_>>().join(", ");
    let more = if kept.len() > SHOWN {
        " and others"
    } else {
        ""
    };
    format!(
        "note: {} weight tensors keep their values, since it is not known what they do: {names}{more}",
        kept.len()
    )
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
