//! Properties of all units from their rates to a set of gratings (SPEC 2.13).
//!
//! Every study asks for the best stimulus of a unit first, and varies one thing from there. Units whose best response
//! is not more than 5 spikes per second above the spontaneous rate are left out, so that the values of a property may
//! be of fewer units than there are.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, ArrayView4, Axis, s};

use super::property::Property;
use super::rate::RESPONSE;
use super::stimuli::{N_PHASES, Set};
use super::tuning::harmonic::Harmonics;
use super::tuning::{frequency, orientation, peak, size, texture};

/// Values of every property over the units that respond, `(n_responding,)`; NaN where a unit has none.
pub type Values = BTreeMap<Property, Vec<f64>>;

/// Values of every property of every unit, `(n_units,)`; `None` of one that does not respond.
pub type OfUnits = BTreeMap<Property, Vec<Option<f64>>>;

/// Values of the units that respond.
pub fn responding(of_units: &OfUnits) -> Values {
    let of = |(&property, values): (&Property, &Vec<Option<f64>>)| {
        (property, values.iter().copied().flatten().collect())
    };
    of_units.iter().map(of).collect()
}

/// Rates of units to one set of gratings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// In spikes per second, images in the order of the set, `(n_images, n_units)`.
    pub responses: Array2<f64>,
    /// To the blank image, `(n_units,)`.
    pub spontaneous: Array1<f64>,
}

impl Rates {
    /// Properties that the set measures.
    ///
    /// # Panics
    /// If there are other numbers of images or units.
    #[track_caller]
    pub fn properties(&self, set: Set) -> OfUnits {
        let n_images = set.gratings().len();
        assert_eq!(self.responses.nrows(), n_images, "a rate per grating");
        let n_units = self.responses.ncols();
        assert_eq!(n_units, self.spontaneous.len(), "units of both");
        let mut values: OfUnits = Property::ALL
            .into_iter()
            .filter(|property| property.set() == Some(set))
            .map(|property| (property, vec![None; n_units]))
            .collect();
        let units = self.responses.columns().into_iter().zip(&self.spontaneous);
        for (number, (responses, &spontaneous)) in units.enumerate() {
            let unit = Unit::new(responses, spontaneous);
            let found = match set {
                Set::ReceptiveField => Vec::new(),
                Set::Orientation => unit.orientation(),
                Set::Frequency => unit.frequency(),
                Set::Size => unit.size(),
            };
            for (property, value) in found {
                let slots = values.get_mut(&property);
                slots.expect("a property of the set")[number] = Some(value);
            }
        }
        values
    }
}

/// Responses of one unit, phases reduced.
struct Unit {
    /// Of every grating without its phase, in their order.
    harmonics: Vec<Harmonics>,
    spontaneous: f64,
}

/// What is found of a unit; nothing of one that does not respond.
type Found = Vec<(Property, f64)>;

impl Unit {
    fn new(responses: ArrayView1<'_, f64>, spontaneous: f64) -> Unit {
        let responses = responses.to_vec();
        Unit {
            harmonics: responses.chunks(N_PHASES).map(Harmonics::of).collect(),
            spontaneous,
        }
    }

    fn means(&self) -> Vec<f64> {
        self.harmonics
            .iter()
            .map(|harmonics| harmonics.f0)
            .collect()
    }

    /// The best grating by the mean over phases, if the unit responds to it.
    fn best(&self) -> Option<(usize, Vec<f64>)> {
        let means = self.means();
        let best = peak(&means)?;
        (means[best] > self.spontaneous + RESPONSE).then_some((best, means))
    }

    fn orientation(&self) -> Found {
        let Some((best, means)) = self.best() else {
            return Vec::new();
        };
        let n = Set::Orientation.orientations().len();
        let curve = &means[best / n * n..best / n * n + n];
        let variance = orientation::circular_variance(curve);
        let bandwidth = orientation::bandwidth(curve);
        let orthogonal = orientation::orthogonal_to_preferred(curve);
        vec![
            (Property::MaxDc, means[best]),
            (
                Property::ModulationRatio,
                self.harmonics[best].modulation_ratio(),
            ),
            (Property::CircularVariance, variance),
            (Property::OrientationBandwidth, bandwidth),
            (Property::OrthogonalPreferredRatio, orthogonal),
            (Property::OrientationSelective, one_if(!bandwidth.is_nan())),
            (
                Property::CircularVarianceBandwidthRatio,
                variance / bandwidth,
            ),
            (
                Property::OrthogonalPreferredCircularVarianceDifference,
                orthogonal - variance,
            ),
            (
                Property::PreferredOrientation,
                orientation::preferred(curve),
            ),
        ]
    }

