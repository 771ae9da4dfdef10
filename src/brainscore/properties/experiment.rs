//! The whole experiment: gratings are shown to a network, units that see them are found and calibrated, their
//! properties are measured and compared with those of neurons (SPEC 2.13).
//!
//! The network is the caller's: a function from a batch of images to the responses of a layer. Batches are small, and
//! of all but the receptive-field set only the units that see the gratings are kept; of that one a map of 441 numbers a
//! unit.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView3, Axis};

use super::grating::PIXELS_PER_DEGREE;
use super::histogram::{self, Neurons, Similarity};
use super::property::Property;
use super::published;
use super::rate::Calibration;
use super::receptive_field::Map;
use super::stimuli::{self, BLANK_SIDE, CENTRE, Set};
use super::table::{self, OfUnits, Rates, Values};
use crate::brainscore::normalise::Normalised;
use crate::error::{Error, Result};

/// Images that are shown, the blank one among them.
pub const N_IMAGES: usize = 1 + 3528 + 1152 + 2112 + 2304;

/// Images as they are shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Gray levels, `(n_images, side, side)`.
    pub pixels: ArrayView3<'a, u8>,
    /// Width of the images in degrees of visual angle, to be put on the network's own field of view: what is beyond is
    /// cut off, what is missing is gray.
    pub degrees: usize,
}

/// A layer that responds to images: `(n_images, n_units)`, the same units every time.
pub type Network<'a> = dyn FnMut(Shown<'_>) -> Result<Array2<f32>> + 'a;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Units of the layer whose receptive fields are at the stimulus, ascending.
    pub units: Vec<usize>,
    /// From their responses to rates.
    pub calibration: Calibration,
    /// Their properties, `(n_units,)` each.
    pub of_units: OfUnits,
    /// The same of those that respond.
    pub values: Values,
}

/// A property's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The property.
    pub property: Property,
    /// Units that have responded, with or without a value.
    pub n_units: usize,
    /// Those of them without a value.
    pub n_undefined: usize,
    /// Similarity of units and neurons.
    pub raw: Similarity,
    /// Of neurons with themselves.
    pub ceiling: Similarity,
    /// Their ratio.
    pub ceiled: Normalised,
    /// Units in the neurons' bins, as shares, `(n_bins,)`; NaN if no unit is in one.
    pub units: Vec<f64>,
    /// The neurons.
    pub neurons: Neurons,
    /// Whether they are the user's.
    pub is_own: bool,
}

/// Shows all sets and measures the 15 properties that gratings measure.
///
/// - `images_at_once`: images in a batch; 0 counts as 1.
///
/// # Errors
/// If the network fails, gives other numbers of responses or NaN, or has no unit that sees and responds to gratings.
pub fn record(network: &mut Network, images_at_once: usize) -> Result<Recorded> {
    let blank = blank(network)?;
    let n_units = blank.len();
    let mut map = Map::new(n_units);
    let mut first = 0;
    show(
        network,
        Set::ReceptiveField,
        images_at_once,
        n_units,
        &mut |some| {
            map.take(first, some.view(), blank.view());
            first += some.nrows();
        },
    )?;
    let units = map.near(CENTRE);
    if units.is_empty() {
        return Err(Error::data(
            "tuning properties",
            format!("none of the {n_units} units has its receptive field at {CENTRE:?} degrees"),
            "check that the network sees the images at their size, or take an earlier layer",
        ));
    }
    let blank: Array1<f64> = units.iter().map(|&unit| f64::from(blank[unit])).collect();
    let mut of_set = |set: Set| -> Result<Array2<f64>> {
        let mut all = Array2::zeros((set.gratings().len(), units.len()));
        let mut rows = all.rows_mut().into_iter();
        show(network, set, images_at_once, n_units, &mut |some| {
            // In this order: the first iterator is asked first, and ends first.
            for (responses, row) in some.rows().into_iter().zip(rows.by_ref()) {
                let slots = row.into_iter().zip(&units);
                slots.for_each(|(slot, &unit)| *slot = f64::from(responses[unit]));
            }
        })?;
        Ok(all)
    };
    let orientation = of_set(Set::Orientation)?;
    let calibration = Calibration::new(orientation.view(), blank.view())?;
    let rates = |responses: Array2<f64>| Rates {
        responses: responses.mapv_into(|response| calibration.rate(response)),
        spontaneous: blank.mapv(|response| calibration.rate(response)),
    };
    let mut of_units = rates(orientation).properties(Set::Orientation);
    for set in [Set::Frequency, Set::Size] {
        of_units.extend(rates(of_set(set)?).properties(set));
    }
    Ok(Recorded {
        units,
        calibration,
        values: table::responding(&of_units),
        of_units,
    })
}

