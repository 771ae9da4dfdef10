//! Times of the parts of a fit, and of reading and writing, at the sizes of the published study.
//!
//! ```text
//! cargo bench --bench kernels                       everything, some minutes
//! cargo bench --bench kernels -- --quick shared     what has `shared` in its name, seconds
//! ```
//!
//! Sizes are in the names: `products/1200x1000x1000` is images × units × voxels. Data are made before
//! the clock starts, from fixed seeds. `retinotopic` units select voxels around a place on a ring, so that
//! selections overlap as in the visual cortex; `random` ones select independently. Whole programs are
//! compared with the Python packages by `scripts/bench_reference`.

use std::hint::black_box;
use std::time::Duration;

use bhscore::io::atomic::Batch;
use bhscore::io::features::{Layer, VARIABLE};
use bhscore::io::mat::{self, WeightsWriter};
use bhscore::ridge::{self, Inputs, Params, grouping, linalg, select, shared};
use bhscore::stats::correlation;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array2, Axis};

const N_IMAGES: usize = 1200;
const N_REPEATS: usize = 5;
const N_TEST: usize = 50;
const N_UNITS: usize = 1000;
const N_VOXELS: usize = 1000;
const N_SELECTED: usize = 500;
const ALPHA: f64 = 100.0;
/// Places on the ring that voxels and units prefer.
const N_POSITIONS: usize = 12;

