//! Share of units by best ROI in each layer (after figure S1 of Nonaka et al. 2021).

use super::drawing::{Align, Drawing, Point};
use super::names::{fitted, short_names};
use super::style::{
    FAINT, GAP, INK, LINE, PAPER, PLAIN, SINGLE, SMALL, SQUARE, TITLE, ordered_colour, row_height,
};
use super::{font, layer_axis_name};

/// Room for the names of layers.
const NAMES: i32 = 560;

/// Heading of the numbers at the right end.
const SELECTED: &str = "selected";

/// Per layer the share of selected units whose best ROI is each ROI, deepest layer on top, 85 mm wide.
///
/// - `votes`: selected units by layer and best ROI, `(n_layers, n_rois)`, first layer first.
/// - `layers`, `rois`: their names, `(n_layers,)` and `(n_rois,)`.
pub fn top_roi(votes: &[Vec<u64>], (layers, rois): (&[&str], &[&str]), title: &str) -> Drawing {
    let names = short_names(layers, NAMES, SMALL);
    let row = row_height(names.len());
    let totals: Vec<u64> = votes.iter().map(|counts| counts.iter().sum()).collect();
    let digits: Vec<String> = totals.iter().map(u64::to_string).collect();
    let left = 2 * GAP + LINE + font::widest(names.iter().map(String::as_str), SMALL);
    let numbers = digits.iter().map(String::as_str).chain([SELECTED]);
    let right = SINGLE - 2 * GAP - font::widest(numbers, SMALL);
    let lines = legend_lines(rois, SINGLE - 2 * GAP);
    let top = GAP + LINE * (2 + lines.len() as i32);
    let bottom = top + row * names.len() as i32;
    let mut canvas = Drawing::new(SINGLE, bottom + 2 * LINE + GAP);
    let title = fitted(title, SINGLE - 2 * GAP, TITLE);
    canvas.text(&title, (SINGLE / 2, GAP + LINE / 2), Align::Middle, TITLE);
    legend(&mut canvas, rois, &lines);
    canvas.text(
        SELECTED,
        (SINGLE - GAP, top - LINE / 2),
        Align::Right,
        SMALL,
    );
    for (index, (counts, name)) in votes.iter().zip(&names).rev().enumerate() {
        let y = top + row * index as i32;
        let middle = y + row / 2;
        canvas.text(name, (left - GAP / 2, middle), Align::Right, SMALL);
        shares(&mut canvas, counts, (left, y), (right, y + row));
        let total = &digits[votes.len() - 1 - index];
        canvas.text(total, (SINGLE - GAP, middle), Align::Right, SMALL);
    }
    layer_axis_name(&mut canvas, top, bottom);
    axis(&mut canvas, left, right, bottom);
    canvas
}

/// Breaks the ROIs into lines of the legend: ranges of indices that fit into `width`.
fn legend_lines(rois: &[&str], width: i32) -> Vec<std::ops::Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, font::width("top ROI", PLAIN) + GAP);
    for (index, roi) in rois.iter().enumerate() {
        let entry = entry_width(roi);
        if used + entry > width && index > start {
            lines.push(start..index);
            (start, used) = (index, 0);
        }
        used += entry;
    }
    lines.push(start..rois.len());
    lines
}

fn entry_width(roi: &str) -> i32 {
    SQUARE + GAP / 2 + font::width(roi, PLAIN) + GAP
}

fn legend(canvas: &mut Drawing, rois: &[&str], lines: &[std::ops::Range<usize>]) {
    for (line, range) in lines.iter().enumerate() {
        let y = GAP + LINE * (1 + line as i32) + LINE / 2;
        let mut x = GAP;
        if line == 0 {
            canvas.text("top ROI", (x, y), Align::Left, PLAIN);
            x += font::width("top ROI", PLAIN) + GAP;
        }
        for roi in range.clone() {
            let colour = ordered_colour(roi, rois.len());
            canvas.rectangle((x, y - SQUARE / 2), (x + SQUARE, y + SQUARE / 2), colour);
            canvas.text(rois[roi], (x + SQUARE + GAP / 2, y), Align::Left, PLAIN);
            x += entry_width(rois[roi]);
        }
    }
}

/// One layer's bar from 0 to 1, ROIs from left to right, with hairlines of paper between them.
fn shares(canvas: &mut Drawing, counts: &[u64], from: Point, to: Point) {
    let total: u64 = counts.iter().sum();
    let margin = ((to.1 - from.1) / 12).max(2);
    if total == 0 {
        let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
        return canvas.text("0 selected", middle, Align::Middle, FAINT);
    }
    let x = |count: u64| {
        from.0 + (count as f64 / total as f64 * f64::from(to.0 - from.0)).round() as i32
    };
    let mut before = 0;
    for (roi, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        let (start, end) = (x(before), x(before + count));
        let colour = ordered_colour(roi, counts.len());
        canvas.rectangle((start, from.1 + margin), (end, to.1 - margin), colour);
        if before > 0 {
            canvas.line((start, from.1 + margin), (start, to.1 - margin), PAPER);
        }
        before += count;
    }
}

fn axis(canvas: &mut Drawing, left: i32, right: i32, bottom: i32) {
    canvas.line((left, bottom), (right, bottom), INK);
    for tick in 0..=4 {
        let x = left + (right - left) * tick / 4;
        canvas.line((x, bottom), (x, bottom + 8), INK);
        let label = ["0", "0.25", "0.5", "0.75", "1"][tick as usize];
        canvas.text(label, (x, bottom + LINE / 2 + 6), Align::Middle, PLAIN);
    }
    let middle = (left + right) / 2;
    canvas.text(
        "share of selected units",
        (middle, bottom + LINE + LINE / 2),
        Align::Middle,
        PLAIN,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deepest_layer_is_on_top_and_empty_layers_say_so() {
        let votes = [vec![9, 1], vec![0, 0], vec![1, 9]];
        let names: (&[&str], &[&str]) = (&["first", "middle", "last"], &["V1", "V2"]);
        let svg = top_roi(&votes, names, "net").svg();
        let at = |name: &str| {
            svg.find(&format!("\n{name}\n"))
                .expect("every layer is named")
        };
        assert!(at("last") < at("middle") && at("middle") < at("first"));
        assert_eq!(svg.matches("\n0 selected\n").count(), 1);
    }

    #[test]
    fn legend_breaks_into_lines_that_fit() {
        let rois = ["left_hemisphere_V1"; 7];
        let lines = legend_lines(&rois, SINGLE - 2 * GAP);
        assert!(lines.len() > 1);
        assert_eq!(
            lines.iter().map(|line| line.len()).sum::<usize>(),
            rois.len()
        );
    }
}
