//! A bad call of every command: exit status 2, a message that names what is wrong, nothing on stdout.

use std::fs;

use crate::env::{Run, TestEnv, program, run};
use crate::usage::COMMANDS;

/// A command, bad arguments of its own kind, and what the message names. Relative paths are below the folder of
/// [`folder`]; nothing else is there, no study either.
const CALLS: [(&[&str], &[&str], &str); 47] = [
    (&[], &[], "Usage: bhscore"),
    (&[], &["frobnicate"], "'frobnicate'"),
    (&[], &["--memory", "much", "status"], "memory `much`"),
    (&[], &["--threads", "0", "status"], "'--threads <N>'"),
    (&["demo"], &["full"], "`full`"),
    (&["demo"], &["full/file"], "`full/file"),
    (
        &["extract"],
        &["--net", "x"],
        "`./settings.json`: there is no such file",
    ),
    (
        &["extract"],
        &[
            "--model", "no.onnx", "--images", "full", "--out", "o", "--layers", "a",
        ],
        "`no.onnx`",
    ),
    (
        &["extract"],
        &["--net", "x", "--units", "some"],
        "units `some`",
    ),
    (&["decode-train"], &["--net", "x"], "`./settings.json`"),
    (
        &["decode-train"],
        &["--net", "x", "--shard", "3/2"],
        "shard `3/2`",
    ),
    (&["decode-predict"], &["--net", "x"], "`./settings.json`"),
    (&["encode-train"], &["--net", "x"], "`./settings.json`"),
    (&["encode-predict"], &["--net", "x"], "`./settings.json`"),
    (&["compute"], &["-C", "gone"], "`gone/settings.json`"),
    (
        &["compute"],
        &["--layer-sampling", "some"],
        "`./settings.json`",
    ),
    (&["run"], &["--net", "x"], "`./settings.json`"),
    (&["run"], &["--net", "x", "--stage", "score"], "'score'"),
    (&["slurm"], &["--net", "x"], "`./settings.json`"),
    (
        &["slurm"],
        &["--net", "x", "--time", "soon"],
        "time limit `soon`",
    ),
    (&["status"], &["-C", "gone"], "`gone/settings.json`"),
    (&["status"], &["--watch", "soon"], "'soon'"),
    (&["inspect"], &["no.mat"], "`no.mat`"),
    (&["inspect"], &["full/file"], "`full/file`"),
    (&["settings"], &["--settings", "no.json"], "`no.json`"),
    (&["settings"], &["--settings", "full/file"], "`full/file`"),
    (&["settings"], &["--draft"], "fmri"),
    (&["ridge"], &["frobnicate"], "'frobnicate'"),
    (
        &["ridge", "fit"],
        &["--x", "no.npy", "--y", "no.npy", "--out", "m"],
        "`no.npy`",
    ),
    (
        &["ridge", "fit"],
        &["--x", "full/file", "--y", "no.npy", "--out", "m"],
        "`full/file`",
    ),
    (
        &["ridge", "predict"],
        &["--model", "full", "--x", "no.npy", "--out", "p.npy"],
        "`no.npy`",
    ),
    (
        &["score"],
        &["--features", "no.npy", "--brain", "no.nc"],
        "`no.nc`",
    ),
    (&["score"], &[], "`--net`"),
    (&["score"], &["--metric", "r2"], "'r2'"),
    (
        &["commit"],
        &["--features", "no.npy", "--brain", "no.nc"],
        "`no.nc`",
    ),
    (
        &["readout"],
        &["--features", "no.npy", "--labels", "no.csv"],
        "`no.csv`",
    ),
    (
        &["properties"],
        &[
            "--model",
            "no.onnx",
            "--layer",
            "a",
            "--visual-degrees",
            "8",
        ],
        "`no.onnx`",
    ),
    (&["check"], &["damaged.zip"], "`damaged.zip`"),
    (&["pack"], &["full"], "--out"),
    (&["relate"], &["no.csv", "--x", "a", "--y", "b"], "`no.csv`"),
    (
        &["train"],
        &["--model", "Q", "--data-path", "full", "-o", "out"],
        "'Q'",
    ),
    (&["tree"], &["no.json"], "`no.json`"),
    (&["tree"], &["full/file"], "`full/file`"),
    (&["report"], &["--results", "gone"], "`gone`"),
    (&["completions"], &["dash"], "'dash'"),
    (&["man"], &["--out", "full/file/man1"], "`full/file/man1`"),
    (&["man"], &["1"], "'1'"),
];

/// A folder with a file in a folder, and an archive that is none.
fn folder() -> TestEnv {
    let env = TestEnv::empty();
    fs::create_dir(env.path("full")).unwrap();
    fs::write(env.path("full/file"), "a line of text\n").unwrap();
    fs::write(env.path("damaged.zip"), "PK").unwrap();
    env
}

#[test]
fn bad_input_of_every_command_is_named() {
    let env = folder();
    for (command, args, named) in CALLS {
        let mut call = program();
        call.current_dir(env.root()).args(command).args(args);
        let run = Run::of(call);
        run.status(2).stderr_contains(named);
        assert_eq!(run.stdout, "", "{run}");
        let begin = ["bhscore: error: ", "error: "].map(|begin| run.stderr.starts_with(begin));
        // Without anything the program says what it can do.
        assert!(begin.contains(&true) || args.is_empty(), "{run}");
    }
}

#[test]
fn every_command_has_a_bad_call() {
    for command in COMMANDS {
        let has_call = CALLS.iter().any(|(called, _, _)| *called == command);
        assert!(has_call, "no bad call of {command:?}");
    }
}

#[test]
fn options_that_are_not_there_are_named() {
    for command in COMMANDS {
        let run = run([command, &["--frobnicate"]].concat());
        run.status(2).stderr_contains("'--frobnicate'");
        assert_eq!(run.stdout, "", "{run}");
    }
}
