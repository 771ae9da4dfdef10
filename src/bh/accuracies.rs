//! Accuracies of a network from the files of a study.

use std::path::{Path, PathBuf};

use super::{DecodingAccuracies, EncodingAccuracies};
use crate::error::{Error, Result};
use crate::io::record::Record;
use crate::io::{features, mat};
use crate::settings::{Network, Settings};
use crate::work::layout::Split;
use crate::work::{Filter, Item, Layout, Stage, plan};

/// Name of an accuracy file.
const FILE: &str = "accuracy.mat";

/// Missing files that an error lists before it only counts.
const LISTED: usize = 10;

/// Reads `accuracy.mat` of decoding of every layer, subject and ROI of a network.
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
    let files = Files::find(layout, settings, network, Half::Decoding)?;
    files.refuse_holes()?;
    Ok(DecodingAccuracies {
        n_test: files.n_test()?,
        values: files.read()?,
        layers: network.layers.clone(),
        subjects: settings.subjects.clone(),
        rois: roi_names(settings),
    })
}

/// Reads `accuracy.mat` of encoding of every layer, subject and ROI of a network, as
/// [`read_decoding`] does; `None` if there is not a single one.
///
/// The original writes them to `data/encoded_fmri/ImageNetTest/profile_correlation` and reads them
/// from `data/encoding_accuracy/ImageNetTest`; both are looked at, the latter first.
pub fn read_encoding(
    layout: &Layout,
    settings: &Settings,
    network: &Network,
) -> Result<Option<EncodingAccuracies>> {
    let files = Files::find(layout, settings, network, Half::Encoding)?;
    if files.are_absent() {
        return Ok(None);
    }
    files.refuse_holes()?;
    Ok(Some(EncodingAccuracies::new(
        network.layers.clone(),
        settings.subjects.clone(),
        roi_names(settings),
        files.read()?,
        files.n_test()?,
    )))
}

/// Whether a network has any decoding accuracies.
pub fn has_decoding(layout: &Layout, settings: &Settings, network: &Network) -> Result<bool> {
    Ok(!Files::find(layout, settings, network, Half::Decoding)?.are_absent())
}

fn roi_names(settings: &Settings) -> Vec<String> {
    settings.rois.iter().map(|roi| roi.name.clone()).collect()
}

/// Which half of the score the accuracies are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Decoding,
    Encoding,
}

impl Half {
    /// Folders that may hold the accuracies of an item, the usual one first.
    fn folders(self, layout: &Layout, item: &Item) -> Vec<PathBuf> {
        match self {
            Half::Decoding => vec![layout.decoding_accuracy(item)],
            Half::Encoding => vec![
                layout.encoding_accuracy(item),
                layout.profile_correlation(item),
            ],
        }
    }

    fn command(self) -> &'static str {
        match self {
            Half::Decoding => "decode-predict",
            Half::Encoding => "encode-predict",
        }
    }
}

/// The accuracy files of one network.
struct Files<'a> {
    layout: &'a Layout,
    settings: &'a Settings,
    half: Half,
    items: Vec<Item>,
    /// Of each item; `None` where there is none.
    paths: Vec<Option<PathBuf>>,
}

impl<'a> Files<'a> {
    fn find(
        layout: &'a Layout,
        settings: &'a Settings,
        network: &Network,
        half: Half,
    ) -> Result<Self> {
        // The stage does not matter to where accuracies lie.
        let items = plan(settings, network, Stage::DecodePredict, &Filter::default())?;
        let find = |item: &Item| {
            let folders = half.folders(layout, item).into_iter();
            folders
                .map(|folder| folder.join(FILE))
                .find(|path| path.exists())
        };
        Ok(Self {
            layout,
            settings,
            half,
            paths: items.iter().map(find).collect(),
            items,
        })
    }

    fn are_absent(&self) -> bool {
        self.paths.iter().all(Option::is_none)
    }

    /// `values[layer][subject][roi]`.
    fn read(&self) -> Result<super::Values> {
        let (n_subjects, n_rois) = (self.settings.subjects.len(), self.settings.rois.len());
        let read = |path: &Option<PathBuf>| match path {
            Some(path) => Ok(Some(mat::read_f32(path, "accuracy")?.values)),
            None => Ok(None),
        };
        self.paths
            .chunks(n_subjects * n_rois)
            .map(|layer| {
                let subjects = layer.chunks(n_rois);
                subjects
                    .map(|rois| rois.iter().map(read).collect())
                    .collect()
            })
            .collect()
    }

    /// A ROI may be absent for a subject as a whole; anything else that is missing is an error.
    fn refuse_holes(&self) -> Result<()> {
        let per_layer = self.settings.subjects.len() * self.settings.rois.len();
        let absent_in_all = |offset: usize| {
            let mut layers = self.paths.iter().skip(offset).step_by(per_layer);
            layers.all(Option::is_none)
        };
        let nothing = self.are_absent();
        let missing: Vec<&Item> = (self.items.iter().enumerate())
            .filter(|(index, _)| self.paths[*index].is_none())
            .filter(|(index, _)| nothing || !absent_in_all(index % per_layer))
            .map(|(_, item)| item)
            .collect();
        if missing.is_empty() && !nothing {
            return Ok(());
        }
        let net = self.items.first().map_or("", |item| item.net.as_str());
        let usual = |item: &Item| self.half.folders(self.layout, item).swap_remove(0);
        let mut lines: Vec<String> = (missing.iter().take(LISTED))
            .map(|item| {
                let path = usual(item).join(FILE);
                format!("\n  - `{}`", self.layout.relative(&path))
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
                self.items.len()
            ),
            format!(
                "run `bhscore {} --net {net}`, or download them{}",
                self.half.command(),
                lines.concat()
            ),
        ))
    }

    /// Test images behind the accuracies: from the settings, or of the first item that tells.
    fn n_test(&self) -> Result<Option<usize>> {
        if self.settings.score.n_test.is_some() {
            return Ok(self.settings.score.n_test);
        }
        let mut found = self.items.iter().zip(&self.paths);
        let Some((item, folder)) =
            found.find_map(|(item, path)| Some((item, path.as_ref()?.parent()?)))
        else {
            return Ok(None);
        };
        if let Some(record) = Record::read(folder)?
            && let Some(n_test) = record.result["n_test"].as_u64()
        {
            return Ok(Some(n_test as usize));
        }
        let features = self.layout.features(Split::Test, &item.net, &item.layer);
        let folders = match self.half {
            Half::Decoding => vec![self.layout.decoded_features(item), features],
            Half::Encoding => vec![features, self.layout.decoded_features(item)],
        };
        Ok(folders.iter().find_map(|folder| count_mat_files(folder)))
    }
}

fn count_mat_files(folder: &Path) -> Option<usize> {
    let layer = features::Layer::open(folder).ok()?;
    Some(layer.labels().len())
}
