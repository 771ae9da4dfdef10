//! What is written reads back by both of the HDF5 readers.

use std::fs;
use std::path::Path;

use bhscore::io::atomic::Batch;
use bhscore::io::mat::{self, Array, Numeric, WeightsWriter};
use bhscore::io::mat_v73::Source;
use proptest::prelude::*;

use crate::summary;

/// Shape `(n_voxels, *unit_shape)` and values of which some are zero.
fn weights() -> impl Strategy<Value = (Vec<usize>, Vec<f32>)> {
    let shape = prop::collection::vec(1usize..6, 1..4).prop_flat_map(|unit_shape| {
        (20usize..60).prop_map(move |n_voxels| {
            let mut shape = vec![n_voxels];
            shape.extend(&unit_shape);
            shape
        })
    });
    shape.prop_flat_map(|shape| {
        let n: usize = shape.iter().product();
        let value = prop_oneof![9 => Just(0.0f32), 1 => prop::num::f32::ANY];
        (Just(shape), prop::collection::vec(value, n))
    })
}

fn read_both_ways(path: &Path, variable: &str) -> Numeric {
    let read = mat::read(path, variable).unwrap();
    let library = Source::open(path).unwrap().read(variable).unwrap();
    assert_eq!(summary(&read), summary(&library));
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dense_arrays_come_back(shape in prop::collection::vec(1usize..7, 0..5), seed in any::<u32>()) {
        let n: usize = shape.iter().product();
        let values: Vec<f64> = (0..n).map(|i| f64::from(seed) / (i + 1) as f64).collect();
        let singles: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.mat");
        fs::write(&path, mat::encode_f64("x_mean", &shape, &values)).unwrap();
        prop_assert_eq!(
            read_both_ways(&path, "x_mean"),
            Numeric::F64(Array { shape: shape.clone(), values })
        );
        fs::write(&path, mat::encode_f32("x_mean", &shape, &singles)).unwrap();
        prop_assert_eq!(
            read_both_ways(&path, "x_mean"),
            Numeric::F32(Array { shape, values: singles })
        );
    }

    #[test]
    fn weights_come_back_dense_or_sparse((shape, values) in weights()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("W.mat");
        fs::write(&path, mat::encode_weights("W", &shape, &values)).unwrap();
        let array = read_both_ways(&path, "W").into_f32();
        prop_assert_eq!(&array.shape, &shape);
        // Equal as numbers: a negative zero is not stored in the sparse form.
        let equal = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (*a == 0.0 && *b == 0.0);
        prop_assert!(array.values.iter().zip(&values).all(equal));
    }
}

/// Writes `n_selected` weights per unit, in two runs and in the wrong order.
fn stream(path: &Path, n_voxels: usize, unit_shape: &[usize], n_selected: usize) -> Vec<f32> {
    let n_units: usize = unit_shape.iter().product();
    let mut dense = vec![0.0; n_voxels * n_units];
    let (mut selected, mut weights) = (Vec::new(), Vec::new());
    for unit in 0..n_units {
        for i in 0..n_selected {
            let voxel = (unit % 3) + i * (n_voxels - 3) / n_selected;
            let weight = (unit * n_selected + i) as f32 + 0.5;
            dense[unit * n_voxels + voxel] = weight;
            selected.push(voxel as u32);
            weights.push(weight);
        }
    }
    let total = n_units * n_selected;
    let mut writer = WeightsWriter::create(path, n_voxels, unit_shape, total).unwrap();
    let half = n_units / 2 * n_selected;
    writer
        .append(n_units / 2, &selected[half..], &weights[half..], n_selected)
        .unwrap();
    writer
        .append(0, &selected[..half], &weights[..half], n_selected)
        .unwrap();
    let mut batch = Batch::new();
    batch.add_staged(writer.finish().unwrap());
    batch.commit().unwrap();
    dense
}

#[test]
fn streamed_weights_come_back_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    for (n_selected, class) in [(50, "single"), (4, "sparse array")] {
        let path = folder.path().join(format!("{n_selected}/W.mat"));
        let values = stream(&path, 200, &[3, 5, 7], n_selected);
        assert_eq!(mat::variables(&path).unwrap()[0].class, class);
        let array = mat::read_f32(&path, "W").unwrap();
        assert_eq!(
            array,
            Array {
                shape: vec![200, 3, 5, 7],
                values: values.clone()
            }
        );
        let (_, unit) = mat::read_range(&path, "W", 77 * 200..78 * 200).unwrap();
        assert_eq!(unit, values[77 * 200..78 * 200]);
    }
}

#[test]
fn streamed_and_encoded_dense_weights_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("W.mat");
    let values = stream(&path, 40, &[6], 30);
    assert_eq!(
        fs::read(&path).unwrap(),
        mat::encode_weights("W", &[40, 6], &values)
    );
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("W.mat");
    let mut writer = WeightsWriter::create(&path, 10, &[2], 4).unwrap();
    assert!(writer.append(0, &[1, 10], &[1.0, 1.0], 2).is_err());
    assert!(writer.append(1, &[0, 1, 0, 1], &[1.0; 4], 2).is_err());
    writer.append(1, &[0, 1], &[1.0; 2], 2).unwrap();
    assert!(writer.finish().is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
