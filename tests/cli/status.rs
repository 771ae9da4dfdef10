//! `status`: counts, who works on what, how fast it goes, and failures forgotten.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;

use bhscore::work::claims::{Claim, Claimed, Lease, Worker};
use serde_json::{Value, json};

use crate::env::{Run, TestEnv, spawn};
use crate::items::{Item, NET};

const FIRST: Item = Item("conv1", "sub-01", "V1");
const OTHER: Item = Item("fc6", "sub-02", "HVC");

fn unit(item: Item) -> String {
    let Item(layer, subject, roi) = item;
    format!("decode-train/{NET}/{layer}/{subject}/{roi}")
}

/// A worker of this process, which lives.
fn worker(env: &TestEnv) -> Worker {
    Worker::new(&env.path("data/.bhscore"), Lease::default())
}

fn claim(worker: &Worker, item: Item) -> Claim {
    match worker.claim(&unit(item), &|| Ok(false)).unwrap() {
        Claimed::Mine(claim) => claim,
        _ => panic!("somebody else has {item:?}"),
    }
}

/// A claim as a process leaves it that is killed.
fn dead_claim(env: &TestEnv, item: Item, attempt: u32) {
    let name = unit(item).replace('/', "%2F");
    let ticket = json!({ "unit": unit(item), "worker": "gone-1-0a", "since": 1_700_000_000 });
    let folder = env.path("data/.bhscore/units");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join(format!("{name}.g{attempt}")),
        format!("{ticket}\n"),
    )
    .unwrap();
}

/// Makes `conv1` of a subject fail: its features of one image are no file that can be read.
fn damaged(env: &TestEnv) {
    let folder = env.path(format!("data/features/ImageNetTraining/{NET}/conv1"));
    let mut images: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    images.sort();
    fs::write(&images[0], "no matrix").unwrap();
}

fn train_row(env: &TestEnv) -> Value {
    env.run(["status", "--json"]).json()["stages"][0].clone()
}

fn numbers(row: &Value) -> [u64; 5] {
    ["done", "running", "stale", "failed", "missing"].map(|name| row[name].as_u64().unwrap())
}

#[test]
fn items_at_work_are_counted_apart_and_their_holders_told() {
    let env = TestEnv::small();
    let worker = worker(&env);
    let held = claim(&worker, FIRST);
    let run = env.run(["status", "--json"]);
    let value = run.status(1).json();
    assert_eq!(numbers(&value["stages"][0]), [0, 1, 0, 0, 7]);
    assert_eq!(numbers(&value["stages"][1]), [0, 0, 0, 0, 8]);
    let holder = &value["holders"][0];
    assert_eq!(holder["unit"], unit(FIRST));
    assert_eq!(holder["worker"], worker.name());
    assert_eq!(holder["pid"], std::process::id());
    assert_eq!(
        (&holder["attempt"], &holder["life"]),
        (&json!(1), &json!("alive"))
    );
    let now = bhscore::io::record::now();
    assert!(now - holder["since"].as_u64().unwrap() < 600);
    let progress = json!({ "stage": "decode-train", "left": 8, "items_per_minute": null, "seconds_left": null });
    assert_eq!(value["progress"][0], progress);
    let text = env.run(["status"]).status(1).stdout.clone();
    let line = format!("held: decode-train {NET}/conv1/sub-01/V1: ");
    assert!(text.contains(&line), "{text}");
    assert!(
        text.contains(&format!("process {}, for ", std::process::id())),
        "{text}"
    );
    drop(held);
    assert_eq!(numbers(&train_row(&env)), [0, 0, 0, 0, 8]);
}

