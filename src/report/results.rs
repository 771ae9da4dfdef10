//! Everything that goes into `results/`: tables, figures and the page that shows them.

use serde_json::Value;

use super::figure::{self, Half, HalfData, NetworkData, Picture, RankedNetwork, Ranking, Spread};
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
    /// Decoding accuracy by layer and ROI, `(n_layers, n_rois)`, NaN where undefined; `None` for a
    /// network that was not scored.
    pub accuracy: Option<Vec<Vec<Spread>>>,
}

/// Mean and quartiles of accuracy over units and subjects, `(n_layers, n_rois)`; NaN where no unit
/// has one.
pub fn accuracy_spread(accuracies: &DecodingAccuracies) -> Vec<Vec<Spread>> {
    let of = |layer: &Vec<Vec<Option<Vec<f32>>>>, roi: usize| {
        let of_roi = layer.iter().filter_map(|subject| subject[roi].as_ref());
        spread(of_roi.flatten().copied().filter(|r| !r.is_nan()).collect())
    };
    (accuracies.values.iter())
        .map(|layer| {
            (0..accuracies.rois.len())
                .map(|roi| of(layer, roi))
                .collect()
        })
        .collect()
}

/// Mean and nearest-rank quartiles; NaN of nothing.
fn spread(mut values: Vec<f32>) -> Spread {
    let n = values.len();
    let sum = values.iter().map(|&r| f64::from(r)).sum::<f64>();
    let mut quartile = |quarters: usize| match n {
        0 => f64::NAN,
        _ => {
            let rank = (n * quarters).div_ceil(4).max(1) - 1;
            f64::from(*values.select_nth_unstable_by(rank, f32::total_cmp).1)
        }
    };
    Spread {
        mean: sum / n as f64,
        lower: quartile(1),
        upper: quartile(3),
    }
}

/// The files of `results/` with their names, and the object of `bhscore.json`.
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
    let pictures = pictures(networks);
    let page = results_page(title, &scores, &pictures, &settings, &provenance);
    let mut files = vec![
        ("bhscore.csv".to_owned(), csv::bytes(&scores)),
        (
            "bhscore.json".to_owned(),
            format!("{value:#}\n").into_bytes(),
        ),
        (PAGE.to_owned(), page::render(&page).into_bytes()),
    ];
    for picture in &pictures {
        let Picture { file, drawing, .. } = picture;
        files.push((format!("{file}.svg"), drawing.svg().into_bytes()));
        files.push((format!("{file}.png"), drawing.png()));
    }
    (files, value)
}

/// Figures with their file names.
fn pictures(networks: &[Scored]) -> Vec<Picture> {
    let bars: Vec<RankedNetwork> = networks
        .iter()
        .map(|network| RankedNetwork {
            name: network.scores.name.clone(),
            published: network.scores.published(),
            highlight: true,
        })
        .collect();
    let data: Vec<NetworkData> = networks.iter().filter_map(figure_data).collect();
    let ranking = Ranking {
        rows: bars,
        quantity: "decoding-based BH score".to_owned(),
        caption:
            "By the published rule: 1 where deeper layers are decoded best from higher areas, \
                  0 without order, −1 where the order is reversed."
                .to_owned(),
    };
    figure::draw_all(&ranking, &[], &data)
}

/// What the figures of one network show.
fn figure_data(network: &Scored) -> Option<NetworkData> {
    let decoding = network.scores.decoding.as_ref()?;
    let votes = decoding.pooled.published.votes.as_ref();
    let note = match &decoding.pooled.published.all_layers {
        Ok(score) => format!(": {score:.3} over all layers").replace('-', "−"),
        Err(_) => ": undefined over all layers".to_owned(),
    };
    Some(NetworkData {
        name: network.scores.name.clone(),
        layers: decoding.layers.clone(),
        rois: decoding.rois.clone(),
        halves: vec![HalfData {
            half: Half::Decoding,
            accuracy: network.accuracy.clone()?,
            votes: votes.map(|votes| votes.rows().into_iter().map(|row| row.to_vec()).collect()),
            note,
            nulls: Vec::new(),
        }],
    })
}

fn results_page(
    title: &str,
    scores: &[NetworkScores],
    pictures: &[Picture],
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
        figures: pictures.iter().map(page_figure).collect(),
        settings: format!("{settings:#}"),
        provenance: provenance
            .as_object()
            .map(|object| object.iter().map(|(name, value)| (name.clone(), text(value))).collect())
            .unwrap_or_default(),
    }
}

fn page_figure(picture: &Picture) -> Figure {
    Figure {
        title: picture.title.clone(),
        caption: picture.caption.clone(),
        svg: picture.drawing.svg_element(),
        wide: picture.drawing.is_wide(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_values_by_nearest_rank() {
        let s = spread(vec![0.4, 0.1, 0.3, 0.2]);
        assert_eq!((s.lower, s.upper), (f64::from(0.1_f32), f64::from(0.3_f32)));
        assert!((s.mean - 0.25).abs() < 1e-7);
        let one = spread(vec![0.5]);
        assert_eq!((one.lower, one.mean, one.upper), (0.5, 0.5, 0.5));
        assert!(spread(Vec::new()).mean.is_nan() && spread(Vec::new()).lower.is_nan());
    }
}
