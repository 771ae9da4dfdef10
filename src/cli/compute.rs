//! `compute`: decoding and encoding accuracies → BH scores, tables, figures and the results page.

use std::ffi::OsStr;

use anyhow::Result;
use bhscore::bh::{
    self, Correction, DecodingAccuracies, EncodingAccuracies, EncodingOptions, EncodingSampling,
    LayerSampling, Pool, Rules, ScoreOptions, accuracies,
};
use bhscore::io::atomic::{self, Batch, Staged};
use bhscore::io::record;
use bhscore::report::figure::Half;
use bhscore::report::parquet::UnitWriter;
use bhscore::report::results::{self, Scored};
use bhscore::report::voxels::VoxelWriter;
use bhscore::report::{NetworkScores, summary, table};
use bhscore::settings::{Network, Settings};
use bhscore::study::Context;
use bhscore::work::Stage;
use bhscore::work::sources::Sources;
use clap::Args;
use serde_json::{Value, json};

use super::outdated::Outdated;
use super::{Global, Outcome, outdated, speech, stages};

/// Most subsets of layers that are drawn.
const MOST_DRAWS: usize = 1_000_000;

/// Options of `compute`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore -C study compute
  bhscore -C study compute --net caffe/AlexNet --json
  bhscore -C study compute --layer-sampling random:100 --seed 0
  bhscore -C study compute --voxels all --enc-layer-sampling exact
  bhscore -C study compute --select fdr")]
pub struct ComputeArgs {
    /// Only this network: its folder <framework>/<network>, or its name in settings.json (repeatable)
    /// [default: all]
    #[arg(long = "net", visible_alias = "dnn", value_name = "NET")]
    nets: Vec<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
}

/// How layers are drawn.
#[derive(Args)]
pub struct SamplingArgs {
    /// Say how sure the scores are: intervals, nulls, p (resamples follow from --seed)
    #[arg(long)]
    sure: bool,
    /// Layers in each subset: exact (mean over all subsets), random:K (K draws), all (no subsets)
    #[arg(long, default_value = "exact", value_name = "HOW")]
    layer_sampling: String,
    /// Seed of `random:K`
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u32,
    /// Voxels per subject and ROI in the encoding score: all, or N drawn as in the original
    /// [default: score.voxel_limit of the settings, 1000]
    #[arg(long, value_name = "all|N")]
    voxels: Option<String>,
    /// Layers that compete in the encoding score: all, or exact (mean over all subsets)
    #[arg(long, default_value = "all", value_name = "HOW")]
    enc_layer_sampling: String,
    /// Correction of the textbook rule for the choice of the best: p (none), bonferroni (p times the ROIs that
    /// a unit was decoded from, or layers that a voxel was predicted from), fdr (that, by Benjamini and
    /// Hochberg over all items). The published rule is the original's and has none
    #[arg(long, default_value = "p", value_name = "HOW", value_parser = Correction::NAMES, hide_possible_values = true)]
    select: String,
}

impl Default for SamplingArgs {
    fn default() -> SamplingArgs {
        SamplingArgs {
            sure: false,
            layer_sampling: "exact".to_owned(),
            seed: 0,
            voxels: None,
            enc_layer_sampling: "all".to_owned(),
            select: "p".to_owned(),
        }
    }
}

impl SamplingArgs {
    fn name(&self) -> &str {
        &self.layer_sampling
    }

    /// The correction; clap has checked its name.
    pub fn correction(&self) -> Correction {
        Correction::named(&self.select).unwrap_or_default()
    }

    /// Voxels per subject and ROI; `None` for all.
    fn voxel_limit(&self, settings: &Settings) -> Result<Option<usize>> {
        match self.voxels.as_deref() {
            None => Ok(Some(settings.score.voxel_limit)),
            Some("all") => Ok(None),
            Some(number) => match number.parse() {
                Ok(limit) if limit > 0 => Ok(Some(limit)),
                _ => Err(bhscore::Error::data(
                    format!("number of voxels `{number}`"),
                    "is not a positive number",
                    "give one (the original takes 1000), or `all`",
                )
                .into()),
            },
        }
    }

    fn encoding(&self, settings: &Settings) -> Result<EncodingOptions> {
        let sampling = match self.enc_layer_sampling.as_str() {
            "all" => EncodingSampling::All,
            "exact" => EncodingSampling::Exact,
            other => {
                return Err(bhscore::Error::data(
                    format!("layer sampling of encoding `{other}`"),
                    "is not known",
                    "choose `all` (as the original) or `exact`",
                )
                .into());
            }
        };
        Ok(EncodingOptions {
            p_value: settings.score.p_value,
            n_layers: settings.score.n_layers,
            sampling,
            voxel_limit: self.voxel_limit(settings)?,
            correction: self.correction(),
        })
    }

    fn decoding(&self, settings: &Settings) -> Result<ScoreOptions> {
        Ok(ScoreOptions {
            p_value: settings.score.p_value,
            n_layers: settings.score.n_layers,
            sampling: self.parse()?,
            correction: self.correction(),
        })
    }