    fn frequency(&self) -> Found {
        let frequencies = Set::Frequency.frequencies();
        let n_orientations = Set::Frequency.orientations().len();
        let curve = |values: &[f64], best: usize| -> Vec<f64> {
            along(values, best, (frequencies.len(), n_orientations))
        };
        let mut found = Vec::new();
        // Schiller et al. take means only, De Valois et al. the better of mean and modulation.
        if let Some((best, means)) = self.best() {
            let tuning = frequency::Tuning::of(&curve(&means, best), &frequencies);
            found.push((
                Property::SpatialFrequencySelective,
                one_if(tuning.is_selective()),
            ));
            found.push((Property::SpatialFrequencyBandwidth, tuning.bandwidth));
        }
        if let Some((best, values)) = self.best_component() {
            let tuning = frequency::Tuning::of(&curve(&values, best), &frequencies);
            found.push((Property::PeakSpatialFrequency, tuning.peak));
        }
        found
    }

    fn size(&self) -> Found {
        let radii = Set::Size.radii();
        let Some((best, values)) = self.best_component() else {
            return Vec::new();
        };
        let n_others = Set::Size.frequencies().len() * Set::Size.orientations().len();
        let tuning = size::Tuning::of(&along(&values, best, (radii.len(), n_others)), &radii);
        vec![
            (Property::SurroundSuppressionIndex, tuning.suppression),
            (Property::GratingSummationField, tuning.summation_field),
            (Property::SurroundDiameter, tuning.surround_diameter),
        ]
    }

    /// The best grating and all responses, by the mean less the spontaneous rate (F0) or by the modulation (F1),
    /// whichever is larger for its best grating, if the unit responds to it.
    fn best_component(&self) -> Option<(usize, Vec<f64>)> {
        let rise = |harmonics: &Harmonics| harmonics.f0 - self.spontaneous;
        let means: Vec<f64> = self.harmonics.iter().map(rise).collect();
        let modulations: Vec<f64> = self
            .harmonics
            .iter()
            .map(|harmonics| harmonics.f1)
            .collect();
        let (mean, modulation) = (peak(&means)?, peak(&modulations)?);
        // Of equal ones the earlier grating, then the mean, as in the registry's flat maximum.
        let by_modulation = match modulations[modulation].total_cmp(&means[mean]) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => modulation < mean,
            std::cmp::Ordering::Greater => true,
        };
        let (best, values) = match by_modulation {
            true => (modulation, modulations),
            false => (mean, means),
        };
        (values[best] > RESPONSE).then_some((best, values))
    }
}

/// The curve through `best` along the middle one of three axes, of which it has these last two lengths.
fn along(values: &[f64], best: usize, (n, n_fast): (usize, usize)) -> Vec<f64> {
    let slow = best / (n * n_fast);
    let fast = best % n_fast;
    (0..n)
        .map(|number| values[(slow * n + number) * n_fast + fast])
        .collect()
}

