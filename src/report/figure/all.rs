//! All figures of a study from plain data, with file names and captions.

use std::collections::HashSet;

use super::accuracy_lines::{Spread, accuracy_lines};
use super::halves::{ScoredNetwork, halves};
use super::null_distribution::{NullDistribution, null_distribution};
use super::ranking::{RankedNetwork, ranking};
use super::{Drawing, accuracy_map, top_layer, top_roi};

/// Decoding or encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Units of the network from voxels.
    Decoding,
    /// Voxels from units of the network.
    Encoding,
}

impl Half {
    fn word(self) -> &'static str {
        match self {
            Half::Decoding => "decoding",
            Half::Encoding => "encoding",
        }
    }

    fn items(self) -> &'static str {
        match self {
            Half::Decoding => "units",
            Half::Encoding => "voxels",
        }
    }
}

/// What one half of a network's score was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct HalfData {
    /// Which half.
    pub half: Half,
    /// Accuracy of layer and ROI over units or voxels and subjects, `(n_layers, n_rois)`.
    pub accuracy: Vec<Vec<Spread>>,
    /// Selected units by layer and best ROI, or selected voxels by best layer and ROI,
    /// `(n_layers, n_rois)`; `None` where nothing was selected.
    pub votes: Option<Vec<Vec<u64>>>,
    /// Added to the title of the votes, such as the score over all layers.
    pub note: String,
    /// Scores under null hypotheses.
    pub nulls: Vec<NullDistribution>,
}

/// One network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkData {
    /// Name in the settings.
    pub name: String,
    /// Names of the layers, first layer first, `(n_layers,)`.
    pub layers: Vec<String>,
    /// Names of the ROIs in hierarchy order, `(n_rois,)`.
    pub rois: Vec<String>,
    /// The halves that were computed.
    pub halves: Vec<HalfData>,
}

/// The ranking with its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// A row per network.
    pub rows: Vec<RankedNetwork>,
    /// Which score it is: the heading, and the name of the axis.
    pub quantity: String,
    /// What is to be seen.
    pub caption: String,
}

/// A figure with its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// File name without ending.
    pub file: String,
    /// Heading.
    pub title: String,
    /// What is to be seen.
    pub caption: String,
    /// The figure.
    pub drawing: Drawing,
}

/// Every figure for which there are data.
///
/// - `bars`: networks of the ranking.
/// - `scored`: networks of the decoding–encoding figure, drawn if one of the user's has both scores.
/// - `networks`: the user's networks.
pub fn draw_all(
    bars: &Ranking,
    scored: &[ScoredNetwork],
    networks: &[NetworkData],
) -> Vec<Picture> {
    let mut pictures = vec![Picture {
        file: "ranking".to_owned(),
        title: bars.quantity.clone(),
        caption: bars.caption.clone(),
        drawing: ranking(&bars.rows, &bars.quantity),
    }];
    let both = |n: &ScoredNetwork| n.highlight && n.decoding.is_some() && n.encoding.is_some();
    if scored.iter().any(both) {
        pictures.push(Picture {
            file: "decoding_encoding".to_owned(),
            title: "Decoding and encoding scores".to_owned(),
            caption: "By the published rule, a point per network.".to_owned(),
            drawing: halves(scored),
        });
    }
    for network in networks {
        for half in &network.halves {
            pictures.extend(of_half(network, half));
        }
    }
    number_apart(&mut pictures);
    pictures
}

/// Numbers files of one name, which networks `a/b` and `a_b` would share.
fn number_apart(pictures: &mut [Picture]) {
    let mut taken: HashSet<String> = HashSet::new();
    for picture in pictures {
        let first = picture.file.clone();
        let mut number = 2;
        while !taken.insert(picture.file.clone()) {
            picture.file = format!("{first}-{number}");
            number += 1;
        }
    }
}

/// Votes, accuracies and nulls of one half.
fn of_half(network: &NetworkData, data: &HalfData) -> Vec<Picture> {
    let (word, items) = (data.half.word(), data.half.items());
    let NetworkData {
        name, layers, rois, ..
    } = network;
    let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
    let rois: Vec<&str> = rois.iter().map(String::as_str).collect();
    let names = (layers.as_slice(), rois.as_slice());
    let file = |kind: &str| format!("{kind}_{}", name.replace(['/', '\\', ' '], "_"));
    let mut pictures = Vec::new();
    if let Some(votes) = &data.votes {
        let title = format!("{name}{}", data.note);
        let (kind, what, drawing) = match data.half {
            Half::Decoding => (
                "top_roi",
                "from which ROI units are decoded best",
                top_roi(votes, names, &title),
            ),
            Half::Encoding => (
                "top_layer",
                "from which layer voxels are encoded best",
                top_layer(votes, names, &title),
            ),
        };
        pictures.push(Picture {
            file: file(kind),
            title: format!("{name}: {what}"),
            caption: format!("Share of the selected {items}, all subjects together."),
            drawing,
        });
    }
    let means: Vec<Vec<f64>> = (data.accuracy.iter())
        .map(|layer| layer.iter().map(|spread| spread.mean).collect())
        .collect();
    let quantity = format!("mean {word} accuracy (Pearson r)");
    pictures.push(Picture {
        file: file(&format!("{word}_accuracy")),
        title: format!("{name}: mean {word} accuracy"),
        caption: format!("Pearson correlation over test images, mean over {items} and subjects."),
        drawing: accuracy_map(&means, names, name, &quantity),
    });
    let key =
        format!("Line: mean over {items} and subjects; band: the middle half of them (quartiles)");
    pictures.push(Picture {
        file: file(&format!("{word}_accuracy_lines")),
        title: format!("{name}: {word} accuracy along the layers"),
        caption: format!("{key}."),
        drawing: accuracy_lines(
            &data.accuracy,
            names,
            name,
            &format!("{word} accuracy (Pearson r)"),
            &key,
        ),
    });
    for (index, null) in data.nulls.iter().enumerate() {
        let number = if index == 0 {
            String::new()
        } else {
            format!("_{}", index + 1)
        };
        pictures.push(Picture {
            file: file(&format!("{word}_null{number}")),
            title: format!("{name}: {word} score under chance"),
            caption: format!("Grey: scores of {}; line: the network's score.", null.what),
            drawing: null_distribution(null, &format!("{name}: {word}")),
        });
    }
    pictures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_numbered() {
        let picture = |file: &str| Picture {
            file: file.to_owned(),
            title: String::new(),
            caption: String::new(),
            drawing: ranking(&[], "score"),
        };
        let mut pictures = ["a_b", "c", "a_b", "a_b"].map(picture);
        number_apart(&mut pictures);
        let files = pictures.map(|picture| picture.file);
        assert_eq!(files, ["a_b", "c", "a_b-2", "a_b-3"]);
    }
}
