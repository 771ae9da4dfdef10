//! A tree without scores, filled with those of a model.

use std::collections::BTreeMap;

use super::node::{Node, Score};
use crate::brainscore::result::{BEHAVIOUR, BenchmarkScore, State};

/// Regions from early to late; others follow by name.
const REGIONS: [&str; 7] = ["V1", "V2", "V3", "V4", "LOC", "IT", "HVC"];

/// A benchmark of which there are results: identifier and version.
pub type Key = (String, u32);

/// The tree for when none is given: average › neural › region › benchmark, and average › behaviour › benchmark; without
/// the one of the two that has no results, unless none has.
pub fn default_tree(scores: &[BenchmarkScore]) -> Node {
    let mut regions: BTreeMap<(usize, &str), BTreeMap<Key, ()>> = BTreeMap::new();
    for score in scores {
        let place = place_of(&score.benchmark.region);
        regions.entry(place).or_default().insert(key(score), ());
    }
    let of_behaviour = regions.remove(&place_of(BEHAVIOUR));
    let leaf = |((id, version), ()): (Key, ())| Node {
        version: Some(version),
        ..Node::new(id)
    };
    let parent = |id: &str, children: Vec<Node>| Node {
        children,
        ..Node::new(id)
    };
    let with_leaves = |id: &str, leaves: BTreeMap<Key, ()>| {
        let leaves = leaves.into_iter().map(leaf);
        parent(id, leaves.collect())
    };
    let regions: Vec<Node> = regions
        .into_iter()
        .map(|((_, region), leaves)| with_leaves(region, leaves))
        .collect();
    let mut children = Vec::new();
    if !regions.is_empty() || of_behaviour.is_none() {
        children.push(parent("neural", regions));
    }
    children.extend(of_behaviour.map(|leaves| with_leaves(BEHAVIOUR, leaves)));
    parent("average", children)
}

/// By what regions are put in order: place in the hierarchy, then name.
pub fn place_of(region: &str) -> (usize, &str) {
    let known = REGIONS.iter().position(|known| *known == region);
    (known.unwrap_or(REGIONS.len()), region)
}

/// Identifier and version of a result's benchmark.
pub fn key(score: &BenchmarkScore) -> Key {
    (score.benchmark.id.clone(), score.benchmark.version)
}

/// The tree with a version at every leaf: one without gets the newest of which there are results.
///
/// Scores and ranks in it go: it is the tree that counts.
pub fn with_versions(tree: &Node, scores: &[BenchmarkScore]) -> Node {
    let mut node = Node {
        score: Score::NotRun,
        rank: None,
        ..tree.clone()
    };
    if node.is_leaf() {
        let of_leaf = scores.iter().filter(|score| score.benchmark.id == node.id);
        let newest = of_leaf.map(|score| score.benchmark.version).max();
        node.version = node.version.or(newest);
    }
    node.children = (tree.children.iter())
        .map(|child| with_versions(child, scores))
        .collect();
    node
}

/// The result of a leaf among those of one model.
pub fn result_of<'a>(
    leaf: (&str, Option<u32>),
    scores: &'a [BenchmarkScore],
) -> Option<&'a BenchmarkScore> {
    let is = |score: &&BenchmarkScore| {
        score.benchmark.id == leaf.0 && Some(score.benchmark.version) == leaf.1
    };
    scores.iter().find(is)
}

/// The tree with the scores of one model: the ceiled ones, the raw ones of engineering benchmarks.
///
/// - `tree`: of [`with_versions`].
pub fn fill(tree: &Node, scores: &[BenchmarkScore]) -> Node {
    below(tree, scores, false)
}

fn below(tree: &Node, scores: &[BenchmarkScore], engineering: bool) -> Node {
    let engineering =
        (tree.engineering).unwrap_or(engineering || super::node::is_engineering(&tree.id));
    let mut node = tree.clone();
    if node.is_leaf()
        && let Some(result) = result_of((&node.id, node.version), scores)
    {
        node.score = score(result, engineering);
    }
    node.children = (tree.children.iter())
        .map(|child| below(child, scores, engineering))
        .collect();
    node
}

fn score(result: &BenchmarkScore, engineering: bool) -> Score {
    let number = |scored: &crate::brainscore::result::Scored| match engineering {
        true => scored.raw,
        false => scored.ceiled,
    };
    match result.state {
        State::Failed => Score::Failed,
        // What has no ceiling did not fail, but says nothing on this scale.
        State::Ok => {
            let value = result.score.as_ref().and_then(number);
            value
                .filter(|value| !value.is_nan())
                .map_or(Score::NotRun, Score::Value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::result::tests::score as result;

    fn scores() -> Vec<BenchmarkScore> {
        vec![
            result("m", ("b", 1, "IT"), Some(0.5)),
            result("m", ("a", 1, "V1"), Some(0.25)),
            result("m", ("a", 2, "V1"), None),
            result("m", ("c", 1, "A1"), Some(0.1)),
        ]
    }

    #[test]
    fn regions_are_in_order_of_the_hierarchy() {
        let tree = default_tree(&scores());
        let regions: Vec<&str> = (tree.children[0].children.iter())
            .map(|region| region.id.as_str())
            .collect();
        assert_eq!(regions, ["V1", "IT", "A1"]);
        assert_eq!(tree.leaves().len(), 4);
    }

    #[test]
    fn behaviour_is_beside_neural() {
        let mut scores = vec![result("m", ("trials-i2n", 1, BEHAVIOUR), Some(0.5))];
        let alone = default_tree(&scores);
        let ids = |node: &Node| -> Vec<String> {
            node.children.iter().map(|child| child.id.clone()).collect()
        };
        assert_eq!(ids(&alone), [BEHAVIOUR]);
        assert_eq!(ids(&alone.children[0]), ["trials-i2n"]);
        scores.push(result("m", ("a", 1, "V1"), Some(0.25)));
        let both = default_tree(&scores);
        assert_eq!(ids(&both), ["neural", BEHAVIOUR]);
        assert_eq!(ids(&both.children[0]), ["V1"]);
        assert_eq!(ids(&default_tree(&[])), ["neural"]);
    }

    #[test]
    fn leaves_get_their_scores() {
        let scores = scores();
        let filled = fill(&default_tree(&scores), &scores);
        let found: Vec<Score> = filled.leaves().iter().map(|leaf| leaf.score).collect();
        let value = Score::Value;
        assert_eq!(found, [value(0.25), Score::Failed, value(0.5), value(0.1)]);
        let engineering = Node {
            engineering: Some(true),
            ..default_tree(&scores)
        };
        let raw = fill(&engineering, &scores).leaves()[0].score;
        assert_eq!(raw, value(0.125));
    }

    #[test]
    fn a_leaf_without_version_gets_the_newest() {
        let tree = Node {
            children: vec![Node::new("a"), Node::new("nowhere")],
            ..Node::new("average")
        };
        let tree = with_versions(&tree, &scores());
        assert_eq!(tree.children[0].version, Some(2));
        assert_eq!(tree.children[1].version, None);
        assert_eq!(fill(&tree, &scores()).children[1].score, Score::NotRun);
    }
}
