//! One HTML page that tells the whole result: scores, figures, how it was made.
//!
//! The page holds everything it shows: no scripts, no requests, so that it can be mailed and still
//! opens in ten years. It follows the reader's light or dark setting and prints well. All text is
//! escaped by the template engine; only figures, which [`super::figure`] made, go in as they are.

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::ceilings::CeilingSection;
use super::figure::font_css;

/// The page's HTML with holes.
const TEMPLATE: &str = include_str!("page.html");

/// What the page says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Page {
    /// Heading, for instance the study's folder.
    pub title: String,
    /// What was done and how to read it, one paragraph each.
    pub introduction: Vec<String>,
    /// A row per network, best first.
    pub scores: Vec<ScoreRow>,
    /// What the reader must know before trusting the numbers, such as undefined scores.
    pub warnings: Vec<String>,
    /// Pictures in order.
    pub figures: Vec<Figure>,
    /// How high scores can be in the study; `None` if that was not measured.
    pub ceilings: Option<CeilingSection>,
    /// Resolved settings as indented JSON.
    pub settings: String,
    /// How it was made, as name and value: version, command, time, machine.
    pub provenance: Vec<(String, String)>,
}

/// Scores of one network, each -1 to 1; `None` where undefined or not computed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ScoreRow {
    /// Name of the network.
    pub name: String,
    /// Decoding score by the published rule.
    pub decoding: Option<f64>,
    /// Encoding score by the published rule.
    pub encoding: Option<f64>,
    /// Mean of the two, the published headline number.
    pub average: Option<f64>,
    /// Decoding score with the textbook significance test.
    pub textbook: Option<f64>,
    /// Units that passed the selection of the decoding score.
    pub n_selected: u64,
    /// Units in all layers and subjects.
    pub n_items: u64,
}

/// One picture with its words.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figure {
    /// Heading.
    pub title: String,
    /// What is to be seen.
    pub caption: String,
    /// SVG made by [`super::figure`] without fonts; goes into the page unescaped.
    pub svg: String,
    /// Two columns wide.
    pub wide: bool,
}

/// The page as one HTML file. Columns of scores that no network has are left out.
pub fn render(page: &Page) -> String {
    let mut environment = Environment::new();
    environment.add_filter("score", |score: Option<f64>| match score {
        Some(score) if !score.is_nan() => format!("{score:.3}").replace('-', "−"),
        _ => "undefined".to_owned(),
    });
    let has =
        |score: fn(&ScoreRow) -> Option<f64>| page.scores.iter().any(|row| score(row).is_some());
    let context = minijinja::context! {
        page => Serde(page),
        fonts => font_css(),
        has_encoding => has(|row| row.encoding),
        has_average => has(|row| row.average),
        has_textbook => has(|row| row.textbook),
    };
    environment
        .add_template("page.html", TEMPLATE)
        .and_then(|()| environment.get_template("page.html")?.render(context))
        .expect("the template and its context are part of the program and tested")
}

#[cfg(test)]
mod tests {
    use super::super::ceilings::Explained;
    use super::*;
    use crate::report::figure::{RankedNetwork, ranking};

    fn page() -> Page {
        let bar = RankedNetwork {
            name: "a<b".into(),
            published: Some(0.8),
            highlight: true,
        };
        Page {
            title: "Fish & <chips>".into(),
            introduction: vec!["First.".into(), "Second.".into()],
            scores: vec![
                ScoreRow {
                    name: "<script>alert(1)</script>".into(),
                    decoding: Some(0.8312),
                    ..ScoreRow::default()
                },
                ScoreRow {
                    name: "reversed".into(),
                    decoding: Some(-0.84),
                    ..ScoreRow::default()
                },
                ScoreRow {
                    name: "silent".into(),
                    ..ScoreRow::default()
                },
            ],
            warnings: vec!["`silent` is undefined".into()],
            figures: vec![Figure {
                title: "Ranking".into(),
                caption: "Bars.".into(),
                svg: ranking(&[bar], "score").svg_element(),
                wide: false,
            }],
            ceilings: None,
            settings: "{\"alpha\": 100}".into(),
            provenance: vec![("version".into(), "0.1.0".into())],
        }
    }

    #[test]
    fn text_is_escaped_and_figures_are_not() {
        let html = render(&page());
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"));
        assert!(html.contains("Fish &amp; &lt;chips&gt;"));
        assert_eq!(html.matches("<svg").count(), 1);
    }

    #[test]
    fn page_asks_the_network_for_nothing() {
        let html = render(&page())
            .replace("http://www.w3.org/2000/svg", "")
            .replace("url(data:font/woff2;base64,", "");
        for request in [
            "http:", "https:", "src=", "url(", "@import", "<link", "<script",
        ] {
            assert!(!html.contains(request), "{request}");
        }
    }

    #[test]
    fn scores_have_three_decimals_and_missing_columns_are_left_out() {
        let html = render(&page());
        assert!(
            html.contains(">0.831<") && html.contains(">−0.840<") && html.contains(">undefined<")
        );
        assert!(!html.contains("encoding"));
        let mut both = page();
        both.scores[0].encoding = Some(0.5);
        assert!(render(&both).contains("encoding"));
    }

    #[test]
    fn ceilings_are_shown_where_they_were_measured() {
        assert!(!render(&page()).contains("How high"));
        let rows = |name: &str| {
            vec![
                vec![name.to_owned(), "x".into()],
                vec!["<b>".into(), "y".into()],
            ]
        };
        let mut page = page();
        let part = |text: &str, rows| Explained {
            text: text.into(),
            rows,
        };
        page.ceilings = Some(CeilingSection {
            parts: vec![part("Halves.", rows("ROI")), part("Brains.", Vec::new())],
            notes: vec!["a & b".into()],
        });
        let html = render(&page);
        // The scores' table and the one of ceilings.
        assert_eq!(html.matches("<table>").count(), 2);
        for part in [
            "How high",
            "<p>Halves.</p>",
            "<th scope=\"col\">ROI</th>",
            "<th scope=\"row\">&lt;b&gt;</th><td>y</td>",
            "<p>Brains.</p>",
            "a &amp; b",
        ] {
            assert!(html.contains(part), "{part}");
        }
    }

    #[test]
    fn empty_page_is_still_a_page() {
        let html = render(&Page::default());
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
    }
}
