//! Relations between columns as text, CSV and JSON.
//!
//! `relation.csv` has a row per pair and coefficient: `x`, `y`, `coefficient`, `controls`, `n`, `r`, `low`, `high`
//! (95 % bootstrap interval), `freedom`, `p`, `p_adjusted`, `reason`. What is undefined is empty there, `null` in
//! JSON, and has its reason beside it.

use serde_json::{Value, json};

use super::table::aligned;
use crate::PROGRAM;
use crate::io::table;
use crate::relate::grouping::Grouping;
use crate::relate::pair::{Estimate, Pair};
use crate::relate::{Relations, Request};
use crate::stats::relation::Coefficient;

const HEADER: [&str; 12] = [
    "x",
    "y",
    "coefficient",
    "controls",
    "n",
    "r",
    "low",
    "high",
    "freedom",
    "p",
    "p_adjusted",
    "reason",
];

/// p below this is shown in powers of ten.
const SMALL_P: f64 = 1e-3;

/// Separates names within a field.
const SEPARATOR: &str = ", ";

/// The tables on stdout: coefficients, lines, groups. Ends with a line feed.
pub fn text(relations: &Relations) -> String {
    let mut parts = Vec::new();
    if !relations.pairs.is_empty() {
        parts.push(coefficients(&relations.pairs));
        parts.push(lines(&relations.pairs));
    }
    parts.extend(relations.groupings.iter().map(grouping));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn coefficients(pairs: &[Pair]) -> String {
    let heading = [
        "x",
        "y",
        "coefficient",
        "n",
        "r",
        "95 % interval",
        "p",
        "adjusted p",
    ];
    let mut rows = vec![heading.map(str::to_owned)];
    let mut reasons = String::new();
    for pair in pairs {
        for estimate in &pair.estimates {
            let interval = estimate.interval.map_or("-".to_owned(), |interval| {
                format!("{:.3} to {:.3}", interval.low, interval.high)
            });
            rows.push([
                pair.x.clone(),
                pair.y.clone(),
                title(pair, estimate.kind),
                pair.models.len().to_string(),
                estimate
                    .r
                    .as_ref()
                    .map_or("undefined".to_owned(), |r| format!("{r:.4}")),
                interval,
                p_text(estimate.p),
                p_text(estimate.p_adjusted),
            ]);
            if let Err(reason) = &estimate.r {
                let kind = title(pair, estimate.kind);
                reasons.push_str(&format!(
                    "{} and {}: {kind}: undefined: {reason}\n",
                    pair.x, pair.y
                ));
            }
        }
    }
    aligned(&rows, 3) + &reasons
}

fn lines(pairs: &[Pair]) -> String {
    let line = |pair: &Pair| {
        let line = pair.line?;
        let (sign, slope) = (if line.slope < 0.0 { '-' } else { '+' }, line.slope.abs());
        let interval = match line.low.is_nan() {
            true => "too many ties for an interval".to_owned(),
            false => format!("slope's 95 % interval {:.4} to {:.4}", line.low, line.high),
        };
        Some(format!(
            "Theil-Sen line: {} = {:.4} {sign} {slope:.4} * {} ({interval})\n",
            pair.y, line.intercept, pair.x
        ))
    };
    pairs.iter().filter_map(line).collect()
}

fn grouping(grouping: &Grouping) -> String {
    let heading = [grouping.column.as_str(), "n", "mean", "sd"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(grouping.groups.iter().map(|group| {
        [
            group.name.clone(),
            group.n.to_string(),
            format!("{:.4}", group.mean),
            group.sd.map_or("-".to_owned(), |sd| format!("{sd:.4}")),
        ]
    }));
    let test = if grouping.test.p.is_nan() {
        "Kruskal-Wallis: undefined: it needs two groups and values that differ\n".to_owned()
    } else {
        format!(
            "Kruskal-Wallis: H = {:.3}, {} degrees of freedom, p {}, adjusted {}; by permutation p {}\n",
            grouping.test.h,
            grouping.test.freedom,
            p_text(grouping.test.p),
            p_text(grouping.p_adjusted),
            p_text(grouping.permutation_p),
        )
    };
    format!(
        "{} by {}\n{}{test}",
        grouping.y,
        grouping.column,
        aligned(&rows, 1)
    )
}

/// Name of a coefficient with what it takes out.
fn title(pair: &Pair, kind: Coefficient) -> String {
    match kind {
        Coefficient::Partial => format!("partial ({})", pair.controls.join(SEPARATOR)),
        other => name(other).to_owned(),
    }
}

fn name(kind: Coefficient) -> &'static str {
    match kind {
        Coefficient::Pearson => "Pearson",
        Coefficient::Spearman => "Spearman",
        Coefficient::Partial => "partial",
    }
}

/// A p with two or more digits that count.
pub(crate) fn p_text(p: f64) -> String {
    match p {
        p if p.is_nan() => "-".to_owned(),
        p if p > 0.0 && p < SMALL_P => format!("{p:.1e}"),
        p => format!("{p:.4}"),
    }
}

/// `relation.csv` as UTF-8 text.
pub fn csv(relations: &Relations) -> Vec<u8> {
    let records = relations.pairs.iter().flat_map(|pair| {
        let estimates = pair.estimates.iter();
        estimates.map(move |estimate| record(pair, estimate))
    });
    table::encode(HEADER, records)
}

fn record(pair: &Pair, estimate: &Estimate) -> [String; HEADER.len()] {
    let number = |value: Option<f64>| {
        let defined = value.filter(|value| !value.is_nan());
        defined.map_or_else(String::new, |value| value.to_string())
    };
    let controls = match estimate.kind {
        Coefficient::Partial => pair.controls.join(SEPARATOR),
        Coefficient::Pearson | Coefficient::Spearman => String::new(),
    };
    [
        pair.x.clone(),
        pair.y.clone(),
        name(estimate.kind).to_lowercase(),
        controls,
        pair.models.len().to_string(),
        number(estimate.r.clone().ok()),
        number(estimate.interval.map(|interval| interval.low)),
        number(estimate.interval.map(|interval| interval.high)),
        estimate.freedom.to_string(),
        number(Some(estimate.p)),
        number(Some(estimate.p_adjusted)),
        estimate.r.clone().err().unwrap_or_default(),
    ]
}

/// Everything, with the request that made it.
pub fn json(relations: &Relations, request: &Request) -> Value {
    let only_in = |(path, models): &(std::path::PathBuf, Vec<String>)| json!({ "table": path.display().to_string(), "models": models });
    json!({
        "pairs": relations.pairs.iter().map(pair_json).collect::<Vec<_>>(),
        "groupings": relations.groupings.iter().map(grouping_json).collect::<Vec<_>>(),
        "n_models": relations.n_models,
        "only_in": relations.only_in.iter().map(only_in).collect::<Vec<_>>(),
        "settings": {
            "by": request.by,
            "x": request.x,
            "y": request.y,
            "controls": request.controls,
            "logs": request.logs,
            "group": request.group,
            "n_resamples": request.draws.n_resamples,
            "n_permutations": request.draws.n_permutations,
            "seed": request.draws.seed,
        },
        "provenance": { "program": PROGRAM },
    })
}

fn pair_json(pair: &Pair) -> Value {
    let of = |kind| pair.estimates.iter().find(|estimate| estimate.kind == kind);
    json!({
        "x": pair.x,
        "y": pair.y,
        "n": pair.models.len(),
        "models": pair.models,
        "left_out": pair.left_out,
        "controls": pair.controls,
        "pearson": of(Coefficient::Pearson).map(estimate_json),
        "spearman": of(Coefficient::Spearman).map(estimate_json),
        "partial": of(Coefficient::Partial).map(estimate_json),
        "theil_sen": pair.line.map(|line| json!({
            "slope": line.slope,
            "intercept": line.intercept,
            "interval": [line.low, line.high],
        })),
    })
}

// NaN becomes null in JSON.
fn estimate_json(estimate: &Estimate) -> Value {
    json!({
        "r": estimate.r.as_ref().ok(),
        "interval": estimate.interval.map(|interval| [interval.low, interval.high]),
        "n_resamples": estimate.interval.map(|interval| interval.n_resamples),
        "freedom": estimate.freedom,
        "p": estimate.p,
        "p_adjusted": estimate.p_adjusted,
        "reason": estimate.r.as_ref().err(),
    })
}

fn grouping_json(grouping: &Grouping) -> Value {
    let group = |group: &crate::relate::grouping::Group| json!({ "name": group.name, "n": group.n, "mean": group.mean, "sd": group.sd });
    let test = grouping.test;
    json!({
        "y": grouping.y,
        "column": grouping.column,
        "groups": grouping.groups.iter().map(group).collect::<Vec<_>>(),
        "left_out": grouping.left_out,
        "kruskal_wallis": {
            "h": test.h, "freedom": test.freedom, "p": test.p, "p_adjusted": grouping.p_adjusted,
        },
        "permutation_p": grouping.permutation_p,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_shows_what_counts() {
        let shown = [f64::NAN, 0.0, 1.93e-5, 0.0032337, 0.05, 1.0].map(p_text);
        assert_eq!(
            shown,
            ["-", "0.0000", "1.9e-5", "0.0032", "0.0500", "1.0000"]
        );
    }
}
