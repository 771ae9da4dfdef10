//! What `score` says of numbers that mean less than they seem to.

use std::fs;

use crate::score::{FILES, N_REPETITIONS, N_STIMULI, files, npy, score, synthetic};

/// The ceiling is of repeated stimuli only; where there are others, that is told.
#[test]
fn a_ceiling_of_some_of_the_stimuli_says_so() {
    let env = files();
    let data = synthetic();
    let said = "the ceiling is of 50.0 % of the stimuli";
    let ridge = [&FILES[..], &["--metric", "ridge"]].concat();
    score(&env, &ridge).ok().stderr_lacks("the ceiling is of");
    let half = N_STIMULI / 2;
    let kept: Vec<usize> = (0..N_STIMULI * N_REPETITIONS)
        .filter(|row| row / N_REPETITIONS >= half || row % N_REPETITIONS == 0)
        .collect();
    let responses = data.responses.select(ndarray::Axis(0), &kept);
    npy(&env, "monkey/data.npy", &responses);
    let path = env.path("monkey/presentation.csv");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let rows: String = (kept.iter().map(|row| format!("{}\n", lines[row + 1]))).collect();
    fs::write(&path, format!("{}\n{rows}", lines[0])).unwrap();
    for ceiling in ["repetition", "variance"] {
        let args = [&ridge[..], &["--ceiling", ceiling]].concat();
        score(&env, &args)
            .ok()
            .stderr_contains(said)
            .stderr_contains("IT: ")
            .stderr_contains("V4: ");
    }
    let args = [&ridge[..], &["--ceiling", "none"]].concat();
    score(&env, &args).ok().stderr_lacks("the ceiling is of");
    score(&env, &[&FILES[..], &["--metric", "cka"]].concat())
        .ok()
        .stderr_lacks("the ceiling is of");
}

#[test]
fn splits_of_few_stimuli_are_told() {
    let env = files();
    let few = |share: &str| {
        let ridge = [&FILES[..], &["--metric", "ridge", "--train-share", share]].concat();
        score(&env, &ridge)
    };
    few("0.95")
        .ok()
        .stderr_contains("of so few r is large by chance");
    few("0.8").ok().stderr_lacks("by chance");
}
