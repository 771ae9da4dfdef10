//! `tree`: the golden model page through the program, ranks among files, mistakes.

use std::fs;

use serde_json::{Value, json};

use crate::env::{TestEnv, run};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/model_page.json");

/// What a tree says, without what is computed.
fn skeleton(node: &Value) -> Value {
    let children = node["children"]
        .as_array()
        .map(|list| list.iter().map(skeleton).collect());
    json!([
        node["id"].as_str().unwrap_or(""),
        node["hidden"] == true,
        node["version"],
        children.unwrap_or(Value::Null)
    ])
}

#[test]
fn json_is_the_same_tree_with_what_was_computed() {
    let text = run(["tree", PAGE, "--json"]).ok().stdout.clone();
    let tree: Value = serde_json::from_str(&text).unwrap();
    let page: Value = serde_json::from_str(&fs::read_to_string(PAGE).unwrap()).unwrap();
    assert_eq!(skeleton(&tree), skeleton(&page));
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 1e-3;
    assert!(near(&tree["score"], 0.0945));
    assert_eq!(
        (&tree["display"], &tree["rank"], &tree["count"]),
        (&json!(".095"), &json!(389), &json!(81))
    );
    let regions = tree["children"][0]["children"].as_array().unwrap();
    for (region, (score, display, count)) in (regions.iter()).zip([
        (0.346, ".346", 24),
        (0.063, ".063", 2),
        (0.229, ".229", 5),
        (0.118, ".118", 7),
    ]) {
        assert!(near(&region["score"], score));
        assert_eq!(
            (&region["display"], &region["count"]),
            (&json!(display), &json!(count))
        );
    }
    let v1 = &regions[0];
    assert_eq!(
        (&v1["n_scored"], v1["coverage"].as_f64()),
        (&json!(23), Some(23.0 / 24.0))
    );
    let failed = &regions[3]["children"][4];
    assert_eq!(
        (&failed["score"], &failed["rank"], &failed["display"]),
        (&json!("X"), &json!("X"), &json!("X"))
    );
}

#[test]
fn text_has_a_line_for_each_row_of_the_page() {
    let text = run(["tree", PAGE]).ok().stdout.clone();
    assert_eq!(text.lines().count(), 1 + 47);
    assert!(
        text.lines()
            .any(|line| line.split_whitespace().eq(["IT", ".118", "375", "4/7"]))
    );
    let skipped = run(["tree", PAGE, "--missing", "skip"]).ok().stdout.clone();
    assert!(
        skipped
            .lines()
            .any(|line| line.split_whitespace().eq(["V2", ".126", "422", "1/2"]))
    );
}

#[test]
fn ranks_are_among_the_other_models() {
    let env = TestEnv::empty();
    let write = |name: &str, score: f64| {
        let tree = json!({"id": "average", "children": [{"id": "b", "score": score}]});
        fs::create_dir_all(env.path("models")).unwrap();
        fs::write(env.path(name), tree.to_string()).unwrap();
    };
    write("models/own.json", 0.3001);
    write("models/same.json", 0.3004);
    write("models/worse.json", 0.1);
    write("best.json", 0.9);
    let rank = |options: &[&str]| {
        let own = env.path("models/own.json");
        let (models, best) = (env.path("models"), env.path("best.json"));
        let others = ["--others", models.to_str().unwrap(), best.to_str().unwrap()];
        let args = [
            &["tree", own.to_str().unwrap(), "--json"],
            others.as_slice(),
            options,
        ]
        .concat();
        let tree: Value = serde_json::from_str(&run(args).ok().stdout).unwrap();
        let leaf = &tree["children"][0];
        assert_eq!(leaf["best"], 0.9);
        // Four models: the file itself is in the folder, and counted once.
        assert!((leaf["median"].as_f64().unwrap() - 0.30025).abs() < 1e-12);
        leaf["rank"].clone()
    };
    assert_eq!(rank(&[]), 3);
    assert_eq!(rank(&["--rank-policy", "site"]), 2);
}

#[test]
fn mistakes_name_the_file_and_the_remedy() {
    let env = TestEnv::empty();
    let file = env.path("t.json");
    let path = file.to_str().unwrap();
    run(["tree", path]).status(2).stderr_contains("t.json");
    fs::write(&file, "{\"id\": \"a\", \"childen\": []}").unwrap();
    let told = run(["tree", path]);
    told.status(2).stderr_contains("did you mean `children`");
    assert_eq!(told.stdout, "");
    fs::write(&file, "{\"id\": \"a\"}").unwrap();
    run([
        "tree",
        path,
        "--others",
        env.root().join("none.json").to_str().unwrap(),
    ])
    .status(2)
    .stderr_contains("none.json");
    run(["tree", path, "--missing", "mean"])
        .status(2)
        .stderr_contains("skip");
}

/// Means over other benchmarks are no places in one race.
#[test]
fn trees_of_other_benchmarks_are_told() {
    let env = TestEnv::empty();
    let tree = |name: &str, root: &str, leaves: Value| {
        let tree = json!({ "id": root, "children": [{ "id": "V1", "children": leaves }] });
        let path = env.path(name);
        fs::write(&path, tree.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let both = json!([{ "id": "a", "score": 0.5 }, { "id": "b", "score": null }]);
    let own = tree("own.json", "average", both.clone());
    let same = tree(
        "same.json",
        "average",
        json!([{ "id": "a", "score": 0.9 }, { "id": "b", "score": 0.1 }]),
    );
    let fewer = tree(
        "fewer.json",
        "average",
        json!([{ "id": "a", "score": 0.4 }]),
    );
    let renamed = tree("renamed.json", "average_vision", both);
    run(["tree", &own, "--others", &same])
        .ok()
        .stderr_lacks("another tree");
    run(["tree", &own, "--others", &fewer])
        .ok()
        .stderr_contains("fewer.json is another tree, of the two only one has `average › V1 › b`");
    run(["tree", &own, "--others", &renamed])
        .ok()
        .stderr_contains("renamed.json is another tree");
}

#[test]
fn a_leaf_that_stands_for_several_counts_as_these() {
    let env = TestEnv::empty();
    let path = env.path("t.json");
    let tree = json!({ "id": "average", "children": [
        { "id": "a", "score": 0.5, "count": 22 }, { "id": "b", "score": null, "count": 3 },
    ] });
    fs::write(&path, tree.to_string()).unwrap();
    let found = run(["tree", path.to_str().unwrap(), "--json"]).json();
    assert_eq!(
        (&found["n_scored"], &found["count"]),
        (&json!(22), &json!(25))
    );
    assert_eq!(found["coverage"], 0.88);
}
