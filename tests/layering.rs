//! Imports point one way: what a module may use of the crate, kept true.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Module and what it may import; the order is the one of `lib.rs`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("nearest", &[]),
    ("settings", &["error", "nearest"]),
    ("io", &["error", "nearest"]),
    ("stats", &["error"]),
    ("ridge", &["error", "stats"]),
    ("work", &["error", "settings", "io"]),
    (
        "study",
        &["error", "settings", "io", "stats", "ridge", "work"],
    ),
    (
        "extract",
        &[
            "error", "nearest", "settings", "io", "stats", "work", "study",
        ],
    ),
    ("cornet", &["error", "settings", "io", "stats", "extract"]),
    (
        "decode",
        &["error", "settings", "io", "stats", "ridge", "work", "study"],
    ),
    (
        "encode",
        &["error", "settings", "io", "stats", "ridge", "work", "study"],
    ),
    ("bh", &["error", "settings", "io", "stats", "work", "study"]),
    (
        "ceilings",
        &[
            "error", "settings", "io", "stats", "ridge", "work", "study", "decode", "bh",
        ],
    ),
    (
        "brainscore",
        &[
            "error", "nearest", "settings", "io", "stats", "ridge", "work", "study",
        ],
    ),
    (
        "model",
        &[
            "error",
            "nearest",
            "settings",
            "io",
            "stats",
            "work",
            "study",
            "extract",
            "brainscore",
        ],
    ),
    ("relate", &["error", "nearest", "io", "stats"]),
    (
        "report",
        &[
            "error",
            "settings",
            "stats",
            "work",
            "bh",
            "ceilings",
            "brainscore",
            "relate",
        ],
    ),
    ("synth", &["error", "settings", "io", "stats"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn modules_import_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut seen = 0;
    for path in files {
        let relative = path.strip_prefix(&root).unwrap();
        let top = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let module = top.trim_end_matches(".rs");
        if ["lib", "main", "cli"].contains(&module) {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("add `{module}` to this table"));
        let text = fs::read_to_string(&path).unwrap();
        // Tests may use anything.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for import in code.lines().flat_map(|line| line.split("crate::").skip(1)) {
            let name: String = import
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if !ALLOWED.iter().any(|(module, _)| *module == name) || name == module {
                continue;
            }
            seen += 1;
            assert!(
                allowed.contains(&name.as_str()),
                "{} imports `{name}`, which `{module}` may not",
                relative.display()
            );
        }
    }
    assert!(
        seen > 30,
        "only {seen} imports found: has the layout changed?"
    );
}
