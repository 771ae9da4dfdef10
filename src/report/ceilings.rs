//! Ceilings of the study, as text, CSV and JSON, and for the page.

use serde::Serialize;
use serde_json::{Value, json};

use super::json::reason;
use super::table::aligned;
use crate::bh::sure::brain_to_brain::{BrainToBrain, Pair, Range};
use crate::ceilings::Ceilings;
use crate::ceilings::noise::NoiseCeiling;

/// Name of the table of noise ceilings.
pub const NOISE: &str = "noise_ceiling.csv";

const NOISE_HEADER: [&str; 6] = ["subject", "ROI", "voxels", "median", "quartiles", "above 0"];
const PAIR_HEADER: [&str; 4] = ["network", "brain", "published", "textbook"];
/// Columns from here on are aligned to the right.
const FIRST_NUMBER: usize = 2;

/// What the page says about them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CeilingSection {
    /// Noise ceilings, then scores of other brains.
    pub parts: Vec<Explained>,
    /// Why something is missing.
    pub notes: Vec<String>,
}

/// A table with what it says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Explained {
    /// How to read it, or why there is none.
    pub text: String,
    /// Header and rows; empty if there is none.
    pub rows: Vec<Vec<String>>,
}

/// Sections of the page.
pub fn section(ceilings: &Ceilings) -> CeilingSection {
    let found = ceilings.brain_to_brain.as_ref();
    let noise = Explained {
        text: format!(
            "Noise ceiling of a voxel: the highest correlation with its mean response to the test images that a \
             model can expect, from the agreement of {} random halves of the repetitions; 0 where they do not \
             agree. Median and quartiles are over all voxels of a ROI.",
            ceilings.n_splits
        ),
        rows: match ceilings.noise.as_slice() {
            [] => Vec::new(),
            noise => noise_rows(noise),
        },
    };
    let brains = Explained {
        text: match found {
            Ok(found) => format!(
                "The score that another brain would get: one subject's ROIs take the place of the layers and its \
                 voxels that of the units, decoded from another subject's ROIs. {}",
                ranges(found).join("; ")
            ),
            Err(reason) => format!("No score of another brain: {reason}."),
        },
        rows: found.map(pair_rows).unwrap_or_default(),
    };
    CeilingSection {
        parts: vec![noise, brains],
        notes: ceilings.notes.clone(),
    }
}

/// Both tables for people, with what they mean; begins with an empty line and ends with a line feed.
pub fn text(ceilings: &Ceilings) -> String {
    let mut text = String::new();
    if !ceilings.noise.is_empty() {
        text.push_str(&format!(
            "\nNoise ceilings of the voxels ({} random halves, seed {})\n",
            ceilings.n_splits, ceilings.seed
        ));
        text.push_str(&aligned(&noise_rows(&ceilings.noise), FIRST_NUMBER));
        text.push_str(
            "highest correlation with a voxel's mean response that can be expected; 0 where halves disagree\n",
        );
    }
    match &ceilings.brain_to_brain {
        Ok(found) => {
            text.push_str(
                "\nThe score another brain would get: voxels of `network` decoded from `brain`\n",
            );
            text.push_str(&aligned(&pair_rows(found), FIRST_NUMBER));
            for line in ranges(found) {
                text.push_str(&format!("{line}\n"));
            }
        }
        Err(reason) => text.push_str(&format!("\nNo score of another brain: {reason}\n")),
    }
    for note in &ceilings.notes {
        text.push_str(&format!("{note}\n"));
    }
    text
}

/// One row per subject and ROI: `subject`, `roi`, `n_voxels`, `median`, `q25`, `q75`, `share_positive`.
pub fn noise_csv(ceilings: &Ceilings) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let header = [
        "subject",
        "roi",
        "n_voxels",
        "median",
        "q25",
        "q75",
        "share_positive",
    ];
    writer.write_record(header).expect("memory takes it");
    for row in &ceilings.noise {
        writer.serialize(row).expect("memory takes every plain row");
    }
    writer.into_inner().expect("memory takes what is left")
}

