//! When images were solved, for [`object_time`]: a CSV file
//! ([`io::table`](crate::io::table)) with a row per image and, among others, the columns
//!
//! | column | holds |
//! |---|---|
//! | `stimulus_id` | the image |
//! | `truth` | the object in it |
//! | `time` | its measured solution time in ms; empty if it was never solved |
//! | `i1` | the `i1` that was reached at that time |

use std::path::{Path, PathBuf};

use super::object_time::{self, Measured};
use crate::brainscore::names::{in_order, numbered};
use crate::error::{Error, Result};
use crate::io::table::Table;
use crate::stats::splits::Split;

/// What was measured of every image.
#[derive(Debug, Clone, PartialEq)]
pub struct SolutionTimes {
    /// The file, for errors.
    pub path: PathBuf,
    /// Names of the images, ascending, `(n_images,)`.
    pub images: Vec<String>,
    /// Names of the objects, ascending, `(n_objects,)`.
    pub objects: Vec<String>,
    /// Object in every image, `(n_images,)`.
    pub truth: Vec<usize>,
    /// Solution times in ms, `(n_images,)`; NaN where there is none.
    pub times: Vec<f64>,
    /// `i1` at that time, `(n_images,)`; NaN where there is no time.
    pub i1: Vec<f64>,
}

impl SolutionTimes {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// If it cannot be read, lacks a column, has an image twice, an image without object, or a time without `i1`.
    pub fn read(path: &Path) -> Result<SolutionTimes> {
        SolutionTimes::of_table(&Table::read(path)?)
    }

    /// From a table with these columns.
    ///
    /// # Errors
    /// As [`SolutionTimes::read`].
    pub fn of_table(table: &Table) -> Result<SolutionTimes> {
        let names = table.keys(table.find("stimulus_id")?)?;
        let [truth, time, i1] = ["truth", "time", "i1"].map(|name| table.find(name));
        let (truth, time, i1) = (truth?, time?, i1?);
        // The registry cuts images in the order of their names.
        let mut rows: Vec<usize> = (0..names.len()).collect();
        rows.sort_by_key(|&row| names[row]);
        let numbers = numbered(rows.iter().map(|&row| table.text(row, truth)));
        let mut found = SolutionTimes {
            path: table.path().to_owned(),
            images: rows.iter().map(|&row| names[row].to_owned()).collect(),
            objects: Vec::new(),
            truth: Vec::new(),
            times: Vec::new(),
            i1: Vec::new(),
        };
        for row in rows {
            let refuse = |problem: &str, remedy: &str| {
                let problem = format!("image `{}` {problem}", names[row]);
                Err(Error::file(table.path(), problem, remedy))
            };
            let object = table.text(row, truth);
            if object.is_empty() {
                return refuse("has no `truth`", "fill it in, or leave the image out");
            }
            let (time, i1) = match (table.number(row, time)?, table.number(row, i1)?) {
                (Some(time), Some(i1)) => (time, i1),
                (None, _) => (f64::NAN, f64::NAN),
                (Some(_), None) => {
                    let remedy = "fill it in, or leave its time empty";
                    return refuse("has a `time` without the `i1` that was reached", remedy);
                }
            };
            found.truth.push(numbers[object]);
            found.times.push(time);
            found.i1.push(i1);
        }
        found.objects = in_order(numbers);
        Ok(found)
    }

    /// As they are compared with.
    pub fn measured(&self) -> Measured<'_> {
        Measured {
            truth: &self.truth,
            n_objects: self.objects.len(),
            times: &self.times,
            thresholds: &self.i1,
        }
    }

    /// The registry's splits of the images.
    ///
    /// # Errors
    /// If there are too few images, or a training part lacks an object.
    pub fn splits(&self) -> Result<Vec<Split>> {
        let splits = object_time::registry_splits(self.images.len())?;
        for split in &splits {
            let learned = |object: &usize| split.train.iter().any(|&i| self.truth[i] == *object);
            if let Some(object) = (0..self.objects.len()).find(|object| !learned(object)) {
                let object = &self.objects[object];
                let problem = format!(
                    "has too few images of the object `{object}`: one of the splits has none to learn from"
                );
                let remedy = "give more of its images, or leave them out";
                return Err(Error::file(&self.path, problem, remedy));
            }
        }
        Ok(splits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> Result<SolutionTimes> {
        SolutionTimes::of_table(&Table::parse(Path::new("t.csv"), text.as_bytes())?)
    }

    #[test]
    fn images_are_put_in_order() {
        let text = "time,stimulus_id,truth,i1\n120.5,z,dog,1.5\n,a,cat,0.3\n90,b,dog,-1\n";
        let found = times(text).unwrap();
        assert_eq!(found.images, ["a", "b", "z"]);
        assert_eq!(
            (&found.objects[0][..], &found.truth[..]),
            ("cat", &[0, 1, 1][..])
        );
        assert!(found.times[0].is_nan() && found.i1[0].is_nan());
        assert_eq!((found.times[2], found.i1[1]), (120.5, -1.0));
        // Three images cannot teach two objects in ten splits.
        assert!(found.splits().unwrap_err().to_string().contains("`cat`"));
    }

    #[test]
    fn what_cannot_be_is_told() {
        let told = |text: &str, part: &str| {
            let error = times(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        told("stimulus_id,truth,i1\na,x,1\n", "no column `time`");
        told(
            "stimulus_id,truth,time,i1\na,x,90,\n",
            "image `a` has a `time` without",
        );
        told(
            "stimulus_id,truth,time,i1\na,,90,1\n",
            "image `a` has no `truth`",
        );
        told("stimulus_id,truth,time,i1\na,x,90,1\na,x,90,1\n", "`a`");
        told("stimulus_id,truth,time,i1\na,x,soon,1\n", "`soon`");
    }
}
