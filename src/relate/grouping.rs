//! One column by groups of models.

use std::collections::BTreeMap;

use super::Draws;
use super::join::Column;
use crate::stats::groups::{KruskalWallis, kruskal_wallis, permutation_p};

/// A column's values by group, and whether the groups differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// Name of the column with the values.
    pub y: String,
    /// Name of the column with the groups.
    pub column: String,
    /// Groups, highest mean first.
    pub groups: Vec<Group>,
    /// Kruskal–Wallis test; NaN with fewer than two groups or equal values.
    pub test: KruskalWallis,
    /// Its p adjusted for all columns.
    pub p_adjusted: f64,
    /// p of the same statistic when values are shuffled among the models.
    pub permutation_p: f64,
    /// Models without value or group.
    pub left_out: Vec<String>,
}

/// The models of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Number of models.
    pub n: usize,
    /// Mean of their values.
    pub mean: f64,
    /// Standard deviation, divided by n − 1; `None` for one model.
    pub sd: Option<f64>,
}

impl Grouping {
    /// Compares the groups over the models that have a value and a group.
    pub fn new(
        names: &[&str],
        y: &Column,
        (column, groups): (&str, &[Option<String>]),
        draws: Draws,
    ) -> Grouping {
        let (mut values, mut labels, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for ((name, value), group) in names.iter().zip(&y.values).zip(groups) {
            match (value, group) {
                (Some(value), Some(group)) => {
                    values.push(*value);
                    labels.push(group.as_str());
                }
                _ => left_out.push((*name).to_owned()),
            }
        }
        let mut members: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (label, value) in labels.iter().zip(&values) {
            members.entry(label).or_default().push(*value);
        }
        let order: Vec<&str> = members.keys().copied().collect();
        let numbers: Vec<usize> = labels
            .iter()
            .map(|label| order.partition_point(|name| name < label))
            .collect();
        let mut groups: Vec<Group> = members
            .iter()
            .map(|(name, values)| group(name, values))
            .collect();
        groups.sort_by(|a, b| b.mean.total_cmp(&a.mean));
        let Draws {
            n_permutations,
            seed,
            ..
        } = draws;
        Grouping {
            y: y.label.clone(),
            column: column.to_owned(),
            groups,
            test: kruskal_wallis(&values, &numbers, order.len()),
            p_adjusted: f64::NAN,
            permutation_p: permutation_p(&values, &numbers, order.len(), n_permutations, seed),
            left_out,
        }
    }
}

fn group(name: &str, values: &[f64]) -> Group {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Group {
        name: name.to_owned(),
        n,
        mean,
        sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
    }
}
