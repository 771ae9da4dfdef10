//! Help, exit status, and the shapes that scripts rely on.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::env::{Run, TestEnv, program, run, spawn};
use crate::items::{Item, NET, items};

/// Every command with its subcommands.
pub const COMMANDS: [&[&str]; 28] = [
    &[],
    &["demo"],
    &["extract"],
    &["decode-train"],
    &["decode-predict"],
    &["encode-train"],
    &["encode-predict"],
    &["compute"],
    &["run"],
    &["slurm"],
    &["status"],
    &["inspect"],
    &["settings"],
    &["ridge"],
    &["ridge", "fit"],
    &["ridge", "predict"],
    &["score"],
    &["commit"],
    &["readout"],
    &["properties"],
    &["check"],
    &["pack"],
    &["relate"],
    &["train"],
    &["tree"],
    &["report"],
    &["completions"],
    &["man"],
];

#[test]
fn help_of_every_command_is_as_committed() {
    for command in COMMANDS {
        let help = run([command, &["--help"]].concat());
        assert_eq!(help.ok().stderr, "");
        let name = [&["help"], command].concat().join("_");
        insta::assert_snapshot!(name, help.stdout);
    }
}

#[test]
fn help_lists_every_command() {
    let mut listed = vec![Vec::new()];
    listed.extend(commands_below(&[]));
    assert_eq!(listed, COMMANDS);
}

/// The commands that the help of `command` lists, and theirs.
fn commands_below(command: &[String]) -> Vec<Vec<String>> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let help = run([&words[..], &["--help"]].concat());
    let lines = help.ok().stdout.lines();
    let listed = lines.skip_while(|line| *line != "Commands:").skip(1);
    let names = listed
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help");
    names
        .flat_map(|name| {
            let inner = [command, &[name.to_owned()]].concat();
            let below = commands_below(&inner);
            [vec![inner], below].concat()
        })
        .collect()
}

#[test]
fn shells_and_man_know_every_command() {
    let listed = ["decode-train", "score", "--study"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(["completions", shell]);
        listed.iter().for_each(|name| {
            // Fish spells options without their dashes.
            script.ok().stdout_contains(name.trim_start_matches('-'));
        });
    }
    let version = run(["--version"]).ok().stdout.trim_end().to_owned();
    run(["man"])
        .ok()
        .stdout_contains(&format!(".TH bhscore 1  \"{version}\""))
        .stdout_contains("bhscore\\-decode\\-train(1)");
    let env = TestEnv::empty();
    let folder = env.path("man1");
    run(["man", "--out", folder.to_str().unwrap()]).ok();
    env.has("man1/bhscore.1").has("man1/bhscore-ridge-fit.1");
    let page = std::fs::read_to_string(folder.join("bhscore-decode-train.1")).unwrap();
    assert!(
        page.contains("Examples:") && page.contains("\\-\\-shard"),
        "{page}"
    );
    // Every page is the program's, not a command's.
    let title = format!(".TH bhscore-decode-train 1  \"{version}\"");
    assert!(page.contains(&title), "{page}");
}

#[test]
fn version_tells_program_and_commit() {
    let text = run(["--version"]).ok().stdout.clone();
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.starts_with(&format!("bhscore {version}")), "{text}");
    let commit = text
        .trim_end()
        .strip_prefix(&format!("bhscore {version}"))
        .unwrap();
    let hexadecimal = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let is_commit = |text: &str| {
        text.strip_prefix(" (")
            .and_then(|t| t.strip_suffix(')'))
            .is_some_and(hexadecimal)
    };
    assert!(commit.is_empty() || is_commit(commit), "{text}");
    run(["decode-train", "--version"]).ok();
}

