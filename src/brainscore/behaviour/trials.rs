//! What people chose: two-alternative forced-choice trials.
//!
//! A trial shows an image and then two objects, the true one and a distractor, one of which is chosen. On disk a CSV
//! file ([`io::table`](crate::io::table)) with a row per trial and, among others, the columns
//!
//! | column | holds |
//! |---|---|
//! | `stimulus_id` | the image |
//! | `truth` | the object in it, the same in all its trials |
//! | `distractor` | the other object that was offered |
//! | `choice` | the one of the two that was chosen |
//!
//! The order of the rows matters: random halves of trials are drawn by their numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::brainscore::names::{in_order, numbered};
use crate::error::{Error, Result};
use crate::io::table::Table;

/// One trial, by numbers of image and objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The image.
    pub image: usize,
    /// The object that was offered beside the true one.
    pub distractor: usize,
    /// The object that was chosen.
    pub choice: usize,
}

/// Trials and what their numbers stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trials {
    /// The file, for errors.
    pub path: PathBuf,
    /// Names of the images, ascending, `(n_images,)`.
    pub images: Vec<String>,
    /// Names of the objects, ascending, `(n_objects,)`.
    pub objects: Vec<String>,
    /// Object in every image, `(n_images,)`.
    pub truth: Vec<usize>,
    /// In the order of the file, `(n_trials,)`.
    pub trials: Vec<Trial>,
}

impl Trials {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// If it cannot be read, lacks a column, has an empty field, gives an image two truths, offers the truth twice,
    /// or an object was chosen that was not offered.
    pub fn read(path: &Path) -> Result<Trials> {
        Trials::of_table(&Table::read(path)?)
    }

    /// From a table with these columns.
    ///
    /// # Errors
    /// As [`Trials::read`].
    pub fn of_table(table: &Table) -> Result<Trials> {
        let mut columns = [0; 4];
        for (slot, name) in columns.iter_mut().zip(COLUMNS) {
            *slot = table.find(name)?;
        }
        let rows: Vec<[&str; 4]> = (0..table.n_rows())
            .map(|row| columns.map(|column| table.text(row, column)))
            .collect();
        for (row, fields) in rows.iter().enumerate() {
            check(table.path(), row, fields)?;
        }
        let images = numbered(rows.iter().map(|[image, ..]| *image));
        let objects = numbered(
            rows.iter()
                .flat_map(|[_, truth, other, _]| [*truth, *other]),
        );
        if objects.len() > MOST_OBJECTS {
            let problem = format!("names {} objects", objects.len());
            let remedy = format!("give at most {MOST_OBJECTS}: every one is compared with all");
            return Err(Error::file(table.path(), problem, remedy));
        }
        let shown = rows.iter().map(|[image, truth, ..]| (*image, *truth));
        let truth = truths(table.path(), shown, &images, &objects)?;
        let trial = |[image, _, distractor, choice]: &[&str; 4]| Trial {
            image: images[image],
            distractor: objects[distractor],
            choice: objects[choice],
        };
        Ok(Trials {
            path: table.path().to_owned(),
            truth,
            trials: rows.iter().map(trial).collect(),
            images: in_order(images),
            objects: in_order(objects),
        })
    }
}

/// Most objects of trials: the largest set of images has a thousand, and tables have the square of their number.
const MOST_OBJECTS: usize = 2000;

/// Columns in the order in which rows are taken apart.
const COLUMNS: [&str; 4] = ["stimulus_id", "truth", "distractor", "choice"];

/// The object in every image, `(n_images,)`.
///
/// - `shown`: image and object of every trial.
///
/// # Errors
/// If an image has two.
pub(super) fn truths<'a>(
    path: &Path,
    shown: impl Iterator<Item = (&'a str, &'a str)>,
    images: &BTreeMap<&str, usize>,
    objects: &BTreeMap<&str, usize>,
) -> Result<Vec<usize>> {
    let mut truth = vec![None; images.len()];
    for (row, (image, object)) in shown.enumerate() {
        let (slot, object) = (&mut truth[images[image]], objects[object]);
        if slot.replace(object).is_some_and(|before| before != object) {
            let problem = format!(
                "trial {}: image `{image}` has another truth before",
                row + 1
            );
            let remedy = "an image holds one object; give images with two different names";
            return Err(Error::file(path, problem, remedy));
        }
    }
    Ok(truth.into_iter().flatten().collect())
}

/// Refuses a row that cannot be.
///
/// - `fields`: in the order of [`COLUMNS`].
pub(super) fn check(path: &Path, row: usize, fields: &[&str; 4]) -> Result<()> {
    let [_, truth, distractor, choice] = fields;
    let (problem, remedy) = if let Some(empty) = fields.iter().position(|field| field.is_empty()) {
        let problem = format!("`{}` is empty", COLUMNS[empty]);
        (problem, "fill it in, or leave the trial out")
    } else if truth == distractor {
        let problem = format!("`{truth}` is both truth and distractor");
        (problem, "a trial offers two different objects")
    } else if choice != truth && choice != distractor {
        let problem =
            format!("`{choice}` was chosen where `{truth}` and `{distractor}` were offered");
        (problem, "name one of the two, or leave the trial out")
    } else {
        return Ok(());
    };
    let problem = format!("trial {}: {problem}", row + 1);
    Err(Error::file(path, problem, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(rows: &str) -> Result<Trials> {
        let text = format!("choice,stimulus_id,subject,truth,distractor\n{rows}");
        Trials::of_table(&Table::parse(Path::new("t.csv"), text.as_bytes())?)
    }

    #[test]
    fn names_become_numbers_in_their_order() {
        let found = trials("dog,z,1,dog,cat\nape,b,1,dog,ape\ncat,z,2,dog,cat\n").unwrap();
        assert_eq!(found.images, ["b", "z"]);
        assert_eq!(found.objects, ["ape", "cat", "dog"]);
        assert_eq!(found.truth, [2, 2]);
        let trial = |image, distractor, choice| Trial {
            image,
            distractor,
            choice,
        };
        assert_eq!(
            found.trials,
            [trial(1, 1, 2), trial(0, 0, 0), trial(1, 1, 1)]
        );
    }

    #[test]
    fn impossible_trials_are_named() {
        let told = |rows: &str, part: &str| {
            let error = trials(rows).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        told(
            "dog,a,1,dog,cat\nape,a,1,dog,cat\n",
            "trial 2: `ape` was chosen",
        );
        told("dog,a,1,dog,dog\n", "both truth and distractor");
        told("dog,,1,dog,cat\n", "`stimulus_id` is empty");
        told("dog,a,1,dog,cat\ncat,a,1,cat,dog\n", "trial 2: image `a`");
        let table = Table::parse(Path::new("t.csv"), b"a,b\n1,2\n").unwrap();
        assert!(
            Trials::of_table(&table)
                .unwrap_err()
                .to_string()
                .contains("stimulus_id")
        );
    }
}