fn one_if(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// Properties of responses to textures and to noise of the same spectrum.
///
/// - `rates`: in spikes per second, the spontaneous rate included; noise first, then textures:
///   `(2, n_families, n_samples, n_units)`.
/// - `spontaneous`: `(n_units,)`.
///
/// # Panics
/// If there are other numbers of units, or not two kinds of images.
#[track_caller]
pub fn of_textures(rates: ArrayView4<'_, f64>, spontaneous: ArrayView1<'_, f64>) -> Values {
    assert_eq!(rates.shape()[0], 2, "noise and textures");
    assert_eq!(rates.shape()[3], spontaneous.len(), "units of both");
    let mut values = Values::new();
    for (unit, &base) in spontaneous.iter().enumerate() {
        let [noise, with_texture] = [0, 1].map(|kind| rates.slice(s![kind, .., .., unit]));
        let (less_noise, less_texture) = (&noise - base, &with_texture - base);
        let largest = |of: &Array2<f64>| of.fold(f64::NEG_INFINITY, |most, r| most.max(*r));
        let (max_noise, max_texture) = (largest(&less_noise), largest(&less_texture));
        let responds = max_noise.max(max_texture) > RESPONSE;
        if !responds {
            continue;
        }
        let families = |of: &Array2<f64>| of.mean_axis(Axis(1)).unwrap_or_default().to_vec();
        let (noise_families, families) = (families(&less_noise), families(&less_texture));
        let modulation = texture::modulation(&families, &noise_families);
        let stabilised = with_texture.mapv(texture::stabilised);
        for (property, value) in [
            (Property::TextureModulationIndex, modulation),
            (Property::AbsoluteTextureModulationIndex, modulation.abs()),
            (
                Property::TextureSelectivity,
                texture::sparseness(families.iter()),
            ),
            (
                Property::TextureSparseness,
                texture::sparseness(less_texture.iter()),
            ),
            (
                Property::VarianceRatio,
                texture::variance_ratio(stabilised.view()),
            ),
            (Property::MaxTexture, max_texture),
            (Property::MaxNoise, max_noise),
        ] {
            values.entry(property).or_default().push(value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates of units that are functions of the gratings.
    fn rates(set: Set, units: &[&dyn Fn(&super::super::grating::Grating) -> f64]) -> Rates {
        let gratings = set.gratings();
        Rates {
            responses: Array2::from_shape_fn((gratings.len(), units.len()), |(image, unit)| {
                units[unit](&gratings[image])
            }),
            spontaneous: Array1::from_elem(units.len(), 1.0),
        }
    }

    #[test]
    fn properties_are_those_of_the_best_grating() {
        let best = 1.542_210_825_407_940_7;
        let unit = |g: &super::super::grating::Grating| {
            let tuned = (1.5 * ((2.0 * (g.orientation - 60.0)).to_radians().cos() - 1.0)).exp();
            let frequency = (-0.5 * (g.frequency.log2() - f64::log2(best)).powi(2)).exp();
            1.0 + 40.0 * tuned * frequency * (1.0 + 0.5 * g.phase.to_radians().cos())
        };
        let silent = |_: &super::super::grating::Grating| 5.9;
        let found = rates(Set::Orientation, &[&unit, &silent]).properties(Set::Orientation);
        let found = responding(&found);
        assert_eq!(found.len(), 9);
        let of = |property| -> f64 {
            let values: &Vec<f64> = &found[&property];
            assert_eq!(values.len(), 1, "the silent unit is left out");
            values[0]
        };
        assert!((of(Property::MaxDc) - 41.0).abs() < 1e-9);
        assert!((of(Property::ModulationRatio) - 20.0 / 41.0).abs() < 1e-9);
        assert!((of(Property::PreferredOrientation) - 60.0).abs() <= 1.0);
        assert_eq!(of(Property::OrientationSelective), 1.0);
        let orthogonal = (1.0 + 40.0 * (-3.0_f64).exp()) / 41.0;
        assert!((of(Property::OrthogonalPreferredRatio) - orthogonal).abs() < 1e-9);
        let found = responding(&rates(Set::Frequency, &[&unit]).properties(Set::Frequency));
        assert!((found[&Property::PeakSpatialFrequency][0] / best - 1.0).abs() < 0.03);
        assert_eq!(found[&Property::SpatialFrequencySelective], [1.0]);
    }

    #[test]
    fn size_curves_are_of_the_better_component() {
        // Modulated by 12 around a mean that hardly rises; peak at radius 0.5 · 2^0.75.
        let unit = |g: &super::super::grating::Grating| {
            let size = (-0.5 * (g.radius.log2() + 0.25).powi(2)).exp();
            let tuned = f64::from(u8::from(g.orientation == 30.0)) * size;
            14.0 + 12.0 * tuned * g.phase.to_radians().sin()
        };
        let found = responding(&rates(Set::Size, &[&unit]).properties(Set::Size));
        // F0 less the spontaneous rate is 13 throughout, and larger than the modulation.
        assert!(found[&Property::SurroundSuppressionIndex][0].abs() < 1e-12);
        assert!(found[&Property::GratingSummationField][0].is_nan());
        let mut modulated = rates(Set::Size, &[&unit]);
        modulated.spontaneous.fill(13.0);
        let found = responding(&modulated.properties(Set::Size));
        assert!(found[&Property::SurroundSuppressionIndex][0] > 0.9);
        assert!((found[&Property::GratingSummationField][0] - 2.0_f64.powf(0.75)).abs() < 1e-12);
    }
}
