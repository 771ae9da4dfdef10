//! What people look at: figures as SVG and one HTML page. Numbers come in, nothing is computed here.
//!
//! | module | holds |
//! |---|---|
//! | [`figure`] | ranking of networks, top ROI per layer, accuracy map |
//! | [`page`] | the self-contained `report.html` |

pub mod figure;
mod figure_accuracy_map;
mod figure_ranking;
mod figure_top_roi;
pub mod page;
