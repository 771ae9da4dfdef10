//! The table of scores on stdout, and the ranking among the published networks below it.

use super::published::{self, Column};
use super::{NetworkScores, ranks};
use crate::bh::PairedScore;

/// Decimal places of a score: published decoding scores vary in the third.
const SCORE_DECIMALS: usize = 4;
/// Columns from here on hold numbers and are aligned to the right.
const FIRST_NUMBER: usize = 2;

/// The scores as an aligned table, best network first, undefined ones last, each reason and warning on a
/// line below, then the ranking among the published networks. Ends with a line feed.
pub fn text(networks: &[NetworkScores]) -> String {
    let ranks = ranks(networks);
    let mut order: Vec<usize> = (0..networks.len()).collect();
    order.sort_by_key(|&index| ranks[index].unwrap_or(usize::MAX));
    let has_encoding = networks.iter().any(|network| network.encoding.is_some());
    let mut rows = vec![header(has_encoding)];
    rows.extend((order.iter()).map(|&index| row(&networks[index], ranks[index], has_encoding)));
    let mut text = aligned(&rows, FIRST_NUMBER);
    for &index in &order {
        let network = &networks[index];
        let mut say = |line: &str| text.push_str(&format!("{}: {line}\n", network.name));
        if let Some(reason) = network.reason() {
            say(&format!("undefined: {reason}"));
        }
        if let Some(reason) = network.encoding_reason().filter(|_| has_encoding) {
            say(&format!("encoding undefined: {reason}"));
        }
        for warning in network.warnings() {
            say(&warning);
        }
    }
    if !has_encoding {
        text.push_str("no encoding score and no average: there are no encoding accuracies\n");
    }
    text.push_str(&ranking(networks));
    text
}

