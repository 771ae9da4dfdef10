//! From a layer's units to recorded responses: the regressions of the registry (SPEC 2.2, 2.3).
//!
//! | file | holds |
//! |---|---|
//! | [`fold`] | one split as a regression sees it |
//! | [`pls`], [`residual`], [`dominant`] | partial least squares: components, what they leave, their direction |
//! | [`ridge`] | ridge regression with a given penalty |
//! | [`ridge_cv`] | ridge regression whose penalty the training images choose |
//! | [`linear`] | ordinary least squares |
//! | [`spectrum`] | what the last two start from |
//! | [`neuron`] | the one unit that correlates best |
//!
//! *Reverse* predictivity, from recordings to units, is any of them with the roles exchanged: recordings as
//! [`Features`], units as responses.

pub mod dominant;
pub mod fold;
pub mod linear;
pub mod neuron;
pub mod pls;
pub mod residual;
pub mod ridge;
pub mod ridge_cv;
pub mod spectrum;

use ndarray::Array2;

use super::features::Features;
use super::gram;
use crate::error::{Error, Result};
use fold::Fold;
use pls::Solver;

/// How responses follow from units.
#[derive(Debug, Clone, PartialEq)]
pub enum Regression {
    /// Partial least squares.
    Pls {
        /// Components; [`pls::N_COMPONENTS`] in the registry.
        n_components: usize,
        /// How components are found.
        solver: Solver,
    },
    /// Ridge regression.
    Ridge {
        /// Penalty, positive; [`ridge::ALPHA`] in the registry.
        alpha: f64,
    },
    /// Ridge regression with a chosen penalty.
    RidgeCv {
        /// Penalties to choose from, positive; [`ridge_cv::alphas`] in the registry.
        alphas: Vec<f64>,
    },
    /// Ordinary least squares.
    Linear,
    /// The unit with the highest correlation.
    Neuron,
}

impl Regression {
    /// The registry's regression of this name: `pls`, `ridge`, `ridgecv`, `linear`, `neuron`.
    ///
    /// - `solver`: of `pls`.
    pub fn by_name(name: &str, solver: Solver) -> Option<Regression> {
        Some(match name {
            "pls" => Regression::Pls {
                n_components: pls::N_COMPONENTS,
                solver,
            },
            "ridge" => Regression::Ridge {
                alpha: ridge::ALPHA,
            },
            "ridgecv" => Regression::RidgeCv {
                alphas: ridge_cv::alphas(),
            },
            "linear" => Regression::Linear,
            "neuron" => Regression::Neuron,
            _ => return None,
        })
    }

    /// Name of the regression, as [`Regression::by_name`] takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Regression::Pls { .. } => "pls",
            Regression::Ridge { .. } => "ridge",
            Regression::RidgeCv { .. } => "ridgecv",
            Regression::Linear => "linear",
            Regression::Neuron => "neuron",
        }
    }

    /// Learns from the training images and predicts the responses to the test images, `(n_test, n_targets)`.
    ///
    /// # Errors
    /// If the regression cannot be made of so few images or units, or wants values that are not there.
    pub fn predict(&self, fold: &Fold) -> Result<Array2<f64>> {
        match self {
            Regression::Pls {
                n_components,
                solver,
            } => pls::predict(fold, *n_components, *solver),
            Regression::Ridge { alpha } => ridge::predict(fold, *alpha),
            Regression::RidgeCv { alphas } => {
                ridge_cv::predict(fold, alphas).map(|(predicted, _)| predicted)
            }
            Regression::Linear => linear::predict(fold),
            Regression::Neuron => neuron::predict(fold),
        }
    }

    /// About how many numbers a split needs at a time, beside features and responses.
    pub(super) fn numbers_per_split(&self, features: &Features, n_targets: usize) -> usize {
        let n = features.n_images();
        let values = match features.is_wide() {
            true => 0,
            false => n * features.n_units(),
        };
        match self {
            // Responses, and what is made of them, about three times; values once.
            Regression::Pls { .. } => 3 * n * n_targets + values,
            // The system or products; values, gathered.
            Regression::Ridge { .. } => n * n + 2 * values,
            // A decomposition with its memory, and residuals of some penalties.
            Regression::RidgeCv { .. } | Regression::Linear => {
                5 * n * n + 2 * values + 4 * n * n_targets
            }
            Regression::Neuron => 3 * gram::COLUMNS_AT_ONCE * (n + n_targets),
        }
    }
}

/// Products of features that are not finite numbers.
pub(super) fn not_finite() -> Error {
    Error::data(
        "features",
        "have products that are too large for double precision",
        "scale the features down",
    )
}
