//! Every figure in realistic and in odd cases: nothing is cut off, no texts overlap.

use std::f64::consts::PI;

use super::drawing::{Align, Label, Mark};
use super::*;

/// The scores of the published networks, for figures that show them all.
const PUBLISHED: &str = include_str!("../../../data/published_bhscores.csv");

/// Name, decoding and encoding score of the published networks.
fn published() -> Vec<(String, f64, f64)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let score = |column: usize| cells[column].parse().unwrap();
        (cells[0].to_owned(), score(4), score(5))
    };
    PUBLISHED.lines().skip(1).map(row).collect()
}

const MINE: [(&str, Option<f64>, Option<f64>); 3] = [
    (
        "a_network_with_a_name_of_forty_letters_x",
        Some(0.47),
        Some(0.31),
    ),
    ("reversed", Some(-0.84), Some(-0.35)),
    ("undefined <net>", None, Some(0.2)),
];

fn scored(with_published: bool) -> Vec<ScoredNetwork> {
    let known = published().into_iter().filter(|_| with_published);
    let known = known.map(|(name, decoding, encoding)| ScoredNetwork {
        name,
        decoding: Some(decoding),
        encoding: Some(encoding),
        highlight: false,
    });
    let mine = MINE.map(|(name, decoding, encoding)| ScoredNetwork {
        name: name.to_owned(),
        decoding,
        encoding,
        highlight: true,
    });
    known.chain(mine).collect()
}

fn bars(networks: &[ScoredNetwork], quantity: &str) -> Ranking {
    let bar = |network: &ScoredNetwork| RankedNetwork {
        name: network.name.clone(),
        published: network.decoding,
        highlight: network.highlight,
    };
    Ranking {
        rows: networks.iter().map(bar).collect(),
        quantity: quantity.to_owned(),
        caption: String::new(),
    }
}

/// A network whose accuracies rise and fall smoothly, some missing and some negative.
fn network(name: &str, n_layers: usize, rois: &[&str], half: Half) -> NetworkData {
    let layer_name = |layer: usize| match n_layers {
        0..8 => format!("conv{}", layer + 1),
        _ => format!("resnet_v2_101:block{}:unit_{layer}:bottleneck", layer / 6),
    };
    let mean = |layer: usize, roi: usize| {
        let along = layer as f64 / n_layers as f64 - roi as f64 / rois.len() as f64;
        0.35 * (PI * along).cos() - 0.02
    };
    let spread = |layer: usize, roi: usize| match (layer + roi) % 11 {
        7 => Spread {
            mean: f64::NAN,
            lower: f64::NAN,
            upper: f64::NAN,
        },
        _ => Spread {
            mean: mean(layer, roi),
            lower: mean(layer, roi) - 0.12,
            upper: mean(layer, roi) + 0.15,
        },
    };
    let vote = |layer: usize, roi: usize| (9000.0 * mean(layer, roi).max(0.0).powi(2)) as u64;
    let table = |layer: usize| (0..rois.len()).map(|roi| vote(layer, roi)).collect();
    let counts = (0..40i64)
        .map(|bin| (400 - (bin - 20).pow(2)).unsigned_abs())
        .collect();
    NetworkData {
        name: name.to_owned(),
        layers: (0..n_layers).map(layer_name).collect(),
        rois: rois.iter().map(|&roi| roi.to_owned()).collect(),
        halves: vec![HalfData {
            half,
            accuracy: (0..n_layers)
                .map(|layer| (0..rois.len()).map(|roi| spread(layer, roi)).collect())
                .collect(),
            votes: Some((0..n_layers).map(table).collect()),
            note: ": 0.312 over all layers".to_owned(),
            nulls: vec![NullDistribution {
                // 115 of 10,660 are as high.
                observed: Some(0.9),
                counts,
                p: Some(0.0108),
                what: "layer orders".to_owned(),
            }],
        }],
    }
}

const ROIS: [&str; 5] = ["V1", "V2", "V3", "V4", "HVC"];

