//! Everything that goes into `results/`: tables, figures and the page that shows them.

use serde_json::Value;

use super::figure::{self, RankedNetwork};
use super::page::{self, Figure, Page, ScoreRow};
use super::published::{self, Column};
use super::summary::{self, SummaryRow};
use super::{NetworkScores, csv, json};
use crate::bh::DecodingAccuracies;

/// Name of the results page.
pub const PAGE: &str = "report.html";

/// Name of the table of units.
pub const UNITS: &str = "units.parquet";

/// Name of the table of voxels; empty without encoding accuracies.
pub const VOXELS: &str = "voxels.parquet";

/// One network with what its figures need.
pub struct Scored {
    /// The scores.
    pub scores: NetworkScores,
    /// Mean decoding accuracy by layer and ROI, `(n_layers, n_rois)`, NaN where undefined; `None` for
    /// a network that was not scored.
    pub mean_accuracy: Option<Vec<Vec<f64>>>,
    /// Rows of the summary of accuracies, of both halves.
    pub summary: Vec<SummaryRow>,
}

/// Mean accuracy over units and subjects, `(n_layers, n_rois)`; NaN where no unit has one.
pub fn mean_accuracy(accuracies: &DecodingAccuracies) -> Vec<Vec<f64>> {
    let mean = |layer: &Vec<Vec<Option<Vec<f32>>>>, roi: usize| {
        let defined = layer
            .iter()
            .filter_map(|subject| subject[roi].as_ref())
            .flatten()
            .filter(|r| !r.is_nan())
            .map(|r| f64::from(*r));
        let (sum, n) = defined.fold((0.0, 0.0), |(sum, n), r| (sum + r, n + 1.0));
        sum / n
    };
    accuracies
        .values
        .iter()
        .map(|layer| {
            (0..accuracies.rois.len())
                .map(|roi| mean(layer, roi))
                .collect()
        })
        .collect()
}

/// The text files of `results/` with their names, and the object of `bhscore.json`.
///
/// `settings` and `provenance` are stored as they are.
pub fn files(
    title: &str,
    networks: &[Scored],
    settings: Value,
    provenance: Value,
) -> (Vec<(String, Vec<u8>)>, Value) {
    let scores: Vec<NetworkScores> = networks
        .iter()
        .map(|network| network.scores.clone())
        .collect();
    let value = json::value(&scores, settings.clone(), provenance.clone());
    let figures = figures(networks);
    let page = results_page(title, &scores, &figures, &settings, &provenance);
    let mut files = vec![
        ("bhscore.csv".to_owned(), csv::bytes(&scores)),
        ("accuracy_summary.csv".to_owned(), summaries(networks)),
        (
            "bhscore.json".to_owned(),
            format!("{value:#}\n").into_bytes(),
        ),
        (PAGE.to_owned(), page::render(&page).into_bytes()),
    ];
    files.extend(
        figures
            .into_iter()
            .map(|(name, figure)| (name, figure.svg.into_bytes())),
    );
    (files, value)
}

fn summaries(networks: &[Scored]) -> Vec<u8> {
    summary::bytes(networks.iter().map(|network| {
        let scores = &network.scores;
        (
            scores.name.as_str(),
            scores.net.as_str(),
            network.summary.as_slice(),
        )
    }))
}

/// Bars of the networks among the published ones, and of those without a score.
fn ranking(networks: &[Scored]) -> Figure {
    let scores: Vec<NetworkScores> =
        (networks.iter().map(|network| network.scores.clone())).collect();
    let column = Column::of(&scores);
    let bar = |name: String, published: Option<f64>, highlight: bool| RankedNetwork {
        name,
        published,
        highlight,
    };
    let undefined = scores
        .iter()
        .filter(|network| column.score(network).is_none());
    let bars: Vec<RankedNetwork> = (published::ranking(&scores, column).into_iter())
        .map(|row| bar(row.name, Some(row.score), row.own))
        .chain(undefined.map(|network| bar(network.name.clone(), None, true)))
        .collect();
    let (title, order) = match column {
        Column::Average => (
            "BH score, mean of decoding and encoding",
            "decoded best from, and best for predicting, higher areas",
        ),
        Column::Decoding => ("Decoding-based BH score", "decoded best from higher areas"),
        Column::Encoding => (
            "Encoding-based BH score",
            "best for predicting higher areas",
        ),
    };
    Figure {
        title: title.to_owned(),
        caption: format!(
            "By the published rule: 1 where deeper layers are {order}, 0 without order, −1 where the order \
             is reversed. Grey: the published networks. {}",
            published::NOTE
        ),
        svg: figure::ranking(&bars),
    }
}

