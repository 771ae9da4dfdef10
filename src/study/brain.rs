//! One subject's ROI: training samples for the solver, test patterns per stimulus.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};

use crate::error::{Error, Result};
use crate::io::bdata::BData;
use crate::settings::{Decoding, Roi};

/// The column that numbers images by their rank in the sorted feature files, counted from 1.
const IMAGE_INDEX: &str = "image_index";

/// The fMRI samples of one ROI, and which stimulus each belongs to.
#[derive(Debug)]
pub struct Samples {
    /// Voxel patterns, `(n_samples, n_voxels)`.
    pub voxels: Array2<f64>,
    /// Stimulus of every sample: position in `stimuli`, `(n_samples,)`.
    pub stimulus_of: Vec<usize>,
    /// The stimuli that were shown, sorted.
    pub stimuli: Stimuli,
    /// The file they were read from.
    pub path: PathBuf,
}

/// How the stimuli of an fMRI table are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stimuli {
    /// By name, with the image index where the table has one.
    Names {
        /// Names in text order.
        names: Vec<String>,
        /// Image index of each (from 1), where the table has one per name.
        index: Option<Vec<usize>>,
    },
    /// By rank in the sorted feature files, counted from 1.
    Ranks(Vec<usize>),
}

/// How large the samples of a ROI are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Rows of the fMRI table.
    pub n_samples: usize,
    /// Voxels of the ROI.
    pub n_voxels: usize,
    /// Different stimuli that were shown.
    pub n_stimuli: usize,
}

impl Extent {
    /// Measures a ROI without copying its voxels.
    pub fn measure(table: &BData, path: &Path, roi: &Roi, label_key: &str) -> Result<Extent> {
        Ok(Extent {
            n_samples: table.n_samples(),
            n_voxels: table.columns(&roi.select)?.len(),
            n_stimuli: shown(table, path, label_key)?.1.len(),
        })
    }

    /// Bytes of the voxel patterns of all samples.
    pub fn bytes(self) -> u64 {
        (self.n_samples * self.n_voxels * size_of::<f64>()) as u64
    }
}

impl Samples {
    /// Takes a ROI and the stimulus of every sample from an fMRI table.
    ///
    /// `label_key` names the column that tells the stimulus; a table without `stimulus_name`, its default, is read
    /// by `image_index`, as the original's decoding does.
    pub fn select(table: &BData, path: &Path, roi: &Roi, label_key: &str) -> Result<Samples> {
        let voxels = table.select(&roi.select)?;
        if voxels.ncols() == 0 {
            return Err(Error::file(
                path,
                format!("ROI `{}` (`{}`) has no voxel", roi.name, roi.select),
                "correct the ROI's `select` in the settings; `bhscore inspect` lists the ROI keys",
            ));
        }
        if voxels.nrows() == 0 {
            let remedy = "copy or export the file again";
            return Err(Error::file(path, "holds no sample", remedy));
        }
        let (stimulus_of, stimuli) = shown(table, path, label_key)?;
        Ok(Samples {
            voxels,
            stimulus_of,
            stimuli,
            path: path.to_owned(),
        })
    }

    /// Only the samples of some stimuli, which are numbered anew in the order given.
    ///
    /// - `kept`: positions in `stimuli`, ascending.
    pub fn only(self, kept: &[usize]) -> Samples {
        if kept.len() == self.stimuli.len() {
            return self;
        }
        let (rows, stimulus_of): (Vec<usize>, Vec<usize>) = (self.stimulus_of.iter().enumerate())
            .filter_map(|(row, stimulus)| Some((row, kept.binary_search(stimulus).ok()?)))
            .unzip();
        Samples {
            voxels: self.voxels.select(Axis(0), &rows),
            stimulus_of,
            stimuli: self.stimuli.only(kept),
            path: self.path,
        }
    }

    /// Mean pattern of every stimulus, `(n_stimuli, n_voxels)`, in the order of `stimuli`.
    pub fn mean_patterns(&self) -> Array2<f64> {
        let mut sums = Array2::zeros((self.stimuli.len(), self.voxels.ncols()));
        let mut counts = vec![0.0; self.stimuli.len()];
        for (row, &stimulus) in self.voxels.rows().into_iter().zip(&self.stimulus_of) {
            let mut sum = sums.row_mut(stimulus);
            sum += &row;
            counts[stimulus] += 1.0;
        }
        for (mut row, count) in sums.axis_iter_mut(Axis(0)).zip(counts) {
            row.mapv_inplace(|sum: f64| sum / count);
        }
        sums
    }
}

