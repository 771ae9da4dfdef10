//! Colours: on terminals only, and not where `NO_COLOR` is set.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::env::{Run, TestEnv, program, spawn};
use crate::items::NET;
use crate::usage::COMMANDS;

const ESCAPE: char = '\u{1b}';

/// The variables that say whether there may be colours, and how they are set.
const WISHES: [&[(&str, &str)]; 3] = [&[], &[("NO_COLOR", "1")], &[("TERM", "xterm-256color")]];

/// The program where nothing but `wish` speaks of colours.
fn wishing(wish: &[(&str, &str)]) -> Command {
    let mut command = program();
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"] {
        command.env_remove(name);
    }
    command.envs(wish.iter().copied());
    command
}

#[test]
fn without_a_terminal_nothing_has_escape_codes() {
    let env = TestEnv::finished();
    let calls: [&[&str]; 9] = [
        &["frobnicate"],
        &["ridge", "fit", "--x"],
        &["decode-train", "--net", "ringet"],
        &["decode-train", "--net", NET, "--force", "-v"],
        &["compute"],
        &["status"],
        &["settings"],
        &["inspect", "settings.json"],
        &["report"],
    ];
    for wish in WISHES {
        let helps = COMMANDS.map(|command| [command, &["--help"]].concat());
        for call in helps.iter().map(Vec::as_slice).chain(calls) {
            let mut command = wishing(wish);
            command.arg("-C").arg(env.root()).args(call);
            let run = Run::of(command);
            let text = format!("{}{}", run.stdout, run.stderr);
            assert!(!text.is_empty() && !text.contains(ESCAPE), "{wish:?} {run}");
        }
    }
}

/// What the program writes to a terminal, stdout and stderr.
fn on_a_terminal(wish: &[(&str, &str)], args: &[&str]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    let inside = options.read(true).write(true).open(name.to_str().unwrap());
    let inside = inside.unwrap();
    let mut command = wishing(&[wish, &[("TERM", "xterm-256color")]].concat());
    command
        .args(args)
        .stdout(inside.try_clone().unwrap())
        .stderr(inside);
    let mut child = spawn(&mut command);
    // The last end inside that is not the program's.
    drop(command);
    let mut bytes = Vec::new();
    // When the program has ended, reading fails: that is the end.
    let _ = File::from(terminal).read_to_end(&mut bytes);
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether a text has codes that set colours or weights: `ESC [ … m`.
fn is_coloured(text: &str) -> bool {
    text.split(ESCAPE).skip(1).any(|after| {
        let code = after.strip_prefix('[').unwrap_or_default();
        let is_end = |c: char| !c.is_ascii_digit() && c != ';';
        code.find(is_end)
            .is_some_and(|end| code[end..].starts_with('m'))
    })
}

#[test]
fn colours_of_a_terminal_can_be_turned_off() {
    for args in [&["--help"][..], &["frobnicate"], &["score", "--help"]] {
        let coloured = on_a_terminal(&[], args);
        assert!(is_coloured(&coloured), "{args:?}: {coloured}");
        let plain = on_a_terminal(&[("NO_COLOR", "1")], args);
        assert!(
            !plain.is_empty() && !is_coloured(&plain),
            "{args:?}: {plain}"
        );
    }
}

/// A bar moves the cursor; it has no colours either way.
#[test]
fn bars_are_drawn_without_colours_where_none_are_wanted() {
    let env = TestEnv::small();
    let study = env.root().to_str().unwrap();
    let args = ["-C", study, "decode-train", "--net", NET];
    let plain = on_a_terminal(&[("NO_COLOR", "1")], &args);
    assert!(plain.contains("items") && !is_coloured(&plain), "{plain:?}");
}
