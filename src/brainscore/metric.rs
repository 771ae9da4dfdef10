//! One layer against one region's recordings, by any of the metrics.

use ndarray::{Array2, ArrayView2, Axis};

use super::cka::{self, cka};
use super::features::Features;
use super::layer::Want;
use super::normalise::Normalise;
use super::predictivity::{Predictivity, predictivity};
use super::rdm::{Rdm, cross_validated};
use super::recordings::{Bound, Recordings};
use super::regression::Regression;
use super::regression::pls::{self, Solver};
use super::result::{Row, Scored};
use super::temporal::{Timed, temporal};
use crate::error::{Error, Result};
use crate::stats::splits::Split;

/// How a layer and recordings are compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Responses are predicted from units.
    Regression(Regression),
    /// Units are predicted from responses.
    Reverse(Regression),
    /// Dissimilarities of the stimuli are compared.
    Rdm,
    /// Centred kernel alignment.
    Cka(cka::Estimator),
}

/// What came out for a layer.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Start and end of the bin, of recordings in time.
    pub bin: Option<(f64, f64)>,
    /// The numbers.
    pub score: Scored,
    /// Raw score of every split, `(n_splits,)`; empty for a metric without splits.
    pub per_split: Vec<f64>,
    /// r of every split and site, `(n_splits, n_sites)`; none where a metric has no sites.
    pub table: Option<Array2<f64>>,
}

impl From<Scored> for Measured {
    /// Of a whole, without splits and sites.
    fn from(score: Scored) -> Measured {
        Measured {
            bin: None,
            score,
            per_split: Vec::new(),
            table: None,
        }
    }
}

impl Measured {
    /// As a row of results.
    #[must_use]
    pub fn row(self, layer: &str, subject: Option<&str>) -> Row {
        Row {
            layer: layer.to_owned(),
            subject: subject.map(str::to_owned),
            bin: self.bin,
            per_split: self.per_split.into_iter().map(number).collect(),
            score: self.score,
        }
    }
}

impl Metric {
    /// Names by which [`Metric::by_name`] knows them.
    pub const NAMES: [&str; 9] = [
        "pls",
        "reverse",
        "rdm",
        "cka",
        "cka-biased",
        "ridge",
        "ridgecv",
        "linear",
        "neuron",
    ];

    /// The metric of a name that options and benchmark files give it; none if there is no such name.
    ///
    /// - `solver`, `n_components`: of `pls` and `reverse`.
    #[must_use]
    pub fn by_name(name: &str, solver: Solver, n_components: usize) -> Option<Metric> {
        let pls = Regression::Pls {
            n_components,
            solver,
        };
        Some(match name {
            "pls" => Metric::Regression(pls),
            "reverse" => Metric::Reverse(pls),
            "rdm" => Metric::Rdm,
            "cka" => Metric::Cka(cka::Estimator::Unbiased),
            "cka-biased" => Metric::Cka(cka::Estimator::Biased),
            name => Metric::Regression(Regression::by_name(name, solver)?),
        })
    }

    /// Name in results.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Metric::Regression(regression) => named(regression),
            Metric::Reverse(regression) => format!("reverse_{}", named(regression)),
            Metric::Rdm => "rdm".to_owned(),
            Metric::Cka(cka::Estimator::Biased) => "cka_biased".to_owned(),
            Metric::Cka(cka::Estimator::Unbiased) => "cka".to_owned(),
        }
    }

    /// How its scores are normalised if not told otherwise.
    #[must_use]
    pub fn normalise(&self) -> Normalise {
        match self {
            Metric::Regression(_) | Metric::Reverse(_) => Normalise::R2OverC,
            // Never squared (SPEC: 2.10).
            Metric::Rdm | Metric::Cka(_) => Normalise::Ratio,
        }
    }

    /// What it takes of the features.
    #[must_use]
    pub fn want(&self) -> Want {
        match self {
            Metric::Regression(Regression::Neuron) | Metric::Reverse(_) => Want::Values,
            Metric::Regression(_) | Metric::Rdm | Metric::Cka(_) => Want::Products,
        }
    }

    /// Whether it has a number of components.
    #[must_use]
    pub fn has_components(&self) -> bool {
        match self {
            Metric::Regression(regression) | Metric::Reverse(regression) => {
                matches!(regression, Regression::Pls { .. })
            }
            Metric::Rdm | Metric::Cka(_) => false,
        }
    }

    /// Whether its scores are divided by how well repetitions agree.
    #[must_use]
    pub fn is_ceiled(&self) -> bool {
        matches!(self, Metric::Regression(_))
    }

    /// Whether it cuts the stimuli into training and test.
    #[must_use]
    pub fn is_predictive(&self) -> bool {
        matches!(self, Metric::Regression(_) | Metric::Reverse(_))
    }

    /// Compares a layer with recordings, a result for each bin.
    ///
    /// - `features`: of the recordings' stimuli in their order.
    /// - `splits`: of the stimuli.
    ///
    /// # Errors
    /// If the metric cannot be computed from these.
    pub fn measure(
        &self,
        features: &Features,
        recordings: &Recordings,
        splits: &[Split],
        normalise: Normalise,
    ) -> Result<Vec<Measured>> {
        if let (Metric::Regression(regression), true) = (self, recordings.n_bins() > 1) {
            let timed = Timed::Still(features);
            let found = temporal(timed, recordings.means.view(), splits, regression)?;
            let bins = found.into_iter().enumerate();
            return Ok(bins
                .map(|(bin, found)| of_sites(found, recordings, bin, normalise))
                .collect());
        }
        let of_bin = |bin: usize| match self {
            Metric::Regression(regression) => {
                let found = predictivity(features, recordings.bin(bin), splits, regression)?;
                Ok(of_sites(found, recordings, bin, normalise))
            }
            Metric::Reverse(regression) => {
                let responses = finite(recordings.bin(bin))?;
                let units = features
                    .block(0..features.n_units())
                    .ok_or_else(without_values)?;
                let found = predictivity(&responses, units.view(), splits, regression)?;
                let mut measured = without_ceiling(&found, recordings, bin);
                measured.score.n_undefined = n_incomplete(recordings, &responses);
                Ok(measured)
            }
            Metric::Rdm => {
                let responses = finite(recordings.bin(bin))?;
                let (model, brain) = (Rdm::of(features)?, Rdm::of(&responses)?);
                let found = cross_validated(&model, &brain, splits)?;
                let mut measured = of_whole(found.score, Some(found.error), recordings, bin);
                measured.score.n_undefined = n_incomplete(recordings, &responses);
                measured.per_split = found.per_split.to_vec();
                Ok(measured)
            }
            Metric::Cka(estimator) => {
                let responses = finite(recordings.bin(bin))?;
                let value = cka(features, &responses, *estimator)?;
                let mut measured = of_whole(value, None, recordings, bin);
                measured.score.n_undefined = n_incomplete(recordings, &responses);
                Ok(measured)
            }
        };
        (0..recordings.n_bins()).map(of_bin).collect()
    }
}

