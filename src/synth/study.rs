//! The whole demo study in memory: a pure function of the plan.

use ndarray::{Array2, Axis, s};

use super::cascade::{self, Level};
use super::image::{self, Image};
use super::network::{self, Order};
use super::{LAYERS, Plan, brain};
use crate::stats::random::Random;

/// Everything that is written to the study folder.
#[derive(Debug, Clone)]
pub struct Study {
    /// Training images in the order of their names.
    pub training_images: Vec<Image>,
    /// Test images in the order of their names.
    pub test_images: Vec<Image>,
    /// Simulated people.
    pub subjects: Vec<Subject>,
    /// `forward`, `reversed` and `shuffled`.
    pub networks: Vec<Network>,
}

/// One simulated person's measurements.
#[derive(Debug, Clone)]
pub struct Subject {
    /// `sub-01` and so on.
    pub name: String,
    /// Responses to the training images.
    pub training: Recording,
    /// Responses to the test images.
    pub test: Recording,
}

/// Voxel responses to a sequence of images.
#[derive(Debug, Clone)]
pub struct Recording {
    /// All ROIs side by side in the order of [`super::ROIS`], `(n_samples, n_rois · n_voxels)`.
    pub voxels: Array2<f64>,
    /// Position of the shown image among the sorted names, from 0: `(n_samples,)`.
    pub shown: Vec<usize>,
    /// Run of each sample, from 1; every run shows each image once: `(n_samples,)`.
    pub run: Vec<usize>,
}

/// One simulated network.
#[derive(Debug, Clone)]
pub struct Network {
    /// How its layers relate to the hierarchy; gives the name.
    pub order: Order,
    /// Its layers from first to last.
    pub layers: Vec<Layer>,
}

/// One layer of a network.
#[derive(Debug, Clone)]
pub struct Layer {
    /// One of [`super::LAYERS`].
    pub name: &'static str,
    /// Unit shape: channels × height × width for the first layer, number of units for the others.
    pub shape: Vec<usize>,
    /// Level of the hierarchy that each unit reads, from 0, the ground truth: `(n_units,)`.
    pub levels: Vec<usize>,
    /// Activations for the training images, `(n_training, n_units)`, units in column-major order.
    pub training: Array2<f64>,
    /// Activations for the test images, `(n_test, n_units)`.
    pub test: Array2<f64>,
}

/// Draws the images and lets brain and networks see them.
pub fn simulate(plan: &Plan) -> Study {
    let mut images = draw_all(plan.seed, "training", plan.n_training);
    images.extend(draw_all(plan.seed, "test", plan.n_test));
    let levels = cascade::levels(plan.seed, &images, plan.n_training);
    let subjects = (1..=plan.n_subjects)
        .map(|i| subject(plan, i, &levels))
        .collect();
    let networks = Order::ALL
        .map(|order| network(plan, order, &levels))
        .to_vec();
    let test_images = images.split_off(plan.n_training);
    Study {
        training_images: images,
        test_images,
        subjects,
        networks,
    }
}

/// Images `<prefix>_001` and so on; numbers of equal width, so that text order is number order.
fn draw_all(seed: u64, prefix: &str, n_images: usize) -> Vec<Image> {
    let width = n_images.to_string().len().max(3);
    (1..=n_images)
        .map(|i| image::draw(seed, &format!("{prefix}_{i:0width$}")))
        .collect()
}

fn subject(plan: &Plan, number: usize, levels: &[Level]) -> Subject {
    let name = format!("sub-{number:02}");
    let responses = brain::responses(plan.seed, &name, levels, plan.n_voxels, plan.n_training);
    let (training, test) = responses.view().split_at(Axis(0), plan.n_training);
    let record = |part: &str, responses, n_repeats| {
        let mut random = Random::stream(plan.seed, &format!("scan/{name}/{part}"));
        let (shown, run) = presentations(
            ndarray::ArrayView2::nrows(&responses),
            n_repeats,
            &mut random,
        );
        let voxels = brain::measure(responses, &shown, plan.n_voxels, &mut random);
        Recording { voxels, shown, run }
    };
    Subject {
        training: record("training", training, plan.n_training_repeats),
        test: record("test", test, plan.n_test_repeats),
        name,
    }
}

/// Image and run of every presentation: each run shows all images in a new order.
fn presentations(
    n_images: usize,
    n_repeats: usize,
    random: &mut Random,
) -> (Vec<usize>, Vec<usize>) {
    let (mut shown, mut run) = (Vec::new(), Vec::new());
    for number in 1..=n_repeats {
        let mut order: Vec<usize> = (0..n_images).collect();
        random.shuffle(&mut order);
        shown.extend(order);
        run.extend(std::iter::repeat_n(number, n_images));
    }
    (shown, run)
}

fn network(plan: &Plan, order: Order, levels: &[Level]) -> Network {
    let layer = |(index, &name): (usize, &&'static str)| {
        let shape = if index == 0 {
            plan.first_layer.to_vec()
        } else {
            vec![plan.n_units]
        };
        let n_units = shape.iter().product();
        let mut random = Random::stream(plan.seed, &format!("units/{}/{name}", order.name()));
        let own = network::unit_levels(order, index, LAYERS.len(), n_units, &mut random);
        let all = network::activations(levels, &own, &shape, plan.n_training, &mut random);
        let training = all.slice(s![..plan.n_training, ..]).to_owned();
        let test = all.slice(s![plan.n_training.., ..]).to_owned();
        Layer {
            name,
            shape,
            levels: own,
            training,
            test,
        }
    };
    Network {
        order,
        layers: LAYERS.iter().enumerate().map(layer).collect(),
    }
}
