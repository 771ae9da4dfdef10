//! Everything that goes into `results/`: tables, figures and the page that shows them.

use serde_json::Value;

use super::figure::{self, RankedNetwork};
use super::page::{self, Figure, Page, ScoreRow};
use super::{NetworkScores, csv, json};
use crate::bh::DecodingAccuracies;

/// Name of the results page.
pub const PAGE: &str = "report.html";

/// Name of the table of units.
pub const UNITS: &str = "units.parquet";

/// One network with what its figures need.
pub struct Scored {
    /// The scores.
    pub scores: NetworkScores,
    /// Mean decoding accuracy by layer and ROI, `(n_layers, n_rois)`, NaN where undefined; `None` for
    /// a network that was not scored.
    pub mean_accuracy: Option<Vec<Vec<f64>>>,
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

/// Figures with their file names.
fn figures(networks: &[Scored]) -> Vec<(String, Figure)> {
    let bars: Vec<RankedNetwork> = networks
        .iter()
        .map(|network| RankedNetwork {
            name: network.scores.name.clone(),
            published: network.scores.published(),
            highlight: true,
        })
        .collect();
    let mut figures = vec![(
        "ranking.svg".to_owned(),
        Figure {
            title: "Decoding-based BH score".to_owned(),
            caption:
                "By the published rule: 1 where deeper layers are decoded best from higher areas, \
                      0 without order, −1 where the order is reversed."
                    .to_owned(),
            svg: figure::ranking(&bars),
        },
    )];
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
    let key = |scores: &NetworkScores| scores.published().unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|a, b| key(b).total_cmp(&key(a)));
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let warnings = scores.iter().flat_map(|network| {
        let undefined = network
            .reason()
            .map(|reason| format!("undefined: {reason}"));
        let warnings = network
            .decoding
            .iter()
            .flat_map(|decoding| decoding.warnings.clone());
        let lines: Vec<String> = undefined.into_iter().chain(warnings).collect();
        lines
            .into_iter()
            .map(|line| format!("{}: {line}", network.name))
    });
    Page {
        title: title.to_owned(),
        introduction: vec![
            "The Brain Hierarchy score is the rank correlation, over units of a deep network, between \
             the depth of a unit's layer and the level of the visual area from which the unit's \
             activation is decoded best (Nonaka, Majima, Aoki & Kamitani 2021)."
                .to_owned(),
            "“Published” selects units by the rule of the published scores, so that it stands beside \
             them; “textbook” by the correct test of a correlation. Both are the mean over all subsets \
             of five layers unless settings say otherwise."
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
        encoding: None,
        average: None,
        textbook: scores.textbook(),
        n_selected: pooled
            .and_then(|pooled| pooled.published.n_selected())
            .unwrap_or(0),
        n_items: pooled.map_or(0, |pooled| pooled.n_items),
    }
}
