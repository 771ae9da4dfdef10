//! Images to pixels to tensors, against Pillow (`scripts/make_image_goldens.py`).
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use bhscore::extract::image::resample::resize;
use bhscore::extract::image::{self, Pixels, Remark};
use bhscore::extract::preprocess::{Degrees, tensor};
use bhscore::settings::preprocess::{Filter, Preprocess};
use ndarray::{Array3, ArrayD};
use ndarray_npy::NpzReader;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

fn golden<T: ndarray_npy::ReadableElement>(file: &str) -> BTreeMap<String, ArrayD<T>> {
    let mut npz = NpzReader::new(File::open(folder().join(file)).unwrap()).unwrap();
    let names = npz.names().unwrap();
    let mut read = |name: String| {
        let array = npz.by_name(&name).unwrap();
        (name.trim_end_matches(".npy").to_owned(), array)
    };
    names.into_iter().map(&mut read).collect()
}

/// The images by name, in order.
fn images() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let images = entries.filter(|path| path.extension().is_none_or(|ending| ending != "npz"));
    let named = images.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

fn array(pixels: Pixels) -> ArrayD<u8> {
    let shape = (pixels.height, pixels.width, 3);
    Array3::from_shape_vec(shape, pixels.rgb)
        .unwrap()
        .into_dyn()
}

/// How far off two arrays are: `None` if equal.
fn difference(ours: &ArrayD<u8>, expected: &ArrayD<u8>) -> Option<String> {
    if ours.shape() != expected.shape() {
        return Some(format!(
            "{:?}, expected {:?}",
            ours.shape(),
            expected.shape()
        ));
    }
    let off = ours.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    let (most, count) = off.fold((0, 0), |(most, count), off| {
        (off.max(most), count + u32::from(off > 0))
    });
    let share = 100.0 * f64::from(count) / ours.len() as f64;
    (count > 0).then(|| format!("up to {most}, {share:.2} % differ"))
}

