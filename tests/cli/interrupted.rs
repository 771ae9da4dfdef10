//! Runs that are killed or stopped: the next run completes them, to the last byte.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::env::{Run, TestEnv, clean, files, program, same_files, spawn};
use crate::items::{Item, NET};

/// Times a stage is killed before it may end.
const KILLS: u32 = 6;

/// Kills a stage again and again, each time some items and a moment further, then lets it end.
///
/// A claim that was made and not yet written when its process was killed is nobody's for a lease, so leases are short.
fn kill_again_and_again(env: &TestEnv, stage: &str, seed: u32, items: f64) {
    let lease =
        serde_json::json!({ "lease_seconds": 0.6, "heartbeat_seconds": 0.2, "attempts": 100 });
    env.edit_settings(|settings| settings["work"] = lease);
    let mut n_killed = 0;
    for attempt in 0..KILLS {
        // Golden section: parts that are spread evenly and never repeat.
        let part = f64::from(seed + attempt) * 0.618_033_988_75 % 1.0;
        let mut child = spawn(&mut env.command([stage, "--net", NET]));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let wanted = (part * items) as usize;
        // Fewer where the run ends before.
        stderr.lines().take(wanted).for_each(drop);
        // An item takes a few milliseconds.
        sleep(Duration::from_micros((part * 1e6) as u64 % 8000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        n_killed += usize::from(!status.success());
    }
    assert!(n_killed > 0, "every run ended before it was killed");
    let last: &[&str] = match stage {
        "run" => &["run", "--net", NET],
        stage => &[stage, "--net", NET, "--wait"],
    };
    env.run(last.iter().copied()).ok();
    env.has_no_temporary_files();
}

#[test]
fn killed_training_is_completed_to_the_same_bytes() {
    for seed in [1, 100] {
        let env = TestEnv::golden();
        kill_again_and_again(&env, "decode-train", seed, 12.0);
        env.predict().ok();
        env.neighbours_are_unchanged(&[]);
    }
}

#[test]
fn killed_prediction_is_completed_to_the_same_bytes() {
    for seed in [1, 100] {
        let env = TestEnv::golden();
        env.train().ok();
        kill_again_and_again(&env, "decode-predict", seed, 12.0);
        env.neighbours_are_unchanged(&[]);
        env.run(["status"]).ok();
    }
}

#[test]
fn a_killed_run_of_everything_is_completed_to_the_same_scores() {
    let env = TestEnv::golden();
    kill_again_and_again(&env, "run", 7, 40.0);
    env.neighbours_are_unchanged(&[]);
    let undisturbed = TestEnv::golden();
    undisturbed.run(["run", "--net", NET]).ok();
    assert_eq!(env.results()["networks"], undisturbed.results()["networks"]);
}

/// Records of the old settings must not vouch for files of the new ones.
#[test]
fn settings_that_were_tried_and_put_back_leave_no_trace() {
    let env = TestEnv::small();
    env.decode();
    for attempt in 1..6 {
        env.edit_settings(|settings| settings["decoding"]["alpha"] = 7.into());
        let mut child = spawn(&mut env.command(["run", "--net", NET]));
        sleep(Duration::from_millis(9 * attempt));
        child.kill().unwrap();
        child.wait().unwrap();
        env.edit_settings(|settings| settings["decoding"]["alpha"] = 100.into());
        env.decode();
        env.neighbours_are_unchanged(&[]);
    }
}

/// The moment between two renames, made by hand.
#[test]
fn an_item_that_was_killed_while_it_was_published_is_not_taken_for_the_originals() {
    let env = TestEnv::finished();
    let item = Item("fc6", "sub-01", "V1");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let host: String = host.trim().chars().map(letter).collect();
    // The largest process id that Linux gives out is 4194303.
    let unfinished = |name: &str| format!(".{name}.{host}-4194304-00000000000000aa.tmp");
    for (folder, name) in [
        (item.decoder(), "b.mat"),
        (item.accuracy(), "pattern_correlation.mat"),
    ] {
        let folder = env.path(folder);
        for name in ["record.json", name] {
            fs::rename(folder.join(name), folder.join(unfinished(name))).unwrap();
        }
    }
    let image = env.images(crate::edit::Half::Test, "fc6")[3].clone();
    let decoded = env.path(item.decoded());
    let name = format!("{image}.mat");
    fs::rename(decoded.join(&name), decoded.join(unfinished(&name))).unwrap();
    env.train()
        .ok()
        .stderr_contains("1 computed, 7 done before");
    env.predict()
        .ok()
        .stderr_contains("1 computed, 7 done before");
    env.neighbours_are_unchanged(&[]);
    env.has_no_temporary_files();
}

#[test]
fn a_stopped_run_ends_with_whole_items_and_status_1() {
    for signal in [Signal::TERM, Signal::INT] {
        for stage in ["decode-train", "decode-predict", "run"] {
            stop_and_continue(stage, signal);
        }
    }
}

fn stop_and_continue(stage: &str, signal: Signal) {
    // A machine that stands still for a moment may end the run before the signal comes.
    for _ in 0..5 {
        let env = TestEnv::golden();
        if stage == "decode-predict" {
            env.train().ok();
        }
        let run = stop(&env, stage, signal);
        if run.status == Some(0) {
            continue;
        }
        run.status(1)
            .stderr_contains("stopping when the present piece of work is done")
            .stderr_contains("run the same command again to continue");
        env.has_no_temporary_files();
        let found = env.artifacts();
        let expected = clean().iter().filter(|(path, _)| found.contains_key(*path));
        same_files(&found.iter().collect(), &expected.collect());
        env.run(["status"]).status(1);
        env.run([stage, "--net", NET])
            .ok()
            .stderr_contains("done before");
        env.predict().ok();
        env.neighbours_are_unchanged(&[]);
        return;
    }
    panic!("{stage} could not be stopped before its end");
}

/// Starts a stage and sends the signal when the fifth item is computed.
fn stop(env: &TestEnv, stage: &str, signal: Signal) -> Run {
    let mut command = env.command([stage, "--net", NET, "-j", "1"]);
    let mut child = spawn(&mut command);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("[5/60]") && stderr.read_line(&mut said).unwrap() > 0 {}
    kill_process(Pid::from_child(&child), signal).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let mut run = Run::from_output(format!("{command:?}"), child.wait_with_output().unwrap());
    run.stderr = said;
    run
}

#[test]
fn a_killed_demo_is_completed() {
    let mut env = TestEnv::empty();
    let demo = |env: &TestEnv| {
        let mut command = program();
        command.arg("demo").arg(env.root());
        command
    };
    let moments = [
        "training and 50 test",
        "fMRI of `sub-02`",
        "`synth/reversed`",
        "`synth/shuffled`",
    ];
    for (attempt, moment) in moments.into_iter().enumerate() {
        let mut child = spawn(&mut demo(&env));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let seen = stderr.lines().any(|line| line.unwrap().contains(moment));
        sleep(Duration::from_millis(3 + 2 * attempt as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen, "{moment}");
    }
    Run::of(demo(&env)).ok();
    env.has_no_temporary_files();
    let after_kills = std::mem::replace(&mut env, TestEnv::empty());
    Run::of(demo(&env)).ok();
    let undisturbed = |env: &TestEnv| -> Vec<(PathBuf, Vec<u8>)> {
        let folders = ["data/images", "data/fmri", "data/features"];
        let paths = folders.iter().flat_map(|folder| files(&env.path(folder)));
        paths
            // Has the times of the images, like a record.
            .filter(|path| !path.ends_with("extract.json"))
            .map(|path| {
                (
                    path.strip_prefix(env.root()).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                )
            })
            .collect()
    };
    assert!(undisturbed(&after_kills) == undisturbed(&env));
    assert!(after_kills.artifacts() == env.artifacts());
}

#[test]
fn several_programs_on_one_folder_give_the_same_bytes() {
    let env = TestEnv::small();
    let mut children: Vec<_> = (0..3)
        .map(|_| spawn(&mut env.command(["run", "--net", NET, "-j", "1"])))
        .collect();
    for child in children.drain(..) {
        let run = Run::from_output("one of three".to_owned(), child.wait_with_output().unwrap());
        run.ok();
    }
    env.neighbours_are_unchanged(&[]);
    env.has_no_temporary_files();
    env.run(["compute"]).ok();
}
