//! Calls of a module: which operations belong to one, as far as the file tells.

use std::collections::{HashMap, HashSet};

use super::graph::{CONSTANT, Graph, Tensor};

/// Operations whose first constant was learned, and is that of one module.
const LEARNED: [&str; 9] = [
    "Conv",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "BatchNormalization",
    "LayerNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "PRelu",
];

/// Calls of a module.
pub(super) struct Calls<'a> {
    /// The last result of each run of consecutive operations.
    pub last: Vec<&'a Tensor>,
    /// Whether a run is of several calls.
    pub are_merged: bool,
}

impl Graph {
    /// Whether a module is called several times in a row, which the file does not tell apart: only the result of
    /// its last call is known.
    #[must_use]
    pub fn merges_calls(&self, module: &str) -> bool {
        let with_slashes = module.replace(':', "/");
        let names = [module, with_slashes.as_str()];
        names.iter().any(|name| self.calls(name).are_merged)
    }

    /// The last result of each call of a module: of each run of consecutive operations inside it.
    pub(super) fn calls(&self, module: &str) -> Calls<'_> {
        let depth = module.split('.').count();
        let call = |tensor: &Tensor| -> Option<String> {
            let rest = tensor.module.strip_prefix(module)?;
            let inside = rest.is_empty() || rest.starts_with('.');
            let parts = tensor.call.split('.').take(depth);
            inside.then(|| parts.collect::<Vec<_>>().join("."))
        };
        let mut last: Vec<&Tensor> = Vec::new();
        let mut before = None;
        // A weight that a run takes twice is that of another call, or of a loop inside of the module.
        let (mut taken, mut are_merged) = (HashSet::new(), false);
        // And so is a number that the exporter gave to a call of what is inside.
        let mut inside: HashMap<&str, &str> = HashMap::new();
        for tensor in self.tensors.iter().filter(|tensor| tensor.op != CONSTANT) {
            let now = call(tensor);
            if now.is_some() {
                if now == before {
                    last.pop();
                } else {
                    taken.clear();
                    inside.clear();
                }
                let weight = tensor
                    .weight
                    .filter(|_| LEARNED.contains(&tensor.op.as_str()));
                are_merged |= weight.is_some_and(|weight| !taken.insert(weight));
                let first = *inside.entry(&tensor.module).or_insert(&tensor.call);
                are_merged |= first != tensor.call;
                last.push(tensor);
            }
            before = now;
        }
        Calls { last, are_merged }
    }
}
