//! Results for readers: the only place where scores are formatted.
//!
//! | module | makes |
//! |---|---|
//! | [`table`] | the table on stdout |
//! | [`csv`] | `results/bhscore.csv`, one row per network |
//! | [`json`] | `results/bhscore.json`, everything |
//! | [`parquet`] | `results/units.parquet`, one row per unit |
//! | [`figure`] | ranking of networks, top ROI per layer, accuracy map, as SVG |
//! | [`relation`] | what `relate` found, as text, CSV and JSON |
//! | [`figure_relation`] | the same as a scatter |
//! | [`page`] | the self-contained `results/report.html` |
//! | [`results`] | all files of `results/` together |
//!
//! Nothing is computed here beyond ranks and percentages, and no file is opened: functions return text or
//! write to a `Write`. A score without a value is empty, null or `undefined`, with its reason; never 0.

pub mod csv;
pub mod figure;
mod figure_accuracy_map;
mod figure_ranking;
pub mod figure_relation;
mod figure_top_roi;
pub mod json;
pub mod page;
pub mod parquet;
pub mod relation;
pub mod results;
pub mod table;

use crate::bh::DecodingScore;

/// Scores of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkScores {
    /// Name in the settings.
    pub name: String,
    /// Folder below the features, `<framework>/<network>`.
    pub net: String,
    /// Decoding half; `None` if it was not computed.
    pub decoding: Option<DecodingScore>,
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

    /// Why a decoding score is missing; `None` if both are there.
    pub fn reason(&self) -> Option<String> {
        match &self.decoding {
            Some(decoding) => json::reason(&decoding.pooled),
            None => Some("there are no decoding accuracies".to_owned()),
        }
    }
}

/// Rank of each network by its published score, highest first: 1 plus the number of networks above, so
/// equal scores share a rank. `None` where the score is undefined.
pub fn ranks(networks: &[NetworkScores]) -> Vec<Option<usize>> {
    let scores: Vec<Option<f64>> = networks.iter().map(NetworkScores::published).collect();
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
    use crate::bh::{self, DecodingAccuracies, ScoreOptions};

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

    pub(crate) fn network(name: &str, accuracies: &DecodingAccuracies) -> NetworkScores {
        let decoding = bh::decoding_score(accuracies, &ScoreOptions::default()).unwrap();
        let net = format!("synth/{}", name.to_lowercase());
        NetworkScores {
            name: name.to_owned(),
            net,
            decoding: Some(decoding),
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
