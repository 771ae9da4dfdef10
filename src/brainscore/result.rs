//! What `score` leaves of one model and one benchmark: `results/brainscore/<model>/<benchmark>.json`.
//!
//! `report` and `tree` read it; one file each, so that several machines can score at the same time.

use serde::{Deserialize, Serialize};

/// What benchmarks of behaviour have as their region.
pub const BEHAVIOUR: &str = "behaviour";

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// A model on a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchmarkScore {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The model: a network's `<framework>/<network>`, or the name that was given.
    pub model: String,
    /// What was measured.
    pub benchmark: Benchmark,
    /// Layer that the score is of: the region's committed layer, or the one with the highest ceiled score.
    pub layer: Option<String>,
    /// Whether `layer` was committed to on other data; [`BenchmarkScore::choice`] tells what it is otherwise.
    pub committed: bool,
    /// What became of it.
    pub state: State,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The score of `layer`, over all subjects; none unless `state` is [`State::Ok`].
    pub score: Option<Scored>,
    /// Every layer of every subject, in the network's order.
    pub rows: Vec<Row>,
    /// Ceiled score of each site of `layer`, null where undefined; left out if they were not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub site_scores: Vec<Option<f64>>,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// How the layer of a score came to stand for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It was committed to on other data.
    Committed,
    /// It is the best of several on these data.
    Best,
    /// It is the only one that was measured, named by the user or by custom: these data have chosen nothing.
    Named,
}

impl BenchmarkScore {
    /// How `layer` was chosen.
    #[must_use]
    pub fn choice(&self) -> Choice {
        let is_another = |row: &Row| Some(&row.layer) != self.layer.as_ref();
        if self.committed {
            Choice::Committed
        } else if self.rows.iter().any(is_another) {
            Choice::Best
        } else {
            Choice::Named
        }
    }
}

/// A benchmark: recordings, metric, normalisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// Its identifier, such as `MajajHong2015.V4-pls`; the leaf's `id` in a benchmark tree.
    pub id: String,
    /// Version; scores of different versions are not compared.
    pub version: u32,
    /// Brain region, such as `V4`, or [`BEHAVIOUR`].
    pub region: String,
    /// Metric, such as `pls`.
    pub metric: String,
    /// How raw scores are normalised by the ceiling, such as `r2_over_c`.
    pub normalise: String,
    /// Visual angle of the images in degrees, where known.
    #[serde(default)]
    pub visual_degrees: Option<f64>,
    /// Paper to cite, as BibTeX.
    #[serde(default)]
    pub bibtex: Option<String>,
}

/// How a benchmark ended for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is a score.
    Ok,
    /// It was tried and gave no number: `X`.
    Failed,
}

/// Numbers of a layer on a benchmark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// Mean over splits of the median over sites, with its sign; of behaviour, mean over halves of the trials.
    pub raw: Option<f64>,
    /// Its error: the standard error over splits; of signatures and κ the standard deviation over halves of the trials or
    /// over all κ, of properties over draws.
    pub error: Option<f64>,
    /// Ceiling; none without repetitions.
    pub ceiling: Option<f64>,
    /// Error of the ceiling, as `error`.
    pub ceiling_error: Option<f64>,
    /// `raw` normalised by `ceiling`, not clamped.
    pub ceiled: Option<f64>,
    /// Error of `ceiled`, as `error`.
    pub ceiled_error: Option<f64>,
    /// Sites (neurons, electrodes, voxels); 0 for behaviour.
    pub n_sites: usize,
    /// Sites without a value, left out of the median.
    pub n_undefined: usize,
    /// Stimuli.
    pub n_stimuli: usize,
}

/// A layer of a model on one subject's recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The layer.
    pub layer: String,
    /// The subject; none where sites of several are pooled.
    pub subject: Option<String>,
    /// Start and end of the time bin in milliseconds; none where there is no time, or bins are averaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bin: Option<(f64, f64)>,
    /// Raw score of every split or half of the trials, `(n_splits,)`; empty for a metric without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_split: Vec<Option<f64>>,
    /// What came out.
    #[serde(flatten)]
    pub score: Scored,
}

/// Where numbers come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Program and version.
    pub program: String,
    /// The command that makes the file again, as words of a shell.
    pub command: String,
    /// Seed of the splits.
    pub seed: u32,
    /// SHA-256 of the model manifest, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<String>,
}

/// Whether a text can be the name of a result's file, or a part of a model's name, which is its folder.
#[must_use]
pub fn is_file_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', '\0'])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A result of `model` on a benchmark (identifier, version, region) with a ceiled score, or a failed one.
    pub(crate) fn score(
        model: &str,
        (id, version, region): (&str, u32, &str),
        ceiled: Option<f64>,
    ) -> BenchmarkScore {
        let scored = |ceiled: f64| Scored {
            raw: Some(ceiled / 2.0),
            error: Some(0.01),
            ceiling: Some(0.8),
            ceiling_error: Some(0.02),
            ceiled: Some(ceiled),
            ceiled_error: Some(0.015),
            n_sites: 102,
            n_undefined: 1,
            n_stimuli: 135,
        };
        let row = |layer: &str, ceiled: f64| Row {
            layer: layer.to_owned(),
            subject: None,
            bin: None,
            per_split: Vec::new(),
            score: scored(ceiled),
        };
        BenchmarkScore {
            schema: SCHEMA,
            model: model.to_owned(),
            benchmark: Benchmark {
                id: id.to_owned(),
                version,
                region: region.to_owned(),
                metric: "pls".to_owned(),
                normalise: "r2_over_c".to_owned(),
                visual_degrees: Some(8.0),
                bibtex: Some(format!("@article{{{id},\n  title = {{On {id}}}\n}}")),
            },
            layer: ceiled.map(|_| "conv2".to_owned()),
            committed: true,
            state: if ceiled.is_some() {
                State::Ok
            } else {
                State::Failed
            },
            reason: ceiled.is_none().then(|| "no site varies".to_owned()),
            score: ceiled.map(scored),
            rows: (ceiled.iter())
                .flat_map(|&best| [row("conv1", best / 2.0), row("conv2", best)])
                .collect(),
            site_scores: Vec::new(),
            provenance: Provenance {
                program: "bhscore 0.1.0".to_owned(),
                command: format!("bhscore score --model {model} --benchmark {id}"),
                ..Provenance::default()
            },
        }
    }

    #[test]
    fn a_result_is_read_as_it_was_written() {
        for ceiled in [Some(0.5), None] {
            let score = score("net/a", ("b", 1, "V1"), ceiled);
            let text = serde_json::to_string(&score).unwrap();
            assert!(!text.contains("site_scores"));
            assert_eq!(
                serde_json::from_str::<BenchmarkScore>(&text).unwrap(),
                score
            );
        }
    }
}
