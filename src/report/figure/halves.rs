//! Decoding against encoding scores of networks.

use super::axis::Scale;
use super::drawing::{Align, Drawing, Point};
use super::font;
use super::names::fitted;
use super::style::{
    FAINT, FAINT_INK, GAP, GREY, HIGHLIGHT, INK, LINE, PLAIN, RULE, SINGLE, SMALL, SQUARE, Style,
};

/// Height of the area of points.
const HEIGHT: i32 = 1000;

/// Radius of a point.
const DOT: i32 = 12;

/// Room for a name at its point.
const NAME: i32 = 420;

/// Space that a name keeps from points.
const CLEAR: i32 = 4;

/// How far off the user's names may stand; known ones stand at their points only.
const DISTANCES: &[i32] = &[0, 30, 60, 100, 140, 180, 240, 300, 400, 500];

/// A network with both scores, -1 to 1; `None` where undefined.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredNetwork {
    /// Name of the network.
    pub name: String,
    /// BH score of decoding.
    pub decoding: Option<f64>,
    /// BH score of encoding.
    pub encoding: Option<f64>,
    /// One of the user's networks rather than a known one.
    pub highlight: bool,
}

impl ScoredNetwork {
    fn scores(&self) -> Option<(f64, f64)> {
        let finite = |score: &f64| score.is_finite();
        Some((self.decoding.filter(finite)?, self.encoding.filter(finite)?))
    }
}

/// Points of networks that have both scores, 85 mm wide: known ones grey, the user's blue and named in
/// bold; known ones are named where there is room.
pub fn halves(networks: &[ScoredNetwork]) -> Drawing {
    let drawn: Vec<(&ScoredNetwork, (f64, f64))> = networks
        .iter()
        .filter_map(|network| Some((network, network.scores()?)))
        .collect();
    let (top, bottom) = (GAP + LINE + GAP, GAP + LINE + GAP + HEIGHT);
    let decoding = drawn.iter().map(|(_, scores)| scores.0);
    let encoding = drawn.iter().map(|(_, scores)| scores.1);
    let up = Scale::covering(encoding, 6.0, bottom, top);
    let words = up.ticks();
    let left =
        2 * GAP + LINE + font::widest(words.iter().map(|(_, w)| w.as_str()), PLAIN) + GAP / 2;
    let along = Scale::covering(decoding, 6.0, left, SINGLE - 3 * GAP);
    let missing = networks.len() - drawn.len();
    let note = if missing > 0 { LINE } else { 0 };
    let mut canvas = Drawing::new(SINGLE, bottom + 2 * LINE + GAP + note);
    axes(&mut canvas, &along, &up);
    legend(&mut canvas, &drawn, left);
    let points: Vec<(Point, &ScoredNetwork)> = drawn
        .iter()
        .map(|(network, scores)| ((along.at(scores.0), up.at(scores.1)), *network))
        .collect();
    for known_first in [false, true] {
        for (at, network) in points.iter().filter(|(_, n)| n.highlight == known_first) {
            canvas.dot(*at, DOT, if network.highlight { HIGHLIGHT } else { GREY });
        }
    }
    let area = Area {
        left: left + CLEAR,
        top: top - GAP,
        right: SINGLE - CLEAR,
        bottom: bottom - CLEAR,
    };
    names(&mut canvas, &points, area);
    if missing > 0 {
        let text = format!("not drawn: {missing} without both scores");
        canvas.text(
            &text,
            (SINGLE / 2, bottom + 2 * LINE + LINE / 2),
            Align::Middle,
            FAINT,
        );
    }
    canvas
}

fn axes(canvas: &mut Drawing, along: &Scale, up: &Scale) {
    for (x, word) in along.ticks() {
        canvas.line((x, up.to), (x, up.from), RULE);
        canvas.text(&word, (x, up.from + LINE / 2 + 6), Align::Middle, PLAIN);
    }
    for (y, word) in up.ticks() {
        canvas.line((along.from, y), (along.to, y), RULE);
        canvas.text(&word, (along.from - GAP / 2, y), Align::Right, PLAIN);
    }
    canvas.line((along.from, up.from), (along.to, up.from), INK);
    canvas.line((along.from, up.to), (along.from, up.from), INK);
    let middle = ((along.from + along.to) / 2, up.from + LINE + LINE / 2 + 6);
    canvas.text("decoding BH score", middle, Align::Middle, PLAIN);
    let middle = (GAP + LINE / 2, (up.from + up.to) / 2);
    canvas.upright_text("encoding BH score", middle, PLAIN);
}

