//! `score`: how well layers predict recordings or do as people do, or how alike they are; `commit`: which layers stand for
//! regions.

mod args;
mod behaviour;
mod benchmark;
pub mod commit;
mod data;
mod naming;
mod object_time;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::behaviour::people::NO_TIME;
use bhscore::brainscore::benchmark::{Regional, Setup, measure};
use bhscore::brainscore::commitment::Commitment;
use bhscore::brainscore::layer::Layer;
use bhscore::brainscore::metric::Metric;
use bhscore::brainscore::predictivity::{N_FOLDS, N_SPLITS, SEED, TRAIN_SHARE};
use bhscore::brainscore::recordings::Recordings;
use bhscore::brainscore::result::{BenchmarkScore, State};
use bhscore::brainscore::splitting::{self, Splitting};
use bhscore::brainscore::summary::without_number;
use bhscore::io::atomic;
use bhscore::report::scores;
use clap::Args;
use serde_json::json;

use self::args::{BehaviourArgs, HowArgs, Kind, MeasureArgs};
pub use self::args::{MetricArg, ModelArgs};
use self::data::{Data, data};
pub use self::data::{Model, model};
use self::naming::{Measure, Naming};
pub use self::naming::{check_model_name, command};
use super::{Global, Outcome, progress, speech, stop_flag};

/// Options of `score`.
#[derive(Args)]
#[command(after_help = "\
Results: results/brainscore/<model>/<benchmark>.json, .csv (layers and subjects) and .parquet (sites
and splits). A region's score is that of the layer that `bhscore commit` chose on other data, or of
the best one. Behaviour (i1 to o2, error_consistency) is that of the layer that layers.json names
for `behaviour`, else of the last layer, or of the best of those that --layer names. Object-solution
times (ost) take a layer in time: --features 70-80=PATH for each bin in ms, or --layer 70-80=LAYER
of a study; a model without time gets an X, which is no failure.

Examples:
  bhscore -C study score --net pytorch/alexnet
  bhscore -C study score --net pytorch/alexnet --metric rdm --roi V1,V2
  bhscore score --features IT.npy --ids ids.csv --brain recordings.nc --region IT
  bhscore score --features conv1=a.npy --features fc=b.npy --brain sub-01.h5 --roi V1=ROI_V1 \\
      --metric ridgecv
  bhscore score --features X.npy --brain R.npy --metric pls --pls nipals --json
  bhscore score --metric i2n --features fc7.npy --ids ids.csv --labels labels.csv \\
      --trials people.csv
  bhscore score --metric error_consistency --probabilities p.csv --trials people.csv
  bhscore score --metric ost --features 70-80=a.npy --features 80-90=b.npy --solution-times t.csv
  bhscore score --model models/cornet_s/model.toml --benchmark benchmarks/public.toml

