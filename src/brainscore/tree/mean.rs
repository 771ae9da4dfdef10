//! Scores of inner nodes.

use super::node::{Node, Score, is_engineering};
use super::rank::Rank;

/// What a child without a number is in its parent's mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// 0, as on the site.
    #[default]
    Zero,
    /// Left out: the mean is of the children that have a number.
    Skip,
}

/// A node with its score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// The node's identifier.
    pub id: String,
    /// Version of a benchmark.
    pub version: Option<u32>,
    /// Not printed.
    pub hidden: bool,
    /// As it was written.
    pub engineering: Option<bool>,
    /// A leaf's clamped score, a parent's mean.
    pub score: Score,
    /// Benchmarks below, hidden ones, too; 1 for a leaf.
    pub count: usize,
    /// Those of them with a number.
    pub n_scored: usize,
    /// Place among models: as given, or computed by [`super::Field::place`].
    pub rank: Option<Rank>,
    /// Highest score among models, where others are known.
    pub best: Option<f64>,
    /// Median score among models, where others are known.
    pub median: Option<f64>,
    /// The children in order.
    pub children: Vec<Scored>,
}

impl Scored {
    /// Share of the benchmarks that have a number.
    pub fn coverage(&self) -> f64 {
        self.n_scored as f64 / self.count.max(1) as f64
    }

    /// Whether it is a benchmark.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// Calls `visit` for it and all nodes below, from the top and with their depth; those below a hidden node, too.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Scored, usize)) {
        fn down<'a>(node: &'a Scored, depth: usize, visit: &mut impl FnMut(&'a Scored, usize)) {
            visit(node, depth);
            for child in &node.children {
                down(child, depth + 1, visit);
            }
        }
        down(self, 0, visit);
    }
}

/// Scores of a tree from those of its leaves.
pub fn evaluate(tree: &Node, missing: Missing) -> Scored {
    below(tree, missing, false)
}

fn below(node: &Node, missing: Missing, engineering: bool) -> Scored {
    let engineering = (node.engineering).unwrap_or(engineering || is_engineering(&node.id));
    let mut scored = Scored {
        id: node.id.clone(),
        version: node.version,
        hidden: node.hidden,
        engineering: node.engineering,
        rank: node.rank,
        ..Scored::default()
    };
    if node.is_leaf() {
        scored.score = leaf(node.score, engineering);
        scored.count = node.count.unwrap_or(1);
        scored.n_scored = if scored.score.value().is_some() {
            scored.count
        } else {
            0
        };
        return scored;
    }
    scored.children = (node.children.iter())
        .map(|child| below(child, missing, engineering))
        .collect();
    scored.score = mean(&scored.children, missing);
    scored.count = total(&scored.children, |child| child.count);
    scored.n_scored = total(&scored.children, |child| child.n_scored);
    scored
}

/// A sum over children; files may claim any counts.
fn total(children: &[Scored], of: impl Fn(&Scored) -> usize) -> usize {
    children.iter().map(of).fold(0, usize::saturating_add)
}

fn leaf(score: Score, engineering: bool) -> Score {
    match score {
        Score::Value(value) if value.is_nan() => Score::Failed,
        Score::Value(value) if !engineering => Score::Value(value.clamp(0.0, 1.0)),
        other => other,
    }
}

fn mean(children: &[Scored], missing: Missing) -> Score {
    let values: Vec<f64> = children.iter().filter_map(|c| c.score.value()).collect();
    if values.is_empty() {
        let failed = children.iter().any(|child| child.score == Score::Failed);
        return if failed { Score::Failed } else { Score::NotRun };
    }
    let n = match missing {
        Missing::Zero => children.len(),
        Missing::Skip => values.len(),
    };
    Score::Value(values.iter().sum::<f64>() / n as f64)
}
