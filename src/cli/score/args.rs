//! Options of `score` and `commit`.

use std::path::PathBuf;

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::behaviour::people::Comparison;
use bhscore::brainscore::metric::Metric;
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::predictivity::MOST;
use bhscore::brainscore::recordings::Estimator;
use bhscore::brainscore::regression::pls::{N_COMPONENTS, Solver};
use bhscore::nearest::quoted;
use bhscore::work::layout::Split;
use clap::{Args, ValueEnum};

/// The model.
#[derive(Args, Clone, Default, PartialEq)]
#[command(next_help_heading = "The model")]
pub struct ModelArgs {
    /// Network of the study: its folder <framework>/<network>, or its name in settings.json
    #[arg(long, value_name = "NET", conflicts_with = "features")]
    pub net: Option<String>,
    /// Features of a layer: a .npy or .mat file (images × units), or a folder with a .mat file for each image;
    /// LAYER=PATH names the layer (repeatable)
    #[arg(long, value_name = "PATH")]
    pub features: Vec<String>,
    /// Table with the column stimulus_id: which image each row of the features is
    #[arg(long, value_name = "CSV", requires = "features")]
    pub ids: Option<PathBuf>,
    /// Only this layer (repeatable)
    #[arg(long = "layer", value_name = "LAYER")]
    pub layers: Vec<String>,
    /// Half of the study [default: training]
    #[arg(long, value_enum, requires = "net")]
    pub split: Option<Half>,
}

/// Recordings.
#[derive(Args, Clone, Default, PartialEq)]
#[command(next_help_heading = "Recordings")]
pub struct RecordingArgs {
    /// Recordings: a .nc file of BrainIO, a brain-data .h5 file, a folder with data.npy, presentation.csv and
    /// neuroid.csv, or a .npy file (repeatable: one for each subject)
    #[arg(
        long,
        value_name = "PATH",
        requires = "features",
        conflicts_with = "net"
    )]
    pub brain: Vec<PathBuf>,
    /// Table of the presentations (stimulus_id, repetition, …) of recordings in a .npy file
    #[arg(long, value_name = "CSV", requires = "brain")]
    pub brain_ids: Option<PathBuf>,
    /// Table of the sites (neuroid_id, region, …) of recordings in a .npy file
    #[arg(long, value_name = "CSV", requires = "brain")]
    pub sites: Option<PathBuf>,
    /// Only this subject of the study (repeatable)
    #[arg(long = "subject", value_name = "SUBJECT", conflicts_with = "brain")]
    pub subjects: Vec<String>,
    /// Only these regions (repeatable, or with commas); of brain data without settings.json: NAME=EXPRESSION
    #[arg(
        long = "roi",
        visible_alias = "region",
        value_name = "ROI",
        value_delimiter = ','
    )]
    pub rois: Vec<String>,
    /// Column of the presentations that has the classes by which splits are stratified, or none
    /// [default: object_name or texture_type if there is one]
    #[arg(long, value_name = "COLUMN")]
    pub stratify: Option<String>,
    /// Ceiling: from the repetitions of each stimulus, from variances, or none [default: repetition]
    #[arg(long, value_enum)]
    pub ceiling: Option<Ceiling>,
    /// Recordings in time: mean over all bins, or every bin by itself [default: mean]
    #[arg(long, value_enum)]
    pub time: Option<Time>,
}

/// What people did, and what the model needs to do the same.
#[derive(Args, Clone, Default, PartialEq)]
#[command(next_help_heading = "Behaviour")]
pub struct BehaviourArgs {
    /// What people chose: a table with stimulus_id, truth, distractor, choice and a row for each trial; for
    /// error_consistency subject, too, perhaps condition, and distractor only where two objects were offered
    #[arg(long, value_name = "CSV")]
    pub trials: Option<PathBuf>,
    /// What the model learns: a table with stimulus_id and object_name; of the column split, if there is one, the
    /// rows `train`
    #[arg(long, value_name = "CSV")]
    pub labels: Option<PathBuf>,
    /// Weight of the loss beside the penalty of the readout's weights [default: 0.001]
    #[arg(long, value_name = "C")]
    pub c: Option<f64>,
    /// The model's probabilities, instead of features and labels: a table with stimulus_id and a column for each
    /// object
    #[arg(long, value_name = "CSV", conflicts_with_all = ["features", "net", "layers", "labels", "c"])]
    pub probabilities: Option<PathBuf>,
    /// When images were solved, for ost: a table with stimulus_id, truth, time (ms), i1
    #[arg(long, value_name = "CSV")]
    pub solution_times: Option<PathBuf>,
}

