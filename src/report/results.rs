//! Everything that goes into `results/`: tables, figures and the page that shows them.

use ndarray::ArrayView2;
use serde_json::Value;

use super::figure::{
    self, Half, HalfData, NetworkData, NullDistribution, Picture, RankedNetwork, Ranking,
    ScoredNetwork, Spread,
};
use super::page::{self, Figure, Page, ScoreRow};
use super::published::{self, Column};
use super::summary::{self, SummaryRow};
use super::{NetworkScores, ceilings, csv, json};
use crate::bh::sure::null::Null;
use crate::ceilings::Ceilings;

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
    /// Accuracy of each half by layer and ROI, `(n_layers, n_rois)`, NaN where undefined; none for a
    /// network that was not scored.
    pub accuracy: Vec<(Half, Vec<Vec<Spread>>)>,
    /// Rows of the summary of accuracies, of both halves.
    pub summary: Vec<SummaryRow>,
}

/// Mean and quartiles of accuracy over units or voxels and subjects, `(n_layers, n_rois)`; NaN where
/// none has one.
///
/// - `values`: `values[layer][subject][roi]`, as both kinds of accuracies hold them.
pub fn accuracy_spread(values: &[Vec<Vec<Option<Vec<f32>>>>], n_rois: usize) -> Vec<Vec<Spread>> {
    let of = |layer: &Vec<Vec<Option<Vec<f32>>>>, roi: usize| {
        let of_roi = layer.iter().filter_map(|subject| subject[roi].as_ref());
        spread(of_roi.flatten().copied().filter(|r| !r.is_nan()).collect())
    };
    (values.iter())
        .map(|layer| (0..n_rois).map(|roi| of(layer, roi)).collect())
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
/// `ceilings` are those of the study, if they were measured; `settings` and `provenance` are stored as they are.
pub fn files(
    title: &str,
    networks: &[Scored],
    ceilings: Option<&Ceilings>,
    settings: Value,
    provenance: Value,
) -> (Vec<(String, Vec<u8>)>, Value) {
    let scores: Vec<NetworkScores> = networks
        .iter()
        .map(|network| network.scores.clone())
        .collect();
    let mut value = json::value(&scores, settings.clone(), provenance.clone());
    value["ceilings"] = ceilings.map_or(Value::Null, ceilings::json);
    let pictures = pictures(networks);
    let mut page = results_page(title, &scores, &pictures, &settings, &provenance);
    page.ceilings = ceilings.map(ceilings::section);
    let mut files = vec![
        ("bhscore.csv".to_owned(), csv::bytes(&scores)),
        ("accuracy_summary.csv".to_owned(), summaries(networks)),
        (
            "bhscore.json".to_owned(),
            format!("{value:#}\n").into_bytes(),
        ),
        (PAGE.to_owned(), page::render(&page).into_bytes()),
    ];
    if let Some(ceilings) = ceilings {
        files.push((ceilings::NOISE.to_owned(), ceilings::noise_csv(ceilings)));
    }
    for picture in &pictures {
        let Picture { file, drawing, .. } = picture;
        files.push((format!("{file}.svg"), drawing.svg().into_bytes()));
        files.push((format!("{file}.png"), drawing.png()));
    }
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
fn ranking(scores: &[NetworkScores]) -> Ranking {
    let column = Column::of(scores);
    let bar = |name: String, published: Option<f64>, highlight: bool| RankedNetwork {
        name,
        published,
        highlight,
    };
    let undefined = (scores.iter()).filter(|network| column.score(network).is_none());
    let rows = (published::ranking(scores, column).into_iter())
        .map(|row| bar(row.name, Some(row.score), row.own))
        .chain(undefined.map(|network| bar(network.name.clone(), None, true)))
        .collect();
    let (quantity, order) = match column {
        Column::Average => (
            "BH score, mean of decoding and encoding",
            "decoded best from, and best for predicting, higher areas",
        ),
        Column::Decoding => ("decoding-based BH score", "decoded best from higher areas"),
        Column::Encoding => (
            "encoding-based BH score",
            "best for predicting higher areas",
        ),
    };
    Ranking {
        rows,
        quantity: quantity.to_owned(),
        caption: format!(
            "By the published rule: 1 where deeper layers are {order}, 0 without order, −1 where the order \
             is reversed. Grey: the published networks. {}",
            published::NOTE
        ),
    }
}

/// The networks and the published ones with both halves.
fn both_halves(scores: &[NetworkScores]) -> Vec<ScoredNetwork> {
    let own = scores.iter().map(|network| ScoredNetwork {
        name: network.name.clone(),
        decoding: network.published(),
        encoding: network.encoding_published(),
        highlight: true,
    });
    let published = published::networks().into_iter();
    let published = published.map(|network| ScoredNetwork {
        name: network.name,
        decoding: Some(network.decoding),
        encoding: Some(network.encoding),
        highlight: false,
    });
    own.chain(published).collect()
}

/// Figures with their file names.
fn pictures(networks: &[Scored]) -> Vec<Picture> {
    let scores: Vec<NetworkScores> =
        (networks.iter().map(|network| network.scores.clone())).collect();
    let data: Vec<NetworkData> = networks.iter().filter_map(figure_data).collect();
    figure::draw_all(&ranking(&scores), &both_halves(&scores), &data)
}

/// What the figures of one network show; `None` for one that was not scored.
fn figure_data(network: &Scored) -> Option<NetworkData> {
    let (decoding, encoding) = (&network.scores.decoding, &network.scores.encoding);
    let (layers, rois) = match (decoding, encoding) {
        (Some(score), _) => (&score.layers, &score.rois),
        (None, Some(score)) => (&score.layers, &score.rois),
        (None, None) => return None,
    };
    let halves = network.accuracy.iter().filter_map(|(half, accuracy)| {
        let pooled = match half {
            Half::Decoding => &decoding.as_ref()?.pooled,
            Half::Encoding => &encoding.as_ref()?.pooled,
        };
        let note = match &pooled.published.all_layers {
            Ok(score) => format!(": {score:.3} over all layers").replace('-', "−"),
            Err(_) => ": undefined over all layers".to_owned(),
        };
        Some(HalfData {
            half: *half,
            accuracy: accuracy.clone(),
            votes: (pooled.published.votes.as_ref()).map(|votes| by_layer(votes.view(), *half)),
            note,
            nulls: nulls(network, *half),
        })
    });
    Some(NetworkData {
        name: network.scores.name.clone(),
        layers: layers.clone(),
        rois: rois.clone(),
        halves: halves.collect(),
    })
}

/// Votes as `(n_layers, n_rois)`: in encoding the ROIs vote for layers.
fn by_layer(votes: ArrayView2<u64>, half: Half) -> Vec<Vec<u64>> {
    let votes = match half {
        Half::Decoding => votes,
        Half::Encoding => votes.reversed_axes(),
    };
    votes.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// Scores under null hypotheses, where they were measured: by `compute --sure`.
fn nulls(network: &Scored, half: Half) -> Vec<NullDistribution> {
    let sure = network.scores.sure.as_ref();
    let (pair, orders) = match half {
        Half::Decoding => (sure.and_then(|sure| sure.decoding.as_ref()), "layer orders"),
        Half::Encoding => (sure.and_then(|sure| sure.encoding.as_ref()), "ROI orders"),
    };
    let Some(rule) = pair.and_then(|pair| pair.published.as_ref()) else {
        return Vec::new();
    };
    let figure = |null: &Null, what: &str| NullDistribution {
        observed: Some(null.observed),
        counts: null.histogram.clone(),
        p: Some(null.p),
        what: what.to_owned(),
    };
    let order = rule.layer_order.as_ref().map(|null| figure(null, orders));
    let shuffle = rule.image_shuffle.as_ref();
    let images = shuffle.map(|shuffle| figure(&shuffle.null, "shuffles of the images"));
    order.into_iter().chain(images).collect()
}

fn results_page(
    title: &str,
    scores: &[NetworkScores],
    pictures: &[Picture],
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
        figures: pictures.iter().map(page_figure).collect(),
        ceilings: None,
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
        encoding: scores.encoding_published(),
        average: scores.average().and_then(|(published, _)| published.ok()),
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
