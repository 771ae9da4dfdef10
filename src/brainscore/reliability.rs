//! The ceiling without random halves: signal and noise variance of every site, from the spread over repetitions.
//!
//! ```text
//! σ²_n   mean over stimuli of s² / R, with s² the variance (R − 1) over the R repetitions of a stimulus
//! σ²_s   variance (n − 1) over stimuli of the mean responses, less σ²_n
//! c      σ²_s / (σ²_s + σ²_n)
//! ```
//!
//! After Lage-Castellanos, Valente, Formisano & De Martino (2019, PLoS Comput. Biol. 15(3): e1006397): their ceiling
//! of correlations, σ_s / √(σ²_s + σ²_n), is the root of this one, which like that of [`super::ceiling`] is the
//! reliability of the mean response, a share of variance.

use ndarray::{Array1, ArrayView1};

use super::ceiling::Presentations;
use super::predictivity::median;
use crate::error::Result;

/// Reliability of mean responses by the variances.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// Of every site, within 0 and 1, `(n_sites,)`; NaN where fewer than two stimuli were repeated, or nothing varies.
    pub per_site: Array1<f64>,
    /// Median over sites that have one; NaN if none has.
    pub value: f64,
}

/// Reliabilities of all sites; none when no stimulus was repeated.
///
/// Stimuli that a site saw once only, with a response, are left out for it.
///
/// # Errors
/// If there are not as many stimuli and repetitions as responses.
pub fn by_variance(data: &Presentations) -> Result<Option<Reliability>> {
    data.check()?;
    let mut samples = vec![Vec::new(); data.n_stimuli()];
    for (row, &stimulus) in data.stimulus.iter().enumerate() {
        samples[stimulus].push(row);
    }
    if samples.iter().all(|rows| rows.len() < 2) {
        return Ok(None);
    }
    let sites = data.responses.columns().into_iter();
    let per_site: Array1<f64> = sites.map(|site| of_site(site, &samples)).collect();
    Ok(Some(Reliability {
        value: median(per_site.iter().copied()),
        per_site,
    }))
}

/// - `samples`: presentations of every stimulus.
fn of_site(site: ArrayView1<'_, f64>, samples: &[Vec<usize>]) -> f64 {
    let (mut means, mut noise) = (Vec::new(), 0.0);
    for rows in samples {
        let responses = rows.iter().map(|&row| site[row]);
        let values: Vec<f64> = responses.filter(|value| !value.is_nan()).collect();
        if values.len() > 1 {
            let (mean, variance) = moments(&values);
            means.push(mean);
            noise += variance / values.len() as f64;
        }
    }
    if means.len() < 2 {
        return f64::NAN;
    }
    noise /= means.len() as f64;
    let (_, total) = moments(&means);
    // 0 / 0 of a constant site is NaN, which `max` would hide.
    match total > 0.0 {
        true => (total - noise).max(0.0) / total.max(noise),
        false => f64::NAN,
    }
}

/// Mean and variance (n − 1), which is exactly 0 where all values are equal.
fn moments(values: &[f64]) -> (f64, f64) {
    if values.iter().all(|value| *value == values[0]) {
        return (values[0], 0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean) * (value - mean));
    (mean, squares.sum::<f64>() / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use ndarray::Array2;

    #[test]
    fn reliability_that_was_built_in_is_found() {
        let (signal, errors) = (noise(500, 30, 1), noise(3000, 30, 2));
        let mut responses = Array2::from_shape_fn((3000, 30), |(row, site)| {
            signal[[row % 500, site]] + 1.5 * errors[[row, site]]
        });
        responses.column_mut(29).fill(0.1);
        let stimulus: Vec<usize> = (0..3000).map(|row| row % 500).collect();
        let repetition: Vec<i64> = (0..3000).map(|row| row / 500).collect();
        let data = Presentations {
            responses: responses.view(),
            stimulus: &stimulus,
            repetition: &repetition,
        };
        let found = by_variance(&data).unwrap().unwrap();
        // 1 / (1 + 1.5² / 6); its standard error is about (1 − c) √(2/500) for a site, and less for a median of 29.
        let expected = 1.0 / 1.375;
        let error = 0.27 * 0.063 * 1.25 / 29_f64.sqrt();
        assert!(
            (found.value - expected).abs() < 3.0 * error,
            "{}",
            found.value
        );
        assert!(found.per_site[29].is_nan());
    }

    #[test]
    fn noise_alone_is_not_reliable() {
        let responses = noise(400, 9, 3);
        let stimulus: Vec<usize> = (0..400).map(|row| row % 200).collect();
        let repetition: Vec<i64> = (0..400).map(|row| row / 200).collect();
        let data = Presentations {
            responses: responses.view(),
            stimulus: &stimulus,
            repetition: &repetition,
        };
        let found = by_variance(&data).unwrap().unwrap();
        assert!(found.per_site.iter().all(|c| (0.0..0.25).contains(c)));
        let once: Vec<usize> = (0..400).collect();
        let data = Presentations {
            stimulus: &once,
            ..data
        };
        assert_eq!(by_variance(&data).unwrap(), None);
    }
}
