//! A folder of results for `report`: BH scores of three networks as `compute` writes them, one of them called like
//! a script, and results of `score` for those and for models that have no BH scores.

use std::fs;
use std::path::Path;

use bhscore::bh::{self, DecodingAccuracies, EncodingAccuracies, Rules};
use bhscore::brainscore::result::{
    Benchmark, BenchmarkScore, Provenance, Row, SCHEMA, Scored as Numbers, State,
};
use bhscore::report::NetworkScores;
use bhscore::report::figure::Half;
use bhscore::report::results::{self, Scored};
use bhscore::report::summary;
use serde_json::{Value, json};

/// A name that must stay text.
pub const SCRIPT: &str = "<script>alert(1)</script>";

/// A name that must stay in the folder.
pub const DOTS: &str = "../../up & away";

/// Networks with BH scores, and how well their ROIs are decoded.
const NETWORKS: [(&str, f32); 3] = [("Deep", 0.6), (SCRIPT, 0.5), ("Quiet", 0.05)];

/// Benchmarks: identifier, version, region.
pub const BENCHMARKS: [(&str, u32, &str); 4] = [
    ("FreemanZiemba2013.V1-pls", 2, "V1"),
    ("MajajHong2015.V4-pls", 3, "V4"),
    ("MajajHong2015.IT-pls", 3, "IT"),
    ("Kar2019-ost", 2, "IT"),
];

/// Models with results on benchmarks, and how good they are.
const MODELS: [(&str, f64); 5] = [
    ("synth/deep", 0.5),
    (SCRIPT, 0.35),
    ("torch/alexnet", 0.42),
    (DOTS, 0.2),
    ("torch/vgg", 0.3),
];

const LAYERS: [&str; 6] = ["conv1", "conv2", "conv3", "conv4", "fc5", "fc6"];

/// Writes `bhscore.json`, `accuracy_summary.csv` and `brainscore/`.
pub fn write(results: &Path) {
    write_bh(results);
    write_benchmarks(results);
}

/// Writes `bhscore.json` and `accuracy_summary.csv`.
pub fn write_bh(results: &Path) {
    let networks: Vec<Scored> = NETWORKS
        .iter()
        .enumerate()
        .map(|(index, (name, best))| network(name, *best, index))
        .collect();
    let provenance =
        json!({"program": "bhscore 0.1.0", "command": "bhscore -C study compute --sure"});
    let (files, mut value) = results::files("study", &networks, None, Value::Null, provenance);
    let chance = |p: f64| json!({"observed": 0.5, "p": p, "histogram": [1, 4, 9, 4, 1]});
    let rule = |low: f64, p: f64| {
        let jackknife = json!({"low": low, "high": low + 0.1});
        json!({"published": {"layer_order": chance(p), "image_shuffle": chance(0.005), "jackknife": jackknife}})
    };
    value["networks"][0]["sure"] = json!({
        "decoding": rule(0.71, 0.0014), "encoding": rule(0.72, 0.0083), "average": rule(0.73, 0.5),
    });
    fs::create_dir_all(results).unwrap();
    fs::write(results.join("bhscore.json"), format!("{value:#}\n")).unwrap();
    let (_, summary) = files
        .iter()
        .find(|(name, _)| name == "accuracy_summary.csv")
        .unwrap();
    fs::write(results.join("accuracy_summary.csv"), summary).unwrap();
}

