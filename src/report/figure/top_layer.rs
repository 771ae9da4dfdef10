//! Share of voxels by best layer in each ROI: the encoding counterpart of the top-ROI figure.

use super::axis::Scale;
use super::drawing::{Align, Drawing};
use super::panels::{Words, panels};
use super::style::{FAINT, ordered_colour};

/// Per ROI the share of selected voxels whose best layer is each layer, 85 or 180 mm wide.
///
/// - `votes`: selected voxels by best layer and ROI, `(n_layers, n_rois)`, first layer first.
/// - `layers`, `rois`: their names, `(n_layers,)` and `(n_rois,)`.
pub fn top_layer(votes: &[Vec<u64>], (layers, rois): (&[&str], &[&str]), title: &str) -> Drawing {
    let totals: Vec<u64> = (0..rois.len())
        .map(|roi| votes.iter().map(|layer| layer[roi]).sum())
        .collect();
    let share = |layer: usize, roi: usize| votes[layer][roi] as f64 / totals[roi].max(1) as f64;
    let shares =
        (0..votes.len()).flat_map(|layer| (0..rois.len()).map(move |roi| share(layer, roi)));
    let scale = Scale::covering(shares.chain([0.0]), 3.0, 0, 1);
    let words = Words {
        title,
        key: "Best layer of each selected voxel, all subjects together; shares of a ROI add up to 1",
        axis: "share of the ROI's selected voxels",
        notes: totals
            .iter()
            .map(|total| format!("{total} voxels"))
            .collect(),
    };
    panels((layers, rois), &words, &scale, |canvas, panel| {
        if totals[panel.roi] == 0 {
            return canvas.text("0 selected", panel.middle(), Align::Middle, FAINT);
        }
        let half = (panel.row / 2 - panel.row / 10).max(2);
        let colour = ordered_colour(panel.roi, rois.len());
        for layer in (0..votes.len()).filter(|&layer| votes[layer][panel.roi] > 0) {
            let y = panel.y(layer);
            let end = panel.scale.at(share(layer, panel.roi));
            canvas.rectangle((panel.scale.from, y - half), (end, y + half), colour);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_rois_say_so_and_totals_are_written() {
        let votes = [vec![3, 0], vec![9, 0]];
        let svg = top_layer(&votes, (&["first", "last"], &["V1", "V2"]), "net").svg();
        assert_eq!(svg.matches("\n0 selected\n").count(), 1);
        assert!(svg.contains("\n12 voxels\n") && svg.contains("\n0 voxels\n"));
    }
}