    fn parse(&self) -> Result<LayerSampling> {
        match self.layer_sampling.as_str() {
            "exact" => Ok(LayerSampling::Exact),
            "all" => Ok(LayerSampling::All),
            other => other
                .strip_prefix("random:")
                .and_then(|draws| draws.parse().ok())
                .filter(|draws| *draws <= MOST_DRAWS)
                .map(|draws| LayerSampling::Random {
                    draws,
                    seed: self.seed,
                })
                .ok_or_else(|| {
                    bhscore::Error::data(
                        format!("layer sampling `{other}`"),
                        "is not known",
                        "choose `exact`, `random:K` (such as `random:100`, at most a million) or `all`",
                    )
                    .into()
                }),
        }
    }
}

pub fn run(global: &Global, args: &ComputeArgs) -> Result<Outcome> {
    let settings = global.read_settings()?;
    let networks: Vec<&Network> = if args.nets.is_empty() {
        with_accuracies(global, &settings)?
    } else {
        args.nets
            .iter()
            .map(|net| settings.network(net))
            .collect::<Result<_, _>>()?
    };
    let outcome = score(global, &settings, &networks, &args.sampling)?;
    let is_all = !args.nets.is_empty() || networks.len() == settings.networks.len();
    Ok(match is_all {
        true => outcome,
        false => outcome.max(Outcome::WorkRemains),
    })
}

/// Networks of the settings that have accuracies; all if none has, of which the error tells what is missing.
fn with_accuracies<'a>(global: &Global, settings: &'a Settings) -> Result<Vec<&'a Network>> {
    let layout = global.layout();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for network in &settings.networks {
        match accuracies::has_any(&layout, settings, network)? {
            true => with.push(network),
            false => without.push(network),
        }
    }
    if with.is_empty() {
        return Ok(without);
    }
    if !without.is_empty() && !global.quiet {
        let names: Vec<&str> = without.iter().map(|network| &network.dir[..]).collect();
        speech::note(&format!(
            "{} networks of the settings have no accuracies and are left out: {}",
            names.len(),
            names.join(", ")
        ));
    }
    Ok(with)
}

/// Scores networks, writes `results/` and prints the table.
pub fn score(
    global: &Global,
    settings: &Settings,
    networks: &[&Network],
    sampling: &SamplingArgs,
) -> Result<Outcome> {
    let options = Options {
        decoding: sampling.decoding(settings)?,
        encoding: sampling.encoding(settings)?,
    };
    let folder = global.layout().results();
    let mut units = Staged::create(folder.join(results::UNITS))?;
    let mut voxels = Staged::create(folder.join(results::VOXELS))?;
    let (scored, outcome) = {
        let mut tables = Tables {
            units: UnitWriter::new(
                &mut units,
                folder.join(results::UNITS),
                &roi_names(settings),
            )?,
            voxels: VoxelWriter::new(&mut voxels, folder.join(results::VOXELS))?,
        };
        let found = score_networks(global, settings, networks, &options, &mut tables)?;
        tables.units.finish()?;
        tables.voxels.finish()?;
        found
    };
    let resolved = json!({
        "resolved": serde_json::to_value(settings)?,
        "layer_sampling": sampling.name(),
        "seed": sampling.seed,
        "enc_layer_sampling": sampling.enc_layer_sampling,
        "voxel_limit": options.encoding.voxel_limit,
        "select": sampling.select,
    });
    let mut scored = scored;
    if sampling.sure {
        let measure = super::sure::Measure {
            global,
            settings,
            decoding: &options.decoding,
            encoding: &options.encoding,
            seed: sampling.seed,
        };
        measure.add_to(networks, &mut scored)?;
    }
    let ceilings =
        (sampling.sure).then(|| super::ceilings::measure(global, settings, sampling.seed));
    let title = format!("BH scores of {}", study_name(global));
    let (files, value) = results::files(&title, &scored, ceilings.as_ref(), resolved, provenance());
    let mut batch = Batch::new();
    batch.add_staged(units);
    batch.add_staged(voxels);
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
        speech::print(&bhscore::report::sure::text(&scores))?;
        if let Some(ceilings) = &ceilings {
            speech::print(&bhscore::report::ceilings::text(ceilings))?;
        }
    }
    if !global.quiet {
        let mut others = settings.networks.iter().filter(|one| {
            let is_here = networks.iter().any(|network| network.dir == one.dir);
            !is_here
                && matches!(
                    accuracies::has_any(&global.layout(), settings, one),
                    Ok(true)
                )
        });
        if others.next().is_some() {
            speech::note(
                "results are of the networks that were named only; `bhscore compute` scores all",
            );
        }
        speech::note(&format!("report: {}", folder.join(results::PAGE).display()));
    }
    Ok(outcome)
}

/// How both halves are taken.
struct Options {
    decoding: ScoreOptions,
    encoding: EncodingOptions,
}

/// Tables of items, written while networks are scored.
struct Tables<'a> {
    units: UnitWriter<&'a mut Staged>,
    voxels: VoxelWriter<&'a mut Staged>,
}

