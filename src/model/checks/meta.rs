//! Checks 11, 12 and 13: what the manifest says about the model.

use crate::model::bibtex;
use crate::model::finding::Verdict;
use crate::model::manifest::{Kind, Manifest};

/// A flat picture covers less than this, however near it is.
const MOST_DEGREES: f64 = 180.0;

/// What is wrong with degrees of visual angle.
pub(in crate::model) fn problem_of_degrees(degrees: f64) -> Option<String> {
    let is_possible = degrees > 0.0 && degrees < MOST_DEGREES;
    (!is_possible).then(|| format!("{degrees} degrees are not between 0 and {MOST_DEGREES}"))
}

/// Whether the visual angle is possible.
pub(super) fn degrees(manifest: &Manifest) -> Verdict {
    let remedy =
        "write how many degrees the whole input covers, such as `visual_degrees = 8` in `[input]`";
    match manifest.visual_degrees {
        Some(degrees) => match problem_of_degrees(degrees) {
            None => Verdict::ok(format!("{degrees} degrees")),
            Some(problem) => Verdict::failed(problem, remedy),
        },
        None if manifest.kind == Kind::Features => Verdict::skipped("features are of fixed images"),
        None if manifest.kind == Kind::Brain => Verdict::failed(
            "`input.visual_degrees` is missing, which brain models have",
            remedy,
        ),
        None => Verdict::warning(
            "`input.visual_degrees` is missing: images fill the input",
            remedy,
        ),
    }
}

/// Whether the reference can be read.
pub(super) fn bibtex(manifest: &Manifest) -> Verdict {
    let remedy =
        "write an entry such as `@article{Key2020, title = {…}, author = {…}, year = {2020}}`";
    let Some(text) = &manifest.meta.bibtex else {
        return Verdict::warning("`meta.bibtex` is missing: nobody can be cited", remedy);
    };
    match bibtex::keys(text) {
        Ok(keys) => Verdict::ok(keys.join(", ")),
        Err(problem) => Verdict::failed(problem, remedy),
    }
}

/// Whether the network has as many parameters as the manifest says.
///
/// - `counted`: those of the network, if there is one.
pub(super) fn parameters(manifest: &Manifest, counted: Option<u64>) -> Verdict {
    let Some(counted) = counted else {
        return Verdict::skipped("features come without a network");
    };
    let remedy = format!(
        "write `params = {counted}` in `[meta]`; running moments of normalisations are not counted, and exporters \
         may merge a normalisation into a convolution"
    );
    match manifest.meta.params {
        Some(given) if given == counted => Verdict::ok(format!("{counted} parameters")),
        Some(given) => {
            let problem =
                format!("the network has {counted} parameters, `meta.params` says {given}");
            Verdict::failed(problem, remedy)
        }
        None => Verdict::warning("`meta.params` is missing", remedy),
    }
}
