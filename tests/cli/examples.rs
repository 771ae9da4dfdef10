//! The examples in the help of every command: are there some, whole, and do they parse?

use crate::env::{Run, TestEnv, program, run};
use crate::usage::COMMANDS;

/// They are run where none of their files is there: what has to be wrong is that, and not how they are typed.
#[test]
fn every_command_has_examples_that_parse() {
    let env = TestEnv::empty();
    for command in COMMANDS {
        let help = run([command, &["--help"]].concat());
        let examples = examples(&help.ok().stdout);
        let own = |example: &Vec<String>| {
            let plain: Vec<&str> = example.iter().map(String::as_str).collect();
            let study = usize::from(plain[0] == "-C") * 2;
            plain[study..].starts_with(command)
        };
        assert!(examples.iter().any(own), "no example of {command:?}");
        for mut example in examples {
            // It would make a study and compute it.
            if example[0] == "demo" {
                example.push("--help".to_owned());
            }
            let mut call = program();
            call.current_dir(env.root()).args(example);
            let run = Run::of(call);
            // As messages of the parser begin; our own name the program.
            assert!(!run.stderr.starts_with("error: "), "{run}");
        }
    }
}

/// Arguments of the program in the examples at the end of a help text, each on a line of its own or on several that
/// end in a backslash.
fn examples(help: &str) -> Vec<Vec<String>> {
    let (_, after) = help.split_once("\nExamples:\n").unwrap();
    let after = after.split("\n\n").next().unwrap();
    let lines = after.replace("\\\n      ", "");
    let words = |line: &str| {
        let typed = line
            .strip_prefix("  bhscore ")
            .unwrap_or_else(|| panic!("{line} in {help}"));
        let ours = typed.split(['>', '|']).next().unwrap();
        // The first help says in the same line what its examples do.
        let ours = ours.split("   ").next().unwrap();
        split(ours)
    };
    lines.lines().map(words).collect()
}

/// Words of a line, as a shell sees them: spaces between double quotes are kept.
fn split(line: &str) -> Vec<String> {
    let mut is_quoted = false;
    let is_gap = |c: char| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    };
    let words = line.split(is_gap).filter(|word| !word.is_empty());
    words.map(|word| word.replace('"', "")).collect()
}
