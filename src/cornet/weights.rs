//! Parameters by the names of the original's state dictionary: shapes, first values, running statistics.
//!
//! First values are drawn from a stream per parameter, so that they depend on seed and name alone:
//!
//! | | convolutions | norms | decoder |
//! |---|---|---|---|
//! | Z | Glorot uniform, ±√(6 / (fan_in + fan_out)); bias 0 | – | the same |
//! | R, RT | uniform, ±1 / √fan_in, biases too (PyTorch's defaults) | 1 and 0 | the same |
//! | S | normal, sd √(2 / (k² · filters)) (He, by outputs) | 1 and 0 | uniform as for R |
//!
//! These are the original's rules; its numbers are those of another generator.

use std::collections::BTreeMap;

use super::architecture::{Conv, N_COLOURS, Ops, forward, shrunk};
use super::{Kind, Network};
use crate::stats::random::Random;

/// A parameter or a buffer.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Axis lengths as in PyTorch: `(filters, channels, kernel, kernel)`, `(n_outputs, n_inputs)` or `(channels,)`.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

/// All that a network learns, by name (`V1.conv.weight`).
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// What SGD changes.
    pub parameters: BTreeMap<String, Parameter>,
    /// Running means and variances of batch norms (`V1.norm1.running_mean`).
    pub buffers: BTreeMap<String, Parameter>,
}

impl Weights {
    /// First values of this seed.
    #[must_use]
    pub fn new(network: &Network, seed: u64) -> Weights {
        let mut weights = Weights::zeros(network);
        let fans: BTreeMap<String, (usize, usize)> = (weights.parameters.iter())
            .filter_map(|(name, parameter)| {
                let module = name.strip_suffix(".weight")?;
                Some((module.to_owned(), fans(&parameter.shape)?))
            })
            .collect();
        for (name, parameter) in &mut weights.parameters {
            let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
            let mut random = Random::stream(seed, &format!("weights of {name}"));
            let values = parameter.values.iter_mut();
            match (fans.get(module), leaf) {
                (None, "weight") => values.for_each(|value| *value = 1.0),
                (None, _) => {}
                (Some(&(inputs, outputs)), _) => match (network.kind, leaf) {
                    (Kind::Z, "weight") => {
                        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
                        values.for_each(|value| *value = random.between(-bound, bound) as f32);
                    }
                    (Kind::Z, _) => {}
                    (Kind::S, _) if module != "decoder.linear" => {
                        let sd = (2.0 / outputs as f64).sqrt();
                        values.for_each(|value| *value = (sd * random.normal()) as f32);
                    }
                    _ => {
                        let bound = 1.0 / (inputs as f64).sqrt();
                        values.for_each(|value| *value = random.between(-bound, bound) as f32);
                    }
                },
            }
        }
        for (name, buffer) in &mut weights.buffers {
            if name.ends_with(VARIANCE) {
                buffer.values.fill(1.0);
            }
        }
        weights
    }

    /// Names and shapes, all values zero.
    #[must_use]
    pub fn zeros(network: &Network) -> Weights {
        let mut census = Census {
            found: Weights {
                parameters: BTreeMap::new(),
                buffers: BTreeMap::new(),
            },
        };
        let images = (N_COLOURS, network.imsize);
        forward(&mut census, network, &images);
        census.found
    }

    /// Number of values that are learnt.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.parameters.values().map(|p| p.values.len()).sum()
    }

    /// Whether every value is a number.
    #[must_use]
    pub fn are_finite(&self) -> bool {
        let all = self.parameters.values().chain(self.buffers.values());
        all.flat_map(|p| &p.values).all(|value| value.is_finite())
    }
}

/// Endings of the names of running statistics.
pub(super) const MEAN: &str = ".running_mean";
pub(super) const VARIANCE: &str = ".running_var";

/// Inputs and outputs that a weight connects, counted as PyTorch does; `None` for the scales of norms.
fn fans(shape: &[usize]) -> Option<(usize, usize)> {
    match *shape {
        [outputs, inputs] => Some((inputs, outputs)),
        [filters, channels, height, width] => {
            Some((channels * height * width, filters * height * width))
        }
        _ => None,
    }
}

/// Goes through a network and notes what it needs. A map is channels and side.
struct Census {
    found: Weights,
}

impl Census {
    fn parameter(&mut self, name: String, shape: &[usize]) {
        let parameter = zeros(shape);
        self.found.parameters.entry(name).or_insert(parameter);
    }