/// Pictures of many cases with a name for each case.
pub(crate) fn cases() -> Vec<(String, Drawing)> {
    let quantity = "decoding-based Brain Hierarchy score";
    let long = MINE[0].0;
    let many: Vec<String> = (1..=14)
        .map(|roi| format!("left_hemisphere_area_{roi}"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let studies = [
        (
            "one",
            vec![scored(false).remove(0)],
            network("net", 1, &["V1"], Half::Decoding),
        ),
        (
            "three",
            scored(false),
            network("AlexNet", 3, &ROIS, Half::Encoding),
        ),
        (
            "all",
            scored(true),
            network(long, 21, &ROIS, Half::Decoding),
        ),
        (
            "all_encoding",
            scored(true),
            network(long, 21, &ROIS, Half::Encoding),
        ),
        (
            "many_rois",
            Vec::new(),
            network(long, 5, &many, Half::Encoding),
        ),
        (
            "deep",
            Vec::new(),
            network("deep", 80, &ROIS, Half::Decoding),
        ),
    ];
    let mut cases = Vec::new();
    for (study, scored, network) in studies {
        for picture in draw_all(&bars(&scored, quantity), &scored, &[network]) {
            cases.push((format!("{study}-{}", picture.file), picture.drawing));
        }
    }
    cases.push((
        "relation".to_owned(),
        relation::relation(&relation::tests::published()),
    ));
    cases
}

/// The pictures of `data/examples/`: made-up networks, and the published scores.
fn examples() -> Vec<(String, Drawing)> {
    let quantity = "decoding-based BH score";
    let mine = [
        ("forward", 0.83),
        ("energy", 0.79),
        ("shuffled", 0.03),
        ("reversed", -0.84),
    ];
    let demo: Vec<RankedNetwork> = (mine.iter())
        .map(|&(name, score)| RankedNetwork {
            name: name.to_owned(),
            published: Some(score),
            highlight: true,
        })
        .collect();
    let mut known = scored(true);
    known.truncate(29);
    known.push(ScoredNetwork {
        name: "synthetic".to_owned(),
        decoding: Some(0.35),
        encoding: Some(0.28),
        highlight: true,
    });
    let of = |half| {
        draw_all(
            &bars(&[], quantity),
            &[],
            &[network("synthetic", 7, &ROIS, half)],
        )
    };
    let mut pictures = draw_all(&bars(&known, quantity), &known, &[]);
    pictures[0].file = "ranking_published".to_owned();
    pictures.extend(of(Half::Decoding).into_iter().skip(1));
    // The null distribution is that of the other half.
    pictures.extend(of(Half::Encoding).into_iter().skip(1).take(3));
    let mut examples = vec![("ranking".to_owned(), ranking(&demo, quantity))];
    examples.extend(
        pictures
            .into_iter()
            .map(|picture| (picture.file, picture.drawing)),
    );
    examples.push((
        "relation_published".to_owned(),
        relation::relation(&relation::tests::published()),
    ));
    examples
}

/// A file of `data/examples/`.
fn example(file: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/examples")
        .join(file)
}

#[test]
fn examples_are_what_is_drawn() {
    for (file, drawing) in examples() {
        let path = example(&format!("{file}.svg"));
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        let same = stored == drawing.svg();
        let remedy = "cargo test --lib write_examples -- --ignored";
        assert!(same, "{}: look at it and run `{remedy}`", path.display());
    }
}

#[test]
#[ignore = "writes into the repository"]
#[allow(clippy::disallowed_methods)]
fn write_examples() {
    for (file, drawing) in examples() {
        std::fs::write(example(&format!("{file}.svg")), drawing.svg()).unwrap();
        std::fs::write(example(&format!("{file}.png")), drawing.png()).unwrap();
    }
}

/// Left, top, right and bottom of a text in drawing units.
fn extent(label: &Label) -> (i32, i32, i32, i32) {
    let width = font::width(&label.text, label.style);
    // Letters reach from the ascenders to the descenders, less than the body.
    let half = label.style.size * 2 / 5;
    let (x, y) = label.at;
    let left = match label.align {
        Align::Left => x,
        Align::Middle => x - width / 2,
        Align::Right => x - width,
    };
    if label.upright {
        return (x - half, y - width / 2, x + half, y + width / 2);
    }
    (left, y - half, left + width, y + half)
}

fn labels(drawing: &Drawing) -> Vec<&Label> {
    let marks = drawing.marks.iter();
    marks
        .filter_map(|mark| match mark {
            Mark::Text(label) => Some(label),
            _ => None,
        })
        .collect()
}

#[test]
fn all_texts_are_on_the_sheet() {
    for (case, drawing) in cases() {
        for label in labels(&drawing) {
            let (left, top, right, bottom) = extent(label);
            let inside =
                left >= 0 && top >= 0 && right <= drawing.width && bottom <= drawing.height;
            assert!(inside, "{case}: {:?} of {}", extent(label), label.text);
        }
    }
}

#[test]
fn no_texts_overlap() {
    for (case, drawing) in cases() {
        let labels = labels(&drawing);
        for (index, a) in labels.iter().enumerate() {
            for b in &labels[index + 1..] {
                let (p, q) = (extent(a), extent(b));
                let apart = p.2 <= q.0 || q.2 <= p.0 || p.3 <= q.1 || q.3 <= p.1;
                assert!(apart, "{case}: `{}` and `{}`", a.text, b.text);
            }
        }
    }
}

#[test]
fn all_marks_are_on_the_sheet() {
    for (case, drawing) in cases() {
        let inside = |&(x, y): &(i32, i32)| {
            (0..=drawing.width).contains(&x) && (0..=drawing.height).contains(&y)
        };
        for mark in &drawing.marks {
            let points = match mark {
                Mark::Rectangle(from, to, _) => vec![*from, *to],
                Mark::Line(points, ..) | Mark::Area(points, _) => points.clone(),
                Mark::Dot((x, y), radius, _) => {
                    vec![(x - radius, y - radius), (x + radius, y + radius)]
                }
                Mark::Text(_) => Vec::new(),
            };
            assert!(points.iter().all(inside), "{case}: {mark:?}");
        }
    }
}

#[test]
fn axes_are_named_with_their_units() {
    let expected = [
        ("ranking", "decoding-based Brain Hierarchy score"),
        ("decoding_encoding", "encoding BH score"),
        ("top_roi", "share of selected units"),
        ("top_layer", "share of the ROI's selected voxels"),
        ("decoding_accuracy_", "mean decoding accuracy (Pearson r)"),
        ("encoding_accuracy_lines", "encoding accuracy (Pearson r)"),
        ("null", "number of layer orders"),
    ];
    let cases = cases();
    for (kind, axis) in expected {
        let mut found = cases.iter().filter(|(case, _)| case.contains(kind));
        let with_axis = found.any(|(_, drawing)| labels(drawing).iter().any(|l| l.text == axis));
        assert!(with_axis, "{kind}: {axis}");
    }
}

#[test]
fn svg_has_the_size_of_columns_and_its_fonts() {
    for (case, drawing) in cases() {
        let svg = drawing.svg();
        let column =
            svg.contains(r#"<svg width="85.00mm""#) || svg.contains(r#"<svg width="180.00mm""#);
        assert!(column, "{case}");
        assert_eq!(svg.matches("@font-face").count(), 2, "{case}");
        assert_eq!(drawing.svg_element().matches("@font-face").count(), 0);
        assert_eq!(
            svg.matches("<text").count(),
            labels(&drawing).len(),
            "{case}"
        );
        assert!(svg.trim_end().ends_with("</svg>"), "{case}");
    }
}

#[test]
fn png_has_300_dots_per_inch_and_equal_bytes() {
    for (case, drawing) in cases().into_iter().take(6) {
        let bytes = drawing.png();
        assert_eq!(bytes, drawing.png(), "{case}");
        let decoder = ::png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().unwrap();
        let info = reader.info().clone();
        let width = if drawing.width == style::SINGLE {
            1004
        } else {
            2126
        };
        let height = f64::from(drawing.height) / style::UNITS_PER_MM / 25.4 * 300.0;
        assert_eq!(info.width, width, "{case}");
        assert!((f64::from(info.height) - height).abs() <= 1.0, "{case}");
        assert_eq!(info.pixel_dims.map(|dims| dims.xppu), Some(11811));
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let inked = pixels.iter().filter(|&&value| value < 128).count();
        assert!(inked > 500, "{case}: {inked}");
    }
}
