//! The demo: networks whose scores are known beforehand, one of them run on the images.

use std::fs;

use serde_json::Value;

use crate::env::{Run, TestEnv, program};

fn demo(env: &TestEnv, args: &[&str]) -> Run {
    let mut command = program();
    command.current_dir(env.root()).arg("demo").args(args);
    Run::of(command)
}

#[test]
fn the_demo_ends_with_the_scores_it_was_made_for_and_is_done_afterwards() {
    let env = TestEnv::empty();
    let first = demo(&env, &["my-demo", "--json"]);
    let value = first.ok().json();
    assert_eq!(first.stdout.lines().count(), 1);
    first
        .stderr_contains("240 items: 240 computed")
        .stderr_contains("report: my-demo/results/report.html");
    let networks = value["networks"].as_array().unwrap();
    let names: Vec<&Value> = networks.iter().map(|network| &network["name"]).collect();
    assert_eq!(names, ["forward", "reversed", "shuffled", "energy"]);
    for rule in ["published", "textbook"] {
        let score = |index: usize| networks[index]["decoding"][rule].as_f64().unwrap();
        assert!(score(0) > 0.5, "{rule}: {}", score(0));
        assert!(score(1) < -0.5, "{rule}: {}", score(1));
        assert!(score(2).abs() < 0.2, "{rule}: {}", score(2));
        // From images through the network: its filters resemble the brain's by design.
        assert!(score(3) > 0.5, "{rule}: {}", score(3));
    }
    first
        .stderr_contains("extract ImageNetTraining: 120 images computed")
        .stderr_contains("extract ImageNetTest: 50 images computed");
    for file in [
        "demo.json",
        "models/energy.onnx",
        "data/features/ImageNetTest/synth/energy/conv1/extract.json",
        "settings.json",
        "results/report.html",
        "results/bhscore.json",
    ] {
        env.has(format!("my-demo/{file}"));
    }
    env.has_no_temporary_files();

    let second = demo(&env, &["my-demo", "--json"]);
    second
        .ok()
        .stderr_contains("240 items: 0 computed, 240 done before");
    assert_eq!(second.stderr.matches("240 items: 0 computed").count(), 4);
    let (mut first, mut second) = (value, second.json());
    for value in [&mut first, &mut second] {
        value.as_object_mut().unwrap().remove("provenance").unwrap();
    }
    assert_eq!(first, second);

    // The study is one like any other.
    let mut status = program();
    status
        .current_dir(env.root())
        .args(["-C", "my-demo", "status"]);
    Run::of(status).ok();
    demo(&env, &["my-demo", "--seed", "7"])
        .status(2)
        .stderr_contains("another plan");
}

#[test]
fn folders_with_other_things_are_refused() {
    let env = TestEnv::empty();
    fs::create_dir(env.path("thesis")).unwrap();
    fs::write(env.path("thesis/chapter1.tex"), "It was").unwrap();
    demo(&env, &["thesis"])
        .status(2)
        .stderr_contains("not empty")
        .stderr_contains("name a new");
    assert_eq!(fs::read_dir(env.path("thesis")).unwrap().count(), 1);
}