impl Stimuli {
    /// Number of different stimuli.
    pub fn len(&self) -> usize {
        match self {
            Stimuli::Names { names, .. } => names.len(),
            Stimuli::Ranks(ranks) => ranks.len(),
        }
    }

    /// Whether nothing was shown.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What to call a stimulus in a message, given its position.
    pub fn name(&self, stimulus: usize) -> String {
        match self {
            Stimuli::Names { names, .. } => format!("image `{}`", names[stimulus]),
            Stimuli::Ranks(ranks) => format!("image number {}", ranks[stimulus]),
        }
    }

    fn only(&self, kept: &[usize]) -> Stimuli {
        match self {
            Stimuli::Ranks(ranks) => Stimuli::Ranks(kept.iter().map(|&at| ranks[at]).collect()),
            Stimuli::Names { names, index } => Stimuli::Names {
                names: kept.iter().map(|&at| names[at].clone()).collect(),
                index: (index.as_ref()).map(|index| kept.iter().map(|&at| index[at]).collect()),
            },
        }
    }

    /// Stimuli that were shown here and there: positions in both, each ascending. None if one side has names and
    /// the other ranks.
    pub fn shared_with(&self, other: &Stimuli) -> Vec<(usize, usize)> {
        let place = |stimulus: usize| match (self, other) {
            (Stimuli::Ranks(own), Stimuli::Ranks(other)) => {
                other.binary_search(&own[stimulus]).ok()
            }
            (Stimuli::Names { names: own, .. }, Stimuli::Names { names: other, .. }) => {
                other.binary_search(&own[stimulus]).ok()
            }
            _ => None,
        };
        (0..self.len())
            .filter_map(|stimulus| Some((stimulus, place(stimulus)?)))
            .collect()
    }

    /// Stimuli that were shown and have features: positions here and in the sorted names of a layer's
    /// feature files, both ascending.
    pub fn pairs_with(&self, features: &[String]) -> Vec<(usize, usize)> {
        let row_of = |stimulus: usize| match self {
            Stimuli::Ranks(ranks) => Some(ranks[stimulus] - 1).filter(|row| *row < features.len()),
            Stimuli::Names { names, .. } => features.binary_search(&names[stimulus]).ok(),
        };
        (0..self.len())
            .filter_map(|stimulus| Some((stimulus, row_of(stimulus)?)))
            .collect()
    }

    /// The feature row of every stimulus, given the sorted names of a layer's feature files.
    ///
    /// Also returns a remark where name and image index disagree.
    pub fn rows_in(
        &self,
        features: &[String],
        folder: &Path,
    ) -> Result<(Vec<usize>, Option<String>)> {
        match self {
            Stimuli::Ranks(ranks) => {
                if let Some(rank) = ranks.iter().find(|rank| **rank > features.len()) {
                    return Err(Error::file(
                        folder,
                        format!("has {} images, the fMRI shows image {rank}", features.len()),
                        "complete the layer's feature files",
                    ));
                }
                let highest = ranks.iter().copied().max().unwrap_or(0);
                let remark = (highest < features.len()).then(|| {
                    let n = features.len();
                    format!(
                        "{n} images in `{}`, and the fMRI shows no image above {highest}: they are matched by rank, \
                         so that a file too many shifts all after it",
                        folder.display()
                    )
                });
                Ok((ranks.iter().map(|rank| rank - 1).collect(), remark))
            }
            Stimuli::Names { names, index } => {
                let found = names.iter().map(|name| features.binary_search(name).ok());
                let found: Vec<Option<usize>> = found.collect();
                let missing = names.iter().zip(&found).filter(|(_, row)| row.is_none());
                let missing: Vec<&String> = missing.map(|(name, _)| name).collect();
                if let [name, others @ ..] = missing.as_slice() {
                    let others = match others.len() {
                        0 => String::new(),
                        n => format!(", nor of {n} others of {}", names.len()),
                    };
                    return Err(Error::file(
                        folder,
                        format!("has no features of image `{name}`, which was shown{others}"),
                        "extract the missing image, or correct the file's name",
                    ));
                }
                let rows: Vec<usize> = found.into_iter().flatten().collect();
                Ok((rows.clone(), disagreement(names, index.as_deref(), &rows)))
            }
        }
    }
}

/// A remark where the image index of the fMRI table is not the rank of the image's feature file.
fn disagreement(names: &[String], index: Option<&[usize]>, rows: &[usize]) -> Option<String> {
    let index = index?;
    let different: Vec<usize> = (0..rows.len())
        .filter(|&stimulus| index[stimulus] != rows[stimulus] + 1)
        .collect();
    let &first = different.first()?;
    Some(format!(
        "{} of {} images have an image_index that is not the rank of their feature file (`{}`: {} and {}); \
         matched by name, where the original matches by rank",
        different.len(),
        rows.len(),
        names[first],
        index[first],
        rows[first] + 1,
    ))
}

