//! Statistics on slices and matrices: pure functions, no files and no settings.
//!
//! | module | holds |
//! |---|---|
//! | [`moments`] | mean, standard deviation and constancy of columns |
//! | [`correlation`] | Pearson's r of columns, of rows, of all pairs of rows |
//! | [`rank`] | mid-ranks and Spearman's ρ of two lists |
//! | [`significance`] | which correlations count as significant, by the published and the textbook test |
//! | [`relation`] | how two lists of models go together: coefficients, p, bootstrap intervals |
//! | [`partial`] | correlation with controls taken out |
//! | [`theil_sen`] | the line through the median slope |
//! | [`groups`] | Kruskal–Wallis and its permutation test |
//! | [`adjust`] | p adjusted for the number of tests |
//! | [`splits`] | splits of samples, as scikit-learn's: random ones, folds of groups |
//! | `random` | named streams of a seed, our own |
//! | [`legacy_random`] | NumPy's legacy generator, draw for draw |
//!
//! Conventions, the same everywhere:
//!
//! * **Precision.** Input is `f32` or `f64`; every sum is taken in `f64`, in a fixed order that depends
//!   on neither the memory layout nor the number of threads. Means are subtracted before squares are
//!   summed (two passes). The one exception is the published significance test, whose comparison is
//!   made in `f32` because the original's is.
//! * **ddof.** Standard deviations divide by n − 1. For correlations the divisor cancels.
//! * **Constant** means that all values are equal, not that the variance is small: rounding gives a
//!   column of 0.1s a variance, a comparison of the values cannot be fooled.
//! * **NaN.** NaN in, NaN out, and only for the column, row or pair that holds it. A correlation with
//!   something constant is NaN: undefined is never 0. No comparison decides by falling through on NaN.
//! * **Shapes** that do not match are a mistake of the calling code: the functions panic and say where.

pub mod adjust;
pub mod correlation;
pub mod groups;
pub mod legacy_random;
pub mod moments;
pub mod partial;
pub(crate) mod random;
pub mod rank;
pub mod relation;
pub mod significance;
pub mod splits;
pub mod theil_sen;
