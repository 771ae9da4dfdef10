//! Mean accuracy along the layers with its spread, a panel per ROI.

use super::axis::Scale;
use super::drawing::Drawing;
use super::panels::{Panel, Words, panels};
use super::style::{BAND, FAINT_INK, HIGHLIGHT};

/// Width of the line of means.
const LINE_WIDTH: i32 = 6;

/// Radius of a mean's dot.
const DOT: i32 = 9;

/// Width of the spread of a layer without neighbours.
const LONE_BAND: i32 = 16;

/// Mean and middle half of some accuracies, correlations from -1 to 1; NaN where undefined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Lower quartile.
    pub lower: f64,
    /// Upper quartile.
    pub upper: f64,
}

/// Lines of mean accuracy with bands of spread, 85 or 180 mm wide.
///
/// - `spreads`: of layer and ROI, `(n_layers, n_rois)`, first layer first.
/// - `layers`, `rois`: their names, `(n_layers,)` and `(n_rois,)`.
/// - `quantity`: what the accuracies are, with its unit.
/// - `key`: what mean and band are taken over.
pub fn accuracy_lines(
    spreads: &[Vec<Spread>],
    (layers, rois): (&[&str], &[&str]),
    title: &str,
    quantity: &str,
    key: &str,
) -> Drawing {
    let ends = spreads
        .iter()
        .flatten()
        .flat_map(|s| [s.mean, s.lower, s.upper]);
    let scale = Scale::covering(ends.chain([0.0]), 3.0, 0, 1);
    let words = Words {
        title,
        key,
        axis: quantity,
        notes: Vec::new(),
    };
    panels((layers, rois), &words, &scale, |canvas, panel| {
        let zero = panel.scale.at(0.0);
        let (top, bottom) = (panel.y(layers.len().saturating_sub(1)), panel.y(0));
        let half = panel.row / 2;
        canvas.line((zero, top - half), (zero, bottom + half), FAINT_INK);
        let of_roi: Vec<(usize, Spread)> = (spreads.iter().enumerate())
            .map(|(layer, row)| (layer, row[panel.roi]))
            .collect();
        for run in of_roi.split(|(_, spread)| spread.mean.is_nan()) {
            draw_run(canvas, panel, run);
        }
    })
}

/// Layers one after the other that all have a mean.
fn draw_run(canvas: &mut Drawing, panel: &Panel, run: &[(usize, Spread)]) {
    let at = |layer: usize, value: f64| (panel.scale.at(value), panel.y(layer));
    let lower = run.iter().map(|&(layer, s)| at(layer, s.lower));
    let upper = run.iter().rev().map(|&(layer, s)| at(layer, s.upper));
    let means: Vec<_> = run.iter().map(|&(layer, s)| at(layer, s.mean)).collect();
    match run {
        [(layer, s)] => {
            canvas.path(
                vec![at(*layer, s.lower), at(*layer, s.upper)],
                LONE_BAND,
                BAND,
            );
        }
        _ => canvas.area(lower.chain(upper).collect(), BAND),
    }
    if means.len() > 1 {
        canvas.path(means.clone(), LINE_WIDTH, HIGHLIGHT);
    }
    for mean in means {
        canvas.dot(mean, DOT, HIGHLIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Mark;
    use super::*;

    fn spread(mean: f64) -> Spread {
        Spread {
            mean,
            lower: mean - 0.1,
            upper: mean + 0.1,
        }
    }

    #[test]
    fn missing_layers_break_the_line() {
        let spreads = [0.1, 0.2, f64::NAN, 0.3].map(|mean| vec![spread(mean)]);
        let layers = ["a", "b", "c", "d"];
        let drawing = accuracy_lines(&spreads, (&layers, &["V1"]), "net", "r", "key");
        let dots = |mark: &&Mark| matches!(mark, Mark::Dot(..));
        assert_eq!(drawing.marks.iter().filter(dots).count(), 3);
        let bands = |mark: &&Mark| matches!(mark, Mark::Area(points, _) if points.len() == 4);
        assert_eq!(drawing.marks.iter().filter(bands).count(), 1);
    }
}
