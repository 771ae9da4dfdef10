//! Behaviour and tuning properties against scikit-learn, SciPy and NumPy: `scripts/make_behaviour_golden.py` made the
//! arrays.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::collections::BTreeMap;

use bhscore::brainscore::behaviour::choices::FalseAlarms;
use bhscore::brainscore::behaviour::consistency::consistency;
use bhscore::brainscore::behaviour::readout::{Labelled, Penalty, Readout, top};
use bhscore::brainscore::behaviour::signature::Signature;
use bhscore::brainscore::behaviour::trials::{Trial, Trials};
use bhscore::brainscore::features::Features;
use bhscore::brainscore::properties::experiment::{Shown, record, scores};
use bhscore::brainscore::properties::grating::Grating;
use bhscore::brainscore::properties::histogram::{self, Neurons};
use bhscore::brainscore::properties::property::Property;
use bhscore::brainscore::properties::spline::Spline;
use bhscore::brainscore::properties::stimuli::{self, Set};
use bhscore::brainscore::properties::tuning::{frequency, orientation};
use bhscore::brainscore::properties::{published, table};
use ndarray::{Array, Array1, Array2, ArrayView2, Axis, Ix2, Ix4, s};

use common::arrays::{Golden, furthest};

/// T16. The reference stops at a gradient of 1e-12 relative; probabilities then agree to rounding.
#[test]
fn readouts_are_scikit_learns() {
    let mut golden = Golden::open("behaviour/readouts.npz");
    for (study, c) in [("wide", 1e-3), ("narrow", 1e-3), ("weak", 1.0)] {
        let x: Array<f32, Ix2> = golden.array(&format!("{study}_x"));
        let classes = golden.indices(&format!("{study}_classes"));
        let expected = golden.matrix(&format!("{study}_p"));
        let (n_images, n_classes) = (x.nrows(), expected.ncols());
        let images: Vec<usize> = (0..n_images).collect();
        let (fitted, asked) = images.split_at(n_images - expected.nrows());
        let known = Labelled {
            images: fitted,
            classes: &classes[..fitted.len()],
            n_classes,
        };
        let penalty = Penalty {
            c,
            ..Penalty::default()
        };
        let readout = Readout::fit(&Features::new(x).unwrap(), known, penalty).unwrap();
        let found = readout.probabilities(asked);
        let error = furthest(&found, &expected);
        eprintln!("{study}: {error:.1e}");
        assert!(error < 1e-8, "{study}: {error:e}");
        let truth = &classes[fitted.len()..];
        assert!(top(found.view(), truth, 1) > 1.0 / n_classes as f64);
        assert_eq!(top(found.view(), truth, n_classes), 1.0);
    }
}

/// T16: signatures, raw scores, ceilings and their quotient, repetition by repetition.
#[test]
fn consistency_is_that_of_the_recipe() {
    let mut golden = Golden::open("behaviour/consistency.npz");
    let truth = golden.indices("truth");
    let probabilities = golden.matrix("model");
    let rows: Array<i64, Ix2> = golden.array("trials");
    let number = |value: i64| value as usize;
    let names = |n: usize| (0..n).map(|name| format!("{name:03}")).collect();
    let trials = Trials {
        path: "trials.csv".into(),
        images: names(truth.len()),
        objects: names(probabilities.ncols()),
        truth: truth.clone(),
        trials: rows
            .rows()
            .into_iter()
            .map(|row| Trial {
                image: number(row[0]),
                distractor: number(row[1]),
                choice: number(row[2]),
            })
            .collect(),
    };
    let model = FalseAlarms::of_probabilities(probabilities.view(), &truth).unwrap();
    for signature in Signature::ALL {
        let expected = golden.matrix(&format!("signature_{signature}"));
        let error = furthest(&signature.of(&model), &expected);
        assert!(error < 1e-12, "{signature}: {error:e}");
        let found = consistency(&model, &trials, signature).unwrap();
        let expected = golden.matrix(&format!("result_{signature}"));
        for (column, values) in [&found.raws, &found.ceilings, &found.ceiled]
            .into_iter()
            .enumerate()
        {
            let error = furthest(values, expected.column(column));
            eprintln!("{signature} {column}: {error:.1e}");
            assert!(error < 1e-12, "{signature} {column}: {error:e}");
        }
        let mean = expected.column(2).mean().unwrap();
        assert!((found.score().value - mean).abs() < 1e-12);
    }
}

