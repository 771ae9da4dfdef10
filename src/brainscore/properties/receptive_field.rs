//! Where a unit sees: its receptive field, mapped by small gratings all over the middle of the image (SPEC 2.13).
//!
//! ```text
//! m_p = max(0, max over orientation and phase of response − response to the blank image)    at position p
//! centre = Σ p m_p / Σ m_p     over positions with m_p > 5 % of the largest
//! ```

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::stimuli::{self, N_POSITIONS};

/// Share of the largest response that counts as response.
const THRESHOLD: f32 = 0.05;
/// Distance in degrees between a unit's centre and the stimulus at which it still sees it.
pub const NEAR: f64 = 0.15;
/// Bytes that a map takes for a unit.
pub const BYTES_PER_UNIT: u64 = (N_POSITIONS * N_POSITIONS * size_of::<f32>()) as u64;
/// Gratings at each position: orientations by phases.
pub const N_AT_POSITION: usize = 8;

/// Largest responses of all units at all positions, filled a batch at a time.
///
/// Takes [`BYTES_PER_UNIT`].
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// `m_p`, `(N_POSITIONS², n_units)`, rows from the top, from left to right.
    largest: Array2<f32>,
}

impl Map {
    /// Of so many units, without responses.
    pub fn new(n_units: usize) -> Map {
        Map {
            largest: Array2::zeros((N_POSITIONS * N_POSITIONS, n_units)),
        }
    }

    /// Takes responses in.
    ///
    /// - `first`: number of the first grating within the set.
    /// - `responses`: rectified, to gratings in the order of the set, `(n_images, n_units)`.
    /// - `blank`: rectified response to the blank image, `(n_units,)`.
    ///
    /// # Panics
    /// If there are other units, or gratings beyond the set.
    #[track_caller]
    pub fn take(
        &mut self,
        first: usize,
        responses: ArrayView2<'_, f32>,
        blank: ArrayView1<'_, f32>,
    ) {
        for (number, row) in responses.rows().into_iter().enumerate() {
            let position = (first + number) / N_AT_POSITION;
            ndarray::Zip::from(self.largest.row_mut(position))
                .and(row)
                .and(blank)
                .for_each(|largest, response, blank| *largest = largest.max(response - blank));
        }
    }

    /// Centre of a unit's field in degrees to the right and down; `None` of a unit that never responds.
    pub fn centre(&self, unit: usize) -> Option<(f64, f64)> {
        let responses = self.largest.column(unit);
        let largest = responses.fold(0.0_f32, |most, r| most.max(*r));
        let counted = responses
            .iter()
            .enumerate()
            .filter(|(_, r)| **r > largest * THRESHOLD);
        let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
        for (position, &r) in counted {
            let weight = f64::from(r);
            sum += weight;
            x += weight * (position % N_POSITIONS) as f64;
            y += weight * (position / N_POSITIONS) as f64;
        }
        let degrees = |index: f64| {
            let positions = stimuli::positions();
            positions[0] + (positions[1] - positions[0]) * index
        };
        (sum > 0.0).then(|| (degrees(x / sum), degrees(y / sum)))
    }

    /// Units whose centre is at most [`NEAR`] from a place, ascending.
    pub fn near(&self, place: (f64, f64)) -> Vec<usize> {
        let sees = |unit: &usize| {
            self.centre(*unit)
                .is_some_and(|(x, y)| (x - place.0).hypot(y - place.1) <= NEAR)
        };
        (0..self.largest.ncols()).filter(sees).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centres_are_those_of_the_fields() {
        // Gaussian fields; the last unit does not respond.
        let centres = [(0.5, 0.5), (-1.1, 0.3), (0.62, 0.45), (0.0, 0.0)];
        let gratings = stimuli::Set::ReceptiveField.gratings();
        let responses = Array2::from_shape_fn((gratings.len(), 4), |(image, unit)| {
            let (grating, centre) = (&gratings[image], centres[unit]);
            let distance = (grating.centre.0 - centre.0).hypot(grating.centre.1 - centre.1);
            let preferred = f64::from(u8::from(grating.orientation == 45.0));
            match unit {
                3 => 0.2,
                _ => (0.2 + preferred * (-distance * distance / 0.18).exp()) as f32,
            }
        });
        let blank = ndarray::Array1::from_elem(4, 0.2_f32);
        let mut map = Map::new(4);
        for first in [0, 1000] {
            let last = [1000, 3528][usize::from(first > 0)];
            let some = responses.slice(ndarray::s![first..last, ..]);
            map.take(first, some, blank.view());
        }
        for (unit, centre) in centres[..3].iter().enumerate() {
            let found = map.centre(unit).unwrap();
            // The threshold cuts the field asymmetrically where its centre is between positions.
            assert!(
                (found.0 - centre.0).hypot(found.1 - centre.1) < 0.02,
                "{found:?}"
            );
        }
        assert_eq!(map.centre(3), None);
        assert_eq!(map.near((0.5, 0.5)), [0, 2]);
    }
}
