//! Checks 5 and 7: the declared layers, and the names of their units.

use std::collections::BTreeMap;
use std::path::Path;

use super::files;
use crate::error::Result;
use crate::extract::onnx::Model;
use crate::model::finding::Verdict;
use crate::model::folders::Folders;
use crate::model::images::{N_CLOSE, pictures};
use crate::model::manifest::{Manifest, Source};
use crate::model::network::Network;
use crate::model::subject::{Activations, Output, Subject};

/// Fewest units of a layer: as many as the registry's metric takes components (SPEC: 4.1).
const LEAST_UNITS: usize = 25;

/// Layers that a message lists with their shapes.
const LISTED: usize = 6;

/// A model that gives activations.
pub(super) struct Opened {
    /// The model.
    pub subject: Box<dyn Subject>,
    /// Of the first images, at most [`N_CLOSE`].
    pub first: Activations,
}

/// Whether the model loads, and its layers exist, are large enough and in order.
pub(super) fn layers(
    root: &Path,
    manifest: &Manifest,
    model: Option<Result<Model>>,
) -> (Verdict, Option<Opened>) {
    let remedy = "correct `[[layers]]` and `[input]`, or export the network again";
    let opened = match open(root, manifest, model) {
        Ok(opened) => opened,
        Err(problems) => return (Verdict::failed(problems.join("\n"), remedy), None),
    };
    let mut problems: Vec<String> = opened.first.layers.iter().filter_map(small).collect();
    problems.extend(order(manifest));
    let shapes: Vec<String> = opened.first.layers.iter().map(shown).collect();
    let seen = match shapes.len() > LISTED {
        true => format!(
            "{} layers: {}, …",
            shapes.len(),
            shapes[..LISTED].join(", ")
        ),
        false => format!("{} layers: {}", shapes.len(), shapes.join(", ")),
    };
    let repeated: Vec<String> = opened.subject.repeated().iter().map(one_tensor).collect();
    let otherwise = match repeated.is_empty() {
        true => Verdict::ok(seen),
        false => Verdict::warning(
            repeated.join("\n"),
            "leave one of them out, or correct its `tensor`",
        ),
    };
    let verdict = Verdict::of_problems(&problems, remedy, otherwise);
    (verdict, problems.is_empty().then_some(opened))
}

fn open(
    root: &Path,
    manifest: &Manifest,
    model: Option<Result<Model>>,
) -> Result<Opened, Vec<String>> {
    let one = |error: crate::Error| vec![error.to_string()];
    let path = root.join(manifest.source.path());
    let subject: Box<dyn Subject> = match &manifest.source {
        Source::Onnx(_) => {
            let model = files::network(model).map_err(one)?;
            let pictures = pictures().map_err(one)?;
            Box::new(Network::load(model, &path, manifest, pictures)?)
        }
        Source::Features(_) => Box::new(Folders::open(&path, manifest)?),
    };
    let first = subject.together(N_CLOSE.min(subject.n_images()));
    let first = first.map_err(one)?;
    Ok(Opened { subject, first })
}

fn small(layer: &Output) -> Option<String> {
    let n_units = layer.n_units();
    let problem = format!(
        "layer `{}` has {n_units} units, fewer than the {LEAST_UNITS} that metrics need",
        layer.name
    );
    (n_units < LEAST_UNITS).then_some(problem)
}

/// Two layers that say the same.
fn one_tensor((first, second, tensor): &(String, String, String)) -> String {
    format!("layers `{first}` and `{second}` are one tensor, `{tensor}`")
}

/// A layer with its shape for one image.
fn shown(layer: &Output) -> String {
    let axes = layer.values.shape()[1..].iter().map(usize::to_string);
    let axes: Vec<String> = axes.collect();
    format!("{} {}", layer.name, axes.join(" × "))
}

/// Layers without a place in the hierarchy, or above one that comes later.
fn order(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    let mut before: Option<(&str, f64)> = None;
    for layer in &manifest.layers {
        let name = layer.name.as_str();
        let Some(depth) = layer.depth.filter(|depth| depth.is_finite()) else {
            problems.push(format!(
                "layer `{name}` has no `depth`, its place in the hierarchy"
            ));
            continue;
        };
        if let Some((other, deeper)) = before.filter(|(_, deepest)| *deepest > depth) {
            problems.push(format!(
                "layer `{name}` has depth {depth}, but comes after `{other}` with depth {deeper}"
            ));
        }
        before = Some((name, depth));
    }
    problems
}

/// Whether no two units have the same name: the layer's, as a folder has it, and the unit's number.
pub(super) fn unit_names(manifest: &Manifest) -> Verdict {
    let remedy = "give each layer its own name; `tensor` says which tensor it is";
    let unique = Verdict::ok("units go by their layer and number, each once");
    Verdict::of_problems(&repeated(manifest), remedy, unique)
}

/// Layers that share a name, or the folder of one.
pub(in crate::model) fn repeated(manifest: &Manifest) -> Vec<String> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for layer in &manifest.layers {
        let name = layer.name.as_str();
        match known.insert(name.replace('/', ":"), name) {
            Some(other) if other == name => {
                problems.push(format!("layer `{name}` is there twice"));
            }
            Some(other) => problems.push(format!(
                "layers `{other}` and `{name}` have one folder name (`/` becomes `:`)"
            )),
            None => {}
        }
    }
    problems
}
