//! Which module of the original network an operation belongs to, as far as the exporter tells.
//!
//! PyTorch's TorchScript exporter names nodes `/layer1/layer1.0/conv1/Conv`: members of a sequence repeat the
//! sequence's name, and further calls of a module have a number (`relu_1`). The dynamo exporter keeps a Python
//! list of full paths in the node's metadata.

use std::collections::HashSet;

use super::proto::Node;

/// Key of the metadata.
const SCOPES: &str = "pkg.torch.onnx.name_scopes";

/// Longest path that is taken for one, in bytes, and most modules in each other: those that contain it cost their
/// product.
const LONGEST: usize = 1000;
const DEEPEST: usize = 64;

/// Path of the innermost module of a node, with the numbers of calls; empty where none is told.
pub(super) fn innermost(node: &Node) -> String {
    let scopes = node.metadata.iter().find(|entry| entry.key == SCOPES);
    let path = match scopes {
        Some(entry) => of_scopes(&entry.value),
        None => of_name(&node.name),
    };
    if path.len() > LONGEST || path.matches('.').count() > DEEPEST {
        return String::new();
    }
    path
}

/// All modules that are met, with those that contain them.
pub(super) fn all(calls: &[String]) -> HashSet<String> {
    let mut known = HashSet::new();
    for call in calls {
        let ends = call.match_indices('.').map(|(end, _)| end);
        known.extend(ends.chain([call.len()]).map(|end| call[..end].to_owned()));
    }
    known
}

/// `layer1.0.relu_1` → `layer1.0.relu`, where that is a module, too.
pub(super) fn without_numbers(call: &str, known: &HashSet<String>) -> String {
    let (mut module, mut raw) = (String::new(), String::new());
    for part in call.split('.') {
        for path in [&mut module, &mut raw] {
            if !path.is_empty() {
                path.push('.');
            }
        }
        let numbered = part.rsplit_once('_').filter(|(name, number)| {
            let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            is_number && known.contains(&format!("{raw}{name}"))
        });
        module.push_str(numbered.map_or(part, |(name, _)| name));
        raw.push_str(part);
    }
    module
}

/// `['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']` → `layer1.0.conv1`; the last is the operation.
fn of_scopes(text: &str) -> String {
    let mut scopes: Vec<&str> = text
        .trim_matches(|c| c == '[' || c == ']')
        .split(',')
        .map(|scope| scope.trim().trim_matches(['\'', '"']))
        .collect();
    scopes.pop();
    scopes.pop().unwrap_or("").to_owned()
}

/// `/layer1/layer1.0/conv1/Conv` → `layer1.0.conv1`.
fn of_name(name: &str) -> String {
    let Some(parts) = name.strip_prefix('/') else {
        return String::new();
    };
    let mut parts: Vec<&str> = parts.split('/').collect();
    parts.pop();
    let mut path: Vec<&str> = Vec::new();
    for part in parts {
        let repeats = path.last().is_some_and(|last| {
            let rest = part.strip_prefix(last);
            rest.is_some_and(|rest| rest.starts_with('.'))
        });
        if repeats {
            path.pop();
        }
        path.push(part);
    }
    path.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_torchscript_exporter() {
        assert_eq!(of_name("/layer1/layer1.0/conv1/Conv"), "layer1.0.conv1");
        assert_eq!(of_name("/features/features.0/Conv"), "features.0");
        assert_eq!(of_name("/fc/Gemm"), "fc");
        assert_eq!(of_name("/Flatten"), "");
        assert_eq!(of_name("Conv_0"), "");
    }

    #[test]
    fn paths_of_the_dynamo_exporter() {
        let scopes = "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']";
        assert_eq!(of_scopes(scopes), "layer1.0.conv1");
        assert_eq!(of_scopes("['', 'relu']"), "");
        assert_eq!(of_scopes(""), "");
    }

    #[test]
    fn numbers_of_calls_are_no_part_of_a_module() {
        let calls = ["a.relu", "a.relu_1", "a.norm_2"].map(str::to_owned);
        let known = all(&calls);
        let modules: Vec<String> = calls.iter().map(|c| without_numbers(c, &known)).collect();
        assert_eq!(modules, ["a.relu", "a.relu", "a.norm_2"]);
    }
}
