//! Item → path. The only file that contains path fragments; the tree is the original's.
//!
//! ```text
//! data/fmri/<subject>_perceptionNaturalImage{Training,Test}_VC_v2.h5      (pattern in the settings)
//! data/features/{ImageNetTraining,ImageNetTest}/<net>/<layer>/<image>.mat
//! data/feature_decoders/ImageNetTraining/<net>/<layer>/<subject>/<roi>/model/
//! data/decoded_features/ImageNetTest/<net>/<layer>/<subject>/<roi>/<image>.mat
//! data/decoding_accuracy/ImageNetTest/<net>/<layer>/<subject>/<roi>/accuracy.mat
//! data/feature_encoders/ImageNetTraining/<net>/<layer>/<subject>/<roi>/model/
//! data/encoded_fmri/ImageNetTest/encoded_brain/<net>/<layer>/<subject>/<roi>/<image>.mat
//! data/encoding_accuracy/ImageNetTest/<net>/<layer>/<subject>/<roi>/accuracy.mat
//! data/.bhscore/                                             (claims, while somebody works)
//! results/
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::item::{Item, Stage};
use crate::error::{Error, Result};
use crate::io::inside;
use crate::settings::{Settings, problem_of_dir};

/// Training or test half of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// What decoders are trained on.
    Training,
    /// What they are tested on.
    Test,
}

impl Split {
    /// Name of the half's folders.
    pub fn folder(self) -> &'static str {
        match self {
            Split::Training => "ImageNetTraining",
            Split::Test => "ImageNetTest",
        }
    }
}

