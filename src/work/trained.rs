//! Whether a model on disk is the one that the settings and the training data of today would give.
//!
//! What is predicted from a model is recorded with the present settings. A decoder of ours that was trained with
//! others, or on files that have changed since, would be recorded as what it is not.

use serde_json::Value;

use super::item::{Item, Stage};
use super::layout::Layout;
use super::sources::{Source, Sources};
use super::state::is_foreign;
use crate::error::{Error, Result};
use crate::io::record::Record;

/// Refuses the model of an item if it is ours and was trained otherwise than would be done now.
///
/// - `stage`: what trains it.
/// - `wanted`: the settings that training and prediction share.
/// - `training`: what `stage` would read for `item`. Files that are no longer there are nobody's loss: the
///   record stands.
///
/// A model without a record is another program's, of which nothing is known.
///
/// # Errors
/// If it was trained with other settings or on other files, or its record cannot be read.
pub fn refuse_outdated(
    item: &Item,
    layout: &Layout,
    stage: Stage,
    wanted: &Value,
    training: &[Source],
    sources: &mut Sources,
) -> Result<()> {
    let trained = Item {
        stage,
        ..item.clone()
    };
    let folder = &layout.record_folder(&trained);
    let refuse = |problem: String, remedy: String| Err(Error::file(folder, problem, remedy));
    let again = format!("run `bhscore {stage}` again");
    let Some(record) = Record::read(folder)? else {
        // Half of it may be of another run.
        if !is_foreign(&trained, layout) && folder.is_dir() {
            let problem = "is of a run that failed or was interrupted".to_owned();
            return refuse(problem, again);
        }
        return Ok(());
    };
    // First, since it changes what others are by default.
    if record.settings["compat"] != wanted["compat"] {
        let problem = match wanted["compat"].as_bool() {
            Some(true) => "was trained without `--compat`, which this run has",
            _ => "was trained with `--compat`, which this run has not",
        };
        let problem = problem.to_owned();
        return refuse(problem, format!("use it for both, or {again}"));
    }
    let settings = wanted.as_object().into_iter().flatten();
    let other = settings
        .map(|(key, wanted)| (key, &record.settings[key], wanted))
        .find(|(_, found, wanted)| found != wanted);
    if let Some((key, found, wanted)) = other {
        let problem = format!("was trained with {key} {found}, the settings say {wanted}");
        return refuse(problem, again);
    }
    if let Ok(false) = sources.unchanged(training, &record.inputs) {
        let problem = format!("was trained on other files than are there now for {item}");
        return refuse(problem, again);
    }
    Ok(())
}
