//! The demo as a study folder: which files there are, and which of them are still to be written.
//!
//! ```text
//! demo.json                                                    the plan; marks the folder as a demo
//! settings.json
//! data/images/{ImageNetTraining,ImageNetTest}/<image>.png
//! data/fmri/<subject>_perceptionNaturalImage{Training,Test}_VC_v2.h5
//! data/features/{ImageNetTraining,ImageNetTest}/synth/<network>/<layer>/<image>.mat
//! models/energy.onnx                                           a real network, for `extract`
//! ```
//!
//! The names are those of the published data, so the settings need no patterns.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::files;
use super::image::Image;
use super::study::{Network, Recording, Study, simulate};
use super::{LAYERS, Order, Plan, ROIS};
use crate::error::{Error, Result};
use crate::io::atomic::{self, Batch};

/// File that marks a folder as ours and says what made it.
const MARK: &str = "demo.json";

/// Version of the design: raised when the same plan gives other files.
const DESIGN: u32 = 2;

/// Framework part of the networks' folders.
const FRAMEWORK: &str = "synth";

/// The network whose features are not written but extracted from the images. Its filters resemble those of
/// the demo's brain by design (`scripts/make_demo_network.py` writes it).
const ENERGY: &[u8] = include_bytes!("network/energy.onnx");

/// Its file in the study.
const ENERGY_MODEL: &str = "models/energy.onnx";

/// Its name.
const ENERGY_NAME: &str = "energy";

/// Ridge penalty, that of the published study.
const ALPHA: f64 = 100.0;

/// Training and test part: folder of images and features, and the word in the fMRI file's name.
const PARTS: [(&str, &str); 2] = [("ImageNetTraining", "Training"), ("ImageNetTest", "Test")];

/// Contents of the mark.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    design: u32,
    plan: Plan,
}

/// Writes the demo study of `plan` into `folder`: settings, images, fMRI and features.
///
/// The folder may be missing, empty, or hold a demo of the same plan; then only missing files are
/// written, with the bytes they would have had. `progress` is told what is being done, a line at a
/// time.
///
/// # Errors
/// A folder that holds anything else, a plan without enough images, voxels or units, and failures
/// to write.
pub fn write_study(folder: &Path, plan: &Plan, progress: &dyn Fn(&str)) -> Result<()> {
    check(plan)?;
    mark(folder, plan)?;
    progress("drawing images and simulating responses to them");
    let study = simulate(plan);
    let path = folder.join("settings.json");
    if is_missing(&path)? {
        files::write(&path, &settings(plan, &study))?;
    }
    progress(&format!(
        "writing {} training and {} test images",
        study.training_images.len(),
        study.test_images.len()
    ));
    write_images(folder, &study)?;
    let model = folder.join(ENERGY_MODEL);
    if is_missing(&model)? {
        files::write(&model, ENERGY)?;
    }
    write_fmri(folder, plan, &study, progress)?;
    study.networks.iter().try_for_each(|network| {
        progress(&format!("writing features of `{}`", net(network.order)));
        write_network(folder, network, &study)
    })
}

/// Refuses sizes that leave nothing to compute: standard deviations need two images, decoders one
/// voxel and unit.
fn check(plan: &Plan) -> Result<()> {
    let sizes = [
        ("n_subjects", plan.n_subjects, 1),
        ("n_voxels", plan.n_voxels, 1),
        ("n_selected", plan.n_selected, 1),
        ("n_units", plan.n_units, 1),
        ("first_layer", plan.first_layer.iter().product(), 1),
        ("n_training", plan.n_training, 3),
        ("n_training_repeats", plan.n_training_repeats, 1),
        ("n_test", plan.n_test, 3),
        ("n_test_repeats", plan.n_test_repeats, 1),
    ];
    match sizes.into_iter().find(|&(_, size, least)| size < least) {
        Some((name, size, least)) => Err(Error::data(
            "demo plan",
            format!("`{name}` is {size}"),
            format!("use at least {least}"),
        )),
        None => Ok(()),
    }
}

/// Makes the folder a demo of this plan, or refuses.
fn mark(folder: &Path, plan: &Plan) -> Result<()> {
    let path = folder.join(MARK);
    let wanted = Mark {
        design: DESIGN,
        plan: plan.clone(),
    };
    match fs::read(&path) {
        Ok(bytes) => match serde_json::from_slice::<Mark>(&bytes) {
            Ok(found) if found == wanted => Ok(()),
            _ => Err(Error::file(
                path,
                "the demo in this folder was made with another plan or version",
                "name another folder, or delete this one",
            )),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if is_occupied(folder)? {
                return Err(Error::file(
                    folder,
                    "the folder is not empty and holds no demo study",
                    "name a new or empty folder",
                ));
            }
            files::write(&path, &pretty(&wanted))
        }
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Whether the folder exists and holds anything.
fn is_occupied(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("list", folder)(error)),
    }
}

/// The study's `settings.json`.
fn settings(plan: &Plan, study: &Study) -> Vec<u8> {
    let subjects: Vec<&str> = study
        .subjects
        .iter()
        .map(|subject| subject.name.as_str())
        .collect();
    let network = |order: Order| {
        (
            order.name().to_owned(),
            json!({ "dir": net(order), "layers": LAYERS }),
        )
    };
    let mut networks: Map<String, Value> = Order::ALL.into_iter().map(network).collect();
    let energy = json!({
        "dir": format!("{FRAMEWORK}/{ENERGY_NAME}"),
        "layers": LAYERS,
        "extract": {
            "model": ENERGY_MODEL,
            "preprocess": { "scale": 255, "mean": [0, 0, 0], "sd": [1, 1, 1] },
        },
    });
    networks.insert(ENERGY_NAME.to_owned(), energy);
    pretty(&json!({
        "subjects": subjects,
        "rois": ROIS,
        "dnns": networks,
        "decoding": { "alpha": ALPHA, "n_voxels": plan.n_selected },
        "encoding": { "alpha": ALPHA, "n_units": plan.n_selected },
    }))
}

