//! `commit`: which layer of a model stands for which region.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::commitment::{Commitment, FILE_NAME};
use bhscore::brainscore::layer::Layer;
use bhscore::report::scores;
use bhscore::work::layout::Split;
use clap::Args;
use serde_json::json;

use super::args::{Kind, MeasureArgs};
use super::data::{Model, layers_of};
use super::naming::Naming;
use super::{measured, save_splits, setup, warn, with_progress};
use crate::cli::{Global, Outcome, speech, stop_flag};

/// Options of `commit`.
#[derive(Args)]
#[command(after_help = "\
For each region the layer with the highest ceiled score is written to
results/brainscore/<model>/layers.json, where `score` takes it from. Commit on other data than those
that are scored. Brain-Score commits with --pca 1000.

Examples:
  bhscore -C study commit --net pytorch/alexnet
  bhscore -C study commit --net pytorch/alexnet --pca 1000
  bhscore commit --features layers/ --brain public.nc --pca 1000 --pca-features imagenet/ \\
      --model alexnet")]
pub struct CommitArgs {
    /// Replace units by so many principal components, or none
    #[arg(long, value_name = "none|N", default_value = "none", value_parser = components)]
    pca: Components,
    /// Features whose components are taken, of other images: a folder of layers, or LAYER=PATH (repeatable)
    /// [default: the training half of the study]
    #[arg(long, value_name = "PATH", requires = "pca")]
    pca_features: Vec<String>,
    #[command(flatten)]
    measure: MeasureArgs,
}

#[derive(Clone, Copy)]
struct Components(Option<usize>);

fn components(text: &str) -> Result<Components, String> {
    match text {
        "none" => Ok(Components(None)),
        _ => match text.parse() {
            Ok(n) if n > 0 => Ok(Components(Some(n))),
            _ => Err("give `none` or a number of components, such as 1000".to_owned()),
        },
    }
}

pub fn run(global: &Global, args: &CommitArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    let Kind::Recordings(metric) = args.measure.how.kind() else {
        let item = format!("`--metric {}`", args.measure.how.metric.name());
        let remedy =
            "choose a metric of recordings; layers.json may name a layer for `behaviour` by hand";
        return Err(Error::data(item, "says nothing about regions", remedy).into());
    };
    let model = args.measure.name.model.as_deref();
    if let Some(file) = model.filter(|name| name.ends_with(".toml")) {
        let problem = "is a manifest, whose layers stand for regions by its own section `commit`";
        let remedy = "name the layers there, or give features and a name: `--features layers/ --model alexnet`";
        return Err(Error::file(file, problem, remedy).into());
    }
    let setup = setup(global, &args.measure.how, &metric)?;
    let mut data = args.measure.data(global)?;
    if let Components(Some(n)) = args.pca {
        data.model.layers = reduced(global, args, &data.model, n)?;
    }
    if let Some(path) = &args.measure.how.save_splits {
        save_splits(path, &data.recordings, &setup)?;
    }
    let layers_of_model = &data.model.layers;
    let regional = with_progress(global, layers_of_model, &data.recordings, &setup, &stop)?;
    let naming = Naming::new(global, &args.measure.name, &data.model.name, &data.source)?;
    let mut found = Vec::new();
    let mut layers = BTreeMap::new();
    for of_region in &regional {
        warn(of_region);
        let score = naming.score(of_region, &measured(&setup), None);
        if let Some(layer) = &score.layer {
            layers.insert(of_region.region.clone(), layer.clone());
        }
        found.push(score);
    }
    if layers.is_empty() {
        let remedy = "see the warnings above";
        return Err(Error::data("the layers", "have no score in any region", remedy).into());
    }
    let chosen = Commitment { layers };
    let all = chosen.clone().keep(&naming.folder())?;
    let Components(pca) = args.pca;
    speech::print(&match global.json {
        true => json!({ "layers": chosen, "pca": pca, "scores": found }).to_string(),
        false => scores::text(&found),
    })?;
    if !global.json {
        for (region, layer) in &chosen.layers {
            speech::note(&format!("{region}: {layer}"));
        }
        speech::note(&match pca {
            Some(n) => format!("layers of more than {n} units by at most {n} principal components"),
            None => "all units, no principal components".to_owned(),
        });
        let path = naming.folder().join(FILE_NAME);
        speech::note(&format!(
            "{} regions in {}",
            all.layers.len(),
            path.display()
        ));
    }
    Ok(Outcome::Complete)
}

/// Layers by the components of other images.
fn reduced(global: &Global, args: &CommitArgs, model: &Model, n: usize) -> Result<Vec<Layer>> {
    let mut references = Vec::new();
    for given in &args.pca_features {
        references.extend(layers_of(given, None)?);
    }
    if args.pca_features.is_empty() {
        let Some(net) = &args.measure.model.net else {
            let remedy = "give features of other images: `--pca-features FOLDER`";
            return Err(
                Error::data("`--pca`", "has no images to take components of", remedy).into(),
            );
        };
        let settings = global.read_settings()?;
        let dir = settings.network(net)?.dir.clone();
        let layout = global.layout();
        let folder =
            |layer: &Layer| -> PathBuf { layout.features(Split::Training, &dir, &layer.name) };
        let of_study = model
            .layers
            .iter()
            .map(|layer| Layer::folder(&layer.name, Path::new(&folder(layer))));
        references.extend(of_study);
    }
    let with_reference = |layer: &Layer| {
        let reference = references.iter().find(|known| known.name == layer.name);
        let reference = reference.ok_or_else(|| {
            let remedy = "add them: `--pca-features LAYER=PATH`";
            Error::data(
                format!("layer `{}`", layer.name),
                "has no features for `--pca`",
                remedy,
            )
        })?;
        Ok(layer.clone().reduced(n, reference.clone()))
    };
    model.layers.iter().map(with_reference).collect()
}