fn legend(canvas: &mut Drawing, drawn: &[(&ScoredNetwork, (f64, f64))], left: i32) {
    let mut x = left;
    for (highlight, colour, text) in [(true, HIGHLIGHT, "this study"), (false, GREY, "published")] {
        if drawn
            .iter()
            .any(|(network, _)| network.highlight == highlight)
        {
            canvas.dot((x + DOT, GAP + LINE / 2), DOT, colour);
            canvas.text(
                text,
                (x + SQUARE + GAP / 2, GAP + LINE / 2),
                Align::Left,
                PLAIN,
            );
            x += SQUARE + 2 * GAP + font::width(text, PLAIN);
        }
    }
}

/// A rectangle of the sheet.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Area {
    fn meets(&self, other: &Area) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Distance of a point outside, along the axis where it is larger.
    fn gap(&self, (x, y): Point) -> i32 {
        let along = (self.left - x).max(x - self.right);
        let down = (self.top - y).max(y - self.bottom);
        along.max(down).max(0)
    }

    fn holds(&self, other: &Area) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && other.right <= self.right
            && other.bottom <= self.bottom
    }
}

/// Names at their points, the user's first. A known one that would cover a point or name, or
/// stand as near to another's point, is left out.
fn names(canvas: &mut Drawing, points: &[(Point, &ScoredNetwork)], area: Area) {
    let around = |&(x, y): &Point, reach: i32| Area {
        left: x - reach,
        top: y - reach,
        right: x + reach,
        bottom: y + reach,
    };
    let mut taken: Vec<Area> = (points.iter())
        .map(|(at, _)| around(at, DOT + CLEAR))
        .collect();
    for highlight in [true, false] {
        let style = if highlight {
            Style {
                bold: true,
                colour: HIGHLIGHT,
                ..SMALL
            }
        } else {
            Style {
                size: 26,
                colour: FAINT_INK,
                bold: false,
            }
        };
        for (at, network) in points.iter().filter(|(_, n)| n.highlight == highlight) {
            let name = fitted(&network.name, NAME, style);
            let width = font::width(&name, style);
            let distances = if highlight {
                DISTANCES
            } else {
                &DISTANCES[..1]
            };
            let own = |place: &Area| {
                let mut others = points.iter().filter(|(_, other)| *other != *network);
                others.all(|(other, _)| place.gap(*other) > place.gap(*at) + CLEAR)
            };
            let free = (distances.iter())
                .flat_map(|&distance| places(*at, width, style.size, distance))
                .find(|place| {
                    area.holds(place)
                        && !taken.iter().any(|other| place.meets(other))
                        && (highlight || own(place))
                });
            if let Some(place) = free {
                let middle = (place.left, (place.top + place.bottom) / 2);
                leader(canvas, *at, &place);
                canvas.text(&name, middle, Align::Left, style);
                taken.push(place);
            }
        }
    }
}

/// A line from a point to its name if that stands farther off.
fn leader(canvas: &mut Drawing, (x, y): Point, place: &Area) {
    let near = (
        x.clamp(place.left, place.right),
        y.clamp(place.top + CLEAR, place.bottom - CLEAR),
    );
    if (near.0 - x).abs().max((near.1 - y).abs()) > DISTANCES[1] {
        canvas.line((x, y), near, HIGHLIGHT);
    }
}

/// Where a name may stand: right, left, above, below, and at the corners.
fn places((x, y): Point, width: i32, size: i32, distance: i32) -> Vec<Area> {
    let away = DOT + CLEAR + 2 + distance;
    let half = size / 2;
    let corners = [
        (x + away, y - half),
        (x - away - width, y - half),
        (x - width / 2, y - away - size),
        (x - width / 2, y + away),
        (x + away / 2, y - away - size),
        (x + away / 2, y + away),
        (x - away / 2 - width, y - away - size),
        (x - away / 2 - width, y + away),
    ];
    corners
        .map(|(left, top)| Area {
            left,
            top,
            right: left + width,
            bottom: top + size,
        })
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, decoding: Option<f64>, encoding: Option<f64>) -> ScoredNetwork {
        ScoredNetwork {
            name: name.to_owned(),
            decoding,
            encoding,
            highlight: true,
        }
    }

    #[test]
    fn networks_without_both_scores_are_counted_not_drawn() {
        let networks = [
            network("both", Some(0.3), Some(0.2)),
            network("one", Some(0.3), None),
            network("nan", Some(f64::NAN), Some(0.1)),
        ];
        let svg = halves(&networks).svg();
        assert!(svg.contains("\nboth\n") && !svg.contains("\none\n") && !svg.contains("\nnan\n"));
        assert!(svg.contains("\nnot drawn: 2 without both scores\n"));
    }

    #[test]
    fn no_networks_are_an_empty_figure() {
        assert!(halves(&[]).svg().contains("decoding BH score"));
    }
}
