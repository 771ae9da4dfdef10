//! A sine grating in a circular mask with a hard edge, on gray.
//!
//! ```text
//! x = (column − N/2) / 56 − x₀      y = (row − N/2) / 56 − y₀      in degrees of visual angle, 56 pixels each
//! value = trunc(255 (sin(2π f (x cos θ + y sin θ) + φ) + 1) / 2)    where x² + y² ≤ r², 128 elsewhere
//! ```
//!
//! At full contrast, as all stimuli of the registry are (SPEC: Appendix B).

use ndarray::{Array2, ArrayViewMut2};

/// Pixels per degree of visual angle.
pub const PIXELS_PER_DEGREE: usize = 56;
/// Value of the background.
pub const GRAY: u8 = 128;
/// Largest value of a pixel.
const WHITE: f64 = 255.0;

/// What a grating looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grating {
    /// Centre of the mask `(x₀, y₀)` in degrees from the middle of the image, to the right and down.
    pub centre: (f64, f64),
    /// Radius of the mask in degrees.
    pub radius: f64,
    /// Spatial frequency in cycles per degree.
    pub frequency: f64,
    /// Orientation in degrees: 0 is a wave along the rows, with vertical stripes.
    pub orientation: f64,
    /// Phase in degrees at the centre of the mask: 90 is bright.
    pub phase: f64,
}

impl Grating {
    /// Gray levels, `(side, side)`, row by row from the top.
    ///
    /// - `side`: pixels in a row and in a column.
    pub fn pixels(&self, side: usize) -> Array2<u8> {
        let mut pixels = Array2::zeros((side, side));
        self.draw(pixels.view_mut());
        pixels
    }

    /// The same into an array, square.
    pub fn draw(&self, mut pixels: ArrayViewMut2<'_, u8>) {
        pixels.fill(GRAY);
        let middle = pixels.nrows() as f64 / 2.0;
        let degrees =
            |pixel: usize, centre: f64| (pixel as f64 - middle) / PIXELS_PER_DEGREE as f64 - centre;
        let (sin, cos) = self.orientation.to_radians().sin_cos();
        let phase = self.phase.to_radians();
        let wave = 2.0 * std::f64::consts::PI * self.frequency;
        let square = self.radius * self.radius;
        for (row, mut values) in pixels.rows_mut().into_iter().enumerate() {
            let y = degrees(row, self.centre.1);
            if y * y > square {
                continue;
            }
            for (column, value) in values.iter_mut().enumerate() {
                let x = degrees(column, self.centre.0);
                if x * x + y * y <= square {
                    let level = (wave * (x * cos + y * sin) + phase).sin();
                    *value = (WHITE * (level + 1.0) / 2.0) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_pixels() {
        let grating = Grating {
            centre: (0.5, 0.5),
            radius: 0.75,
            frequency: 2.0,
            orientation: 30.0,
            phase: 45.0,
        };
        let pixels = grating.pixels(672);
        let mean = pixels.iter().map(|&value| f64::from(value)).sum::<f64>() / 672.0 / 672.0;
        assert!((mean - 128.02919501133786).abs() < 1e-10, "{mean}");
        let at = [(364, 364), (350, 380), (400, 364), (364, 330), (10, 10)];
        assert_eq!(at.map(|place| pixels[place]), [217, 220, 0, 184, 128]);
        let inside = Grating {
            frequency: 0.0,
            phase: 90.0,
            ..grating
        };
        let white = |value: &&u8| **value == 255;
        assert_eq!(inside.pixels(672).iter().filter(white).count(), 5525);
    }
}