/// Sums of twelve uniform numbers: normal enough, and the same everywhere.
fn noise(shape: (usize, usize), seed: u64) -> Array2<f64> {
    let mut state = seed;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    Array2::from_shape_simple_fn(shape, || (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
}

/// How much each of `n` fields sees of each position, `(n, N_POSITIONS)`; neighbours see nearly the same.
fn fields(n: usize, seed: u64) -> Array2<f64> {
    let individual = noise((n, N_POSITIONS), seed);
    Array2::from_shape_fn((n, N_POSITIONS), |(field, position)| {
        let apart = (field * N_POSITIONS) as f64 / n as f64 - position as f64;
        let apart = apart.abs().min(N_POSITIONS as f64 - apart.abs());
        (-0.5 * apart * apart).exp() * (1.0 + 0.35 * individual[[field, position]])
    })
}

/// Voxels of every presentation and units of every image.
struct Data {
    /// `(N_IMAGES · N_REPEATS, N_VOXELS)`.
    voxels: Array2<f64>,
    /// Image of every presentation.
    image_of: Vec<usize>,
    /// `(N_IMAGES, N_UNITS)`.
    units: Array2<f64>,
}

impl Data {
    fn random() -> Data {
        Data {
            voxels: noise((N_IMAGES * N_REPEATS, N_VOXELS), 1),
            image_of: (0..N_IMAGES * N_REPEATS).map(|i| i % N_IMAGES).collect(),
            units: noise((N_IMAGES, N_UNITS), 2),
        }
    }

    /// As in the golden studies: a quarter of the voxels sees nothing, the others see with different
    /// strength, and most of a unit's activity is its own.
    fn retinotopic() -> Data {
        let mut data = Data::random();
        let latent = noise((N_IMAGES, N_POSITIONS), 3);
        let mut signal = latent.dot(&fields(N_VOXELS, 9).t());
        for (mut voxel, gain) in signal
            .columns_mut()
            .into_iter()
            .zip(noise((1, N_VOXELS), 10))
        {
            let sees = gain > -0.67;
            voxel *= if sees { 0.5 * (0.4 * gain).exp() } else { 0.0 };
        }
        for (mut sample, &image) in data.voxels.rows_mut().into_iter().zip(&data.image_of) {
            sample += &signal.row(image);
        }
        data.units += &latent.dot(&fields(N_UNITS, 11).t());
        data
    }

    fn inputs(&self) -> Inputs {
        let params = Params {
            alpha: ALPHA,
            n_selected: N_SELECTED,
            force_f64: false,
        };
        Inputs::new(self.voxels.view(), &self.image_of, N_IMAGES, &params)
    }
}

/// The two kinds of data by name.
fn both() -> [(&'static str, Data); 2] {
    [
        ("retinotopic", Data::retinotopic()),
        ("random", Data::random()),
    ]
}

/// The normal equations of all units, from the presentations averaged by image.
struct Equations {
    /// `(N_VOXELS, N_VOXELS)`.
    system: Array2<f64>,
    /// `(N_UNITS, N_VOXELS)`.
    products: Array2<f64>,
    inverse_norms: Vec<f64>,
}

impl Equations {
    fn of(data: &Data) -> Equations {
        let mut sums = Array2::zeros((N_IMAGES, N_VOXELS));
        for (sample, &image) in data.voxels.rows().into_iter().zip(&data.image_of) {
            let mut sum = sums.row_mut(image);
            sum += &sample;
        }
        let mut system = linalg::gram(data.voxels.view());
        let inverse_norms = system.diag().iter().map(|v| 1.0 / v.sqrt()).collect();
        system.diag_mut().mapv_inplace(|value| value + ALPHA);
        Equations {
            system,
            products: linalg::transpose_product(data.units.view(), sums.view()),
            inverse_norms,
        }
    }

    /// `(N_UNITS, N_SELECTED)`.
    fn select(&self) -> Array2<u32> {
        let mut selected = Array2::zeros((N_UNITS, N_SELECTED));
        let mut candidates = Vec::new();
        for (products, mut selected) in self.products.rows().into_iter().zip(selected.rows_mut()) {
            select::strongest(
                products.to_slice().expect("standard layout"),
                &self.inverse_norms,
                N_SELECTED,
                &mut candidates,
                selected.as_slice_mut().expect("standard layout"),
            );
        }
        selected
    }
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gram");
    for n_voxels in [1000, 2000] {
        let x = noise((N_IMAGES * N_REPEATS, n_voxels), 4);
        let name = format!("{}x{n_voxels}", x.nrows());
        group.bench_function(name, |b| b.iter(|| linalg::gram(black_box(x.view()))));
    }
    group.finish();
    let units = noise((N_IMAGES, N_UNITS), 5);
    let sums = noise((N_IMAGES, N_VOXELS), 6);
    let name = format!("products/{N_IMAGES}x{N_UNITS}x{N_VOXELS}");
    c.bench_function(&name, |b| {
        b.iter(|| linalg::transpose_product(black_box(units.view()), black_box(sums.view())));
    });
}

fn solvers(c: &mut Criterion) {
    let size = format!("{N_UNITS}units-{N_VOXELS}voxels-{N_SELECTED}selected");
    let mut group = c.benchmark_group("solve");
    for (kind, data) in both() {
        let equations = Equations::of(&data);
        let selected = equations.select();
        let rows: Vec<&[u32]> = selected
            .axis_iter(Axis(0))
            .map(|row| row.to_slice().expect("standard layout"))
            .collect();
        group.bench_function(BenchmarkId::new(format!("grouping-{kind}"), &size), |b| {
            b.iter(|| grouping::group(black_box(&rows), N_VOXELS));
        });
        group.bench_function(BenchmarkId::new(format!("shared-{kind}"), &size), |b| {
            b.iter(|| {
                let (system, products) = (equations.system.view(), equations.products.view());
                shared::solve(system, products, selected.view()).expect("positive definite")
            });
        });
        if kind == "random" {
            group.bench_function(BenchmarkId::new("selection-one-thread", &size), |b| {
                b.iter(|| black_box(&equations).select());
            });
        }
    }
    group.finish();
}

fn fit(c: &mut Criterion) {
    let size = format!("{N_UNITS}units-{N_VOXELS}voxels-{N_SELECTED}selected");
    let mut group = c.benchmark_group("fit");
    for (kind, data) in both() {
        group.bench_function(BenchmarkId::new(format!("inputs-{kind}"), &size), |b| {
            b.iter(|| black_box(&data).inputs());
        });
        let inputs = data.inputs();
        group.bench_function(BenchmarkId::new(format!("units-{kind}"), &size), |b| {
            b.iter(|| {
                ridge::fit(black_box(&inputs), data.units.view()).expect("positive definite")
            });
        });
    }
    group.finish();
}

fn files(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let values: Vec<f32> = (0..N_UNITS).map(|unit| unit as f32).collect();
    let bytes = mat::encode_f32(VARIABLE, &[1, N_UNITS], &values);
    let mut batch = Batch::new();
    for image in 0..N_IMAGES {
        let path = folder.path().join(format!("n{image:08}.mat"));
        batch.add(path, &bytes).expect("written");
    }
    batch.commit().expect("committed");
    let name = format!("read-v7.3/{N_IMAGES}files-{N_UNITS}units");
    c.bench_function(&name, |b| {
        let layer = Layer::open(folder.path()).expect("listed");
        b.iter(|| layer.read(None, &|_| {}).expect("read"));
    });

    let selected = Equations::of(&Data::random())
        .select()
        .into_raw_vec_and_offset()
        .0;
    let weights = vec![0.5f32; selected.len()];
    let name = format!("write-W/{N_UNITS}units-{N_VOXELS}voxels-{N_SELECTED}selected");
    c.bench_function(&name, |b| {
        let path = folder.path().join("W.mat");
        let create = || {
            WeightsWriter::create(path.clone(), N_VOXELS, &[N_UNITS], selected.len())
                .expect("created")
        };
        let write = |mut writer: WeightsWriter| {
            let appended = writer.append(0, &selected, &weights, N_SELECTED);
            appended.expect("appended");
            // Dropped, not committed: waiting for the disk is no part of it.
            writer.finish().expect("finished")
        };
        b.iter_batched(create, write, BatchSize::PerIteration);
    });
}

fn accuracy(c: &mut Criterion) {
    let (decoded, truth) = (noise((N_TEST, N_UNITS), 7), noise((N_TEST, N_UNITS), 8));
    let name = format!("accuracy/{N_TEST}images-{N_UNITS}units");
    c.bench_function(&name, |b| {
        b.iter(|| correlation::columns(black_box(decoded.view()), truth.view()));
    });
}

criterion_group! {
    name = kernels;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .without_plots();
    targets = products, solvers, fit, files, accuracy
}
criterion_main!(kernels);
