//! The sections of a manifest, one function each.

use std::collections::BTreeMap;

use toml::Table;

use super::{Kind, Layer, Manifest, Meta, Reading, Source};
use crate::model::section::Section;
use crate::nearest::{nearest, quoted};
use crate::settings::Transform;
use crate::settings::preprocess::{Channels, Filter, Preprocess};

/// Sections of the file.
const SECTIONS: [&str; 8] = [
    "model",
    "source",
    "input",
    "layers",
    "commit",
    "time",
    "behaviour",
    "meta",
];

/// A manifest from its table, with everything that is wrong with it.
pub(super) fn manifest(table: &Table) -> Reading {
    let mut problems = Vec::new();
    let mut whole = Section::new("", Some(table), &SECTIONS, &mut problems);
    for key in ["model", "source"] {
        if !whole.has(key) {
            whole.wrong(key, "is missing; add the section");
        }
    }
    let [model, source, input, commit, time, behaviour, meta] = [
        "model",
        "source",
        "input",
        "commit",
        "time",
        "behaviour",
        "meta",
    ]
    .map(|key| whole.table(key));
    let layers = whole.tables("layers");
    let identity = model.and_then(|table| identity(table, &mut problems));
    let kind = identity.as_ref().map(|(_, kind, _)| *kind);
    let source = source.and_then(|table| origin(table, kind, &mut problems));
    let layers = of_layers(&layers, &mut problems);
    let (size, preprocess, visual_degrees) = of_input(input, &mut problems);
    let commit = of_commit(commit, kind, &layers, &mut problems);
    let time = of_time(time, &layers, &mut problems);
    let known = ["readout", "logits"];
    let mut behaviour = Section::new("behaviour", behaviour, &known, &mut problems);
    let (readout, logits) = (behaviour.text("readout"), behaviour.text("logits"));
    let meta = of_meta(meta, &mut problems);
    let complete = identity.zip(source).filter(|_| !layers.is_empty());
    let manifest = complete.map(|((id, kind, version), (source, sha256))| Manifest {
        id,
        kind,
        version,
        source,
        sha256,
        size,
        preprocess,
        visual_degrees,
        layers,
        commit,
        time,
        readout,
        logits,
        meta,
    });
    Reading { manifest, problems }
}

fn identity(table: &Table, problems: &mut Vec<String>) -> Option<(String, Kind, u64)> {
    let mut section = Section::new("model", Some(table), &["id", "kind", "version"], problems);
    let id = section.required_text("id", "a name such as `cornet_s`");
    if !section.has("kind") {
        let words = quoted(Kind::WORDS.iter().map(|(word, _)| *word));
        section.wrong("kind", &format!("is missing; choose among {words}"));
    }
    let kind = section.word("kind", &Kind::WORDS);
    let version = section.count("version");
    if version == Some(0) {
        section.wrong("version", "is 0; count from 1");
    }
    Some((id?, kind?, version.unwrap_or(1)))
}

fn origin(
    table: &Table,
    kind: Option<Kind>,
    problems: &mut Vec<String>,
) -> Option<(Source, Option<String>)> {
    let known = ["onnx", "features", "sha256"];
    let mut section = Section::new("source", Some(table), &known, problems);
    let (wanted, other) = match kind? {
        Kind::Features => ("features", "onnx"),
        Kind::Base | Kind::Brain => ("onnx", "features"),
    };
    if section.has(other) {
        section.wrong(
            other,
            &format!("is not for this kind of model; give `{wanted}`"),
        );
    }
    let path = section.required_text(wanted, "a path relative to this file");
    let sha256 = section.text("sha256");
    let source = match wanted {
        "onnx" => Source::Onnx(path?),
        _ => Source::Features(path?),
    };
    Some((source, sha256))
}

