//! The scripts that `slurm` writes, how it hands them to sbatch, and what a job's variables do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bhscore::io::atomic;
use serde_json::Value;

use crate::env::{Run, TestEnv, copy, no_start, program, spawn};
use crate::items::NET;

/// Writes scripts for a program at a fixed path, and says where.
fn write(env: &TestEnv, options: &[&str]) -> Run {
    let fixed = ["slurm", "--net", NET, "--program", "/opt/bin/bhscore"];
    env.run([&fixed, options].concat())
}

/// A script with the study's path replaced by a fixed one.
fn script(env: &TestEnv, name: &str) -> String {
    let text = fs::read_to_string(env.path("slurm").join(name)).unwrap();
    text.replace(env.root().to_str().unwrap(), "/study")
}

/// All scripts of a study are scripts.
#[track_caller]
fn bash_accepts(folder: &Path) {
    let mut n = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let mut bash = Command::new("bash");
            bash.arg("-n").arg(&path);
            assert!(spawn(&mut bash).wait().unwrap().success(), "{path:?}");
            n += 1;
        }
    }
    assert!(n >= 3, "{n} scripts");
}

/// Writes a script that can be run. A process that is started meanwhile would hold it open for writing.
fn executable(path: &Path, text: &str) {
    let _guard = no_start();
    atomic::write(path, text.as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A program called `sbatch`, in a folder of its own, that writes its arguments, tab-separated, to `calls`.
fn fake_sbatch(env: &TestEnv, answer: &str) -> String {
    let folder = env.path("fake");
    let calls = env.path("calls");
    let text = format!(
        "#!/bin/bash\nprintf '%s\\t' \"$@\" >>'{calls}'\necho >>'{calls}'\nn=$(wc -l <'{calls}')\n{answer}\n",
        calls = calls.display()
    );
    executable(&folder.join("sbatch"), &text);
    let before = std::env::var("PATH").unwrap();
    format!("{}:{before}", folder.display())
}

fn submit(env: &TestEnv, path: &str, options: &[&str]) -> Run {
    let mut command = env.command([&["slurm", "--net", NET, "--submit"], options].concat());
    command.env("PATH", path);
    Run::of(command)
}

/// What the false sbatch was called with.
fn calls(env: &TestEnv) -> Vec<Vec<String>> {
    let root = env.root().to_str().unwrap();
    let text = fs::read_to_string(env.path("calls")).unwrap();
    let words = |line: &str| line.split_terminator('\t').map(str::to_owned).collect();
    text.replace(root, "/study").lines().map(words).collect()
}

#[test]
fn scripts_are_as_committed() {
    let env = TestEnv::small();
    let run = write(&env, &["--array", "64"]);
    run.ok().stderr_contains("submit them with `bash ");
    let scripts = ["work.sbatch", "finish.sbatch"].map(|name| env.path("slurm").join(name));
    let paths: Vec<&str> = scripts.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(run.stdout, paths.join("\n") + "\n");
    env.has("slurm/logs");
    insta::assert_snapshot!("slurm_work", script(&env, "work.sbatch"));
    insta::assert_snapshot!("slurm_finish", script(&env, "finish.sbatch"));
    insta::assert_snapshot!("slurm_submit", script(&env, "submit.sh"));
    bash_accepts(&env.path("slurm"));
}

#[test]
fn every_option_is_in_the_scripts() {
    let env = TestEnv::small();
    let settings = env.path("settings.json");
    let options = [
        "--settings",
        settings.to_str().unwrap(),
        "--per-stage",
        "--shards",
        "--compat",
        "--stage=decode-predict",
        "--stage=decode-train",
        "--array=3",
        "--cpus=2",
        "--mem=900M",
        "--time=5",
        "--partition=short",
        "--account=lab",
        "--sbatch-option=--qos=low",
        "--sbatch-option",
        "--exclude=n[1-2]",
    ];
    write(&env, &options).ok();
    insta::assert_snapshot!("slurm_decode-train", script(&env, "decode-train.sbatch"));
    let submit = script(&env, "submit.sh");
    let order = "in decode-train.sbatch decode-predict.sbatch finish.sbatch;";
    assert!(submit.contains(order), "{submit}");
    bash_accepts(&env.path("slurm"));
    env.lacks("slurm/extract.sbatch");
    env.lacks("slurm/work.sbatch");
}

#[test]
fn shards_of_images_come_before_shards_of_items() {
    let env = TestEnv::small();
    let printed = write(&env, &["--shards", "--json"]).ok().json();
    let names = |value: &Value| -> Vec<Value> {
        let jobs = value["jobs"].as_array().unwrap();
        jobs.iter().map(|job| job["name"].clone()).collect()
    };
    assert_eq!(names(&printed), ["extract", "work", "finish"]);
    assert_eq!(printed["jobs"][1]["after"], "extract");
    assert_eq!(printed["jobs"][1]["tasks"], 8);
    assert_eq!(printed["jobs"][2]["job_id"], Value::Null);
    assert!(!script(&env, "work.sbatch").contains("--stage extract"));
    assert!(script(&env, "work.sbatch").contains("--shard slurm"));
    assert!(!script(&env, "finish.sbatch").contains("--shard"));
    // What is only extracted has no score.
    let printed = write(&env, &["--stage", "extract", "--json"]).ok().json();
    assert_eq!(names(&printed), ["work", "finish"]);
    assert!(script(&env, "finish.sbatch").contains("--no-compute"));
    // Of a whole node the memory is not known here.
    write(&env, &["--mem", "0"]).ok();
    let text = script(&env, "work.sbatch");
    assert!(
        text.contains("#SBATCH --mem=0\n") && !text.contains("--memory"),
        "{text}"
    );
}

#[test]
fn odd_paths_are_quoted() {
    let outer = TestEnv::empty();
    let study = outer.path("it's 100% \"odd\" $HOME `id` #1/study");
    copy(TestEnv::small().root(), &study);
    let bin = outer.path("my bin");
    // A program that says what it was called with.
    let text = "#!/bin/bash\nprintf '%s\\n' \"$@\"\n";
    executable(&bin.join("bh score"), text);
    let mut command = program();
    command.arg("-C").arg(&study).args(["slurm", "--net", NET]);
    command.arg("--program").arg(bin.join("bh score"));
    Run::of(command).ok();
    bash_accepts(&study.join("slurm"));
    let mut bash = Command::new("bash");
    bash.arg(study.join("slurm/work.sbatch"))
        .env("SLURM_CPUS_PER_TASK", "3")
        .env("SLURM_MEM_PER_NODE", "1000")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let run = Run::of(bash);
    let words: Vec<&str> = run.ok().stdout.lines().collect();
    let path = study.to_str().unwrap();
    let expected = [
        "-C",
        path,
        "run",
        "--net",
        NET,
        "--threads",
        "3",
        "--memory",
        "900M",
        "--no-compute",
    ];
    assert_eq!(words, expected);
    let text = fs::read_to_string(study.join("slurm/work.sbatch")).unwrap();
    let log = r#"/it's 100%% \"odd\" $HOME `id` #1/study/slurm/logs"/%x-%A_%a.log"#;
    assert!(text.contains(log), "{text}");
    // What no script can hold.
    let study = outer.path("line\nend");
    copy(TestEnv::small().root(), &study);
    let mut command = program();
    command.arg("-C").arg(&study).args(["slurm", "--net", NET]);
    Run::of(command).status(2).stderr_contains("line end");
    assert!(!study.join("slurm").exists());
}

#[test]
fn bad_options_are_refused() {
    let env = TestEnv::small();
    for (options, text) in [
        (&["--array", "0"] as &[&str], "--array"),
        (&["--mem", "lots"], "16G"),
        (&["--mem", "1.5G"], "16G"),
        (&["--time", "1h"], "24:00:00"),
        (&["--sbatch-option", "qos=x"], "--qos=low"),
        (&["--sbatch-option", "--a\n#SBATCH --b"], "one option"),
        (&["--partition", ""], "--partition"),
        (&["--stage", "compute"], "decode-train"),
        (&["--threads", "3"], "--cpus"),
        (&["--memory", "3G"], "--mem"),
        (&["--logs", "back\\slash"], "--logs"),
        (&["--net", "ringnot"], "ringnot"),
    ] {
        write(&env, options).status(2).stderr_contains(text);
    }
    env.lacks("slurm");
}

#[test]
fn without_sbatch_the_scripts_are_there_and_nothing_is_submitted() {
    let env = TestEnv::small();
    submit(&env, env.root().to_str().unwrap(), &[])
        .status(2)
        .stderr_contains("`sbatch`: is not on the path")
        .stderr_contains("slurm/submit.sh");
    env.has("slurm/work.sbatch").has("slurm/submit.sh");
}

#[test]
fn jobs_are_submitted_in_a_chain() {
    let env = TestEnv::small();
    let path = fake_sbatch(&env, "echo \"$((100 + n));cluster\"");
    let run = submit(
        &env,
        &path,
        &[
            "--per-stage",
            "--stage=decode-train",
            "--stage=decode-predict",
        ],
    );
    let folder = env.path("slurm").display().to_string();
    let expected = [
        "101  {}/decode-train.sbatch",
        "102  {}/decode-predict.sbatch",
        "103  {}/finish.sbatch",
    ];
    let lines: Vec<String> = expected.map(|line| line.replace("{}", &folder)).into();
    assert_eq!(run.ok().stdout, lines.join("\n") + "\n");
    let chain = |job: &str, name: &str| {
        let dependency = format!("--dependency=afterany:{job}");
        let script = format!("/study/slurm/{name}.sbatch");
        [
            "--parsable",
            &dependency,
            "--kill-on-invalid-dep=yes",
            &script,
        ]
        .map(str::to_owned)
    };
    let first = ["--parsable", "/study/slurm/decode-train.sbatch"].map(str::to_owned);
    let submitted = calls(&env);
    assert_eq!(submitted[0], first);
    assert_eq!(submitted[1], chain("101", "decode-predict"));
    assert_eq!(submitted[2], chain("102", "finish"));
    assert_eq!(submitted.len(), 3);
    // The script for the same by hand.
    let mut bash = Command::new("bash");
    bash.arg(env.path("slurm/submit.sh")).env("PATH", &path);
    bash.stdout(std::process::Stdio::piped());
    bash.stderr(std::process::Stdio::piped());
    let by_hand = Run::of(bash);
    assert_eq!(
        by_hand.ok().stdout.lines().next(),
        Some("104 decode-train.sbatch")
    );
    assert_eq!(calls(&env)[5][1], "--dependency=afterany:105");
    let printed = submit(&env, &path, &["--json"]).ok().json();
    assert_eq!(printed["jobs"][1]["job_id"], "108");
}

#[test]
fn what_sbatch_says_is_passed_on() {
    let env = TestEnv::small();
    let path = fake_sbatch(
        &env,
        "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1",
    );
    submit(&env, &path, &["--partition", "x"])
        .status(2)
        .stderr_contains("work.sbatch`: sbatch did not take it: sbatch: error: invalid partition")
        .stderr_lacks("scancel");
    let env = TestEnv::small();
    let path = fake_sbatch(&env, "[ $n = 1 ] || exit 3; echo 7");
    submit(&env, &path, &[])
        .status(2)
        .stderr_contains("exit status: 3")
        .stderr_contains("`scancel 7`");
    let env = TestEnv::small();
    let path = fake_sbatch(&env, "echo nonsense");
    submit(&env, &path, &[])
        .status(2)
        .stderr_contains("`nonsense`");
}

/// Runs a stage as a task of a job.
fn in_job(env: &TestEnv, args: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = env.command(args.iter().copied());
    for (name, value) in variables {
        command.env(format!("SLURM_{name}"), value);
    }
    Run::of(command)
}

#[test]
fn a_task_takes_its_place_in_the_array() {
    let env = TestEnv::small();
    let args = ["decode-train", "--net", NET, "--shard", "slurm"];
    let place = |id| {
        [
            ("ARRAY_TASK_ID", id),
            ("ARRAY_TASK_COUNT", "3"),
            ("ARRAY_TASK_MIN", "5"),
        ]
    };
    for (id, n) in [("5", 2), ("6", 3), ("7", 3)] {
        let run = in_job(&env, &args, &place(id));
        run.ok()
            .stderr_contains(&format!("{n} items: {n} computed"));
    }
    env.train().ok().stderr_contains("8 done before");
    in_job(&env, &args, &place("8"))
        .status(2)
        .stderr_contains("task 8 has no place");
    in_job(&env, &args, &[])
        .status(2)
        .stderr_contains("`SLURM_ARRAY_TASK_ID` is not set")
        .stderr_contains("--shard 2/3");
    let count = [("ARRAY_TASK_ID", "1"), ("ARRAY_TASK_MIN", "1")];
    let args = ["extract", "--net", NET, "--shard", "auto"];
    in_job(&env, &args, &count)
        .status(2)
        .stderr_contains("SLURM_ARRAY_TASK_COUNT");
}

#[test]
fn a_job_bounds_threads_and_memory() {
    let env = TestEnv::small();
    let train = ["decode-train", "--net", NET];
    let nonsense = [("CPUS_PER_TASK", "many")];
    in_job(&env, &train, &nonsense)
        .status(2)
        .stderr_contains("SLURM_CPUS_PER_TASK=many")
        .stderr_contains("--threads");
    // What is typed wins.
    in_job(&env, &[&train[..], &["-j", "1"]].concat(), &nonsense).ok();
    in_job(&env, &["status"], &[("MEM_PER_NODE", "16G")])
        .status(2)
        .stderr_contains("SLURM_MEM_PER_NODE=16G");
    in_job(
        &env,
        &train,
        &[("CPUS_PER_TASK", "1"), ("MEM_PER_NODE", "500")],
    )
    .ok();
}

#[test]
fn the_memory_of_a_job_is_the_bound() {
    use crate::edit::Half::Training;
    let env = TestEnv::small();
    env.edit_samples("sub-01", Training, |samples| {
        let copies = vec![samples.view(); 2_000_000 / (8 * samples.len()) + 1];
        *samples = ndarray::concatenate(ndarray::Axis(0), &copies).unwrap();
    });
    let train = ["decode-train", "--net", NET];
    // 90 % of 2 MB.
    in_job(&env, &train, &[("MEM_PER_NODE", "2")])
        .status(2)
        .stderr_contains("`--memory` allows 2M");
    in_job(
        &env,
        &[&train[..], &["--memory", "1G"]].concat(),
        &[("MEM_PER_NODE", "2")],
    )
    .ok();
}

#[test]
fn run_does_the_stages_that_are_named() {
    let env = TestEnv::small();
    let run = env.run(["run", "--net", NET, "--no-compute"]);
    run.ok().stderr_lacks("no score");
    env.lacks("results").run(["status"]).ok();
    let env = TestEnv::small();
    let run = env.run(["run", "--net", NET, "--stage", "decode-train"]);
    run.ok()
        .stderr_contains("no score")
        .stderr_lacks("decode-predict");
    env.lacks("results").lacks("data/decoding_accuracy");
    let stages = ["--stage", "decode-predict", "--stage", "decode-train"];
    env.run([&["run", "--net", NET], &stages[..]].concat()).ok();
    env.has("results/bhscore.json")
        .lacks("data/feature_encoders");
}
