//! Figures for papers and talks, as SVG and PNG from the same list of marks.
//!
//! | module | draws |
//! |---|---|
//! | [`ranking`](fn@ranking) | networks by score, the published ones grey |
//! | [`top_roi`](fn@top_roi) | from which ROI the units of each layer are decoded best |
//! | [`top_layer`](fn@top_layer) | from which layer the voxels of each ROI are encoded best |
//! | [`accuracy_map`](fn@accuracy_map) | mean accuracy of every layer and ROI in shades |
//! | [`accuracy_lines`](fn@accuracy_lines) | the same as lines with spread |
//! | [`null_distribution`](fn@null_distribution) | a score among those of the null hypothesis |
//! | [`halves`](fn@halves) | decoding against encoding scores |
//! | [`relation`](fn@relation) | one property of models against another |
//! | [`properties`](fn@properties) | tuning properties of units among those of neurons |
//! | [`loss_curve`](fn@loss_curve) | loss along a training |
//! | [`draw_all`] | those for which a study has data, with file names and captions |
//!
//! Figures are one (85 mm) or two (180 mm) journal columns wide; the embedded typeface makes them look the
//! same everywhere. Equal input gives equal bytes. Each has its own light ground and is legible on dark pages.

mod accuracy_lines;
mod accuracy_map;
mod all;
mod axis;
mod drawing;
mod font;
mod halves;
mod loss_curve;
mod names;
mod null_distribution;
mod panels;
mod png;
mod properties;
mod ranking;
mod relation;
mod style;
mod svg;
mod top_layer;
mod top_roi;

pub use accuracy_lines::{Spread, accuracy_lines};
pub use accuracy_map::accuracy_map;
pub use all::{Half, HalfData, NetworkData, Picture, Ranking, draw_all};
pub use drawing::Drawing;
pub use font::css as font_css;
pub use halves::{ScoredNetwork, halves};
pub use loss_curve::loss_curve;
pub use null_distribution::{NullDistribution, null_distribution};
pub use properties::properties;
pub use ranking::{RankedNetwork, ranking};
pub use relation::relation;
pub use top_layer::top_layer;
pub use top_roi::top_roi;

use style::{GAP, LINE, PLAIN};

/// The vertical axis of figures with a row per layer.
fn layer_axis_name(canvas: &mut Drawing, top: i32, bottom: i32) {
    let whole = "layer (deepest on top)";
    let name = if font::width(whole, PLAIN) <= bottom - top {
        whole
    } else {
        "layer"
    };
    canvas.upright_text(name, (GAP + LINE / 2, (top + bottom) / 2), PLAIN);
}

#[cfg(test)]
pub(crate) mod tests;
