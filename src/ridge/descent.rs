//! Conjugate gradients in single precision on one packed system.

use super::packed::{self, padded};

/// Steps after which a pass ends.
const MOST_STEPS: usize = 200;

/// One step of conjugate gradients: how far it went, and by which ratio the squared residual fell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) length: f64,
    pub(super) ratio: f64,
}

/// The vectors of conjugate gradients in single precision, of the padded length.
pub(super) struct Vectors {
    /// The right-hand side before, what is left of it after.
    pub(super) residual: Vec<f32>,
    pub(super) solution: Vec<f32>,
    direction: Vec<f32>,
    pub(super) product: Vec<f32>,
}

impl Vectors {
    pub(super) fn new(n: usize) -> Vectors {
        let zeros = || vec![0.0; padded(n)];
        Vectors {
            residual: zeros(),
            solution: zeros(),
            direction: zeros(),
            product: zeros(),
        }
    }

    /// Solves `Ã z = r` from 0 until the residual has fallen to this share.
    pub(super) fn descend(&mut self, matrix: &[f32], reduction: f64) -> Vec<Step> {
        let mut steps = Vec::new();
        self.solution.fill(0.0);
        self.direction.copy_from_slice(&self.residual);
        let mut square = packed::square(&self.residual);
        let enough = square * reduction * reduction;
        while square > enough && steps.len() < MOST_STEPS {
            packed::product(matrix, &self.direction, &mut self.product);
            let curvature = packed::dot(&self.direction, &self.product);
            let length = square / curvature;
            // Rounding alone can make the system indefinite; the proof decides what becomes of the unit.
            if !(curvature > 0.0 && length.is_finite()) {
                break;
            }
            packed::add_scaled(&mut self.solution, length as f32, &self.direction);
            packed::add_scaled(&mut self.residual, -length as f32, &self.product);
            let after = packed::square(&self.residual);
            let ratio = after / square;
            packed::scale_add(&mut self.direction, ratio as f32, &self.residual);
            square = after;
            steps.push(Step { length, ratio });
        }
        steps
    }
}