fn roi_names(settings: &Settings) -> Vec<String> {
    settings.rois.iter().map(|roi| roi.name.clone()).collect()
}

/// Scores of all networks; their units and voxels go to `tables`.
fn score_networks(
    global: &Global,
    settings: &Settings,
    networks: &[&Network],
    options: &Options,
    tables: &mut Tables<'_>,
) -> Result<(Vec<Scored>, Outcome)> {
    let (mut scored, mut outcome) = (Vec::new(), Outcome::Complete);
    let context = stages::corrected(global, settings);
    let mut sources = outdated::sources(&context, global.quiet);
    for network in networks {
        match Halves::read(global, settings, network) {
            Ok(halves) => {
                let mut network_scored = halves.score(network, options, tables)?;
                let scores = &mut network_scored.scores;
                let is_outdated = add_remarks(&context, &mut sources, network, scores);
                if is_outdated {
                    outcome = outcome.max(Outcome::WorkRemains);
                }
                scored.push(network_scored);
            }
            // One network that is not there does not keep the others from being scored.
            Err(error) if networks.len() > 1 => {
                speech::note(&format!("compute {}: failed: {error}", network.dir));
                outcome = Outcome::Failed;
                scored.push(unscored(network));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((scored, outcome))
}

/// Adds what a reader should know of the accuracies behind scores; whether some may be of another day.
fn add_remarks(
    context: &Context,
    sources: &mut Sources,
    network: &Network,
    scores: &mut NetworkScores,
) -> bool {
    let decoding = scores.decoding.as_mut().map(|half| &mut half.warnings);
    let encoding = scores.encoding.as_mut().map(|half| &mut half.warnings);
    let halves = [
        (Stage::DecodePredict, decoding),
        (Stage::EncodePredict, encoding),
    ];
    let mut is_outdated = false;
    for (predict, warnings) in halves {
        let Some(warnings) = warnings else { continue };
        match Outdated::find(context, network, predict, sources) {
            Ok(found) => {
                warnings.extend(found.remarks());
                is_outdated |= found.is_any();
            }
            // The score does not need the records.
            Err(error) => {
                warnings.push(format!(
                    "it is not known whether the score is of the present settings and files: {error}"
                ));
                is_outdated = true;
            }
        }
        match accuracies::remark(&context.layout, &context.settings, network, predict) {
            Ok(images) => warnings.extend(images),
            Err(error) => warnings.push(error.to_string()),
        }
    }
    is_outdated
}

fn unscored(network: &Network) -> Scored {
    Scored {
        scores: NetworkScores {
            name: network.name.clone(),
            net: network.dir.clone(),
            decoding: None,
            encoding: None,
            sure: None,
        },
        accuracy: Vec::new(),
        summary: Vec::new(),
    }
}

/// Accuracies of one network; at least one half is there.
struct Halves {
    decoding: Option<DecodingAccuracies>,
    encoding: Option<EncodingAccuracies>,
}

impl Halves {
    fn read(global: &Global, settings: &Settings, network: &Network) -> bhscore::Result<Halves> {
        let layout = global.layout();
        let encoding = accuracies::read_encoding(&layout, settings, network)?;
        // Without either half, the error says what is missing of decoding.
        let wanted = encoding.is_none() || accuracies::has_decoding(&layout, settings, network)?;
        let decoding = match wanted {
            true => Some(accuracies::read_decoding(&layout, settings, network)?),
            false => None,
        };
        Ok(Halves { decoding, encoding })
    }

    fn score(
        &self,
        network: &Network,
        options: &Options,
        tables: &mut Tables<'_>,
    ) -> Result<Scored> {
        let mut scored = unscored(network);
        if let Some(input) = &self.decoding {
            scored.scores.decoding = Some(bh::decoding_score(input, &options.decoding)?);
            scored.accuracy.push((
                Half::Decoding,
                results::accuracy_spread(&input.values, input.rois.len()),
            ));
            let pool = Pool::decoding(input)?;
            let rules = Rules::new(options.decoding.p_value, input.n_test);
            scored.summary.extend(summary::decoding(input, &rules));
            let rules = rules.corrected(options.decoding.correction, &pool);
            for layer in 0..network.layers.len() {
                tables
                    .units
                    .write_layer(&network.name, &pool, layer, &rules)?;
            }
        }
        if let Some(input) = &self.encoding {
            scored.scores.encoding = Some(bh::encoding_score(input, &options.encoding)?);
            scored.accuracy.push((
                Half::Encoding,
                results::accuracy_spread(&input.values, input.rois.len()),
            ));
            let limited = input.limited(options.encoding.voxel_limit)?;
            let pool = Pool::encoding(&limited)?;
            let rules = Rules::new(options.encoding.p_value, input.n_test);
            scored.summary.extend(summary::encoding(input, &rules));
            let rules = rules.corrected(options.encoding.correction, &pool);
            tables.voxels.write(&network.name, &pool, &rules)?;
        }
        Ok(scored)
    }
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
