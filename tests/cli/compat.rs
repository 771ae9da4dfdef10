//! `--compat`: the original's defects are kept where there are any, and nothing else changes.

use std::fs;

use bhscore::io::mat;

use crate::edit::Half::{Test, Training};
use crate::env::{TestEnv, clean};
use crate::items::{Item, NET, items, of_subject};

fn decode(env: &TestEnv) {
    env.run(["decode-train", "--net", NET, "--compat"]).ok();
    env.run(["decode-predict", "--net", NET, "--compat"]).ok();
}

fn values(env: &TestEnv, path: &str) -> Vec<f32> {
    let path = env.path(path);
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    mat::read_f32(&path, &name).unwrap().values
}

#[test]
fn on_regular_data_both_write_the_same_bytes() {
    let env = TestEnv::small();
    decode(&env);
    env.neighbours_are_unchanged(&[]);
    // But they are not each other's work.
    env.run(["status"]).status(1);
    env.run(["status", "--compat"]).ok();
    env.run(["decode-train", "--net", NET])
        .ok()
        .stderr_contains("8 computed");
}

/// `docs/compared.md` B8: a column that is exactly constant is divided by 0.
#[test]
fn a_constant_voxel_makes_all_weights_and_accuracies_of_its_roi_undefined() {
    let env = TestEnv::small();
    env.edit_voxel("sub-01", Training, ("V1", 4), |_, _| 0.0);
    decode(&env);
    let affected = items(|item| item.1 == "sub-01" && item.2 == "V1");
    for item in &affected {
        let weights = values(&env, &format!("{}/W.mat", item.decoder()));
        assert!(weights.iter().all(|weight| weight.is_nan()));
        assert!(
            values(&env, &format!("{}/b.mat", item.decoder()))
                .iter()
                .all(|b| b.is_nan())
        );
        assert_eq!(
            values(&env, &format!("{}/x_norm.mat", item.decoder()))[4],
            0.0
        );
        let accuracy = values(&env, &format!("{}/accuracy.mat", item.accuracy()));
        assert!(accuracy.iter().all(|r| r.is_nan()));
    }
    env.neighbours_are_unchanged(&affected);
    // 0 votes for V1 from that subject.
    let results = env.run(["compute", "--json"]).ok().json();
    let votes = &results["networks"][0]["decoding"]["by_subject"]["sub-01"]["votes"]["published"];
    assert!(votes.as_array().unwrap().iter().all(|layer| layer[0] == 0));
}

#[test]
fn a_silent_unit_is_undefined_itself_and_nothing_else() {
    let env = TestEnv::small();
    env.edit_features(Training, "fc6", |_, units| units[3] = 0.0);
    decode(&env);
    let affected = items(|item| item.0 == "fc6");
    for item in &affected {
        let path = format!("{}/accuracy.mat", item.accuracy());
        let (now, before) = env.now_and_before(&path, "accuracy");
        for (unit, (now, before)) in now.iter().zip(before).enumerate() {
            assert!(
                if unit == 3 {
                    now.is_nan()
                } else {
                    *now == before
                },
                "unit {unit}"
            );
        }
        let weights = values(&env, &format!("{}/W.mat", item.decoder()));
        let n_voxels = weights.len() / 20;
        for (unit, weights) in weights.chunks(n_voxels).enumerate() {
            assert_eq!(weights.iter().any(|weight| weight.is_nan()), unit == 3);
            assert_eq!(weights.iter().filter(|weight| **weight != 0.0).count(), 20);
        }
        assert_eq!(
            values(&env, &format!("{}/y_norm.mat", item.decoder()))[3],
            0.0
        );
        // The other units still tell the images apart.
        let per_image = format!("{}/pattern_correlation.mat", item.accuracy());
        assert!(values(&env, &per_image).iter().all(|r| r.is_finite()));
    }
    env.neighbours_are_unchanged(&affected);
}

/// `docs/compared.md` D6: file i is named after the i-th feature file, also where an image before it was
/// never shown. The accuracy is right.
#[test]
fn after_an_image_that_was_never_shown_files_have_the_names_of_others() {
    let env = TestEnv::small();
    let images = env.images(Test, "fc6");
    let missing = &images[11];
    env.keep_samples("sub-02", Test, |_, name| name != missing);
    decode(&env);
    let affected = of_subject("sub-02");
    env.neighbours_are_unchanged(&affected);
    let corrected = TestEnv::small();
    corrected.keep_samples("sub-02", Test, |_, name| name != missing);
    corrected.decode();
    for item in affected {
        let folder = item.decoded();
        let shown: Vec<&String> = images.iter().filter(|name| *name != missing).collect();
        for (file, shown) in images.iter().zip(&shown) {
            let found = fs::read(env.path(&folder).join(format!("{file}.mat"))).unwrap();
            assert!(
                found == clean()[&format!("{folder}/{shown}.mat")],
                "{file} for {shown}"
            );
        }
        env.lacks(format!("{folder}/{}.mat", images[39]));
        let accuracy = format!("{}/accuracy.mat", item.accuracy());
        assert!(
            fs::read(env.path(&accuracy)).unwrap() == fs::read(corrected.path(&accuracy)).unwrap()
        );
    }
}

/// `docs/compared.md` D3: the original goes by the number, and checks nothing.
#[test]
fn images_are_matched_by_their_index() {
    let env = TestEnv::small();
    let column = env.column("sub-01", Training, "image_index");
    env.edit_samples("sub-01", Training, |samples| {
        let turned = |index: &mut f64| *index = 61.0 - *index;
        samples.column_mut(column).iter_mut().for_each(turned);
    });
    decode(&env);
    let affected = of_subject("sub-01");
    env.neighbours_are_unchanged(&affected);
    let item = Item("fc6", "sub-01", "HVC");
    let path = format!("{}/W.mat", item.decoder());
    let (now, before) = env.now_and_before(&path, "W");
    assert!(now != before);
}
