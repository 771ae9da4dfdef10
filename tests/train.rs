//! Training of CORnet: the same losses and activations as PyTorch, files that `extract` reads, interruptions that
//! leave no trace. Needs the cargo feature `train`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bhscore::Error;
use bhscore::cornet::batches::{Batch, Loading};
use bhscore::cornet::folder::Folder;
use bhscore::cornet::forward::activations;
use bhscore::cornet::graph::onnx;
use bhscore::cornet::progress::Part;
use bhscore::cornet::sgd::{Sgd, Velocity, rate};
use bhscore::cornet::trainer::{Event, LATEST, Options, train};
use bhscore::cornet::weights::Weights;
use bhscore::cornet::{Kind, Network, step};
use bhscore::extract::engine::{Engine, Rten};
use bhscore::extract::onnx::Model;
use ndarray::ArrayD;
use serde_json::Value;
use tempfile::TempDir;

/// Side of the images of the golden file.
const SIDE: usize = 32;
/// Classes, and images of a step there.
const N_CLASSES: usize = 8;
const BATCH: usize = 32;
/// Side of the even squares that they are made of.
const SQUARE: usize = 8;
/// All its images.
const N_IMAGES: usize = 64;
/// Losses in single precision, after up to 20 steps in which rounding grows (SPEC 3.6).
const LOSS_TOLERANCE: f64 = 1e-4;
/// Activations in single precision, of the largest of the layer: sums of up to 18,432 products in another order
/// (T22 allows 1e-4).
const ACTIVATION_TOLERANCE: f64 = 1e-4;
/// Two engines on the same file and machine.
const ENGINE_TOLERANCE: f64 = 1e-5;

static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/cornet/golden.json"
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
});

fn network(kind: Kind) -> Network {
    Network {
        kind,
        times: 5,
        n_classes: N_CLASSES,
        imsize: SIDE,
    }
}

