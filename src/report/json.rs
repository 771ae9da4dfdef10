//! `bhscore.json`: all results with the settings and where they came from.
//!
//! ```text
//! {"networks": [{"name", "net", "sure": … or null, "decoding": {…} or null, "encoding": {…} or null, "encoding_reason",
//!                "average": {"published", "textbook", "reason"} or null,
//!                "place": {"decoding", "encoding", "average"}}],
//!  "comparison": {"n_published", "note"}, "settings": …, "provenance": …, "ceilings": … or null}
//! ```
//!
//! `sure` is `{"settings", "n_stimuli", "n_deleted", "decoding": {"published", "textbook"} or null, "encoding":
//! the same, "average": {"published": {"jackknife"} or null, "textbook"} or null, "notes"}`
//! ([`crate::bh::sure::Sure`]). In `encoding`, `layer_order` is of the order of the ROIs and `unit_bootstrap` of
//! draws of voxels.
//!
//! `ceilings`, of [`super::ceilings`], are those of the study: `{"settings": {"seed", "n_splits"}, "noise":
//! [{"subject", "roi", "n_voxels", "median", "q25", "q75", "share_positive"}], "brain_to_brain": {"pairs":
//! [{"network_subject", "brain_subject", "published", "textbook", "reason", "n_training", "n_test", "n_items",
//! "n_selected", "n_selected_textbook"}], "published": {"n_pairs", "mean", "min", "max"} or null, "textbook"} or
//! null, "brain_to_brain_reason", "notes"}`.
//!
//! A half of the score is `{"published", "textbook", "n_items", "n_selected", "n_selected_textbook",
//! "n_undefined", "all_layers": {"published", "textbook"}, "subsets": {"n", "n_undefined", "sd", "min",
//! "max", "textbook": {"n_undefined", "sd", "min", "max"}} or null, "votes": {"published": layers × ROIs,
//! "textbook"}, "reason", "layers", "rois", "by_subject": {subject: the same down to "reason"},
//! "warnings": […]}`. Votes of encoding are ROIs × layers, and it has `"voxel_limit"` (null for all voxels)
//! and `"n_voxels"` in the files, too. A score without a value is null and `reason` says why; otherwise
//! that is null. `place` is that among the published networks.

use ndarray::Array2;
use serde_json::{Map, Value, json};

use super::NetworkScores;
use super::published::{self, Column};
use crate::bh::layers::SubsetScores;
use crate::bh::{DecodingScore, EncodingScore, Outcome, PairedScore};

/// The whole object; `settings` and `provenance` are put in as they are.
pub fn value(networks: &[NetworkScores], settings: Value, provenance: Value) -> Value {
    let networks: Vec<Value> = networks.iter().map(network).collect();
    let comparison = json!({"n_published": published::networks().len(), "note": published::NOTE});
    json!({"networks": networks, "comparison": comparison, "settings": settings, "provenance": provenance})
}

/// Why a score of `pair` is null; `None` if neither is. One text if the reason is the same for both.
pub fn reason(pair: &PairedScore) -> Option<String> {
    reason_of(&pair.published.score, &pair.textbook.score)
}

fn reason_of(published: &Outcome, textbook: &Outcome) -> Option<String> {
    match (published.as_ref().err(), textbook.as_ref().err()) {
        (None, None) => None,
        (Some(published), Some(textbook)) if published == textbook => Some(published.clone()),
        (Some(published), Some(textbook)) => {
            Some(format!("published: {published}; textbook: {textbook}"))
        }
        (Some(published), None) => Some(format!("published: {published}")),
        (None, Some(textbook)) => Some(format!("textbook: {textbook}")),
    }
}

fn network(network: &NetworkScores) -> Value {
    json!({
        "name": network.name,
        "net": network.net,
        "sure": network.sure,
        "decoding": network.decoding.as_ref().map(decoding),
        "encoding": network.encoding.as_ref().map(encoding),
        "encoding_reason": network.encoding_reason(),
        "average": network.average().map(average),
        "place": {
            "decoding": place(network, Column::Decoding),
            "encoding": place(network, Column::Encoding),
            "average": place(network, Column::Average),
        },
    })
}

