//! What `extract` says of a half of the images: a bar, warnings, counts, JSON.

use bhscore::extract::job::Job;
use bhscore::extract::stage::Summary;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Global, Part, speech};
use crate::cli::progress;

/// Failed images that are named again at the end.
const FAILURES_REPEATED: usize = 5;

pub fn bar(global: &Global, part: &str) -> ProgressBar {
    let style = "extract {prefix} [{bar:30}] {pos}/{len} images, {per_sec}, {eta} left";
    let bar = progress::bar(global, style);
    bar.set_prefix(part.to_owned());
    bar
}

pub fn report(global: &Global, part: &Part, summary: &Summary, seconds: f64) {
    for warning in &summary.warnings {
        speech::warning(warning);
    }
    if !global.quiet {
        let mut text = format!(
            "extract {}: {} images computed",
            part.name, summary.computed
        );
        if summary.computed > 0 {
            text += &format!(" ({:.1} per second)", summary.computed as f64 / seconds);
        }
        if summary.done > 0 {
            text += &format!(", {} done before", summary.done);
        }
        if !summary.failed.is_empty() {
            text += &format!(", {} failed", summary.failed.len());
        }
        if !summary.foreign.is_empty() {
            text += &format!(
                "; kept as another program wrote them: {}",
                summary.foreign.join(", ")
            );
        }
        speech::note(&text);
    }
    for (_, reason) in summary.failed.iter().take(FAILURES_REPEATED) {
        speech::note(&format!("extract: failed: {reason}"));
    }
    if summary.failed.len() > FAILURES_REPEATED {
        speech::note(&format!(
            "and {} more",
            summary.failed.len() - FAILURES_REPEATED
        ));
    }
    if summary.held > 0 {
        let text = "held by other processes; run the same command again, or with `--wait`, to see to the end";
        speech::note(&format!(
            "extract {}: {} images {text}",
            part.name, summary.held
        ));
    }
    if summary.interrupted {
        speech::note("interrupted; run the same command again to continue");
    }
}

pub fn as_json(job: &Job, part: &Part, summary: &Summary, seconds: f64) -> Value {
    let layers = job
        .network
        .layers
        .iter()
        .zip(&summary.kept)
        .map(|(layer, kept)| {
            json!({
                "layer": layer.name,
                "tensor": layer.tensor,
                "shape": kept.as_ref().map(|kept| &kept.shape),
                "n_units": kept.as_ref().map(bhscore::extract::units::Kept::n_units),
            })
        });
    let failed = summary
        .failed
        .iter()
        .map(|(image, reason)| json!({ "image": image, "reason": reason }));
    json!({
        "part": part.name,
        "images": summary.computed,
        "done": summary.done,
        "failed": failed.collect::<Vec<_>>(),
        "layers": layers.collect::<Vec<_>>(),
        "held": summary.held,
        "foreign": summary.foreign,
        "warnings": summary.warnings,
        "seconds": seconds,
        "seconds_forward": summary.seconds_forward,
    })
}
