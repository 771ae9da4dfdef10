//! Tuning to size (Cavanaugh, Bair & Movshon 2002, J. Neurophysiol. 88, 2530–2546).

use super::peak;

/// Units are suppressed from here on.
const SUPPRESSED: f64 = 0.1;
/// Share of the peak that the summation field reaches.
const SUMMED: f64 = 0.95;
/// Share of the plateau above it at which suppression is complete.
const COMPLETE: f64 = 0.05;

/// What a size curve tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Surround-suppression index `(peak − plateau) / peak`; the plateau is the response to the largest grating.
    pub suppression: f64,
    /// Diameter in degrees of the first grating that reaches 95 % of the peak; NaN of a unit that is not suppressed.
    pub summation_field: f64,
    /// Diameter of the first grating beyond the peak whose response is within 5 % of the plateau; NaN likewise.
    pub surround_diameter: f64,
}

impl Tuning {
    /// From responses to gratings of these radii.
    ///
    /// - `curve`: `(n_radii,)`.
    /// - `radii`: in degrees, ascending, `(n_radii,)`.
    ///
    /// # Panics
    /// If there is not one radius per response, or none.
    #[track_caller]
    pub fn of(curve: &[f64], radii: &[f64]) -> Tuning {
        assert_eq!(curve.len(), radii.len(), "a radius per response");
        let (top, plateau) = (peak(curve), curve[curve.len() - 1]);
        let largest = top.map_or(f64::NAN, |top| curve[top]);
        let suppression = (largest - plateau) / largest;
        let none = Tuning {
            suppression,
            summation_field: f64::NAN,
            surround_diameter: f64::NAN,
        };
        let Some(top) = top.filter(|_| largest > 0.0 && suppression > SUPPRESSED) else {
            return none;
        };
        let complete = plateau + COMPLETE * plateau.abs();
        let summed = curve.iter().position(|&r| r >= largest * SUMMED);
        let beyond = (top + 1..curve.len()).find(|&size| curve[size] <= complete);
        let diameter = |size: Option<usize>| size.map_or(f64::NAN, |size| 2.0 * radii[size]);
        Tuning {
            summation_field: diameter(summed),
            surround_diameter: diameter(beyond),
            ..none
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppressed_unit_has_a_field_and_a_surround() {
        let radii = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2];
        let found = Tuning::of(&[2.0, 9.6, 10.0, 6.0, 5.2, 5.0], &radii);
        assert_eq!(found.suppression, 0.5);
        assert_eq!((found.summation_field, found.surround_diameter), (0.4, 3.2));
        let found = Tuning::of(&[2.0, 9.0, 10.0, 9.9, 9.5, 9.5], &radii);
        assert!((found.suppression - 0.05).abs() < 1e-15);
        assert!(found.summation_field.is_nan() && found.surround_diameter.is_nan());
        // F0 less the baseline may fall below 0.
        let found = Tuning::of(&[2.0, 10.0, 1.0, -1.8, -2.0, -2.0], &radii);
        assert_eq!((found.suppression, found.surround_diameter), (1.2, 3.2));
    }

    #[test]
    fn what_does_not_respond_has_no_tuning() {
        let found = Tuning::of(&[0.0; 3], &[1.0, 2.0, 3.0]);
        assert!(found.suppression.is_nan() && found.summation_field.is_nan());
        assert!(
            Tuning::of(&[f64::NAN; 3], &[1.0, 2.0, 3.0])
                .suppression
                .is_nan()
        );
    }
}
