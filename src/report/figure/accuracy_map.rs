//! Mean accuracy of every layer and ROI, as a table in shades.

use super::axis::number;
use super::drawing::{Align, Drawing, Point};
use super::names::{fitted, short_names};
use super::style::{
    FAINT, GAP, LINE, PLAIN, RULE, SINGLE, SMALL, Style, TITLE, amount_colour, ink_on, row_height,
};
use super::{font, layer_axis_name};

/// Room for the names of layers.
const NAMES: i32 = 560;

/// Width of a number with two decimals; narrower columns have shades only.
const NUMBER: i32 = 84;

/// Height of the shade scale.
const SCALE: i32 = 28;

/// Steps in which the shade scale is drawn.
const N_SHADES: i32 = 50;

/// Shades and numbers of mean accuracy, deepest layer on top, 85 mm wide.
///
/// - `means`: mean correlation of layer and ROI, `(n_layers, n_rois)`, first layer first; NaN where
///   undefined.
/// - `layers`, `rois`: their names, `(n_layers,)` and `(n_rois,)`.
/// - `quantity`: what the means are, with its unit.
///
/// Shades run from 0 to the largest mean; values below 0 have the shade of 0, and the scale says so.
pub fn accuracy_map(
    means: &[Vec<f64>],
    (layers, rois): (&[&str], &[&str]),
    title: &str,
    quantity: &str,
) -> Drawing {
    let names = short_names(layers, NAMES, SMALL);
    let n_layers = names.len() as i32;
    let n_rois = rois.len().max(1) as i32;
    let row = row_height(names.len());
    let left = 2 * GAP + LINE + font::widest(names.iter().map(String::as_str), SMALL);
    let column = (SINGLE - GAP - left) / n_rois;
    let headings = short_names(rois, NAMES, PLAIN);
    let longest = font::widest(headings.iter().map(String::as_str), PLAIN);
    let upright = longest > column - GAP / 2;
    let top = GAP + LINE + if upright { longest + GAP } else { LINE };
    let bottom = top + row * n_layers;
    let finite = means.iter().flatten().copied().filter(|m| m.is_finite());
    let (least, largest) = finite.fold((0.0, 0.0), |(least, largest): (f64, f64), mean| {
        (least.min(mean), largest.max(mean))
    });
    let mut canvas = Drawing::new(SINGLE, bottom + 3 * LINE + SCALE);
    let title = fitted(title, SINGLE - 2 * GAP, TITLE);
    canvas.text(&title, (SINGLE / 2, GAP + LINE / 2), Align::Middle, TITLE);
    for (roi, name) in headings.iter().enumerate() {
        let x = left + column * roi as i32 + column / 2;
        if upright {
            let middle = top - GAP / 2 - font::width(name, PLAIN) / 2;
            canvas.upright_text(name, (x, middle), PLAIN);
        } else {
            canvas.text(name, (x, top - LINE / 2), Align::Middle, PLAIN);
        }
    }
    for (index, (values, name)) in means.iter().zip(&names).rev().enumerate() {
        let y = top + row * index as i32;
        canvas.text(name, (left - GAP / 2, y + row / 2), Align::Right, SMALL);
        for (roi, &mean) in values.iter().enumerate() {
            let x = left + column * roi as i32;
            cell(&mut canvas, mean, largest, (x, y), (x + column, y + row));
        }
    }
    layer_axis_name(&mut canvas, top, bottom);
    let ends = [
        if least < 0.0 { "0 or less" } else { "0" },
        &number(largest, 2),
    ];
    scale(&mut canvas, ends, left, bottom + LINE / 2, quantity);
    canvas
}

fn cell(canvas: &mut Drawing, mean: f64, largest: f64, from: Point, to: Point) {
    let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
    if mean.is_nan() {
        return canvas.text("–", middle, Align::Middle, FAINT);
    }
    let colour = amount_colour(if largest > 0.0 { mean / largest } else { 0.0 });
    canvas.rectangle(from, (to.0 - 2, to.1 - 2), colour);
    if to.0 - from.0 >= NUMBER {
        let style = Style {
            colour: ink_on(colour),
            ..SMALL
        };
        canvas.text(&number(mean, 2), middle, Align::Middle, style);
    }
}

/// The shades with their ends and name below the map.
fn scale(canvas: &mut Drawing, ends: [&str; 2], left: i32, top: i32, quantity: &str) {
    let right = SINGLE - GAP;
    let x = |step: i32| left + (right - left) * step / N_SHADES;
    for step in 0..N_SHADES {
        let colour = amount_colour(f64::from(step) / f64::from(N_SHADES - 1));
        // To the right end, so that no seam shows between neighbours.
        canvas.rectangle((x(step), top), (right, top + SCALE), colour);
    }
    canvas.line((left, top + SCALE), (right, top + SCALE), RULE);
    let y = top + SCALE + LINE / 2;
    canvas.text(ends[0], (left, y), Align::Left, PLAIN);
    canvas.text(ends[1], (right, y), Align::Right, PLAIN);
    let name = fitted(quantity, SINGLE - 2 * GAP, PLAIN);
    canvas.text(
        &name,
        (SINGLE / 2, y + LINE - GAP / 2),
        Align::Middle,
        PLAIN,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mean_is_written_and_undefined_ones_are_dashes() {
        let means = [vec![0.31, -0.05], vec![f64::NAN, 0.62]];
        let names: (&[&str], &[&str]) = (&["first", "last"], &["V1", "V2"]);
        let svg = accuracy_map(&means, names, "net", "r").svg();
        for text in ["0.31", "−0.05", "–", "0.62", "V1", "first"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }

    #[test]
    fn the_scale_says_what_has_the_shade_of_zero() {
        let names: (&[&str], &[&str]) = (&["first"], &["V1", "V2"]);
        for (mean, shown) in [(-0.05, true), (0.05, false), (f64::NAN, false)] {
            let svg = accuracy_map(&[vec![0.3, mean]], names, "net", "r").svg();
            assert_eq!(svg.contains("\n0 or less\n"), shown, "{mean}");
        }
    }
}
