//! Recordings: a number for each presentation of a stimulus, each site (neuron, electrode, voxel) and time bin.
//!
//! | on disk | what it is |
//! |---|---|
//! | `<name>.nc` | [`brainio`]: an assembly as BrainIO writes it, netCDF-4 |
//! | a folder | [`folder`]: `data.npy`, `presentation.csv`, `neuroid.csv`, and `time_bin.csv` if there are bins |
//! | `<name>.npy` | a bare array; without a table of presentations its rows are stimuli, known by their numbers from 1 |
//!
//! Names of columns are BrainIO's (SPEC: 2.0). `image_id` is an older word for `stimulus_id`.

pub mod brainio;
mod columns;
pub mod folder;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Axis};

pub use self::columns::Columns;
use crate::error::{Error, Result};

/// Names of the column that tells the stimulus, the present one first.
pub const STIMULUS: [&str; 2] = ["stimulus_id", "image_id"];

/// Recordings with what is known of their rows and columns.
#[derive(Debug, Clone)]
pub struct Assembly {
    /// Responses, `(n_presentations, n_sites, n_bins)`; one bin where there is no time. NaN where nothing was recorded.
    pub values: Array3<f64>,
    /// What is known of each presentation.
    pub presentations: Columns,
    /// What is known of each site.
    pub sites: Columns,
    /// Start and end of each bin in milliseconds; empty where that is not known.
    pub bins: Vec<(f64, f64)>,
    /// The file or folder.
    pub path: PathBuf,
}

/// Mean responses to each stimulus.
#[derive(Debug, Clone)]
pub struct Averaged {
    /// Names of the stimuli, in the order in which they come first.
    pub stimuli: Vec<String>,
    /// Mean over presentations, those that are NaN left out, `(n_stimuli, n_sites, n_bins)`.
    pub values: Array3<f64>,
    /// The first presentation of each stimulus.
    pub first: Vec<usize>,
}