/// Single floats in [0, 1) by the rule of `scripts/make_cornet_golden.py`: SplitMix64 from a hash of a name.
fn uniform(name: &str, n: usize) -> Vec<f32> {
    let mut key = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |key, byte| {
        (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut next = || {
        key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 40) as f32 / (1 << 24) as f32
    };
    (0..n).map(|_| next()).collect()
}

/// Weights by the same rule.
fn filled(network: &Network) -> Weights {
    let mut weights = Weights::new(network, 0);
    for (name, parameter) in &mut weights.parameters {
        let fan: usize = parameter.shape[1..].iter().product();
        let spread = if parameter.shape.len() == 2 {
            0.06
        } else {
            6.0
        };
        let bound = (spread / fan as f64).sqrt() as f32;
        let is_norm = parameter.shape.len() == 1;
        for (value, u) in
            (parameter.values.iter_mut()).zip(uniform(name, parameter.shape.iter().product()))
        {
            *value = match (is_norm, name.ends_with(".weight")) {
                (false, _) => (2.0 * u - 1.0) * bound,
                (true, true) => 0.5 + u,
                (true, false) => (2.0 * u - 1.0) * 0.125,
            };
        }
    }
    weights
}

/// The images from number `first` on, by the same rule.
fn images(first: usize, n: usize) -> Batch {
    let n_squares = SIDE / SQUARE;
    let all = uniform("images", N_IMAGES * 3 * n_squares * n_squares);
    let labels: Vec<usize> = (first..first + n).map(|image| image % N_CLASSES).collect();
    let images = (0..n * 3 * SIDE * SIDE).map(|at| {
        let (row, column) = (at / SIDE % SIDE, at % SIDE);
        let (image, channel) = (at / (3 * SIDE * SIDE), at / (SIDE * SIDE) % 3);
        let plane = (first + image) * 3 + channel;
        let square = (plane * n_squares + row / SQUARE) * n_squares + column / SQUARE;
        all[square] * 4.0 - 2.0 + (labels[image] >> channel & 1) as f32
    });
    Batch {
        images: images.collect(),
        labels,
    }
}

fn losses(kind: Kind) {
    let network = network(kind);
    let expected: Vec<f64> = serde_json::from_value(GOLDEN[name(kind)]["losses"].clone()).unwrap();
    assert_eq!(expected.len(), 20);
    // With higher rates rounding grows, most in the batch norms of S: PyTorch then differs from itself.
    let lr = match kind {
        Kind::Z => 0.002,
        Kind::R | Kind::RT => 0.001,
        Kind::S => 0.000_02,
    };
    let sgd = Sgd {
        momentum: 0.9,
        weight_decay: 1e-4,
    };
    let (mut weights, mut velocity) = (filled(&network), Velocity::new());
    for (number, expected) in expected.into_iter().enumerate() {
        let batch = images(number * BATCH % N_IMAGES, BATCH);
        let lr = rate(lr, 5.0, (number * BATCH) as f64 / N_IMAGES as f64);
        let found = step::train(&network, (&mut weights, &mut velocity), &batch, (&sgd, lr));
        let off = (found.loss - expected).abs();
        assert!(
            off <= LOSS_TOLERANCE,
            "{kind} step {number}: {} is not {expected}",
            found.loss
        );
    }
    // The running statistics, too, are those of 20 batches.
    let found = step::validate(&network, &weights, &images(0, BATCH)).loss;
    let expected = GOLDEN[name(kind)]["evaluated"].as_f64().unwrap();
    let off = (found - expected).abs();
    assert!(off <= LOSS_TOLERANCE, "{kind}: {found} is not {expected}");
}

fn name(kind: Kind) -> String {
    format!("{kind:?}")
}

#[test]
fn losses_of_z_are_those_of_pytorch() {
    losses(Kind::Z);
}

#[test]
fn losses_of_r_are_those_of_pytorch() {
    losses(Kind::R);
}

#[test]
fn losses_of_rt_are_those_of_pytorch() {
    losses(Kind::RT);
}

#[test]
fn losses_of_s_are_those_of_pytorch() {
    losses(Kind::S);
}

#[test]
fn activations_of_every_step_are_those_of_pytorch() {
    for kind in [Kind::Z, Kind::R, Kind::RT, Kind::S] {
        let network = network(kind);
        let found = activations(&network, &filled(&network), &images(0, 2));
        let expected = GOLDEN[name(kind)]["activations"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{kind}");
        for expected in expected {
            let (module, step) = (&expected["module"], expected["step"].as_u64().unwrap());
            let found = (found.iter())
                .find(|found| found.module == *module && found.step as u64 == step)
                .unwrap();
            let sampled = expected["values"].as_array().unwrap();
            assert_eq!(found.values.len() as u64, expected["n"].as_u64().unwrap());
            let every = (found.values.len() / 24).max(1);
            let largest = found
                .values
                .iter()
                .fold(0.0_f32, |most, v| most.max(v.abs()));
            for (value, expected) in found.values.iter().step_by(every).zip(sampled) {
                let off = (f64::from(*value) - expected.as_f64().unwrap()).abs();
                let most = ACTIVATION_TOLERANCE * f64::from(largest).max(1.0);
                assert!(
                    off <= most,
                    "{kind} {module} t{step}: {value} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn the_first_step_of_r_and_rt_is_the_same_for_every_image_beyond_v1() {
    for kind in [Kind::R, Kind::RT] {
        let network = network(kind);
        for found in activations(&network, &filled(&network), &images(0, 2)) {
            let (first, second) = found.values.split_at(found.values.len() / 2);
            let is_constant = first == second;
            let (module, step) = (found.module.as_str(), found.step);
            // In RT what an image causes goes up by one area a step.
            let reached = match (kind, module) {
                (
                    _,
                    "V1.conv_input" | "V1.conv1" | "V1.output" | "decoder.avgpool"
                    | "decoder.linear",
                ) => 0,
                (Kind::R, _) | (_, "V2.output") => 1,
                (_, "V4.output") => 2,
                (_, _) => 3,
            };
            assert_eq!(is_constant, step < reached, "{kind} {module} t{step}");
        }
    }
}

#[test]
fn extract_reads_the_network_and_finds_the_same_activations() {
    let folder = TempDir::new().unwrap();
    for kind in [Kind::Z, Kind::R, Kind::RT, Kind::S] {
        let network = network(kind);
        let mut weights = filled(&network);
        for (name, buffer) in &mut weights.buffers {
            let n = buffer.values.len();
            buffer.values = uniform(name, n).into_iter().map(|u| 0.5 + u).collect();
        }
        let path = folder.path().join(format!("{kind}.onnx"));
        fs::write(&path, onnx(&network, &weights)).unwrap();
        let model = Model::read(&path).unwrap();
        assert_eq!(
            model.graph().n_parameters(),
            weights.n_parameters() as u64 + added(kind)
        );
        let batch = images(0, 2);
        let expected = activations(&network, &weights, &batch);
        let mut last = BTreeMap::new();
        for activation in &expected {
            let step = format!("{}-t{}", activation.module, activation.step);
            last.insert(activation.module.clone(), &activation.values);
            last.insert(step, &activation.values);
        }
        let outputs = model.graph().outputs().to_vec();
        assert_eq!(outputs.last().map(String::as_str), Some("decoder.linear"));
        assert!(
            outputs.iter().all(|name| last.contains_key(name)),
            "{outputs:?}"
        );
        let engine = Rten::load(model, "image", &outputs, 1).unwrap();
        let shape = [2, 3, SIDE, SIDE].as_slice();
        let input = ArrayD::from_shape_vec(shape, batch.images).unwrap();
        for (name, found) in outputs.iter().zip(engine.run(input.view()).unwrap()) {
            let expected = last[name];
            let largest = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            assert_eq!(found.len(), expected.len(), "{kind} {name}");
            let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let off = f64::from(off.fold(0.0, f32::max) / largest.max(1.0));
            assert!(
                off <= ENGINE_TOLERANCE,
                "{kind} {name}: off by {off:e} of the largest"
            );
        }
    }
}

/// Constants of the file that are no parameters: the scale and bias of 32 groups, which do nothing.
fn added(kind: Kind) -> u64 {
    if matches!(kind, Kind::R | Kind::RT) {
        64
    } else {
        0
    }
}

/// Two classes of four images in both parts: dark reddish and light bluish noise.
fn toy() -> TempDir {
    let folder = TempDir::new().unwrap();
    for part in ["train", "val"] {
        for (class, tint) in [
            ("dark", [90.0, 30.0, 30.0]),
            ("light", [150.0, 180.0, 230.0]),
        ] {
            let below = folder.path().join(part).join(class);
            fs::create_dir_all(&below).unwrap();
            for image in 0..4 {
                let noise = uniform(&format!("{part}{class}{image}"), 40 * 36 * 3);
                let pixels = noise.iter().zip(tint.iter().cycle());
                let pixels: Vec<u8> = pixels.map(|(u, tint)| (tint + 40.0 * u) as u8).collect();
                let mut file = b"P6 40 36 255\n".to_vec();
                file.extend(pixels);
                fs::write(below.join(format!("{image}.ppm")), file).unwrap();
            }
        }
    }
    folder
}

fn options(kind: Kind, epochs: usize) -> Options {
    Options {
        network: Network {
            n_classes: 2,
            times: 2,
            ..network(kind)
        },
        epochs,
        loading: Loading {
            batch_size: 3,
            imsize: SIDE,
            workers: 2,
            seed: 5,
        },
        lr: 0.01,
        step_size: 1.5,
        sgd: Sgd {
            momentum: 0.9,
            weight_decay: 1e-4,
        },
        save_every: Duration::from_secs(600),
    }
}

/// The files of a finished training but for those that hold times.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files = entries.map(|path| (name(&path), fs::read(&path).unwrap()));
    files.filter(|(name, _)| name != "results.csv").collect()
}

#[test]
fn interrupted_and_resumed_is_uninterrupted_whatever_the_threads() {
    let images = toy();
    let folder = Folder::read(images.path()).unwrap();
    let never = AtomicBool::new(false);
    let whole = TempDir::new().unwrap();
    let options = options(Kind::Z, 2);
    let place = (&folder, whole.path());
    let log = train(place, &options, None, &never, |_| {}).unwrap();
    assert_eq!(log.of(Part::Train).count(), 6);
    assert_eq!(log.of(Part::Validation).count(), 2);
    assert!(log.rows.windows(2).all(|rows| rows[0].step <= rows[1].step));
    let rates: Vec<f64> = log.of(Part::Train).map(|row| row.lr).collect();
    assert!(rates[..5].iter().all(|&rate| rate == 0.01) && rates[5] < 0.0011);

    // Stopped after every single step, each time with other threads.
    let parts = TempDir::new().unwrap();
    let mut n_stops = 0;
    let log = loop {
        let stop = AtomicBool::new(false);
        let watch = |event: Event<'_>| {
            if let Event::Step(_) = event {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1 + n_stops % 3);
        let pool = pool.build().unwrap();
        match pool.install(|| train((&folder, parts.path()), &options, None, &stop, watch)) {
            Ok(log) => break log,
            Err(Error::Interrupted) => n_stops += 1,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(n_stops, 6);
    assert_eq!(files(parts.path()), files(whole.path()));
    assert_eq!(log.of(Part::Train).count(), 6);
    assert_eq!(log.of(Part::Validation).count(), 2);
}

fn refusal(folder: &Path, output: &Path, options: &Options, restore: Option<&Path>) -> String {
    let never = AtomicBool::new(false);
    let error = Folder::read(folder)
        .and_then(|folder| train((&folder, output), options, restore, &never, |_| {}));
    error.unwrap_err().to_string()
}

#[test]
fn weights_alone_are_a_beginning_and_other_networks_are_refused() {
    let (images, output, other) = (toy(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = Folder::read(images.path()).unwrap();
    let never = AtomicBool::new(false);
    let options = options(Kind::Z, 1);
    train((&folder, output.path()), &options, None, &never, |_| {}).unwrap();
    let latest = output.path().join(LATEST);
    let weights = output.path().join("CORnet-Z.safetensors");
    let mut begins = None;
    let watch = |event: Event<'_>| {
        if let Event::Begins { position, .. } = event {
            begins = Some(position.n_steps);
        }
    };
    train(
        (&folder, other.path()),
        &options,
        Some(&weights),
        &never,
        watch,
    )
    .unwrap();
    assert_eq!(begins, Some(0));

    let place = TempDir::new().unwrap();
    let refuse = |options: &Options, restore: &Path| {
        refusal(images.path(), place.path(), options, Some(restore))
    };
    let r = Options {
        network: Network {
            kind: Kind::R,
            ..options.network
        },
        ..options.clone()
    };
    let text = refuse(&r, &latest);
    assert!(
        text.contains("is of CORnet-Z, not CORnet-R; give that model"),
        "{text}"
    );
    let text = refuse(&r, &weights);
    assert!(
        text.contains("is not of CORnet-R: it has no `IT.conv1.weight`"),
        "{text}"
    );
    let mut small = options.clone();
    small.loading.batch_size = 2;
    let text = refuse(&small, &latest);
    assert!(
        text.contains("seed 5 and batches of 3; give the options"),
        "{text}"
    );
    let whole = fs::read(&latest).unwrap();
    let cut = place.path().join("cut.safetensors");
    for length in [0, 7, 100, whole.len() - 1] {
        fs::write(&cut, &whole[..length]).unwrap();
        let text = refuse(&options, &cut);
        assert!(
            text.contains("is no checkpoint, or damaged"),
            "{length}: {text}"
        );
    }
}

#[test]
fn images_that_are_not_as_they_should_be_are_named() {
    let output = TempDir::new().unwrap();
    let options = options(Kind::Z, 1);
    let refuse = |folder: &TempDir| refusal(folder.path(), output.path(), &options, None);

    let bad = toy();
    fs::write(bad.path().join("train/dark/2.ppm"), b"P6 40 36 255\n").unwrap();
    let text = refuse(&bad);
    assert!(text.contains("train/dark/2.ppm`: damaged image"), "{text}");

    let empty = toy();
    fs::create_dir(empty.path().join("train/none")).unwrap();
    fs::create_dir(empty.path().join("val/none")).unwrap();
    let text = refuse(&empty);
    assert!(
        text.contains("train/none`: holds no images; each class needs"),
        "{text}"
    );

    let lone = toy();
    fs::remove_dir_all(lone.path().join("train/dark")).unwrap();
    let text = refuse(&lone);
    assert!(text.contains("train`: holds 1 class, too few"), "{text}");

    let other = toy();
    fs::rename(
        other.path().join("val/dark"),
        other.path().join("val/night"),
    )
    .unwrap();
    let text = refuse(&other);
    assert!(text.contains("`dark` is only in one of them"), "{text}");

    let text = refusal(output.path(), output.path(), &options, None);
    assert!(text.contains("train`: is not there; each class"), "{text}");
}

#[test]
fn a_loss_that_is_no_number_keeps_the_last_checkpoint() {
    let (images, output) = (toy(), TempDir::new().unwrap());
    let wild = Options {
        lr: 1e30,
        ..options(Kind::Z, 2)
    };
    let text = refusal(images.path(), output.path(), &wild, None);
    assert!(
        text.contains("no longer a number; lower the rate"),
        "{text}"
    );
    assert!(text.ends_with("no checkpoint was written yet"), "{text}");

    let folder = Folder::read(images.path()).unwrap();
    let never = AtomicBool::new(false);
    let tame = options(Kind::Z, 1);
    train((&folder, output.path()), &tame, None, &never, |_| {}).unwrap();
    let before = fs::read(output.path().join(LATEST)).unwrap();
    let text = refusal(images.path(), output.path(), &wild, None);
    assert!(
        text.contains(&format!(
            "the last good checkpoint is `{}",
            output.path().display()
        )),
        "{text}"
    );
    assert_eq!(fs::read(output.path().join(LATEST)).unwrap(), before);
}

fn bhscore<const N: usize>(args: [&str; N]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bhscore"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_trains_and_its_network_is_extracted() {
    let (images, study) = (toy(), TempDir::new().unwrap());
    let images_path = images.path().to_str().unwrap();
    let output = study.path().join("cornet_rt");
    let output_path = output.to_str().unwrap();
    let (code, stdout, stderr) = bhscore([
        "train",
        "--model",
        "rt",
        "--data_path",
        images_path,
        "-o",
        output_path,
        "--times",
        "3",
        "--epochs",
        "2",
        "--batch_size",
        "4",
        "--lr",
        ".01",
        "--step_size",
        "1",
        "--weight_decay",
        "0",
        "--imsize",
        "32",
    ]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("CORnet-RT: loss "), "{stdout}");
    assert!(stdout.ends_with("after 2 epochs\n"), "{stdout}");
    assert!(stderr.contains("its RT always takes 5"), "{stderr}");
    assert!(stderr.contains("epoch 2: validation loss"), "{stderr}");
    let table = fs::read_to_string(output.join("results.csv")).unwrap();
    assert!(
        table.starts_with("part,epoch,step,loss,top1,top5,lr,seconds\ntrain,0.0,0,"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 1 + 4 + 2);
    let json: Value =
        serde_json::from_slice(&fs::read(output.join("results.json")).unwrap()).unwrap();
    assert_eq!(json["classes"], serde_json::json!(["dark", "light"]));
    assert_eq!(json["validation"].as_array().unwrap().len(), 2);
    assert!(
        fs::read_to_string(output.join("loss.svg"))
            .unwrap()
            .contains("cross entropy")
    );
    assert!(
        fs::read(output.join("loss.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    // Once more: nothing is left to do, and the same is said.
    let (code, again, _) = bhscore([
        "train",
        "--model",
        "RT",
        "--data-path",
        images_path,
        "--output-path",
        output_path,
        "--times",
        "3",
        "--epochs",
        "2",
        "--batch-size",
        "4",
        "--imsize",
        "32",
    ]);
    assert_eq!((code, again), (0, stdout));

    let model = output.join("CORnet-RT.onnx");
    let (study, model) = (study.path().to_str().unwrap(), model.to_str().unwrap());
    let stimuli = format!("{images_path}/val/dark");
    let out = format!("{study}/features");
    let (code, _, stderr) = bhscore([
        "-C",
        study,
        "extract",
        "--net",
        "pytorch/CORnet_RT",
        "--model",
        model,
        "--images",
        &stimuli,
        "--layers",
        "IT.output-t2,decoder.avgpool",
        "--out",
        &out,
    ]);
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn the_command_refuses_with_status_two() {
    let (code, _, stderr) = bhscore([
        "train",
        "--model",
        "Z",
        "--data-path",
        "no/such",
        "-o",
        "nowhere",
    ]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("no/such/train`: is not there; each class needs a folder"),
        "{stderr}"
    );
}
