//! d′: how well an object is told from a distractor, with the bias for either taken out (SPEC 2.12, step 3).
//!
//! ```text
//! d′_id = z(1 − f_id) − z(F_do)      of image i of object o        z: quantile of the standard normal distribution
//! d′_od = z(1 − F_od) − z(F_do)      of object o
//! F_od                               mean of f_id over the images i of o that have one
//! ```
//!
//! clipped to ±5. The rates are [false alarms](super::choices): `1 − f_id` is the hit rate of image `i` against `d`.
//! `∞ − ∞`, as with `f_id = 0` and `F_do = 1`, is NaN.
//
// The registry writes the objects' as z(1 − F_do) − z(F_od), which is the same number: z(1 − F) = −z(F).

use ndarray::Array2;
use statrs::distribution::{ContinuousCDF, Normal};

use super::choices::FalseAlarms;

/// Largest absolute d′.
pub const CAP: f64 = 5.0;

/// Of every image against every object, `(n_images, n_objects)`; NaN where a rate is missing.
pub fn of_images(alarms: &FalseAlarms) -> Array2<f64> {
    let objects = rates_of_objects(alarms);
    Array2::from_shape_fn(alarms.rates.dim(), |(image, distractor)| {
        let (rate, truth) = (alarms.rates[[image, distractor]], alarms.truth[image]);
        clip(z(1.0 - rate) - z(objects[[distractor, truth]]))
    })
}

/// Of every object against every other, `(n_objects, n_objects)`, symmetric; NaN where a rate is missing.
pub fn of_objects(alarms: &FalseAlarms) -> Array2<f64> {
    let objects = rates_of_objects(alarms);
    Array2::from_shape_fn(objects.dim(), |(object, distractor)| {
        clip(z(1.0 - objects[[object, distractor]]) - z(objects[[distractor, object]]))
    })
}

/// `F`: mean rate over the images of every object (rows) at which others (columns) are chosen; NaN of none.
fn rates_of_objects(alarms: &FalseAlarms) -> Array2<f64> {
    let n_objects = alarms.rates.ncols();
    let mut sums = Array2::<f64>::zeros((n_objects, n_objects));
    let mut counts = sums.clone();
    for ((image, object), rate) in alarms.rates.indexed_iter() {
        if !rate.is_nan() {
            sums[[alarms.truth[image], object]] += rate;
            counts[[alarms.truth[image], object]] += 1.0;
        }
    }
    sums / counts
}

/// Quantile of the standard normal distribution: infinite at 0 and 1, NaN of what is no probability.
pub fn z(p: f64) -> f64 {
    match (0.0..=1.0).contains(&p) {
        true => Normal::standard().inverse_cdf(p),
        false => f64::NAN,
    }
}

/// NaN stays NaN.
fn clip(d: f64) -> f64 {
    d.clamp(-CAP, CAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_scipys() {
        // scipy.stats.norm.ppf
        let cases: [(f64, f64); 7] = [
            (1e-300, -37.0470962993612),
            (1e-12, -7.034483825301131),
            (0.001, -3.090232306167813),
            (0.3, -0.5244005127080409),
            (0.5, 0.0),
            (0.975, 1.959963984540054),
            (1.0 - 1e-10, 6.361340889697422),
        ];
        for (p, expected) in cases {
            let found = z(p);
            let scale = expected.abs().max(1.0);
            assert!((found - expected).abs() < 2e-14 * scale, "{p} {found}");
        }
        assert_eq!((z(0.0), z(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(z(f64::NAN).is_nan() && z(1.1).is_nan());
    }

    #[test]
    fn infinite_values_are_clipped_and_their_difference_is_nan() {
        let nan = f64::NAN;
        let alarms = FalseAlarms {
            rates: array![[nan, 0.0], [1.0, nan]],
            truth: vec![0, 1],
        };
        let found = of_images(&alarms);
        // z(1) − z(1), and z(0) − z(0).
        assert!(found.iter().all(|d| d.is_nan()));
        let alarms = FalseAlarms {
            rates: array![[nan, 0.0], [0.5, nan], [0.5, nan]],
            truth: vec![0, 1, 1],
        };
        let found = of_images(&alarms);
        assert_eq!((found[[0, 1]], found[[1, 0]]), (CAP, CAP));
        assert!(found[[0, 0]].is_nan());
        assert_eq!(of_objects(&alarms)[[0, 1]], CAP);
    }

    proptest! {
        #[test]
        fn objects_are_told_apart_equally_well_from_either_side(
            rates in proptest::collection::vec(0.01_f64..0.99, 18),
        ) {
            let truth = vec![0, 0, 1, 1, 2, 2];
            let rates = Array2::from_shape_fn((6, 3), |(image, object)| {
                if object == truth[image] { f64::NAN } else { rates[3 * image + object] }
            });
            let found = of_objects(&FalseAlarms { rates, truth });
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                prop_assert!((found[[a, b]] - found[[b, a]]).abs() < 1e-12);
            }
        }
    }
}
