//! The whole site from results in memory.

use std::path::Path;

use super::*;
use crate::brainscore::result::BenchmarkScore;
use crate::brainscore::result::tests::score;
use crate::brainscore::tree::read;
use crate::report::tests::{complete, networks};
use serde_json::Value;

fn scores() -> Vec<BenchmarkScore> {
    let on = |id, version, region| move |model, ceiled| score(model, (id, version, region), ceiled);
    let (a, b) = (on("a", 1, "V1"), on("b", 2, "IT"));
    vec![
        a("synth/good", Some(0.5)),
        b("synth/good", None),
        a("m & <b>", Some(0.7)),
        b("m & <b>", Some(0.1)),
        a("M & <b>", Some(0.7)),
    ]
}

fn study() -> bh::Study {
    let mut scores = networks();
    scores.push(complete("Both", 0.6));
    let value = crate::report::json::value(
        &scores,
        Value::Null,
        serde_json::json!({"command": "bhscore compute"}),
    );
    bh::Study::parse(Path::new("b.json"), value.to_string().as_bytes()).unwrap()
}

fn board(study: Option<bh::Study>, scores: Vec<BenchmarkScore>) -> Board {
    Board::new(Input {
        title: "Title".to_owned(),
        study,
        scores,
        ..Input::default()
    })
}

fn text(files: &[(String, Vec<u8>)], path: &str) -> String {
    let (_, bytes) = files.iter().find(|(name, _)| name == path).unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn results_of_both_kinds_meet_in_one_model() {
    let board = board(Some(study()), scores());
    let names: Vec<&str> = board
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    // By the average BH score, which one has, then by the average on benchmarks, then by name.
    assert_eq!(
        names,
        [
            "Both", "m & <b>", "M & <b>", "Good", "None", "Quiet", "Short"
        ]
    );
    let good = board
        .models
        .iter()
        .find(|model| model.name == "Good")
        .unwrap();
    assert_eq!((good.scores.len(), good.net()), (2, Some("synth/good")));
    let ranks: Vec<Option<usize>> = board.models.iter().map(|model| model.rank).collect();
    assert_eq!(ranks, [Some(1), None, None, None, None, None, None]);
    let slugs: Vec<&str> = board
        .models
        .iter()
        .map(|model| model.slug.as_str())
        .collect();
    assert_eq!(slugs[1..3], ["m-b", "M-b-2"]);
}

#[test]
fn without_bh_scores_the_tree_puts_models_in_order() {
    let board = board(None, scores());
    let places: Vec<(&str, Option<usize>)> = board
        .models
        .iter()
        .map(|model| (model.name.as_str(), model.rank))
        .collect();
    // (.7 + .1) / 2, (.7 + 0) / 2, (.5 + X) / 2.
    assert_eq!(
        places,
        [
            ("m & <b>", Some(1)),
            ("M & <b>", Some(2)),
            ("synth/good", Some(3))
        ]
    );
    assert!(!board.has_bh() && board.has_tree());
    assert_eq!(
        request(&board),
        None,
        "there is nothing to relate benchmarks to"
    );
}

#[test]
fn columns_are_the_shown_nodes_with_names_of_their_own() {
    let tree = "{\"id\": \"model\", \"children\": [{\"id\": \"V1\", \"children\": [{\"id\": \"a\"}, \
        {\"hidden\": true}]}, {\"id\": \"V1b\", \"children\": [{\"id\": \"a\"}]}]}";
    let board = Board::new(Input {
        scores: scores(),
        tree: Some(read::parse(Path::new("t.json"), tree.as_bytes()).unwrap()),
        ..Input::default()
    });
    let keys: Vec<&str> = board
        .columns
        .iter()
        .map(|column| column.key.as_str())
        .collect();
    assert_eq!(keys, [".model", "V1", "a_v1", "V1b", "V1b.a_v1"]);
    assert_eq!(
        board.warnings,
        ["benchmark b v2 is not in the tree, its results are in no average"]
    );
    let best = &board.models[0];
    assert_eq!(
        best.nodes()[1].score.value(),
        Some(0.35),
        "the hidden one counts"
    );
    assert_eq!(board.columns[2].range, Some((0.5, 0.7)));
}

#[test]
fn pages_escape_names_and_show_what_became_of_benchmarks() {
    let board = board(Some(study()), scores());
    let files = files(&board, None);
    let index = text(&files, INDEX);
    assert!(!index.contains("m & <b>") && index.contains("m &amp; &lt;b&gt;"));
    let page = text(&files, "models/Good.html");
    for part in [
        "no site varies",
        "<span class=\"tag\">X</span>",
        "@article{a,",
        "Nonaka2021",
        "bhscore compute\nbhscore score --model synth&#x2f;good --benchmark a\n",
        "title=\"raw 0.250 ± 0.010 · ceiling 0.800 ± 0.020 · ceiled 0.500 ± 0.015 · version 1 · r2_over_c\"",
        "102, 1 without a value",
        "From which ROI units are decoded best",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let without = text(&files, "models/Quiet.html");
    assert!(
        without.contains("no unit is significant") && !without.contains("Scores on benchmarks")
    );
    assert!(text(&files, "compare.html").contains("nothing to relate yet"));
    assert!(text(&files, "benchmarks/b-v2.html").contains("no site varies"));
}

#[test]
fn the_list_names_every_other_file() {
    let files = files(&board(None, scores()), None);
    let list = text(&files, LIST);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.last(), Some(&LIST));
    assert!(list.lines().eq(names[..names.len() - 1].iter().copied()));
}

#[test]
fn layers_are_the_committed_ones_or_those_that_most_benchmarks_chose() {
    let with = |id, committed, layer: &str| BenchmarkScore {
        committed,
        layer: Some(layer.to_owned()),
        ..score("m", (id, 1, "V1"), Some(0.5))
    };
    let layer = |scores: Vec<BenchmarkScore>| {
        let board = board(None, scores);
        let commitment = model::commitments(&board.models[0]).remove(0);
        (commitment.layer, commitment.how)
    };
    let (chosen, how) = layer(vec![
        with("a", false, "x"),
        with("b", false, "y"),
        with("c", false, "y"),
    ]);
    assert_eq!(
        (chosen.as_str(), how.as_str()),
        ("y", "best on 2 of 3 benchmarks")
    );
    let (chosen, how) = layer(vec![with("a", false, "x"), with("b", true, "z")]);
    assert_eq!(
        (chosen.as_str(), how.as_str()),
        ("z", "committed to on other data")
    );
    // Results of one layer choose nothing, however many they are.
    let alone = |id| {
        let mut score = with(id, false, "conv1");
        score.rows.truncate(1);
        score
    };
    let (chosen, how) = layer(vec![alone("a"), alone("b"), with("c", false, "conv2")]);
    assert_eq!(
        (chosen.as_str(), how.as_str()),
        ("conv2", "best on 1 of 1 benchmarks")
    );
    let (chosen, how) = layer(vec![alone("a"), alone("b")]);
    assert_eq!(
        (chosen.as_str(), how.as_str()),
        ("conv1", "named, not compared with others")
    );
    let files = files(&board(None, vec![alone("a")]), None);
    let pages = ["models/m.html", "benchmarks/a-v1.html"].map(|page| text(&files, page));
    assert!(
        pages[0].contains("conv1 (the only one measured)"),
        "{}",
        pages[0]
    );
    assert!(
        !pages
            .iter()
            .any(|page| page.contains("best here") || page.contains("best on"))
    );
}
