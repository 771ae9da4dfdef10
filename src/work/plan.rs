//! Settings and filters → the ordered list of items.

use super::item::{Item, Stage};
use crate::error::{Error, Result};
use crate::settings::{Network, Settings};

/// Which items of a network are wanted; an empty list wants all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Layer names.
    pub layers: Vec<String>,
    /// Subject names.
    pub subjects: Vec<String>,
    /// ROI names.
    pub rois: Vec<String>,
}

/// The items of one stage and network: layer by layer, then subject, then ROI.
///
/// The order lets a run read each layer's features once and keep each ROI's Gram matrix from layer
/// to layer. A filter that names something the settings do not have is an error.
pub fn plan(
    settings: &Settings,
    network: &Network,
    stage: Stage,
    filter: &Filter,
) -> Result<Vec<Item>> {
    let roi_names: Vec<String> = settings.rois.iter().map(|roi| roi.name.clone()).collect();
    let layers = chosen("layer", &network.layers, &filter.layers)?;
    let subjects = chosen("subject", &settings.subjects, &filter.subjects)?;
    let rois = chosen("ROI", &roi_names, &filter.rois)?;
    let mut items = Vec::with_capacity(layers.len() * subjects.len() * rois.len());
    for layer in &layers {
        for subject in &subjects {
            for roi in &rois {
                items.push(Item {
                    stage,
                    net: network.dir.clone(),
                    layer: (*layer).clone(),
                    subject: (*subject).clone(),
                    roi: (*roi).clone(),
                });
            }
        }
    }
    Ok(items)
}

/// Those of `known` that are wanted, in the order of the settings.
fn chosen<'a>(kind: &str, known: &'a [String], wanted: &[String]) -> Result<Vec<&'a String>> {
    if let Some(stranger) = wanted.iter().find(|name| !known.contains(name)) {
        return Err(Error::data(
            format!("{kind} `{stranger}`"),
            "is not in the settings",
            format!("choose from {}", known.join(", ")),
        ));
    }
    Ok(known
        .iter()
        .filter(|name| wanted.is_empty() || wanted.contains(name))
        .collect())
}
