//! Mean decoding accuracy of every layer from every ROI, as a table in shades.

use super::figure::{
    Align, Canvas, FAINT_INK, GAP, LINE, PLAIN, RULE, SMALL_TEXT, Style, TITLE, WIDTH,
    amount_colour, draw, ink_on, layer_axis_name, short_names, shorten, widest,
};

/// Height of a layer's row at best; many layers share less.
const ROW: i32 = 60;

/// Least height of a row: its text and a hair of space.
const LEAST_ROW: i32 = 36;

/// Height that the rows together should not exceed, three quarters of a page.
const ROWS: i32 = 2600;

/// Width of a number with two decimals; narrower columns have shades only.
const NUMBER: i32 = 84;

/// Height of the shade scale.
const SCALE: i32 = 28;

/// Steps in which the shade scale is drawn.
const N_SHADES: i32 = 50;

/// Shades and numbers of mean accuracy, deepest layer on top, as SVG.
///
/// - `means`: mean correlation of layer and ROI, `(n_layers, n_rois)`, first layer first; NaN where
///   undefined.
/// - `layers`, `rois`: their names, `(n_layers,)` and `(n_rois,)`.
///
/// Shades run from 0 to the largest mean; values below 0 have the shade of 0.
pub fn accuracy_map(means: &[Vec<f64>], layers: &[&str], rois: &[&str], title: &str) -> String {
    let names = short_names(layers);
    let n_layers = names.len() as i32;
    let n_rois = rois.len().max(1) as i32;
    let row = (ROWS / n_layers.max(1)).clamp(LEAST_ROW, ROW);
    let left = 2 * GAP + LINE + widest(names.iter().map(String::as_str), SMALL_TEXT);
    let column = (WIDTH - GAP - left) / n_rois;
    let top = GAP + LINE * 2;
    let bottom = top + row * n_layers;
    let largest = means
        .iter()
        .flatten()
        .copied()
        .filter(|m| m.is_finite())
        .fold(0.0, f64::max);
    draw(bottom + 3 * LINE + SCALE, |canvas| {
        let small = Style {
            size: SMALL_TEXT,
            ..PLAIN
        };
        canvas.text(title, (WIDTH / 2, GAP + LINE / 2), Align::Middle, TITLE);
        for (roi, name) in rois.iter().enumerate() {
            let letters = (f64::from(column) / (f64::from(PLAIN.size) * 0.6)) as usize;
            let x = left + column * roi as i32 + column / 2;
            canvas.text(
                &shorten(name, letters),
                (x, top - LINE / 2),
                Align::Middle,
                PLAIN,
            );
        }
        for (index, (values, name)) in means.iter().zip(&names).rev().enumerate() {
            let y = top + row * index as i32;
            canvas.text(name, (left - GAP / 2, y + row / 2), Align::Right, small);
            for (roi, &mean) in values.iter().enumerate() {
                let x = left + column * roi as i32;
                cell(canvas, mean, largest, (x, y), (x + column, y + row));
            }
        }
        layer_axis_name(canvas, top, bottom);
        scale(canvas, largest, left, bottom + LINE / 2);
    })
}

fn cell(canvas: &Canvas<'_>, mean: f64, largest: f64, from: (i32, i32), to: (i32, i32)) {
    let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
    if mean.is_nan() {
        let style = Style {
            size: SMALL_TEXT,
            colour: FAINT_INK,
            bold: false,
        };
        return canvas.text("–", middle, Align::Middle, style);
    }
    let colour = amount_colour(if largest > 0.0 { mean / largest } else { 0.0 });
    canvas.rectangle(from, (to.0 - 2, to.1 - 2), colour);
    if to.0 - from.0 >= NUMBER {
        let style = Style {
            size: SMALL_TEXT,
            colour: ink_on(colour),
            bold: false,
        };
        canvas.text(&number(mean), middle, Align::Middle, style);
    }
}

/// The shades with their ends and name below the map.
fn scale(canvas: &Canvas<'_>, largest: f64, left: i32, top: i32) {
    let right = WIDTH - GAP;
    let x = |step: i32| left + (right - left) * step / N_SHADES;
    for step in 0..N_SHADES {
        let colour = amount_colour(f64::from(step) / f64::from(N_SHADES - 1));
        // To the right end, so that no seam shows between neighbours.
        canvas.rectangle((x(step), top), (right, top + SCALE), colour);
    }
    canvas.line((left, top + SCALE), (right, top + SCALE), RULE);
    let y = top + SCALE + LINE / 2;
    canvas.text("0", (left, y), Align::Left, PLAIN);
    canvas.text(&number(largest), (right, y), Align::Right, PLAIN);
    let name = "mean decoding accuracy (correlation r)";
    canvas.text(name, (WIDTH / 2, y + LINE - GAP / 2), Align::Middle, PLAIN);
}

/// Two decimals and a true minus sign; no negative zero.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" {
        "0.00".to_owned()
    } else {
        text.replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mean_is_written_and_undefined_ones_are_dashes() {
        let means = [vec![0.31, -0.05], vec![f64::NAN, 0.62]];
        let svg = accuracy_map(&means, &["first", "last"], &["V1", "V2"], "net");
        for text in ["0.31", "−0.05", "–", "0.62", "V1", "first"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }

    #[test]
    fn numbers_have_no_negative_zero() {
        assert_eq!(number(-0.001), "0.00");
        assert_eq!(number(-0.25), "−0.25");
    }
}