#[test]
fn stale_and_failed_items_at_work_are_running() {
    let env = TestEnv::finished();
    env.edit_settings(|settings| settings["decoding"]["alpha"] = 7.into());
    let worker = worker(&env);
    let held = claim(&worker, FIRST);
    assert_eq!(numbers(&train_row(&env)), [0, 1, 7, 0, 0]);
    let note = env.path(OTHER.decoder()).join("failed.json");
    fs::write(note, r#"{ "error": "too bad" }"#).unwrap();
    assert_eq!(numbers(&train_row(&env)), [0, 1, 6, 1, 0]);
    let again = claim(&worker, OTHER);
    assert_eq!(numbers(&train_row(&env)), [0, 2, 6, 0, 0]);
    drop((held, again));
}

#[test]
fn the_dead_hold_nothing() {
    let env = TestEnv::small();
    dead_claim(&env, FIRST, 1);
    let value = env.run(["status", "--json"]).status(1).json();
    assert_eq!(numbers(&value["stages"][0]), [0, 0, 0, 0, 8]);
    assert_eq!(value["holders"][0]["life"], "dead");
    assert_eq!(value["holders"][0]["host"], "gone");
    env.run(["status"])
        .stdout_contains("gone, process 1, for ")
        .stdout_contains(": dead, will be taken over");
    // Of networks that were not asked for nothing is told, nor of what was done before its holder died.
    env.train().ok();
    dead_claim(&env, FIRST, 1);
    assert_eq!(env.run(["status", "--json"]).json()["holders"], json!([]));
}

#[test]
fn a_run_is_seen_at_work() {
    let env = TestEnv::golden();
    let mut child: Child = spawn(&mut env.command(["decode-train", "--net", NET, "-j", "1"]));
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = stderr.lines();
    lines.next().unwrap().unwrap();
    // Stopped, it holds what it holds.
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let value = env.run(["status", "--json"]).json();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    let [done, running, stale, failed, missing] = numbers(&value["stages"][0]);
    assert_eq!(
        (done + running + missing, stale, failed),
        (60, 0, 0),
        "{value}"
    );
    assert!(done > 0 && running <= 2, "{value}");
    assert!(
        value["stages"][0]["items_per_minute"].as_f64().unwrap() > 0.0,
        "{value}"
    );
    let progress = &value["progress"][0];
    assert_eq!(progress["left"], running + missing);
    assert_eq!(progress["seconds_left"], value["stages"][0]["seconds_left"]);
    let after = train_row(&env);
    assert_eq!(
        (numbers(&after), &after["seconds_left"]),
        ([60, 0, 0, 0, 0], &json!(0.0))
    );
}

#[test]
fn failures_are_listed_and_forgotten() {
    let env = TestEnv::small();
    let none = env.run(["status", "--failed"]);
    assert_eq!(none.ok().stdout, "");
    damaged(&env);
    env.train().status(2);
    let listed = env.run(["status", "--failed"]).status(1).stdout.clone();
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let line = format!("failed: decode-train {NET}/conv1/sub-01/V1: ");
    assert!(listed.starts_with(&line), "{listed}");
    let value = env.run(["status", "--failed", "--json"]).status(1).json();
    assert_eq!(value["failures"].as_array().unwrap().len(), 4);
    assert_eq!(value["failures"][0]["stage"], "decode-train");
    // Somebody tries one of them again now, somebody else died of another.
    let worker = worker(&env);
    let held = claim(&worker, FIRST);
    dead_claim(&env, Item("conv1", "sub-02", "V1"), 1);
    dead_claim(&env, Item("conv1", "sub-02", "V1"), 2);
    claim(&worker, Item("conv1", "sub-02", "HVC"))
        .fail()
        .unwrap();
    env.run(["status", "--retry-failed"])
        .ok()
        .stdout_contains("3 items will be tried again");
    let units = fs::read_dir(env.path("data/.bhscore/units")).unwrap();
    assert_eq!(units.count(), 1);
    env.has(format!("{}/failed.json", FIRST.decoder()));
    drop(held);
    assert_eq!(numbers(&train_row(&env)), [4, 0, 0, 1, 3]);
    let value = env.run(["status", "--retry-failed", "--json"]).ok().json();
    assert_eq!(value, json!({ "forgotten": 1 }));
    assert_eq!(numbers(&train_row(&env)), [4, 0, 0, 0, 4]);
}

#[test]
fn what_too_many_died_of_is_tried_again_when_that_is_wished() {
    let env = TestEnv::small();
    for attempt in 1..=Lease::default().attempts {
        dead_claim(&env, FIRST, attempt);
    }
    env.run(["status"]).status(1).stdout_contains("given up");
    env.run(["status", "--retry-failed"])
        .ok()
        .stdout_contains("1 items");
    env.train().ok().stderr_contains("8 computed");
}

#[test]
fn watching_ends_when_everything_is_done() {
    let env = TestEnv::finished();
    let once = env.run(["status"]).ok().stdout.clone();
    assert_eq!(env.run(["status", "--watch"]).ok().stdout, once);
    let record = env.path(FIRST.accuracy()).join("record.json");
    let aside = env.path("record.json");
    fs::rename(&record, &aside).unwrap();
    fs::remove_file(env.path(FIRST.accuracy()).join("accuracy.mat")).unwrap();
    let mut child = spawn(&mut env.command(["status", "--watch", "0.1", "--json"]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let value: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(numbers(&value["stages"][1]), [7, 0, 0, 0, 1]);
    }
    env.predict().ok();
    let last = lines.last().unwrap().unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(numbers(&last["stages"][1]), [8, 0, 0, 0, 0]);
    assert!(child.wait().unwrap().success());
}

#[test]
fn watching_is_interrupted_with_status_1() {
    let env = TestEnv::small();
    let mut child = spawn(&mut env.command(["status", "--watch", "0.1"]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let text: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(!text.concat().contains('\u{1b}'));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn odd_calls_are_refused() {
    let env = TestEnv::small();
    let calls: [&[&str]; 4] = [
        &["--watch", "0"],
        &["--watch", "-1"],
        &["--watch", "--failed"],
        &["--failed", "--retry-failed"],
    ];
    for call in calls {
        let run: Run = env.run([&["status"], call].concat());
        run.status(2);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_reason_is_told_once_however_many_items_it_fails() {
    let env = TestEnv::small();
    damaged(&env);
    let run = env.train();
    let stderr = &run.status(2).stderr;
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains(": failed: "))
        .collect();
    let [at_once, at_end] = lines[..] else {
        panic!("{stderr}");
    };
    assert!(at_once.starts_with("[1/8] "), "{stderr}");
    let summary = format!("decode-train {NET}/conv1/sub-01/V1 and 3 more: failed: ");
    assert!(at_end.starts_with(&summary), "{stderr}");
}