#[test]
fn pixels_are_those_of_pillow() {
    let expected = golden::<u8>("pixels.npz");
    let mut problems = Vec::new();
    let images = images();
    assert_eq!(images.len(), expected.len());
    for (name, bytes) in images {
        match image::decode(&bytes, Path::new(&name)) {
            Ok((pixels, _)) => {
                let off = difference(&array(pixels), &expected[&name]);
                problems.extend(off.map(|off| format!("{name}: {off}")));
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn resized_pixels_are_those_of_pillow() {
    let mut problems = Vec::new();
    let mut count = 0;
    for (name, expected) in golden::<u8>("resized.npz") {
        let [image, filter, size] = name.split('/').collect::<Vec<_>>().try_into().unwrap();
        let (pixels, _) = image::read(&folder().join(image)).unwrap();
        let filter = match filter {
            "bicubic" => Filter::Bicubic,
            _ => Filter::Bilinear,
        };
        let (width, height) = size.split_once('x').unwrap();
        let resized = resize(
            &pixels,
            filter,
            width.parse().unwrap(),
            height.parse().unwrap(),
        );
        let off = difference(&array(resized), &expected);
        problems.extend(off.map(|off| format!("{name}: {off}")));
        count += 1;
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(count, 36);
}

#[test]
fn tensors_are_those_of_torchvision() {
    let (pixels, _) = image::read(&folder().join("rgb.png")).unwrap();
    let pytorch = |resize, shorter_side| Preprocess {
        resize,
        shorter_side,
        ..Preprocess::pytorch()
    };
    for (name, expected) in golden::<f32>("tensors.npz") {
        let bilinear = pytorch(Filter::Bilinear, None);
        let on_screen = |model, image| (bilinear.clone(), Some(Degrees { model, image }));
        let (preprocess, degrees) = match name.as_str() {
            "pytorch" => (Preprocess::pytorch(), None),
            "caffe" => (Preprocess::caffe(), None),
            "tensorflow" => (Preprocess::tensorflow(), None),
            "shorter_side_26" => (pytorch(Filter::Bilinear, Some(26)), None),
            "degrees_8_5" => on_screen(8.0, 5.0),
            "degrees_3_8" => on_screen(3.0, 8.0),
            "degrees_8_8" => on_screen(8.0, 8.0),
            other => panic!("{other}"),
        };
        let (height, width) = (expected.shape()[1], expected.shape()[2]);
        let tensor = tensor(&pixels, &preprocess, degrees, (height, width));
        let differ = tensor
            .iter()
            .zip(&expected)
            .filter(|(a, b)| a.to_bits() != b.to_bits());
        assert_eq!(
            (tensor.len(), differ.count()),
            (expected.len(), 0),
            "{name}"
        );
    }
}

#[test]
fn what_is_lost_is_remarked() {
    use Remark::*;
    let mut with: BTreeMap<&str, Vec<Remark>> = BTreeMap::new();
    for name in [
        "grey.jpg",
        "grey_progressive.jpg",
        "grey.png",
        "grey_key.png",
        "grey1.png",
        "grey2.png",
    ] {
        with.insert(name, vec![Greyscale]);
    }
    for name in ["cmyk.jpg", "ycck.jpg", "cmyk.tif"] {
        with.insert(name, vec![Cmyk]);
    }
    for name in [
        "rgba.png",
        "rgba16.png",
        "palette_alpha.png",
        "palette_key.png",
        "rgb_key.png",
        "rgba.tif",
    ] {
        with.insert(name, vec![AlphaDropped]);
    }
    for name in ["frames.tif", "frames.webp", "frames.gif"] {
        with.insert(name, vec![FirstFrame]);
    }
    with.insert("grey16.png", vec![Greyscale, Clipped]);
    with.insert("grey16.tif", vec![Greyscale, Clipped]);
    with.insert("grey_alpha.png", vec![Greyscale, AlphaDropped]);
    with.insert("palette_key.gif", vec![AlphaDropped]);
    with.insert("orientation.jpg", vec![OrientationIgnored]);
    for name in [
        "rgb.png",
        "420.jpg",
        "extraneous.jpg",
        "rgba_opaque.png",
        "palette.png",
        "orientation6.tif",
    ] {
        with.insert(name, vec![]);
    }
    for (name, mut expected) in with {
        let (_, remarks) = image::read(&folder().join(name)).unwrap();
        if name == "grey_key.png" {
            expected.push(AlphaDropped);
        }
        assert_eq!(remarks, expected, "{name}");
    }
}

#[test]
fn beginnings_of_images_are_errors_or_whole() {
    let mut problems = Vec::new();
    // A number in a text file that is cut in two is a number, too.
    for (name, bytes) in images().into_iter().filter(|(name, _)| name != "plain.ppm") {
        let (whole, _) = image::decode(&bytes, Path::new(&name)).unwrap();
        // Ends in the header and near the end tell most; of the others, some.
        let chosen = |end: usize| end < 100 || end + 100 > bytes.len() || end.is_multiple_of(7);
        for end in (0..bytes.len()).filter(|&end| chosen(end)) {
            match image::decode(&bytes[..end], Path::new(&name)) {
                Ok((pixels, _)) if pixels == whole => {}
                Ok(_) => problems.push(format!("{name} at {end} of {}", bytes.len())),
                Err(error) => assert!(error.to_string().contains(&name)),
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn jpeg_files_without_their_end_are_errors() {
    for (name, bytes) in images()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".jpg"))
    {
        let end = bytes
            .windows(2)
            .rposition(|pair| pair == [0xff, 0xd9])
            .unwrap();
        for end in 0..end + 2 {
            assert!(
                image::decode(&bytes[..end], Path::new(&name)).is_err(),
                "{name} at {end}"
            );
        }
        assert!(image::decode(&bytes[..end + 2], Path::new(&name)).is_ok());
    }
}

#[test]
fn damaged_jpeg_data_are_errors() {
    for name in [
        "444.jpg",
        "420.jpg",
        "progressive.jpg",
        "restart.jpg",
        "cmyk.jpg",
    ] {
        let bytes = fs::read(folder().join(name)).unwrap();
        let place = bytes.len() * 2 / 3;
        let mut ended = bytes[..place].to_vec();
        ended.extend_from_slice(&[0xff, 0xd9]);
        // As a download leaves it that reserves the file's size first.
        let mut padded = bytes[..place].to_vec();
        padded.resize(bytes.len() + 5000, 0);
        let mut overwritten = bytes.clone();
        overwritten[place..place + 40].fill(0xff);
        for (kind, damaged) in [
            ("ended", ended),
            ("padded", padded),
            ("overwritten", overwritten),
        ] {
            match image::decode(&damaged, Path::new(name)) {
                Err(error) => assert!(error.to_string().contains("damaged image: "), "{error}"),
                Ok(_) => panic!("{name} {kind} taken"),
            }
        }
    }
}

/// A generator that needs no crate: the constants are those of Knuth's MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut random = Random(7);
    for (name, bytes) in images() {
        for _ in 0..100 {
            let mut changed = bytes.clone();
            for _ in 0..=random.below(4) {
                // Headers matter most.
                let head = random.below(2) == 0;
                let place = random.below(if head {
                    200.min(bytes.len())
                } else {
                    bytes.len()
                });
                changed[place] = random.below(256) as u8;
            }
            if let Ok((pixels, _)) = image::decode(&changed, Path::new(&name)) {
                assert_eq!(pixels.rgb.len(), pixels.width * pixels.height * 3, "{name}");
            }
        }
    }
}
