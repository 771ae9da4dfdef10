//! `report`: the site's files, their numbers, what is told of what is missing, folders that are kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::env::{Run, TestEnv};
use crate::results::{self, BENCHMARKS, DOTS, SCRIPT};

fn with_results() -> TestEnv {
    let env = TestEnv::empty();
    results::write(&env.path("results"));
    env
}

fn report(env: &TestEnv) -> Run {
    env.run(["report"])
}

/// Every file of the site by its path in it.
fn files(site: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path
                    .strip_prefix(site)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(relative, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn json_of(env: &TestEnv, path: &str) -> Value {
    serde_json::from_slice(&fs::read(env.path(path)).unwrap()).unwrap()
}

#[test]
fn every_model_and_benchmark_has_its_page() {
    let env = with_results();
    let run = report(&env);
    assert!(run.ok().stdout.trim_end().ends_with("site/index.html"));
    for path in [
        "index.html",
        "compare.html",
        "leaderboard.csv",
        "leaderboard.json",
        "references.bib",
        "models/Deep.html",
        "models/Deep.json",
        "models/script-alert-1-script.html",
        "models/up-away.html",
        "models/torch-alexnet.html",
        "benchmarks/MajajHong2015.V4-pls-v3.html",
        "benchmarks/Kar2019-ost-v2.html",
    ] {
        env.has(format!("site/{path}"));
    }
    env.has_no_temporary_files();
    let bib = fs::read_to_string(env.path("site/references.bib")).unwrap();
    for key in [
        "FreemanZiemba2013",
        "Kar2019-ost",
        "MajajHong2015",
        "Nonaka2021",
    ] {
        assert_eq!(
            bib.matches(&format!("@article{{{key},")).count(),
            1,
            "{key}"
        );
    }
}

#[test]
fn equal_results_give_equal_bytes() {
    let env = with_results();
    report(&env).ok();
    let first = files(&env.path("site"));
    report(&env).ok();
    assert_eq!(files(&env.path("site")), first);
    let elsewhere = env.path("elsewhere");
    env.run(["report", "--out", elsewhere.to_str().unwrap()])
        .ok();
    assert_eq!(files(&elsewhere), first);
}

#[test]
fn pages_name_no_address_and_hold_no_markup_of_names() {
    let env = with_results();
    report(&env).ok();
    for (path, bytes) in files(&env.path("site")) {
        if !path.ends_with(".html") {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        for request in [
            "http:", "https:", "src=", "@import", "<link", "<iframe", "<img", "style=\"",
        ] {
            assert!(!text.contains(request), "{request} in {path}");
        }
        assert_eq!(
            text.matches("url(").count(),
            text.matches("url(data:font/woff2").count(),
            "{path}"
        );
        assert_eq!(text.matches("<script").count(), 1, "{path}");
        assert!(
            text.contains("content=\"default-src &#x27;none&#x27;;"),
            "{path}"
        );
        assert!(!text.contains("<images>"), "{path}");
        assert_eq!(
            text.matches("<details").count(),
            text.matches("</details>").count(),
            "{path}"
        );
    }
}

#[test]
fn numbers_of_pages_tables_and_results_are_the_same() {
    let env = with_results();
    report(&env).ok();
    let board = json_of(&env, "site/leaderboard.json");
    let bh = json_of(&env, "results/bhscore.json");
    let models = board["models"].as_array().unwrap();
    let names: Vec<&str> = models
        .iter()
        .map(|model| model["model"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "Deep");
    assert_eq!(names.len(), 6, "{names:?}");
    let deep = &models[0];
    for half in ["decoding", "encoding", "average"] {
        assert_eq!(deep["bh"][half], bh["networks"][0][half]["published"]);
    }
    assert_eq!(
        (&deep["bh"]["low"], &deep["bh"]["p_encoding"]),
        (&json!(0.73), &json!(0.0083))
    );
    // (.5, clamped to .5) for every region but one benchmark of IT: all are scored.
    let scores = &deep["scores"];
    assert_eq!(scores["MajajHong2015.IT-pls_v3"]["display"], ".500");
    assert_eq!(
        (&scores["average"]["display"], &scores["average"]["rank"]),
        (&json!(".500"), &json!(1))
    );
    let dots = models.iter().find(|model| model["model"] == DOTS).unwrap();
    assert_eq!(dots["coverage"], json!({"scored": 2, "benchmarks": 4}));
    assert_eq!(
        dots["scores"]["Kar2019-ost_v2"],
        json!({"score": "X", "display": "X", "rank": "X"})
    );
    assert!(dots["scores"]["MajajHong2015.IT-pls_v3"]["score"].is_null());
    // V1 .2, V4 .2, IT X.
    let average = dots["scores"]["average"]["score"].as_f64().unwrap();
    assert!((average - 0.4 / 3.0).abs() < 1e-12);

    let table = fs::read_to_string(env.path("site/leaderboard.csv")).unwrap();
    let mut rows = table
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let row = rows.next().unwrap();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    assert_eq!(row[column("bh_average")], deep["bh"]["average"].to_string());
    assert_eq!(header.last(), Some(&"MajajHong2015.IT-pls_v3"));

    let page = fs::read_to_string(env.path("site/index.html")).unwrap();
    for model in models {
        for score in model["scores"].as_object().unwrap().values() {
            if let Some(value) = score["score"].as_f64() {
                let cell = format!("data-v=\"{value}\"");
                assert!(page.contains(&cell), "{cell}");
            }
        }
    }
    let model = json_of(&env, "site/models/Deep.json");
    assert_eq!(
        model["layers"],
        json!({"V1": "conv2", "V4": "conv4", "IT": "fc6"})
    );
    assert_eq!(
        (&model["visual_degrees"], &model["schema"]),
        (&json!(8.0), &json!(1))
    );
    let leaf = &model["scores"][3];
    assert_eq!(
        (&leaf["id"], &leaf["parent"]),
        (&json!("FreemanZiemba2013.V1-pls"), &json!("V1"))
    );
    assert_eq!(
        (&leaf["ceiled"], &leaf["depth"], &leaf["state"]),
        (&json!(0.5), &json!(3), &json!("ok"))
    );
    assert_eq!(
        leaf["reference"],
        json!({"bibtex_key": "FreemanZiemba2013"})
    );
    let commands = model["provenance"]["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 1 + BENCHMARKS.len());
    assert_eq!(commands[0], "bhscore -C study compute --sure");
}

#[test]
fn either_kind_of_results_is_enough() {
    for (write, has, lacks) in [
        (
            results::write_bh as fn(&Path),
            "models/Deep.html",
            "benchmarks",
        ),
        (
            results::write_benchmarks,
            "models/synth-deep.html",
            "models/Quiet.html",
        ),
    ] {
        let env = TestEnv::empty();
        write(&env.path("results"));
        report(&env).ok();
        env.has(format!("site/{has}"))
            .lacks(format!("site/{lacks}"));
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_the_site_elsewhere() {
    let env = with_results();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("notes.txt"), "mine").unwrap();
    report(&env).ok();
    fs::remove_dir_all(env.path("site/models")).unwrap();
    std::os::unix::fs::symlink(outside.path(), env.path("site/models")).unwrap();
    let list = env.path("site/.bhscore-site");
    let listed = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("models/notes.txt\n{listed}")).unwrap();
    report(&env)
        .status(2)
        .stderr_contains("is behind a link that leaves");
    let names = || fs::read_dir(outside.path()).unwrap().count();
    assert_eq!(names(), 1, "nothing is written");
    // A folder that the site has no more.
    fs::remove_file(env.path("site/models")).unwrap();
    std::os::unix::fs::symlink(outside.path(), env.path("site/old")).unwrap();
    fs::write(&list, format!("old/notes.txt\n{listed}")).unwrap();
    report(&env)
        .status(2)
        .stderr_contains("is behind a link that leaves");
    assert_eq!(names(), 1, "nothing is removed");
}

#[test]
fn without_results_the_remedy_is_told() {
    let env = TestEnv::empty();
    report(&env)
        .status(2)
        .stderr_contains("run `bhscore compute` or `bhscore score` first");
    env.lacks("site");
}

#[test]
fn a_tree_says_what_is_averaged() {
    let env = with_results();
    let tree = json!({"id": "average_vision", "children": [
        {"id": "V4", "children": [{"id": "MajajHong2015.V4-pls"}, {"id": "unknown"}]},
        {"id": "V1", "children": [{"id": "FreemanZiemba2013.V1-pls", "version": 2}]},
    ]});
    fs::write(env.path("tree.json"), tree.to_string()).unwrap();
    let file = env.path("tree.json");
    let run = env.run([
        "report",
        "--tree",
        file.to_str().unwrap(),
        "--missing",
        "skip",
    ]);
    run.ok()
        .stderr_contains("Kar2019-ost v2 is not in the tree");
    let board = json_of(&env, "site/leaderboard.json");
    let ids: Vec<&str> = board["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_str().unwrap())
        .collect();
    let expected = [
        "average_vision",
        "V4",
        "MajajHong2015.V4-pls",
        "unknown",
        "V1",
        "FreemanZiemba2013.V1-pls",
    ];
    assert_eq!(ids, expected);
    assert_eq!(board["missing"], "skip");
    assert_eq!(board["models"][0]["scores"]["V4"]["display"], ".500");
    env.has("site/benchmarks/Kar2019-ost-v2.html");
}

#[test]
fn a_result_that_cannot_be_read_is_told_and_the_others_are_shown() {
    let env = with_results();
    fs::write(env.path("results/brainscore/bad.json"), "{\"schema\": 1}").unwrap();
    report(&env).status(2).stderr_contains("bad.json");
    let page = fs::read_to_string(env.path("site/index.html")).unwrap();
    assert!(page.contains("bad.json") && page.contains("models/torch-alexnet.html"));
}

#[test]
fn folders_of_others_are_kept() {
    let env = with_results();
    fs::create_dir(env.path("site")).unwrap();
    fs::write(env.path("site/thesis.txt"), "years").unwrap();
    report(&env).status(2).stderr_contains("--force");
    env.lacks("site/index.html");
    env.run(["report", "--force"]).ok();
    assert_eq!(
        fs::read_to_string(env.path("site/thesis.txt")).unwrap(),
        "years"
    );
    report(&env).ok();
}

#[test]
fn pages_of_models_that_are_gone_go() {
    let env = with_results();
    report(&env).ok();
    env.has("site/models/torch-vgg.html");
    fs::remove_dir_all(env.path("results/brainscore/m4")).unwrap();
    // A list that was tampered with removes nothing outside the site.
    let list = env.path("site/.bhscore-site");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{text}../results/bhscore.json\n")).unwrap();
    report(&env).ok();
    env.lacks("site/models/torch-vgg.html")
        .lacks("site/models/torch-vgg.json");
    env.has("results/bhscore.json")
        .has("site/models/torch-alexnet.html");
}

#[test]
fn json_tells_where_the_site_is() {
    let env = with_results();
    let run = env.run(["report", "--json", "--title", SCRIPT]);
    let value: Value = serde_json::from_str(&run.ok().stdout).unwrap();
    assert_eq!(
        (&value["n_models"], &value["n_benchmarks"]),
        (&json!(6), &json!(4))
    );
    let page = fs::read_to_string(env.path("site/index.html")).unwrap();
    assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;"));
}
