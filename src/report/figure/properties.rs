//! Tuning properties: how they are distributed over units and over neurons, a panel each.

use super::axis::{Scale, number};
use super::drawing::{Align, Drawing, Point};
use super::font;
use super::names::fitted;
use super::style::{
    DOUBLE, FAINT, GAP, GREY, HIGHLIGHT, INK, LINE, PLAIN, RULE, SMALL, SQUARE, TITLE,
};
use crate::brainscore::properties::experiment::Score;
use crate::brainscore::properties::property::Property;

/// Panels in a row.
const ACROSS: usize = 4;

/// Height of the bars' area.
const HEIGHT: i32 = 320;

/// Lines above the bars: name, score.
const HEAD: i32 = 2 * LINE;

/// Lines below them: ticks, unit, space.
const FOOT: i32 = 2 * LINE + GAP;

/// Room for the words of the vertical axis.
const WORDS: i32 = 80;

/// Width of the units' outline.
const OUTLINE: i32 = 6;

/// Histograms of neurons in grey and of units as an outline in blue, 180 mm wide.
///
/// - `scores`: a panel each; bins are equally wide whatever their edges.
pub fn properties(scores: &[Score], title: &str) -> Drawing {
    let n_rows = scores.len().div_ceil(ACROSS).max(1) as i32;
    let top = GAP + 2 * LINE;
    let block = HEAD + HEIGHT + FOOT;
    let mut canvas = Drawing::new(DOUBLE, top + block * n_rows);
    let title = fitted(title, DOUBLE - 2 * GAP, TITLE);
    canvas.text(&title, (GAP, GAP + LINE / 2), Align::Left, TITLE);
    key(&mut canvas, GAP + LINE + LINE / 2);
    let width = (DOUBLE - 2 * GAP) / ACROSS as i32;
    for (at, score) in scores.iter().enumerate() {
        let corner = (
            GAP + width * (at % ACROSS) as i32,
            top + block * (at / ACROSS) as i32,
        );
        panel(&mut canvas, score, corner, width);
    }
    canvas
}

/// Which colour is which.
fn key(canvas: &mut Drawing, y: i32) {
    let mut x = GAP;
    for (colour, word) in [(GREY, "neurons"), (HIGHLIGHT, "units of the layer")] {
        let from = (x, y - SQUARE / 2);
        match colour {
            GREY => canvas.rectangle(from, (x + SQUARE, y + SQUARE / 2), colour),
            _ => canvas.path(vec![(x, y), (x + SQUARE, y)], OUTLINE, colour),
        }
        canvas.text(word, (x + SQUARE + GAP / 2, y), Align::Left, SMALL);
        x += SQUARE + 2 * GAP + font::width(word, SMALL);
    }
}

fn panel(canvas: &mut Drawing, score: &Score, (x, y): Point, width: i32) {
    let (name, unit) = words(score.property);
    let middle = x + width / 2;
    let name = fitted(name, width - GAP, TITLE);
    canvas.text(&name, (middle, y + LINE / 2), Align::Middle, TITLE);
    let ceiled = number(score.ceiled.value, 3);
    let without = match score.n_undefined {
        0 => String::new(),
        n => format!(", {n} without a value"),
    };
    let note = format!("{ceiled} of the ceiling, n = {}{without}", score.n_units);
    let note = fitted(&note, width - GAP, FAINT);
    canvas.text(&note, (middle, y + LINE + LINE / 3), Align::Middle, FAINT);
    let (left, right) = (x + WORDS, x + width - GAP);
    let (top, bottom) = (y + HEAD, y + HEAD + HEIGHT);
    let neurons = score.neurons.histogram();
    let shares = neurons.iter().chain(&score.units).copied();
    let up = Scale::covering(shares.chain([0.0]), 4.0, bottom, top);
    for (y, word) in up.ticks() {
        canvas.line((left, y), (right, y), RULE);
        canvas.text(&word, (left - GAP / 2, y), Align::Right, SMALL);
    }
    let edges = score.neurons.edges();
    let n_bins = neurons.len() as i32;
    let at = |edge: usize| left + (right - left) * edge as i32 / n_bins;
    for (bin, share) in neurons
        .iter()
        .enumerate()
        .filter(|(_, share)| **share > 0.0)
    {
        let (from, to) = (at(bin), at(bin + 1));
        canvas.rectangle(
            (from, up.at(*share)),
            ((to - 2).max(from + 2), bottom),
            GREY,
        );
    }
    if score.units.iter().all(|share| !share.is_nan()) {
        let steps = score.units.iter().enumerate().flat_map(|(bin, share)| {
            let y = up.at(*share);
            [(at(bin), y), (at(bin + 1), y)]
        });
        let outline = std::iter::once((left, bottom)).chain(steps);
        canvas.path(
            outline.chain([(right, bottom)]).collect(),
            OUTLINE,
            HIGHLIGHT,
        );
    }
    canvas.line((left, bottom), (right, bottom), INK);
    ticks(canvas, edges, bottom, &at);
    let below = (middle + WORDS / 2, bottom + LINE + LINE / 2);
    canvas.text(unit, below, Align::Middle, PLAIN);
}

