//! Decoding accuracies of a network from the files of a study.

use std::fs;
use std::path::Path;

use super::DecodingAccuracies;
use crate::error::{Error, Result};
use crate::io::mat;
use crate::io::record::Record;
use crate::settings::{Network, Settings};
use crate::work::layout::Split;
use crate::work::{Filter, Item, Layout, Stage, plan};

/// Missing files that an error lists before it only counts.
const LISTED: usize = 10;

/// Reads `accuracy.mat` of every layer, subject and ROI of a network.
///
/// A ROI that has no file for any layer of a subject is left out for that subject. Files that are
/// missing otherwise are an error that lists them.
///
/// The number of test images comes from the settings (`score.n_test`), else from the records, else
/// from the decoded features or the test features; it may stay unknown.
pub fn read_decoding(
    layout: &Layout,
    settings: &Settings,
    network: &Network,
) -> Result<DecodingAccuracies> {
    let items = plan(settings, network, Stage::DecodePredict, &Filter::default())?;
    let mut values: Vec<Option<Vec<f32>>> = Vec::with_capacity(items.len());
    for item in &items {
        let path = layout.decoding_accuracy(item).join("accuracy.mat");
        values.push(if path.exists() {
            Some(mat::read_f32(&path, "accuracy")?.values)
        } else {
            None
        });
    }
    let (n_subjects, n_rois) = (settings.subjects.len(), settings.rois.len());
    refuse_holes(layout, &items, &values, n_subjects * n_rois)?;
    let n_test = match settings.score.n_test {
        Some(n_test) => Some(n_test),
        None => count_test_images(layout, &items, &values)?,
    };
    let mut values = values.into_iter();
    let mut take = |n: usize| -> Vec<Option<Vec<f32>>> { values.by_ref().take(n).collect() };
    let values = (0..network.layers.len())
        .map(|_| (0..n_subjects).map(|_| take(n_rois)).collect())
        .collect();
    Ok(DecodingAccuracies {
        layers: network.layers.clone(),
        subjects: settings.subjects.clone(),
        rois: settings.rois.iter().map(|roi| roi.name.clone()).collect(),
        values,
        n_test,
    })
}

/// A ROI may be absent for a subject as a whole; anything else that is missing is an error.
fn refuse_holes(
    layout: &Layout,
    items: &[Item],
    values: &[Option<Vec<f32>>],
    per_layer: usize,
) -> Result<()> {
    let absent_in_all = |offset: usize| {
        values
            .iter()
            .skip(offset)
            .step_by(per_layer)
            .all(Option::is_none)
    };
    let missing: Vec<&Item> = items
        .iter()
        .enumerate()
        .filter(|(index, _)| values[*index].is_none() && !absent_in_all(index % per_layer))
        .map(|(_, item)| item)
        .collect();
    let nothing = values.iter().all(Option::is_none);
    if missing.is_empty() && !nothing {
        return Ok(());
    }
    let net = items.first().map_or("", |item| item.net.as_str());
    let missing: Vec<&Item> = if nothing {
        items.iter().collect()
    } else {
        missing
    };
    let mut lines: Vec<String> = missing
        .iter()
        .take(LISTED)
        .map(|item| {
            let path = layout.decoding_accuracy(item).join("accuracy.mat");
            format!("\n  - `{}`", layout.relative(&path))
        })
        .collect();
    if missing.len() > LISTED {
        lines.push(format!("\n  - and {} more", missing.len() - LISTED));
    }
    Err(Error::data(
        format!("network `{net}`"),
        format!(
            "{} of {} accuracy files are missing",
            missing.len(),
            items.len()
        ),
        format!(
            "run `bhscore decode-predict --net {net}`, or download them{}",
            lines.concat()
        ),
    ))
}

/// Test images behind the accuracies: of the first item that tells.
fn count_test_images(
    layout: &Layout,
    items: &[Item],
    values: &[Option<Vec<f32>>],
) -> Result<Option<usize>> {
    let Some(item) = items
        .iter()
        .zip(values)
        .find(|(_, value)| value.is_some())
        .map(|(i, _)| i)
    else {
        return Ok(None);
    };
    if let Some(record) = Record::read(&layout.decoding_accuracy(item))?
        && let Some(n_test) = record.result["n_test"].as_u64()
    {
        return Ok(Some(n_test as usize));
    }
    let folders = [
        layout.decoded_features(item),
        layout.features(Split::Test, &item.net, &item.layer),
    ];
    Ok(folders.iter().find_map(|folder| count_mat_files(folder)))
}

fn count_mat_files(folder: &Path) -> Option<usize> {
    let entries = fs::read_dir(folder).ok()?;
    let count = entries
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "mat")
        })
        .count();
    (count > 0).then_some(count)
}
