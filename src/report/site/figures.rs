//! Figures of a model's BH scores, drawn again from `bhscore.json` and `accuracy_summary.csv`.

use serde::Serialize;

use super::accuracy;
use super::bh::{Half, Network, Null, SureRule};
use super::board::{Board, Model};
use super::shades::signed;
use crate::report::figure::{
    Drawing, NullDistribution, RankedNetwork, accuracy_map, null_distribution, ranking, top_layer,
    top_roi,
};
use crate::report::published;

/// A figure with its words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Heading.
    pub title: String,
    /// What is to be seen.
    pub caption: String,
    /// SVG of [`crate::report::figure`]; goes into pages unescaped.
    pub svg: String,
    /// Two columns wide.
    pub wide: bool,
}

impl Figure {
    /// A drawing with its words.
    pub fn new(title: impl Into<String>, caption: impl Into<String>, drawing: &Drawing) -> Figure {
        // In a page the element needs no name space, which looks like an address.
        let svg = drawing
            .svg_element()
            .replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        Figure {
            title: title.into(),
            caption: caption.into(),
            svg,
            wide: drawing.is_wide(),
        }
    }
}

/// Figures of each half: top ROI of each layer, top layer of each ROI, accuracies, nulls; what there is of them.
pub fn of_model(board: &Board, model: &Model) -> Vec<(&'static str, Vec<Figure>)> {
    let Some(network) = &model.bh else {
        return Vec::new();
    };
    let sure = network.sure.as_ref();
    let mut halves = Vec::new();
    if let Some(half) = &network.decoding {
        let rule = sure.and_then(|sure| sure.decoding.as_ref()?.published.as_ref());
        halves.push((
            "Decoding",
            of_half(board, network, half, Words::DECODING, rule),
        ));
    }
    if let Some(half) = &network.encoding {
        let rule = sure.and_then(|sure| sure.encoding.as_ref()?.published.as_ref());
        halves.push((
            "Encoding",
            of_half(board, network, half, Words::ENCODING, rule),
        ));
    }
    halves.retain(|(_, figures)| !figures.is_empty());
    halves
}

/// The words of a half.
struct Words {
    half: &'static str,
    items: &'static str,
    votes: &'static str,
    orders: &'static str,
}

impl Words {
    const DECODING: Words = Words {
        half: "decoding",
        items: "units",
        votes: "From which ROI units are decoded best",
        orders: "orders of the layers",
    };
    const ENCODING: Words = Words {
        half: "encoding",
        items: "voxels",
        votes: "From which layer voxels are encoded best",
        orders: "orders of the ROIs",
    };
}

fn of_half(
    board: &Board,
    network: &Network,
    half: &Half,
    words: Words,
    rule: Option<&SureRule>,
) -> Vec<Figure> {
    let name = network.name.as_str();
    let layers: Vec<&str> = half.layers.iter().map(String::as_str).collect();
    let rois: Vec<&str> = half.rois.iter().map(String::as_str).collect();
    let names = (layers.as_slice(), rois.as_slice());
    let decoding = words.half == Words::DECODING.half;
    let mut figures = Vec::new();
    let votes = half
        .votes
        .published
        .as_ref()
        .filter(|votes| fits(votes, half, decoding));
    if let Some(votes) = votes {
        let drawing = match decoding {
            true => top_roi(votes, names, name),
            false => top_layer(&transposed(votes, layers.len()), names, name),
        };
        let caption = format!(
            "Share of the selected {}, all subjects together.",
            words.items
        );
        figures.push(Figure::new(words.votes, caption, &drawing));
    }
    let accuracies = &board.accuracies;
    if let Some(means) = accuracy::means(accuracies, (name, words.half), (&half.layers, &half.rois))
    {
        let quantity = format!("mean {} accuracy (Pearson r)", words.half);
        let drawing = accuracy_map(&means, names, name, &quantity);
        let caption = format!(
            "Pearson correlation over test images, mean over {} and subjects.",
            words.items
        );
        figures.push(Figure::new(
            format!("Mean {} accuracy", words.half),
            caption,
            &drawing,
        ));
    }
    let nulls = rule.map(|rule| {
        [
            (&rule.layer_order, words.orders),
            (&rule.image_shuffle, "shuffles of the images"),
        ]
    });
    for (null, what) in nulls.into_iter().flatten() {
        figures.extend(null.as_ref().map(|null| of_null(null, what, &words)));
    }
    figures
}

/// Whether votes are of the half's layers and ROIs: files can be edited.
fn fits(votes: &[Vec<u64>], half: &Half, decoding: bool) -> bool {
    let (n_layers, n_rois) = (half.layers.len(), half.rois.len());
    let (n_rows, n_columns) = if decoding {
        (n_layers, n_rois)
    } else {
        (n_rois, n_layers)
    };
    votes.len() == n_rows && votes.iter().all(|row| row.len() == n_columns)
}

fn transposed(votes: &[Vec<u64>], n_columns: usize) -> Vec<Vec<u64>> {
    let column = |column: usize| votes.iter().map(|row| row[column]).collect();
    (0..n_columns).map(column).collect()
}

fn of_null(null: &Null, what: &str, words: &Words) -> Figure {
    let distribution = NullDistribution {
        observed: null.observed,
        counts: null.histogram.clone(),
        p: null.p,
        what: what.to_owned(),
    };
    let drawing = null_distribution(&distribution, words.half);
    let observed = null.observed.map_or_else(|| "undefined".to_owned(), signed);
    Figure::new(
        format!("The {} score under chance", words.half),
        format!("Grey: scores of {what}; line: the model's score, {observed}."),
        &drawing,
    )
}

/// The models among the published networks; none without BH scores.
pub fn ranked(board: &Board) -> Option<Figure> {
    type Scores = (
        &'static str,
        fn(&Network) -> Option<f64>,
        fn(&published::PublishedNetwork) -> f64,
    );
    let kinds: [Scores; 3] = [
        (
            "BH score, mean of decoding and encoding",
            Network::average,
            |network| network.average,
        ),
        ("decoding-based BH score", Network::decoding, |network| {
            network.decoding
        }),
        ("encoding-based BH score", Network::encoding, |network| {
            network.encoding
        }),
    ];
    let networks = || board.models.iter().filter_map(|model| model.bh.as_ref());
    let has = |(_, get, _): &&Scores| networks().any(|network| get(network).is_some());
    let (quantity, own, known) = kinds.iter().find(has)?;
    let bar = |name: &str, published: Option<f64>, highlight: bool| RankedNetwork {
        name: name.to_owned(),
        published,
        highlight,
    };
    let published = published::networks();
    let rows: Vec<RankedNetwork> = (networks()
        .map(|network| bar(&network.name, own(network), true)))
    .chain(
        published
            .iter()
            .map(|network| bar(&network.name, Some(known(network)), false)),
    )
    .collect();
    let title = "Among the published networks";
    Some(Figure::new(
        title,
        published::NOTE,
        &ranking(&rows, quantity),
    ))
}