/// Edges of the bins, as many as there is room for.
fn ticks(canvas: &mut Drawing, edges: &[f64], bottom: i32, at: &impl Fn(usize) -> i32) {
    let words: Vec<String> = edges.iter().copied().map(word).collect();
    let widest = font::widest(words.iter().map(String::as_str), SMALL) + GAP;
    let apart = (at(1) - at(0)).max(1);
    let every = ((widest + apart - 1) / apart).max(1) as usize;
    for (edge, word) in words.iter().enumerate().step_by(every) {
        canvas.line((at(edge), bottom), (at(edge), bottom + 8), INK);
        canvas.text(
            word,
            (at(edge), bottom + LINE / 2 + 6),
            Align::Middle,
            SMALL,
        );
    }
}

/// An edge with four digits at most.
fn word(edge: f64) -> String {
    let digits = 3.0 - edge.abs().max(f64::MIN_POSITIVE).log10().floor();
    let decimals = if edge == 0.0 {
        0.0
    } else {
        digits.clamp(0.0, 4.0)
    };
    let text = number(edge, decimals as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Name, and quantity with its unit.
fn words(property: Property) -> (&'static str, &'static str) {
    match property {
        Property::CircularVariance => ("Circular variance", ""),
        Property::OrientationBandwidth => ("Orientation bandwidth", "half width (°)"),
        Property::OrthogonalPreferredRatio => ("Orthogonal / preferred", "ratio of rates"),
        Property::OrientationSelective => ("Orientation selective", "no – yes"),
        Property::CircularVarianceBandwidthRatio => ("Circular variance / bandwidth", "1/°"),
        Property::OrthogonalPreferredCircularVarianceDifference => {
            ("Orth./pref. − circular variance", "")
        }
        Property::MaxDc => ("Best response", "spikes per second"),
        Property::ModulationRatio => ("Modulation ratio", "F1 / F0"),
        Property::PreferredOrientation => ("Preferred orientation", "orientation (°)"),
        Property::PeakSpatialFrequency => ("Peak spatial frequency", "cycles per degree"),
        Property::SpatialFrequencySelective => ("Spatial-frequency selective", "no – yes"),
        Property::SpatialFrequencyBandwidth => ("Spatial-frequency bandwidth", "100 × low / high"),
        Property::SurroundSuppressionIndex => ("Surround suppression", "index"),
        Property::GratingSummationField => ("Grating summation field", "diameter (°)"),
        Property::SurroundDiameter => ("Surround diameter", "diameter (°)"),
        Property::TextureModulationIndex => ("Texture modulation", "index"),
        Property::AbsoluteTextureModulationIndex => ("Texture modulation, absolute", "index"),
        Property::TextureSelectivity => ("Texture selectivity", "sparseness"),
        Property::TextureSparseness => ("Texture sparseness", "sparseness"),
        Property::VarianceRatio => ("Texture variance ratio", "families / samples"),
        Property::MaxTexture => ("Best response to textures", "spikes per second"),
        Property::MaxNoise => ("Best response to noise", "spikes per second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::properties::experiment::scores;
    use crate::brainscore::properties::table::Values;
    use std::collections::BTreeMap;

    #[test]
    fn every_scored_property_has_a_panel() {
        let values = Values::from([
            (Property::PreferredOrientation, vec![0.0, 45.0]),
            (Property::PeakSpatialFrequency, vec![f64::NAN]),
        ]);
        let drawing = properties(&scores(&values, &BTreeMap::new(), 0), "net: conv1");
        let svg = drawing.svg();
        assert!(svg.contains("Preferred orientation") && svg.contains("n = 2"));
        assert!(svg.contains("0.000 of the ceiling"), "no unit is in a bin");
        assert_eq!(drawing.width, DOUBLE);
        assert_eq!(
            properties(&[], "nothing").height,
            GAP + 2 * LINE + HEAD + HEIGHT + FOOT
        );
    }

    #[test]
    fn edges_are_short() {
        let edges = [-22.5, 0.0, 0.0625, 0.35, 157.5, 1000.0];
        assert_eq!(
            edges.map(word),
            ["−22.5", "0", "0.0625", "0.35", "157.5", "1000"]
        );
    }
}
