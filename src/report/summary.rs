//! `accuracy_summary.csv`: one row per half, network, layer, subject and ROI.
//!
//! Columns: `network`, `net`, `half` (`decoding` or `encoding`), `layer`, `subject`, `roi`, `n` (defined
//! accuracies, of units or voxels), `n_undefined`, `mean`, `median`, `sd` (n − 1), `share_significant` (of
//! the defined, by the published rule) and `share_significant_textbook`. All voxels of the files are
//! summarised, also those that the encoding score does not draw. What is undefined is empty.

use crate::bh::summary::{Summary, summarise};
use crate::bh::{DecodingAccuracies, EncodingAccuracies, Rules};
use crate::io::table;

const HEADER: [&str; 13] = [
    "network",
    "net",
    "half",
    "layer",
    "subject",
    "roi",
    "n",
    "n_undefined",
    "mean",
    "median",
    "sd",
    "share_significant",
    "share_significant_textbook",
];

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryRow {
    /// `decoding` or `encoding`.
    pub half: &'static str,
    /// Name of the layer.
    pub layer: String,
    /// Name of the subject.
    pub subject: String,
    /// Name of the ROI.
    pub roi: String,
    /// The numbers.
    pub summary: Summary,
}

/// Rows of the decoding half: layer by layer, then subject, then ROI. What has no file has no row.
pub fn decoding(input: &DecodingAccuracies, rules: &Rules) -> Vec<SummaryRow> {
    let names = [&input.layers, &input.subjects, &input.rois];
    rows("decoding", names, &input.values, rules)
}

/// Rows of the encoding half, in the same order.
pub fn encoding(input: &EncodingAccuracies, rules: &Rules) -> Vec<SummaryRow> {
    let names = [&input.layers, &input.subjects, &input.rois];
    rows("encoding", names, &input.values, rules)
}

fn rows(
    half: &'static str,
    [layers, subjects, rois]: [&Vec<String>; 3],
    values: &[Vec<Vec<Option<Vec<f32>>>>],
    rules: &Rules,
) -> Vec<SummaryRow> {
    let mut rows = Vec::new();
    for (layer, values) in layers.iter().zip(values) {
        for (subject, values) in subjects.iter().zip(values) {
            for (roi, values) in rois.iter().zip(values) {
                let Some(values) = values else { continue };
                rows.push(SummaryRow {
                    half,
                    layer: layer.clone(),
                    subject: subject.clone(),
                    roi: roi.clone(),
                    summary: summarise(values, rules),
                });
            }
        }
    }
    rows
}

/// The table as UTF-8 text, of networks by name and folder.
pub fn bytes<'a>(networks: impl Iterator<Item = (&'a str, &'a str, &'a [SummaryRow])>) -> Vec<u8> {
    let records =
        networks.flat_map(|(name, net, rows)| rows.iter().map(move |row| record(name, net, row)));
    table::encode(HEADER, records)
}

fn record(name: &str, net: &str, row: &SummaryRow) -> [String; HEADER.len()] {
    let number = |value: f64| match value.is_nan() {
        true => String::new(),
        false => value.to_string(),
    };
    let summary = &row.summary;
    [
        name.to_owned(),
        net.to_owned(),
        row.half.to_owned(),
        row.layer.clone(),
        row.subject.clone(),
        row.roi.clone(),
        summary.n.to_string(),
        summary.n_undefined.to_string(),
        number(summary.mean),
        number(summary.median),
        number(summary.sd),
        number(summary.share_published),
        number(summary.share_textbook.unwrap_or(f64::NAN)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accuracies, encoding_accuracies};
    use super::*;

    #[test]
    fn a_row_for_every_file() {
        let mut decoded = accuracies(6, 4, 0.6);
        decoded.values[5][1][4] = None;
        decoded.values[0][0][0] = Some(vec![f32::NAN; 2]);
        let encoded = encoding_accuracies(3, 7, 0.6);
        let mut all = decoding(&decoded, &Rules::new(0.05, None));
        all.extend(encoding(&encoded, &Rules::new(0.05, Some(50))));
        let bytes = bytes([("Net", "a/net", all.as_slice())].into_iter());
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap(), HEADER.as_slice());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 6 * 2 * 5 - 1 + 3 * 2 * 5);
        assert_eq!(
            rows[0].iter().collect::<Vec<_>>(),
            [
                "Net", "a/net", "decoding", "layer1", "sub-01", "V1", "0", "2", "", "", "", "", ""
            ]
        );
        let last = rows.last().unwrap();
        assert_eq!((&last[2], &last[5], &last[6]), ("encoding", "HVC", "8"));
        assert!(!last[12].is_empty());
    }
}
