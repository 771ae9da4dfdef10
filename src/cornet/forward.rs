//! The operations as tensors, with gradients where the backend has them. The only file that names `burn`.

use std::collections::BTreeMap;

use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_tensor::activation::{log_softmax, relu};
use burn_tensor::backend::Backend;
use burn_tensor::module::{conv2d, max_pool2d};
use burn_tensor::ops::ConvOptions;
use burn_tensor::{Int, Tensor, TensorData};

use super::architecture::{Conv, N_COLOURS, Ops, forward};
use super::batches::Batch;
use super::weights::{MEAN, VARIANCE, Weights};
use super::{Kind, Network};

/// Groups of a group norm.
pub(super) const N_GROUPS: usize = 32;
/// Added to variances before the root, as in PyTorch.
pub(super) const EPSILON: f64 = 1e-5;
/// Share of a batch in the running statistics, as in PyTorch.
const SHARE_OF_BATCH: f32 = 0.1;

/// What a batch gives before the weights move.
pub(super) struct Gradients {
    /// Mean cross entropy of the batch, in nats.
    pub loss: f64,
    /// Class scores, `(n_images, n_classes)` in row-major order.
    pub scores: Vec<f32>,
    /// Derivatives of the loss by parameter.
    pub of: BTreeMap<String, Vec<f32>>,
}

/// Loss and gradients of a batch in training; the running statistics in `weights` take the batch in.
pub(super) fn gradients(network: &Network, weights: &mut Weights, batch: &Batch) -> Gradients {
    type Learning = Autodiff<Flex>;
    let mut ops = Forward::<Learning>::new(network, weights, true);
    let scores = forward(&mut ops, network, &images(network, batch));
    let scores = flat(scores);
    let loss = cross_entropy(scores.clone(), &batch.labels);
    let mut found = loss.backward();
    let mut of = BTreeMap::new();
    for (name, parameter) in &ops.parameters {
        if let Some(gradient) = parameter.grad_remove(&mut found) {
            of.insert(name.clone(), values(gradient));
        }
    }
    for (name, statistics) in ops.seen {
        if let Some(buffer) = weights.buffers.get_mut(&name) {
            for (old, new) in buffer.values.iter_mut().zip(statistics) {
                *old = (1.0 - SHARE_OF_BATCH) * *old + SHARE_OF_BATCH * new;
            }
        }
    }
    Gradients {
        loss: f64::from(loss.into_scalar()),
        scores: values(scores),
        of,
    }
}

/// Mean cross entropy and class scores, `(n_images, n_classes)`, with the running statistics.
pub(super) fn evaluate(network: &Network, weights: &Weights, batch: &Batch) -> (f64, Vec<f32>) {
    let mut ops = Forward::<Flex>::new(network, weights, false);
    let scores = flat(forward(&mut ops, network, &images(network, batch)));
    let loss = cross_entropy(scores.clone(), &batch.labels);
    (f64::from(loss.into_scalar()), values(scores))
}

/// What a module returned at a step, `(n_images, …)` in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Activation {
    /// Name of the module, such as `V1.output`.
    pub module: String,
    /// From 0.
    pub step: usize,
    /// Values of all images.
    pub values: Vec<f32>,
}

/// What the areas and the decoder return for a batch, in the order of computation, with the running statistics.
#[must_use]
pub fn activations(network: &Network, weights: &Weights, batch: &Batch) -> Vec<Activation> {
    let mut ops = Forward::<Flex>::new(network, weights, false);
    ops.taps = Some(Vec::new());
    forward(&mut ops, network, &images(network, batch));
    let taps = ops.taps.unwrap_or_default().into_iter();
    taps.map(|(module, step, map)| Activation {
        module,
        step,
        values: values(map),
    })
    .collect()
}

fn images<B: Backend>(network: &Network, batch: &Batch) -> Tensor<B, 4> {
    let (n_images, side) = (batch.labels.len(), network.imsize);
    let shape = [n_images, N_COLOURS, side, side];
    Tensor::from_data(
        TensorData::new(batch.images.clone(), shape),
        &B::Device::default(),
    )
}

/// Class scores without the axes of the map.
fn flat<B: Backend>(scores: Tensor<B, 4>) -> Tensor<B, 2> {
    let [n_images, n_classes, ..] = scores.dims();
    scores.reshape([n_images, n_classes])
}

fn cross_entropy<B: Backend>(scores: Tensor<B, 2>, labels: &[usize]) -> Tensor<B, 1> {
    let shape = [labels.len(), 1];
    let labels: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    let labels = TensorData::new(labels, shape);
    let labels = Tensor::<B, 2, Int>::from_data(labels, &B::Device::default());
    log_softmax(scores, 1).gather(1, labels).mean().neg()
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    (tensor.into_data().into_vec()).expect("all tensors of this file are of single floats")
}

/// A network's parameters as tensors, and what is seen on the way through.
struct Forward<B: Backend> {
    /// Flat; the operations give them their shapes.
    parameters: BTreeMap<String, Tensor<B, 1>>,
    /// Running statistics; empty in training.
    running: BTreeMap<String, Tensor<B, 1>>,
    /// Statistics of the batch by the name of their buffer; in training.
    seen: Vec<(String, Vec<f32>)>,
    taps: Option<Vec<(String, usize, Tensor<B, 4>)>>,
    is_training: bool,
}