With a model.toml and a benchmark's .toml all is said there: the network is run on the benchmark's
images (features go to a temporary folder, TMPDIR, where a second Ctrl-C leaves them), and the
layers of [commit] stand for regions.")]
pub struct ScoreArgs {
    /// Take the best layer, whatever was committed
    #[arg(long)]
    best: bool,
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    behaviour: BehaviourArgs,
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
    // To have no time is what many models are like.
    let has_failed = |score: &BenchmarkScore| {
        score.state == State::Failed && score.reason.as_deref() != Some(NO_TIME)
    };
    Ok(if found.iter().any(has_failed) {
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
        measure: MeasureArgs {
            model: ModelArgs {
                net: Some(net.to_owned()),
                ..ModelArgs::default()
            },
            how: HowArgs {
                metric,
                ..HowArgs::default()
            },
            ..MeasureArgs::default()
        },
        best: true,
        behaviour: BehaviourArgs::default(),
    };
    score(global, &args, stop).map(|(found, _)| found)
}

/// Scores, and the folder in which they are kept.
fn score(
    global: &Global,
    args: &ScoreArgs,
    stop: &AtomicBool,
) -> Result<(Vec<BenchmarkScore>, PathBuf)> {
    if let Some(files) = benchmark::files(args)? {
        return benchmark::score(global, args, &files, stop);
    }
    match args.measure.how.kind() {
        Kind::Recordings(metric) => of_recordings(global, args, &metric, stop),
        Kind::People(comparison) => behaviour::score(global, args, comparison, stop),
        Kind::SolutionTimes => object_time::score(global, args, stop),
    }
}

impl MeasureArgs {
    /// Reads recordings, and finds layers.
    fn data(&self, global: &Global) -> Result<Data> {
        let groups = self.how.groups.as_deref();
        data(global, &self.model, &self.recordings, groups)
    }
}

/// A score for each region, and the folder in which they are kept.
fn of_recordings(
    global: &Global,
    args: &ScoreArgs,
    metric: &Metric,
    stop: &AtomicBool,
) -> Result<(Vec<BenchmarkScore>, PathBuf)> {
    let how = &args.measure.how;
    how.refuse(&[args.behaviour.choices(), args.behaviour.times()])?;
    let setup = setup(global, how, metric)?;
    let data = args.measure.data(global)?;
    if let Some(path) = &how.save_splits {
        save_splits(path, &data.recordings, &setup)?;
    }
    let layers = &data.model.layers;
    let regional = with_progress(global, layers, &data.recordings, &setup, stop)?;
    let naming = Naming::new(global, &args.measure.name, &data.model.name, &data.source)?;
    let commitment = match args.best {
        true => None,
        false => Commitment::read(&naming.folder())?,
    };
    let mut found = Vec::new();
    for of_region in &regional {
        warn(of_region);
        let score = naming.score(of_region, &measured(&setup), commitment.as_ref());
        naming.write(&score, &of_region.sites)?;
        found.push(score);
    }
    Ok((found, naming.folder()))
}

/// How layers were measured, for the results.
fn measured(setup: &Setup) -> Measure {
    Measure {
        by_region: true,
        needs_ceiling: false,
        metric: setup.metric.name(),
        normalise: setup.normalise,
        seed: setup.splitting.seed(),
    }
}

fn warn(regional: &Regional) {
    for remark in regional.remarks.iter().chain(&regional.warnings) {
        speech::warning(remark);
    }
    for lost in without_number(&regional.rows) {
        let text = "no layer has a score there, which leaves it out of the mean";
        speech::warning(&format!("{}, {lost}: {text}", regional.region));
    }
}

/// How layers are measured, from the options.
fn setup(global: &Global, how: &HowArgs, metric: &Metric) -> Result<Setup> {
    if !metric.has_components() {
        let HowArgs {
            pls, components, ..
        } = how;
        how.refuse(&[vec![
            ("--pls", pls.is_some()),
            ("--components", components.is_some()),
        ]])?;
    }
    let train_share = how.train_share.unwrap_or(TRAIN_SHARE);
    if !(train_share > 0.0 && train_share < 1.0) {
        let problem = format!("{train_share} is not a share");
        return Err(Error::data("`--train-share`", problem, "give one between 0 and 1").into());
    }
    let splitting = if let Some(path) = &how.splits {
        Splitting::Given(splitting::File::read(path)?)
    } else if how.groups.is_some() {
        Splitting::Groups {
            n_folds: how.folds.unwrap_or(N_FOLDS),
        }
    } else {
        Splitting::Random {
            n_splits: how.n_splits.unwrap_or(N_SPLITS),
            train_share,
            seed: how.seed.unwrap_or(SEED),
        }
    };
    Ok(Setup {
        metric: metric.clone(),
        normalise: how.normalise(metric),
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
        return Err(
            Error::data("`--save-splits`", "subjects saw different stimuli", remedy).into(),
        );
    }
    if path.exists() && splitting::File::read(path).is_err() {
        let remedy = "name another file by `--save-splits`";
        return Err(Error::file(path, "is there, and no file of splits", remedy).into());
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