/// How it is compared.
#[derive(Args, Clone, Default, PartialEq)]
#[command(next_help_heading = "How it is compared")]
pub struct HowArgs {
    /// How layers and recordings, or a model and people, are compared
    #[arg(long, value_enum, default_value_t = MetricArg::Pls)]
    pub metric: MetricArg,
    /// Components of partial least squares: converged (svd), or iterated as scikit-learn does (nipals) [default: svd]
    #[arg(long, value_enum)]
    pub pls: Option<PlsArg>,
    /// Number of these components [default: 25]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub components: Option<usize>,
    /// How scores are divided by the ceiling [default: r2_over_c; ratio for rdm and cka]
    #[arg(long, value_name = "KEY", value_parser = str::parse::<Normalise>)]
    pub normalise: Option<Normalise>,
    /// Column of the presentations with groups, such as passages: splits are k-fold over them
    #[arg(long, value_name = "COLUMN", conflicts_with = "splits")]
    pub groups: Option<String>,
    /// Folds over groups [default: 5]
    #[arg(long, value_name = "K", value_parser = at_least_one, requires = "groups")]
    pub folds: Option<usize>,
    /// Random splits [default: 10]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub n_splits: Option<usize>,
    /// Share of the stimuli that is learned from [default: 0.9]
    #[arg(long, value_name = "SHARE")]
    pub train_share: Option<f64>,
    /// Seed of the splits [default: 1]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u32>,
    /// Splits from a file
    #[arg(long, value_name = "JSON")]
    pub splits: Option<PathBuf>,
    /// Keep the splits for other programs
    #[arg(long, value_name = "JSON")]
    pub save_splits: Option<PathBuf>,
}

/// Layers and recordings, how they are compared, and how results are called.
#[derive(Args, Clone, Default, PartialEq)]
pub struct MeasureArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub recordings: RecordingArgs,
    #[command(flatten)]
    pub how: HowArgs,
    #[command(flatten)]
    pub name: NameArgs,
}

/// How the results are called.
#[derive(Args, Clone, PartialEq)]
#[command(next_help_heading = "How results are called")]
pub struct NameArgs {
    /// Name of the model in the results [default: the network's folder, or the name of the features' file];
    /// `score`: a manifest, model.toml
    #[arg(long, value_name = "NAME|TOML")]
    pub model: Option<String>,
    /// Name of the data in the benchmark's <NAME>.<region>-<metric>, of behaviour <NAME>-<metric> [default: fmri, or the
    /// name of the recordings or trials]; `score`: a benchmark file, bench.toml
    #[arg(long, value_name = "NAME|TOML")]
    pub benchmark: Option<String>,
    /// Version of the benchmark: scores of different versions are not compared
    #[arg(long = "benchmark-version", value_name = "N", default_value_t = 1)]
    pub benchmark_version: u32,
    /// Visual angle of the images in degrees, for the report
    #[arg(long, value_name = "DEGREES")]
    pub visual_degrees: Option<f64>,
    /// Paper to cite for the recordings, a BibTeX file
    #[arg(long, value_name = "BIB")]
    pub bibtex: Option<PathBuf>,
    /// Where results go [default: results/brainscore in the study folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Half {
    #[default]
    Training,
    Test,
}

