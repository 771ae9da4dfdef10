//! `inspect`: what is in a file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::Error;
use bhscore::extract::engine::Rten;
use bhscore::extract::onnx::{Model, Tensor};
use bhscore::extract::recipe::Origin;
use bhscore::io::bdata::BData;
use bhscore::io::features::{self, Layer};
use bhscore::io::mat;
use bhscore::report::table::WIDEST;
use bhscore::study::decoder::Decoder;
use clap::Args;
use serde_json::{Value, json};

use super::{Global, Outcome, arrays, speech};

/// Values of each array that are shown.
const SHOWN: usize = 5;
/// Arrays of a file whose values are shown: each is looked up anew.
const WITH_VALUES: usize = 100;

/// What a decoder's folder holds, and no layer's.
const DECODER: [&str; 3] = ["W.mat", "W", "x_mean.mat"];

/// Options of `inspect`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore inspect data/features/ImageNetTest/pytorch/resnet18/conv1
  bhscore inspect data/features/ImageNetTest/pytorch/resnet18/conv1/n01443537_22563.mat
  bhscore inspect data/fmri/sub-01_perceptionNaturalImageTest_VC_v2.h5
  bhscore inspect models/resnet18.onnx
  bhscore inspect data/feature_decoders/ImageNetTraining/pytorch/resnet18/conv1/sub-01/V1/model")]
pub struct InspectArgs {
    /// A .mat, .npy, BData .h5 or .onnx file, a layer's folder of features, or a decoder's folder
    #[arg(value_name = "FILE")]
    path: PathBuf,
}

pub fn run(global: &Global, args: &InspectArgs) -> Result<Outcome> {
    let path = &args.path;
    let value = if path.is_dir() {
        folder(path)?
    } else if path.extension().is_some_and(|extension| extension == "npy") {
        let array = arrays::read(path, "")?;
        let first: Vec<f64> = array.iter().take(SHOWN).copied().collect();
        json!({ "kind": "NumPy array", "arrays": [{ "name": "", "shape": array.shape(), "first": first }] })
    } else if path
        .extension()
        .is_some_and(|extension| extension == "onnx")
    {
        network(path)?
    } else if let Some(table) = brain_data(path)? {
        table
    } else {
        variables(path)?
    };
    if global.json {
        speech::print(&value.to_string())?;
    } else {
        speech::print(&as_text(path, &value))?;
    }
    Ok(Outcome::Complete)
}

/// `None` where the file is no fMRI table.
fn brain_data(path: &Path) -> Result<Option<Value>> {
    let named = |name: &str| ["dataset", "dataSet"].contains(&name);
    let variables = mat::variables(path)?;
    let hdf5 = variables.iter().any(|variable| named(&variable.name));
    if !hdf5 && path.extension().is_none_or(|extension| extension != "h5") {
        return Ok(None);
    }
    let table = BData::read(path)?;
    let keys: Vec<Value> = table
        .keys()
        .iter()
        .zip(table.n_marked())
        .map(|(key, columns)| json!({ "key": key, "columns": columns }))
        .collect();
    Ok(Some(json!({
        "kind": "brain data (BData)",
        "n_samples": table.n_samples(),
        "n_columns": table.n_columns(),
        "keys": keys,
    })))
}

fn variables(path: &Path) -> Result<Value> {
    let arrays: Vec<Value> = mat::variables(path)?
        .into_iter()
        .enumerate()
        .map(|(at, variable)| {
            let array = (at < WITH_VALUES).then(|| mat::read_f64(path, &variable.name).ok());
            let values = array.flatten().map_or(Vec::new(), |array| array.values);
            let first: Vec<f64> = values.into_iter().take(SHOWN).collect();
            json!({
                "name": variable.name,
                "shape": variable.shape,
                "class": variable.class,
                "first": first,
            })
        })
        .collect();
    Ok(json!({ "kind": "MATLAB file", "arrays": arrays }))
}

/// Inputs and layers of a model; shapes are those of a forward pass.
fn network(path: &Path) -> Result<Value> {
    let model = Model::read(path)?;
    let graph = model.graph().clone();
    let inputs: Vec<Value> = graph
        .inputs()
        .iter()
        .map(|input| json!({ "name": input.name, "shape": input.shape }))
        .collect();
    let mut value = json!({
        "kind": "ONNX model",
        "producer": graph.producer(),
        "n_parameters": graph.n_parameters(),
        "digest": model.digest(),
        "inputs": inputs,
    });
    let tensors: Vec<&Tensor> = graph
        .tensors()
        .iter()
        .filter(|tensor| tensor.op != "Constant")
        .collect();
    let layer = |tensor: &Tensor, shape: Option<Vec<usize>>| {
        let n_units = shape
            .as_ref()
            .map(|shape| shape.iter().copied().fold(1, usize::saturating_mul));
        json!({
            "name": tensor.name,
            "module": tensor.module,
            "node": tensor.node,
            "op": tensor.op,
            "shape": shape,
            "n_units": n_units,
            "output": tensor.is_output,
        })
    };
    let layers: Vec<Value> = match shapes(model, &tensors) {
        Ok(shapes) => {
            let layers = tensors.iter().zip(shapes);
            let activations = layers.filter(|(_, shape)| shape.is_some());
            activations
                .map(|(tensor, shape)| layer(tensor, shape))
                .collect()
        }
        // Names are worth having, even of a model that cannot be run.
        Err(error) => {
            value["shapes_unknown"] = json!(error.to_string());
            tensors.iter().map(|tensor| layer(tensor, None)).collect()
        }
    };
    value["layers"] = layers.into();
    Ok(value)
}