/// Indented JSON with a line end.
fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain values are always valid JSON");
    text.push(b'\n');
    text
}

/// Framework and name of a network, its folder among the features.
fn net(order: Order) -> String {
    format!("{FRAMEWORK}/{}", order.name())
}

fn write_images(folder: &Path, study: &Study) -> Result<()> {
    let mut batch = Batch::new();
    for ((split, _), images) in PARTS
        .iter()
        .zip([&study.training_images, &study.test_images])
    {
        for image in images {
            let path = folder.join(format!("data/images/{split}/{}.png", image.name));
            if is_missing(&path)? {
                batch.add(&path, &files::encode_image(&path, image)?)?;
            }
        }
    }
    publish(batch)
}

fn write_fmri(folder: &Path, plan: &Plan, study: &Study, progress: &dyn Fn(&str)) -> Result<()> {
    let folder = folder.join("data/fmri");
    for subject in &study.subjects {
        progress(&format!("writing fMRI of `{}`", subject.name));
        let write = |word: &str, recording: &Recording, images: &[Image]| -> Result<()> {
            let path = folder.join(format!(
                "{}_perceptionNaturalImage{word}_VC_v2.h5",
                subject.name
            ));
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            if is_missing(&path)? {
                files::write_recording(&path, plan, recording, &names)?;
            }
            Ok(())
        };
        write(PARTS[0].1, &subject.training, &study.training_images)?;
        write(PARTS[1].1, &subject.test, &study.test_images)?;
    }
    atomic::remove_stale(&folder)?;
    Ok(())
}

fn write_network(folder: &Path, network: &Network, study: &Study) -> Result<()> {
    let mut batch = Batch::new();
    for layer in &network.layers {
        let halves = [
            (&layer.training, &study.training_images),
            (&layer.test, &study.test_images),
        ];
        for ((split, _), (activations, images)) in PARTS.iter().zip(halves) {
            let folder = folder
                .join("data/features")
                .join(split)
                .join(net(network.order))
                .join(layer.name);
            for (image, units) in images.iter().zip(activations.rows()) {
                let path = folder.join(format!("{}.mat", image.name));
                if is_missing(&path)? {
                    batch.add(&path, &files::encode_feature(&layer.shape, units))?;
                }
            }
        }
    }
    publish(batch)
}

/// Makes files visible together: a sync for each of the 6,000 took 4 s of the demo's 5.
fn publish(batch: Batch) -> Result<()> {
    let folders = batch.folders();
    batch.commit()?;
    // What a run that was killed here has left.
    for folder in folders {
        atomic::remove_stale(folder)?;
    }
    Ok(())
}

/// Files are written whole or not at all, so one that exists is finished.
fn is_missing(path: &Path) -> Result<bool> {
    let exists = path.try_exists().map_err(Error::io("look for", path))?;
    Ok(!exists)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn small() -> Plan {
        Plan {
            n_subjects: 1,
            n_voxels: 4,
            n_selected: 3,
            n_units: 2,
            first_layer: [1, 2, 2],
            n_training: 5,
            n_test: 3,
            n_test_repeats: 2,
            ..Plan::default()
        }
    }

    fn write(folder: &Path, plan: &Plan) -> Result<()> {
        write_study(folder, plan, &|_| {})
    }

    /// All files below a folder with their contents, sorted by path.
    fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(contents(&path));
            } else {
                found.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn deleted_files_come_back_with_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &small()).unwrap();
        let before = contents(folder.path());
        // Mark and settings, 8 images, 2 tables, a model, 3 networks of 6 layers with 8 images each.
        assert_eq!(before.len(), 2 + 8 + 2 + 1 + 3 * 6 * 8);
        for (path, _) in before
            .iter()
            .filter(|(path, _)| !path.ends_with(MARK))
            .step_by(3)
        {
            fs::remove_file(path).unwrap();
        }
        write(folder.path(), &small()).unwrap();
        assert!(contents(folder.path()) == before);
    }

    #[test]
    fn existing_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &small()).unwrap();
        let feature = folder
            .path()
            .join("data/features/ImageNetTest/synth/forward/conv1/test_001.mat");
        let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        let before = modified(&feature);
        write(folder.path(), &small()).unwrap();
        assert_eq!(modified(&feature), before);
    }

    #[test]
    fn folders_with_other_things_are_refused_and_untouched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("thesis")).unwrap();
        let error = write(folder.path(), &small()).unwrap_err().to_string();
        assert!(
            error.contains("not empty") && error.contains("name a new"),
            "{error}"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn demo_of_another_seed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &small()).unwrap();
        let error = write(folder.path(), &Plan { seed: 2, ..small() })
            .unwrap_err()
            .to_string();
        assert!(error.contains("another plan"), "{error}");
    }

    #[test]
    fn plans_that_leave_nothing_to_compute_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(
            folder.path(),
            &Plan {
                n_test: 0,
                ..small()
            },
        )
        .unwrap_err()
        .to_string();
        assert_eq!(error, "demo plan: `n_test` is 0; use at least 3");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn images_are_readable_and_hold_the_pixels_that_were_seen() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &small()).unwrap();
        let path = folder.path().join("data/images/ImageNetTest/test_002.png");
        let mut reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, simulate(&small()).test_images[1].pixels);
    }
}
