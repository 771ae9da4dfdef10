//! The model page of `resnet-50x2_untrained` as a golden tree, and rules that it does not show.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use serde_json::Value;

const PAGE: &str = include_str!("../../../tests/data/model_page.json");

/// How far a mean of printed scores may be from the printed mean.
const PRINTED: f64 = 1e-3;

fn parse(text: &str) -> Node {
    read::parse(Path::new("tree.json"), text.as_bytes()).unwrap()
}

/// Published scores and ranks of the page's rows in order.
fn published(value: &Value, found: &mut Vec<(String, Value, Value)>) {
    if value["hidden"] != true {
        let id = value["id"].as_str().unwrap().to_owned();
        found.push((id, value["score"].clone(), value["rank"].clone()));
    }
    for child in value["children"].as_array().into_iter().flatten() {
        published(child, found);
    }
}

fn rows(tree: &Scored) -> Vec<&Scored> {
    let mut rows = Vec::new();
    tree.walk(&mut |node, _| {
        if !node.hidden {
            rows.push(node);
        }
    });
    rows
}

#[test]
fn every_row_of_the_model_page_is_as_printed() {
    let mut printed = Vec::new();
    published(&serde_json::from_str(PAGE).unwrap(), &mut printed);
    let tree = evaluate(&parse(PAGE), Missing::Zero);
    let rows = rows(&tree);
    assert_eq!((rows.len(), printed.len()), (47, 47));
    for (row, (id, score, rank)) in rows.iter().zip(&printed) {
        assert_eq!(row.id, *id);
        assert_eq!(json::rank(row.rank), *rank, "{id}");
        match score.as_f64() {
            Some(score) => assert!(
                (row.score.value().unwrap() - score).abs() <= PRINTED,
                "{id}"
            ),
            None => assert_eq!(
                (row.score, display::text(row.score)),
                (Score::Failed, "X".into())
            ),
        }
    }
    assert_eq!(rows.iter().filter(|row| !row.is_leaf()).count(), 14);
}

#[test]
fn benchmarks_of_the_model_page_are_counted() {
    let tree = evaluate(&parse(PAGE), Missing::Zero);
    let counts: BTreeMap<&str, (usize, usize)> = (rows(&tree).iter())
        .map(|row| (row.id.as_str(), (row.count, row.n_scored)))
        .collect();
    for (id, expected) in [
        ("average_vision", (81, 32)),
        ("neural_vision", (38, 32)),
        ("V1", (24, 23)),
        ("Marques2020", (22, 22)),
        ("V2", (2, 1)),
        ("V4", (5, 4)),
        ("IT", (7, 4)),
    ] {
        assert_eq!(counts[id], expected, "{id}");
    }
}

#[test]
fn skipping_takes_the_mean_of_what_is_there() {
    let tree = evaluate(&parse(PAGE), Missing::Skip);
    let score = |id: &str| {
        let row = rows(&tree).into_iter().find(|row| row.id == id).unwrap();
        row.score.value().unwrap()
    };
    assert!((score("V2") - 0.126).abs() < 1e-12);
    assert!((score("IT") - (0.148 + 0.221 + 0.265 + 0.192) / 4.0).abs() < 1e-12);
    assert_eq!(score("average_vision"), score("neural_vision"));
}

#[test]
fn leaves_are_clamped_but_for_engineering() {
    let text = "{\"id\": \"average\", \"children\": [\
        {\"id\": \"neural\", \"children\": [{\"id\": \"a\", \"score\": 1.4}, {\"id\": \"b\", \"score\": -0.2}]},\
        {\"id\": \"engineering\", \"children\": [{\"id\": \"top1\", \"score\": -3}, {\"id\": \"c\", \"score\": 5, \
         \"engineering\": false}]}, {\"id\": \"d\", \"score\": 7, \"engineering\": true}]}";
    let tree = evaluate(&parse(text), Missing::Zero);
    let scores: Vec<f64> = tree
        .children
        .iter()
        .filter_map(|c| c.score.value())
        .collect();
    assert_eq!(scores, [0.5, -1.0, 7.0]);
}

#[test]
fn without_a_number_a_parent_is_blank_or_failed() {
    let of = |children: &str| {
        let tree = parse(&format!("{{\"id\": \"p\", \"children\": [{children}]}}"));
        [Missing::Zero, Missing::Skip].map(|missing| evaluate(&tree, missing).score)
    };
    let (blank, failed) = ("{\"id\": \"a\"}", "{\"id\": \"b\", \"score\": \"X\"}");
    assert_eq!(of(blank), [Score::NotRun; 2]);
    assert_eq!(of(&format!("{blank}, {failed}")), [Score::Failed; 2]);
    let value = "{\"id\": \"c\", \"score\": 0.6}";
    let all = of(&format!("{blank}, {failed}, {value}"));
    assert!((all[0].value().unwrap() - 0.2).abs() < 1e-15);
    assert_eq!(all[1], Score::Value(0.6));
}

#[test]
fn what_is_written_is_read_again_as_the_same() {
    for missing in [Missing::Zero, Missing::Skip] {
        let tree = evaluate(&parse(PAGE), missing);
        let text = json::value(&tree).to_string();
        assert_eq!(evaluate(&parse(&text), missing), tree);
    }
}

#[test]
fn models_are_placed_at_every_node_of_the_same_version() {
    let model = |a: &str, b: &str| {
        let text = format!(
            "{{\"id\": \"average\", \"children\": [{{\"id\": \"a\", \"version\": 1, \"score\": {a}}}, \
             {{\"id\": \"b\", \"version\": {b}}}]}}"
        );
        evaluate(&parse(&text), Missing::Zero)
    };
    let mut models = [
        model("0.2", "1, \"score\": 0.9"),
        model("0.4", "2, \"score\": 0.1"),
        model("\"X\"", "2"),
    ];
    let field = Field::new(&models);
    for model in &mut models {
        field.place(model, Policy::Exact);
    }
    let ranks = |model: &Scored| {
        let ranks = [model, &model.children[0], &model.children[1]].map(|node| node.rank);
        ranks.map(|rank| rank.map_or_else(String::new, |rank| rank.to_string()))
    };
    assert_eq!(ranks(&models[0]), ["1", "2", "1"]);
    assert_eq!(
        ranks(&models[1]),
        ["2", "1", "1"],
        "version 2 of b is another benchmark"
    );
    assert_eq!(ranks(&models[2]), ["X", "X", ""]);
    assert_eq!(models[0].children[0].best, Some(0.4));
    assert!((models[0].children[0].median.unwrap() - 0.3).abs() < 1e-15);
}
