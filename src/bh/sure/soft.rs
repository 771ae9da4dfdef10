//! The soft score: how far up the other system an item is predicted on average, instead of from where best.
//!
//! ```text
//! c(u) = Σ_k k · max(a_k, 0) / Σ_k max(a_k, 0)
//! ```
//!
//! is the accuracy-weighted mean level (k from 1) of a significant item; the score is the rank correlation
//! of its group with c over all groups at once. An item that two levels predict equally well lies between
//! them, where argmax must take one.

use serde::Serialize;

use super::items::{Item, each_kept};
use super::kendall;
use crate::bh::Selector;
use crate::bh::pool::Pool;
use crate::stats::rank;

/// Rank correlations of group and mean level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Soft {
    /// Spearman's ρ; `None` where undefined.
    pub spearman: Option<f64>,
    /// Kendall's τ-b; `None` where undefined.
    pub kendall: Option<f64>,
}

impl Soft {
    /// The soft score of the items that `rule` keeps.
    pub fn new(pool: &Pool<'_>, rule: &Selector) -> Self {
        let (mut groups, mut centroids) = (Vec::new(), Vec::new());
        each_kept(pool, rule, |item| {
            groups.push(item.group);
            centroids.push(centroid(&item));
        });
        let depths: Vec<f64> = groups.iter().map(|&group| group as f64).collect();
        let defined = |value: f64| (!value.is_nan()).then_some(value);
        Self {
            spearman: defined(rank::spearman(&depths, &centroids)),
            kendall: defined(kendall::tau_b(&groups, &centroids)),
        }
    }
}

/// Mean level; the best accuracy of a kept item is positive, so the sum of weights is.
fn centroid(item: &Item<'_>) -> f64 {
    let (mut product, mut sum) = (0.0, 0.0);
    for &(level, accuracy) in item.accuracies {
        let weight = f64::from(accuracy.max(0.0));
        product += (level + 1) as f64 * weight;
        sum += weight;
    }
    product / sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::selection::Best;

    #[test]
    fn centroid_by_hand() {
        let item = |accuracies| Item {
            group: 0,
            best: Best {
                level: 1,
                accuracy: 0.6,
                n_levels: 2,
            },
            accuracies,
        };
        let mean = centroid(&item(&[(0, 0.2), (1, 0.6), (4, -0.5)]));
        assert!((mean - 1.4 / 0.8).abs() < 1e-6, "{mean}");
        assert_eq!(centroid(&item(&[(3, 0.6)])), 4.0);
    }
}
