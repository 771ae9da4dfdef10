//! How similar the distribution of a property over units is to that over neurons (SPEC 2.13).
//!
//! ```text
//! q        histogram of the neurons, as shares
//! p        histogram of as many units as there are neurons, drawn with replacement
//! D        max_b |Σ_{≤b} p − Σ_{≤b} q|                  (Kolmogorov–Smirnov)
//! D_max    the same of the worst p: all of it in the first or in the last bin
//! s        1 − D / D_max
//! ```
//!
//! The similarity is the mean of `s` over 1,000 draws, its error their standard deviation (n). Values beyond the bins
//! count in the outermost ones; those without a value are drawn, but are in no bin. If more than a tenth of the draws
//! have nothing in the bins, the similarity is 0.
//!
//! The ceiling is the similarity of the neurons with themselves: below 1, for a draw differs from what it is drawn from.

use crate::brainscore::normalise::{Normalise, Normalised};
use crate::stats::legacy_random::LegacyRandom;

/// Draws.
pub const N_DRAWS: usize = 1000;
/// Seed of the draws here; the registry's are not seeded, so that its scores differ from run to run by some .001.
pub const SEED: u32 = 0;
/// Share of draws that may have nothing in the bins.
const UNDEFINED: f64 = 0.1;

/// A property of neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Neurons {
    /// Edges of the bins, ascending; a bin has its lower edge, the last one both.
    edges: Vec<f64>,
    /// Within the bins, NaN where a neuron has no value, `(n_neurons,)`.
    values: Vec<f64>,
}

/// Similarity of units to neurons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Mean over draws.
    pub value: f64,
    /// Standard deviation (n) over draws.
    pub error: f64,
}

impl Neurons {
    /// From values.
    ///
    /// - `edges`: ascending, two at least.
    /// - `values`: NaN where there is none, `(n_neurons,)`.
    ///
    /// # Panics
    /// If there is no bin, or edges do not ascend.
    #[track_caller]
    pub fn of_values(edges: Vec<f64>, values: &[f64]) -> Neurons {
        assert!(edges.len() >= 2, "a bin has two edges");
        assert!(edges.is_sorted_by(|a, b| a < b), "edges ascend");
        Neurons {
            values: clamped(values, &edges),
            edges,
        }
    }

    /// From the counts of a published histogram.
    ///
    /// - `counts`: of every bin.
    /// - `n`: neurons; those beyond the counts have no value.
    ///
    /// # Panics
    /// If there is not one count per bin, or they sum to more than `n`.
    #[track_caller]
    pub fn of_counts(edges: Vec<f64>, counts: &[usize], n: usize) -> Neurons {
        assert_eq!(edges.len(), counts.len() + 1, "a count per bin");
        let middles = edges.windows(2).map(|bin| 0.5 * (bin[0] + bin[1]));
        let mut values: Vec<f64> = middles
            .zip(counts)
            .flat_map(|(middle, &count)| std::iter::repeat_n(middle, count))
            .collect();
        assert!(values.len() <= n, "counts are of n neurons");
        values.resize(n, f64::NAN);
        Neurons::of_values(edges, &values)
    }

    /// Edges of the bins, ascending, `(n_bins + 1,)`.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Their histogram, as shares, `(n_bins,)`; NaN if no neuron has a value.
    pub fn histogram(&self) -> Vec<f64> {
        self.in_bins(self.values.iter().copied())
    }

    /// Histogram of units in the same bins, as shares, `(n_bins,)`; NaN if none is in one.
    pub fn shares(&self, units: &[f64]) -> Vec<f64> {
        self.in_bins(clamped(units, &self.edges).into_iter())
    }

    /// Number of neurons, with and without a value.
    pub fn n_neurons(&self) -> usize {
        self.values.len()
    }

    /// Similarity of units; 0 where there is none.
    ///
    /// - `units`: values of a property, NaN where a unit has none, `(n_units,)`.
    pub fn similarity(&self, units: &[f64], seed: u32) -> Similarity {
        let scores = self.draws(units, seed);
        let defined: Vec<f64> = scores.iter().copied().filter(|s| !s.is_nan()).collect();
        let n_undefined = N_DRAWS - defined.len();
        if n_undefined as f64 > UNDEFINED * N_DRAWS as f64 {
            return Similarity {
                value: 0.0,
                error: 0.0,
            };
        }
        let defined = ndarray::Array1::from(defined);
        Similarity {
            value: defined.mean().unwrap_or(0.0),
            error: defined.std(0.0),
        }
    }

