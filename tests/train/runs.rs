//! Interruptions leave no trace, and what cannot be trained on is refused.

use std::sync::atomic::{AtomicBool, Ordering};

use bhscore::Error;
use bhscore::cornet::folder::Folder;
use bhscore::cornet::progress::Part;
use bhscore::cornet::trainer::{Event, LATEST, train};

use super::*;

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
            text.contains("is not a checkpoint, or damaged"),
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
        text.contains("train/none`: holds no images; give each class"),
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
    assert!(
        text.contains("train`: there is no such folder; give each class"),
        "{text}"
    );
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