/// A network whose deeper layers are decoded best from higher ROIs.
fn network(name: &str, best: f32, index: usize) -> Scored {
    let n_units = 8;
    let values = |layer: usize| {
        let subject = |subject: usize| {
            let roi = |roi: usize| {
                let unit = |unit: usize| {
                    let target = (layer * 5 / LAYERS.len() + unit % (3 + index) / 2).min(4);
                    best - 0.1 * roi.abs_diff(target) as f32 - 0.01 * subject as f32
                };
                Some((0..n_units).map(unit).collect())
            };
            (0..5).map(roi).collect()
        };
        (0..2).map(subject).collect()
    };
    let accuracies = DecodingAccuracies {
        layers: LAYERS.map(str::to_owned).to_vec(),
        subjects: ["sub-01", "sub-02"].map(str::to_owned).to_vec(),
        rois: ["V1", "V2", "V3", "V4", "HVC"].map(str::to_owned).to_vec(),
        values: (0..LAYERS.len()).map(values).collect(),
        n_test: Some(50),
    };
    let encoded = EncodingAccuracies::new(
        accuracies.layers.clone(),
        accuracies.subjects.clone(),
        accuracies.rois.clone(),
        accuracies.values.clone(),
        Some(50),
    );
    let rules = Rules::new(0.05, Some(50));
    Scored {
        summary: (summary::decoding(&accuracies, &rules).into_iter())
            .chain(summary::encoding(&encoded, &rules))
            .collect(),
        accuracy: vec![(
            Half::Decoding,
            results::accuracy_spread(&accuracies.values, 5),
        )],
        scores: NetworkScores {
            name: name.to_owned(),
            net: format!("synth/{}", name.to_lowercase()),
            decoding: Some(bh::decoding_score(&accuracies, &Default::default()).unwrap()),
            encoding: Some(bh::encoding_score(&encoded, &Default::default()).unwrap()),
            sure: None,
        },
    }
}

/// Writes `brainscore/`: every model on every benchmark, but for some that failed or were never run.
pub fn write_benchmarks(results: &Path) {
    for (number, (model, quality)) in MODELS.iter().enumerate() {
        for (index, benchmark) in BENCHMARKS.iter().enumerate() {
            let never = *model == DOTS && index == 2;
            if !never {
                let failed = index == 3 && number % 2 == 1;
                let score = score(model, *benchmark, (!failed).then_some(*quality));
                write_score(results, &format!("m{number}/{index}.json"), &score);
            }
        }
    }
}

/// Writes one result.
pub fn write_score(results: &Path, name: &str, score: &BenchmarkScore) {
    let path = results.join("brainscore").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_json::to_string_pretty(score).unwrap()).unwrap();
}

/// A result of `score`; failed without a quality.
pub fn score(
    model: &str,
    (id, version, region): (&str, u32, &str),
    quality: Option<f64>,
) -> BenchmarkScore {
    let best = match region {
        "V1" => 1,
        "V4" => 3,
        _ => 5,
    };
    let numbers = |layer: usize, quality: f64| {
        let ceiled = quality - 0.04 * layer.abs_diff(best) as f64;
        Numbers {
            raw: Some(ceiled * 0.9),
            error: Some(0.0123),
            ceiling: Some(0.873),
            ceiling_error: Some(0.004),
            ceiled: Some(ceiled),
            ceiled_error: Some(0.014),
            n_sites: 102,
            n_undefined: 2,
            n_stimuli: 315,
        }
    };
    let row = |(layer, name): (usize, &&str)| Row {
        layer: (*name).to_owned(),
        subject: None,
        bin: None,
        per_split: Vec::new(),
        score: numbers(layer, quality.unwrap_or(0.0)),
    };
    let paper = id.split('.').next().unwrap();
    BenchmarkScore {
        schema: SCHEMA,
        model: model.to_owned(),
        benchmark: Benchmark {
            id: id.to_owned(),
            version,
            region: region.to_owned(),
            metric: "pls".to_owned(),
            normalise: "r2_over_c".to_owned(),
            visual_degrees: Some(8.0),
            bibtex: Some(format!(
                "@article{{{paper},\n  title = {{Sites & <images>}}\n}}"
            )),
        },
        layer: quality.map(|_| LAYERS[best].to_owned()),
        committed: true,
        state: if quality.is_some() {
            State::Ok
        } else {
            State::Failed
        },
        reason: quality.is_none().then(|| "no image was solved".to_owned()),
        score: quality.map(|quality| numbers(best, quality)),
        rows: match quality {
            Some(_) => LAYERS.iter().enumerate().map(row).collect(),
            None => Vec::new(),
        },
        site_scores: (quality.iter())
            .flat_map(|q| [Some(q - 0.1), None, Some(*q), Some(q + 0.1)])
            .collect(),
        provenance: Provenance {
            program: "bhscore 0.1.0".to_owned(),
            command: format!("bhscore score --net '{model}' --benchmark {id}"),
            seed: 0,
            manifest_sha256: Some("ab".repeat(32)),
        },
    }
}
