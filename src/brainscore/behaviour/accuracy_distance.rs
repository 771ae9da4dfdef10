//! How near a model's accuracy is to a person's, relative to how far it could be.
//!
//! ```text
//! s = 1 − |a − b| / max(1 − b, b − chance)      a: of the model, b: of the person
//! ```
//!
//! The score is the absolute mean over people, its error their standard deviation (n), as in the registry.

use ndarray::Array1;

/// Nearness of two accuracies: 1 where they are equal, 0 where they could not be further apart.
///
/// - `model`, `person`: shares of right answers.
/// - `chance`: accuracy of guessing; 0 in most benchmarks.
pub fn similarity(model: f64, person: f64, chance: f64) -> f64 {
    1.0 - (model - person).abs() / (1.0 - person).max(person - chance)
}

/// Mean nearness to several people, and its standard deviation (n) over them; NaN of none.
///
/// - `people`: accuracy of every person.
pub fn score(model: f64, people: &[f64], chance: f64) -> (f64, f64) {
    let all: Array1<f64> = people
        .iter()
        .map(|&person| similarity(model, person, chance))
        .collect();
    (all.mean().map_or(f64::NAN, f64::abs), all.std(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_relative_to_the_largest() {
        assert_eq!(similarity(0.8, 0.8, 0.0), 1.0);
        assert_eq!(similarity(0.0, 0.8, 0.0), 0.0);
        assert_eq!(similarity(1.0, 0.4, 0.0), 0.0);
        assert!((similarity(0.5, 0.75, 0.25) - 0.5).abs() < 1e-15);
        let (mean, error) = score(0.5, &[0.5, 1.0], 0.0);
        assert!((mean - 0.75).abs() < 1e-15 && (error - 0.25).abs() < 1e-15);
        assert!(score(0.5, &[], 0.0).0.is_nan());
    }
}
