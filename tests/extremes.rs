//! Numbers under stress: units from 1e-30 to 1e30, constant and repeated columns, few samples, one voxel, one unit.
//! What comes out is finite, or undefined and marked so, and equal to the plain result where theory says so.

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(clippy::unwrap_used)]

use bhscore::bh::{self, DecodingAccuracies, ScoreOptions};
use bhscore::ridge::{self, Inputs, Model, Params};
use bhscore::stats::relation::{p_value, pearson};
use bhscore::stats::{adjust, correlation, groups, moments, partial, rank, theil_sen};
use bhscore::study::Behaviour;
use bhscore::study::scale::Scale;
use ndarray::{Array2, ArrayView2, Axis};
use proptest::prelude::*;

/// A power of two up to 1e±30: to multiply by it rounds nothing.
fn unit() -> impl Strategy<Value = f64> {
    (-100i32..=100).prop_map(|power| 2f64.powi(power))
}

/// Columns of which some are constant, and some copies of the first; small whole numbers give ties.
fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    let value = prop_oneof![3 => -1.0f64..1.0, 1 => (-2i32..3).prop_map(f64::from)];
    let values = prop::collection::vec(value, rows * columns);
    let kinds = prop::collection::vec(0u8..8, columns);
    (values, kinds).prop_map(move |(values, kinds)| {
        let mut matrix = Array2::from_shape_vec((rows, columns), values).unwrap();
        let first = matrix.column(0).to_owned();
        for (mut column, kind) in matrix.columns_mut().into_iter().zip(kinds) {
            match kind {
                0 => column.fill(0.1),
                1 => column.assign(&first),
                _ => {}
            }
        }
        matrix
    })
}

/// Voxels `(n, n_voxels)`, units `(n, n_units)` and the number of voxels that a unit may use.
fn data() -> impl Strategy<Value = (Array2<f64>, Array2<f64>, usize)> {
    (3usize..24, 1usize..14, 1usize..5, 0usize..8).prop_flat_map(|(n, n_voxels, n_units, k)| {
        (matrix(n, n_voxels), matrix(n, n_units), Just(k))
    })
}

