//! Ceilings of a study from outside: against a plain calculation, and where the hierarchy is known.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may")]

use std::fs;
use std::path::Path;

use bhscore::bh::PairedScore;
use bhscore::bh::sure::noise_ceiling;
use bhscore::ceilings::{self, Ceilings, N_SPLITS};
use bhscore::io::bdata::{Label, Table, write};
use bhscore::settings::Settings;
use bhscore::study::{Behaviour, Context};
use bhscore::synth::{self, Plan, ROIS, Recording, Subject};
use bhscore::work::Layout;
use ndarray::{Array2, Axis};
use serde_json::json;

const ALPHA: f64 = 10.0;

/// Smallest correlation that is significant over 50 stimuli, by the textbook (SPEC 1.6).
const TEXTBOOK: f64 = 0.278711;
/// The published rule keeps what is between these.
const PUBLISHED: (f64, f64) = (0.304699, 0.952449);

/// ROI of every voxel, by position in [`ROIS`].
type RoiOf<'a> = &'a dyn Fn(usize) -> usize;

fn write_recording(path: &Path, recording: &Recording, roi_of: RoiOf<'_>) {
    let n_voxels = recording.voxels.ncols();
    let masks = ROIS.iter().enumerate().map(|(roi, name)| {
        let mask = (0..n_voxels).map(|voxel| roi_of(voxel) == roi).collect();
        (format!("ROI_{name}"), mask)
    });
    let n_images = recording.shown.iter().max().unwrap() + 1;
    let table = Table {
        voxels: recording.voxels.view(),
        rois: masks.collect(),
        labels: vec![Label {
            key: "stimulus_name".to_owned(),
            values: recording.shown.iter().map(|&image| image as f64).collect(),
            names: (0..n_images)
                .map(|image| (image as f64, format!("image{image:04}")))
                .collect(),
        }],
    };
    write(path, &table).unwrap();
}

fn file(folder: &Path, subject: &str, part: &str) -> std::path::PathBuf {
    folder.join(format!(
        "data/fmri/{subject}_perceptionNaturalImage{part}_VC_v2.h5"
    ))
}

/// The fMRI and the settings of a study.
fn study(subjects: &[Subject], n_selected: usize, roi_of: RoiOf<'_>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for subject in subjects {
        let of = |part: &str| file(folder.path(), &subject.name, part);
        write_recording(&of("Training"), &subject.training, roi_of);
        write_recording(&of("Test"), &subject.test, roi_of);
    }
    let names: Vec<&str> = subjects
        .iter()
        .map(|subject| subject.name.as_str())
        .collect();
    let settings = json!({
        "subjects": names,
        "rois": ROIS,
        "dnns": {"none": {"dir": "synth/none", "layers": ["one", "two"]}},
        "decoding": {"alpha": ALPHA, "n_voxels": n_selected, "precision": "f64"},
    });
    fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    folder
}

fn measure_within(folder: &Path, memory: &str) -> Ceilings {
    let context = Context {
        layout: Layout::new(folder),
        settings: Settings::read(&folder.join("settings.json")).unwrap(),
        behaviour: Behaviour::Corrected,
        memory: memory.parse().unwrap(),
        reading: Default::default(),
    };
    ceilings::measure(&context, 0.05, 0, &|_| {})
}

fn measure(folder: &Path) -> Ceilings {
    measure_within(folder, "1G")
}

/// Without the samples that `keep` refuses, by their position and image.
fn thinned(recording: &Recording, keep: impl Fn(usize, usize) -> bool) -> Recording {
    let rows: Vec<usize> = (0..recording.shown.len())
        .filter(|&row| keep(row, recording.shown[row]))
        .collect();
    Recording {
        voxels: recording.voxels.select(Axis(0), &rows),
        shown: rows.iter().map(|&row| recording.shown[row]).collect(),
        run: rows.iter().map(|&row| recording.run[row]).collect(),
    }
}

// ------------------------------------------------------------------ the plain calculation

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (square / (n - 1.0)).sqrt())
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_and_sd(a), mean_and_sd(b));
    let product: f64 = (a.iter().zip(b))
        .map(|(a, b)| (a - mean_a) * (b - mean_b))
        .sum();
    product / (sd_a * sd_b * (a.len() as f64 - 1.0))
}

