//! `bhscore.csv`: one row per network, full precision, empty where undefined.
//!
//! Columns: `network`, `net`, `n_layers`, `n_subsets`, `decoding`, `encoding`, `average`, `rank` as in
//! `data/published_bhscores.csv` (by the published rule), then `decoding_textbook`, `n_items`,
//! `n_selected`, `n_selected_textbook` and `reason`, which says why a score is empty. Encoding and average
//! are empty until that half is computed.

use super::{NetworkScores, ranks};

const HEADER: [&str; 13] = [
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
];

/// The table as UTF-8 text, in the order of `networks`.
pub fn bytes(networks: &[NetworkScores]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |record: [String; HEADER.len()]| {
        writer
            .write_record(record)
            .expect("every record has the header's length, memory takes them all");
    };
    write(HEADER.map(str::to_owned));
    for (network, rank) in networks.iter().zip(ranks(networks)) {
        write(record(network, rank));
    }
    writer.into_inner().expect("memory takes what is left")
}

fn record(network: &NetworkScores, rank: Option<usize>) -> [String; HEADER.len()] {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    let decoding = network.decoding.as_ref();
    let pooled = decoding.map(|decoding| &decoding.pooled);
    let subsets = pooled.and_then(|pooled| pooled.published.subsets);
    [
        network.name.clone(),
        network.net.clone(),
        text(decoding.map(|decoding| decoding.layers.len())),
        text(subsets.map(|subsets| subsets.n_subsets)),
        text(network.published()),
        String::new(),
        String::new(),
        text(rank),
        text(network.textbook()),
        text(pooled.map(|pooled| pooled.n_items)),
        text(pooled.and_then(|pooled| pooled.published.n_selected())),
        text(pooled.and_then(|pooled| pooled.textbook.n_selected())),
        text(network.reason()),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::networks;
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
}
