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
            "io",
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

/// These may use everything, and nothing uses them.
const ABOVE: &[&str] = &["lib", "main", "cli"];

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
fn what_may_be_imported_stands_above_as_in_the_map() {
    let names: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for (at, (name, allowed)) in ALLOWED.iter().enumerate() {
        for other in *allowed {
            assert!(names[..at].contains(other), "`{name}` imports `{other}`");
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let map = fs::read_to_string(root.join("lib.rs")).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | "));
    let first = rows.map(|row| {
        row.split(" |")
            .next()
            .unwrap()
            .trim_matches(['[', ']', '`'])
    });
    let first: Vec<&str> = first.filter(|name| *name != "module").collect();
    assert_eq!(first, names, "the map in lib.rs");
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        let known = names.contains(&module) || ABOVE.contains(&module);
        assert!(known, "add `{module}` to the table");
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
        if ABOVE.contains(&module) {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("add `{module}` to this table"));
        let text = fs::read_to_string(&path).unwrap();
        // Tests may use anything.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for import in code.lines().flat_map(|line| line.split("crate::").skip(1)) {
            assert!(
                !import.starts_with('{'),
                "{} imports a group of modules; write one line for each",
                relative.display()
            );
            let name: String = import
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            assert_ne!(name, "cli", "{}", relative.display());
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
