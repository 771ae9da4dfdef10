//! Which object is in which image, for a readout to learn: a CSV file ([`io::table`](crate::io::table)) with a row
//! per image and, among others, the columns
//!
//! | column | holds |
//! |---|---|
//! | `stimulus_id` | the image |
//! | `object_name` | the object in it |
//! | `split` | `train` (it is learned) or `test` (it is asked for); without the column all are learned |

use std::path::{Path, PathBuf};

use crate::brainscore::names::{in_order, numbered};
use crate::error::{Error, Result};
use crate::io::table::Table;
use crate::stats::splits::{self, Size, Split};

/// Images and the objects in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The file, for errors.
    pub path: PathBuf,
    /// Names of the images in the order of the file, `(n_images,)`.
    pub images: Vec<String>,
    /// Names of the objects, ascending, `(n_objects,)`.
    pub objects: Vec<String>,
    /// Object in every image, `(n_images,)`.
    pub truth: Vec<usize>,
    /// What the column `split` tells; none without it.
    pub split: Option<Split>,
}

impl Labels {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// If it cannot be read, lacks a column, has an image twice or an empty field, or a split is neither `train` nor
    /// `test`.
    pub fn read(path: &Path) -> Result<Labels> {
        Labels::of_table(&Table::read(path)?)
    }

    /// From a table with these columns.
    ///
    /// # Errors
    /// As [`Labels::read`].
    pub fn of_table(table: &Table) -> Result<Labels> {
        let images = table.keys(table.find("stimulus_id")?)?;
        let column = table.find("object_name")?;
        let objects: Vec<&str> = (0..table.n_rows())
            .map(|row| table.text(row, column))
            .collect();
        if let Some(row) = objects.iter().position(|object| object.is_empty()) {
            let problem = format!("image `{}` has no `object_name`", images[row]);
            let remedy = "fill it in, or leave the image out";
            return Err(Error::file(table.path(), problem, remedy));
        }
        let numbers = numbered(objects.iter().copied());
        Ok(Labels {
            path: table.path().to_owned(),
            truth: objects.iter().map(|object| numbers[object]).collect(),
            split: split(table, &images)?,
            images: images.into_iter().map(str::to_owned).collect(),
            objects: in_order(numbers),
        })
    }

    /// What is learned, and what is asked for: as the file tells, otherwise all and nothing.
    ///
    /// # Errors
    /// If an object has no image to learn from.
    pub fn told(&self) -> Result<Split> {
        let all = || Split {
            train: (0..self.images.len()).collect(),
            test: Vec::new(),
        };
        let remedy = "give one with the split `train`, or leave the object out";
        self.complete(self.split.clone().unwrap_or_else(all), remedy)
    }

    /// A random split by objects.
    ///
    /// - `test_share`: share of the images that is asked for.
    ///
    /// # Errors
    /// If there are too few images for the share, or an object has one only.
    pub fn random(&self, test_share: f64, seed: u32) -> Result<Split> {
        let size = Size::Test(test_share);
        let splits = splits::stratified(&self.truth, 1, size, seed).map_err(|reason| {
            let remedy = "give more images, or another `--test-share`";
            Error::data("the split of the labels", reason.to_string(), remedy)
        })?;
        let split = splits.into_iter().next();
        let remedy = "give more of its images, a smaller `--test-share`, or leave the object out";
        self.complete(split.expect("one was asked for"), remedy)
    }

    /// A split from which every object is learned.
    fn complete(&self, split: Split, remedy: &str) -> Result<Split> {
        let mut learned = vec![false; self.objects.len()];
        split
            .train
            .iter()
            .for_each(|&image| learned[self.truth[image]] = true);
        match learned.iter().position(|learned| !learned) {
            None => Ok(split),
            Some(object) => {
                let object = &self.objects[object];
                let problem = format!("has no image of the object `{object}` to learn from");
                Err(Error::file(&self.path, problem, remedy))
            }
        }
    }

    /// Names of these images.
    pub fn names(&self, images: &[usize]) -> Vec<String> {
        images
            .iter()
            .map(|&image| self.images[image].clone())
            .collect()
    }

    /// Objects in these images.
    pub fn truths(&self, images: &[usize]) -> Vec<usize> {
        images.iter().map(|&image| self.truth[image]).collect()
    }
}

fn split(table: &Table, images: &[&str]) -> Result<Option<Split>> {
    let Some(column) = table.position("split") else {
        return Ok(None);
    };
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (row, image) in images.iter().enumerate() {
        match table.text(row, column) {
            "train" => train.push(row),
            "test" => test.push(row),
            other => {
                let problem = format!("image `{image}` has the split `{other}`");
                return Err(Error::file(
                    table.path(),
                    problem,
                    "write `train` or `test`",
                ));
            }
        }
    }
    Ok(Some(Split { train, test }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Result<Labels> {
        Labels::of_table(&Table::parse(Path::new("l.csv"), text.as_bytes())?)
    }

    #[test]
    fn objects_are_numbered_and_images_are_split() {
        let text = "split,stimulus_id,object_name\ntrain,z,dog\ntest,b,dog\ntrain,a,cat\n";
        let found = labels(text).unwrap();
        assert_eq!(found.images, ["z", "b", "a"]);
        assert_eq!(found.objects, ["cat", "dog"]);
        assert_eq!(found.truth, [1, 1, 0]);
        let split = found.told().unwrap();
        assert_eq!((&split.train[..], &split.test[..]), (&[0, 2][..], &[1][..]));
        assert_eq!(found.names(&split.test), ["b"]);
    }

    #[test]
    fn a_random_part_has_some_of_each_object() {
        let rows: String = (0..40)
            .map(|row| format!("i{row},{}\n", ["a", "b", "c", "d"][row % 4]))
            .collect();
        let found = labels(&format!("stimulus_id,object_name\n{rows}")).unwrap();
        assert_eq!(found.told().unwrap().train.len(), 40);
        let split = found.random(0.2, 1).unwrap();
        let mut objects = found.truths(&split.test);
        objects.sort_unstable();
        assert_eq!(objects, [0, 0, 1, 1, 2, 2, 3, 3]);
        assert!(found.random(0.05, 1).is_err());
        // Of two images for the eight, either each object has one or one object has both.
        let rows: String = (0..8)
            .map(|row| format!("i{row},{}\n", if row < 2 { "a" } else { "b" }))
            .collect();
        let found = labels(&format!("stimulus_id,object_name\n{rows}")).unwrap();
        let told = (1..20).find_map(|seed| found.random(0.75, seed).err());
        let told = told.unwrap().to_string();
        assert!(
            told.contains("`l.csv`: has no image of the object `a` to learn"),
            "{told}"
        );
        assert!(
            told.contains("a smaller `--test-share`") && !told.contains("`train`"),
            "{told}"
        );
    }

    #[test]
    fn mistakes_are_told() {
        let told = |text: &str, part: &str| {
            let error = labels(text)
                .and_then(|labels| labels.told())
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{error}");
        };
        told("stimulus_id,object\na,x\n", "no column `object_name`");
        told("stimulus_id,object_name\na,x\na,y\n", "`a`");
        told("stimulus_id,object_name\na,x\nb,\n", "image `b` has no");
        told(
            "stimulus_id,object_name,split\na,x,train\nb,y,tests\n",
            "the split `tests`",
        );
        told(
            "stimulus_id,object_name,split\na,x,train\nb,y,test\n",
            "`l.csv`: has no image of the object `y` to learn from",
        );
    }
}
