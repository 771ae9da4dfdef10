//! Models with their scores and places, and the columns of the leaderboard.

use std::collections::{BTreeMap, BTreeSet};

use super::accuracy;
use super::bh::{Network, Study};
use super::bibtex::{self, Reference};
use super::compare::BH_NAMES;
use super::csv::BH;
use super::slug::slugs;
use crate::brainscore::result::{Benchmark as Measured, BenchmarkScore};
use crate::brainscore::tree::template::{Key, default_tree, fill, key, result_of, with_versions};
use crate::brainscore::tree::{Field, Missing, Node, Policy, Scored, evaluate};

/// Columns of tables beside those of the tree and the BH scores.
const RESERVED: [&str; 6] = ["rank", "model", "net", "layers", "benchmarks", "scored"];

/// What a site is made from.
#[derive(Debug, Default)]
pub struct Input {
    /// Heading of the site.
    pub title: String,
    /// BH scores, if there are any.
    pub study: Option<Study>,
    /// Accuracies of the networks' layers, if there are any.
    pub accuracies: Vec<accuracy::Row>,
    /// Results on benchmarks.
    pub scores: Vec<BenchmarkScore>,
    /// The tree of benchmarks; regions below `neural` if there is none.
    pub tree: Option<Node>,
    /// What a benchmark without a number is in its parent's mean.
    pub missing: Missing,
    /// How scores are compared.
    pub policy: Policy,
    /// What the reader should know, such as files that could not be read.
    pub warnings: Vec<String>,
}

/// Everything that pages show.
#[derive(Debug)]
pub struct Board {
    /// Heading of the site.
    pub title: String,
    /// Best first: by the BH score, or the root of the tree if there are no BH scores.
    pub models: Vec<Model>,
    /// Nodes of the tree that are shown, from the top.
    pub columns: Vec<Column>,
    /// Benchmarks of which there are results, in the tree's order.
    pub benchmarks: Vec<Benchmark>,
    /// Accuracies of the networks' layers.
    pub accuracies: Vec<accuracy::Row>,
    /// How BH scores were made.
    pub command: Option<String>,
    /// What a benchmark without a number is in its parent's mean.
    pub missing: Missing,
    /// How scores are compared.
    pub policy: Policy,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// One model.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its name in files.
    pub slug: String,
    /// Place by BH score, or by the root of the tree if no model has a BH score.
    pub rank: Option<usize>,
    /// Its BH scores.
    pub bh: Option<Network>,
    /// Its results on benchmarks.
    pub scores: Vec<BenchmarkScore>,
    /// The tree with its scores and places; none if no model has any.
    pub tree: Option<Scored>,
}

/// A node of the tree as a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Identifier.
    pub id: String,
    /// Version of a benchmark.
    pub version: Option<u32>,
    /// Name that no other column has.
    pub key: String,
    /// Identifier of the parent; empty for the root.
    pub parent: String,
    /// Levels below the root.
    pub depth: usize,
    /// Whether it is a benchmark.
    pub leaf: bool,
    /// Name of the benchmark's page in files, if there are results.
    pub slug: Option<String>,
    /// Lowest and highest number of a model, if there is any.
    pub range: Option<(f64, f64)>,
}

/// A benchmark with results.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// What is measured.
    pub measured: Measured,
    /// Its name in files.
    pub slug: String,
    /// Position of its column; none if it is not shown.
    pub column: Option<usize>,
    /// Whether it is in the tree, shown or hidden.
    pub in_tree: bool,
}

impl Model {
    /// The nodes of the columns in order; empty if there is no tree.
    pub fn nodes(&self) -> Vec<&Scored> {
        let mut nodes = Vec::new();
        if let Some(tree) = &self.tree {
            shown(tree, &mut nodes);
        }
        nodes
    }

    /// Its result on the benchmark of a leaf.
    pub fn result(&self, id: &str, version: Option<u32>) -> Option<&BenchmarkScore> {
        result_of((id, version), &self.scores)
    }

    /// `<framework>/<network>`, if it is known and not the name.
    pub fn net(&self) -> Option<&str> {
        let net = match &self.bh {
            Some(bh) => bh.net.as_str(),
            None => self.scores.first()?.model.as_str(),
        };
        (net != self.name).then_some(net)
    }