/// The object `ceilings` of `bhscore.json`.
pub fn json(ceilings: &Ceilings) -> Value {
    let found = ceilings.brain_to_brain.as_ref();
    json!({
        "settings": {"seed": ceilings.seed, "n_splits": ceilings.n_splits},
        "noise": ceilings.noise,
        "brain_to_brain": found.ok().map(brain_to_brain),
        "brain_to_brain_reason": found.err(),
        "notes": ceilings.notes,
    })
}

fn brain_to_brain(found: &BrainToBrain) -> Value {
    let range = |range: Option<Range>| {
        range.map(|range| {
            json!({"n_pairs": range.n_pairs, "mean": range.mean, "min": range.min, "max": range.max})
        })
    };
    json!({
        "pairs": found.pairs.iter().map(pair).collect::<Vec<Value>>(),
        "published": range(found.published),
        "textbook": range(found.textbook),
    })
}

fn pair(pair: &Pair) -> Value {
    let score = pair.score.as_ref().ok();
    json!({
        "network_subject": pair.network_subject,
        "brain_subject": pair.brain_subject,
        "published": pair.published(),
        "textbook": pair.textbook(),
        "reason": why(pair),
        "n_training": pair.n_training,
        "n_test": pair.n_test,
        "n_items": score.map(|score| score.n_items),
        "n_selected": score.and_then(|score| score.published.n_selected()),
        "n_selected_textbook": score.and_then(|score| score.textbook.n_selected()),
    })
}

/// Why a score of the pair is missing; `None` if neither is.
fn why(pair: &Pair) -> Option<String> {
    match &pair.score {
        Ok(score) => reason(score),
        Err(reason) => Some(reason.clone()),
    }
}

fn noise_rows(noise: &[NoiseCeiling]) -> Vec<Vec<String>> {
    let row = |row: &NoiseCeiling| {
        vec![
            row.subject.clone(),
            row.roi.clone(),
            row.n_voxels.to_string(),
            format!("{:.3}", row.median),
            format!("{:.3} to {:.3}", row.q25, row.q75),
            format!("{:.1} %", 100.0 * row.share_positive),
        ]
    };
    let header = NOISE_HEADER.map(str::to_owned).to_vec();
    std::iter::once(header)
        .chain(noise.iter().map(row))
        .collect()
}

fn pair_rows(found: &BrainToBrain) -> Vec<Vec<String>> {
    let score = |score: Option<f64>| {
        score.map_or_else(|| "undefined".to_owned(), |score| format!("{score:.3}"))
    };
    let row = |pair: &Pair| {
        vec![
            pair.network_subject.clone(),
            pair.brain_subject.clone(),
            score(pair.published()),
            score(pair.textbook()),
        ]
    };
    let header = PAIR_HEADER.map(str::to_owned).to_vec();
    std::iter::once(header)
        .chain(found.pairs.iter().map(row))
        .collect()
}

