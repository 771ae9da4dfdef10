//! `train` in builds without it; with it, `tests/train/` runs the command.
#![cfg(not(feature = "train"))]

use crate::env::run;

#[test]
fn a_build_without_training_says_how_to_get_it() {
    let run = run([
        "train",
        "--model",
        "Z",
        "--data_path",
        "images",
        "-o",
        "out",
    ]);
    let text = "bhscore: error: this program was built without `train`; build it with \
                `cargo build --release --features train`\n";
    run.status(2).stderr_contains(text);
}

#[test]
fn options_are_checked_before() {
    let wrong = ["train", "--model", "Q", "--data-path", "a", "-o", "b"];
    run(wrong).status(2).stderr_contains("Z, R, RT, S");
}
