//! The 29 published networks, and where another network stands among them.

use super::NetworkScores;

/// Scores as published, with the mean of the two halves.
const TABLE: &str = include_str!("../../data/published_bhscores.csv");

/// What can be compared with the published scores and what cannot, in one line.
pub const NOTE: &str = "Published scores are of three subjects, V1 to HVC and the 50 test images of Shen et al. (2019), \
    with about 1,000 units per layer: compare only scores of the same brain data and images, by the published \
    rule and the default options. Decoding scores vary by 0.01 with the original's random draws, and encoding \
    scores are lower for networks that list more layers (Spearman -0.82).";

/// One published network.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedNetwork {
    /// Name in the publication's table.
    pub name: String,
    /// Folder below the features.
    pub net: String,
    /// Layers listed.
    pub n_layers: usize,
    /// Decoding-based score.
    pub decoding: f64,
    /// Encoding-based score.
    pub encoding: f64,
    /// Mean of the two, the headline number.
    pub average: f64,
}

/// The column by which networks are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Mean of the two halves.
    Average,
    /// Decoding-based score.
    Decoding,
    /// Encoding-based score.
    Encoding,
}

impl Column {
    /// The average if any network has one, else the half that any has.
    pub fn of(networks: &[NetworkScores]) -> Self {
        let has = |column: Column| {
            networks
                .iter()
                .any(|network| column.score(network).is_some())
        };
        if has(Column::Average) {
            Column::Average
        } else if has(Column::Decoding) || !has(Column::Encoding) {
            Column::Decoding
        } else {
            Column::Encoding
        }
    }

    /// `average`, `decoding` or `encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Column::Average => "average",
            Column::Decoding => "decoding",
            Column::Encoding => "encoding",
        }
    }

    /// This score of a network by the published rule, if it is defined.
    pub fn score(self, network: &NetworkScores) -> Option<f64> {
        match self {
            Column::Average => network.average()?.0.ok(),
            Column::Decoding => network.published(),
            Column::Encoding => network.encoding_published(),
        }
    }

    /// This score of a published network.
    pub fn published(self, network: &PublishedNetwork) -> f64 {
        match self {
            Column::Average => network.average,
            Column::Decoding => network.decoding,
            Column::Encoding => network.encoding,
        }
    }
}

/// The published networks in the order of the publication's list.
pub fn networks() -> Vec<PublishedNetwork> {
    let mut reader = csv::Reader::from_reader(TABLE.as_bytes());
    let number = |text: &str| {
        text.parse()
            .expect("the table is part of the program and tested")
    };
    reader
        .records()
        .map(|row| {
            let row = row.expect("the table is part of the program and tested");
            PublishedNetwork {
                name: row[0].to_owned(),
                net: row[1].to_owned(),
                n_layers: number(&row[2]) as usize,
                decoding: number(&row[4]),
                encoding: number(&row[5]),
                average: number(&row[6]),
            }
        })
        .collect()
}

/// Place of a score among the published ones: 1 plus the number of those above.
pub fn place(score: f64, column: Column) -> usize {
    let above = |network: &PublishedNetwork| column.published(network) > score;
    1 + networks().iter().filter(|network| above(network)).count()
}

/// One row of the ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Rank among all rows: 1 plus the number of higher scores.
    pub rank: usize,
    /// Name, with “(published)” where one of the others has it, too.
    pub name: String,
    /// The score, by the published rule.
    pub score: f64,
    /// Whether it is not one of the published networks.
    pub own: bool,
}

/// All published networks and those of `own` whose score is defined, highest first.
pub fn ranking(own: &[NetworkScores], column: Column) -> Vec<Ranked> {
    let name = |network: PublishedNetwork| match own.iter().any(|own| own.name == network.name) {
        true => format!("{} (published)", network.name),
        false => network.name,
    };
    let row = |name: String, score: f64, own: bool| Ranked {
        rank: 0,
        name,
        score,
        own,
    };
    let mut rows: Vec<Ranked> = own
        .iter()
        .filter_map(|own| Some(row(own.name.clone(), column.score(own)?, true)))
        .collect();
    rows.extend(networks().into_iter().map(|network| {
        let score = column.published(&network);
        row(name(network), score, false)
    }));
    // Stable: of equal scores the user's comes first.
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    for index in 0..rows.len() {
        rows[index].rank = match index.checked_sub(1) {
            Some(before) if rows[before].score == rows[index].score => rows[before].rank,
            _ => index + 1,
        };
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::tests::networks as own;
    use super::*;

    #[test]
    fn averages_are_means_of_the_halves() {
        let networks = networks();
        assert_eq!(networks.len(), 29);
        for network in &networks {
            let mean = (network.decoding + network.encoding) / 2.0;
            assert!((network.average - mean).abs() < 1e-12, "{}", network.name);
        }
        assert_eq!(
            networks
                .iter()
                .map(|network| network.n_layers)
                .sum::<usize>(),
            705
        );
    }

    #[test]
    fn published_ranks_come_out() {
        let mut reader = csv::Reader::from_reader(TABLE.as_bytes());
        let ranking = ranking(&[], Column::Average);
        for row in reader.records().map(Result::unwrap) {
            let found = ranking.iter().find(|found| found.name == row[0]).unwrap();
            assert_eq!(found.rank.to_string(), row[7], "{}", &row[0]);
            assert_eq!(place(found.score, Column::Average), found.rank);
        }
        assert_eq!(
            (ranking[0].name.as_str(), ranking[28].name.as_str()),
            ("VGG-S", "Inception-v4")
        );
    }

    #[test]
    fn own_networks_stand_where_they_belong() {
        let own = own();
        assert_eq!(Column::of(&own[..1]), Column::Decoding);
        let rows = ranking(&own[..3], Column::Decoding);
        assert_eq!(rows.len(), 30, "undefined scores have no place");
        let good = rows.iter().find(|row| row.own).unwrap();
        assert_eq!(
            (good.name.as_str(), good.score),
            ("Good", own[1].published().unwrap())
        );
        assert_eq!(good.rank, place(good.score, Column::Decoding));
        let mut twin = own[1].clone();
        twin.name = "VGG-S".into();
        let rows = ranking(&[twin], Column::Decoding);
        assert!(
            rows.iter()
                .any(|row| row.name == "VGG-S (published)" && !row.own)
        );
        assert!(rows.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
}
