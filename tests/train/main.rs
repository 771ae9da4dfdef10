//! Training of CORnet: the same losses and activations as PyTorch, files that `extract` reads, interruptions that
//! leave no trace. Needs the cargo feature `train`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may")]

mod command;
mod pytorch;
mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bhscore::cornet::batches::Loading;
use bhscore::cornet::sgd::Sgd;
use bhscore::cornet::trainer::Options;
use bhscore::cornet::{Kind, Network};
use tempfile::TempDir;

/// Side of the images.
const SIDE: usize = 32;
/// Classes of the golden file.
const N_CLASSES: usize = 8;

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