#[test]
fn bad_usage_has_status_2_and_speaks_on_stderr_only() {
    let calls: [&[&str]; 8] = [
        &[],
        &["frobnicate"],
        &["decode-train"],
        &["decode-train", "--net"],
        &["compute", "--frobnicate"],
        &["ridge"],
        &["ridge", "fit", "--x", "x.npy"],
        &[
            "ridge", "fit", "--x", "x.npy", "--y", "y.npy", "--out", "m", "--dtype", "f16",
        ],
    ];
    for call in calls {
        let run = run(call.to_vec());
        run.status(2).stderr_contains("--help");
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn exit_status_tells_done_from_undone_from_failed() {
    let env = TestEnv::small();
    env.run(["status"]).status(1);
    env.run(["decode-predict", "--net", NET])
        .status(2)
        .stderr_contains("decode-train");
    env.run(["compute"])
        .status(2)
        .stderr_contains("run `bhscore run --net");
    env.run(["run", "--net", NET]).status(0);
    env.run(["status"]).status(0);
    env.run(["compute"]).status(0);
}

#[test]
fn an_error_is_told_once() {
    let text = run(["-C", "no-such-study", "status"])
        .status(2)
        .stderr
        .clone();
    assert_eq!(text.matches("no such file").count(), 1, "{text}");
    assert!(
        text.starts_with("bhscore: error: `no-such-study/settings.json`: there is no such file"),
        "{text}"
    );
    assert!(text.contains("settings --draft"), "{text}");
}

#[test]
fn scores_have_the_promised_shape() {
    let env = TestEnv::finished();
    let run = env.run(["compute", "--json"]);
    let printed = run.ok().json();
    assert_eq!(run.stdout.lines().count(), 1);
    let same =
        |a: &Value, b: &Value| a["networks"] == b["networks"] && a["settings"] == b["settings"];
    assert!(same(&printed, &env.results()));
    assert_eq!(
        keys(&printed),
        [
            "networks",
            "comparison",
            "settings",
            "provenance",
            "ceilings"
        ]
    );
    let network = &printed["networks"][0];
    assert_eq!(
        keys(network),
        [
            "name",
            "net",
            "sure",
            "decoding",
            "encoding",
            "encoding_reason",
            "average",
            "place"
        ]
    );
    assert_eq!(
        (&network["name"], &network["net"]),
        (&json!("ringnet"), &json!(NET))
    );
    let published = |half: &str| network[half]["published"].as_f64().unwrap();
    let mean = (published("decoding") + published("encoding")) / 2.0;
    assert!((published("average") - mean).abs() < 1e-12);
    assert!(network["sure"].is_null(), "it was not asked for");
    let decoding = &network["decoding"];
    for key in ["published", "textbook"] {
        assert!(decoding[key].is_f64(), "{key}");
    }
    assert_eq!(decoding["n_items"], 160);
    assert!(decoding["n_selected"].is_u64());
    // 40 test images, not the 50 of the published rule.
    assert!(
        decoding["warnings"][0]
            .as_str()
            .unwrap()
            .contains("48 degrees of freedom")
    );
    assert!(run.stderr.contains("48 degrees") || printed.to_string().contains("48 degrees"));
    let program = printed["provenance"]["program"].as_str().unwrap();
    assert!(program.starts_with("bhscore "), "{program}");
    for file in [
        "bhscore.csv",
        "bhscore.json",
        "accuracy_summary.csv",
        "units.parquet",
        "voxels.parquet",
        "report.html",
        "ranking.svg",
        "ranking.png",
    ] {
        env.has(format!("results/{file}"));
    }
}

#[test]
fn run_ends_with_what_compute_prints() {
    let env = TestEnv::small();
    let run = env.run(["run", "--net", NET, "--json"]);
    let compute = env.run(["compute", "--json", "-q"]);
    assert_eq!(compute.ok().stderr, "");
    assert_eq!(run.ok().json()["networks"], compute.json()["networks"]);
    let table = env.run(["compute", "-q"]);
    assert_eq!(
        env.run(["run", "--net", NET, "-q"]).ok().stdout,
        table.ok().stdout
    );
}

/// A score that cannot be taken is null with a reason.
#[test]
fn undefined_scores_are_null_with_a_reason() {
    let env = TestEnv::finished();
    for item in items(|_| true) {
        let path = env.path(item.accuracy()).join("accuracy.mat");
        let n = if item.0 == "conv1" { 60 } else { 20 };
        let bytes = bhscore::io::mat::encode_f32("accuracy", &[1, n], &vec![-0.5; n]);
        fs::write(path, bytes).unwrap();
    }
    let run = env.run(["compute", "--json"]);
    let decoding = run.ok().json()["networks"][0]["decoding"].clone();
    assert_eq!(
        (&decoding["published"], &decoding["textbook"]),
        (&Value::Null, &Value::Null)
    );
    assert!(!decoding["reason"].as_str().unwrap().is_empty());
    assert_eq!(decoding["n_selected"], 0);
}

#[test]
fn one_network_without_accuracies_does_not_hide_the_others() {
    let env = TestEnv::finished();
    env.edit_settings(|settings| {
        settings["dnns"]["later"] = json!({ "dir": "synth/later", "layers": ["a", "b"] });
    });
    let run = env.run(["compute", "--json"]);
    run.status(1).stderr_contains(
        "1 networks of the settings have no accuracies and are left out: synth/later",
    );
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    let networks = value["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 1);
    assert!(networks[0]["decoding"]["published"].is_f64());
    env.run(["compute", "--dnn", "ringnet"])
        .ok()
        .stderr_lacks("scores all");
    env.run(["compute", "--net", "later"]).status(2);
    // One that is there in part has failed, and is shown so.
    fs::create_dir_all(env.path("data/decoding_accuracy/ImageNetTest/synth/later/a/sub-01/V1"))
        .unwrap();
    let accuracy = Item("fc6", "sub-01", "V1").accuracy();
    fs::copy(
        env.path(accuracy).join("accuracy.mat"),
        env.path("data/decoding_accuracy/ImageNetTest/synth/later/a/sub-01/V1/accuracy.mat"),
    )
    .unwrap();
    let run = env.run(["compute", "--json"]);
    run.status(2).stderr_contains("synth/later: failed");
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["networks"][1]["decoding"], Value::Null);
    env.run(["compute", "--dnn", "ringnet"])
        .ok()
        .stderr_contains("results are of the networks that were named only");
}

#[test]
fn status_has_the_promised_shape() {
    let env = TestEnv::small();
    env.run(["decode-train", "--net", NET, "--layer", "fc6"])
        .ok();
    fs::remove_file(
        env.path(Item("fc6", "sub-01", "V1").decoder())
            .join("record.json"),
    )
    .unwrap();
    let run = env.run(["status", "--json"]);
    let value = run.status(1).json();
    assert_eq!(keys(&value), ["stages", "progress", "holders"]);
    let counts = |stage: &str, done: usize, foreign: usize, missing: usize| {
        json!({
            "stage": stage, "net": NET, "done": done, "foreign": foreign, "running": 0, "stale": 0,
            "failed": 0, "missing": missing, "failures": [],
        })
    };
    let expected = [
        counts("decode-train", 4, 1, 4),
        counts("decode-predict", 0, 0, 8),
    ];
    let mut stages = value["stages"].clone();
    for stage in stages.as_array_mut().unwrap() {
        // They depend on the time.
        let stage = stage.as_object_mut().unwrap();
        for pace in ["items_per_minute", "seconds_left"] {
            let pace = stage.remove(pace).unwrap();
            assert_eq!(pace.is_f64(), stage["stage"] == "decode-train");
        }
    }
    assert_eq!(stages, json!(expected));
    let text = env.run(["status"]).status(1).stdout.clone();
    let words: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words[0],
        [
            "network", "stage", "done", "foreign", "running", "stale", "failed", "missing"
        ]
    );
    assert_eq!(
        words[1],
        [NET, "decode-train", "3", "1", "0", "0", "0", "4"]
    );
}

#[test]
fn layer_sampling_is_exact_unless_asked_otherwise() {
    let env = TestEnv::finished();
    let score = |args: &[&str]| {
        let run = env.run([&["compute", "--json"], args].concat());
        run.ok().json()["networks"][0]["decoding"]["published"].clone()
    };
    // Two layers have one subset.
    assert_eq!(score(&[]), score(&["--layer-sampling", "all"]));
    assert_eq!(
        score(&["--layer-sampling", "random:7"]),
        score(&["--layer-sampling", "random:3", "--seed", "9"])
    );
    env.run(["compute", "--layer-sampling", "some"])
        .status(2)
        .stderr_contains("`exact`, `random:K`");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let env = TestEnv::finished();
    let calls: [&[&str]; 6] = [
        &["settings"],
        &["status"],
        &["compute", "--json"],
        &["compute"],
        &["decode-train", "--net", NET, "--dry-run"],
        &["--help"],
    ];
    for call in calls {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = env.command(call.to_vec());
        command.stdout(writer);
        let mut child = spawn(&mut command);
        drop(command);
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{call:?}: {stderr}");
        assert!(
            !stderr.contains("panicked") && !stderr.contains("error"),
            "{call:?}: {stderr}"
        );
    }
    env.has("results/report.html");
}

/// Nobody listening to what is said does not stop the work.
#[test]
fn a_closed_stderr_does_not_stop_the_work() {
    let env = TestEnv::small();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = env.command(["run", "--net", NET, "-v"]);
    command.stderr(writer);
    assert!(
        spawn(&mut command)
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn stdout_holds_results_only() {
    let env = TestEnv::small();
    for stage in ["decode-train", "decode-predict"] {
        assert_eq!(env.run([stage, "--net", NET, "-v"]).ok().stdout, "");
    }
    let compute = env.run(["compute"]);
    let table = &compute.ok().stdout;
    assert!(
        table.starts_with("network") && table.contains("ringnet"),
        "{table}"
    );
    assert!(!compute.stderr.is_empty());
    // Without a terminal there is neither colour nor a bar.
    for text in [table, &compute.stderr, &env.run(["frobnicate"]).stderr] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

/// The program is found by its users in folders with other letters, too.
#[test]
fn study_folders_may_have_any_name() {
    let parent = TestEnv::empty();
    for name in ["mit Leerzeichen", "脳", "a'b\"c", "-dash"] {
        let study = parent.path(name);
        crate::env::copy(TestEnv::small().root(), &study);
        let mut command = program();
        command.arg("-C").arg(&study).args(["run", "--net", NET]);
        Run::of(command).ok();
        assert!(study.join("results/report.html").exists());
    }
    // Nor need it be text.
    let study = parent.path(OsStr::from_bytes(b"\xff\xfe"));
    crate::env::copy(TestEnv::finished().root(), &study);
    let mut command = program();
    command.arg("-C").arg(&study).arg("compute");
    Run::of(command).ok();
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}