/// Figures with their file names.
fn figures(networks: &[Scored]) -> Vec<(String, Figure)> {
    let mut figures = vec![("ranking.svg".to_owned(), ranking(networks))];
    for network in networks {
        figures.extend(figures_of(network));
    }
    figures
}

/// Top ROIs and mean accuracy of one network.
fn figures_of(network: &Scored) -> Vec<(String, Figure)> {
    let (Some(decoding), Some(means)) = (&network.scores.decoding, &network.mean_accuracy) else {
        return Vec::new();
    };
    let name = &network.scores.name;
    let file = |kind: &str| format!("{kind}_{}.svg", name.replace(['/', '\\', ' '], "_"));
    let layers: Vec<&str> = decoding.layers.iter().map(String::as_str).collect();
    let rois: Vec<&str> = decoding.rois.iter().map(String::as_str).collect();
    let mut figures = Vec::new();
    if let Some(votes) = &decoding.pooled.published.votes {
        let votes: Vec<Vec<u64>> = votes.rows().into_iter().map(|row| row.to_vec()).collect();
        let all_layers = match &decoding.pooled.published.all_layers {
            Ok(score) => format!("{name}: {score:.3} over all layers"),
            Err(_) => format!("{name}: undefined over all layers"),
        };
        figures.push((
            file("top_roi"),
            Figure {
                title: format!("{name}: from which ROI units are decoded best"),
                caption: "Share of the selected units of each layer, all subjects together."
                    .to_owned(),
                svg: figure::top_roi(&votes, &layers, &rois, &all_layers),
            },
        ));
    }
    figures.push((
        file("accuracy"),
        Figure {
            title: format!("{name}: mean decoding accuracy"),
            caption: "Pearson correlation over test images, mean over units and subjects."
                .to_owned(),
            svg: figure::accuracy_map(means, &layers, &rois, name),
        },
    ));
    figures
}

fn results_page(
    title: &str,
    scores: &[NetworkScores],
    figures: &[(String, Figure)],
    settings: &Value,
    provenance: &Value,
) -> Page {
    let mut order: Vec<&NetworkScores> = scores.iter().collect();
    let column = Column::of(scores);
    let key = |scores: &NetworkScores| column.score(scores).unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|a, b| key(b).total_cmp(&key(a)));
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let has_encoding = scores.iter().any(|network| network.encoding.is_some());
    let warnings = scores.iter().flat_map(|network| {
        let undefined = network
            .reason()
            .map(|reason| format!("undefined: {reason}"));
        let encoding = network
            .encoding_reason()
            .filter(|_| has_encoding)
            .map(|reason| format!("encoding undefined: {reason}"));
        let lines: Vec<String> = (undefined.into_iter().chain(encoding))
            .chain(network.warnings())
            .collect();
        lines
            .into_iter()
            .map(|line| format!("{}: {line}", network.name))
    });
    Page {
        title: title.to_owned(),
        introduction: vec![
            "The Brain Hierarchy score is the rank correlation, over units of a deep network, between \
             the depth of a unit's layer and the level of the visual area from which the unit's \
             activation is decoded best (Nonaka, Majima, Aoki & Kamitani 2021). The encoding-based score is \
             that over voxels, between the level of a voxel's area and the layer that predicts it best; the \
             average of the two is the published headline number."
                .to_owned(),
            "“Published” selects units by the rule of the published scores, so that it stands beside \
             them; “textbook” by the correct test of a correlation. Decoding scores are the mean over all subsets \
             of five layers, in encoding all layers compete, unless settings say otherwise."
                .to_owned(),
        ],
        scores: order.iter().map(|scores| score_row(scores)).collect(),
        warnings: warnings.collect(),
        figures: figures.iter().map(|(_, figure)| figure.clone()).collect(),
        settings: format!("{settings:#}"),
        provenance: provenance
            .as_object()
            .map(|object| object.iter().map(|(name, value)| (name.clone(), text(value))).collect())
            .unwrap_or_default(),
    }
}

fn score_row(scores: &NetworkScores) -> ScoreRow {
    let pooled = scores.decoding.as_ref().map(|decoding| &decoding.pooled);
    ScoreRow {
        name: scores.name.clone(),
        decoding: scores.published(),
        encoding: scores.encoding_published(),
        average: scores.average().and_then(|(published, _)| published.ok()),
        textbook: scores.textbook(),
        n_selected: pooled
            .and_then(|pooled| pooled.published.n_selected())
            .unwrap_or(0),
        n_items: pooled.map_or(0, |pooled| pooled.n_items),
    }
}