/// Scores of the properties of which there are neurons, in the order of [`Property::ALL`].
///
/// - `own`: neurons of the user's, which stand for published ones.
pub fn scores(values: &Values, own: &BTreeMap<Property, Neurons>, seed: u32) -> Vec<Score> {
    let of = |(&property, values): (&Property, &Vec<f64>)| {
        let own = own.get(&property).cloned();
        let is_own = own.is_some();
        let neurons = own.or_else(|| published::neurons(property))?;
        let (raw, ceiling) = (neurons.similarity(values, seed), neurons.ceiling(seed));
        Some(Score {
            property,
            units: neurons.shares(values),
            n_units: values.len(),
            n_undefined: values.iter().filter(|value| value.is_nan()).count(),
            raw,
            ceiling,
            ceiled: histogram::ceiled(raw, ceiling),
            neurons,
            is_own,
        })
    };
    values.iter().filter_map(of).collect()
}

/// Rectified responses to the blank image, `(n_units,)`.
fn blank(network: &mut Network) -> Result<Array1<f32>> {
    let pixels = stimuli::blank();
    let shown = Shown {
        pixels: pixels.view(),
        degrees: BLANK_SIDE / PIXELS_PER_DEGREE,
    };
    Ok(responses(network, shown, None)?.row(0).to_owned())
}

/// Shows a set batch by batch and hands on the rectified responses, `(n_images, n_units)`.
fn show(
    network: &mut Network,
    set: Set,
    images_at_once: usize,
    n_units: usize,
    take: &mut dyn FnMut(Array2<f32>),
) -> Result<()> {
    for batch in set.gratings().chunks(images_at_once.max(1)) {
        let pixels = stimuli::draw(batch);
        let shown = Shown {
            pixels: pixels.view(),
            degrees: stimuli::DEGREES,
        };
        take(responses(network, shown, Some(n_units))?);
    }
    Ok(())
}

/// Rectified responses to a batch, `(n_images, n_units)`.
fn responses(network: &mut Network, shown: Shown, n_units: Option<usize>) -> Result<Array2<f32>> {
    let n_images = shown.pixels.len_of(Axis(0));
    let mut found = network(shown)?;
    let refuse = |problem: String| {
        let remedy = "check the function that runs the network";
        Err(Error::data("responses to gratings", problem, remedy))
    };
    let n_expected = n_units.unwrap_or(found.ncols());
    if found.dim() != (n_images, n_expected) || n_expected == 0 {
        return refuse(format!(
            "are {:?}, not of {n_images} images and {n_expected} units",
            found.dim()
        ));
    }
    // `max` would make NaN 0.
    if found.iter().any(|response| response.is_nan()) {
        return refuse("hold NaN".to_owned());
    }
    found.mapv_inplace(|response| response.max(0.0));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_do_not_answer_properly_are_refused() {
        let told = |mut network: Box<dyn FnMut(usize) -> Array2<f32>>, part: &str| {
            let mut of_batch = |shown: Shown<'_>| Ok(network(shown.pixels.len_of(Axis(0))));
            let text = record(&mut of_batch, 8).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        };
        told(Box::new(|n| Array2::zeros((n + 1, 3))), "not of 1 images");
        told(Box::new(|n| Array2::zeros((n, 0))), "0 units");
        told(Box::new(|n| Array2::from_elem((n, 3), f32::NAN)), "NaN");
        let mut n_units = 3;
        let changing = move |n| {
            n_units += 1;
            Array2::zeros((n, n_units))
        };
        told(Box::new(changing), "8 images and 4 units");
    }

    #[test]
    fn all_images_are_counted() {
        let of_sets: usize = Set::ALL.map(|set| set.gratings().len()).iter().sum();
        assert_eq!(N_IMAGES, 1 + of_sets);
    }

    #[test]
    fn only_published_properties_are_scored() {
        let mut values = Values::new();
        values.insert(Property::MaxDc, vec![10.0; 5]);
        values.insert(Property::PreferredOrientation, vec![0.0, 45.0, 90.0, 135.0]);
        let found = scores(&values, &BTreeMap::new(), histogram::SEED);
        assert_eq!((found.len(), found[0].n_units), (1, 4));
        assert!(found[0].raw.value > 0.9 && found[0].ceiled.value <= 1.01);
        assert_eq!(found[0].units, [0.25; 4]);
        let own = Neurons::of_values(Property::MaxDc.edges(), &[1.0, 10.0]);
        let found = scores(&values, &BTreeMap::from([(Property::MaxDc, own)]), 0);
        assert!(found[0].is_own && !found[1].is_own);
    }
}
