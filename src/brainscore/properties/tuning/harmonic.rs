//! Responses to the phases of a grating: their mean, and how much they follow the phase.
//!
//! ```text
//! F0 = mean over phases       F1 = 2 |Σ_j r_j e^{−2πij/n}| / n
//! ```
//!
//! F1/F0 is the modulation ratio (Skottun et al. 1991, Vision Res. 31, 1079–1086): near 0 of complex cells, above 1 of
//! simple ones.

/// Mean and amplitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Harmonics {
    /// Mean over phases.
    pub f0: f64,
    /// Amplitude of the first harmonic.
    pub f1: f64,
}

impl Harmonics {
    /// Of responses to phases in equal steps over the whole circle, `(n_phases,)`.
    pub fn of(phases: &[f64]) -> Harmonics {
        let n = phases.len() as f64;
        let step = 2.0 * std::f64::consts::PI / n;
        let sum = |part: fn(f64) -> f64| -> f64 {
            let terms = phases.iter().enumerate();
            terms
                .map(|(number, r)| r * part(step * number as f64))
                .sum()
        };
        Harmonics {
            f0: phases.iter().sum::<f64>() / n,
            f1: 2.0 * sum(f64::cos).hypot(sum(f64::sin)) / n,
        }
    }

    /// F1/F0.
    pub fn modulation_ratio(self) -> f64 {
        self.f1 / self.f0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(response: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..8)
            .map(|number| response(f64::from(number) * std::f64::consts::FRAC_PI_4))
            .collect()
    }

    #[test]
    fn a_linear_unit_has_its_amplitude_by_its_mean() {
        for shift in [0.0, 0.3, 2.0] {
            let found = Harmonics::of(&phases(|phase| 5.0 + 3.0 * (phase + shift).cos()));
            assert!((found.f0 - 5.0).abs() < 1e-14 && (found.f1 - 3.0).abs() < 1e-14);
            assert!((found.modulation_ratio() - 0.6).abs() < 1e-14);
        }
    }

    #[test]
    fn simple_cells_are_modulated_and_complex_ones_are_not() {
        // Half a cosine has π/2; eight phases between those where it is cut come near.
        let found = Harmonics::of(&phases(|phase| (phase + 0.2).cos().max(0.0)));
        let expected = std::f64::consts::FRAC_PI_2;
        assert!((found.modulation_ratio() / expected - 1.0).abs() < 0.02);
        let energy = |phase: f64| phase.cos().powi(2) + phase.sin().powi(2);
        assert!(Harmonics::of(&phases(energy)).modulation_ratio() < 1e-14);
        assert!(Harmonics::of(&[0.0; 8]).modulation_ratio().is_nan());
    }
}