/// T18: every pixel counts in the sums, one in 101 is compared.
#[test]
fn gratings_are_exact() {
    let mut golden = Golden::open("behaviour/gratings.npz");
    let parameters = golden.matrix("parameters");
    let sums = golden.indices("sums");
    let samples: Array<u8, Ix2> = golden.array("samples");
    for (number, row) in parameters.rows().into_iter().enumerate() {
        let grating = Grating {
            frequency: row[0],
            orientation: row[1],
            phase: row[2],
            radius: row[3],
            centre: (row[4], row[5]),
        };
        let pixels = grating.pixels(stimuli::SIDE);
        let sum: usize = pixels.iter().map(|&value| usize::from(value)).sum();
        assert_eq!(sum, sums[number], "{grating:?}");
        let sampled: Vec<u8> = pixels.iter().step_by(101).copied().collect();
        assert_eq!(sampled, samples.row(number).to_vec());
    }
}

#[test]
fn tuning_is_that_of_the_formulas() {
    let mut golden = Golden::open("behaviour/tuning.npz");
    let curves = golden.matrix("orientation_curves");
    let expected = golden.matrix("orientation");
    for (curve, expected) in curves.rows().into_iter().zip(expected.rows()) {
        let curve = curve.to_vec();
        let found = [
            orientation::circular_variance(&curve),
            orientation::orthogonal_to_preferred(&curve),
            orientation::bandwidth(&curve),
            orientation::preferred(&curve),
        ];
        assert!(furthest(&found, expected) < 1e-12, "{found:?} {expected}");
    }
    let curves = golden.matrix("frequency_curves");
    let expected = golden.matrix("frequency");
    let frequencies = Set::Frequency.frequencies();
    for (curve, expected) in curves.rows().into_iter().zip(expected.rows()) {
        let found = frequency::Tuning::of(&curve.to_vec(), &frequencies);
        let found = [found.peak, found.bandwidth];
        assert!(furthest(&found, expected) < 1e-11, "{found:?} {expected}");
    }
    let [x, y, grid, expected] =
        ["spline_x", "spline_y", "spline_grid", "spline"].map(|name| golden.vector(name).to_vec());
    let spline = Spline::new(&x, &y);
    let found: Vec<f64> = grid.iter().map(|&x| spline.at(x)).collect();
    let error = furthest(&found, &expected);
    eprintln!("spline: {error:.1e}");
    assert!(error < 1e-12, "{error:e}");
}

#[test]
fn textures_are_those_of_the_formulas() {
    let mut golden = Golden::open("behaviour/texture.npz");
    let responses: Array<f64, Ix4> = golden.array("responses");
    let expected = golden.matrix("found");
    let n_units = responses.shape()[0];
    let rates = responses.permuted_axes([1, 2, 3, 0]);
    let found = table::of_textures(rates.view(), Array1::zeros(n_units).view());
    let columns = [
        Property::TextureModulationIndex,
        Property::TextureSelectivity,
        Property::TextureSparseness,
        Property::VarianceRatio,
    ];
    for (column, property) in columns.iter().enumerate() {
        let error = furthest(&found[property], expected.column(column));
        eprintln!("{property}: {error:.1e}");
        assert!(error < 1e-12, "{property}: {error:e}");
    }
}

#[test]
fn draws_are_numpys() {
    let mut golden = Golden::open("behaviour/histograms.npz");
    let expected = golden.vector("similarity");
    let neurons = published::neurons(Property::SurroundSuppressionIndex).unwrap();
    let counts = [66, 44, 38, 23, 16, 3, 0, 0, 0, 0];
    assert_eq!(neurons.n_neurons(), 190);
    // Twenty neurons without a value.
    let edges = Property::SurroundSuppressionIndex.edges();
    let neurons = Neurons::of_counts(edges, &counts, 210);
    let found = neurons.similarity(&golden.vector("model").to_vec(), histogram::SEED);
    let error = furthest(&[found.value, found.error], &expected);
    eprintln!("similarity: {error:.1e}");
    assert!(error < 1e-12, "{found:?} {expected}");
}