    /// Papers to cite for its numbers.
    pub fn references(&self) -> Vec<Reference> {
        let bh = self.bh.as_ref().map(|_| bibtex::BH);
        let benchmarks = self
            .scores
            .iter()
            .filter_map(|score| score.benchmark.bibtex.as_deref());
        bibtex::unique(bh.into_iter().chain(benchmarks))
    }
}

/// Nodes that are not hidden, from the top.
fn shown<'a>(node: &'a Scored, nodes: &mut Vec<&'a Scored>) {
    if node.hidden {
        return;
    }
    nodes.push(node);
    for child in &node.children {
        shown(child, nodes);
    }
}

impl Board {
    /// Scores, places and columns of everything that was found.
    pub fn new(input: Input) -> Board {
        let template = (!input.scores.is_empty()).then(|| match &input.tree {
            Some(tree) => with_versions(tree, &input.scores),
            None => default_tree(&input.scores),
        });
        let command = (input.study.as_ref()).map(|study| study.provenance.command.clone());
        let keys: BTreeMap<Key, Measured> = (input.scores.iter())
            .map(|score| (key(score), score.benchmark.clone()))
            .collect();
        let mut models = models(input.study, input.scores);
        if let Some(template) = &template {
            place(&mut models, template, input.missing, input.policy);
        }
        sort(&mut models);
        let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
        for (model, slug) in models
            .iter_mut()
            .zip(slugs(names.iter().map(String::as_str)))
        {
            model.slug = slug;
        }
        let mut columns = columns(&models);
        let benchmarks = benchmarks(&mut columns, keys, template.as_ref());
        let mut warnings = input.warnings;
        let outside = benchmarks.iter().filter(|benchmark| !benchmark.in_tree);
        warnings.extend(outside.map(|benchmark| {
            let Measured { id, version, .. } = &benchmark.measured;
            format!("benchmark {id} v{version} is not in the tree, its results are in no average")
        }));
        Board {
            title: input.title,
            models,
            columns,
            benchmarks,
            accuracies: input.accuracies,
            command: command.filter(|command| !command.is_empty()),
            missing: input.missing,
            policy: input.policy,
            warnings,
        }
    }

    /// Whether any model has BH scores.
    pub fn has_bh(&self) -> bool {
        self.models.iter().any(|model| model.bh.is_some())
    }