/// Standardised and fitted, as the stage does it.
fn decode(
    x: ArrayView2<f64>,
    y: ArrayView2<f64>,
    n_selected: usize,
    alpha: f64,
) -> (Model, Array2<f64>) {
    let rows: Vec<usize> = (0..x.nrows()).collect();
    let standardised = |x| {
        let scale = Scale::measure(x, Behaviour::Corrected);
        let values = scale.apply(x, &rows, Behaviour::Corrected);
        (scale, values)
    };
    let ((_, inputs), (units, targets)) = (standardised(x), standardised(y));
    let params = Params {
        alpha,
        n_selected,
        force_f64: false,
    };
    let system = Inputs::new(inputs.view(), &rows, rows.len(), &params);
    let model = ridge::fit(&system, targets.view()).unwrap();
    let mut decoded = model.predict(inputs.view());
    for (unit, mut column) in decoded.columns_mut().into_iter().enumerate() {
        column.mapv_inplace(|z| z * units.norm[unit] + units.mean[unit]);
    }
    (model, decoded)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn decoders_have_no_units(
        (x, y, k) in data(), (of_x, of_y) in (unit(), unit()), power in -6i32..7,
    ) {
        let alpha = 10f64.powi(power);
        let (model, decoded) = decode(x.view(), y.view(), k, alpha);
        prop_assert!(model.weights.iter().chain(&model.bias).all(|value| value.is_finite()));
        prop_assert!(decoded.iter().all(|value| value.is_finite()));
        let (x, y) = (x * of_x, y * of_y);
        let (scaled, decoded_scaled) = decode(x.view(), y.view(), k, alpha);
        prop_assert_eq!(scaled, model);
        prop_assert_eq!(decoded_scaled, decoded * of_y);
    }

    /// Every sample twice with twice the penalty is the same system, divided by two.
    #[test]
    fn repeated_samples_count_like_a_smaller_penalty((x, y, k) in data()) {
        let twice = |x: &Array2<f64>| ndarray::concatenate(Axis(0), &[x.view(), x.view()]).unwrap();
        let params = |alpha| Params { alpha, n_selected: k, force_f64: true };
        let rows: Vec<usize> = (0..x.nrows()).collect();
        let once = Inputs::new(x.view(), &rows, rows.len(), &params(1.0));
        let once = ridge::fit(&once, y.view()).unwrap();
        let both = Inputs::new(twice(&x).view(), &[&rows[..], &rows].concat(), rows.len(), &params(2.0));
        let both = ridge::fit(&both, y.view()).unwrap();
        // Equal correlations may be ranked otherwise by their rounding.
        prop_assume!(once.selected == both.selected);
        // The condition number is below 24 * 14 * 4 + 1.
        for (a, b) in once.weights.iter().chain(&once.bias).zip(both.weights.iter().chain(&both.bias)) {
            prop_assert!((a - b).abs() < 1e-10, "{} {}", a, b);
        }
    }

    #[test]
    fn correlations_have_no_units_and_are_defined_or_not(
        (x, y, _) in data(), (of_x, of_y) in (unit(), unit()),
    ) {
        let y = y.column(0).to_owned();
        let constant = |values: &[f64]| values.iter().all(|value| *value == values[0]);
        for column in x.columns() {
            let (x, y) = (column.to_vec(), y.to_vec());
            let [x2, y2] = [(&x, of_x), (&y, of_y)]
                .map(|(values, unit)| values.iter().map(|value| value * unit).collect::<Vec<f64>>());
            let undefined = constant(&x) || constant(&y);
            for (one, other) in [
                (pearson(&x, &y), pearson(&x2, &y2)),
                (rank::spearman(&x, &y), rank::spearman(&x2, &y2)),
            ] {
                prop_assert_eq!(one.is_nan(), undefined);
                prop_assert_eq!(one.to_bits(), other.to_bits());
                let p = p_value(one, x.len() - 2);
                prop_assert!(undefined || (one.abs() <= 1.0 && (0.0..=1.0).contains(&p)), "{} {}", one, p);
            }
            let control = std::slice::from_ref(&x);
            let one = partial::partial(&y, &x, control);
            let other = partial::partial(&y2, &x2, std::slice::from_ref(&x2));
            prop_assert!(one.is_nan() && other.is_nan(), "what is taken out is gone");
            let (line, scaled) = (theil_sen::line(&x, &y), theil_sen::line(&x2, &y2));
            prop_assert_eq!(line.is_none(), constant(&x));
            if let (Some(line), Some(scaled)) = (line, scaled) {
                prop_assert_eq!(scaled.slope, line.slope * (of_y / of_x));
                prop_assert!(line.slope.is_finite() && line.intercept.is_finite());
                prop_assert!(line.low.is_nan() || (line.low <= line.slope && line.slope <= line.high));
            }
        }
    }

    #[test]
    fn moments_ranks_groups_and_adjusted_p_keep_their_ranges((x, y, _) in data(), of in unit()) {
        let (plain, scaled) = (moments::columns(x.view()), moments::columns((&x * of).view()));
        prop_assert_eq!(&plain.constant, &scaled.constant);
        prop_assert_eq!(scaled.mean, plain.mean * of);
        prop_assert_eq!(scaled.sd, plain.sd * of);
        let rows = correlation::row_matrix(y.view());
        prop_assert!(rows.iter().all(|r| r.is_nan() || r.abs() <= 1.0));
        let values = x.column(0).to_vec();
        let n = values.len() as f64;
        // All ranks are multiples of a half: their sum is exact.
        prop_assert_eq!(rank::midranks(&values).iter().sum::<f64>(), n * (n + 1.0) / 2.0);
        let of_group: Vec<usize> = (0..values.len()).map(|place| place % 3).collect();
        let test = groups::kruskal_wallis(&values, &of_group, 3);
        prop_assert!(test.h.is_nan() == test.p.is_nan() && (test.p.is_nan() || (0.0..=1.0).contains(&test.p)));
        let p: Vec<f64> = values.iter().map(|value| value.abs() / 2.0).collect();
        for (adjusted, p) in adjust::benjamini_hochberg(&p).into_iter().zip(p) {
            prop_assert!(adjusted >= p && adjusted <= 1.0);
        }
    }

    /// Units that are copies vote as often, and ranks of votes stay.
    #[test]
    fn a_score_of_copied_units_is_the_same(
        r in prop::collection::vec((-2000i32..10_000).prop_map(|r| r as f32 / 1e4), 5 * 4 * 6), copies in 2usize..5,
    ) {
        let study = |copies: usize| {
            let names = |prefix: &str, n| (0..n).map(|i| format!("{prefix}{i}")).collect();
            let layer = |layer: &[f32]| {
                let rois = layer.chunks(6).map(|units| Some(units.repeat(copies)));
                vec![rois.collect()]
            };
            DecodingAccuracies {
                layers: names("layer", 5),
                subjects: names("subject", 1),
                rois: names("roi", 4),
                values: r.chunks(24).map(layer).collect(),
                n_test: Some(50),
            }
        };
        let score = |copies| bh::decoding_score(&study(copies), &ScoreOptions::default()).unwrap().pooled;
        let (one, many) = (score(1), score(copies));
        for (one, many) in [
            (one.published.score.ok(), many.published.score.ok()),
            (one.textbook.score.ok(), many.textbook.score.ok()),
        ] {
            // Sums of more ranks round otherwise.
            let same = match (one, many) {
                (Some(one), Some(many)) => (one - many).abs() < 1e-12 && one.abs() <= 1.0,
                (one, many) => one == many,
            };
            prop_assert!(same, "{:?} {:?}", one, many);
        }
    }
}