impl Assembly {
    /// Reads recordings of any of the forms above.
    ///
    /// # Errors
    /// If there is nothing, or something else.
    pub fn read(path: &Path) -> Result<Assembly> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            _ if path.is_dir() => folder::read(path),
            Some("npy") => folder::bare(path, None, None),
            Some("nc") => brainio::read(path),
            _ if !path.exists() => {
                let problem = "there is no such file";
                Err(Error::file(path, problem, "correct the path"))
            }
            _ => {
                let problem = "is not a known kind of recordings";
                let remedy = "give a .nc file of BrainIO, a brain-data .h5 file of bdpy, a folder with data.npy, \
                              presentation.csv and neuroid.csv, or a .npy file";
                Err(Error::file(path, problem, remedy))
            }
        }
    }

    /// Checks that the columns fit the array, and that every presentation has a stimulus.
    fn checked(self) -> Result<Assembly> {
        let (n_presentations, n_sites, n_bins) = self.values.dim();
        for (columns, n, axis) in [
            (&self.presentations, n_presentations, "presentations"),
            (&self.sites, n_sites, "sites"),
        ] {
            if let Some((name, found)) = columns.of_other_length(n) {
                let problem = format!("has {n} {axis}, and {found} entries in `{name}`");
                return Err(Error::file(&self.path, problem, "save it again whole"));
            }
        }
        if !self.bins.is_empty() && self.bins.len() != n_bins {
            let problem = format!("has {n_bins} time bins, and times of {}", self.bins.len());
            return Err(Error::file(&self.path, problem, "save it again whole"));
        }
        if self.values.is_empty() {
            let problem = format!("holds no number: its shape is {:?}", self.values.shape());
            return Err(Error::file(&self.path, problem, "export it again"));
        }
        self.stimuli()?;
        Ok(self)
    }

    /// Stimulus of each presentation.
    ///
    /// # Errors
    /// If there is no column that tells it.
    pub fn stimuli(&self) -> Result<&[String]> {
        let found = STIMULUS
            .into_iter()
            .find_map(|name| self.presentations.get(name));
        found.ok_or_else(|| {
            let problem = "does not name the stimuli: there is no column `stimulus_id`";
            Error::file(
                &self.path,
                problem,
                "add it to what describes the presentations",
            )
        })
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.values.len_of(Axis(1))
    }

    /// Only these sites.
    #[must_use]
    pub fn with_sites(&self, sites: &[usize]) -> Assembly {
        Assembly {
            values: self.values.select(Axis(1), sites),
            presentations: self.presentations.clone(),
            sites: self.sites.only(sites),
            bins: self.bins.clone(),
            path: self.path.clone(),
        }
    }

    /// Names of the sites: `neuroid_id`, or their numbers from 1.
    #[must_use]
    pub fn site_names(&self) -> Vec<String> {
        match self.sites.get("neuroid_id") {
            Some(names) => names.to_vec(),
            None => (1..=self.n_sites())
                .map(|number| number.to_string())
                .collect(),
        }
    }

    /// Means over the presentations of each stimulus.
    ///
    /// # Errors
    /// If no column tells the stimulus.
    pub fn averaged(&self) -> Result<Averaged> {
        let mut stimuli: Vec<String> = Vec::new();
        let mut first = Vec::new();
        let mut position: HashMap<&str, usize> = HashMap::new();
        let mut stimulus_of = Vec::new();
        for (row, stimulus) in self.stimuli()?.iter().enumerate() {
            let place = *position.entry(stimulus).or_insert_with(|| {
                stimuli.push(stimulus.clone());
                first.push(row);
                stimuli.len() - 1
            });
            stimulus_of.push(place);
        }
        let (_, n_sites, n_bins) = self.values.dim();
        let mut values = Array3::<f64>::zeros((stimuli.len(), n_sites, n_bins));
        let mut counts = Array3::<f64>::zeros(values.raw_dim());
        for (row, &stimulus) in self.values.outer_iter().zip(&stimulus_of) {
            let mut sum = values.index_axis_mut(Axis(0), stimulus);
            let mut count = counts.index_axis_mut(Axis(0), stimulus);
            ndarray::Zip::from(&mut sum)
                .and(&mut count)
                .and(&row)
                .for_each(|sum, count, &value| {
                    if !value.is_nan() {
                        *sum += value;
                        *count += 1.0;
                    }
                });
        }
        // Nothing recorded is 0/0: NaN.
        values /= &counts;
        Ok(Averaged {
            stimuli,
            values,
            first,
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn assembly() -> Assembly {
        let mut presentations = Columns::default();
        let names = ["b", "a", "b"].map(str::to_owned).to_vec();
        presentations.insert("image_id", names);
        Assembly {
            values: array![[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [f64::NAN]]],
            presentations,
            sites: Columns::default(),
            bins: Vec::new(),
            path: PathBuf::from("x.nc"),
        }
    }

    #[test]
    fn means_are_over_what_was_recorded_in_order_of_appearance() {
        let averaged = assembly().averaged().unwrap();
        assert_eq!(averaged.stimuli, ["b", "a"]);
        assert_eq!(averaged.first, [0, 1]);
        assert_eq!(averaged.values, array![[[3.0], [2.0]], [[3.0], [4.0]]]);
    }

    #[test]
    fn columns_that_do_not_fit_are_told() {
        let mut wrong = assembly();
        wrong.sites.insert("region", vec!["V1".to_owned(); 3]);
        let told = wrong.checked().unwrap_err().to_string();
        assert!(
            told.contains("2 sites, and 3 entries in `region`"),
            "{told}"
        );
        let mut wrong = assembly();
        wrong.presentations = Columns::default();
        let told = wrong.checked().unwrap_err().to_string();
        assert!(told.contains("stimulus_id"), "{told}");
    }

    #[test]
    fn sites_are_selected_with_their_columns() {
        let mut all = assembly();
        all.sites
            .insert("region", vec!["V4".to_owned(), "IT".to_owned()]);
        let it = all.with_sites(&[1]);
        assert_eq!(it.values.shape(), [3, 1, 1]);
        assert_eq!(it.sites.get("region").unwrap(), ["IT"]);
        assert_eq!(it.site_names(), ["1"]);
    }
}
