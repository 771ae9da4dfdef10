//! `compute`: decoding accuracies → BH scores, tables, figures and the results page.

use std::ffi::OsStr;

use anyhow::Result;
use bhscore::bh::{self, LayerSampling, Pool, Rules, ScoreOptions};
use bhscore::io::atomic::{self, Batch, Staged};
use bhscore::io::record;
use bhscore::report::parquet::UnitWriter;
use bhscore::report::results::{self, Scored};
use bhscore::report::{NetworkScores, table};
use bhscore::settings::{Network, Settings};
use clap::Args;
use serde_json::{Value, json};

use super::{Global, Outcome, speech};

/// Options of `compute`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore -C study compute
  bhscore -C study compute --net caffe/AlexNet --json
  bhscore -C study compute --layer-sampling random:100 --seed 0")]
pub struct ComputeArgs {
    /// Only this network, by folder <framework>/<network> (repeatable) [default: all in settings.json]
    #[arg(long = "net", visible_alias = "dnn", value_name = "NET")]
    nets: Vec<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
}

/// How layers are drawn.
#[derive(Args)]
pub struct SamplingArgs {
    /// Layers in each subset: exact (mean over all subsets), random:K (K draws), all (no subsets)
    #[arg(long, default_value = "exact", value_name = "HOW")]
    layer_sampling: String,
    /// Seed of `random:K`
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u32,
}

impl Default for SamplingArgs {
    fn default() -> SamplingArgs {
        SamplingArgs {
            layer_sampling: "exact".to_owned(),
            seed: 0,
        }
    }
}

impl SamplingArgs {
    fn name(&self) -> &str {
        &self.layer_sampling
    }

    fn parse(&self) -> Result<LayerSampling> {
        match self.layer_sampling.as_str() {
            "exact" => Ok(LayerSampling::Exact),
            "all" => Ok(LayerSampling::All),
            other => other
                .strip_prefix("random:")
                .and_then(|draws| draws.parse().ok())
                .map(|draws| LayerSampling::Random {
                    draws,
                    seed: self.seed,
                })
                .ok_or_else(|| {
                    bhscore::Error::data(
                        format!("layer sampling `{other}`"),
                        "is not known",
                        "choose `exact`, `random:K` (such as `random:100`) or `all`",
                    )
                    .into()
                }),
        }
    }
}

pub fn run(global: &Global, args: &ComputeArgs) -> Result<Outcome> {
    let settings = global.read_settings()?;
    let networks: Vec<&Network> = if args.nets.is_empty() {
        settings.networks.iter().collect()
    } else {
        args.nets
            .iter()
            .map(|net| settings.network(net))
            .collect::<Result<_, _>>()?
    };
    score(global, &settings, &networks, &args.sampling)
}

/// Scores networks, writes `results/` and prints the table.
pub fn score(
    global: &Global,
    settings: &Settings,
    networks: &[&Network],
    sampling: &SamplingArgs,
) -> Result<Outcome> {
    let folder = global.layout().results();
    let mut staged = Staged::create(folder.join(results::UNITS))?;
    let (scored, outcome) = score_networks(global, settings, networks, sampling, &mut staged)?;
    let resolved = json!({
        "resolved": serde_json::to_value(settings)?,
        "layer_sampling": sampling.name(),
        "seed": sampling.seed,
    });
    let title = format!("BH scores of {}", study_name(global));
    let (files, value) = results::files(&title, &scored, resolved, provenance());
    let mut batch = Batch::new();
    batch.add_staged(staged);
    for (name, bytes) in &files {
        batch.add(folder.join(name), bytes)?;
    }
    batch.commit()?;
    atomic::remove_stale(&folder)?;
    if global.json {
        speech::print(&value.to_string())?;
    } else {
        let scores: Vec<NetworkScores> = scored.into_iter().map(|network| network.scores).collect();
        speech::print(&table::text(&scores))?;
    }
    if !global.quiet {
        speech::note(&format!("report: {}", folder.join(results::PAGE).display()));
    }
    Ok(outcome)
}

/// Scores of all networks; their units go to `units`.
fn score_networks(
    global: &Global,
    settings: &Settings,
    networks: &[&Network],
    sampling: &SamplingArgs,
    units: &mut Staged,
) -> Result<(Vec<Scored>, Outcome)> {
    let layout = global.layout();
    let options = ScoreOptions {
        p_value: settings.score.p_value,
        n_layers: settings.score.n_layers,
        sampling: sampling.parse()?,
    };
    let rois: Vec<String> = settings.rois.iter().map(|roi| roi.name.clone()).collect();
    let path = units.path().to_owned();
    let mut table = UnitWriter::new(units, &path, &rois)?;
    let (mut scored, mut outcome) = (Vec::new(), Outcome::Complete);
    for network in networks {
        let mut scores = NetworkScores {
            name: network.name.clone(),
            net: network.dir.clone(),
            decoding: None,
        };
        let accuracies = match bh::accuracies::read_decoding(&layout, settings, network) {
            Ok(accuracies) => accuracies,
            // One network that is not there does not keep the others from being scored.
            Err(error) if networks.len() > 1 => {
                speech::note(&error.to_string());
                outcome = Outcome::Failed;
                scored.push(Scored {
                    scores,
                    accuracy: None,
                });
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        scores.decoding = Some(bh::decoding_score(&accuracies, &options)?);
        let pool = Pool::decoding(&accuracies)?;
        let rules = Rules::new(options.p_value, accuracies.n_test);
        for layer in 0..network.layers.len() {
            table.write_layer(&network.name, &pool, layer, &rules)?;
        }
        scored.push(Scored {
            scores,
            accuracy: Some(results::accuracy_spread(&accuracies)),
        });
    }
    table.finish()?;
    Ok((scored, outcome))
}

/// How the results were made.
fn provenance() -> Value {
    let words: Vec<_> = std::env::args_os().collect();
    let command = words.join(OsStr::new(" ")).to_string_lossy().into_owned();
    json!({
        "program": format!("bhscore {}", super::VERSION),
        "command": command,
        "host": record::host(),
        "unix_time": record::now(),
    })
}

fn study_name(global: &Global) -> String {
    let folder = global
        .study
        .canonicalize()
        .unwrap_or_else(|_| global.study.clone());
    folder.file_name().map_or_else(
        || folder.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