impl<B: Backend> Forward<B> {
    fn new(network: &Network, weights: &Weights, is_training: bool) -> Self {
        let tensor = |values: &Vec<f32>| {
            let data = TensorData::new(values.clone(), [values.len()]);
            Tensor::from_data(data, &B::Device::default())
        };
        let parameters = weights.parameters.iter().map(|(name, parameter)| {
            let leaf: Tensor<B, 1> = tensor(&parameter.values);
            let leaf = if is_training {
                leaf.require_grad()
            } else {
                leaf
            };
            (name.clone(), leaf)
        });
        let running = weights.buffers.iter().filter(|_| !is_training);
        debug_assert!(network.kind != Kind::S || !weights.buffers.is_empty());
        Self {
            parameters: parameters.collect(),
            running: running
                .map(|(name, buffer)| (name.clone(), tensor(&buffer.values)))
                .collect(),
            seen: Vec::new(),
            taps: None,
            is_training,
        }
    }

    fn parameter<const D: usize>(&self, name: &str, shape: [usize; D]) -> Tensor<B, D> {
        self.parameters[name].clone().reshape(shape)
    }

    /// `x · weight + bias` in each channel.
    fn scaled(&self, x: Tensor<B, 4>, name: &str) -> Tensor<B, 4> {
        let shape = [1, x.dims()[1], 1, 1];
        let scale = self.parameter(&format!("{name}.weight"), shape);
        x * scale + self.parameter(&format!("{name}.bias"), shape)
    }
}

/// Mean of each channel over images and pixels, `(1, channels, 1, 1)`.
fn channel_mean<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    x.mean_dim(3).mean_dim(2).mean_dim(0)
}

impl<B: Backend> Ops for Forward<B> {
    type Map = Tensor<B, 4>;

    fn conv(&mut self, x: &Self::Map, name: &str, conv: Conv) -> Self::Map {
        let shape = [conv.filters, x.dims()[1], conv.kernel, conv.kernel];
        let weight = self.parameter(&format!("{name}.weight"), shape);
        let bias = conv.has_bias.then(|| format!("{name}.bias"));
        let bias = bias.map(|name| self.parameters[&name].clone());
        let options = ConvOptions::new([conv.stride; 2], [conv.padding(); 2], [1; 2], 1);
        conv2d(x.clone(), weight, bias, options)
    }

    fn group_norm(&mut self, x: &Self::Map, name: &str) -> Self::Map {
        let shape @ [n_images, channels, height, width] = x.dims();
        let group = [n_images, N_GROUPS, channels / N_GROUPS * height * width];
        let x = x.clone().reshape(group);
        let x = x.clone() - x.mean_dim(2);
        let variance = x.clone().powi_scalar(2).mean_dim(2);
        let x = x / (variance + EPSILON).sqrt();
        self.scaled(x.reshape(shape), name)
    }

    fn batch_norm(&mut self, x: &Self::Map, name: &str) -> Self::Map {
        let [n_images, channels, height, width] = x.dims();
        let shape = [1, channels, 1, 1];
        let [mean_name, variance_name] = [MEAN, VARIANCE].map(|ending| format!("{name}{ending}"));
        if !self.is_training {
            let statistic = |name: &str| self.running[name].clone().reshape(shape);
            let x = x.clone() - statistic(&mean_name);
            let x = x / (statistic(&variance_name) + EPSILON).sqrt();
            return self.scaled(x, name);
        }
        let mean = channel_mean(x.clone());
        let x = x.clone() - mean.clone();
        let variance = channel_mean(x.clone().powi_scalar(2));
        // The running variance is the unbiased one, the one divided by is not.
        let n = (n_images * height * width) as f32;
        let unbiased = n / (n - 1.0).max(1.0);
        let variances = values(variance.clone().detach()).into_iter();
        self.seen.push((mean_name, values(mean.detach())));
        self.seen
            .push((variance_name, variances.map(|v| v * unbiased).collect()));
        self.scaled(x / (variance + EPSILON).sqrt(), name)
    }

    fn relu(&mut self, x: &Self::Map) -> Self::Map {
        relu(x.clone())
    }

    fn max_pool(&mut self, x: &Self::Map) -> Self::Map {
        max_pool2d(x.clone(), [3; 2], [2; 2], [1; 2], [1; 2], false)
    }

    fn add(&mut self, a: &Self::Map, b: &Self::Map) -> Self::Map {
        a.clone() + b.clone()
    }

    fn zeros(&mut self, images: &Self::Map, channels: usize, side: usize) -> Self::Map {
        let n_images = images.dims()[0];
        Tensor::zeros([n_images, channels, side, side], &images.device())
    }

    fn average(&mut self, x: &Self::Map) -> Self::Map {
        x.clone().mean_dim(3).mean_dim(2)
    }

    fn linear(&mut self, x: &Self::Map, name: &str, n_outputs: usize) -> Self::Map {
        let [n_images, channels, ..] = x.dims();
        let weight = self.parameter(&format!("{name}.weight"), [n_outputs, channels]);
        let bias = self.parameter(&format!("{name}.bias"), [1, n_outputs]);
        let x = x.clone().reshape([n_images, channels]);
        let scores = x.matmul(weight.transpose()) + bias;
        scores.reshape([n_images, n_outputs, 1, 1])
    }

    fn tap(&mut self, x: &Self::Map, module: &str, step: usize) {
        if let Some(taps) = &mut self.taps {
            taps.push((module.to_owned(), step, x.clone()));
        }
    }
}