    /// Whether any model has results on benchmarks.
    pub fn has_tree(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Papers to cite for all numbers.
    pub fn references(&self) -> Vec<Reference> {
        let all: Vec<Reference> = self.models.iter().flat_map(Model::references).collect();
        bibtex::unique(all.iter().map(|reference| reference.text.as_str()))
    }
}

/// Models of both kinds of results; results are matched to networks by folder, then by name.
fn models(study: Option<Study>, scores: Vec<BenchmarkScore>) -> Vec<Model> {
    let networks = study.map(|study| study.networks).unwrap_or_default();
    let mut models: Vec<Model> = (networks.into_iter())
        .map(|network| Model {
            name: network.name.clone(),
            slug: String::new(),
            rank: None,
            bh: Some(network),
            scores: Vec::new(),
            tree: None,
        })
        .collect();
    for score in scores {
        let net = |model: &Model| model.bh.as_ref().is_some_and(|bh| bh.net == score.model);
        let found = (models.iter().position(net))
            .or_else(|| models.iter().position(|model| model.name == score.model));
        match found {
            Some(index) => models[index].scores.push(score),
            None => models.push(Model {
                name: score.model.clone(),
                slug: String::new(),
                rank: None,
                bh: None,
                scores: vec![score],
                tree: None,
            }),
        }
    }
    models
}

fn place(models: &mut [Model], template: &Node, missing: Missing, policy: Policy) {
    let mut trees: Vec<Scored> = (models.iter())
        .map(|model| evaluate(&fill(template, &model.scores), missing))
        .collect();
    let field = Field::new(&trees);
    for (model, tree) in models.iter_mut().zip(&mut trees) {
        field.place(tree, policy);
        model.tree = Some(tree.clone());
    }
}

/// Best first: by the average BH score, or the half that there is, or the root of the tree; then by the latter, then
/// by name. Sets the ranks.
fn sort(models: &mut [Model]) {
    let root = |model: &Model| model.tree.as_ref()?.score.value();
    let kinds: [fn(&Model) -> Option<f64>; 4] = [
        |model| model.bh.as_ref()?.average(),
        |model| model.bh.as_ref()?.decoding(),
        |model| model.bh.as_ref()?.encoding(),
        root,
    ];
    let known =
        |kind: &&fn(&Model) -> Option<f64>| models.iter().any(|model| kind(model).is_some());
    let kind = kinds.iter().find(known).copied().unwrap_or(root);
    let descending = |a: Option<f64>, b: Option<f64>| {
        let number = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
        number(b).total_cmp(&number(a))
    };
    models.sort_by(|a, b| {
        descending(kind(a), kind(b))
            .then(descending(root(a), root(b)))
            .then(a.name.cmp(&b.name))
    });
    let numbers: Vec<Option<f64>> = models.iter().map(kind).collect();
    for (model, own) in models.iter_mut().zip(&numbers) {
        let better = |own: f64| {
            numbers
                .iter()
                .flatten()
                .filter(|&&other| other > own)
                .count()
        };
        model.rank = own.map(|own| 1 + better(own));
    }
}

fn columns(models: &[Model]) -> Vec<Column> {
    let Some(tree) = models.first().and_then(|model| model.tree.as_ref()) else {
        return Vec::new();
    };
    let mut columns = Vec::new();
    add_columns(tree, ("", 0), &mut columns);
    let nodes: Vec<Vec<&Scored>> = models.iter().map(Model::nodes).collect();
    for (index, column) in columns.iter_mut().enumerate() {
        let values = || nodes.iter().filter_map(|nodes| nodes[index].score.value());
        let (low, high) = (values().reduce(f64::min), values().reduce(f64::max));
        column.range = low.zip(high);
    }
    let others = RESERVED
        .iter()
        .chain(&BH_NAMES)
        .chain(BH.iter().map(|(name, _)| name));
    let mut taken: BTreeSet<String> = others.map(|name| (*name).to_owned()).collect();
    for column in &mut columns {
        let versioned = |name: &str| match column.version {
            Some(version) => format!("{name}_v{version}"),
            None => name.to_owned(),
        };
        let mut key = versioned(&column.id);
        if !taken.insert(key.clone()) {
            key = versioned(&format!("{}.{}", column.parent, column.id));
            let mut number = 2;
            while !taken.insert(key.clone()) {
                key = format!("{}.{}_{number}", column.parent, column.id);
                number += 1;
            }
        }
        column.key = key;
    }
    columns
}

fn add_columns(node: &Scored, (parent, depth): (&str, usize), columns: &mut Vec<Column>) {
    if node.hidden {
        return;
    }
    columns.push(Column {
        id: node.id.clone(),
        version: node.version,
        key: String::new(),
        parent: parent.to_owned(),
        depth,
        leaf: node.is_leaf(),
        slug: None,
        range: None,
    });
    for child in &node.children {
        add_columns(child, (&node.id, depth + 1), columns);
    }
}

/// Benchmarks in the order of their columns, those outside the tree last; their columns get their slugs.
fn benchmarks(
    columns: &mut [Column],
    keys: BTreeMap<Key, Measured>,
    tree: Option<&Node>,
) -> Vec<Benchmark> {
    let leaves: BTreeSet<(&str, Option<u32>)> = tree
        .iter()
        .flat_map(|tree| tree.leaves())
        .map(|leaf| (leaf.id.as_str(), leaf.version))
        .collect();
    let column_of = |measured: &Measured| {
        let is = |column: &Column| {
            column.leaf && column.id == measured.id && column.version == Some(measured.version)
        };
        columns.iter().position(is)
    };
    let mut benchmarks: Vec<Benchmark> = (keys.into_values())
        .map(|measured| Benchmark {
            column: column_of(&measured),
            in_tree: leaves.contains(&(measured.id.as_str(), Some(measured.version))),
            slug: String::new(),
            measured,
        })
        .collect();
    benchmarks.sort_by_key(|benchmark| benchmark.column.unwrap_or(usize::MAX));
    let names: Vec<String> = (benchmarks.iter())
        .map(|b| format!("{}-v{}", b.measured.id, b.measured.version))
        .collect();
    for (benchmark, slug) in benchmarks
        .iter_mut()
        .zip(slugs(names.iter().map(String::as_str)))
    {
        if let Some(column) = benchmark.column {
            columns[column].slug = Some(slug.clone());
        }
        benchmark.slug = slug;
    }
    benchmarks
}
