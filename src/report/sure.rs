//! The table of how sure the scores are, on stdout.

use super::NetworkScores;
use crate::bh::sure::interval::Interval;
use crate::bh::sure::null::Null;
use crate::bh::sure::{Sure, SureRule};

const HEADER: [&str; 7] = [
    "network",
    "rule",
    "95 % images",
    "p layer order",
    "p images",
    "without one subject",
    "95 % units",
];
/// Columns from here on are aligned to the right.
const FIRST_NUMBER: usize = 2;

/// One line per network and rule, in the order given, with what the columns mean below; empty if nothing
/// was measured. Ends with a line feed.
pub fn text(networks: &[NetworkScores]) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    let mut notes = Vec::new();
    let mut seed = None;
    for network in networks {
        let Some(sure) = network
            .decoding
            .as_ref()
            .and_then(|half| half.sure.as_ref())
        else {
            continue;
        };
        seed = Some(sure.settings.seed);
        rows.extend(rules(&network.name, sure));
        notes.extend((sure.notes.iter()).map(|note| format!("{}: {note}\n", network.name)));
    }
    let Some(seed) = seed else {
        return String::new();
    };
    format!(
        "\nHow sure the decoding scores are (seed {seed})\n{}{}\
         p: share of layer orders, or of image orders, with a score as high; - where undefined\n",
        aligned(&rows),
        notes.concat()
    )
}

fn rules(name: &str, sure: &Sure) -> Vec<[String; HEADER.len()]> {
    let rules = [
        ("published", &sure.decoding.published),
        ("textbook", &sure.decoding.textbook),
    ];
    (rules.into_iter())
        .map(|(rule, found)| row(name, rule, found.as_ref()))
        .collect()
}

fn row(name: &str, rule: &str, found: Option<&SureRule>) -> [String; HEADER.len()] {
    let range = |(low, high): (f64, f64)| format!("{low:.3} to {high:.3}");
    let interval = |of: fn(&SureRule) -> Option<&Interval>| {
        cell(
            found
                .and_then(of)
                .map(|interval| range((interval.low, interval.high))),
        )
    };
    let p = |null: Option<&Null>| cell(null.map(|null| probability(null.p)));
    let found = found.as_ref();
    [
        name.to_owned(),
        rule.to_owned(),
        interval(|rule| rule.jackknife.as_ref()),
        p(found.and_then(|rule| rule.layer_order.as_ref())),
        p(found.and_then(|rule| rule.image_shuffle.as_ref().map(|shuffle| &shuffle.null))),
        cell(
            found
                .and_then(|rule| rule.subjects.range_without_one)
                .map(range),
        ),
        interval(|rule| rule.unit_bootstrap.as_ref()),
    ]
}

fn cell(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// Four decimals, or two digits where these would be zeros.
fn probability(p: f64) -> String {
    match p < 0.001 {
        true => format!("{p:.1e}"),
        false => format!("{p:.4}"),
    }
}

fn aligned(rows: &[[String; HEADER.len()]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = (row.iter().enumerate())
            .map(|(column, cell)| {
                let width = width(column).unwrap_or(0);
                match column < FIRST_NUMBER {
                    true => format!("{cell:<width$}"),
                    false => format!("{cell:>width$}"),
                }
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
