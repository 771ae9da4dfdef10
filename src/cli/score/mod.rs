//! `score`: how well layers predict recordings, or how alike they are; `commit`: which layers stand for regions.

mod args;
mod benchmark;
pub mod commit;
mod data;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use bhscore::brainscore::benchmark::{OfSites, Regional, Setup, measure};
use bhscore::brainscore::commitment::Commitment;
use bhscore::brainscore::layer::Layer;
use bhscore::brainscore::metric::Metric;
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::recordings::Recordings;
use bhscore::brainscore::result::{Benchmark, BenchmarkScore, Provenance, SCHEMA, State};
use bhscore::brainscore::splitting::{self, Splitting};
use bhscore::brainscore::summary::{best_layer, over_rows};
use bhscore::io::atomic::{self, Batch, Staged};
use bhscore::report::{scores, sites};
use bhscore::{Error, PROGRAM};
use clap::Args;
use serde_json::json;

pub use self::args::MetricArg;
use self::args::{DataArgs, HowArgs, NameArgs};
use self::data::{Data, data, layers_of};
use super::slurm::quote;
use super::{Global, Outcome, progress, speech, stop_flag};

/// Options of `score`.
#[derive(Args)]
#[command(after_help = "\
Results: results/brainscore/<model>/<benchmark>.json, .csv (layers and subjects) and .parquet (sites and splits).
A region's score is that of the layer that `bhscore commit` chose on other data, or of the best one.

Examples:
  bhscore -C study score --net pytorch/alexnet
  bhscore -C study score --net pytorch/alexnet --metric rdm --roi V1,V2
  bhscore score --features IT.npy --ids ids.csv --brain recordings.nc --region IT
  bhscore score --features conv1=a.npy --features fc=b.npy --brain sub-01.h5 --roi V1=ROI_V1 --metric ridgecv
  bhscore score --features X.npy --brain R.npy --metric pls --pls nipals --json
  bhscore score --model models/cornet_s/model.toml --benchmark benchmarks/public.toml

With a model.toml and a benchmark's .toml all is said there: the network is run on the benchmark's images (features go
to a temporary folder, TMPDIR), and the layers of [commit] stand for regions.")]
pub struct ScoreArgs {
    /// Take the best layer, whatever was committed
    #[arg(long)]
    best: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    how: HowArgs,
    #[command(flatten)]
    name: NameArgs,
}

pub fn run(global: &Global, args: &ScoreArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    let (found, folder) = score(global, args, &stop)?;
    speech::print(&match global.json {
        true => json!({ "scores": found }).to_string(),
        false => scores::text(&found),
    })?;
    if !global.quiet && !global.json {
        speech::note(&format!("results: {}", folder.display()));
    }
    let failed = found.iter().any(|score| score.state == State::Failed);
    Ok(if failed {
        Outcome::Failed
    } else {
        Outcome::Complete
    })
}

/// Scores a network on all regions of its study by its best layers, and keeps the results.
pub fn of_network(
    global: &Global,
    net: &str,
    metric: MetricArg,
    stop: &AtomicBool,
) -> Result<Vec<BenchmarkScore>> {
    let args = ScoreArgs {
        data: DataArgs {
            net: Some(net.to_owned()),
            ..DataArgs::default()
        },
        how: HowArgs::from(metric),
        name: NameArgs::default(),
        best: true,
    };
    score(global, &args, stop).map(|(found, _)| found)
}

/// A score for each region, and the folder in which they are kept.
fn score(
    global: &Global,
    args: &ScoreArgs,
    stop: &AtomicBool,
) -> Result<(Vec<BenchmarkScore>, PathBuf)> {
    if let Some(files) = benchmark::files(args)? {
        return benchmark::score(global, args, &files, stop);
    }
    let data = data(global, &args.data, args.how.groups.as_deref())?;
    let setup = setup(global, &args.how)?;
    if let Some(path) = &args.how.save_splits {
        save_splits(path, &data.recordings, &setup)?;
    }
    let regional = with_progress(global, &data.layers, &data.recordings, &setup, stop)?;
    let naming = Naming::new(global, &args.name, &data, &setup)?;
    let commitment = match args.best {
        true => None,
        false => Commitment::read(&naming.folder())?,
    };
    let mut found = Vec::new();
    for of_region in &regional {
        warn(of_region);
        let score = naming.score(of_region, &data.layers, commitment.as_ref());
        naming.write(&score, &of_region.sites)?;
        found.push(score);
    }
    Ok((found, naming.folder()))
}

fn warn(regional: &Regional) {
    for remark in &regional.remarks {
        speech::note(&format!("warning: {remark}"));
    }
}

/// How layers are measured, from the options.
fn setup(global: &Global, how: &HowArgs) -> Result<Setup> {
    if !(how.train_share > 0.0 && how.train_share < 1.0) {
        let problem = format!("{} is no share", how.train_share);
        return Err(Error::data("--train-share", problem, "give one between 0 and 1").into());
    }
    let splitting = if let Some(path) = &how.splits {
        Splitting::Given(splitting::File::read(path)?)
    } else if how.groups.is_some() {
        Splitting::Groups { n_folds: how.folds }
    } else {
        Splitting::Random {
            n_splits: how.n_splits,
            train_share: how.train_share,
            seed: how.seed,
        }
    };
    Ok(Setup {
        metric: how.metric(),
        normalise: how.normalise(),
        splitting,
        memory: global.memory(),
    })
}