/// A Gabor filter, applied to images of 12°.
struct Gabor {
    /// Rows and columns of the image.
    window: (usize, usize),
    even: Array2<f32>,
    odd: Array2<f32>,
}

/// Spatial frequency of the filters in cycles per degree: the ninth of the set.
const FREQUENCY: f64 = 1.542_210_825_407_940_7;
/// Standard deviation of their envelopes in degrees.
const SD: f64 = 0.25;

impl Gabor {
    fn new(centre: (f64, f64), orientation: f64) -> Gabor {
        let half = 56;
        let pixel = |degrees: f64| (336.0 + 56.0 * degrees) as usize - half;
        let (sin, cos) = orientation.to_radians().sin_cos();
        let value = |row: usize, column: usize, phase: f64| {
            let degrees = |pixel: usize| (pixel as f64 - half as f64) / 56.0;
            let (x, y) = (degrees(column), degrees(row));
            let wave = 2.0 * std::f64::consts::PI * FREQUENCY * (x * cos + y * sin) + phase;
            let envelope = (-0.5 * (x * x + y * y) / (SD * SD)).exp();
            (envelope * wave.cos()) as f32
        };
        let side = (2 * half + 1, 2 * half + 1);
        let filter = |phase| Array2::from_shape_fn(side, |(row, column)| value(row, column, phase));
        let mut even = filter(0.0);
        // No response to gray.
        even -= even.mean().unwrap();
        Gabor {
            window: (pixel(centre.1), pixel(centre.0)),
            even,
            odd: filter(-std::f64::consts::FRAC_PI_2),
        }
    }

    /// What either filter makes of an image.
    fn drive(&self, image: ArrayView2<'_, u8>) -> (f32, f32) {
        let (row, column) = self.window;
        let side = self.even.nrows();
        let mut sums = (0.0, 0.0);
        for (dy, (even, odd)) in self
            .even
            .rows()
            .into_iter()
            .zip(self.odd.rows())
            .enumerate()
        {
            let pixels = image.slice(s![row + dy, column..column + side]);
            for ((pixel, even), odd) in pixels.iter().zip(even).zip(odd) {
                let contrast = f32::from(*pixel) - 128.0;
                sums.0 += contrast * even;
                sums.1 += contrast * odd;
            }
        }
        sums
    }
}

/// Where the filter's tuning `exp(−2π²σ² (f − f₀)²)` has its peak after smoothing over neighbours a quarter of an octave
/// away: lower than `f₀`, for over octaves the lower flank is the broader one.
fn smoothed_peak() -> f64 {
    let smooth = |octaves: f64| {
        let at = |octaves: f64| {
            let distance = octaves.exp2() - FREQUENCY;
            (-2.0 * (std::f64::consts::PI * SD * distance).powi(2)).exp()
        };
        at(octaves) + 0.2 * (at(octaves - 0.25) + at(octaves + 0.25))
    };
    let octaves = (0..2000).map(|step| 0.001 * f64::from(step));
    let peak = octaves.max_by(|&one, &other| smooth(one).total_cmp(&smooth(other)));
    peak.unwrap().exp2()
}

