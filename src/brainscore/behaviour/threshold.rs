//! How near a model's psychometric threshold is to people's.
//!
//! ```text
//! individual   mean over people of max(0, 1 − |t_person − t| / t_person)     error: standard deviation (n)
//! pooled       max(0, 1 − |t̄ − t| / t̄)                                       t̄: mean over people
//! ```
//!
//! A threshold is the size of a stimulus at which a psychometric function reaches a given accuracy; thresholds are
//! given, fitting them is not done here.

use ndarray::Array1;

/// Which thresholds a model's is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Against {
    /// Each person's; the stricter one.
    #[default]
    Individual,
    /// The mean of all people's.
    Pooled,
}

/// Score and error over people; the pooled one has no error (0). NaN without people.
///
/// - `model`: its threshold.
/// - `people`: their thresholds, positive.
pub fn score(model: f64, people: &[f64], against: Against) -> (f64, f64) {
    let people = Array1::from(people.to_vec());
    let near = |threshold: f64| (1.0 - (threshold - model).abs() / threshold).max(0.0);
    match (against, people.mean()) {
        (_, None) => (f64::NAN, f64::NAN),
        (Against::Pooled, Some(mean)) => (near(mean), 0.0),
        (Against::Individual, Some(_)) => {
            let all = people.mapv(near);
            (all.mean().unwrap_or(f64::NAN), all.std(0.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_tests() {
        let (value, error) = score(10.0, &[10.0, 20.0, 40.0, 20.0], Against::Individual);
        assert_eq!(value, 0.5625);
        assert!((error - 0.2724311839712921).abs() < 1e-15);
        // Elevations are scored alike.
        let (value, _) = score(3.0, &[3.0, 2.0, 1.5, 5.0], Against::Individual);
        assert!((value - 0.525).abs() < 1e-15);
        let (value, _) = score(10.0, &[10.0, 20.0, 40.0, 20.0], Against::Pooled);
        assert!((value - 10.0 / 22.5).abs() < 1e-15);
        assert_eq!(score(100.0, &[10.0], Against::Pooled).0, 0.0);
        assert!(score(1.0, &[], Against::Pooled).0.is_nan());
    }
}