/// Solution of `matrix · x = right` by elimination with pivots.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))
            .unwrap();
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column].clone();
            let places = matrix[row].iter_mut().zip(above).skip(column);
            places.for_each(|(value, above)| *value -= factor * above);
            right[row] -= factor * right[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n)
            .map(|place| matrix[row][place] * right[place])
            .sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// One voxel's mean response to each of `images`.
fn means(recording: &Recording, voxel: usize, images: &[usize]) -> Vec<f64> {
    let mean = |&image: &usize| {
        let rows = (0..recording.shown.len()).filter(|&row| recording.shown[row] == image);
        let values: Vec<f64> = rows.map(|row| recording.voxels[[row, voxel]]).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    images.iter().map(mean).collect()
}

fn shared(one: &Recording, two: &Recording) -> Vec<usize> {
    let n_images = one.shown.iter().max().unwrap() + 1;
    (0..n_images)
        .filter(|image| one.shown.contains(image) && two.shown.contains(image))
        .collect()
}

/// Accuracy of decoding `voxel` of `network` from the `inputs` of `brain`, as SPEC 1.3 and 1.4 say.
fn accuracy(
    network: &Subject,
    voxel: usize,
    brain: &Subject,
    inputs: &[usize],
    n_selected: usize,
) -> f64 {
    let training = shared(&network.training, &brain.training);
    let test = shared(&network.test, &brain.test);
    let target = means(&network.training, voxel, &training);
    let (mean, sd) = mean_and_sd(&target);
    let rows: Vec<(usize, f64)> = (brain.training.shown.iter().enumerate())
        .filter_map(|(row, image)| {
            let place = training.iter().position(|known| known == image)?;
            Some((row, (target[place] - mean) / sd))
        })
        .collect();
    let y: Vec<f64> = rows.iter().map(|&(_, y)| y).collect();
    let mut columns: Vec<(Vec<f64>, Vec<f64>)> = (inputs.iter())
        .map(|&input| {
            let x: Vec<f64> = (rows.iter())
                .map(|&(row, _)| brain.training.voxels[[row, input]])
                .collect();
            let (mean, sd) = mean_and_sd(&x);
            let scaled = |x: Vec<f64>| x.into_iter().map(|x| (x - mean) / sd).collect();
            (scaled(x), scaled(means(&brain.test, input, &test)))
        })
        .collect();
    columns.sort_by(|(a, _), (b, _)| pearson(b, &y).abs().total_cmp(&pearson(a, &y).abs()));
    columns.truncate(n_selected);
    columns.push((vec![1.0; y.len()], vec![1.0; test.len()]));
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let matrix = (columns.iter().enumerate())
        .map(|(i, (a, _))| {
            let penalty = |j: usize| if i == j { ALPHA } else { 0.0 };
            (columns.iter().enumerate())
                .map(|(j, (b, _))| dot(a, b) + penalty(j))
                .collect()
        })
        .collect();
    let weights = solve(matrix, columns.iter().map(|(x, _)| dot(x, &y)).collect());
    let decoded: Vec<f64> = (0..test.len())
        .map(|row| {
            (columns.iter().zip(&weights))
                .map(|((_, x), w)| x[row] * w)
                .sum()
        })
        .collect();
    pearson(&decoded, &means(&network.test, voxel, &test))
}

/// How often each own ROI (rows) had each best ROI, by the published and the textbook rule.
fn votes(
    network: &Subject,
    brain: &Subject,
    n_voxels: usize,
    n_selected: usize,
) -> [Array2<u64>; 2] {
    let of_roi = |roi: usize| -> Vec<usize> { (roi * n_voxels..(roi + 1) * n_voxels).collect() };
    let mut votes = [(); 2].map(|()| Array2::zeros((ROIS.len(), ROIS.len())));
    for own in 0..ROIS.len() {
        for voxel in of_roi(own) {
            let (best, r) = (0..ROIS.len())
                .map(|roi| {
                    (
                        roi,
                        accuracy(network, voxel, brain, &of_roi(roi), n_selected),
                    )
                })
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .unwrap();
            votes[0][[own, best]] += u64::from(r > PUBLISHED.0 && r < PUBLISHED.1);
            votes[1][[own, best]] += u64::from(r > TEXTBOOK);
        }
    }
    votes
}

#[test]
fn another_brains_votes_are_those_of_a_plain_calculation() {
    let plan = Plan {
        n_subjects: 3,
        n_voxels: 8,
        n_training: 30,
        ..Plan::default()
    };
    let n_selected = 5;
    let mut subjects = synth::simulate(&plan).subjects;
    // One subject never saw three of the images, another one saw some less often.
    subjects[0].training = thinned(&subjects[0].training, |_, image| !(4..7).contains(&image));
    subjects[1].training = thinned(&subjects[1].training, |row, _| row % 7 != 3 || row > 30);
    let folder = study(&subjects, n_selected, &|voxel| voxel / plan.n_voxels);
    let found = measure(folder.path());
    assert_eq!(found.notes, [""; 0]);
    let found = found.brain_to_brain.unwrap();
    assert_eq!(found.pairs.len(), 6);
    for pair in &found.pairs {
        let by_name = |name: &str| {
            subjects
                .iter()
                .find(|subject| subject.name == name)
                .unwrap()
        };
        let (network, brain) = (by_name(&pair.network_subject), by_name(&pair.brain_subject));
        let names = [&network.name, &brain.name];
        let n_training = if names.contains(&&subjects[0].name) {
            27
        } else {
            30
        };
        assert_eq!((pair.n_training, pair.n_test), (n_training, 50));
        let score: &PairedScore = pair.score.as_ref().unwrap();
        let [published, textbook] = votes(network, brain, plan.n_voxels, n_selected);
        assert!(textbook.sum() > 5, "{textbook}");
        assert_eq!(
            score.published.votes.as_ref(),
            Some(&published),
            "{names:?}"
        );
        assert_eq!(score.textbook.votes.as_ref(), Some(&textbook), "{names:?}");
        assert_eq!(score.n_items, 40);
    }
}

#[test]
fn a_shared_hierarchy_scores_high_and_none_scores_zero() {
    let plan = Plan::default();
    let subjects = synth::simulate(&plan).subjects;
    let hierarchy = study(&subjects, plan.n_selected, &|voxel| voxel / plan.n_voxels);
    let found = measure(hierarchy.path());
    let brains = found.brain_to_brain.as_ref().unwrap();
    for range in [brains.published.unwrap(), brains.textbook.unwrap()] {
        assert_eq!(range.n_pairs, 2);
        assert!(range.min > 0.5 && range.max <= 1.0, "{range:?}");
        assert!(
            range.min < range.mean && range.mean < range.max,
            "{range:?}"
        );
    }
    // Every ROI has voxels of all levels.
    let mixed = study(&subjects, plan.n_selected, &|voxel| voxel % ROIS.len());
    let found = measure(mixed.path()).brain_to_brain.unwrap();
    let range = found.textbook.unwrap();
    assert!(
        range.min.abs() < 0.25 && range.max.abs() < 0.25,
        "{range:?}"
    );
}

#[test]
fn noise_ceilings_are_quartiles_of_the_voxels() {
    let plan = Plan {
        n_subjects: 1,
        n_voxels: 20,
        n_training: 5,
        ..Plan::default()
    };
    let mut subjects = synth::simulate(&plan).subjects;
    // A voxel that never varies can never be predicted.
    subjects[0].test.voxels.column_mut(0).fill(7.0);
    let folder = study(&subjects, 5, &|voxel| voxel / plan.n_voxels);
    let found = measure(folder.path());
    assert_eq!(found.noise.len(), ROIS.len());
    assert_eq!(
        found.brain_to_brain,
        Err("there is one subject only, no other brain".to_owned())
    );
    let test = &subjects[0].test;
    let all = noise_ceiling::of_voxels(test.voxels.view(), &test.shown, N_SPLITS, 0).unwrap();
    assert!(all[0].is_nan());
    for (roi, row) in found.noise.iter().enumerate() {
        assert_eq!((row.roi.as_str(), row.n_voxels), (ROIS[roi], plan.n_voxels));
        let mut own: Vec<f64> = (roi * plan.n_voxels..(roi + 1) * plan.n_voxels)
            .map(|voxel| if all[voxel] > 0.0 { all[voxel] } else { 0.0 })
            .collect();
        own.sort_by(f64::total_cmp);
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12);
        close(row.median, (own[9] + own[10]) / 2.0);
        // Place 19/4: three quarters from the fifth to the sixth.
        close(row.q25, own[4] + 0.75 * (own[5] - own[4]));
        close(row.q75, own[14] + 0.25 * (own[15] - own[14]));
        let n_positive = own.iter().filter(|&&ceiling| ceiling > 0.0).count();
        assert_eq!(row.share_positive, n_positive as f64 / 20.0);
        assert!(row.median > 0.5 && row.median < 1.0, "{row:?}");
    }
    assert!(found.noise[0].share_positive < 1.0);
}

