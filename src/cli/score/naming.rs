//! What results are called, and where they go.

use std::path::PathBuf;

use anyhow::Result;
use bhscore::brainscore::benchmark::{OfSites, Regional};
use bhscore::brainscore::commitment::Commitment;
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::result::{
    Benchmark, BenchmarkScore, Provenance, SCHEMA, State, is_file_name,
};
use bhscore::brainscore::summary::{best_layer, over_rows};
use bhscore::io::atomic::{Batch, Staged};
use bhscore::report::{scores, sites};
use bhscore::{Error, PROGRAM};

use super::args::NameArgs;
use crate::cli::slurm::quote;
use crate::cli::{Global, speech};

/// What results are called, and where they go.
pub struct Naming {
    root: PathBuf,
    model: String,
    source: String,
    version: u32,
    visual_degrees: Option<f64>,
    pub bibtex: Option<String>,
}

/// How scores were made.
pub struct Measure {
    /// Whether there is a benchmark for each region.
    pub by_region: bool,
    /// Whether a score that cannot be normalised is none.
    pub needs_ceiling: bool,
    /// Name of the metric.
    pub metric: String,
    pub normalise: Normalise,
    pub seed: u32,
}

impl Naming {
    /// - `model`, `source`: names of model and data where no other are given.
    pub fn new(global: &Global, args: &NameArgs, model: &str, source: &str) -> Result<Naming> {
        let model = args.model.clone().unwrap_or_else(|| model.to_owned());
        let source = args.benchmark.clone().unwrap_or_else(|| source.to_owned());
        check_model_name(&model, "`--model pytorch/alexnet`")?;
        if !is_file_name(&source) {
            let remedy = "give a name without a slash: `--benchmark MajajHong2015`";
            return Err(Error::data(
                format!("benchmark `{source}`"),
                "cannot be the name of a file",
                remedy,
            )
            .into());
        }
        let bibtex = args
            .bibtex
            .as_ref()
            .map(|path| std::fs::read_to_string(path).map_err(Error::io("read", path)));
        Ok(Naming {
            root: args
                .out
                .clone()
                .unwrap_or_else(|| global.layout().results().join("brainscore")),
            model,
            source,
            version: args.benchmark_version,
            visual_degrees: args.visual_degrees,
            bibtex: bibtex.transpose()?,
        })
    }

    /// The model's folder.
    pub fn folder(&self) -> PathBuf {
        self.root.join(&self.model)
    }

    /// The score of a region: of the committed layer, or the best one.
    pub fn score(
        &self,
        regional: &Regional,
        measure: &Measure,
        commitment: Option<&Commitment>,
    ) -> BenchmarkScore {
        let rows = &regional.rows;
        let mut layers: Vec<&str> = rows.iter().map(|row| row.layer.as_str()).collect();
        layers.dedup();
        let committed = commitment.and_then(|commitment| committed(regional, commitment));
        let layer = committed.or_else(|| best_layer(rows, layers));
        let score = layer.and_then(|layer| over_rows(rows, layer));
        let score = score.filter(|score| !measure.needs_ceiling || score.ceiled.is_some());
        BenchmarkScore {
            schema: SCHEMA,
            model: self.model.clone(),
            benchmark: self.benchmark(&regional.region, measure),
            layer: layer.map(str::to_owned),
            committed: committed.is_some(),
            state: match score {
                Some(_) => State::Ok,
                None => State::Failed,
            },
            reason: match score {
                Some(_) => None,
                None => Some(regional.remarks.first().cloned().unwrap_or_else(|| {
                    "nothing is defined: responses or units are constant or missing, or a split tests one stimulus"
                        .to_owned()
                })),
            },
            score,
            rows: rows.clone(),
            site_scores: site_scores(&regional.sites, layer, measure.normalise),
            provenance: Provenance {
                program: PROGRAM.to_owned(),
                command: command(),
                seed: measure.seed,
                manifest_sha256: None,
            },
        }
    }

    /// What was measured of a region.
    fn benchmark(&self, region: &str, measure: &Measure) -> Benchmark {
        let metric = &measure.metric;
        Benchmark {
            id: match measure.by_region {
                true => format!("{}.{region}-{metric}", self.source),
                false => format!("{}-{metric}", self.source),
            },
            version: self.version,
            region: region.to_owned(),
            metric: metric.clone(),
            normalise: measure.normalise.key().to_owned(),
            visual_degrees: self.visual_degrees,
            bibtex: self.bibtex.clone(),
        }
    }

    /// Keeps a score.
    pub fn write(&self, score: &BenchmarkScore, of_sites: &[OfSites]) -> Result<()> {
        let path = |extension: &str| {
            // Regions are names of a table; `%` so that no two of them meet.
            let id = score.benchmark.id.replace('%', "%25").replace('/', "%2F");
            self.folder().join(format!("{id}.{extension}"))
        };
        let mut files = Batch::new();
        let mut text = serde_json::to_vec_pretty(score)?;
        text.push(b'\n');
        files.add(path("csv"), &scores::csv(score))?;
        if !of_sites.is_empty() {
            let mut table = Staged::create(path("parquet"))?;
            sites::write(&mut table, &path("parquet"), of_sites)?;
            files.add_staged(table);
        }
        files.add(path("json"), &text)?;
        files.commit()?;
        if of_sites.is_empty() {
            // Of an earlier run, whose scores these are no more.
            match std::fs::remove_file(path("parquet")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", path("parquet"))(error).into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The layer that was committed to for a region, if it is there.
fn committed<'a>(regional: &Regional, commitment: &'a Commitment) -> Option<&'a str> {
    let region = &regional.region;
    let layer = commitment.layers.get(region)?;
    if regional.rows.iter().any(|row| row.layer == *layer) {
        return Some(layer);
    }
    let text = "is not among the layers; the best of them stands for it";
    speech::warning(&format!(
        "layer `{layer}`, committed to for {region}, {text}"
    ));
    None
}

/// Ceiled scores of the sites of a layer: mean r over splits, divided by the site's ceiling.
fn site_scores(sites: &[OfSites], layer: Option<&str>, normalise: Normalise) -> Vec<Option<f64>> {
    let of_layer = sites
        .iter()
        .filter(|part| Some(part.layer.as_str()) == layer);
    of_layer
        .filter(|part| !part.ceilings.is_empty())
        .flat_map(|part| {
            let columns = part.table.columns().into_iter().zip(&part.ceilings);
            columns.map(|(r, &ceiling)| {
                let value = normalise.apply(r.mean()?, 0.0, ceiling).value;
                value.is_finite().then_some(value)
            })
        })
        .collect()
}

/// Refuses a model's name that is no path below the results.
///
/// - `example`: of the option that names it.
pub fn check_model_name(model: &str, example: &str) -> Result<()> {
    if model.split('/').all(is_file_name) {
        return Ok(());
    }
    let remedy = format!("give a name, or two with a slash between them: {example}");
    Err(Error::data(
        format!("model `{model}`"),
        "cannot be the name of a file",
        remedy,
    )
    .into())
}

/// The command that was typed, as words of a shell.
pub fn command() -> String {
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| quote::shell(&word.to_string_lossy()));
    std::iter::once("bhscore".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