fn header(has_encoding: bool) -> Vec<String> {
    let names: &[&str] = match has_encoding {
        false => &[
            "network",
            "net",
            "published",
            "textbook",
            "units",
            "kept",
            "rank",
        ],
        true => &[
            "network", "net", "decoding", "textbook", "units", "kept", "encoding", "textbook",
            "voxels", "kept", "average", "textbook", "rank",
        ],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn row(network: &NetworkScores, rank: Option<usize>, has_encoding: bool) -> Vec<String> {
    let mut row = vec![network.name.clone(), network.net.clone()];
    row.extend(half(network.decoding.as_ref().map(|half| &half.pooled)));
    if has_encoding {
        row.extend(half(network.encoding.as_ref().map(|half| &half.pooled)));
        let (published, textbook) = match network.average() {
            Some((published, textbook)) => (published.ok(), textbook.ok()),
            None => (None, None),
        };
        row.extend([score(published), score(textbook)]);
    }
    row.push(rank.map_or("-".to_owned(), |rank| rank.to_string()));
    row
}

/// Both scores of a half, its items and the share of those that were kept.
fn half(pooled: Option<&PairedScore>) -> [String; 4] {
    let value = |of: fn(&PairedScore) -> &super::Outcome| {
        score(pooled.and_then(|pooled| of(pooled).as_ref().ok().copied()))
    };
    let n_items = pooled.map_or(0, |pooled| pooled.n_items);
    let n_selected = pooled
        .and_then(|pooled| pooled.published.n_selected())
        .unwrap_or(0);
    let kept = match n_items {
        0 => "-".to_owned(),
        _ => format!("{:.1} %", 100.0 * n_selected as f64 / n_items as f64),
    };
    [
        value(|pooled| &pooled.published.score),
        value(|pooled| &pooled.textbook.score),
        n_items.to_string(),
        kept,
    ]
}

fn score(value: Option<f64>) -> String {
    value.map_or_else(
        || "undefined".to_owned(),
        |value| format!("{value:.SCORE_DECIMALS$}"),
    )
}

/// The networks among the published ones, by average or by the half that there is; empty if no score is
/// defined.
fn ranking(networks: &[NetworkScores]) -> String {
    let column = Column::of(networks);
    let rows = published::ranking(networks, column);
    let n_published = rows.iter().filter(|row| !row.own).count();
    if n_published == rows.len() {
        return String::new();
    }
    let name = column.name();
    let mut text = format!("\nAmong the {n_published} published networks, by {name} (yours: *)\n");
    for row in &rows {
        let mark = if row.own { '*' } else { ' ' };
        let score = score(Some(row.score));
        text.push_str(&format!(
            "{mark} {:>3}  {score:>7}  {}\n",
            row.rank, row.name
        ));
    }
    text.push_str(published::NOTE);
    text.push('\n');
    text
}

/// Most letters that a column is padded to: a name of thousands is one line's, and formatting has a limit.
pub const WIDEST: usize = 200;

/// Lines of rows; columns from `first_number` on are aligned to the right.
pub(super) fn aligned<R: AsRef<[String]>>(rows: &[R], first_number: usize) -> String {
    let rows: Vec<&[String]> = rows.iter().map(AsRef::as_ref).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let n_columns = rows.first().map_or(0, |row| row.len());
    let widths: Vec<usize> = (0..n_columns)
        .map(|column| width(column).unwrap_or(0).min(WIDEST))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = (row.iter().zip(&widths).enumerate())
            .map(|(column, (cell, &width))| match column < first_number {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{complete, networks};
    use super::*;

    #[test]
    fn best_first_and_reasons_below() {
        let text = text(&networks());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("network  net"), "{text}");
        assert!(
            lines[1].starts_with("Good") && lines[1].ends_with("  1"),
            "{text}"
        );
        assert!(lines[1].contains("100.0 %"), "{text}");
        assert!(
            lines[2].contains("undefined  undefined") && lines[2].ends_with('-'),
            "{text}"
        );
        assert!(
            text.contains("Quiet: undefined: no unit is significant\n"),
            "{text}"
        );
        assert!(
            text.contains("Short: undefined: published: the network has 4 layers"),
            "{text}"
        );
        assert!(
            text.contains("None: undefined: there are no decoding accuracies\n"),
            "{text}"
        );
        assert!(
            text.contains("Short: with 4 layers there are no subsets of 5"),
            "{text}"
        );
        let end = lines[0].chars().count();
        assert!(
            lines[1..5].iter().all(|line| line.chars().count() == end),
            "{text}"
        );
    }

    #[test]
    fn ranking_marks_own_networks() {
        let text = text(&networks());
        let (_, ranking) = text.split_once("\n\n").unwrap();
        let lines: Vec<&str> = ranking.lines().collect();
        assert_eq!(lines.len(), 1 + 30 + 1, "{text}");
        assert!(
            lines[0].contains("29 published networks, by decoding"),
            "{text}"
        );
        assert!(
            lines[1].starts_with("*   1") && lines[1].ends_with("  Good"),
            "{text}"
        );
        assert_eq!(lines[2], "    2   0.5368  VGG-S");
        assert_eq!(lines.iter().filter(|line| line.starts_with('*')).count(), 1);
        assert_eq!(lines[31], published::NOTE);
        assert!(
            text.contains("there are no encoding accuracies\n"),
            "{text}"
        );
    }

    #[test]
    fn both_halves() {
        let mut networks = networks();
        networks.push(complete("Both", 0.6));
        let text = text(&networks);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("average"), "{text}");
        assert!(
            lines[1].starts_with("Both") && lines[1].ends_with("  1"),
            "{text}"
        );
        assert!(
            text.contains("Good: encoding undefined: there are no encoding accuracies\n"),
            "{text}"
        );
        assert!(text.contains("published networks, by average"), "{text}");
        assert!(!text.contains("no average"), "{text}");
        let end = lines[0].chars().count();
        assert!(
            lines[1..6].iter().all(|line| line.chars().count() == end),
            "{text}"
        );
    }
}
