//! An evaluated benchmark tree as an indented table.

use super::table::aligned;
use crate::brainscore::tree::{Scored, display};

/// Indent of each level.
const INDENT: &str = "  ";

/// A line for each node that is not hidden: name, score, rank, how many benchmarks below have a number, and
/// best and median score where other models are known. Ends with a line feed.
pub fn text(tree: &Scored) -> String {
    let mut nodes = Vec::new();
    visible(tree, 0, &mut nodes);
    let compared = nodes.iter().any(|(node, _)| node.best.is_some());
    let mut heading = vec!["benchmark", "score", "rank", "scored"];
    if compared {
        heading.extend(["best", "median"]);
    }
    let mut rows: Vec<Vec<String>> = vec![heading.into_iter().map(str::to_owned).collect()];
    for (node, depth) in nodes {
        let mut row = vec![
            format!("{}{}", INDENT.repeat(depth), label(node)),
            display::text(node.score),
            node.rank.map_or_else(String::new, |rank| rank.to_string()),
            format!("{}/{}", node.n_scored, node.count),
        ];
        if compared {
            row.extend([node.best, node.median].map(number));
        }
        rows.push(row);
    }
    aligned(&rows, 1)
}

fn visible<'a>(node: &'a Scored, depth: usize, nodes: &mut Vec<(&'a Scored, usize)>) {
    if node.hidden {
        return;
    }
    nodes.push((node, depth));
    for child in &node.children {
        visible(child, depth + 1, nodes);
    }
}

/// Name and version.
pub fn label(node: &Scored) -> String {
    match node.version {
        Some(version) => format!("{} v{version}", node.id),
        None => node.id.clone(),
    }
}

fn number(value: Option<f64>) -> String {
    use crate::brainscore::tree::Score;
    value.map_or_else(String::new, |value| display::text(Score::Value(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::tree::{Field, Missing, Policy, evaluate, read};

    fn tree(text: &str) -> Scored {
        let node = read::parse(std::path::Path::new("t.json"), text.as_bytes()).unwrap();
        evaluate(&node, Missing::Zero)
    }

    const TEXT: &str = "{\"id\": \"neural\", \"children\": [{\"id\": \"a\", \"version\": 2, \"score\": 0.5, \
        \"rank\": 3}, {\"id\": \"b\", \"score\": \"X\"}, {\"id\": \"c\", \"hidden\": true}]}";

    #[test]
    fn nodes_are_indented_and_hidden_ones_left_out() {
        let expected = [
            "benchmark  score  rank  scored",
            "neural      .167           1/3",
            "  a v2      .500     3     1/1",
            "  b            X           0/1\n",
        ];
        assert_eq!(text(&tree(TEXT)), expected.join("\n"));
    }

    #[test]
    fn best_and_median_are_there_with_others() {
        let mut own = tree(TEXT);
        let other = tree(&TEXT.replace("0.5", "0.9"));
        Field::new([&own.clone(), &other]).place(&mut own, Policy::Exact);
        let text = text(&own);
        assert!(
            text.contains("median") && text.contains(".900    .700"),
            "{text}"
        );
    }
}
