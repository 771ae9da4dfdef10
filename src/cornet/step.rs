//! One step of training, and how well classes are told apart.

use super::Network;
use super::batches::Batch;
use super::forward::{evaluate, gradients};
use super::sgd::{Sgd, Velocity};
use super::weights::Weights;

/// Classes among which the right one may be for the weaker measure.
const FEW: usize = 5;

/// How a batch, or several, did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measure {
    /// Images.
    pub n_images: usize,
    /// Mean cross entropy in nats.
    pub loss: f64,
    /// Share of images whose class has the highest score.
    pub top1: f64,
    /// Share of images whose class is among the five highest, or among all where there are fewer.
    pub top5: f64,
}

impl Measure {
    /// - `scores`: `(n_images, n_classes)` in row-major order.
    fn of(loss: f64, scores: &[f32], labels: &[usize]) -> Measure {
        let n_classes = scores.len() / labels.len();
        // Other scores that are as high as that of the right class, or no numbers, count against it.
        let above = scores.chunks_exact(n_classes).zip(labels);
        let above = above.map(|(scores, &label)| {
            let below = scores.iter().filter(|&score| *score < scores[label]);
            n_classes - 1 - below.count()
        });
        let above: Vec<usize> = above.collect();
        let share = |most: usize| {
            let right = above.iter().filter(|&&above| above < most).count();
            right as f64 / labels.len() as f64
        };
        Measure {
            n_images: labels.len(),
            loss,
            top1: share(1),
            top5: share(FEW.min(n_classes)),
        }
    }

    /// Both together, each image counted alike.
    #[must_use]
    pub fn and(self, other: Measure) -> Measure {
        let n_images = self.n_images + other.n_images;
        let share = other.n_images as f64 / (n_images.max(1)) as f64;
        let mix = |a: f64, b: f64| a + (b - a) * share;
        Measure {
            n_images,
            loss: mix(self.loss, other.loss),
            top1: mix(self.top1, other.top1),
            top5: mix(self.top5, other.top5),
        }
    }
}

/// Moves the weights by one batch; how it did before that.
///
/// The loss may be no number: then the weights are none either.
pub fn train(
    network: &Network,
    (weights, velocity): (&mut Weights, &mut Velocity),
    batch: &Batch,
    (sgd, lr): (&Sgd, f64),
) -> Measure {
    let found = gradients(network, weights, batch);
    sgd.step(weights, velocity, &found.of, lr);
    Measure::of(found.loss, &found.scores, &batch.labels)
}

/// How a batch does, with the running statistics of batch norms.
#[must_use]
pub fn validate(network: &Network, weights: &Weights, batch: &Batch) -> Measure {
    let (loss, scores) = evaluate(network, weights, batch);
    Measure::of(loss, &scores, &batch.labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_class_must_be_above_the_others() {
        let scores = [0.1, 0.9, 0.5, 0.5, 0.0, 0.0, f32::NAN, 0.2];
        let measure = Measure::of(1.0, &scores, &[1, 0, 0, 1]);
        assert_eq!((measure.top1, measure.top5), (0.25, 1.0));
        let scores: Vec<f32> = (0..10).map(|i| i as f32).collect();
        assert_eq!(Measure::of(0.0, &scores, &[5]).top5, 1.0);
        assert_eq!(Measure::of(0.0, &scores, &[4]).top5, 0.0);
    }

    #[test]
    fn images_count_alike() {
        let of = |n_images, loss| Measure {
            n_images,
            loss,
            ..Measure::default()
        };
        let both = Measure::default().and(of(3, 1.0)).and(of(1, 5.0));
        assert_eq!((both.n_images, both.loss), (4, 2.0));
    }
}
