//! Results for readers: the only place where scores are formatted.
//!
//! | module | makes |
//! |---|---|
//! | [`sure`] | the table of intervals and p on stdout |
//! | [`ceilings`] | how high scores can be in the study: on stdout, `results/noise_ceiling.csv`, JSON, page |
//! | [`table`] | the table on stdout |
//! | [`csv`] | `results/bhscore.csv`, one row per network |
//! | [`json`] | `results/bhscore.json`, everything |
//! | [`published`] | the published networks, and places among them |
//! | [`summary`] | `results/accuracy_summary.csv`, one row per layer, subject and ROI |
//! | [`parquet`] | `results/units.parquet`, one row per unit |
//! | [`voxels`] | `results/voxels.parquet`, one row per voxel and layer |
//! | [`sites`] | what `score` found for every site and split, as Parquet |
//! | [`scores`] | what `score` found for every layer and subject, as text and CSV |
//! | [`properties`] | what `properties` found, as text, JSON and CSV |
//! | [`figure`] | ranking of networks, top ROI per layer, accuracies and more, as SVG and PNG |
//! | [`relation`] | what `relate` found, as text, CSV and JSON |
//! | [`tree`] | an evaluated benchmark tree as an indented table |
//! | [`page`] | the self-contained `results/report.html` |
//! | [`results`] | all files of `results/` together |
//! | [`site`] | the site of `report`: leaderboard, models, benchmarks |
//!
//! Nothing is computed here beyond ranks and percentages, and no file is opened: functions return text or
//! write to a `Write`. A score without a value is empty, null or `undefined`, with its reason; never 0.

pub mod ceilings;
pub mod csv;
pub mod figure;
pub mod json;
pub mod page;
pub mod parquet;
pub mod properties;
pub mod published;
pub mod relation;
pub mod results;
pub mod scores;
pub mod site;
pub mod sites;
pub mod summary;
pub mod sure;
pub mod table;
pub mod tree;
pub mod voxels;

use crate::bh::sure::Sure;
use crate::bh::{self, DecodingScore, EncodingScore, Outcome};
use published::Column;

/// Scores of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkScores {
    /// Name in the settings.
    pub name: String,
    /// Folder below the features, `<framework>/<network>`.
    pub net: String,
    /// Decoding half; `None` if it was not computed.
    pub decoding: Option<DecodingScore>,
    /// Encoding half; `None` if it was not computed.
    pub encoding: Option<EncodingScore>,
    /// How sure the scores are; `None` unless that was measured.
    pub sure: Option<Sure>,
}

impl NetworkScores {
    /// The published decoding score, if there is one.
    pub fn published(&self) -> Option<f64> {
        self.decoding
            .as_ref()?
            .pooled
            .published
            .score
            .as_ref()
            .ok()
            .copied()
    }

    /// The textbook decoding score, if there is one.
    pub fn textbook(&self) -> Option<f64> {
        self.decoding
            .as_ref()?
            .pooled
            .textbook
            .score
            .as_ref()
            .ok()
            .copied()
    }

    /// The published encoding score, if there is one.
    pub fn encoding_published(&self) -> Option<f64> {
        let encoding = self.encoding.as_ref()?;
        encoding.pooled.published.score.as_ref().ok().copied()
    }

    /// The textbook encoding score, if there is one.
    pub fn encoding_textbook(&self) -> Option<f64> {
        let encoding = self.encoding.as_ref()?;
        encoding.pooled.textbook.score.as_ref().ok().copied()
    }

    /// Mean of the two halves by the published and by the textbook rule; `None` if a half was not computed.
    pub fn average(&self) -> Option<(Outcome, Outcome)> {
        bh::average(
            self.decoding.as_ref().map(|decoding| &decoding.pooled),
            self.encoding.as_ref().map(|encoding| &encoding.pooled),
        )
    }

    /// Why an encoding score is missing; `None` if both are there.
    pub fn encoding_reason(&self) -> Option<String> {
        match &self.encoding {
            Some(encoding) => json::reason(&encoding.pooled),
            None => Some("there are no encoding accuracies".to_owned()),
        }
    }

