//! Stochastic gradient descent with momentum and weight decay, as PyTorch's `SGD`, and the schedule of its rate.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::weights::Weights;

/// By what the rate is multiplied at each step of the schedule.
const DECAY: f64 = 0.1;

/// Values that a thread updates at a time.
const CHUNK: usize = 1 << 16;

/// How far and in which direction weights go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Share of the last step's direction that is kept.
    pub momentum: f64,
    /// Share of each weight that is added to its gradient.
    pub weight_decay: f64,
}

/// Directions of the last step by parameter; zero before the first.
pub type Velocity = BTreeMap<String, Vec<f32>>;

impl Sgd {
    /// One step, of every parameter `p` with gradient `g`:
    ///
    /// ```text
    /// v ← momentum · v + (g + weight_decay · p)
    /// p ← p − lr · v
    /// ```
    ///
    /// Parameters without a gradient stay.
    pub fn step(
        &self,
        weights: &mut Weights,
        velocity: &mut Velocity,
        gradients: &BTreeMap<String, Vec<f32>>,
        lr: f64,
    ) {
        let (momentum, decay, lr) = (self.momentum as f32, self.weight_decay as f32, lr as f32);
        for (name, parameter) in &mut weights.parameters {
            let Some(gradient) = gradients.get(name) else {
                continue;
            };
            let zeros = || vec![0.0; gradient.len()];
            let velocity = velocity.entry(name.clone()).or_insert_with(zeros);
            let chunks = parameter.values.par_chunks_mut(CHUNK);
            let chunks = chunks.zip(velocity.par_chunks_mut(CHUNK));
            chunks
                .zip(gradient.par_chunks(CHUNK))
                .for_each(|((values, velocity), gradient)| {
                    for ((value, v), g) in values.iter_mut().zip(velocity).zip(gradient) {
                        *v = momentum * *v + (g + decay * *value);
                        *value -= lr * *v;
                    }
                });
        }
    }
}

/// The rate at a fractional epoch, `lr₀ · 0.1^⌊epoch / step_size⌋`.
#[must_use]
pub fn rate(lr: f64, step_size: f64, epoch: f64) -> f64 {
    lr * DECAY.powf((epoch / step_size).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_falls_at_fractional_epochs() {
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} is not {b}");
        for (epoch, expected) in [
            (0.0, 0.1),
            (9.999, 0.1),
            (10.0, 0.01),
            (19.5, 0.01),
            (20.0, 1e-3),
        ] {
            near(rate(0.1, 10.0, epoch), expected);
        }
        // Steps of half an epoch fall within one.
        near(rate(0.4, 0.5, 0.49), 0.4);
        near(rate(0.4, 0.5, 0.75), 0.04);
        near(rate(0.4, 0.5, 1.0), 0.004);
    }
}
