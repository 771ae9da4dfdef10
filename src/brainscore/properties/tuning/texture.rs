//! Tuning to textures and to noise of the same spectrum (Freeman, Ziemba et al. 2013, Nat. Neurosci. 16, 974–981;
//! Ziemba et al. 2016, PNAS 113, E3140–E3149). The images cannot be generated; these are for those who have them.

use ndarray::{ArrayView2, Axis};

/// Added to either share of variance, so that a ratio never divides by 0.
const REGULARISER: f64 = 0.02;

/// Texture modulation: mean over families of `(T − N) / (T + N)`, without undefined ones; NaN of none.
///
/// - `texture`, `noise`: response to every family, less the baseline, `(n_families,)`.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn modulation(texture: &[f64], noise: &[f64]) -> f64 {
    assert_eq!(
        texture.len(),
        noise.len(),
        "textures and noise of the same families"
    );
    let (sum, n) = texture
        .iter()
        .zip(noise)
        .map(|(t, n)| (t - n) / (t + n))
        .filter(|index| !index.is_nan())
        .fold((0.0, 0.0), |(sum, n), index| (sum + index, n + 1.0));
    sum / n
}

/// Sparseness `(1 − (ΣR/n)² / (ΣR²/n)) / (1 − 1/n)` (Vinje & Gallant 2000): 0 where all responses are equal, 1 where one
/// image alone drives the unit.
///
/// - `responses`: less the baseline, to images or to means of families, `(n,)`.
pub fn sparseness<'a>(responses: impl Iterator<Item = &'a f64>) -> f64 {
    let (sum, squares, n) = responses.fold((0.0, 0.0, 0.0), |(sum, squares, n), r| {
        (sum + r, squares + r * r, n + 1.0)
    });
    (1.0 - (sum / n).powi(2) / (squares / n)) / (1.0 - 1.0 / n)
}

/// Ratio of the shares of variance that families and samples within them explain, from mean squares of a nested
/// analysis of variance with one response per sample.
///
/// ```text
/// ratio = (v_f / v + .02) / (v_s / v + .02)      v_s = MS_s,  v_f = (MS_f − MS_s) / n_samples,  v = v_s + v_f
/// ```
///
/// - `responses`: to textures, after [`stabilised`], `(n_families, n_samples)`, two of each at least.
pub fn variance_ratio(responses: ArrayView2<'_, f64>) -> f64 {
    let (n_families, n_samples) = (responses.nrows() as f64, responses.ncols() as f64);
    let means = responses.mean_axis(Axis(1)).unwrap_or_default();
    let grand = means.mean().unwrap_or(f64::NAN);
    let within: f64 = responses
        .rows()
        .into_iter()
        .zip(&means)
        .flat_map(|(row, mean)| row.into_iter().map(move |r| (r - mean).powi(2)))
        .sum();
    let between: f64 = means.iter().map(|mean| (mean - grand).powi(2)).sum();
    let of_samples = within / (n_families * (n_samples - 1.0));
    let of_families = (n_samples * between / (n_families - 1.0) - of_samples) / n_samples;
    let total = of_samples + of_families;
    (of_families / total + REGULARISER) / (of_samples / total + REGULARISER)
}

/// A rate whose variance no longer follows its mean (Freeman & Tukey 1950): `√c + √(c + 1)` of the count `c` in 100 ms.
///
/// - `rate`: in spikes per second, not negative, the baseline included.
pub fn stabilised(rate: f64) -> f64 {
    let count = rate / 10.0;
    count.sqrt() + (count + 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn modulation_is_a_mean_over_families() {
        let found = modulation(&[3.0, 1.0, 0.0], &[1.0, 1.0, 0.0]);
        assert!((found - 0.25).abs() < 1e-15);
        assert!(modulation(&[], &[]).is_nan());
    }

    #[test]
    fn sparseness_runs_from_0_to_1() {
        assert!(sparseness([2.0; 7].iter()).abs() < 1e-15);
        assert!((sparseness([0.0, 0.0, 5.0, 0.0].iter()) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn variance_is_that_of_families_or_of_samples() {
        let families = Array2::from_shape_fn((4, 5), |(family, _)| family as f64);
        let found = variance_ratio(families.view());
        assert!((found - 1.02 / 0.02).abs() < 1e-10);
        let samples = Array2::from_shape_fn((4, 5), |(_, sample)| sample as f64);
        assert!(variance_ratio(samples.view()) < 0.0);
    }
}
