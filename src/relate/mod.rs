//! How properties of models go together: two tables, joined by model name.
//!
//! | module | holds |
//! |---|---|
//! | [`join`] | the tables side by side, a row per model that is in both |
//! | [`pair`] | one column against another: coefficients, p, intervals, line |
//! | [`grouping`] | one column by groups of models |
//!
//! The p-values of one kind (all Pearson's, all Spearman's, all partial ones, all Kruskal–Wallis tests)
//! are a family and are adjusted together for the number of tests.

pub mod grouping;
pub mod join;
pub mod pair;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::io::table::Table;
use crate::stats::adjust::benjamini_hochberg;
use crate::stats::relation::Coefficient;

use self::grouping::Grouping;
use self::join::{Column, Joined};
use self::pair::Pair;

/// What is asked for; columns by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Column with the models' names; `None`: the first of [`join::KEYS`] that a table has.
    pub by: Option<String>,
    /// One side of the pairs, looked for in the first table, then in the second.
    pub x: Vec<String>,
    /// The other side, looked for in the second table, then in the first.
    pub y: Vec<String>,
    /// What partial correlations take out.
    pub controls: Vec<String>,
    /// Columns of the above to take the natural logarithm of.
    pub logs: Vec<String>,
    /// Column whose text says which group a model belongs to.
    pub group: Option<String>,
    /// How much is drawn.
    pub draws: Draws,
}

/// Resampling, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// Bootstrap resamples for each interval; 0: no intervals.
    pub n_resamples: usize,
    /// Shuffles for each permutation p.
    pub n_permutations: usize,
    /// Seed, the same for every pair.
    pub seed: u32,
}

impl Default for Draws {
    /// 10,000 each: the third decimal of an interval's end and of a p are then steady.
    fn default() -> Draws {
        Draws {
            n_resamples: 10_000,
            n_permutations: 10_000,
            seed: 0,
        }
    }
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Relations {
    /// Every `x` against every `y`.
    pub pairs: Vec<Pair>,
    /// Every `y` by groups; empty without a group column.
    pub groupings: Vec<Grouping>,
    /// Number of models that are in all tables.
    pub n_models: usize,
    /// For each table the models that are in no other.
    pub only_in: Vec<(PathBuf, Vec<String>)>,
}

/// Joins one or two tables and relates their columns.
///
/// # Errors
/// If a column is not there, a field is no number, the tables have no model in common, or there is nothing to do.
pub fn relate(tables: &[Table], request: &Request) -> Result<Relations> {
    let joined = Joined::new(tables, request.by.as_deref())?;
    check_logs(request)?;
    let read = |names: &[String], last_first| -> Result<Vec<Column>> {
        let one = |name: &String| joined.numbers(name, request.logs.contains(name), last_first);
        names.iter().map(one).collect()
    };
    let (x, y) = (read(&request.x, false)?, read(&request.y, true)?);
    let controls = read(&request.controls, true)?;
    let groups = request.group.as_deref();
    let groups = groups.map(|name| joined.texts(name)).transpose()?;
    let mut tested: Vec<(&Column, &Column)> = Vec::new();
    for x in &x {
        for y in &y {
            let again = tested
                .iter()
                .any(|(a, b)| (a.is(x) && b.is(y)) || (a.is(y) && b.is(x)));
            if !x.is(y) && !again {
                tested.push((x, y));
            }
        }
    }
    if !x.is_empty() && tested.is_empty() {
        let remedy = "name another column as `--y`, or rename one of two columns of the same name";
        return Err(Error::data(
            "`--x` and `--y`",
            "are the same column",
            remedy,
        ));
    }
    let names = joined.names();
    let mut pairs: Vec<Pair> = (tested.iter())
        .map(|(x, y)| Pair::new(names, (x, y), &controls, groups.as_deref(), request.draws))
        .collect();
    adjust_pairs(&mut pairs);
    let mut groupings = Vec::new();
    if let (Some(groups), Some(column)) = (&groups, &request.group) {
        let of = |y: &Column| Grouping::new(names, y, (column, groups), request.draws);
        groupings = y.iter().map(of).collect();
        let p: Vec<f64> = groupings.iter().map(|grouping| grouping.test.p).collect();
        for (grouping, p) in groupings.iter_mut().zip(benjamini_hochberg(&p)) {
            grouping.p_adjusted = p;
        }
    }
    Ok(Relations {
        pairs,
        groupings,
        n_models: names.len(),
        only_in: joined.only_in(),
    })
}

/// A logarithm that nothing asks for is a mistyped name.
fn check_logs(request: &Request) -> Result<()> {
    let used = |name: &&String| {
        [&request.x, &request.y, &request.controls]
            .iter()
            .all(|names| !names.contains(name))
    };
    match request.logs.iter().find(used) {
        Some(name) => {
            let remedy = "name it as `--x`, `--y` or `--control`, too";
            Err(Error::data(
                format!("`--log {name}`"),
                "is not used",
                remedy,
            ))
        }
        None => Ok(()),
    }
}

fn adjust_pairs(pairs: &mut [Pair]) {
    for kind in [
        Coefficient::Pearson,
        Coefficient::Spearman,
        Coefficient::Partial,
    ] {
        let mut family: Vec<_> = (pairs.iter_mut().flat_map(|pair| &mut pair.estimates))
            .filter(|estimate| estimate.kind == kind)
            .collect();
        let p: Vec<f64> = family.iter().map(|estimate| estimate.p).collect();
        for (estimate, p) in family.iter_mut().zip(benjamini_hochberg(&p)) {
            estimate.p_adjusted = p;
        }
    }
}