/// The stimulus of every sample, and the stimuli.
fn shown(table: &BData, path: &Path, label_key: &str) -> Result<(Vec<usize>, Stimuli)> {
    let has = |key: &str| table.keys().iter().any(|known| known == key);
    if label_key != IMAGE_INDEX && has(label_key) {
        by_name(table, label_key, has(IMAGE_INDEX))
    } else if has(IMAGE_INDEX) && [IMAGE_INDEX, Decoding::LABEL_KEY].contains(&label_key) {
        by_rank(&table.numbers(IMAGE_INDEX)?, path)
    } else {
        // A name of the user's own is meant: a table without it is not read by other columns.
        let problem = match label_key {
            Decoding::LABEL_KEY => format!("has neither `{label_key}` nor `{IMAGE_INDEX}`"),
            _ => format!("has no metadata key `{label_key}`"),
        };
        Err(Error::file(
            path,
            problem,
            "set `decoding.label_key` (`encoding.label_key` for encoders) to the column that says which image was shown",
        ))
    }
}

// DEVIATION: the original's decoding matches images by number, the rank of the image in the sorted
// feature files, and nothing checks it (`docs/compared.md` D3). Here names decide, as in its encoding, and a
// disagreement is reported. With consistent files both give the same rows.
fn by_name(table: &BData, key: &str, has_index: bool) -> Result<(Vec<usize>, Stimuli)> {
    let labels = table.get_label(key)?;
    let numbers = if has_index {
        Some(table.numbers(IMAGE_INDEX)?)
    } else {
        None
    };
    let mut position: BTreeMap<&str, usize> =
        labels.iter().map(|name| (name.as_str(), 0)).collect();
    position
        .values_mut()
        .enumerate()
        .for_each(|(rank, slot)| *slot = rank);
    let stimulus_of: Vec<usize> = labels.iter().map(|name| position[name.as_str()]).collect();
    let names: Vec<String> = position.keys().map(|name| (*name).to_owned()).collect();
    let index = numbers.map(|numbers| {
        let mut index = vec![0; names.len()];
        for (stimulus, number) in stimulus_of.iter().zip(numbers) {
            index[*stimulus] = number as usize;
        }
        index
    });
    Ok((stimulus_of, Stimuli::Names { names, index }))
}

fn by_rank(numbers: &[f64], path: &Path) -> Result<(Vec<usize>, Stimuli)> {
    if let Some(strange) = numbers.iter().find(|n| !(**n >= 1.0 && n.fract() == 0.0)) {
        return Err(Error::file(
            path,
            format!("`{IMAGE_INDEX}` holds {strange}, not a rank counted from 1"),
            "number the images by their rank in the sorted feature files",
        ));
    }
    let mut position: BTreeMap<usize, usize> = numbers.iter().map(|n| (*n as usize, 0)).collect();
    position
        .values_mut()
        .enumerate()
        .for_each(|(rank, slot)| *slot = rank);
    let stimulus_of = numbers.iter().map(|n| position[&(*n as usize)]).collect();
    Ok((stimulus_of, Stimuli::Ranks(position.into_keys().collect())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn names(names: &[&str]) -> Stimuli {
        Stimuli::Names {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            index: None,
        }
    }

    #[test]
    fn stimuli_of_two_subjects_meet_by_name() {
        let (one, two) = (names(&["a", "c", "d", "x"]), names(&["b", "c", "x"]));
        assert_eq!(one.shared_with(&two), [(1, 1), (3, 2)]);
        let (one, two) = (Stimuli::Ranks(vec![2, 5, 9]), Stimuli::Ranks(vec![5, 9]));
        assert_eq!(one.shared_with(&two), [(1, 0), (2, 1)]);
        assert_eq!(one.shared_with(&names(&["5"])), []);
    }

    #[test]
    fn samples_of_some_stimuli_are_numbered_anew() {
        let samples = Samples {
            voxels: array![[0.0], [1.0], [2.0], [3.0], [4.0]],
            stimulus_of: vec![2, 0, 1, 2, 0],
            stimuli: names(&["a", "b", "c"]),
            path: PathBuf::new(),
        };
        let found = samples.only(&[1, 2]);
        assert_eq!(found.stimulus_of, [1, 0, 1]);
        assert_eq!(found.voxels, array![[0.0], [2.0], [3.0]]);
        assert_eq!(found.stimuli, names(&["b", "c"]));
        assert_eq!(found.mean_patterns(), array![[2.0], [1.5]]);
    }
}
