//! The page of a model.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bh::{self, Network, SurePair};
use super::bibtex::Reference;
use super::board::{Board, Model};
use super::figures::{self, Figure};
use super::html::Html;
use super::json::commands;
use super::rows::{Row, by_layer, rows};
use super::shades::{Cell, range, signed};
use crate::brainscore::result::Choice;
use crate::report::relation::p_text;

#[derive(Serialize)]
struct Page {
    title: String,
    net: Option<String>,
    slug: String,
    facts: Vec<(&'static str, String)>,
    halves: Vec<HalfRow>,
    has_sure: bool,
    subjects: Vec<(String, String, String)>,
    warnings: Vec<String>,
    commitments: Vec<Commitment>,
    tree: Option<Row>,
    n_models: usize,
    skip: bool,
    figures: Vec<(&'static str, Vec<Figure>)>,
    regions: Vec<String>,
    layers: Vec<LayerRow>,
    commands: Vec<String>,
    manifests: Vec<String>,
    references: Vec<Reference>,
}

/// A half of the BH score, or their mean.
#[derive(Serialize)]
struct HalfRow {
    name: &'static str,
    published: Cell,
    interval: String,
    p: String,
    textbook: Cell,
    selected: String,
    place: String,
}

/// The layer that stands for a region.
#[derive(Debug, Serialize)]
pub struct Commitment {
    /// The region.
    pub region: String,
    /// The layer.
    pub layer: String,
    /// How it was chosen.
    pub how: String,
}

/// A layer's mean score of each region.
#[derive(Serialize)]
struct LayerRow {
    layer: String,
    cells: Vec<LayerCell>,
}

#[derive(Serialize)]
struct LayerCell {
    cell: Cell,
    chosen: bool,
}

/// `models/<slug>.html`.
pub fn page(board: &Board, model: &Model, html: &Html) -> Vec<u8> {
    let figures = figures::of_model(board, model);
    let commitments = commitments(model);
    let (regions, layers) = layer_table(model, &commitments);
    let mut manifests: Vec<String> = (model.scores.iter())
        .filter_map(|score| score.provenance.manifest_sha256.clone())
        .collect();
    manifests.sort();
    manifests.dedup();
    let page = Page {
        title: model.name.clone(),
        net: model.net().map(str::to_owned),
        slug: model.slug.clone(),
        facts: facts(model),
        halves: model.bh.as_ref().map(halves).unwrap_or_default(),
        has_sure: model.bh.as_ref().is_some_and(|bh| bh.sure.is_some()),
        subjects: model.bh.as_ref().map(subjects).unwrap_or_default(),
        warnings: warnings(model),
        tree: rows(board, model).filter(|_| !model.scores.is_empty()),
        n_models: board
            .models
            .iter()
            .filter(|model| !model.scores.is_empty())
            .count(),
        skip: board.missing == crate::brainscore::tree::Missing::Skip,
        commitments,
        figures,
        regions,
        layers,
        commands: commands(board, model),
        manifests,
        references: model.references(),
    };
    html.page(
        ("model.html", "../"),
        board,
        &page,
        !page.figures.is_empty(),
    )
}

/// What stands below the heading.
fn facts(model: &Model) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(rank) = model.rank {
        facts.push(("rank here", rank.to_string()));
    }
    if let Some((kind, Some(score))) = model.bh.as_ref().map(Network::headline) {
        let name = match kind {
            "decoding" => "BH score, decoding",
            "encoding" => "BH score, encoding",
            _ => "BH score",
        };
        facts.push((name, signed(score)));
    }
    if let Some(tree) = model.tree.as_ref().filter(|_| !model.scores.is_empty()) {
        let display = crate::brainscore::tree::display::text(tree.score);
        facts.push(("average on benchmarks", display));
        facts.push((
            "benchmarks scored",
            format!("{} of {}", tree.n_scored, tree.count),
        ));
    }
    let mut degrees: Vec<f64> = (model.scores.iter())
        .filter_map(|score| score.benchmark.visual_degrees)
        .collect();
    degrees.sort_by(f64::total_cmp);
    degrees.dedup();
    if !degrees.is_empty() {
        let texts: Vec<String> = degrees
            .iter()
            .map(|degrees| format!("{degrees}°"))
            .collect();
        facts.push(("visual angle", texts.join(", ")));
    }
    facts
}

fn halves(network: &Network) -> Vec<HalfRow> {
    let sure = network.sure.as_ref();
    let mut rows = Vec::new();
    let mut add =
        |name, rules: &bh::Rules, of: Option<&SurePair>, selected, place: Option<usize>| {
            let reason = rules.reason.as_deref().unwrap_or("");
            rows.push(HalfRow {
                name,
                published: Cell::signed(rules.published, None, reason),
                interval: (bh::interval(of)).map_or_else(
                    || "–".to_owned(),
                    |(low, high)| format!("{} to {}", signed(low), signed(high)),
                ),
                p: bh::p(of).map_or_else(|| "–".to_owned(), p_text),
                textbook: Cell::signed(rules.textbook, None, reason),
                selected,
                place: place.map_or_else(|| "–".to_owned(), |place| place.to_string()),
            });
        };
    let selected =
        |half: &bh::Half| format!("{} of {}", half.n_selected.unwrap_or(0), half.n_items);
    if let Some(half) = &network.decoding {
        let of = sure.and_then(|sure| sure.decoding.as_ref());
        add(
            "decoding",
            &half.scores,
            of,
            selected(half),
            network.place.decoding,
        );
    }
    if let Some(half) = &network.encoding {
        let of = sure.and_then(|sure| sure.encoding.as_ref());
        add(
            "encoding",
            &half.scores,
            of,
            selected(half),
            network.place.encoding,
        );
    }
    if let Some(average) = &network.average {
        let of = sure.and_then(|sure| sure.average.as_ref());
        add("average", average, of, String::new(), network.place.average);
    }
    rows
}

/// Scores of each subject alone: decoding and encoding.
fn subjects(network: &Network) -> Vec<(String, String, String)> {
    let mut subjects: BTreeMap<&str, [Option<f64>; 2]> = BTreeMap::new();
    for (index, half) in [&network.decoding, &network.encoding]
        .into_iter()
        .enumerate()
    {
        for (subject, rules) in half.iter().flat_map(|half| &half.by_subject) {
            subjects.entry(subject).or_default()[index] = rules.published;
        }
    }
    let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), signed);
    (subjects.into_iter())
        .map(|(subject, [decoding, encoding])| (subject.to_owned(), text(decoding), text(encoding)))
        .collect()
}