/// Shape of each tensor for one image.
fn shapes(model: Model, tensors: &[&Tensor]) -> Result<Vec<Option<Vec<usize>>>> {
    let layout = model.graph().layout(model.path(), None)?;
    let names: Vec<String> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let model = model.with_outputs(&names)?;
    Ok(Rten::load_plain(model, &layout.input, &names)?.shapes(&layout)?)
}

/// A decoder, or the features of a layer.
fn folder(folder: &Path) -> Result<Value> {
    if DECODER.iter().any(|name| folder.join(name).exists()) {
        return decoder(folder);
    }
    let entries = fs::read_dir(folder).map_err(Error::io("list", folder))?;
    let mut names = entries.flatten().map(|entry| entry.file_name());
    if names.any(|name| features::label(&name.to_string_lossy()).is_some()) {
        return layer(folder, &Layer::open(folder)?);
    }
    let problem = "is a folder with neither features (`*.mat`) nor a decoder (`W.mat`)";
    let remedy = "name a file, a layer's folder, or a decoder's `model` folder";
    Err(Error::file(folder, problem, remedy).into())
}

/// Features of a layer; the shape is that of the first image.
fn layer(folder: &Path, layer: &Layer) -> Result<Value> {
    let labels = layer.labels();
    let mut value = json!({
        "kind": "features",
        "n_images": labels.len(),
        "unit_shape": layer.unit_shape()?,
        "first": labels[..labels.len().min(SHOWN)],
    });
    if let Some(origin) = Origin::read(folder)? {
        value["model_file"] = json!(origin.model_file);
        value["engine"] = json!(origin.engine);
        value["tensor"] = json!(origin.recipe.tensor);
        value["weights"] = json!(origin.recipe.weights);
        value["units"] = json!(origin.recipe.units);
        value["layer_shape"] = json!(origin.shape);
    }
    Ok(value)
}

fn decoder(folder: &Path) -> Result<Value> {
    let decoder = Decoder::read(folder)?;
    let nonzero = decoder
        .weights
        .iter()
        .filter(|weight| **weight != 0.0)
        .count();
    Ok(json!({
        "kind": "decoder",
        "n_voxels": decoder.n_voxels(),
        "unit_shape": decoder.unit_shape,
        "voxels_per_unit": nonzero as f64 / decoder.weights.nrows().max(1) as f64,
        "n_nan_weights": decoder.weights.iter().filter(|weight| weight.is_nan()).count(),
    }))
}

/// `name: value` lines; arrays and keys one line each.
fn as_text(path: &Path, value: &Value) -> String {
    let mut lines = vec![path.display().to_string()];
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Array(rows) if rows.first().is_some_and(|row| row["op"].is_string()) => {
                lines.extend(layer_table(rows));
            }
            Value::Array(rows) if rows.first().is_some_and(Value::is_object) => {
                lines.push(format!("{name}:"));
                for row in rows {
                    let parts: Vec<String> = row
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(name, value)| format!("{name} {}", plain(value)))
                        .collect();
                    lines.push(format!("  {}", parts.join("  ")));
                }
            }
            value => lines.push(format!("{name}: {}", plain(value))),
        }
    }
    lines.join("\n")
}

/// One line per layer; the node is left out, since its name repeats the module's and the tensor's.
fn layer_table(rows: &[Value]) -> Vec<String> {
    let cells = |row: &Value| {
        let mark = if row["output"] == true { "output" } else { "" };
        let shape = row["shape"].as_array();
        let axes = shape.map(|axes| axes.iter().map(Value::to_string).collect::<Vec<_>>());
        [
            plain(&row["name"]),
            plain(&row["module"]),
            plain(&row["op"]),
            axes.map_or(String::new(), |axes| axes.join(" x ")),
            row["n_units"]
                .as_u64()
                .map_or(String::new(), |n| n.to_string()),
            mark.to_owned(),
        ]
    };
    let head = ["layer", "module", "operation", "shape", "units", ""].map(str::to_owned);
    let table: Vec<[String; 6]> = std::iter::once(head)
        .chain(rows.iter().map(cells))
        .collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..6)
        .map(|column| width(column).unwrap_or(0).min(WIDEST))
        .collect();
    let line = |row: &[String; 6]| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                // Numbers of units are compared down the column.
                if column == 4 {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