/// Name of a regression, with what makes it another than the registry's.
fn named(regression: &Regression) -> String {
    match regression {
        Regression::Pls { n_components, .. } if *n_components != pls::N_COMPONENTS => {
            format!("pls{n_components}")
        }
        regression => regression.name().to_owned(),
    }
}

/// Dissimilarities of the stimuli in recordings.
///
/// # Errors
/// If a stimulus has the same response everywhere.
pub fn dissimilarities(recordings: &Recordings, bin: usize) -> Result<Rdm> {
    Rdm::of(&finite(recordings.bin(bin))?)
}

/// Normalises what was measured over a whole by a ceiling that was measured elsewhere.
pub fn normalised(score: Scored, ceiling: f64, error: Option<f64>, normalise: Normalise) -> Scored {
    let Some(raw) = score.raw else { return score };
    let ceiled = normalise.apply(raw, score.error.unwrap_or(f64::NAN), ceiling);
    Scored {
        ceiling: number(ceiling),
        ceiling_error: error.and_then(number),
        ceiled: number(ceiled.value),
        ceiled_error: number(ceiled.error),
        ..score
    }
}

/// A number, if it is one.
pub fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Sites with a response to each stimulus, as features.
fn finite(responses: ArrayView2<'_, f64>) -> Result<Features> {
    let kept: Vec<usize> = (0..responses.ncols())
        .filter(|&site| responses.column(site).iter().all(|value| value.is_finite()))
        .collect();
    if kept.is_empty() {
        let remedy = "leave out the stimuli that were not recorded";
        return Err(Error::data(
            "the recordings",
            "have no complete site",
            remedy,
        ));
    }
    Features::new(responses.select(Axis(1), &kept))
}

/// Sites that [`finite`] left out.
fn n_incomplete(recordings: &Recordings, responses: &Features) -> usize {
    recordings.sites.len() - responses.n_units()
}

fn without_values() -> Error {
    Error::data(
        "the layer",
        "is too large to predict its units",
        "give more `--memory`, or extract fewer units (`extract --units random:1000`)",
    )
}

fn of_sites(
    found: Predictivity,
    recordings: &Recordings,
    bin: usize,
    normalise: Normalise,
) -> Measured {
    let mut measured = without_ceiling(&found, recordings, bin);
    if let Some(Bound { value, error, .. }) = &recordings.ceilings[bin] {
        measured.score = normalised(measured.score, *value, *error, normalise);
    }
    measured.table = Some(found.table);
    measured
}

fn without_ceiling(found: &Predictivity, recordings: &Recordings, bin: usize) -> Measured {
    let mut measured = of_whole(found.score, Some(found.error), recordings, bin);
    measured.score.n_undefined = found.n_undefined;
    measured.per_split = found.per_split.to_vec();
    measured
}

fn of_whole(value: f64, error: Option<f64>, recordings: &Recordings, bin: usize) -> Measured {
    let score = Scored {
        raw: number(value),
        error: error.and_then(number),
        n_sites: recordings.sites.len(),
        n_stimuli: recordings.stimuli.len(),
        ..Scored::default()
    };
    Measured {
        bin: recordings.bins.get(bin).copied(),
        ..Measured::from(score)
    }
}