/// What the reader should know of this model.
fn warnings(model: &Model) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    let mut add = |text: String| {
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    };
    let halves = model
        .bh
        .as_ref()
        .map(|bh| [("decoding", &bh.decoding), ("encoding", &bh.encoding)]);
    for (name, half) in halves.into_iter().flatten() {
        let Some(half) = half else { continue };
        if let Some(reason) = &half.scores.reason {
            add(format!("{name} undefined: {reason}"));
        }
        half.warnings.iter().cloned().for_each(&mut add);
    }
    for score in &model.scores {
        if let Some(reason) = &score.reason {
            add(format!("{} failed: {reason}", score.benchmark.id));
        }
    }
    warnings
}

/// Layer of each region, in the order in which regions are first met: the committed layer, else the one that most of
/// the region's benchmarks chose, of equally frequent ones the first. Where no benchmark compared layers, the one that
/// most of them were measured with.
pub fn commitments(model: &Model) -> Vec<Commitment> {
    let mut regions: Vec<&str> = Vec::new();
    for score in &model.scores {
        let region = score.benchmark.region.as_str();
        if score.layer.is_some() && !regions.contains(&region) {
            regions.push(region);
        }
    }
    sort_regions(&mut regions);
    regions
        .into_iter()
        .filter_map(|region| commitment(model, region))
        .collect()
}

fn sort_regions(regions: &mut [&str]) {
    regions.sort_by_key(|region| crate::brainscore::tree::template::place_of(region));
}

fn commitment(model: &Model, region: &str) -> Option<Commitment> {
    let of_region = || {
        model
            .scores
            .iter()
            .filter(|score| score.benchmark.region == region)
    };
    let committed = of_region().find(|score| score.committed && score.layer.is_some());
    if let Some(layer) = committed.and_then(|score| score.layer.clone()) {
        return Some(Commitment {
            region: region.to_owned(),
            layer,
            how: "committed to on other data".to_owned(),
        });
    }
    let layers_by = |choice: Choice| -> Vec<&str> {
        let chosen = of_region().filter(|score| score.choice() == choice);
        chosen.filter_map(|score| score.layer.as_deref()).collect()
    };
    let (best, named) = (layers_by(Choice::Best), layers_by(Choice::Named));
    let was_compared = !best.is_empty();
    let layers = if was_compared { best } else { named };
    let votes = |layer: &str| layers.iter().filter(|other| **other == layer).count();
    let most = layers.iter().map(|layer| votes(layer)).max()?;
    let layer = layers.iter().find(|layer| votes(layer) == most)?;
    Some(Commitment {
        region: region.to_owned(),
        layer: (*layer).to_owned(),
        how: match was_compared {
            true => format!("best on {most} of {} benchmarks", layers.len()),
            false => "named, not compared with others".to_owned(),
        },
    })
}

/// Regions, and for each layer its mean ceiled score over the region's benchmarks; none if it lacks one that another
/// layer has.
fn layer_table(model: &Model, commitments: &[Commitment]) -> (Vec<String>, Vec<LayerRow>) {
    let mut layers: Vec<String> = Vec::new();
    let mut n_benchmarks: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sums: BTreeMap<(String, String), (f64, usize)> = BTreeMap::new();
    for score in &model.scores {
        let of_layers = by_layer(&score.rows).scores;
        if of_layers.iter().any(|(_, value)| value.is_some()) {
            *n_benchmarks.entry(&score.benchmark.region).or_default() += 1;
        }
        for (layer, value) in of_layers {
            if !layers.contains(&layer) {
                layers.push(layer.clone());
            }
            if let Some(value) = value {
                let sum = sums
                    .entry((layer, score.benchmark.region.clone()))
                    .or_default();
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    }
    let regions: Vec<String> = commitments.iter().map(|c| c.region.clone()).collect();
    let mean = |layer: &str, region: &str| {
        let (sum, n) = sums.get(&(layer.to_owned(), region.to_owned()))?;
        (n_benchmarks.get(region) == Some(n)).then(|| sum / *n as f64)
    };
    let ranges: Vec<Option<(f64, f64)>> = (regions.iter())
        .map(|region| range(layers.iter().filter_map(|layer| mean(layer, region))))
        .collect();
    let cells = |layer: &String| {
        let cell = |(commitment, range): (&Commitment, &Option<(f64, f64)>)| LayerCell {
            cell: Cell::signed(mean(layer, &commitment.region), *range, "mean ceiled score"),
            chosen: commitment.layer == *layer,
        };
        commitments.iter().zip(&ranges).map(cell).collect()
    };
    let rows = layers.iter().map(|layer| LayerRow {
        layer: layer.clone(),
        cells: cells(layer),
    });
    let rows = if regions.is_empty() {
        Vec::new()
    } else {
        rows.collect()
    };
    (regions, rows)
}