fn of_layers(tables: &[&Table], problems: &mut Vec<String>) -> Vec<Layer> {
    if tables.is_empty() {
        problems.push("`layers` is missing; add `[[layers]]` with a `name` for each".to_owned());
    }
    let known = ["name", "depth", "transform", "tensor"];
    let words = [("none", Transform::None), ("abs", Transform::Abs)];
    let mut layers = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let path = format!("layers[{at}]");
        let mut section = Section::new(path, Some(table), &known, problems);
        let name = section.required_text("name", "the layer's name");
        let (depth, transform) = (section.number("depth"), section.word("transform", &words));
        let tensor = section.text("tensor");
        layers.extend(name.map(|name| Layer {
            name,
            depth,
            transform,
            tensor,
        }));
    }
    layers
}

/// Size, preprocessing and visual angle.
fn of_input(
    table: Option<&Table>,
    problems: &mut Vec<String>,
) -> (Option<(usize, usize)>, Preprocess, Option<f64>) {
    let known = [
        "size",
        "channels",
        "resize",
        "shorter_side",
        "scale",
        "mean",
        "std",
        "visual_degrees",
    ];
    let filters = [
        ("bilinear-square", (Filter::Bilinear, false)),
        ("bicubic-square", (Filter::Bicubic, false)),
        ("bilinear-crop", (Filter::Bilinear, true)),
        ("bicubic-crop", (Filter::Bicubic, true)),
    ];
    let channels = [("rgb", Channels::Rgb), ("bgr", Channels::Bgr)];
    // Models are measured as Brain-Score measures them (SPEC: 2.8): bilinear, not the bicubic of BHscore.
    let default = Preprocess {
        resize: Filter::Bilinear,
        ..Preprocess::pytorch()
    };
    let mut section = Section::new("input", table, &known, problems);
    let size = section.numbers::<2>("size");
    let side = |side: f64| (side.fract() == 0.0 && side >= 1.0).then_some(side as usize);
    let pixels = size.and_then(|[height, width]| side(height).zip(side(width)));
    if size.is_some() && pixels.is_none() {
        section.wrong(
            "size",
            "is not a height and a width; give two whole numbers from 1",
        );
    }
    let (filter, is_cropped) = section
        .word("resize", &filters)
        .unwrap_or((default.resize, section.has("shorter_side")));
    let shorter_side = section.count("shorter_side").map(|side| side as usize);
    if section.has("resize") && is_cropped != shorter_side.is_some() {
        section.wrong(
            "shorter_side",
            "goes with `resize = \"bilinear-crop\"` or `\"bicubic-crop\"`",
        );
    }
    let channels = section.word("channels", &channels);
    let default = default
        .clone()
        .with_channels(channels.unwrap_or(default.channels));
    let preprocess = Preprocess {
        resize: filter,
        shorter_side,
        channels: default.channels,
        scale: section.number("scale").unwrap_or(default.scale),
        mean: section.numbers("mean").unwrap_or(default.mean),
        sd: section.numbers("std").unwrap_or(default.sd),
    };
    for (field, problem) in preprocess.problems() {
        let key = if field == "sd" { "std" } else { field };
        section.wrong(key, &format!("is not usable: {problem}"));
    }
    (pixels, preprocess, section.number("visual_degrees"))
}

fn of_commit(
    table: Option<&Table>,
    kind: Option<Kind>,
    layers: &[Layer],
    problems: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let regions: Vec<&str> = table
        .into_iter()
        .flat_map(Table::keys)
        .map(String::as_str)
        .collect();
    let mut section = Section::new("commit", table, &regions, problems);
    let mut commit = BTreeMap::new();
    for region in regions {
        let layer = section.text(region);
        if let Some(problem) = layer.as_ref().and_then(|layer| unknown(layer, layers)) {
            section.wrong(region, &problem);
        }
        commit.extend(layer.map(|layer| (region.to_owned(), layer)));
    }
    if kind == Some(Kind::Brain) && commit.is_empty() {
        let problem = "`commit` is missing; a brain model has a layer for each region, such as `V1 = \"conv1\"`";
        problems.push(problem.to_owned());
    }
    commit
}

