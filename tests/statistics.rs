//! Statistics against NumPy and SciPy on 1,000 random cases (`tests/golden/vectors/statistics.json`), with ties and in
//! units from 1e-30 to 1e30.

// Helpers of tests are tests, which the lint's own exception does not see.
#![allow(clippy::unwrap_used)]

mod common;

use bhscore::stats::legacy_random::LegacyRandom;
use bhscore::stats::relation::{Coefficient, Sample, p_value, pearson};
use bhscore::stats::{adjust, groups, moments, partial, rank, theil_sen};
use ndarray::ArrayView2;
use serde_json::Value;

/// Relative, and for numbers up to 1 absolute. The file has 12 digits; a p of a correlation near 1 loses the most.
const TOLERANCE: f64 = 1e-9;
const N_GROUPS: usize = 3;

/// The data of a case, drawn as by `case` in `scripts/make_statistics_golden.py`.
struct Case {
    x: Vec<f64>,
    y: Vec<f64>,
    control: Vec<f64>,
    groups: Vec<usize>,
    p: Vec<f64>,
}

impl Case {
    fn draw(number: u32) -> Case {
        let mut random = LegacyRandom::seed(number);
        let n = 4 + (random.random_sample() * 37.0) as usize;
        let slope = 4.0 * random.random_sample() - 2.0;
        let scale = 10f64.powf(60.0 * random.random_sample() - 30.0);
        let mut normal = || -> Vec<f64> { (0..n).map(|_| random.standard_normal()).collect() };
        let (mut x, noise, control) = (normal(), normal(), normal());
        let mut uniform = || -> Vec<f64> { (0..n).map(|_| random.random_sample()).collect() };
        let (groups, p) = (uniform(), uniform());
        let line = |(x, noise): (&f64, &f64)| slope * x + noise;
        let mut y: Vec<f64> = x.iter().zip(&noise).map(line).collect();
        for values in [&mut x, &mut y] {
            if number.is_multiple_of(3) {
                values
                    .iter_mut()
                    .for_each(|v| *v = (2.0 * *v).floor() / 2.0);
            }
            if number.is_multiple_of(4) {
                values.iter_mut().for_each(|v| *v *= scale);
            }
        }
        let group = |share: f64| (share * N_GROUPS as f64) as usize;
        Case {
            x,
            y,
            control,
            groups: groups.into_iter().map(group).collect(),
            p,
        }
    }

    /// The numbers of a row of the file, by our functions.
    fn results(&self) -> Vec<f64> {
        let Case {
            x,
            y,
            control,
            groups,
            p,
        } = self;
        let column = ArrayView2::from_shape((x.len(), 1), x).unwrap();
        let moments = moments::columns(column);
        let sample = Sample {
            x: x.clone(),
            y: y.clone(),
            controls: vec![control.clone()],
        };
        let (r, rho) = (pearson(x, y), rank::spearman(x, y));
        let p_of = |r, kind| p_value(r, sample.freedom(kind));
        let weighted = |values: &[f64]| -> f64 {
            values
                .iter()
                .zip(1..)
                .map(|(value, place)| value * f64::from(place))
                .sum()
        };
        let line = theil_sen::line(x, y).unwrap();
        let test = groups::kruskal_wallis(y, groups, N_GROUPS);
        vec![
            moments.mean[0],
            moments.sd[0],
            r,
            p_of(r, Coefficient::Pearson),
            rho,
            p_of(rho, Coefficient::Spearman),
            weighted(&rank::midranks(y)),
            weighted(&adjust::benjamini_hochberg(p)),
            partial::partial(x, y, std::slice::from_ref(control)),
            line.slope,
            line.intercept,
            line.low,
            line.high,
            test.h,
            test.p,
        ]
    }
}

#[test]
fn a_thousand_random_cases_are_as_in_scipy() {
    let text = std::fs::read_to_string(common::golden("vectors/statistics.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let columns = golden["columns"].as_array().unwrap();
    let rows = golden["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1000);
    let mut n_undefined = 0;
    for (number, row) in (0..).zip(rows) {
        let case = Case::draw(number);
        let found = case.results();
        assert_eq!(found.len(), columns.len());
        // What is 0 but for rounding has the rounding of its unit.
        let unit = case
            .x
            .iter()
            .chain(&case.y)
            .fold(0.0, |most: f64, v| most.max(v.abs()));
        for ((found, expected), column) in
            found.into_iter().zip(row.as_array().unwrap()).zip(columns)
        {
            let what = format!("case {number}, {column}: {found} instead of {expected}");
            let Some(expected) = expected.as_f64() else {
                assert!(found.is_nan(), "{what}");
                n_undefined += 1;
                continue;
            };
            let is_length = ["mean", "sd", "intercept"].contains(&column.as_str().unwrap());
            let size = expected.abs().max(if is_length { unit } else { 1.0 });
            assert!((found - expected).abs() <= TOLERANCE * size, "{what}");
        }
    }
    assert!(n_undefined > 0, "some cases have no interval");
}
