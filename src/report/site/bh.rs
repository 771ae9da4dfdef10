//! What the site needs of `bhscore.json`, which `compute` writes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};

/// A study's results.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Study {
    /// Its networks.
    pub networks: Vec<Network>,
    /// How it was made.
    #[serde(default)]
    pub provenance: Provenance,
}

/// How a study's results were made.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Provenance {
    /// Program and version.
    #[serde(default)]
    pub program: String,
    /// The command.
    #[serde(default)]
    pub command: String,
}

/// A network's BH scores.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Network {
    /// Name in the settings.
    pub name: String,
    /// `<framework>/<network>`.
    pub net: String,
    /// Decoding half.
    pub decoding: Option<Half>,
    /// Encoding half.
    pub encoding: Option<Half>,
    /// Mean of the two.
    pub average: Option<Rules>,
    /// How sure they are, if that was measured.
    #[serde(default)]
    pub sure: Option<Sure>,
    /// Places among the published networks.
    #[serde(default)]
    pub place: Places,
}

/// Scores by the published and by the textbook rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Rules {
    /// By the rule of the published scores.
    pub published: Option<f64>,
    /// By the correct test of a correlation.
    pub textbook: Option<f64>,
    /// Why one is missing.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One half of the score.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Half {
    /// The scores.
    #[serde(flatten)]
    pub scores: Rules,
    /// Units or voxels.
    pub n_items: u64,
    /// Those that the published rule selected.
    pub n_selected: Option<u64>,
    /// Layers, first layer first.
    pub layers: Vec<String>,
    /// ROIs in hierarchy order.
    pub rois: Vec<String>,
    /// Selected items by layer and ROI; ROI and layer in encoding.
    pub votes: Votes,
    /// Scores of each subject alone.
    #[serde(default)]
    pub by_subject: BTreeMap<String, Rules>,
    /// What the reader should know.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Selected items by both rules.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Votes {
    /// By the published rule.
    pub published: Option<Vec<Vec<u64>>>,
}

/// Places by the published rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Places {
    /// By the average.
    pub average: Option<usize>,
    /// By the decoding half.
    pub decoding: Option<usize>,
    /// By the encoding half.
    pub encoding: Option<usize>,
}

/// Intervals and nulls.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Sure {
    /// Of the decoding half.
    pub decoding: Option<SurePair>,
    /// Of the encoding half.
    pub encoding: Option<SurePair>,
    /// Of the average.
    #[serde(default)]
    pub average: Option<SurePair>,
}

/// Of a score by the published rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct SurePair {
    /// What was measured.
    pub published: Option<SureRule>,
}

/// What was measured of one score.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct SureRule {
    /// Orders of the layers (encoding: of the ROIs).
    #[serde(default)]
    pub layer_order: Option<Null>,
    /// Shuffles of the images.
    #[serde(default)]
    pub image_shuffle: Option<Null>,
    /// 95 % interval over images.
    #[serde(default)]
    pub jackknife: Option<Interval>,
}

/// A score among those of a null hypothesis.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Null {
    /// The score.
    pub observed: Option<f64>,
    /// Share of draws as high.
    pub p: Option<f64>,
    /// Draws in bins of equal width from -1 to 1.
    pub histogram: Vec<u64>,
}

/// An interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Study {
    /// Reads the content of a file.
    ///
    /// # Errors
    /// If it is not what `compute` writes.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Study> {
        serde_json::from_slice(bytes).map_err(|error| {
            let problem = format!("is not what `compute` writes: {error}");
            Error::file(path, problem, "run `bhscore compute` again")
        })
    }
}

impl Network {
    /// The decoding score by the published rule.
    pub fn decoding(&self) -> Option<f64> {
        self.decoding.as_ref()?.scores.published
    }

    /// The encoding score by the published rule.
    pub fn encoding(&self) -> Option<f64> {
        self.encoding.as_ref()?.scores.published
    }