fn save_splits(path: &Path, recordings: &[Recordings], setup: &Setup) -> Result<()> {
    let Some(first) = recordings.first() else {
        return Ok(());
    };
    if recordings.iter().any(|one| one.stimuli != first.stimuli) {
        let remedy = "score one subject at a time";
        return Err(Error::data("--save-splits", "subjects saw different stimuli", remedy).into());
    }
    let splits = setup.splitting.of(first, &setup.metric)?;
    let file = splitting::File::new(&first.stimuli, &splits);
    Ok(atomic::write(path, &serde_json::to_vec(&file)?)?)
}

/// Measures with a bar where somebody looks.
fn with_progress(
    global: &Global,
    layers: &[Layer],
    recordings: &[Recordings],
    setup: &Setup,
    stop: &AtomicBool,
) -> Result<Vec<Regional>> {
    let bar = progress::bar(global, "{prefix} [{bar:30}] {pos}/{len}, {eta} left  {msg}");
    bar.set_length((layers.len() * recordings.len()) as u64);
    bar.set_prefix(setup.metric.name());
    let mut n_begun = 0;
    let found = measure(layers, recordings, setup, stop, &mut |layer, one| {
        bar.set_position(n_begun);
        n_begun += 1;
        let subject = one.subject.as_deref().unwrap_or_default();
        bar.set_message(format!("{} {} {subject}", layer.name, one.region));
    });
    bar.finish_and_clear();
    Ok(found?)
}

/// What results are called, and where they go.
struct Naming {
    root: PathBuf,
    model: String,
    source: String,
    version: u32,
    metric: Metric,
    normalise: Normalise,
    seed: u32,
    visual_degrees: Option<f64>,
    bibtex: Option<String>,
}

impl Naming {
    fn new(global: &Global, args: &NameArgs, data: &Data, setup: &Setup) -> Result<Naming> {
        let model = args.model.clone().unwrap_or_else(|| data.model.clone());
        let source = args
            .benchmark
            .clone()
            .unwrap_or_else(|| data.source.clone());
        check_model_name(&model, "--model pytorch/alexnet")?;
        if !is_plain(&source) || source.contains('/') {
            let remedy = "give a name without a slash: --benchmark MajajHong2015";
            return Err(Error::data(
                format!("benchmark `{source}`"),
                "is no name of a file",
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
            metric: setup.metric.clone(),
            normalise: setup.normalise,
            seed: setup.splitting.seed(),
            visual_degrees: args.visual_degrees,
            bibtex: bibtex.transpose()?,
        })
    }

    /// The model's folder.
    fn folder(&self) -> PathBuf {
        self.root.join(&self.model)
    }

    fn score(
        &self,
        regional: &Regional,
        layers: &[Layer],
        commitment: Option<&Commitment>,
    ) -> BenchmarkScore {
        let region = &regional.region;
        let rows = &regional.rows;
        let wanted = commitment.and_then(|commitment| commitment.layers.get(region));
        let is_there = |layer: &&String| layers.iter().any(|known| known.name == **layer);
        let committed = wanted.filter(is_there);
        if let (Some(layer), None) = (wanted, committed) {
            let text = "is not among the layers; the best of them stands for it";
            speech::note(&format!(
                "warning: layer `{layer}`, committed to for {region}, {text}"
            ));
        }
        let layer = committed
            .map(String::as_str)
            .or_else(|| best_layer(rows, layers.iter().map(|layer| layer.name.as_str())));
        let score = layer.and_then(|layer| over_rows(rows, layer));
        BenchmarkScore {
            schema: SCHEMA,
            model: self.model.clone(),
            benchmark: Benchmark {
                id: format!("{}.{region}-{}", self.source, self.metric.name()),
                version: self.version,
                region: region.clone(),
                metric: self.metric.name(),
                normalise: self.normalise.key().to_owned(),
                visual_degrees: self.visual_degrees,
                bibtex: self.bibtex.clone(),
            },
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
            site_scores: self.site_scores(&regional.sites, layer),
            provenance: Provenance {
                program: PROGRAM.to_owned(),
                command: command(),
                seed: self.seed,
                manifest_sha256: None,
            },
        }
    }

    /// Ceiled scores of the sites of a layer: mean r over splits, divided by the site's ceiling.
    fn site_scores(&self, sites: &[OfSites], layer: Option<&str>) -> Vec<Option<f64>> {
        let of_layer = sites
            .iter()
            .filter(|part| Some(part.layer.as_str()) == layer);
        of_layer
            .filter(|part| !part.ceilings.is_empty())
            .flat_map(|part| {
                let columns = part.table.columns().into_iter().zip(&part.ceilings);
                columns.map(|(r, &ceiling)| {
                    let value = self.normalise.apply(r.mean()?, 0.0, ceiling).value;
                    value.is_finite().then_some(value)
                })
            })
            .collect()
    }

    fn write(&self, score: &BenchmarkScore, of_sites: &[OfSites]) -> Result<()> {
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

/// Refuses a model's name that is no path below the results.
///
/// - `example`: of the option that names it.
pub fn check_model_name(model: &str, example: &str) -> Result<()> {
    if model.split('/').all(is_plain) {
        return Ok(());
    }
    let remedy = format!("give a name, or two with a slash between them: {example}");
    Err(Error::data(format!("model `{model}`"), "is no name of a file", remedy).into())
}

/// Whether a text can be the name of a file.
fn is_plain(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0'])
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
