//! Accuracies of a network from the files of a study.

use std::collections::BTreeMap;
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
/// from the decoded features or the test features; it may stay unknown, also where accuracies are not all over
/// the same number ([`remark`]).
pub fn read_decoding(
    layout: &Layout,
    settings: &Settings,
    network: &Network,
) -> Result<DecodingAccuracies> {
    let files = Files::find(layout, settings, network, Half::Decoding)?;
    files.refuse_holes()?;
    Ok(DecodingAccuracies {
        n_test: files.test_images().n,
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
        files.test_images().n,
    )))
}

/// Whether a network has any decoding accuracies.
pub fn has_decoding(layout: &Layout, settings: &Settings, network: &Network) -> Result<bool> {
    Ok(!Files::find(layout, settings, network, Half::Decoding)?.are_absent())
}

/// Whether a network has any accuracies, of decoding or of encoding.
pub fn has_any(layout: &Layout, settings: &Settings, network: &Network) -> Result<bool> {
    for half in [Half::Decoding, Half::Encoding] {
        if !Files::find(layout, settings, network, half)?.are_absent() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a reader of a score should know of the test images behind its accuracies, if anything.
///
/// - `predict`: the stage whose accuracies are meant.
///
/// The published rule does not ask for their number. The textbook rule does, and there is none where the number is
/// not the same for all.
pub fn remark(
    layout: &Layout,
    settings: &Settings,
    network: &Network,
    predict: Stage,
) -> Result<Option<String>> {
    let half = match predict {
        Stage::EncodeTrain | Stage::EncodePredict => Half::Encoding,
        Stage::DecodeTrain | Stage::DecodePredict => Half::Decoding,
    };
    let files = Files::find(layout, settings, network, half)?;
    Ok(files.test_images().remark)
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
        let command = if nothing { "run" } else { self.half.command() };
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
                "run `bhscore {command} --net {net}`, or download them{}",
                lines.concat()
            ),
        ))
    }

    /// Items that have accuracies, with the folder of these.
    fn there(&self) -> impl Iterator<Item = (&Item, &Path)> {
        let items = self.items.iter().zip(&self.paths);
        items.filter_map(|(item, path)| Some((item, path.as_deref()?.parent()?)))
    }

    /// Test images behind the accuracies.
    fn test_images(&self) -> TestImages {
        let mut counts = BTreeMap::new();
        for (item, folder) in self.there() {
            if let Some(n) = self.count(item, folder) {
                counts.entry(n).or_insert(item);
            }
        }
        // Features may be of images that were never shown, and so are asked only where nobody else knows.
        if counts.is_empty()
            && let Some((item, n)) = self.there().find_map(|(item, _)| {
                let features = self.layout.features(Split::Test, &item.net, &item.layer);
                Some((item, count_mat_files(&features)?))
            })
        {
            counts.insert(n, item);
        }
        TestImages::new(&counts, self.settings.score.n_test)
    }

    /// Test images behind the accuracies of an item.
    fn count(&self, item: &Item, folder: &Path) -> Option<usize> {
        // The accuracies are there whatever the record is like; others tell that it cannot be read.
        if let Ok(Some(record)) = Record::read_if_sound(folder)
            && let Some(n_test) = record.result["n_test"].as_u64()
        {
            return Some(n_test as usize);
        }
        count_mat_files(&match self.half {
            Half::Decoding => self.layout.decoded_features(item),
            Half::Encoding => self.layout.encoded_fmri(item),
        })
    }
}

/// How many test images the accuracies of a network are over.
#[derive(Debug, PartialEq)]
struct TestImages {
    /// `None` where it is not known, or not the same for all.
    n: Option<usize>,
    /// What a reader should know of it.
    remark: Option<String>,
}

impl TestImages {
    /// - `counts`: the numbers that were found, with an item of each.
    /// - `given`: what the settings say.
    fn new(counts: &BTreeMap<usize, &Item>, given: Option<usize>) -> TestImages {
        let found: Vec<String> = (counts.iter().take(LISTED))
            .map(|(n, item)| format!("{n} (such as {item})"))
            .collect();
        let found = found.join(", ");
        let (n, remark) = match given {
            Some(given) => {
                let differs = counts.keys().any(|&n| n != given);
                let remark = format!(
                    "`score.n_test` is {given}, the accuracies are over {found} test images"
                );
                (Some(given), differs.then_some(remark))
            }
            // DEVIATION: the original knows 50 only. With the number of the first item for all, as here before, the
            // textbook score of subjects with 50 and 6 images was -.053 or .093 by their order.
            None if counts.len() > 1 => {
                let remark = format!(
                    "there is no textbook score of accuracies over different numbers of test images: {found}; \
                     give settings with one subject at a time, or set `score.n_test`"
                );
                (None, Some(remark))
            }
            None => (counts.keys().next().copied(), None),
        };
        TestImages { n, remark }
    }
}

fn count_mat_files(folder: &Path) -> Option<usize> {
    let layer = features::Layer::open(folder).ok()?;
    Some(layer.labels().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(subject: &str) -> Item {
        Item {
            stage: Stage::DecodePredict,
            net: "a/b".into(),
            layer: "conv1".into(),
            subject: subject.into(),
            roi: "V1".into(),
        }
    }

    #[test]
    fn one_number_of_test_images_or_none() {
        let (one, other) = (item("sub-01"), item("sub-02"));
        let same = BTreeMap::from([(50, &one)]);
        let mixed = BTreeMap::from([(50, &one), (6, &other)]);
        let none = BTreeMap::new();
        let of = TestImages::new;
        assert_eq!(
            of(&same, None),
            TestImages {
                n: Some(50),
                remark: None
            }
        );
        assert_eq!(
            of(&same, Some(50)),
            TestImages {
                n: Some(50),
                remark: None
            }
        );
        assert_eq!(
            of(&none, None),
            TestImages {
                n: None,
                remark: None
            }
        );
        assert_eq!(
            of(&none, Some(40)),
            TestImages {
                n: Some(40),
                remark: None
            }
        );
        let found = of(&mixed, None);
        assert_eq!(found.n, None);
        let remark = found.remark.unwrap_or_default();
        assert!(
            remark.contains("6 (such as a/b/conv1/sub-02/V1), 50 (such as"),
            "{remark}"
        );
        let found = of(&same, Some(40));
        assert_eq!(found.n, Some(40));
        assert!(
            found
                .remark
                .is_some_and(|remark| remark.contains("`score.n_test` is 40"))
        );
    }
}