    fn norm(&mut self, name: &str, channels: usize) {
        self.parameter(format!("{name}.weight"), &[channels]);
        self.parameter(format!("{name}.bias"), &[channels]);
    }
}

fn zeros(shape: &[usize]) -> Parameter {
    Parameter {
        shape: shape.to_vec(),
        values: vec![0.0; shape.iter().product()],
    }
}

impl Ops for Census {
    type Map = (usize, usize);

    fn conv(&mut self, &(channels, side): &Self::Map, name: &str, conv: Conv) -> Self::Map {
        let shape = [conv.filters, channels, conv.kernel, conv.kernel];
        let weight = format!("{name}.weight");
        if !self.found.parameters.contains_key(&weight) {
            self.parameter(weight, &shape);
        }
        if conv.has_bias {
            self.parameter(format!("{name}.bias"), &[conv.filters]);
        }
        (conv.filters, shrunk(side, conv.stride))
    }

    fn group_norm(&mut self, x: &Self::Map, name: &str) -> Self::Map {
        self.norm(name, x.0);
        *x
    }

    fn batch_norm(&mut self, x: &Self::Map, name: &str) -> Self::Map {
        self.norm(name, x.0);
        for ending in [MEAN, VARIANCE] {
            let buffer = zeros(&[x.0]);
            self.found.buffers.insert(format!("{name}{ending}"), buffer);
        }
        *x
    }

    fn relu(&mut self, x: &Self::Map) -> Self::Map {
        *x
    }

    fn max_pool(&mut self, &(channels, side): &Self::Map) -> Self::Map {
        (channels, shrunk(side, 2))
    }

    fn add(&mut self, a: &Self::Map, _: &Self::Map) -> Self::Map {
        *a
    }

    fn zeros(&mut self, _: &Self::Map, channels: usize, side: usize) -> Self::Map {
        (channels, side)
    }

    fn average(&mut self, &(channels, _): &Self::Map) -> Self::Map {
        (channels, 1)
    }

    fn linear(&mut self, x: &Self::Map, name: &str, n_outputs: usize) -> Self::Map {
        self.parameter(format!("{name}.weight"), &[n_outputs, x.0]);
        self.parameter(format!("{name}.bias"), &[n_outputs]);
        (n_outputs, 1)
    }

    fn tap(&mut self, _: &Self::Map, _: &str, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(kind: Kind) -> Network {
        Network {
            kind,
            times: 5,
            n_classes: 1000,
            imsize: 32,
        }
    }

    #[test]
    fn parameters_are_as_many_as_published() {
        let counts = [
            (Kind::Z, 2_071_656),
            (Kind::R, 5_208_936),
            (Kind::RT, 5_208_936),
            (Kind::S, 53_416_616),
        ];
        for (kind, count) in counts {
            assert_eq!(
                Weights::zeros(&network(kind)).n_parameters(),
                count,
                "{kind}"
            );
        }
    }

    #[test]
    fn first_values_have_the_spread_of_their_rule() {
        let sd = |values: &[f32]| {
            let squares = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
            (squares / values.len() as f64).sqrt()
        };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 0.02, "{a} is not {b}");
        let of = |kind: Kind, name: &str| {
            let weights = Weights::new(&network(kind), 1);
            weights.parameters[name].values.clone()
        };
        // A uniform distribution of half width b has the standard deviation b / √3.
        let glorot = (2.0 / (64.0 * 9.0 + 128.0 * 9.0_f64)).sqrt();
        near(sd(&of(Kind::Z, "V2.conv.weight")), glorot);
        assert!(of(Kind::Z, "V2.conv.bias").iter().all(|&v| v == 0.0));
        let default = 1.0 / (3.0 * 64.0 * 9.0_f64).sqrt();
        near(sd(&of(Kind::R, "V2.conv_input.weight")), default);
        assert!(sd(&of(Kind::R, "V2.conv_input.bias")) > default / 2.0);
        assert!(of(Kind::R, "V2.norm1.weight").iter().all(|&v| v == 1.0));
        near(
            sd(&of(Kind::S, "V2.conv2.weight")),
            (2.0 / (9.0 * 512.0_f64)).sqrt(),
        );
        near(
            sd(&of(Kind::S, "decoder.linear.weight")),
            1.0 / (3.0 * 512.0_f64).sqrt(),
        );
    }

    #[test]
    fn the_seed_decides() {
        let network = network(Kind::Z);
        assert_eq!(Weights::new(&network, 3), Weights::new(&network, 3));
        assert_ne!(Weights::new(&network, 3), Weights::new(&network, 4));
    }
}
