//! Which tensors of a model are the layers of a network, and what is done to them.

use std::path::Path;

use crate::error::{Error, Result};
use crate::nearest::quoted;
use crate::settings::{Extract, Transform};

use super::onnx::Graph;

/// One layer to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name of its folder.
    pub name: String,
    /// Tensor of the model.
    pub tensor: String,
    /// What is done to its activations.
    pub transform: Transform,
}

/// Looks the layers up in the model.
///
/// A layer is the tensor that the settings give for its name, else the one of that name; for names that end
/// in `_abs` also without the ending. A recurrent network's area (`IT.output`) that the model has by time
/// steps only (`IT.output-t0`, `IT.output-t1`) is its last step.
///
/// - `names`: of layers, lowest first; empty for all declared outputs.
/// - `step`: time step, where not the last.
///
/// # Errors
///
/// If a name means nothing; the error names the nearest ones.
pub fn layers(
    names: &[String],
    settings: &Extract,
    step: Option<usize>,
    graph: &Graph,
    model: &Path,
) -> Result<Vec<Layer>> {
    let names = if names.is_empty() {
        graph.outputs()
    } else {
        names
    };
    names
        .iter()
        .map(|name| {
            let folder = name.replace('/', ":");
            let bare = folder
                .strip_suffix(Transform::ABS_ENDING)
                .unwrap_or(&folder);
            let given = |names: [&str; 2]| {
                let mut entries = settings.tensors.iter();
                entries
                    .find(|(key, _)| names.contains(&key.replace('/', ":").as_str()))
                    .map(|(_, tensor)| tensor.as_str())
            };
            let candidates = match given([&folder, bare]) {
                Some(tensor) => vec![tensor],
                None => vec![folder.as_str(), bare],
            };
            let found = candidates
                .iter()
                .find_map(|candidate| find(graph, candidate, step));
            let tensor =
                found.ok_or_else(|| unknown(&folder, candidates[0], step, graph, model))?;
            let transform = settings
                .transforms
                .iter()
                .find(|(key, _)| key.replace('/', ":") == folder)
                .map_or(Transform::of_name(&folder), |(_, transform)| *transform);
            Ok(Layer {
                name: folder.clone(),
                tensor,
                transform,
            })
        })
        .collect()
}

fn find(graph: &Graph, name: &str, step: Option<usize>) -> Option<String> {
    let of_step = |step: usize| graph.find(&format!("{name}-t{step}"));
    let found = match step {
        Some(step) => of_step(step),
        None => graph.find(name).or_else(|| {
            let steps = (0..).map_while(of_step);
            steps.last()
        }),
    };
    found.map(|tensor| tensor.name.clone())
}

fn unknown(layer: &str, tensor: &str, step: Option<usize>, graph: &Graph, model: &Path) -> Error {
    let module = match step {
        Some(_) => Some(tensor),
        None => tensor.rsplit_once("-t").map(|(module, _)| module),
    };
    if let Some(module) = module.filter(|module| graph.merges_calls(module)) {
        let problem = format!(
            "calls `{module}` several times in a row, which the file does not tell apart: only the last is known"
        );
        let remedy =
            "take the layer without a time step, or export each step as an output of its own";
        return Error::file(model, problem, remedy);
    }
    let step = step.map_or(String::new(), |step| format!(" at time step {step}"));
    let problem = if layer == tensor {
        format!("has no layer `{layer}`{step}")
    } else {
        format!("has no tensor, node or module `{tensor}`{step} for the layer `{layer}`")
    };
    let near = graph.near(tensor);
    let shown = format!("`bhscore inspect {}` lists all", model.display());
    let remedy = if near.is_empty() {
        shown
    } else {
        format!("did you mean {}? {shown}", quoted(near))
    };
    Error::file(model, problem, remedy)
}
