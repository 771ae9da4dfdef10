//! A score against its null distribution.

use serde::Serialize;

/// Bins of the histogram, of equal width from −1 to 1.
pub const N_BINS: usize = 40;
/// Sums in another order differ by rounding: values this close count as equal.
const TIE: f64 = 1e-12;

/// The distribution of a score under a null hypothesis, and how probable a score as high as the observed
/// one is under it.
///
/// One-sided: p = (1 + #{s* ≥ s}) / (1 + n) for n random draws, and #{s* ≥ s} / n when all n arrangements
/// were visited, the observed one among them (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39).
/// Draws without a score count as if they were as high: p errs upwards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Null {
    /// The score that was found.
    pub observed: f64,
    /// p, one-sided.
    pub p: f64,
    /// The smallest p that this many draws can give.
    pub smallest_p: f64,
    /// Number of draws or arrangements.
    pub n_draws: u64,
    /// Whether these are all arrangements there are.
    pub exact: bool,
    /// Draws that have no score.
    pub n_undefined: u64,
    /// Mean over the draws that have a score; `None` without any.
    pub mean: Option<f64>,
    /// Standard deviation over them, divided by their number.
    pub sd: Option<f64>,
    /// Draws per bin: [`N_BINS`] of equal width from −1 to 1, the last one with its upper edge.
    pub histogram: Vec<u64>,
}

impl Null {
    /// Sets `observed` against the scores of the draws; `exact` if these are all arrangements.
    pub fn new(observed: f64, draws: &[Option<f64>], exact: bool) -> Self {
        let defined: Vec<f64> = draws.iter().flatten().copied().collect();
        let n_draws = draws.len() as u64;
        let n_undefined = n_draws - defined.len() as u64;
        let as_high = defined.iter().filter(|&&s| s >= observed - TIE).count() as u64 + n_undefined;
        let extra = u64::from(!exact);
        let share = |count: u64| (count + extra) as f64 / (n_draws + extra) as f64;
        let (mean, sd) = mean_and_sd(&defined).unzip();
        let mut histogram = vec![0; N_BINS];
        for score in &defined {
            // Rounding must not carry −0.95 into the bin below its own.
            let place = (score + 1.0) / 2.0 * N_BINS as f64 + 1e-9;
            histogram[(place as usize).min(N_BINS - 1)] += 1;
        }
        Self {
            observed,
            p: share(as_high),
            smallest_p: share(u64::from(exact)),
            n_draws,
            exact,
            n_undefined,
            mean,
            sd,
            histogram,
        }
    }
}

/// Mean, and standard deviation divided by the number of values; `None` without a value.
fn mean_and_sd(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (square / n).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_by_hand() {
        let draws = [Some(0.5), Some(0.2), Some(-1.0), None];
        let sampled = Null::new(0.5, &draws, false);
        assert_eq!((sampled.p, sampled.smallest_p), (3.0 / 5.0, 1.0 / 5.0));
        let exact = Null::new(0.5, &draws, true);
        assert_eq!((exact.p, exact.smallest_p), (0.5, 0.25));
        assert_eq!((exact.n_undefined, exact.n_draws), (1, 4));
        assert_eq!(exact.histogram.iter().sum::<u64>(), 3);
        assert_eq!((exact.histogram[0], exact.histogram[30]), (1, 1));
        assert!((exact.mean.unwrap() + 0.1).abs() < 1e-15);
    }

    #[test]
    fn rounding_does_not_untie() {
        let null = Null::new(0.5, &[Some(0.5 - 1e-14), Some(0.5)], true);
        assert_eq!(null.p, 1.0);
    }

    #[test]
    fn nothing_is_defined() {
        let null = Null::new(0.1, &[None, None], false);
        assert_eq!((null.p, null.mean, null.sd), (1.0, None, None));
    }
}
