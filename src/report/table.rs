//! The table of scores on stdout.

use super::{NetworkScores, ranks};

/// Decimal places of a score: published decoding scores vary in the third.
const SCORE_DECIMALS: usize = 4;
const HEADER: [&str; 7] = [
    "network",
    "net",
    "published",
    "textbook",
    "units",
    "kept",
    "rank",
];
/// Columns from here on hold numbers.
const FIRST_NUMBER: usize = 2;

/// The decoding scores as an aligned table, best network first, undefined ones last, each reason and
/// warning on a line below. Ends with a line feed.
pub fn text(networks: &[NetworkScores]) -> String {
    let ranks = ranks(networks);
    let mut order: Vec<usize> = (0..networks.len()).collect();
    order.sort_by_key(|&index| ranks[index].unwrap_or(usize::MAX));
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(
        order
            .iter()
            .map(|&index| row(&networks[index], ranks[index])),
    );
    let mut text = aligned(&rows, FIRST_NUMBER);
    for &index in &order {
        let network = &networks[index];
        if let Some(reason) = network.reason() {
            text.push_str(&format!("{}: undefined: {reason}\n", network.name));
        }
        for warning in network
            .decoding
            .iter()
            .flat_map(|decoding| &decoding.warnings)
        {
            text.push_str(&format!("{}: {warning}\n", network.name));
        }
    }
    text
}

fn row(network: &NetworkScores, rank: Option<usize>) -> [String; HEADER.len()] {
    let score = |value: Option<f64>| match value {
        Some(value) => format!("{value:.SCORE_DECIMALS$}"),
        None => "undefined".to_owned(),
    };
    let pooled = network.decoding.as_ref().map(|decoding| &decoding.pooled);
    let n_items = pooled.map_or(0, |pooled| pooled.n_items);
    let n_selected = pooled
        .and_then(|pooled| pooled.published.n_selected())
        .unwrap_or(0);
    let kept = match n_items {
        0 => "-".to_owned(),
        _ => format!("{:.1} %", 100.0 * n_selected as f64 / n_items as f64),
    };
    [
        network.name.clone(),
        network.net.clone(),
        score(network.published()),
        score(network.textbook()),
        n_items.to_string(),
        kept,
        rank.map_or("-".to_owned(), |rank| rank.to_string()),
    ]
}

/// Lines of rows; columns from `first_number` on are aligned to the right.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]], first_number: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
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
    use super::super::tests::networks;
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
}
