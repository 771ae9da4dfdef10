//! The Brain-Score family over local files: how well a network's layers predict recordings, site by site.
//!
//! | file | holds |
//! |---|---|
//! | [`features`] | what a model says about every image: units' values, or their products |
//! | [`gram`] | products of rows over many columns, a block at a time |
//! | [`regression`] | from units to responses: partial least squares, ridge, least squares, the best unit |
//! | [`predictivity`] | how well responses to images that were not learned from are predicted, site by site |
//! | [`temporal`] | the same over time bins |
//! | [`ceiling`], [`reliability`] | how well a site could be predicted at all: by halves of the repetitions, by variances |
//! | [`normalise`] | a score as a share of what can be reached |
//! | [`pca`] | principal components of a layer |
//! | [`rdm`], [`rsa`] | dissimilarities of stimuli, and how alike those of models and subjects are |
//! | [`cka`] | centred kernel alignment |
//! | [`behaviour`] | consistency with people's choices, object-solution times |
//! | [`properties`] | how tuning properties are distributed over units and over neurons |
//! | [`recordings`] | recordings of one region as metrics take them, with their ceiling |
//! | [`layer`] | a layer of a model: the features of a benchmark's stimuli |
//! | [`metric`] | one layer against one region's recordings, by any metric |
//! | [`splitting`] | how stimuli are cut into training and test |
//! | [`benchmark`] | all layers against all regions and subjects |
//! | [`commitment`] | the layer that a model commits to for each region |
//! | [`names`] | names and their numbers |
//! | [`summary`] | from a row per layer, subject and bin to one score |
//! | [`result`] | what `score` leaves of one model and benchmark in `results/brainscore/` |
//! | [`folder`] | all of that folder |
//! | [`tree`] | benchmarks below regions below averages: means, coverage, ranks |

pub mod behaviour;
pub mod benchmark;
pub mod ceiling;
pub mod cka;
pub mod commitment;
pub mod features;
pub mod folder;
pub mod gram;
pub mod layer;
pub mod metric;
pub mod names;
pub mod normalise;
pub mod pca;
pub mod predictivity;
pub mod properties;
pub mod rdm;
pub mod recordings;
pub mod regression;
pub mod reliability;
pub mod result;
pub mod rsa;
pub mod splitting;
pub mod summary;
pub mod temporal;
pub mod tree;

/// Normal numbers for tests, `(rows, columns)`.
#[cfg(test)]
fn noise(rows: usize, columns: usize, seed: u32) -> ndarray::Array2<f64> {
    let mut random = crate::stats::legacy_random::LegacyRandom::seed(seed);
    ndarray::Array2::from_shape_simple_fn((rows, columns), || random.standard_normal())
}
