//! The network that `extract` is asked for, loaded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::Error;
use bhscore::extract::engine::Choice;
use bhscore::extract::layers::{self, Layer};
use bhscore::extract::network::{Loading, Network as Loaded, require_memory};
use bhscore::extract::onnx::{Layout, Model, Weights};
use bhscore::extract::resident::resident_bytes;
use bhscore::settings::{self, Extract, Filter, Network, PreprocessEntry, Transform};
use serde_json::json;

use super::args::{EngineArg, ExtractArgs, FilterArg, RunningArgs};
use crate::cli::{Global, speech};

/// Loads it with its layers, its weights or a control, and what pixels become.
pub fn load(
    global: &Global,
    args: &ExtractArgs,
    network: Option<&Network>,
    chosen: &Extract,
) -> Result<Loaded> {
    let path = model_path(global, args, chosen)?;
    let before = resident_bytes();
    let model = Model::read(&path)?;
    require_memory(&model, global.memory())?;
    let weights = match (args.running.weights, &chosen.weights) {
        (Some(weights), _) => weights,
        (None, Some(text)) => text.parse()?,
        (None, None) => Weights::Trained,
    };
    let input = model.graph().layout(&path, args.input.size)?;
    let layers = wanted_layers(args, network, chosen, &model)?;
    batch(&args.running, &input, &path)?;
    let loading = Loading {
        input,
        preprocess: preprocess(args, chosen)?,
        layers,
        weights,
        engine: choice(&args.running),
    };
    let loaded = Loaded::load(model, loading, before)?;
    if !loaded.untouched.is_empty() && !global.quiet {
        speech::note(&untouched(&loaded.untouched));
    }
    Ok(loaded)
}

/// The network of the settings; `None` where its folder or layers are given without settings.
pub fn network(global: &Global, args: &ExtractArgs) -> Result<Option<Network>> {
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
pub fn chosen(args: &ExtractArgs, network: Option<&Network>) -> Result<Extract> {
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

pub fn model_path(global: &Global, args: &ExtractArgs, chosen: &Extract) -> Result<PathBuf> {
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
    let is_folded = |layer: &&Layer| model.graph().is_folded(&layer.tensor);
    for layer in layers.iter().filter(is_folded) {
        speech::warning(&format!(
            "layer `{}`: the exporter has changed the weights of this convolution, as it does when it folds the \
             normalisation after it into it; its values are then those after the normalisation",
            layer.name
        ));
    }
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

/// Images of a pass: as many as were asked for, as the model takes, or as suit the engine.
pub fn batch(args: &RunningArgs, input: &Layout, model: &Path) -> Result<usize> {
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

fn choice(args: &RunningArgs) -> Choice {
    let is_ort =
        args.engine == Some(EngineArg::Ort) || (args.engine.is_none() && args.ort_lib.is_some());
    if is_ort {
        Choice::Ort(args.ort_lib.clone())
    } else {
        Choice::Rten
    }
}

fn preprocess(args: &ExtractArgs, chosen: &Extract) -> Result<settings::Preprocess> {
    let entry = match &args.input.preprocess {
        None => chosen.preprocess.clone(),
        Some(text) => match serde_json::from_value::<PreprocessEntry>(json!(text)) {
            Ok(preset) => preset,
            Err(_) => read_preprocess(text)?,
        },
    };
    if let Some((field, text)) = entry.problems().first() {
        let (problem, remedy) = text.split_once("; ").unwrap_or((text, "correct it"));
        let whose = match &args.input.preprocess {
            Some(text) => format!("`{text}`"),
            None => "of the settings".to_owned(),
        };
        let item = format!("preprocessing {whose}, `{field}`");
        return Err(Error::data(item, problem, remedy).into());
    }
    let mut preprocess = entry.resolve();
    match args.input.resize {
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
            "is neither a preset nor a file that can be read",
            remedy,
        )
        .into());
    };
    Ok(serde_json::from_str(&text).map_err(|error| {
        Error::file(
            path,
            format!("is not a description of preprocessing ({error})"),
            remedy,
        )
    })?)
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
        "note: {} weight tensors keep their values, as it is not known what they do or they cannot be changed: {names}{more}",
        kept.len()
    )
}
