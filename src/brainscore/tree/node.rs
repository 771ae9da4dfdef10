//! The tree as written.

use super::rank::Rank;

/// What became of a benchmark.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Score {
    /// A number.
    Value(f64),
    /// It was tried and gave no number: `X`.
    Failed,
    /// It was never run: blank.
    #[default]
    NotRun,
}

impl Score {
    /// The number, if there is one.
    pub fn value(self) -> Option<f64> {
        match self {
            Score::Value(value) => Some(value),
            Score::Failed | Score::NotRun => None,
        }
    }
}

/// A benchmark, or a group of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its identifier; empty only for hidden ones.
    pub id: String,
    /// Version of a benchmark; scores of different versions are not compared.
    pub version: Option<u32>,
    /// Not printed. It counts as a child like any other.
    pub hidden: bool,
    /// Whether scores below are of engineering benchmarks, which are not clamped; `None`: as its parent.
    pub engineering: Option<bool>,
    /// A rank that was given, shown where none is computed.
    pub rank: Option<Rank>,
    /// Number of benchmarks that a leaf stands for, if not one.
    pub count: Option<usize>,
    /// The score of a leaf; of no account in a parent.
    pub score: Score,
    /// What it is the mean of; none for a leaf.
    pub children: Vec<Node>,
}

impl Node {
    /// A leaf, or a parent if it gets children.
    pub fn new(id: impl Into<String>) -> Node {
        Node {
            id: id.into(),
            ..Node::default()
        }
    }

    /// Whether it is a benchmark.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// Its benchmarks in order, itself if it is one.
    pub fn leaves(&self) -> Vec<&Node> {
        if self.is_leaf() {
            return vec![self];
        }
        self.children.iter().flat_map(Node::leaves).collect()
    }
}

/// Whether an identifier is that of the part of a tree whose scores are not clamped.
pub(super) fn is_engineering(id: &str) -> bool {
    stem(id) == "engineering"
}

/// Whether an identifier is one of the averages at the top, whose ranks the site takes of two decimals.
pub(super) fn is_top(id: &str) -> bool {
    const TOP: [&str; 5] = ["average", "neural", "behaviour", "behavior", "engineering"];
    TOP.contains(&stem(id))
}

/// `neural` of `neural_vision`.
fn stem(id: &str) -> &str {
    id.split_once('_').map_or(id, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops_are_known_with_and_without_domain() {
        for id in [
            "average",
            "neural_vision",
            "behaviour_language",
            "engineering",
        ] {
            assert!(is_top(id), "{id}");
        }
        assert!(!is_top("V1") && !is_top("neuralnet"));
        assert!(is_engineering("engineering_vision") && !is_engineering("neural"));
    }

    #[test]
    fn leaves_are_listed_in_order() {
        let parent = |id: &str, children| Node {
            children,
            ..Node::new(id)
        };
        let tree = parent(
            "a",
            vec![
                parent("b", vec![Node::new("c"), Node::new("d")]),
                Node::new("e"),
            ],
        );
        let ids: Vec<&str> = tree.leaves().iter().map(|leaf| leaf.id.as_str()).collect();
        assert_eq!(ids, ["c", "d", "e"]);
    }
}
