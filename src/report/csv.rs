//! `bhscore.csv`: one row per network, full precision, empty where undefined.
//!
//! Columns: `network`, `net`, `n_layers`, `n_subsets`, `decoding`, `encoding`, `average`, `rank` as in
//! `data/published_bhscores.csv` (by the published rule; the rank by average, or by the half that there
//! is), then of decoding `decoding_textbook`, `n_items`, `n_selected`, `n_selected_textbook` and `reason`,
//! which says why a score is empty, the same of encoding with voxels for items, `average_textbook`, and
//! `place_decoding`, `place_encoding`, `place_average`: the place among the 29 published networks.

use super::published::{Column, place};
use super::{NetworkScores, ranks};
use crate::io::table;

const HEADER: [&str; 22] = [
    "network",
    "net",
    "n_layers",
    "n_subsets",
    "decoding",
    "encoding",
    "average",
    "rank",
    "decoding_textbook",
    "n_items",
    "n_selected",
    "n_selected_textbook",
    "reason",
    "encoding_textbook",
    "n_voxels",
    "n_voxels_selected",
    "n_voxels_selected_textbook",
    "encoding_reason",
    "average_textbook",
    "place_decoding",
    "place_encoding",
    "place_average",
];

/// The table as UTF-8 text, in the order of `networks`.
pub fn bytes(networks: &[NetworkScores]) -> Vec<u8> {
    let ranked = networks.iter().zip(ranks(networks));
    table::encode(HEADER, ranked.map(|(network, rank)| record(network, rank)))
}

fn record(network: &NetworkScores, rank: Option<usize>) -> [String; HEADER.len()] {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    let decoding = network.decoding.as_ref();
    let pooled = decoding.map(|decoding| &decoding.pooled);
    let subsets = pooled.and_then(|pooled| pooled.published.subsets);
    let encoding = network.encoding.as_ref();
    let voxels = encoding.map(|encoding| &encoding.pooled);
    let layers = decoding
        .map(|half| &half.layers)
        .or(encoding.map(|half| &half.layers));
    let (average, average_textbook) = match network.average() {
        Some((published, textbook)) => (published.ok(), textbook.ok()),
        None => (None, None),
    };
    let place = |column: Column| text(column.score(network).map(|score| place(score, column)));
    [
        network.name.clone(),
        network.net.clone(),
        text(layers.map(Vec::len)),
        text(subsets.map(|subsets| subsets.n_subsets)),
        text(network.published()),
        text(network.encoding_published()),
        text(average),
        text(rank),
        text(network.textbook()),
        text(pooled.map(|pooled| pooled.n_items)),
        text(pooled.and_then(|pooled| pooled.published.n_selected())),
        text(pooled.and_then(|pooled| pooled.textbook.n_selected())),
        text(network.reason()),
        text(network.encoding_textbook()),
        text(voxels.map(|voxels| voxels.n_items)),
        text(voxels.and_then(|voxels| voxels.published.n_selected())),
        text(voxels.and_then(|voxels| voxels.textbook.n_selected())),
        text(network.encoding_reason()),
        text(average_textbook),
        place(Column::Decoding),
        place(Column::Encoding),
        place(Column::Average),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{complete, networks};
    use super::*;

    #[test]
    fn every_number_reads_back_to_itself() {
        let networks = networks();
        let bytes = bytes(&networks);
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap(), HEADER.as_slice());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), networks.len());
        assert_eq!((&rows[0][4], &rows[0][12]), ("", "no unit is significant"));
        assert_eq!(rows[1][4].parse::<f64>().ok(), networks[1].published());
        assert_eq!(
            (&rows[1][2], &rows[1][3], &rows[1][7], &rows[1][12]),
            ("6", "4", "1", "")
        );
        assert_eq!(rows[2][8].parse::<f64>().ok(), networks[2].textbook());
        assert_eq!(&rows[3][9], "");
    }

    #[test]
    fn both_halves_and_their_mean() {
        let network = complete("Both", 0.6);
        let bytes = bytes(std::slice::from_ref(&network));
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let row = reader.records().next().unwrap().unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        assert_eq!(Some(number(5)), network.encoding_published());
        assert_eq!(number(6), (number(4) + number(5)) / 2.0);
        assert_eq!(number(18), (number(8) + number(13)) / 2.0);
        assert_eq!((&row[14], &row[15], &row[17]), ("75", "75", ""));
        assert_eq!((&row[19], &row[21]), ("1", "1"));
    }
}