impl From<Half> for Split {
    fn from(half: Half) -> Split {
        match half {
            Half::Training => Split::Training,
            Half::Test => Split::Test,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Ceiling {
    #[default]
    Repetition,
    Variance,
    None,
}

impl From<Ceiling> for Estimator {
    fn from(ceiling: Ceiling) -> Estimator {
        match ceiling {
            Ceiling::Repetition => Estimator::Repetition,
            Ceiling::Variance => Estimator::Variance,
            Ceiling::None => Estimator::None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Time {
    #[default]
    Mean,
    Bins,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlsArg {
    Svd,
    Nipals,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MetricArg {
    /// Partial least squares from units to responses, Brain-Score's neural predictivity
    #[default]
    Pls,
    /// Ridge regression, penalty 1
    Ridge,
    /// Ridge regression, the penalty chosen by leaving samples out
    Ridgecv,
    /// Ordinary least squares
    Linear,
    /// The best single unit for each site
    Neuron,
    /// Partial least squares from responses to units
    Reverse,
    /// Dissimilarities of the stimuli: RSA
    Rdm,
    /// Centred kernel alignment, unbiased
    Cka,
    /// Centred kernel alignment, biased
    CkaBiased,
    /// People's choices by image: d′, mean over distractors
    I1,
    /// The same beyond what the images' objects explain
    I1n,
    /// People's choices by image and distractor
    I2,
    /// The same beyond what the images' objects explain, Brain-Score's behavioural benchmark
    I2n,
    /// People's choices by object, mean over distractors
    O1,
    /// People's choices by object and distractor
    O2,
    /// Whether model and people err on the same images, beyond chance: Cohen's κ
    #[value(name = "error_consistency", alias = "error-consistency")]
    ErrorConsistency,
    /// When responses in time solve an image: object-solution times
    Ost,
}

impl MetricArg {
    /// As it is typed.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.expect("none is hidden").get_name().to_owned()
    }
}

/// What a metric compares a model with.
pub enum Kind {
    Recordings(Metric),
    People(Comparison),
    SolutionTimes,
}

impl Default for NameArgs {
    fn default() -> NameArgs {
        NameArgs {
            model: None,
            benchmark: None,
            benchmark_version: 1,
            visual_degrees: None,
            bibtex: None,
            out: None,
        }
    }
}

impl HowArgs {
    /// The metric that was asked for.
    pub fn kind(&self) -> Kind {
        let solver = match self.pls {
            None | Some(PlsArg::Svd) => Solver::Svd,
            Some(PlsArg::Nipals) => Solver::Nipals,
        };
        let n_components = self.components.unwrap_or(N_COMPONENTS);
        match self.metric {
            MetricArg::I1
            | MetricArg::I1n
            | MetricArg::I2
            | MetricArg::I2n
            | MetricArg::O1
            | MetricArg::O2 => {
                let signature = self
                    .metric
                    .name()
                    .parse()
                    .expect("keys are typed as they are");
                Kind::People(Comparison::Signature(signature))
            }
            MetricArg::ErrorConsistency => Kind::People(Comparison::ErrorConsistency),
            MetricArg::Ost => Kind::SolutionTimes,
            metric => {
                let metric = Metric::by_name(&metric.name(), solver, n_components);
                Kind::Recordings(metric.expect("the others are of recordings"))
            }
        }
    }

    /// How scores of a metric are normalised.
    pub fn normalise(&self, metric: &Metric) -> Normalise {
        self.normalise.unwrap_or_else(|| metric.normalise())
    }

    /// Refuses options that the metric has no use for.
    pub fn refuse(&self, options: &[Options]) -> Result<()> {
        let given = options.iter().flatten().filter(|(_, given)| *given);
        let given: Vec<&str> = given.map(|(name, _)| *name).collect();
        if given.is_empty() {
            return Ok(());
        }
        let (item, problem) = (
            format!("`--metric {}`", self.metric.name()),
            format!("has no use for {}", quoted(given)),
        );
        Err(Error::data(item, problem, "leave it out, or choose another metric").into())
    }

    /// The value of an option that the metric needs.
    pub fn need<'a, T>(&self, option: &'a Option<T>, name: &str) -> Result<&'a T> {
        option.as_ref().ok_or_else(|| {
            let item = format!("`--metric {}`", self.metric.name());
            let remedy = format!("give `{name}` (see `bhscore score --help`)");
            Error::data(item, format!("needs `{name}`"), remedy).into()
        })
    }

    /// Options for recordings, and whether they were given.
    pub fn given(&self) -> Options {
        let HowArgs {
            metric: _,
            pls,
            components,
            normalise,
            groups,
            folds,
            n_splits,
            train_share,
            seed,
            splits,
            save_splits,
        } = self;
        vec![
            ("--pls", pls.is_some()),
            ("--components", components.is_some()),
            ("--normalise", normalise.is_some()),
            ("--groups", groups.is_some()),
            ("--folds", folds.is_some()),
            ("--n-splits", n_splits.is_some()),
            ("--train-share", train_share.is_some()),
            ("--seed", seed.is_some()),
            ("--splits", splits.is_some()),
            ("--save-splits", save_splits.is_some()),
        ]
    }
}

/// Names of options, and whether they were given.
pub type Options = Vec<(&'static str, bool)>;

impl RecordingArgs {
    /// All of them.
    pub fn given(&self) -> Options {
        let RecordingArgs {
            brain,
            brain_ids,
            sites,
            subjects,
            rois,
            stratify,
            ceiling,
            time,
        } = self;
        vec![
            ("--brain", !brain.is_empty()),
            ("--brain-ids", brain_ids.is_some()),
            ("--sites", sites.is_some()),
            ("--subject", !subjects.is_empty()),
            ("--roi", !rois.is_empty()),
            ("--stratify", stratify.is_some()),
            ("--ceiling", ceiling.is_some()),
            ("--time", time.is_some()),
        ]
    }
}

impl BehaviourArgs {
    /// Options of choices.
    pub fn choices(&self) -> Options {
        vec![
            ("--trials", self.trials.is_some()),
            ("--labels", self.labels.is_some()),
            ("--c", self.c.is_some()),
            ("--probabilities", self.probabilities.is_some()),
        ]
    }

    /// Options of solution times.
    pub fn times(&self) -> Options {
        vec![("--solution-times", self.solution_times.is_some())]
    }
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=MOST) => Ok(n),
        _ => Err(format!("is not a whole number from 1 to {MOST}")),
    }
}