fn of_time(
    table: Option<&Table>,
    layers: &[Layer],
    problems: &mut Vec<String>,
) -> BTreeMap<String, (f64, f64)> {
    let names: Vec<&str> = table
        .into_iter()
        .flat_map(Table::keys)
        .map(String::as_str)
        .collect();
    let mut section = Section::new("time", table, &names, problems);
    let mut time = BTreeMap::new();
    for name in names {
        if let Some(problem) = unknown(name, layers) {
            section.wrong(name, &problem);
        }
        let Some([start, end]) = section.numbers::<2>(name) else {
            continue;
        };
        if start.is_nan() || end.is_nan() || start >= end {
            section.wrong(
                name,
                "does not end after it starts; give start and end in milliseconds",
            );
        }
        time.insert(name.to_owned(), (start, end));
    }
    time
}

/// What is wrong with a reference to a layer.
fn unknown(name: &str, layers: &[Layer]) -> Option<String> {
    if layers.iter().any(|layer| layer.name == name) {
        return None;
    }
    let near = nearest(name, layers.iter().map(|layer| layer.name.as_str()));
    let hint = match near.is_empty() {
        true => "add it to `[[layers]]`".to_owned(),
        false => format!("did you mean {}?", quoted(near)),
    };
    Some(format!("names no layer of this file (`{name}`); {hint}"))
}

fn of_meta(table: Option<&Table>, problems: &mut Vec<String>) -> Meta {
    let known = ["params", "family", "training", "license", "bibtex"];
    let mut section = Section::new("meta", table, &known, problems);
    Meta {
        params: section.count("params"),
        family: section.text("family"),
        training: section.text("training"),
        license: section.text("license"),
        bibtex: section.text("bibtex"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[model]
id = "a"
kind = "brain"
[source]
onnx = "a.onnx"
[[layers]]
name = "conv1"
depth = 1
[[layers]]
name = "conv2"
depth = 2.5
transform = "abs"
[commit]
V1 = "conv1"
[time]
conv2 = [50, 100.5]
"#;

    fn read(text: &str) -> Reading {
        manifest(&toml::from_str(text).unwrap())
    }

    #[test]
    fn what_is_left_out_has_defaults() {
        let Reading { manifest, problems } = read(GOOD);
        assert!(problems.is_empty(), "{problems:?}");
        let manifest = manifest.unwrap();
        assert_eq!((manifest.kind, manifest.version), (Kind::Brain, 1));
        let bilinear = Preprocess {
            resize: Filter::Bilinear,
            ..Preprocess::pytorch()
        };
        assert_eq!(manifest.preprocess, bilinear);
        assert_eq!(manifest.layers[1].transform, Some(Transform::Abs));
        assert_eq!(manifest.time["conv2"], (50.0, 100.5));
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text = GOOD
            .replace("onnx =", "features =")
            .replace("depth = 1\n", "deepth = \"low\"\n")
            .replace("V1 = \"conv1\"", "V1 = \"conv3\"")
            .replace("[50, 100.5]", "[50]")
            + "[input]\nresize = \"bilinear-crop\"\nscale = 0\nchannels = 3\nsize = [0, 2]";
        let Reading { manifest, problems } = read(&text);
        assert_eq!(manifest, None);
        let told = problems.join("\n");
        for part in [
            "`source.features` is not for this kind",
            "`source.onnx` is missing",
            "`layers[0].deepth` is unknown; did you mean `depth`?",
            "`commit.V1` names no layer of this file (`conv3`); did you mean `conv1`, `conv2`?",
            "`time.conv2` is a list of 1; give a list of 2 numbers",
            "`input.shorter_side` goes with",
            "`input.scale` is not usable: 0 divides nothing",
            "`input.channels` is 3; give a text",
            "`input.size` is not a height and a width",
        ] {
            assert!(told.contains(part), "no `{part}` in\n{told}");
        }
        assert_eq!(problems.len(), 9, "{told}");
    }

    #[test]
    fn a_brain_model_needs_its_regions() {
        let text = GOOD.replace("[commit]\nV1 = \"conv1\"\n", "");
        let told = read(&text).problems.join("\n");
        assert!(told.starts_with("`commit` is missing"), "{told}");
    }
}
