//! `compute`: decoding accuracies → BH scores, tables, figures and the results page.

use std::path::Path;

use anyhow::Result;
use bhscore::bh::{self, LayerSampling, Pool, Rules, ScoreOptions};
use bhscore::io::atomic::{Batch, Staged};
use bhscore::report::figure::{self, RankedNetwork};
use bhscore::report::page::{Figure, Page, ScoreRow};
use bhscore::report::parquet::UnitWriter;
use bhscore::report::{NetworkScores, csv, json, page, table};
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
#[derive(Args, Default)]
pub struct SamplingArgs {
    /// Layers in each subset: exact (mean over all subsets), random:K (K draws), all (no subsets)
    #[arg(long, default_value = "exact", value_name = "HOW")]
    layer_sampling: String,
    /// Seed of `random:K`
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u32,
}

impl SamplingArgs {
    fn parse(&self) -> Result<LayerSampling> {
        match self.layer_sampling.as_str() {
            // Empty where a command has no such option.
            "exact" | "" => Ok(LayerSampling::Exact),
            "all" => Ok(LayerSampling::All),
            other => other
                .strip_prefix("random:")
                .and_then(|draws| draws.parse().ok())
                .map(|draws| LayerSampling::Random { draws, seed: self.seed })
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
        args.nets.iter().map(|net| settings.network(net)).collect::<Result<_, _>>()?
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
    let scored = Scored::new(global, settings, networks, sampling)?;
    scored.write(&global.layout().results())?;
    if global.json {
        speech::print(&scored.value.to_string())?;
    } else {
        speech::print(&table::text(&scored.scores))?;
    }
    if !global.quiet {
        let report = global.layout().results().join(REPORT);
        speech::note(&format!("report: {}", report.display()));
    }
    Ok(if scored.failed { Outcome::Failed } else { Outcome::Complete })
}

const REPORT: &str = "report.html";

/// Scores and everything that goes into `results/`.
struct Scored {
    scores: Vec<NetworkScores>,
    files: Vec<(String, Vec<u8>)>,
    units: Option<Staged>,
    value: Value,
    failed: bool,
}

impl Scored {
    fn new(
        global: &Global,
        settings: &Settings,
        networks: &[&Network],
        sampling: &SamplingArgs,
    ) -> Result<Scored> {
        let layout = global.layout();
        let options = ScoreOptions {
            p_value: settings.score.p_value,
            n_layers: settings.score.n_layers,
            sampling: sampling.parse()?,
        };
        let mut staged = Staged::create(layout.results().join("units.parquet"))?;
        let rois: Vec<String> = settings.rois.iter().map(|roi| roi.name.clone()).collect();
        let mut units = UnitWriter::new(&mut staged, "results/units.parquet", &rois)?;
        let (mut scores, mut failed, mut maps) = (Vec::new(), false, Vec::new());
        for network in networks {
            let read = bh::accuracies::read_decoding(&layout, settings, network);
            let accuracies = match read {
                Ok(accuracies) => accuracies,
                // One network that is not there does not keep the others from being scored.
                Err(error) if networks.len() > 1 => {
                    speech::note(&format!("{}: {error}", network.name));
                    failed = true;
                    scores.push(unscored(network));
                    maps.push(None);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let decoding = bh::decoding_score(&accuracies, &options)?;
            let pool = Pool::decoding(&accuracies)?;
            let rules = Rules::new(options.p_value, accuracies.n_test);
            for layer in 0..network.layers.len() {
                units.write_layer(&network.name, &pool, layer, &rules)?;
            }
            maps.push(Some(mean_accuracy(&accuracies)));
            scores.push(NetworkScores { decoding: Some(decoding), ..unscored(network) });
        }
        units.finish()?;
        let settings_value = json!({
            "settings": serde_json::to_value(settings)?,
            "layer_sampling": sampling.layer_sampling,
            "seed": sampling.seed,
        });
        let provenance = provenance();
        let value = json::value(&scores, settings_value.clone(), provenance.clone());
        let figures = figures(&scores, &maps);
        let page = results_page(&layout.root().display().to_string(), &scores, &figures, &settings_value);
        let mut files = vec![
            ("bhscore.csv".to_owned(), csv::bytes(&scores)),
            ("bhscore.json".to_owned(), format!("{value:#}\n").into_bytes()),
            (REPORT.to_owned(), page::render(&page).into_bytes()),
        ];
        for (name, figure) in figures {
            files.push((format!("{name}.svg"), figure.svg.into_bytes()));
        }
        Ok(Scored { scores, files, units: Some(staged), value, failed })
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let mut batch = Batch::new();
        for (name, bytes) in &self.files {
            batch.add(folder.join(name), bytes)?;
        }
        Ok(batch.commit()?)
    }
}
