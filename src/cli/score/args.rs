//! Options of `score` and `commit`.

use std::path::PathBuf;

use bhscore::brainscore::cka;
use bhscore::brainscore::metric::Metric;
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::predictivity::{N_SPLITS, SEED, TRAIN_SHARE};
use bhscore::brainscore::recordings::Estimator;
use bhscore::brainscore::regression::Regression;
use bhscore::brainscore::regression::pls::{N_COMPONENTS, Solver};
use bhscore::work::layout::Split;
use clap::{Args, ValueEnum};

/// Folds over groups.
const FOLDS: usize = 5;

/// What is compared.
#[derive(Args, Clone, Default, PartialEq)]
#[command(next_help_heading = "What is compared")]
pub struct DataArgs {
    /// Network of the study: its folder <framework>/<network>, or its name in settings.json
    #[arg(long, value_name = "NET", conflicts_with_all = ["features", "brain"])]
    pub net: Option<String>,
    /// Features of a layer: a .npy or .mat file (images × units), or a folder with a .mat file for each image;
    /// LAYER=PATH names the layer (repeatable)
    #[arg(
        long,
        value_name = "PATH",
        requires = "brain",
        required_unless_present_any = ["net", "benchmark"]
    )]
    pub features: Vec<String>,
    /// Table with the column stimulus_id: which image each row of the features is
    #[arg(long, value_name = "CSV", requires = "features")]
    pub ids: Option<PathBuf>,
    /// Recordings: a .nc file of BrainIO, a brain-data .h5 file, a folder with data.npy, presentation.csv and
    /// neuroid.csv, or a .npy file (repeatable: one for each subject)
    #[arg(long, value_name = "PATH", requires = "features")]
    pub brain: Vec<PathBuf>,
    /// Table of the presentations (stimulus_id, repetition, …) of recordings in a .npy file
    #[arg(long, value_name = "CSV", requires = "brain")]
    pub brain_ids: Option<PathBuf>,
    /// Table of the sites (neuroid_id, region, …) of recordings in a .npy file
    #[arg(long, value_name = "CSV", requires = "brain")]
    pub sites: Option<PathBuf>,
    /// Only this layer (repeatable)
    #[arg(long = "layer", value_name = "LAYER")]
    pub layers: Vec<String>,
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
    /// Half of the study
    #[arg(long, value_enum, default_value_t = Half::Training, conflicts_with = "brain")]
    pub split: Half,
    /// Column of the presentations that has the classes by which splits are stratified, or none
    /// [default: object_name or texture_type if there is one]
    #[arg(long, value_name = "COLUMN")]
    pub stratify: Option<String>,
    /// Ceiling: from the repetitions of each stimulus, from variances, or none
    #[arg(long, value_enum, default_value_t = Ceiling::Repetition)]
    pub ceiling: Ceiling,
    /// Recordings in time: mean over all bins, or every bin by itself
    #[arg(long, value_enum, default_value_t = Time::Mean)]
    pub time: Time,
}

/// How it is compared.
#[derive(Args, Clone, PartialEq)]
#[command(next_help_heading = "How it is compared")]
pub struct HowArgs {
    /// How layers and recordings are compared
    #[arg(long, value_enum, default_value_t = MetricArg::Pls)]
    pub metric: MetricArg,
    /// Components of partial least squares: converged (svd), or iterated as scikit-learn does (nipals)
    #[arg(long, value_enum, default_value_t = PlsArg::Svd)]
    pub pls: PlsArg,
    /// Number of these components
    #[arg(long, value_name = "N", default_value_t = N_COMPONENTS, value_parser = at_least_one)]
    pub components: usize,
    /// How scores are divided by the ceiling [default: r2_over_c; ratio for rdm and cka]
    #[arg(long, value_name = "KEY", value_parser = str::parse::<Normalise>)]
    pub normalise: Option<Normalise>,
    /// Column of the presentations with groups, such as passages: splits are k-fold over them
    #[arg(long, value_name = "COLUMN", conflicts_with = "splits")]
    pub groups: Option<String>,
    /// Folds over groups
    #[arg(long, value_name = "K", default_value_t = FOLDS, value_parser = at_least_one, requires = "groups")]
    pub folds: usize,
    /// Random splits
    #[arg(long, value_name = "N", default_value_t = N_SPLITS, value_parser = at_least_one)]
    pub n_splits: usize,
    /// Share of the stimuli that is learned from
    #[arg(long, value_name = "SHARE", default_value_t = TRAIN_SHARE)]
    pub train_share: f64,
    /// Seed of the splits
    #[arg(long, value_name = "SEED", default_value_t = SEED)]
    pub seed: u32,
    /// Splits from a file
    #[arg(long, value_name = "JSON")]
    pub splits: Option<PathBuf>,
    /// Keep the splits for other programs
    #[arg(long, value_name = "JSON")]
    pub save_splits: Option<PathBuf>,
}

/// How the results are called.
#[derive(Args, Clone, PartialEq)]
#[command(next_help_heading = "How results are called")]
pub struct NameArgs {
    /// Name of the model in the results [default: the network's folder, or the name of the features' file];
    /// `score`: a manifest, model.toml
    #[arg(long, value_name = "NAME|TOML")]
    pub model: Option<String>,
    /// Name of the data in the benchmark's <NAME>.<region>-<metric> [default: fmri, or the name of the recordings];
    /// `score`: a benchmark file, bench.toml
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricArg {
    /// Partial least squares from units to responses, Brain-Score's neural predictivity
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
}

/// What a metric gets without further options.
impl From<MetricArg> for HowArgs {
    fn from(metric: MetricArg) -> HowArgs {
        HowArgs {
            metric,
            pls: PlsArg::Svd,
            components: N_COMPONENTS,
            normalise: None,
            groups: None,
            folds: FOLDS,
            n_splits: N_SPLITS,
            train_share: TRAIN_SHARE,
            seed: SEED,
            splits: None,
            save_splits: None,
        }
    }
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
    pub fn metric(&self) -> Metric {
        let solver = match self.pls {
            PlsArg::Svd => Solver::Svd,
            PlsArg::Nipals => Solver::Nipals,
        };
        let pls = Regression::Pls {
            n_components: self.components,
            solver,
        };
        let named = |name| {
            let regression = Regression::by_name(name, solver);
            Metric::Regression(regression.expect("one of the registry's"))
        };
        match self.metric {
            MetricArg::Pls => Metric::Regression(pls),
            MetricArg::Reverse => Metric::Reverse(pls),
            MetricArg::Ridge => named("ridge"),
            MetricArg::Ridgecv => named("ridgecv"),
            MetricArg::Linear => named("linear"),
            MetricArg::Neuron => named("neuron"),
            MetricArg::Rdm => Metric::Rdm,
            MetricArg::Cka => Metric::Cka(cka::Estimator::Unbiased),
            MetricArg::CkaBiased => Metric::Cka(cka::Estimator::Biased),
        }
    }

    /// How scores are normalised.
    pub fn normalise(&self) -> Normalise {
        self.normalise.unwrap_or_else(|| self.metric().normalise())
    }
}

/// Most splits and components: what is above is a slip, and more than memory holds.
const MOST: usize = 100_000;

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=MOST) => Ok(n),
        _ => Err(format!("is no number from 1 to {MOST}")),
    }
}