fn place(network: &NetworkScores, column: Column) -> Option<usize> {
    column
        .score(network)
        .map(|score| published::place(score, column))
}

fn average((published, textbook): (Outcome, Outcome)) -> Value {
    json!({
        "published": number(&published),
        "textbook": number(&textbook),
        "reason": reason_of(&published, &textbook),
    })
}

fn by_subject(scores: &[(String, PairedScore)]) -> Map<String, Value> {
    let one =
        |(subject, pair): &(String, PairedScore)| (subject.clone(), Value::Object(paired(pair)));
    scores.iter().map(one).collect()
}

fn encoding(score: &EncodingScore) -> Value {
    let mut object = paired(&score.pooled);
    object.insert("layers".into(), json!(score.layers));
    object.insert("rois".into(), json!(score.rois));
    object.insert("voxel_limit".into(), json!(score.voxel_limit));
    object.insert("n_voxels".into(), json!(score.n_voxels));
    let by_subject = by_subject(&score.by_subject);
    object.insert("by_subject".into(), Value::Object(by_subject));
    object.insert("warnings".into(), json!(score.warnings));
    Value::Object(object)
}

fn decoding(score: &DecodingScore) -> Value {
    let by_subject = by_subject(&score.by_subject);
    let mut object = paired(&score.pooled);
    object.insert("layers".into(), json!(score.layers));
    object.insert("rois".into(), json!(score.rois));
    object.insert("by_subject".into(), Value::Object(by_subject));
    object.insert("warnings".into(), json!(score.warnings));
    Value::Object(object)
}

fn paired(pair: &PairedScore) -> Map<String, Value> {
    let (published, textbook) = (&pair.published, &pair.textbook);
    let subsets = published.subsets.as_ref().map(|subsets| {
        let mut object = spread(subsets);
        object.insert(
            "textbook".into(),
            json!(textbook.subsets.as_ref().map(spread)),
        );
        object.shift_insert(0, "n".into(), json!(subsets.n_subsets));
        object
    });
    let Value::Object(object) = json!({
        "published": number(&published.score),
        "textbook": number(&textbook.score),
        "n_items": pair.n_items,
        "n_selected": published.n_selected(),
        "n_selected_textbook": textbook.n_selected(),
        "n_undefined": pair.n_undefined,
        "all_layers": {
            "published": number(&published.all_layers),
            "textbook": number(&textbook.all_layers),
        },
        "subsets": subsets,
        "votes": {
            "published": published.votes.as_ref().map(rows),
            "textbook": textbook.votes.as_ref().map(rows),
        },
        "reason": reason(pair),
    }) else {
        unreachable!("a literal in braces is an object")
    };
    object
}

fn spread(subsets: &SubsetScores) -> Map<String, Value> {
    let value =
        |get: fn(&crate::bh::layers::Spread) -> f64| json!(subsets.spread.as_ref().map(get));
    Map::from_iter([
        ("n_undefined".to_owned(), json!(subsets.n_undefined)),
        ("sd".to_owned(), value(|spread| spread.sd)),
        ("min".to_owned(), value(|spread| spread.min)),
        ("max".to_owned(), value(|spread| spread.max)),
    ])
}

fn number(outcome: &Outcome) -> Option<f64> {
    outcome.as_ref().ok().copied()
}