#[test]
fn what_is_missing_has_a_reason() {
    let plan = Plan {
        n_subjects: 3,
        n_voxels: 6,
        n_training: 20,
        ..Plan::default()
    };
    let subjects = synth::simulate(&plan).subjects;
    let folder = study(&subjects, 5, &|voxel| voxel / plan.n_voxels);
    let whole = measure(folder.path());
    // One subject without training fMRI: its ceilings stay, its pairs go, those of others do not change.
    fs::remove_file(file(folder.path(), "sub-02", "Training")).unwrap();
    let found = measure(folder.path());
    assert_eq!(found.noise, whole.noise);
    let pairs = found.brain_to_brain.unwrap().pairs;
    let names: Vec<_> = (pairs.iter())
        .map(|pair| (pair.network_subject.as_str(), pair.brain_subject.as_str()))
        .collect();
    assert_eq!(names, [("sub-01", "sub-03"), ("sub-03", "sub-01")]);
    let before = &whole.brain_to_brain.as_ref().unwrap().pairs;
    assert_eq!((&pairs[0], &pairs[1]), (&before[1], &before[4]));
    assert_eq!(found.notes.len(), 1);
    assert!(found.notes[0].contains("`sub-02`"), "{:?}", found.notes);

    // Test images that were shown once have no halves, but their score.
    let once = thinned(&subjects[2].test, |row, _| row < plan.n_test);
    let path = file(folder.path(), "sub-03", "Test");
    write_recording(&path, &once, &|voxel| voxel / plan.n_voxels);
    let found = measure(folder.path());
    assert_eq!(found.noise.len(), 2 * ROIS.len());
    assert!(found.notes[0].contains("shown twice"), "{:?}", found.notes);
    assert_eq!(found.brain_to_brain.unwrap().pairs.len(), 2);

    // Other images.
    let mut other = thinned(&subjects[2].test, |_, _| true);
    (other.shown.iter_mut()).for_each(|image| *image += 1000);
    write_recording(&path, &other, &|voxel| voxel / plan.n_voxels);
    let pairs = measure(folder.path()).brain_to_brain.unwrap().pairs;
    let reason = pairs[0].score.as_ref().unwrap_err();
    assert!(reason.contains("0 test stimuli"), "{reason}");

    fs::remove_file(&path).unwrap();
    let reason = measure(folder.path()).brain_to_brain.unwrap_err();
    assert_eq!(
        reason,
        "it takes two subjects with training and test fMRI that can be used, of 3 there are 1"
    );
}

#[test]
fn memory_is_respected() {
    let plan = Plan {
        n_voxels: 200,
        n_training: 300,
        ..Plan::default()
    };
    let subjects = synth::simulate(&plan).subjects;
    let folder = study(&subjects, 5, &|voxel| voxel / plan.n_voxels);
    let found = measure_within(folder.path(), "3M");
    assert!(found.brain_to_brain.is_err());
    let refused = |note: &String| note.contains("`--memory` allows 3M");
    assert!(found.notes.iter().any(refused), "{:?}", found.notes);
    assert!(measure(folder.path()).brain_to_brain.is_ok());
}