    /// `s` of every draw; NaN of one with nothing in the bins.
    fn draws(&self, units: &[f64], seed: u32) -> Vec<f64> {
        let Some(last) = units.len().checked_sub(1) else {
            return Vec::new();
        };
        let last = u32::try_from(last).expect("fewer than 2^32 units");
        let units = clamped(units, &self.edges);
        let neurons = self.histogram();
        let mut random = LegacyRandom::seed(seed);
        let draw = |_| {
            let drawn = self
                .values
                .iter()
                .map(|_| units[random.interval(last) as usize]);
            kolmogorov_similarity(&self.in_bins(drawn), &neurons)
        };
        (0..N_DRAWS).map(draw).collect()
    }

    /// Similarity with themselves.
    pub fn ceiling(&self, seed: u32) -> Similarity {
        self.similarity(&self.values, seed)
    }

    /// Share of the values in each bin; NaN if none is.
    fn in_bins(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let n_bins = self.edges.len() - 1;
        let mut counts = vec![0.0; n_bins];
        for value in values.filter(|value| !value.is_nan()) {
            let above = self.edges.partition_point(|edge| *edge <= value);
            counts[above.clamp(1, n_bins) - 1] += 1.0;
        }
        let total: f64 = counts.iter().sum();
        counts.iter().map(|count| count / total).collect()
    }
}

/// A similarity by its ceiling, as a plain ratio.
pub fn ceiled(raw: Similarity, ceiling: Similarity) -> Normalised {
    Normalise::Ratio.apply(raw.value, raw.error, ceiling.value)
}

/// `1 − D / D_max` of two histograms, as shares, of the same bins; NaN if a share is.
pub fn kolmogorov_similarity(p: &[f64], q: &[f64]) -> f64 {
    let n_bins = q.len();
    let (mut of_p, mut of_q) = (0.0, 0.0);
    let (mut distance, mut from_first, mut from_last) = (0.0_f64, 0.0_f64, 0.0_f64);
    if p.iter().chain(q).any(|share| share.is_nan()) {
        return f64::NAN;
    }
    for (bin, (p, q)) in p.iter().zip(q).enumerate() {
        of_p += p;
        of_q += q;
        let all_in_last = f64::from(u8::from(bin + 1 == n_bins));
        distance = distance.max((of_p - of_q).abs());
        from_first = from_first.max((1.0 - of_q).abs());
        from_last = from_last.max((all_in_last - of_q).abs());
    }
    1.0 - distance / from_first.max(from_last)
}

fn clamped(values: &[f64], edges: &[f64]) -> Vec<f64> {
    // NaN stays NaN.
    let within = |value: &f64| value.clamp(edges[0], edges[edges.len() - 1]);
    values.iter().map(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_histograms_are_half_similar() {
        let found = kolmogorov_similarity(&[0.5, 0.25, 0.25, 0.0], &[0.1, 0.2, 0.3, 0.4]);
        assert!((found - 0.5).abs() < 1e-15, "{found}");
        assert_eq!(kolmogorov_similarity(&[0.3, 0.7], &[0.3, 0.7]), 1.0);
        assert_eq!(kolmogorov_similarity(&[0.0, 1.0], &[0.7, 0.3]), 0.0);
        assert!(kolmogorov_similarity(&[f64::NAN; 2], &[0.7, 0.3]).is_nan());
    }

    #[test]
    fn values_are_in_the_bin_of_their_lower_edge() {
        let neurons =
            Neurons::of_values(vec![0.0, 1.0, 2.0], &[-5.0, 0.0, 1.0, 2.0, 9.0, f64::NAN]);
        assert_eq!(neurons.histogram(), [0.4, 0.6]);
        assert_eq!(
            neurons.shares(&[7.0, 7.0, 0.5, f64::NAN]),
            [1.0 / 3.0, 2.0 / 3.0]
        );
        assert_eq!(neurons.n_neurons(), 6);
    }

    #[test]
    fn units_without_values_score_nothing() {
        let neurons = Neurons::of_counts(vec![0.0, 1.0, 2.0], &[3, 5], 10);
        let zero = Similarity {
            value: 0.0,
            error: 0.0,
        };
        assert_eq!(neurons.similarity(&[f64::NAN; 4], SEED), zero);
        assert_eq!(neurons.similarity(&[], SEED), zero);
        // All in one bin: no spread among draws.
        let found = neurons.similarity(&[1.5], SEED);
        assert!(found.error < 1e-15 && found.value < 1.0);
        let ratio = ceiled(found, neurons.ceiling(SEED));
        assert!(ratio.value > found.value);
    }
}
