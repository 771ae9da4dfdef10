//! Data at the edge of what there is: other units of measure, three samples, images that are copies of each other.

use bhscore::io::mat;

use crate::edit::Half::{self, Test, Training};
use crate::env::TestEnv;
use crate::items::{Item, of_layer};

/// Powers of two beside 1e30 and 1e-30: to multiply by them rounds nothing.
const UNITS: [f64; 2] = [(1u128 << 100) as f64, 1.0 / (1u128 << 100) as f64];

fn measure_voxels_in(env: &TestEnv, unit: f64) {
    for (subject, half) in [
        ("sub-01", Training),
        ("sub-01", Test),
        ("sub-02", Training),
        ("sub-02", Test),
    ] {
        let columns = [
            env.columns(subject, half, "V1"),
            env.columns(subject, half, "HVC"),
        ]
        .concat();
        env.edit_samples(subject, half, |samples| {
            for &column in &columns {
                samples
                    .column_mut(column)
                    .mapv_inplace(|value| value * unit);
            }
        });
    }
}

fn values(env: &TestEnv, path: String, variable: &str) -> Vec<f32> {
    mat::read_f32(&env.path(path), variable).unwrap().values
}

/// Voxels and units are standardised, so that decoders and accuracies have no unit: not a bit differs.
#[test]
fn units_of_measure_change_no_bit() {
    for unit in UNITS {
        let env = TestEnv::small();
        measure_voxels_in(&env, unit);
        for half in [Training, Test] {
            env.edit_features(half, "fc6", |_, values| {
                values.iter_mut().for_each(|value| *value *= unit as f32);
            });
        }
        env.decode();
        for item in of_layer("fc6") {
            for (path, variable) in [
                (format!("{}/W.mat", item.decoder()), "W"),
                (format!("{}/accuracy.mat", item.accuracy()), "accuracy"),
            ] {
                let (now, before) = env.now_and_before(&path, variable);
                assert!(now == before, "{path} in units of {unit:e}");
            }
            let decoded = format!("{}/{}.mat", item.decoded(), env.images(Test, "fc6")[0]);
            let (now, before) = env.now_and_before(&decoded, "feat");
            let scaled = before.iter().map(|value| value * unit as f32);
            assert!(
                now.iter().copied().eq(scaled),
                "{decoded} in units of {unit:e}"
            );
        }
        env.run(["compute"]).ok();
    }
}

#[test]
fn three_samples_of_three_images_are_enough() {
    let env = TestEnv::small();
    let shown = env.shown("sub-01", Training);
    let mut kept: Vec<&String> = Vec::new();
    for name in &shown {
        if kept.len() < 3 && !kept.contains(&name) {
            kept.push(name);
        }
    }
    let first = |name: &str| shown.iter().position(|shown| shown == name);
    env.keep_samples("sub-01", Training, |sample, name| {
        kept.iter().any(|kept| *kept == name) && first(name) == Some(sample)
    });
    env.decode();
    for item in crate::items::of_subject("sub-01") {
        let record = env.json(format!("{}/record.json", item.decoder()));
        assert_eq!(record["result"]["n_samples"], 3);
        let weights = values(&env, format!("{}/W.mat", item.decoder()), "W");
        assert!(weights.iter().all(|weight| weight.is_finite()));
        let accuracy = values(
            &env,
            format!("{}/accuracy.mat", item.accuracy()),
            "accuracy",
        );
        assert!(accuracy.iter().all(|r| r.abs() <= 1.0), "{accuracy:?}");
    }
    env.run(["compute"]).ok();
}

/// Training images that are all the same say nothing: no unit varies, and that is told.
#[test]
fn images_that_are_copies_leave_their_units_without_decoder() {
    let copy = |env: &TestEnv, half: Half, n_different: usize| {
        let path = |name: &String| {
            env.path(env.features(half, "fc6"))
                .join(format!("{name}.mat"))
        };
        let originals: Vec<Vec<f32>> = env
            .images(half, "fc6")
            .iter()
            .take(n_different)
            .map(|name| mat::read_f32(&path(name), "feat").unwrap().values)
            .collect();
        env.edit_features(half, "fc6", |image, values| {
            values.clone_from(&originals[image % n_different]);
        });
    };
    let env = TestEnv::small();
    copy(&env, Training, 1);
    env.train()
        .ok()
        .stderr_contains("20 constant or undefined units have no decoder");
    env.predict().ok();
    let item = Item("fc6", "sub-01", "V1");
    let accuracy = values(
        &env,
        format!("{}/accuracy.mat", item.accuracy()),
        "accuracy",
    );
    assert!(accuracy.iter().all(|r| r.is_nan()));
    env.neighbours_are_unchanged(&of_layer("fc6"));

    // Two kinds of images are enough for all.
    let env = TestEnv::small();
    copy(&env, Training, 2);
    copy(&env, Test, 2);
    env.decode();
    let accuracy = values(
        &env,
        format!("{}/accuracy.mat", item.accuracy()),
        "accuracy",
    );
    assert!(accuracy.iter().all(|r| r.abs() <= 1.0), "{accuracy:?}");
}