    /// Everything that a reader of these scores should know.
    pub fn warnings(&self) -> Vec<String> {
        let decoding = self.decoding.iter().flat_map(|half| &half.warnings);
        let mut warnings: Vec<String> = decoding.cloned().collect();
        for warning in self.encoding.iter().flat_map(|half| &half.warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        warnings
    }

    /// Why a decoding score is missing; `None` if both are there.
    pub fn reason(&self) -> Option<String> {
        match &self.decoding {
            Some(decoding) => json::reason(&decoding.pooled),
            None => Some("there are no decoding accuracies".to_owned()),
        }
    }
}

/// Rank of each network by its published score, highest first: 1 plus the number of networks above, so
/// equal scores share a rank. The score is the average, or a half if none has an average
/// ([`Column::of`]). `None` where it is undefined.
pub fn ranks(networks: &[NetworkScores]) -> Vec<Option<usize>> {
    let column = Column::of(networks);
    let scores: Vec<Option<f64>> = networks
        .iter()
        .map(|network| column.score(network))
        .collect();
    let above = |score: f64| {
        scores
            .iter()
            .flatten()
            .filter(|&&other| other > score)
            .count()
    };
    scores
        .iter()
        .map(|score| score.map(|score| 1 + above(score)))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bh::{DecodingAccuracies, EncodingAccuracies, ScoreOptions};

    /// Accuracies of `n_layers` layers of `n_units` units whose best ROI deepens with the layer.
    pub(crate) fn accuracies(n_layers: usize, n_units: usize, best: f32) -> DecodingAccuracies {
        let values = |layer: usize, subject: usize| {
            (0..5_usize)
                .map(|roi| {
                    let value = |unit: usize| {
                        let target = (layer * 5 / n_layers + unit % 3 / 2).min(4);
                        let distance = roi.abs_diff(target) as f32;
                        best - 0.1 * distance - 0.01 * subject as f32
                    };
                    Some((0..n_units + subject).map(value).collect())
                })
                .collect()
        };
        DecodingAccuracies {
            layers: (1..=n_layers)
                .map(|layer| format!("layer{layer}"))
                .collect(),
            subjects: vec!["sub-01".to_owned(), "sub-02".to_owned()],
            rois: ["V1", "V2", "V3", "V4", "HVC"].map(str::to_owned).to_vec(),
            values: (0..n_layers)
                .map(|l| (0..2).map(|s| values(l, s)).collect())
                .collect(),
            n_test: Some(50),
        }
    }

    /// Accuracies of `n_voxels` voxels (the second subject has one more) whose best layer deepens with the ROI.
    pub(crate) fn encoding_accuracies(
        n_layers: usize,
        n_voxels: usize,
        best: f32,
    ) -> EncodingAccuracies {
        let decoded = accuracies(n_layers, n_voxels, best);
        EncodingAccuracies::new(
            decoded.layers,
            decoded.subjects,
            decoded.rois,
            decoded.values,
            decoded.n_test,
        )
    }

    /// A network with both halves.
    pub(crate) fn complete(name: &str, best: f32) -> NetworkScores {
        let mut network = network(name, &accuracies(6, 4, best));
        let encoded = encoding_accuracies(6, 7, best);
        network.encoding = Some(bh::encoding_score(&encoded, &Default::default()).unwrap());
        network
    }

    pub(crate) fn network(name: &str, accuracies: &DecodingAccuracies) -> NetworkScores {
        let decoding = bh::decoding_score(accuracies, &ScoreOptions::default()).unwrap();
        let net = format!("synth/{}", name.to_lowercase());
        NetworkScores {
            name: name.to_owned(),
            net,
            decoding: Some(decoding),
            encoding: None,
            sure: None,
        }
    }

    /// One good network, one without significant units, one with too few layers, one not computed.
    pub(crate) fn networks() -> Vec<NetworkScores> {
        vec![
            network("Quiet", &accuracies(6, 4, 0.1)),
            network("Good", &accuracies(6, 4, 0.6)),
            network("Short", &accuracies(4, 4, 0.6)),
            NetworkScores {
                name: "None".into(),
                net: "synth/none".into(),
                decoding: None,
                encoding: None,
                sure: None,
            },
        ]
    }

    #[test]
    fn equal_scores_share_a_rank_and_undefined_has_none() {
        let mut networks = networks();
        networks.push(network("Same", &accuracies(6, 4, 0.6)));
        networks.push(network("Flat", &accuracies(12, 6, 0.6)));
        let ranks = ranks(&networks);
        assert_eq!((ranks[0], ranks[2], ranks[3]), (None, None, None));
        assert_eq!(ranks[1], ranks[4]);
        let mut defined: Vec<usize> = ranks.into_iter().flatten().collect();
        defined.sort_unstable();
        assert!(defined == [1, 1, 3] || defined == [1, 2, 2], "{defined:?}");
    }
}
