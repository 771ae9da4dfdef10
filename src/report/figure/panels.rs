//! A panel per ROI side by side over one column of layer names, deepest layer on top.

use super::axis::Scale;
use super::drawing::{Align, Drawing, Point};
use super::names::{fitted, short_names};
use super::style::{DOUBLE, FAINT, GAP, INK, LINE, PLAIN, RULE, SINGLE, SMALL, TITLE, row_height};
use super::{font, layer_axis_name};

/// Room for the names of layers.
const NAMES: i32 = 700;

/// Least and largest width of a panel without its margin.
const PANEL: (i32, i32) = (240, 620);

/// Space between panels: half of the ticks' words at either side.
const BETWEEN: i32 = 96;

/// What stands around the panels.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    /// How to read the marks.
    pub(super) key: &'a str,
    /// Quantity and unit of the horizontal axes.
    pub(super) axis: &'a str,
    /// A note under each ROI's name, `(n_rois,)`; empty for none.
    pub(super) notes: Vec<String>,
}

/// Where the data of one ROI lie.
pub(super) struct Panel {
    pub(super) roi: usize,
    pub(super) scale: Scale,
    top: i32,
    pub(super) row: i32,
    n_layers: i32,
}

impl Panel {
    /// Middle of a layer's row; layer 0 is lowest.
    pub(super) fn y(&self, layer: usize) -> i32 {
        self.top + self.row * (self.n_layers - 1 - layer as i32) + self.row / 2
    }

    /// Middle of the panel.
    pub(super) fn middle(&self) -> Point {
        let y = self.top + self.row * self.n_layers / 2;
        ((self.scale.from + self.scale.to) / 2, y)
    }
}

/// Draws the frame and calls `paint` for each ROI; `scale` gives the values, not the place.
pub(super) fn panels(
    (layers, rois): (&[&str], &[&str]),
    words: &Words<'_>,
    scale: &Scale,
    mut paint: impl FnMut(&mut Drawing, &Panel),
) -> Drawing {
    let names = short_names(layers, NAMES, SMALL);
    let row = row_height(names.len());
    let left = 2 * GAP + LINE + font::widest(names.iter().map(String::as_str), SMALL) + BETWEEN / 2;
    let narrow = left + (PANEL.0 + BETWEEN) * rois.len() as i32 + GAP <= SINGLE;
    let sheet = if narrow { SINGLE } else { DOUBLE };
    let room = sheet - GAP - left;
    let across = (room / (PANEL.0 + BETWEEN)).clamp(1, rois.len().max(1) as i32);
    let width = (room / across - BETWEEN).min(PANEL.1);
    let rows = row * names.len() as i32;
    let block = 2 * LINE + rows + 2 * LINE;
    let n_blocks = (rois.len() as i32 + across - 1) / across;
    let start = GAP + 2 * LINE;
    let mut canvas = Drawing::new(sheet, start + block * n_blocks.max(1) + GAP);
    let title = fitted(words.title, sheet - 2 * GAP, TITLE);
    canvas.text(&title, (GAP, GAP + LINE / 2), Align::Left, TITLE);
    let key = fitted(words.key, sheet - 2 * GAP, FAINT);
    canvas.text(&key, (GAP, GAP + LINE + LINE / 2), Align::Left, FAINT);
    for roi in 0..rois.len() {
        let (down, along) = (roi as i32 / across, roi as i32 % across);
        let top = start + block * down + 2 * LINE;
        let from = left + along * (width + BETWEEN);
        let panel = Panel {
            roi,
            scale: scale.between(from, from + width),
            top,
            row,
            n_layers: names.len() as i32,
        };
        frame(&mut canvas, &panel, rois[roi], words.notes.get(roi));
        paint(&mut canvas, &panel);
        let last_of_block = along == across - 1 || roi == rois.len() - 1;
        if along == 0 {
            for (layer, name) in names.iter().enumerate() {
                let at = (left - BETWEEN / 2, panel.y(layer));
                canvas.text(name, at, Align::Right, SMALL);
            }
            layer_axis_name(&mut canvas, top, top + rows);
        }
        if last_of_block {
            let middle = ((left + from + width) / 2, top + rows + LINE + LINE / 2);
            canvas.text(words.axis, middle, Align::Middle, PLAIN);
        }
    }
    canvas
}

/// Name, rules, ticks and base line of a panel.
fn frame(canvas: &mut Drawing, panel: &Panel, roi: &str, note: Option<&String>) {
    let (from, to) = (panel.scale.from, panel.scale.to);
    let bottom = panel.top + panel.row * panel.n_layers;
    let name = fitted(roi, to - from + BETWEEN / 2, TITLE);
    let name_y = panel.top - LINE - if note.is_some() { LINE / 4 } else { -LINE / 2 };
    canvas.text(&name, ((from + to) / 2, name_y), Align::Middle, TITLE);
    if let Some(note) = note {
        let note = fitted(note, to - from + BETWEEN / 2, FAINT);
        let at = ((from + to) / 2, panel.top - LINE / 2);
        canvas.text(&note, at, Align::Middle, FAINT);
    }
    let ticks = panel.scale.ticks();
    let widest = font::widest(ticks.iter().map(|(_, word)| word.as_str()), SMALL) + GAP;
    let apart = (to - from) / (ticks.len() as i32 - 1).max(1);
    let every = (widest + apart - 1) / apart.max(1);
    for (index, (x, word)) in ticks.iter().enumerate() {
        canvas.line((*x, panel.top), (*x, bottom), RULE);
        if index as i32 % every.max(1) == 0 {
            canvas.text(word, (*x, bottom + LINE / 2), Align::Middle, SMALL);
        }
    }
    canvas.line((from, bottom), (to, bottom), INK);
}
