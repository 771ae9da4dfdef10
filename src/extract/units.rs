//! From a layer's tensor to the values that are written: transform, choice of units, order on disk.

use ndarray::{ArrayD, ArrayViewD};

use crate::io::features::VARIABLE;
use crate::io::mat;
use crate::settings::{Transform, Units};
use crate::stats::legacy_random::LegacyRandom;

/// Shape of a layer and the units that are kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Shape of the layer for one image, such as channels × height × width.
    pub shape: Vec<usize>,
    /// Positions of the kept units in the flattened (row-major) layer, ascending; `None` for all.
    pub index: Option<Vec<usize>>,
}

impl Kept {
    /// Draws the units, the same for every layer of that size: NumPy's
    /// `sorted(RandomState(seed).permutation(n)[:number])`.
    #[must_use]
    pub fn of(shape: &[usize], units: Units, seed: u32) -> Kept {
        let n_units: usize = shape.iter().product();
        let index = match units {
            Units::Random(number) if number < n_units => {
                let mut chosen = LegacyRandom::seed(seed).choice(n_units, number);
                chosen.sort_unstable();
                Some(chosen)
            }
            _ => None,
        };
        Kept {
            shape: shape.to_vec(),
            index,
        }
    }

    /// Number of units that are written.
    #[must_use]
    pub fn n_units(&self) -> usize {
        match &self.index {
            Some(index) => index.len(),
            None => self.shape.iter().product(),
        }
    }

    /// One image's activations as they are written: 1 × units if some are chosen or the layer is flat, else 1 ×
    /// the layer's shape.
    #[must_use]
    pub fn of_image(&self, activations: ArrayViewD<'_, f32>, transform: Transform) -> ArrayD<f32> {
        let chosen = match &self.index {
            None => activations.insert_axis(ndarray::Axis(0)).to_owned(),
            Some(index) => {
                let all: Vec<f32> = activations.iter().copied().collect();
                let chosen = index.iter().map(|&unit| all[unit]).collect();
                ArrayD::from_shape_vec(vec![1, index.len()], chosen)
                    .expect("as many values as were chosen")
            }
        };
        match transform {
            Transform::None => chosen,
            Transform::Abs => chosen.mapv_into(f32::abs),
        }
    }
}

/// The `.mat` file of one image and layer, with the variable `feat`.
#[must_use]
pub fn encode(activations: &ArrayD<f32>) -> Vec<u8> {
    let values = activations.as_standard_layout();
    let values = values.as_slice().expect("in standard layout");
    mat::encode_f32_rows(VARIABLE, activations.shape(), values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_units_are_numpys_and_ascending() {
        let kept = Kept::of(&[2, 5], Units::Random(4), 1);
        // RandomState(1).permutation(10) starts 2 9 6 4.
        assert_eq!(kept.index, Some(vec![2, 4, 6, 9]));
        assert_eq!(Kept::of(&[2, 5], Units::Random(10), 1).index, None);
        assert_eq!(Kept::of(&[2, 5], Units::All, 1).n_units(), 10);
    }

    #[test]
    fn one_image_keeps_its_shape_or_becomes_a_row() {
        let values: Vec<f32> = (0..10).map(|i| 4.0 - i as f32).collect();
        let activations = ArrayD::from_shape_vec(vec![2, 5], values).unwrap();
        let all = Kept::of(&[2, 5], Units::All, 0).of_image(activations.view(), Transform::Abs);
        assert_eq!(all.shape(), [1, 2, 5]);
        assert_eq!(all[[0, 1, 4]], 5.0);
        let some =
            Kept::of(&[2, 5], Units::Random(4), 1).of_image(activations.view(), Transform::None);
        assert_eq!(some.shape(), [1, 4]);
        assert_eq!(some.into_raw_vec_and_offset().0, [2.0, 0.0, -2.0, -5.0]);
    }

    #[test]
    fn files_read_back_in_the_order_of_the_layer() {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let activations = ArrayD::from_shape_vec(vec![1, 2, 3, 4], values).unwrap();
        let path = folder.path().join("a.mat");
        crate::io::atomic::write(&path, &encode(&activations)).unwrap();
        let read = mat::read_f32(&path, "feat").unwrap();
        assert_eq!(read.shape, [1, 2, 3, 4]);
        // Column-major: the second value on disk is the next channel's first.
        assert_eq!(read.values[..3], [0.0, 12.0, 4.0]);
    }
}