    /// The mean of the two.
    pub fn average(&self) -> Option<f64> {
        self.average.as_ref()?.published
    }

    /// The headline, the average or the half that there is, and its name.
    pub fn headline(&self) -> (&'static str, Option<f64>) {
        match (&self.decoding, &self.encoding) {
            (Some(_), Some(_)) => ("average", self.average()),
            (None, Some(_)) => ("encoding", self.encoding()),
            (_, None) => ("decoding", self.decoding()),
        }
    }

    /// 95 % interval of the headline.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let sure = self.sure.as_ref()?;
        let of = match self.headline().0 {
            "average" => &sure.average,
            "encoding" => &sure.encoding,
            _ => &sure.decoding,
        };
        interval(of.as_ref())
    }

    /// p of the orders of layers, of the decoding half.
    pub fn p_decoding(&self) -> Option<f64> {
        p(self.sure.as_ref()?.decoding.as_ref())
    }

    /// p of the orders of ROIs, of the encoding half.
    pub fn p_encoding(&self) -> Option<f64> {
        p(self.sure.as_ref()?.encoding.as_ref())
    }

    /// The larger p: that both halves are in order is as sure as the less sure one.
    pub fn p(&self) -> Option<f64> {
        let halves = [
            self.decoding.as_ref().map(|_| self.p_decoding()),
            self.encoding.as_ref().map(|_| self.p_encoding()),
        ];
        let halves: Vec<Option<f64>> = halves.into_iter().flatten().collect();
        let all: Option<Vec<f64>> = halves.into_iter().collect();
        all?.into_iter().reduce(f64::max)
    }
}

/// The interval of a score.
pub fn interval(of: Option<&SurePair>) -> Option<(f64, f64)> {
    let jackknife = of?.published.as_ref()?.jackknife.as_ref()?;
    jackknife.low.zip(jackknife.high)
}

/// The p of orders of a half.
pub fn p(of: Option<&SurePair>) -> Option<f64> {
    of?.published.as_ref()?.layer_order.as_ref()?.p
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{complete, networks};
    use serde_json::Value;

    #[test]
    fn what_compute_writes_is_read() {
        let mut scores = networks();
        scores.push(complete("Both", 0.6));
        let value =
            crate::report::json::value(&scores, Value::Null, serde_json::json!({"program": "p"}));
        let study = Study::parse(Path::new("b.json"), value.to_string().as_bytes()).unwrap();
        assert_eq!(study.networks.len(), 5);
        assert_eq!(study.provenance.program, "p");
        let both = &study.networks[4];
        assert_eq!(both.decoding(), scores[4].published());
        assert_eq!(
            both.headline(),
            ("average", scores[4].average().unwrap().0.ok())
        );
        assert_eq!((both.interval(), both.p()), (None, None));
        assert_eq!(
            study.networks[1].headline(),
            ("decoding", scores[1].published())
        );
        assert_eq!(study.networks[3].headline(), ("decoding", None));
    }

    #[test]
    fn other_files_are_told_apart() {
        let error = Study::parse(Path::new("b.json"), b"{}")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`b.json`") && error.contains("bhscore compute"),
            "{error}"
        );
    }

    #[test]
    fn the_larger_p_is_taken_and_none_if_a_half_has_none() {
        let pair = |p| SurePair {
            published: Some(SureRule {
                layer_order: Some(Null {
                    p,
                    ..Null::default()
                }),
                ..SureRule::default()
            }),
        };
        let network = |decoding, encoding| Network {
            decoding: Some(Half::default()),
            encoding: Some(Half::default()),
            sure: Some(Sure {
                decoding: Some(pair(decoding)),
                encoding: Some(pair(encoding)),
                average: None,
            }),
            ..Network::default()
        };
        assert_eq!(network(Some(0.01), Some(0.2)).p(), Some(0.2));
        assert_eq!(network(Some(0.01), None).p(), None);
    }
}
