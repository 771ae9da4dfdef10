//! Decides whether items count, from the accuracy at their best level.

use super::selection::Best;
use crate::stats::significance::{Rule, Test};

/// A rule for every number of levels that an item may have been predicted from.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// Of items with one level, two levels, and so on; the last one is for all larger numbers, too.
    rules: Vec<Rule>,
}

impl From<Rule> for Selector {
    /// The same rule whatever the number of levels.
    fn from(rule: Rule) -> Self {
        Self { rules: vec![rule] }
    }
}

impl Selector {
    /// The rule `p · m < level` for items with m of at most `n_levels` levels.
    pub fn times_levels(test: Test, level: f64, n_levels: usize) -> Self {
        let rules = (1..=n_levels.max(1)).map(|m| Rule::new(test, level / m as f64));
        Self {
            rules: rules.collect(),
        }
    }

    /// Whether an item with this best level counts.
    pub fn keeps(&self, best: Best) -> bool {
        let index = best.n_levels.clamp(1, self.rules.len()) - 1;
        self.rules[index].keeps(best.accuracy)
    }

    /// The accuracies that count, as an open interval, of an item with one level; `None` when none does.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.rules.first()?.interval()
    }
}
