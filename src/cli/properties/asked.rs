//! The network, layer and visual angle that were asked for.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::commitment::{Commitment, FILE_NAME};
use bhscore::extract::network::Network;
use bhscore::model::submission::Submission;
use bhscore::nearest::quoted;

use super::{PropertiesArgs, REGION};
use crate::cli::Global;
use crate::cli::extract::{self, ExtractArgs};

/// What is looked at.
pub struct Asked {
    /// The model's name.
    pub model: String,
    /// Where its results are.
    pub folder: PathBuf,
    /// The network with one layer.
    pub network: Network,
    /// The layer's name.
    pub layer: String,
    /// Whether it was committed to.
    pub is_committed: bool,
    /// Visual angle of the whole input.
    pub degrees: f64,
    /// Images of a pass.
    pub batch: usize,
    /// Fingerprint of the manifest, if there is one.
    pub manifest_sha256: Option<String>,
}

/// Finds layer and visual angle, and loads the network.
pub fn asked(global: &Global, args: &PropertiesArgs) -> Result<Asked> {
    match args.model.as_ref().filter(|path| is_manifest(path)) {
        Some(path) => of_manifest(global, args, path),
        None => of_file(global, args),
    }
}

/// Whether a path means a manifest, not an ONNX file.
fn is_manifest(path: &Path) -> bool {
    path.is_dir()
        || path
            .extension()
            .is_some_and(|extension| extension == "toml")
}

fn of_manifest(global: &Global, args: &PropertiesArgs, path: &Path) -> Result<Asked> {
    for (option, is_given) in [
        ("--net", args.net.is_some()),
        ("--time-step", args.time_step.is_some()),
        ("--preprocess", args.input.preprocess.is_some()),
        ("--resize", args.input.resize.is_some()),
        ("--size", args.input.size.is_some()),
        ("--weights", args.running.weights.is_some()),
        ("--engine", args.running.engine.is_some()),
        ("--ort-lib", args.running.ort_lib.is_some()),
    ] {
        if is_given {
            let problem = "does not go with a manifest, which says all about the network";
            let remedy = "leave it out, or give the ONNX file as `--model`";
            return Err(Error::data(option, problem, remedy).into());
        }
    }
    let submission = Submission::read(path)?;
    let manifest = &submission.manifest;
    let model = args.name.clone().unwrap_or_else(|| manifest.id.clone());
    let folder = folder(global, args, &model)?;
    let committed = manifest.commit.get(REGION).cloned();
    let (layer, is_committed) = layer(args, &folder, committed)?;
    let names = || manifest.layers.iter().map(|layer| layer.name.as_str());
    if !names().any(|name| name == layer) {
        let item = format!("layer `{layer}`");
        let problem = format!("is not in `{}`", submission.path.display());
        let remedy = format!("choose from {}", quoted(names()));
        return Err(Error::data(item, problem, remedy).into());
    }
    let degrees = visual_degrees(args.visual_degrees.or(manifest.visual_degrees))?;
    let network = submission.network(|name| name == layer, global.memory())?;
    let batch = extract::batch(&args.running, &network.input, &submission.source())?;
    Ok(Asked {
        model,
        folder,
        network,
        layer,
        is_committed,
        degrees,
        batch,
        manifest_sha256: Some(submission.sha256),
    })
}

fn of_file(global: &Global, args: &PropertiesArgs) -> Result<Asked> {
    let mut wanted = ExtractArgs {
        net: args.net.clone(),
        model: args.model.clone(),
        // Any layer, so that a network of the study may be one that settings do not list.
        layers: args.layer.iter().cloned().collect(),
        time_step: args.time_step,
        input: args.input.clone(),
        running: args.running.clone(),
        ..ExtractArgs::default()
    };
    let network = extract::network(global, &wanted)?;
    let stem = args.model.as_ref().and_then(|path| path.file_stem());
    let model = match (&args.name, &network, stem) {
        (Some(name), ..) => name.clone(),
        (None, Some(network), _) => network.dir.clone(),
        (None, None, stem) => stem.unwrap_or_default().to_string_lossy().into_owned(),
    };
    let folder = folder(global, args, &model)?;
    let (layer, is_committed) = layer(args, &folder, None)?;
    wanted.layers = vec![layer.clone()];
    let degrees = visual_degrees(args.visual_degrees)?;
    let chosen = extract::chosen(&wanted, network.as_ref())?;
    let loaded = extract::load(global, &wanted, network.as_ref(), &chosen)?;
    let path = extract::model_path(global, &wanted, &chosen)?;
    let batch = extract::batch(&args.running, &loaded.input, &path)?;
    Ok(Asked {
        model,
        folder,
        network: loaded,
        layer,
        is_committed,
        degrees,
        batch,
        manifest_sha256: None,
    })
}

/// The model's folder among the results.
fn folder(global: &Global, args: &PropertiesArgs, model: &str) -> Result<PathBuf> {
    let root = args.out.clone();
    let root = root.unwrap_or_else(|| global.layout().results().join("brainscore"));
    crate::cli::score::check_model_name(model, "`--name pytorch/alexnet`")?;
    Ok(root.join(model))
}

/// The layer, and whether it was committed to rather than named.
///
/// - `committed`: that of the manifest.
fn layer(
    args: &PropertiesArgs,
    folder: &Path,
    committed: Option<String>,
) -> Result<(String, bool)> {
    let kept = Commitment::read(folder)?.and_then(|mut kept| kept.layers.remove(REGION));
    let committed = committed.or(kept);
    match (&args.layer, committed) {
        (Some(layer), committed) => Ok((layer.clone(), committed.as_ref() == Some(layer))),
        (None, Some(layer)) => Ok((layer, true)),
        (None, None) => {
            let problem = format!(
                "is not known: neither `[commit]` of a manifest nor `{}` names one",
                folder.join(FILE_NAME).display()
            );
            let remedy = "name it with `--layer`, or choose it with `bhscore commit` (`bhscore inspect` lists the \
                          layers of a network)";
            Err(Error::data(format!("the layer for {REGION}"), problem, remedy).into())
        }
    }
}

fn visual_degrees(given: Option<f64>) -> Result<f64> {
    given.ok_or_else(|| {
        Error::data(
            "the network's visual angle",
            "is not known, and gratings are to be seen at their size",
            "say how many degrees its whole input covers: `--visual-degrees 8`",
        )
        .into()
    })
}