/// Rates and half width in theory: amplitude of the filter for a wave that is turned by δ is exp(−2π²σ² |k − k₀|²), and
/// that of its mirror image.
fn orientation_theory(largest: f64) -> (Vec<f64>, f64) {
    let scale = 2.0 * std::f64::consts::PI.powi(2) * (SD * FREQUENCY).powi(2);
    let rate = |degrees: f64| {
        let half = (degrees / 2.0).to_radians();
        let mirror = (-scale * 4.0 * half.cos().powi(2)).exp();
        0.82 + (largest - 0.82) * ((-scale * 4.0 * half.sin().powi(2)).exp() + mirror)
    };
    let curve = (0..12).map(|number| rate(15.0 * f64::from(number) - 60.0));
    let smooth = |d: f64| (0.4 * rate(d - 15.0) + rate(d) + 0.4 * rate(d + 15.0)) / 1.8;
    let mut degrees = (0..9000).map(|step| 0.01 * f64::from(step));
    let width = degrees.find(|&d| smooth(d) <= 0.707 * smooth(0.0));
    (curve.collect(), width.unwrap())
}

/// A simple and a complex cell at the stimulus, and a complex one that does not see it.
fn cells() -> impl FnMut(Shown<'_>) -> bhscore::Result<Array2<f32>> {
    let [here, elsewhere] = [(0.5, 0.5), (-1.0, 0.0)].map(|centre| Gabor::new(centre, 60.0));
    move |shown: Shown<'_>| {
        let n = shown.pixels.len_of(Axis(0));
        let mut responses = Array2::zeros((n, 3));
        // The blank image is of another size.
        if shown.degrees == stimuli::DEGREES {
            let rows = responses.rows_mut().into_iter();
            for (mut row, image) in rows.zip(shown.pixels.outer_iter()) {
                let (even, odd) = here.drive(image);
                let (other_even, other_odd) = elsewhere.drive(image);
                row.assign(&ndarray::array![
                    even,
                    even.hypot(odd),
                    other_even.hypot(other_odd)
                ]);
            }
        }
        Ok(responses)
    }
}

/// T19: units whose tuning is known, from pixels to properties.
#[test]
fn gabor_units_have_the_tuning_of_theory() {
    let (mut n_shown, mut cells) = (0, cells());
    let mut network = |shown: Shown<'_>| {
        n_shown += shown.pixels.len_of(Axis(0));
        cells(shown)
    };
    let found = record(&mut network, 48).unwrap();
    assert_eq!(n_shown, 1 + 3528 + 1152 + 2112 + 2304);
    assert_eq!((found.units, found.values.len()), (vec![0, 1], 15));
    assert!((found.calibration.rate(0.0) - 0.82).abs() < 1e-9);
    let of = |property: Property, unit: usize| found.values[&property][unit];
    let near = |property: Property, unit: usize, expected: f64| {
        let value = of(property, unit);
        let error = (value / expected - 1.0).abs();
        eprintln!("{property} {unit}: {value} {expected} {error:.4}");
        assert!(error < 0.02, "{property} of {unit}: {value}, {expected}");
    };
    for unit in [0, 1] {
        let (curve, width) = orientation_theory(of(Property::MaxDc, unit));
        let variance = orientation::circular_variance(&curve);
        near(Property::CircularVariance, unit, variance);
        // Ends are whole degrees beyond the level.
        assert!((of(Property::OrientationBandwidth, unit) - width - 0.5).abs() <= 0.75);
        assert!((of(Property::PreferredOrientation, unit) - 60.0).abs() <= 1.0);
        near(Property::PeakSpatialFrequency, unit, smoothed_peak());
        assert_eq!(of(Property::SpatialFrequencySelective, unit), 1.0);
        assert!(of(Property::SurroundSuppressionIndex, unit) < 0.15);
    }
    // Half a wave in eight phases has mean (1 + √2)/8 and first harmonic 1/2 of its amplitude.
    let mean = (1.0 + 2.0_f64.sqrt()) / 8.0;
    let amplitude = (of(Property::MaxDc, 0) - 0.82) / mean;
    let ratio = 0.5 * amplitude / of(Property::MaxDc, 0);
    near(Property::ModulationRatio, 0, ratio);
    assert!(of(Property::ModulationRatio, 1) < 0.05);
    let scores = scores(&found.values, &BTreeMap::new(), histogram::SEED);
    assert_eq!(scores.len(), 7);
    for score in scores {
        let within = (0.0..=1.0).contains(&score.raw.value);
        assert!(within && score.ceiling.value > 0.9, "{score:?}");
    }
}