/// Mean and range by either rule, then reasons of pairs without a score.
fn ranges(found: &BrainToBrain) -> Vec<String> {
    let line = |rule: &str, range: Option<Range>| match range {
        Some(Range { mean, min, max, .. }) => {
            format!("{rule}: mean {mean:.3}, {min:.3} to {max:.3}")
        }
        None => format!("{rule}: undefined for every pair"),
    };
    let reasons = found.pairs.iter().filter_map(|pair| {
        let (network, brain) = (&pair.network_subject, &pair.brain_subject);
        why(pair).map(|reason| format!("`{network}` from `{brain}`: undefined: {reason}"))
    });
    [
        line("published", found.published),
        line("textbook", found.textbook),
    ]
    .into_iter()
    .chain(reasons)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::sure::brain_to_brain::score;

    fn ceilings() -> Ceilings {
        let rois = ["V1", "V2"].map(str::to_owned);
        let values = |r: f32| {
            let values = vec![
                vec![vec![r; 3], vec![0.4; 3]],
                vec![vec![0.4; 3], vec![r; 3]],
            ];
            score(values, &rois, 50, 0.05).map_err(|error| error.to_string())
        };
        let pair = |network: &str, brain: &str, score| Pair {
            network_subject: network.to_owned(),
            brain_subject: brain.to_owned(),
            n_training: 9,
            n_test: 50,
            score,
        };
        Ceilings {
            seed: 3,
            n_splits: 100,
            noise: vec![NoiseCeiling {
                subject: "sub,01".to_owned(),
                roi: "V1".to_owned(),
                n_voxels: 7,
                median: 0.1 + 0.2,
                q25: 0.25,
                q75: 0.75,
                share_positive: 6.0 / 7.0,
            }],
            brain_to_brain: Ok(BrainToBrain::new(vec![
                pair("a", "b", values(0.6)),
                pair("b", "a", values(0.2)),
                pair("b", "c", Err("they share nothing".to_owned())),
            ])),
            notes: vec!["no noise ceiling of `c`".to_owned()],
        }
    }

    #[test]
    fn every_number_of_the_csv_reads_back_to_itself() {
        let bytes = noise_csv(&ceilings());
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap().len(), 7);
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!((&row[0], &row[1], &row[2]), ("sub,01", "V1", "7"));
        assert_eq!(row[3].parse(), Ok(0.1 + 0.2));
        assert_eq!(row[6].parse(), Ok(6.0 / 7.0));
    }

    #[test]
    fn json_has_pairs_ranges_and_reasons() {
        let value = json(&ceilings());
        assert_eq!(value["settings"], json!({"seed": 3, "n_splits": 100}));
        assert_eq!(value["noise"][0]["q75"], 0.75);
        let found = &value["brain_to_brain"];
        assert_eq!(found["pairs"][0]["published"], 1.0);
        assert_eq!(found["pairs"][0]["n_items"], 6);
        assert_eq!(found["pairs"][1]["published"], -1.0);
        let missing = &found["pairs"][2];
        assert_eq!(
            (&missing["published"], &missing["reason"]),
            (&Value::Null, &json!("they share nothing"))
        );
        let range = json!({"n_pairs": 2, "mean": 0.0, "min": -1.0, "max": 1.0});
        assert_eq!(found["published"], range);
        assert!(value["brain_to_brain_reason"].is_null());

        let mut alone = ceilings();
        alone.brain_to_brain = Err("there is one subject only".to_owned());
        let value = json(&alone);
        assert!(value["brain_to_brain"].is_null());
        assert_eq!(value["brain_to_brain_reason"], "there is one subject only");
    }

    #[test]
    fn text_and_page_say_the_same() {
        let all = ceilings();
        let (text, section) = (text(&all), section(&all));
        for part in [
            "sub,01   V1        7   0.300  0.250 to 0.750   85.7 %",
            "a        b          1.000      1.000\n",
            "b        c      undefined  undefined\n",
            "published: mean 0.000, -1.000 to 1.000\n",
            "`b` from `c`: undefined: they share nothing\n",
            "no noise ceiling of `c`\n",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        let [noise, brains] = section.parts.as_slice() else {
            panic!("{section:?}")
        };
        assert_eq!((noise.rows.len(), brains.rows.len()), (2, 4));
        assert!(brains.text.contains("mean 0.000, -1.000 to 1.000"));
        let mut none = all.clone();
        (none.noise, none.brain_to_brain) = (Vec::new(), Err("no fMRI".to_owned()));
        assert!(super::text(&none).starts_with("\nNo score of another brain: no fMRI\n"));
        assert!(
            super::section(&none)
                .parts
                .iter()
                .all(|part| part.rows.is_empty())
        );
    }
}
