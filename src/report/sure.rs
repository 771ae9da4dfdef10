//! The table of how sure the scores are, on stdout.

use super::NetworkScores;
use super::table::aligned;
use crate::bh::sure::average::AverageRule;
use crate::bh::sure::interval::Interval;
use crate::bh::sure::null::Null;
use crate::bh::sure::{Sure, SurePair, SureRule};

const HEADER: [&str; 8] = [
    "network",
    "half",
    "rule",
    "95 % images",
    "p order",
    "p images",
    "without one subject",
    "95 % items",
];
/// Columns from here on are aligned to the right.
const FIRST_NUMBER: usize = 3;

type Row = [String; HEADER.len()];

/// One line per network, half and rule, in the order given, with what the columns mean below; empty if
/// nothing was measured. Ends with a line feed.
pub fn text(networks: &[NetworkScores]) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    let mut notes = Vec::new();
    let mut seed = None;
    let mut smallest = Vec::new();
    for network in networks {
        let Some(sure) = &network.sure else {
            continue;
        };
        seed = Some(sure.settings.seed);
        rows.extend(self::rows(&network.name, sure));
        notes.extend((sure.notes.iter()).map(|note| format!("{}: {note}\n", network.name)));
        smallest.extend(smallest_p(network));
    }
    let Some(seed) = seed else {
        return String::new();
    };
    smallest.dedup();
    format!(
        "\nHow sure the scores are (seed {seed})\n{}{}\
         p: share of orders of the layers (encoding: of the ROIs), or of the images, with a score as high; \
         - where undefined\n{}\
         items: units of each layer (encoding: voxels of each ROI), drawn again\n",
        aligned(&rows, FIRST_NUMBER),
        notes.concat(),
        smallest.concat(),
    )
}

/// What the number of ROIs makes of the smallest p of the encoding half.
fn smallest_p(network: &NetworkScores) -> Option<String> {
    let pair = network.sure.as_ref()?.encoding.as_ref()?;
    let rule = pair.published.as_ref().or(pair.textbook.as_ref())?;
    let null = rule.layer_order.as_ref().filter(|null| null.exact)?;
    let n_rois = network.encoding.as_ref()?.rois.len();
    Some(format!(
        "encoding: {n_rois} ROIs have {} orders, so p order is never below {}\n",
        null.n_draws,
        probability(null.smallest_p)
    ))
}

fn rows(name: &str, sure: &Sure) -> Vec<Row> {
    let mut rows = Vec::new();
    for (half, pair) in [("decoding", &sure.decoding), ("encoding", &sure.encoding)] {
        let Some(SurePair {
            published,
            textbook,
        }) = pair
        else {
            continue;
        };
        for (rule, found) in [("published", published), ("textbook", textbook)] {
            rows.push(row([name, half, rule], found.as_ref()));
        }
    }
    if let Some(pair) = &sure.average {
        for (rule, found) in [("published", &pair.published), ("textbook", &pair.textbook)] {
            rows.push(average([name, "average", rule], found.as_ref()));
        }
    }
    rows
}

fn row(names: [&str; FIRST_NUMBER], found: Option<&SureRule>) -> Row {
    let p = |null: Option<&Null>| cell(null.map(|null| probability(null.p)));
    let of = |part: fn(&SureRule) -> Option<&Interval>| interval(found.and_then(part));
    let without = found.and_then(|rule| rule.subjects.range_without_one);
    let [name, half, rule] = names.map(str::to_owned);
    [
        name,
        half,
        rule,
        of(|rule| rule.jackknife.as_ref()),
        p(found.and_then(|rule| rule.layer_order.as_ref())),
        p(found.and_then(|rule| rule.image_shuffle.as_ref().map(|shuffle| &shuffle.null))),
        cell(without.map(range)),
        of(|rule| rule.unit_bootstrap.as_ref()),
    ]
}

/// Of the average there is the interval over images only.
fn average(names: [&str; FIRST_NUMBER], found: Option<&AverageRule>) -> Row {
    let mut row = row(names, None);
    row[FIRST_NUMBER] = interval(found.map(|rule| &rule.jackknife));
    row
}

fn interval(found: Option<&Interval>) -> String {
    cell(found.map(|interval| range((interval.low, interval.high))))
}

fn range((low, high): (f64, f64)) -> String {
    format!("{low:.3} to {high:.3}")
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
