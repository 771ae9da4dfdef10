//! Encoded and measured responses in memory, and their accuracies.

use bhscore::bh::EncodingAccuracies;
use bhscore::bh::sure::images::Predictions;
use bhscore::bh::sure::source::Source;
use bhscore::stats::correlation;
use bhscore::stats::legacy_random::LegacyRandom;
use ndarray::{Array2, Axis};

pub const N_IMAGES: usize = 30;
pub const N_LAYERS: usize = 6;
pub const N_ROIS: usize = 4;
pub const N_SUBJECTS: usize = 2;

/// Measured and encoded responses of all voxels.
#[derive(Clone)]
pub struct Study {
    /// `[subject][roi]`, `(n_images, n_voxels)`.
    pub measured: Vec<Vec<Array2<f32>>>,
    /// `[layer][subject][roi]`, of the same shapes.
    pub encoded: Vec<Vec<Vec<Array2<f32>>>>,
    pub images: Vec<String>,
    /// ROI and subject that saw another image.
    pub stranger: Option<(usize, usize)>,
}

impl Source for Study {
    fn missing(&self) -> Option<String> {
        self.images
            .is_empty()
            .then(|| "data/encoded_fmri".to_owned())
    }

    fn read(&self, roi: usize, subject: usize) -> bhscore::Result<(Vec<String>, Predictions)> {
        let predictions = Predictions {
            group: roi,
            truth: self.measured[subject][roi].clone(),
            predicted: (self.encoded.iter())
                .map(|layer| Some(layer[subject][roi].clone()))
                .collect(),
        };
        let mut images = self.images.clone();
        if (roi, subject) == self.stranger.unwrap_or((N_ROIS, N_SUBJECTS)) {
            images[0].push('x');
        }
        Ok((images, predictions))
    }
}

impl Study {
    /// Voxels follow one layer each, deeper ones in later ROIs, under noise.
    pub fn new(seed: u32) -> Study {
        let mut random = LegacyRandom::seed(seed);
        let mut noise = |n_voxels: usize| {
            Array2::from_shape_simple_fn((N_IMAGES, n_voxels), || {
                let sum: f64 = (0..4).map(|_| random.random_sample() - 0.5).sum();
                sum as f32
            })
        };
        let sources: Vec<Array2<f32>> = (0..N_LAYERS).map(|_| noise(1)).collect();
        let n_voxels = |subject: usize, roi: usize| 9 + 3 * subject + roi;
        let places = || (0..N_SUBJECTS).flat_map(|s| (0..N_ROIS).map(move |roi| (s, roi)));
        let mut measured = vec![Vec::new(); N_SUBJECTS];
        for (subject, roi) in places() {
            let mut values = noise(n_voxels(subject, roi));
            for (voxel, mut column) in values.columns_mut().into_iter().enumerate() {
                let layer = (roi + voxel % 4).min(N_LAYERS - 1);
                column.scaled_add(0.8, &sources[layer].column(0));
            }
            measured[subject].push(values);
        }
        let mut encoded = vec![vec![Vec::new(); N_SUBJECTS]; N_LAYERS];
        for (layer, source) in sources.iter().enumerate() {
            for (subject, roi) in places() {
                let values = noise(n_voxels(subject, roi)) * 0.7 + source;
                encoded[layer][subject].push(values);
            }
        }
        let images = (0..N_IMAGES).map(|image| format!("n{image:02}")).collect();
        Study {
            measured,
            encoded,
            images,
            stranger: None,
        }
    }

    /// Accuracies when encoded image `encoded[i]` is compared with measured image `measured[i]`.
    pub fn accuracies(&self, encoded: &[usize], measured: &[usize]) -> EncodingAccuracies {
        let names = |prefix: &str, n| (1..=n).map(|i| format!("{prefix}{i}")).collect();
        let accuracy = |predicted: &Array2<f32>, truth: &Array2<f32>| {
            let r = correlation::columns(
                predicted.select(Axis(0), encoded).view(),
                truth.select(Axis(0), measured).view(),
            );
            Some(r.iter().map(|&r| r as f32).collect::<Vec<f32>>())
        };
        let values = (self.encoded.iter())
            .map(|subjects| {
                (subjects.iter().zip(&self.measured))
                    .map(|(encoded, measured)| {
                        (encoded.iter().zip(measured))
                            .map(|(predicted, truth)| accuracy(predicted, truth))
                            .collect()
                    })
                    .collect()
            })
            .collect();
        EncodingAccuracies::new(
            names("layer", self.encoded.len()),
            names("sub-", N_SUBJECTS),
            names("V", N_ROIS),
            values,
            Some(encoded.len()),
        )
    }

    /// Accuracies of all images in their places.
    pub fn all(&self) -> EncodingAccuracies {
        let all: Vec<usize> = (0..N_IMAGES).collect();
        self.accuracies(&all, &all)
    }
}