/// Where everything of a study lies.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// A study in the folder that holds `settings.json` and `data/`.
    pub fn new(root: impl Into<PathBuf>) -> Layout {
        Layout { root: root.into() }
    }

    /// The study folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `settings.json` of the study.
    pub fn settings(&self) -> PathBuf {
        self.root.join("settings.json")
    }

    /// Tables and figures.
    pub fn results(&self) -> PathBuf {
        self.root.join("results")
    }

    /// Layer folders that a unit of `extract`, `extract/<split>/<net>/<number>`, is written to; none for other texts.
    ///
    /// # Errors
    ///
    /// If the network's folder is there and cannot be listed.
    pub fn extracted_folders(&self, unit: &str) -> Result<Vec<PathBuf>> {
        let network = unit
            .strip_prefix("extract/")
            .and_then(|rest| rest.rsplit_once('/'))
            // A claim may say anything.
            .filter(|(network, _)| problem_of_dir(network).is_none())
            .map(|(network, _)| self.root.join("data/features").join(network));
        let Some(network) = network.filter(|network| network.is_dir()) else {
            return Ok(Vec::new());
        };
        let entries = fs::read_dir(&network).map_err(Error::io("list", &network))?;
        let folders = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        Ok(folders.filter(|path| path.is_dir()).collect())
    }

    /// Who works on what now ([`claims`](super::claims)).
    pub fn claims(&self) -> PathBuf {
        self.root.join("data/.bhscore")
    }

    /// Refuses a folder of claims that is a link out of `data`.
    ///
    /// # Errors
    ///
    /// If it is one, or cannot be looked at.
    pub fn check_claims(&self) -> Result<()> {
        let (data, claims) = (self.root.join("data"), self.claims());
        // Files are removed in these.
        inside::check(&data, &claims.join("units"))?;
        inside::check(&data, &claims.join("workers"))
    }

    /// A path as it is written into records: relative to the study where it lies inside.
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// A subject's fMRI table.
    pub fn fmri(&self, settings: &Settings, split: Split, subject: &str) -> PathBuf {
        let pattern = match split {
            Split::Training => &settings.fmri.training,
            Split::Test => &settings.fmri.test,
        };
        self.root.join(pattern.replace("{subject}", subject))
    }

    /// Stimulus images.
    pub fn images(&self, split: Split) -> PathBuf {
        self.root.join("data/images").join(split.folder())
    }

    /// A network's layer folders.
    pub fn network_features(&self, split: Split, net: &str) -> PathBuf {
        self.root
            .join("data/features")
            .join(split.folder())
            .join(net)
    }

    /// One layer's per-image feature files.
    pub fn features(&self, split: Split, net: &str, layer: &str) -> PathBuf {
        self.network_features(split, net).join(layer)
    }

    /// `W.mat`, `b.mat` and the normalisation of one decoder.
    pub fn decoder(&self, item: &Item) -> PathBuf {
        self.leaf("data/feature_decoders", Split::Training, item)
            .join("model")
    }

    /// Decoded features, one file per test image.
    pub fn decoded_features(&self, item: &Item) -> PathBuf {
        self.leaf("data/decoded_features", Split::Test, item)
    }

    /// `accuracy.mat` of one layer, subject and ROI.
    pub fn decoding_accuracy(&self, item: &Item) -> PathBuf {
        self.leaf("data/decoding_accuracy", Split::Test, item)
    }

    /// `W.mat`, `b.mat` and the normalisation of one encoder.
    pub fn encoder(&self, item: &Item) -> PathBuf {
        self.leaf("data/feature_encoders", Split::Training, item)
            .join("model")
    }

    /// Encoded fMRI, one file per test image.
    pub fn encoded_fmri(&self, item: &Item) -> PathBuf {
        self.encoded("encoded_brain", item)
    }

    /// `accuracy.mat` of one layer, subject and ROI.
    pub fn encoding_accuracy(&self, item: &Item) -> PathBuf {
        self.leaf("data/encoding_accuracy", Split::Test, item)
    }

    /// Where the original's encoding writes `accuracy.mat`; its notebook reads it from
    /// [`Self::encoding_accuracy`], and nobody copies it (`docs/compared.md` E12).
    pub fn profile_correlation(&self, item: &Item) -> PathBuf {
        self.encoded("profile_correlation", item)
    }

    /// The folder whose `record.json` makes an item done.
    pub fn record_folder(&self, item: &Item) -> PathBuf {
        match item.stage {
            Stage::DecodeTrain => self.decoder(item),
            Stage::DecodePredict => self.decoding_accuracy(item),
            Stage::EncodeTrain => self.encoder(item),
            Stage::EncodePredict => self.encoding_accuracy(item),
        }
    }

    /// All folders that an item's files are in.
    pub fn item_folders(&self, item: &Item) -> Vec<PathBuf> {
        let mut folders = vec![self.record_folder(item)];
        match item.stage {
            Stage::DecodeTrain | Stage::EncodeTrain => {}
            Stage::DecodePredict => folders.push(self.decoded_features(item)),
            Stage::EncodePredict => folders.push(self.encoded_fmri(item)),
        }
        folders
    }

    /// Refuses an item that a link would have written elsewhere: `data` and the two levels of folders below may be
    /// links to another disk, networks, layers, subjects and ROIs may not lead out of them.
    ///
    /// # Errors
    ///
    /// If such a link is there, or a folder cannot be looked at.
    pub fn check_inside(&self, item: &Item) -> Result<()> {
        for folder in self.item_folders(item) {
            let below = folder.strip_prefix(&self.root).unwrap_or(&folder);
            let base: PathBuf = below.components().take(3).collect();
            inside::check(&self.root.join(base), &folder)?;
        }
        Ok(())
    }

    /// Files that the original writes too: there without a record, the artifact is foreign.
    pub fn foreign_marks(&self, item: &Item) -> Vec<PathBuf> {
        let folder = self.record_folder(item);
        match item.stage {
            Stage::DecodeTrain | Stage::EncodeTrain => {
                vec![folder.join("W.mat"), folder.join("W")]
            }
            Stage::DecodePredict => vec![folder.join("accuracy.mat")],
            Stage::EncodePredict => {
                let original = self.profile_correlation(item);
                vec![folder.join("accuracy.mat"), original.join("accuracy.mat")]
            }
        }
    }

    fn encoded(&self, kind: &str, item: &Item) -> PathBuf {
        self.root
            .join("data/encoded_fmri")
            .join(Split::Test.folder())
            .join(kind)
            .join(&item.net)
            .join(&item.layer)
            .join(&item.subject)
            .join(&item.roi)
    }

    fn leaf(&self, kind: &str, split: Split, item: &Item) -> PathBuf {
        self.root
            .join(kind)
            .join(split.folder())
            .join(&item.net)
            .join(&item.layer)
            .join(&item.subject)
            .join(&item.roi)
    }
}
