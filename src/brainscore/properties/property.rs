//! The registry's 22 properties of V1 neurons, and the bins of their histograms (Marques et al. 2021; SPEC: Appendix B).

use std::fmt;
use std::str::FromStr;

use super::stimuli::Set;
use crate::nearest;

/// The properties with their keys in settings and results, in the order of [`Property::ALL`].
macro_rules! properties {
    ($($name:ident = $key:literal,)*) => {
        /// A property.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is its name")]
        pub enum Property { $($name,)* }

        impl Property {
            /// All of them.
            pub const ALL: [Property; 22] = [$(Property::$name,)*];

            /// Its key in settings and results.
            pub fn key(self) -> &'static str {
                match self { $(Property::$name => $key,)* }
            }
        }
    };
}

properties! {
    // Ringach et al. 2002.
    CircularVariance = "circular_variance",
    OrientationBandwidth = "or_bandwidth",
    OrthogonalPreferredRatio = "orth_pref_ratio",
    OrientationSelective = "or_selective",
    CircularVarianceBandwidthRatio = "cv_bandwidth_ratio",
    OrthogonalPreferredCircularVarianceDifference = "opr_cv_diff",
    MaxDc = "max_dc",
    ModulationRatio = "modulation_ratio",
    // De Valois et al. 1982.
    PreferredOrientation = "pref_or",
    PeakSpatialFrequency = "peak_sf",
    // Schiller et al. 1976.
    SpatialFrequencySelective = "sf_selective",
    SpatialFrequencyBandwidth = "sf_bandwidth",
    // Cavanaugh et al. 2002.
    SurroundSuppressionIndex = "surround_suppression_index",
    GratingSummationField = "grating_summation_field",
    SurroundDiameter = "surround_diameter",
    // Freeman et al. 2013, Ziemba et al. 2016.
    TextureModulationIndex = "texture_modulation_index",
    AbsoluteTextureModulationIndex = "abs_texture_modulation_index",
    TextureSelectivity = "texture_selectivity",
    TextureSparseness = "texture_sparseness",
    VarianceRatio = "texture_variance_ratio",
    MaxTexture = "max_texture",
    MaxNoise = "max_noise",
}

use Property::*;

impl Property {
    /// The gratings that it is measured with; none where textures are needed, which cannot be generated.
    pub fn set(self) -> Option<Set> {
        match self {
            CircularVariance
            | OrientationBandwidth
            | OrthogonalPreferredRatio
            | OrientationSelective
            | CircularVarianceBandwidthRatio
            | OrthogonalPreferredCircularVarianceDifference
            | MaxDc
            | ModulationRatio
            | PreferredOrientation => Some(Set::Orientation),
            PeakSpatialFrequency | SpatialFrequencySelective | SpatialFrequencyBandwidth => {
                Some(Set::Frequency)
            }
            SurroundSuppressionIndex | GratingSummationField | SurroundDiameter => Some(Set::Size),
            _ => None,
        }
    }

    /// Edges of the bins, ascending.
    pub fn edges(self) -> Vec<f64> {
        match self {
            CircularVariance | OrthogonalPreferredRatio => even(0.0, 1.0, 14),
            OrientationBandwidth => even(0.0, 90.0, 18),
            OrientationSelective | SpatialFrequencySelective => even(0.0, 1.0, 3),
            CircularVarianceBandwidthRatio => powers(-3.0, 0.0, 16),
            OrthogonalPreferredCircularVarianceDifference => even(-1.0, 1.0, 20),
            MaxDc => powers(0.0, 3.0, 10),
            ModulationRatio | SurroundSuppressionIndex => even(0.0, 2.0, 11),
            PreferredOrientation => even(-22.5, 157.5, 5),
            PeakSpatialFrequency => vec![
                0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2, 16.0, 22.4,
            ],
            SpatialFrequencyBandwidth => even(0.0, 100.0, 11),
            GratingSummationField | SurroundDiameter => (-4..=4).map(|e| 2.0_f64.powi(e)).collect(),
            TextureModulationIndex => even(-1.0, 1.0, 25),
            AbsoluteTextureModulationIndex => even(0.0, 1.0, 13),
            TextureSelectivity | TextureSparseness => even(0.0, 1.0, 11),
            VarianceRatio => powers(-2.0, 1.0, 13),
            MaxTexture | MaxNoise => powers(-1.0, 3.0, 13),
        }
    }
}

/// `n` numbers from `first` to `last` in equal steps.
fn even(first: f64, last: f64, n: usize) -> Vec<f64> {
    let step = (last - first) / (n - 1) as f64;
    let at = |number: usize| match number == n - 1 {
        true => last,
        false => first + step * number as f64,
    };
    (0..n).map(at).collect()
}

/// Powers of ten whose exponents are in equal steps.
fn powers(first: f64, last: f64, n: usize) -> Vec<f64> {
    even(first, last, n)
        .into_iter()
        .map(|e| 10.0_f64.powf(e))
        .collect()
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for Property {
    type Err = String;

    fn from_str(key: &str) -> Result<Property, String> {
        let known = Property::ALL.iter().find(|one| one.key() == key);
        known.copied().ok_or_else(|| {
            let keys = Property::ALL.map(Property::key);
            let near = nearest::quoted(nearest::nearest(key, keys));
            match near.is_empty() {
                true => format!("`{key}` is not one of {}", nearest::quoted(keys)),
                false => format!("`{key}` is not a property; did you mean {near}?"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_different_and_read_back() {
        for property in Property::ALL {
            assert_eq!(property.key().parse::<Property>().unwrap(), property);
            assert!(property.edges().is_sorted_by(|a, b| a < b), "{property}");
        }
        assert!(
            "peak_fs"
                .parse::<Property>()
                .unwrap_err()
                .contains("`peak_sf`")
        );
    }

    #[test]
    fn edges_are_those_of_the_appendix() {
        assert_eq!(
            PreferredOrientation.edges(),
            [-22.5, 22.5, 67.5, 112.5, 157.5]
        );
        assert_eq!(SurroundDiameter.edges()[..3], [0.0625, 0.125, 0.25]);
        assert_eq!(MaxDc.edges()[9], 1000.0);
        let with_gratings = Property::ALL.iter().filter(|one| one.set().is_some());
        assert_eq!(with_gratings.count(), 15);
    }
}