fn rows(votes: &Array2<u64>) -> Vec<Vec<u64>> {
    votes.rows().into_iter().map(|row| row.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accuracies, complete, network, networks};
    use super::*;

    #[test]
    fn what_scripts_rely_on() {
        let networks = networks();
        let value = value(&networks, json!({"p_value": 0.05}), json!({"version": "1"}));
        assert_eq!(value["settings"]["p_value"], 0.05);
        assert_eq!(value["provenance"]["version"], "1");
        let good = &value["networks"][1];
        assert_eq!(
            (&good["name"], &good["net"]),
            (&json!("Good"), &json!("synth/good"))
        );
        assert!(good["encoding"].is_null() && good["average"].is_null());
        let decoding = &good["decoding"];
        let published = networks[1].published().unwrap();
        assert_eq!(decoding["published"].as_f64(), Some(published));
        assert_eq!(decoding["n_items"], 54);
        assert_eq!(decoding["n_selected"], 54);
        assert_eq!(decoding["subsets"]["n"], 4);
        assert!(decoding["subsets"]["textbook"]["max"].as_f64().unwrap() >= published);
        assert_eq!(decoding["votes"]["published"].as_array().unwrap().len(), 6);
        assert!(decoding["reason"].is_null() && decoding["by_subject"]["sub-02"].is_object());
        let text = serde_json::to_string(&value).unwrap();
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            back["networks"][1]["decoding"]["published"].as_f64(),
            Some(published)
        );
    }

    #[test]
    fn the_rules_are_not_mixed_up() {
        // 0.28 and 0.29 are significant by the textbook's test of 50 images only.
        let faint = network("Faint", &accuracies(6, 4, 0.29));
        let value = value(&[faint], Value::Null, Value::Null);
        let decoding = &value["networks"][0]["decoding"];
        assert_eq!(
            (&decoding["n_selected"], &decoding["n_selected_textbook"]),
            (&json!(0), &json!(54))
        );
        assert!(decoding["published"].is_null() && decoding["textbook"].is_f64());
        assert_eq!(decoding["votes"]["published"][0], json!([0, 0, 0, 0, 0]));
        assert_ne!(decoding["votes"]["textbook"][0], json!([0, 0, 0, 0, 0]));
        assert_eq!(decoding["reason"], "published: no unit is significant");
        assert_eq!(decoding["by_subject"]["sub-01"]["n_selected_textbook"], 24);
    }

    #[test]
    fn undefined_is_null_with_a_reason() {
        let value = value(&networks(), Value::Null, Value::Null);
        let quiet = &value["networks"][0]["decoding"];
        assert!(quiet["published"].is_null() && quiet["all_layers"]["textbook"].is_null());
        assert!(quiet["subsets"]["sd"].is_null());
        assert_eq!(
            (&quiet["n_selected"], &quiet["subsets"]["n_undefined"]),
            (&json!(0), &json!(4))
        );
        assert_eq!(quiet["reason"], "no unit is significant");
        let short = &value["networks"][2]["decoding"];
        assert!(short["published"].is_null() && short["textbook"].is_f64());
        assert_eq!(short["textbook"], short["all_layers"]["textbook"]);
        assert!(short["subsets"].is_null());
        assert!(short["reason"].as_str().unwrap().contains("4 layers"));
        assert!(value["networks"][3]["decoding"].is_null());
    }

    #[test]
    fn encoding_and_average() {
        let both = complete("Both", 0.6);
        let value = value(&[both], Value::Null, Value::Null);
        let network = &value["networks"][0];
        let encoding = &network["encoding"];
        assert_eq!(
            (&encoding["n_items"], &encoding["n_voxels"]),
            (&json!(75), &json!(75))
        );
        assert_eq!(encoding["voxel_limit"], 1000);
        assert!(encoding["subsets"].is_null() && network["encoding_reason"].is_null());
        assert_eq!(encoding["votes"]["published"].as_array().unwrap().len(), 5);
        let mean = |rule: &str| {
            let half = |half: &str| network[half][rule].as_f64().unwrap();
            (half("decoding") + half("encoding")) / 2.0
        };
        for rule in ["published", "textbook"] {
            assert_eq!(network["average"][rule].as_f64(), Some(mean(rule)));
        }
        assert_eq!(
            (&network["place"]["average"], &network["average"]["reason"]),
            (&json!(1), &Value::Null)
        );
        assert_eq!(value["comparison"]["n_published"], 29);
    }

    #[test]
    fn an_average_without_a_half_says_which() {
        let value = value(&[complete("Quiet", 0.1)], Value::Null, Value::Null);
        let network = &value["networks"][0];
        assert!(network["average"]["published"].is_null() && network["place"]["average"].is_null());
        assert_eq!(
            network["average"]["reason"],
            "decoding: no unit is significant"
        );
        assert_eq!(network["encoding"]["reason"], "no voxel is significant");
    }
}
