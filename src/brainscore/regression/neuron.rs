//! Neuron to neuron: every target is predicted by one unit, the one that correlates best with it.

use ndarray::{Array1, Array2, Axis};

use super::fold::Fold;
use crate::brainscore::gram;
use crate::error::{Error, Result};
use crate::ridge::linalg;
use crate::stats::moments;

/// Values of the unit that has the highest correlation with each target over training images, for the test images:
/// `(n_test, n_targets)`.
///
/// The highest r with its sign: a unit that goes the other way does not count. Of equal ones the first; a unit that
/// is constant over training images has no r. A target without any r gets NaN.
///
/// # Errors
/// If the features come without values.
pub(super) fn predict(fold: &Fold) -> Result<Array2<f64>> {
    let features = fold.features;
    let mean = fold.mean_response();
    let deviations = fold.gathered_deviations(&mean);
    let mut best: Vec<(f64, Option<usize>)> = vec![(f64::NEG_INFINITY, None); mean.len()];
    // Correlations with a constant are undefined; all others of a target are scaled alike.
    let constant = moments::constant_columns(deviations.view());
    for units in gram::blocks(features.n_units()) {
        let block = features.block(units.clone()).ok_or_else(no_values)?;
        let mut train = block.select(Axis(0), &fold.split.train);
        scale(&mut train);
        let products = linalg::transpose_product(train.view(), deviations.view());
        for (unit, row) in units.zip(products.rows()) {
            for ((best, &r), constant) in best.iter_mut().zip(row).zip(&constant) {
                if !constant && r > best.0 {
                    *best = (r, Some(unit));
                }
            }
        }
    }
    let mut predicted = Array2::from_elem((fold.split.test.len(), mean.len()), f64::NAN);
    for (mut row, &image) in predicted.axis_iter_mut(Axis(0)).zip(&fold.split.test) {
        for (value, (_, unit)) in row.iter_mut().zip(&best) {
            if let Some(unit) = unit {
                *value = features.at(image, *unit).ok_or_else(no_values)?;
            }
        }
    }
    Ok(predicted)
}

/// Centres columns and divides them by their lengths; constant ones become NaN.
fn scale(train: &mut Array2<f64>) {
    let constant = moments::constant_columns(train.view());
    let mean = train.sum_axis(Axis(0)) / train.nrows() as f64;
    let mut squares = Array1::<f64>::zeros(train.ncols());
    for mut row in train.rows_mut() {
        row -= &mean;
        let sums = squares.iter_mut().zip(&row);
        sums.for_each(|(sum, value)| *sum += value * value);
    }
    for (square, constant) in squares.iter_mut().zip(constant) {
        *square = if constant {
            f64::NAN
        } else {
            square.sqrt().recip()
        };
    }
    *train *= &squares;
}

fn no_values() -> Error {
    Error::data(
        "neuron-to-neuron prediction",
        "needs the values of the units, of which only products are known",
        "give the features themselves",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::features::Features;
    use crate::brainscore::noise;
    use crate::stats::correlation;
    use crate::stats::splits::{self, Size};

    #[test]
    fn the_unit_is_the_one_of_the_definition() {
        let mut x = noise(30, 9, 1);
        x.column_mut(4).fill(0.1);
        let mut y = noise(30, 5, 2);
        y.column_mut(3).assign(&(x.column(7).mapv(|value| -value)));
        y.column_mut(4).fill(2.0);
        let split = splits::plain(30, 1, Size::Train(0.8), 1).unwrap().remove(0);
        let features = Features::new(x.clone()).unwrap();
        let fold = Fold {
            features: &features,
            responses: y.view(),
            split: &split,
        };
        let found = predict(&fold).unwrap();
        let (x_train, y_train) = (
            x.select(Axis(0), &split.train),
            y.select(Axis(0), &split.train),
        );
        for target in 0..4 {
            let column = y_train.column(target).insert_axis(Axis(1));
            let all = column.broadcast(x_train.dim()).unwrap();
            let r = correlation::columns(x_train.view(), all);
            let best = (0..9)
                .filter(|&unit| !r[unit].is_nan())
                .max_by(|&a, &b| r[a].total_cmp(&r[b]))
                .unwrap();
            assert_ne!((target, best), (3, 7));
            let expected = x.select(Axis(0), &split.test).column(best).to_owned();
            assert_eq!(found.column(target), expected);
        }
        assert!(found.column(4).iter().all(|value| value.is_nan()));
        let without = Features::new(x).unwrap().without_values();
        let fold = Fold {
            features: &without,
            ..fold
        };
        assert!(predict(&fold).is_err());
    }
}
