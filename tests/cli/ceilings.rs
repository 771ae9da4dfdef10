//! `compute --sure`: how high scores can be in the study, in every form of the results.

use std::fs;

use serde_json::Value;

use crate::env::TestEnv;

#[test]
fn ceilings_are_printed_and_written_where_they_are_asked_for() {
    let env = TestEnv::finished();
    let before = env.run(["compute", "--json"]).ok().json();
    assert!(before["ceilings"].is_null());
    env.lacks("results/noise_ceiling.csv");

    let run = env.run(["compute", "--sure"]);
    run.ok()
        .stdout_contains("Noise ceilings of the voxels (100 random halves, seed 0)")
        .stdout_contains("The score another brain would get")
        .stderr_contains("brain-to-brain score: decoding from V1 of `sub-01` (1 of 4)")
        .stderr_contains("brain-to-brain score: decoding from HVC of `sub-02` (4 of 4)");
    let results = env.results();
    let decoding = |results: &Value| results["networks"][0]["decoding"].clone();
    assert_eq!(decoding(&results), decoding(&before));
    let ceilings = &results["ceilings"];
    let noise = ceilings["noise"].as_array().unwrap();
    assert_eq!(noise.len(), 4);
    let pairs = ceilings["brain_to_brain"]["pairs"].as_array().unwrap();
    let names = |pair: &Value| {
        ["network_subject", "brain_subject"].map(|key| pair[key].as_str().unwrap().to_owned())
    };
    assert_eq!(names(&pairs[0]), ["sub-01", "sub-02"]);
    assert_eq!(names(&pairs[1]), ["sub-02", "sub-01"]);
    let scores: Vec<f64> = (pairs.iter())
        .map(|pair| pair["textbook"].as_f64().unwrap())
        .collect();
    let range = &ceilings["brain_to_brain"]["textbook"];
    let mean = range["mean"].as_f64().unwrap();
    assert!((mean - (scores[0] + scores[1]) / 2.0).abs() < 1e-12);
    assert_eq!(
        range["max"].as_f64(),
        scores.iter().copied().reduce(f64::max)
    );

    let csv = fs::read_to_string(env.path("results/noise_ceiling.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "subject,roi,n_voxels,median,q25,q75,share_positive"
    );
    assert_eq!(lines.len(), 5);
    assert_eq!(
        lines[4].split(',').nth(3).unwrap().parse().ok(),
        noise[3]["median"].as_f64()
    );
    let page = fs::read_to_string(env.path("results/report.html")).unwrap();
    for text in [
        "How high scores can be in this study",
        "<th scope=\"col\">quartiles</th>",
        "<th scope=\"col\">brain</th>",
    ] {
        assert!(page.contains(text), "{text}");
    }

    // Nothing but results on demand.
    let quiet = env.run(["compute", "--sure", "-q", "-j", "1", "--json"]);
    assert_eq!(quiet.ok().stderr, "");
    assert_eq!(&quiet.json()["ceilings"], ceilings);
}

#[test]
fn scores_do_without_fmri() {
    let env = TestEnv::finished();
    fs::remove_dir_all(env.path("data/fmri")).unwrap();
    let run = env.run(["compute", "--sure"]);
    run.ok()
        .stdout_contains("No score of another brain: it takes two subjects")
        .stdout_contains("no noise ceiling of `sub-01`: cannot read")
        .stdout_contains("How sure");
    let results = env.results();
    assert!(results["networks"][0]["decoding"]["textbook"].is_f64());
    let ceilings = &results["ceilings"];
    assert!(ceilings["brain_to_brain"].is_null());
    assert!(
        ceilings["brain_to_brain_reason"]
            .as_str()
            .unwrap()
            .ends_with("of 2 there are 0")
    );
    assert_eq!(ceilings["noise"].as_array().unwrap().len(), 0);
    assert_eq!(ceilings["notes"].as_array().unwrap().len(), 4);
}

#[test]
fn one_subject_has_no_other_brain() {
    let env = TestEnv::finished();
    env.edit_settings(|settings| settings["subjects"] = serde_json::json!(["sub-01"]));
    env.run(["compute", "--sure"])
        .ok()
        .stdout_contains("No score of another brain: there is one subject only");
    assert_eq!(
        env.results()["ceilings"]["noise"].as_array().unwrap().len(),
        2
    );
}
