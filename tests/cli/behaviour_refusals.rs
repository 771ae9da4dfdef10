//! What `score` refuses of tables and options of behaviour, with nothing left.

use std::fs;

use ndarray::Array2;
use ndarray_npy::write_npy;

use crate::behaviour::{FEATURES, files, of_trials, write};
use crate::env::Run;
use crate::score::score;

#[test]
fn wrong_tables_are_refused_with_nothing_left() {
    let env = files();
    let told = |file: &str, from: &str, to: &str, part: &str| {
        let before = fs::read_to_string(env.path(file)).unwrap();
        assert!(before.contains(from), "{file} lacks {from}");
        write(&env, file, &before.replacen(from, to, 1));
        for metric in ["i2n", "error_consistency"] {
            of_trials(&env, &FEATURES, metric)
                .status(2)
                .stderr_contains(part);
        }
        write(&env, file, &before);
    };
    told("trials.csv", "choice", "chosen", "no column `choice`");
    told(
        "labels.csv",
        "object_name",
        "object",
        "no column `object_name`",
    );
    told(
        "labels.csv",
        "im003,",
        "im999,",
        "lacks 1 of 160 stimuli: `im999`",
    );
    told(
        "labels.csv",
        "im003,",
        "im002,",
        "`im002` in column `stimulus_id` twice",
    );
    told(
        "labels.csv",
        "im003,obj3",
        "im003,",
        "image `im003` has no `object_name`",
    );
    told(
        "ids.csv",
        "im130",
        "im230",
        "lacks 1 of 160 stimuli: `im130`",
    );
    let labels = fs::read_to_string(env.path("labels.csv")).unwrap();
    write(&env, "labels.csv", &labels.replace("obj4", "obj0"));
    of_trials(&env, &FEATURES, "i2n")
        .status(2)
        .stderr_contains("has no image of the object `obj4` of `trials.csv`");
    write(
        &env,
        "labels.csv",
        &labels.replace("im000,obj0", "im121,obj9"),
    );
    of_trials(&env, &FEATURES, "i2n")
        .status(2)
        .stderr_contains("has the image `im121` with `obj9` in it, and `trials.csv` with `obj");
    write(&env, "labels.csv", &labels);
    let mut values: Array2<f32> = ndarray_npy::read_npy(env.path("it.npy")).unwrap();
    values[[5, 4]] = f32::NAN;
    write_npy(env.path("it.npy"), &values).unwrap();
    of_trials(&env, &FEATURES, "i2n")
        .status(2)
        .stderr_contains("layer `it`, unit 4");
    let p = ["--probabilities", "p.csv"];
    let text = fs::read_to_string(env.path("p.csv")).unwrap();
    write(&env, "p.csv", &text.replace("im125,", "im225,"));
    of_trials(&env, &p, "i2n")
        .status(2)
        .stderr_contains("image `im125`: has no probability in `p.csv`");
    write(&env, "p.csv", &text.replace("obj3", "other"));
    of_trials(&env, &p, "i2n")
        .status(2)
        .stderr_contains("object `obj3`: has no probability in `p.csv`");
    write(&env, "p.csv", &text.replacen("im125,0.", "im125,-0.", 1));
    of_trials(&env, &p, "i2n")
        .status(2)
        .stderr_contains("image `im125` has no probability of `obj0` from 0 to 1");
    env.lacks("results");
}

#[test]
fn options_of_other_metrics_are_refused() {
    let env = files();
    let refused = |words: &str, part: &str| {
        let args: Vec<&str> = words.split(' ').collect();
        score(&env, &args).status(2).stderr_contains(part);
    };
    let features = FEATURES.join(" ");
    let behaviour = format!("{features} --trials trials.csv --metric i2n");
    for option in [
        "--seed 3",
        "--components 25",
        "--normalise ratio",
        "--roi IT",
        "--ceiling none",
        "--save-splits s.json",
        "--solution-times t.csv",
        "--brain it.npy",
    ] {
        let (name, _) = option.split_once(' ').unwrap();
        let part = format!("`--metric i2n`: has no use for `{name}`");
        refused(&format!("{behaviour} {option}"), &part);
    }
    let neural = "--features it.npy --brain it.npy --metric cka";
    let no_use = "`--metric cka`: has no use for";
    refused(&format!("{neural} --trials trials.csv"), no_use);
    refused(&format!("{neural} --c 1"), no_use);
    // Which stand for features.
    let probabilities = "--probabilities p.csv --trials trials.csv --metric i2n";
    refused(
        &format!("{probabilities} --features it.npy"),
        "cannot be used with",
    );
    refused(&format!("{probabilities} --best"), "no use for `--best`");
    refused(
        &format!("{features} --metric i2n"),
        "`--metric i2n`: needs `--trials`",
    );
    refused(
        "--features it.npy --trials trials.csv --metric i2n",
        "needs `--labels`",
    );
    refused(
        "--labels labels.csv --trials trials.csv --metric i2n",
        "name a network of the study with `--net`, or files with `--features`",
    );
    refused(&format!("{behaviour} --c 0"), "C is 0");
    let mut commit = env.command(["commit"]);
    let words = "--features it.npy --brain it.npy --metric i2n";
    commit.current_dir(env.root()).args(words.split(' '));
    Run::of(commit)
        .status(2)
        .stderr_contains("`--metric i2n`: says nothing about regions");
    env.lacks("results");
}
