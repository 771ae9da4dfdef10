//! Places among models.
//!
//! Ranks are competition ranks: 1 plus the number of models that are strictly better, so equal ones share a
//! place. Models that were never run on a benchmark are left out; of those that failed the rank is `X`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::display::{FAILED, hundredths, thousandths};
use super::mean::Scored;
use super::node::{Score, is_top};

/// How scores are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// As they are.
    #[default]
    Exact,
    /// As on the site: of three decimals; at the top (average, neural, behaviour, engineering) those are rounded
    /// half up to two, and models that failed share the last place.
    Site,
}

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// 1 is the best.
    Place(usize),
    /// Of a model that failed.
    Failed,
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rank::Place(place) => write!(f, "{place}"),
            Rank::Failed => f.write_str(FAILED),
        }
    }
}

/// Where a node stands in a tree: identifiers and versions from the root on, and which of several it is that
/// are called the same.
type Path = Vec<(String, Option<u32>, usize)>;

/// Scores of all models at every node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    scores: BTreeMap<Path, Vec<Score>>,
}

impl Field {
    /// The scores of some models.
    pub fn new<'a>(models: impl IntoIterator<Item = &'a Scored>) -> Field {
        let mut scores: BTreeMap<Path, Vec<Score>> = BTreeMap::new();
        for model in models {
            visit(model, &mut |path, node| {
                scores.entry(path.clone()).or_default().push(node.score);
            });
        }
        Field { scores }
    }

    /// Sets rank, best and median of all nodes of a model's tree; the model is one of the field.
    pub fn place(&self, model: &mut Scored, policy: Policy) {
        let mut path = vec![key(model, 0)];
        self.place_below(model, &mut path, policy);
    }

    fn place_below(&self, node: &mut Scored, path: &mut Path, policy: Policy) {
        if let Some(scores) = self.scores.get(path) {
            let top = path.len() == 1 || is_top(&node.id);
            node.rank = rank(node.score, scores, policy, top);
            (node.best, node.median) = best_and_median(scores);
        }
        let keys = keys(&node.children);
        for (child, key) in node.children.iter_mut().zip(keys) {
            path.push(key);
            self.place_below(child, path, policy);
            path.pop();
        }
    }
}

/// A benchmark, with what is above it, that only one of two trees has: their means are of different things. `None` if both
/// have the same.
pub fn only_in_one(one: &Scored, other: &Scored) -> Option<String> {
    let leaves = |tree: &Scored| {
        let mut paths = BTreeSet::new();
        visit(tree, &mut |path, node| {
            if node.children.is_empty() {
                paths.insert(path.clone());
            }
        });
        paths
    };
    let (one, other) = (leaves(one), leaves(other));
    let path = one.symmetric_difference(&other).next()?;
    let named = |(id, version, _): &(String, Option<u32>, usize)| match version {
        Some(version) => format!("{id} v{version}"),
        None => id.clone(),
    };
    let names: Vec<String> = path.iter().map(named).collect();
    Some(names.join(" › "))
}

fn visit<'a>(root: &'a Scored, visitor: &mut impl FnMut(&Path, &'a Scored)) {
    fn down<'a>(node: &'a Scored, path: &mut Path, visitor: &mut impl FnMut(&Path, &'a Scored)) {
        visitor(path, node);
        for (child, key) in node.children.iter().zip(keys(&node.children)) {
            path.push(key);
            down(child, path, visitor);
            path.pop();
        }
    }
    down(root, &mut vec![key(root, 0)], visitor);
}

fn key(node: &Scored, number: usize) -> (String, Option<u32>, usize) {
    (node.id.clone(), node.version, number)
}

fn keys(children: &[Scored]) -> Vec<(String, Option<u32>, usize)> {
    let same = |a: &Scored, b: &Scored| a.id == b.id && a.version == b.version;
    let number = |index: usize| {
        let before = children[..index].iter();
        before.filter(|child| same(child, &children[index])).count()
    };
    (children.iter().enumerate())
        .map(|(index, child)| key(child, number(index)))
        .collect()
}

/// The rank of a score among those of all models, its own included; `None` for one that was never run.
///
/// - `top`: whether the node is one of the averages at the top of the tree.
pub fn rank(own: Score, all: &[Score], policy: Policy, top: bool) -> Option<Rank> {
    let values = || all.iter().filter_map(|score| score.value());
    match own {
        Score::NotRun => None,
        Score::Failed if policy == Policy::Site && top => Some(Rank::Place(1 + values().count())),
        Score::Failed => Some(Rank::Failed),
        Score::Value(own) => {
            let better = |other: &f64| match (policy, top) {
                (Policy::Exact, _) => *other > own,
                (Policy::Site, false) => thousandths(*other) > thousandths(own),
                (Policy::Site, true) => hundredths(*other) > hundredths(own),
            };
            Some(Rank::Place(1 + values().filter(better).count()))
        }
    }
}

fn best_and_median(scores: &[Score]) -> (Option<f64>, Option<f64>) {
    let mut values: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let Some(&best) = values.last() else {
        return (None, None);
    };
    let median = (values[(n - 1) / 2] + values[n / 2]) / 2.0;
    (Some(best), Some(median))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Score::{Failed, NotRun, Value};

    fn ranks(scores: &[Score], policy: Policy, top: bool) -> Vec<String> {
        let one = |&score: &Score| rank(score, scores, policy, top);
        let text = |rank: Option<Rank>| rank.map_or_else(String::new, |rank| rank.to_string());
        scores.iter().map(|score| text(one(score))).collect()
    }

    #[test]
    fn equal_scores_share_a_place_and_the_next_is_left_out() {
        let scores = [
            Value(0.5),
            Value(0.7),
            Value(0.5),
            Failed,
            NotRun,
            Value(0.1),
        ];
        let expected = ["2", "1", "2", "X", "", "4"];
        assert_eq!(ranks(&scores, Policy::Exact, false), expected);
        assert_eq!(ranks(&scores, Policy::Exact, true), expected);
        assert_eq!(ranks(&scores, Policy::Site, false), expected);
        let top = ["2", "1", "2", "5", "", "4"];
        assert_eq!(ranks(&scores, Policy::Site, true), top);
    }

    #[test]
    fn the_site_compares_what_it_shows() {
        let scores = [Value(0.0945), Value(0.0954), Value(0.0949), Value(0.0963)];
        assert_eq!(ranks(&scores, Policy::Exact, false), ["4", "2", "3", "1"]);
        assert_eq!(ranks(&scores, Policy::Site, false), ["2", "2", "2", "1"]);
        assert_eq!(ranks(&scores, Policy::Site, true), ["1", "1", "1", "1"]);
        // .0944 shows as .094 and counts as .09; .005 counts as .01.
        let halves = [
            Value(0.0944),
            Value(0.0945),
            Value(0.005),
            Value(0.0049),
            Value(0.0044),
        ];
        assert_eq!(
            ranks(&halves, Policy::Site, true),
            ["2", "1", "3", "3", "5"]
        );
    }

    #[test]
    fn best_and_median_are_of_numbers_only() {
        let scores = [Value(0.4), Failed, Value(0.1), NotRun];
        assert_eq!(best_and_median(&scores), (Some(0.4), Some(0.25)));
        assert_eq!(best_and_median(&[Failed]), (None, None));
    }
}
