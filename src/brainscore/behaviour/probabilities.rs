//! The probability that a model gives to every object in every image: a CSV file ([`io::table`](crate::io::table))
//! with the column `stimulus_id` and a column per object, a row per image.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::io::table::{self, Table};
use crate::nearest::quoted;

/// Column of the images' names.
const IMAGE: &str = "stimulus_id";

/// Probabilities of named objects in named images.
#[derive(Debug, Clone, PartialEq)]
pub struct Probabilities {
    /// The file, for errors; none of those of a readout.
    pub path: Option<PathBuf>,
    /// Names of the images, `(n_images,)`.
    pub images: Vec<String>,
    /// Names of the objects, `(n_objects,)`.
    pub objects: Vec<String>,
    /// `(n_images, n_objects)`.
    pub values: Array2<f64>,
}

impl Probabilities {
    /// Reads a CSV file. Rows need not sum to 1: only ratios count.
    ///
    /// # Errors
    /// If it cannot be read, has no column of images, an image twice, or a field that is no number from 0 to 1.
    pub fn read(path: &Path) -> Result<Probabilities> {
        Probabilities::of_table(&Table::read(path)?)
    }

    /// From a table with these columns.
    ///
    /// # Errors
    /// As [`Probabilities::read`].
    pub fn of_table(table: &Table) -> Result<Probabilities> {
        let names = table.find(IMAGE)?;
        let images = table.keys(names)?;
        let columns: Vec<usize> = (0..table.columns().len())
            .filter(|&column| column != names)
            .collect();
        let mut values = Array2::zeros((images.len(), columns.len()));
        for ((row, place), value) in values.indexed_iter_mut() {
            let p = table.number(row, columns[place])?;
            *value = match p.filter(|p| (0.0..=1.0).contains(p)) {
                Some(p) => p,
                None => {
                    let object = &table.columns()[columns[place]];
                    let problem = format!(
                        "image `{}` has no probability of `{object}` from 0 to 1",
                        images[row]
                    );
                    return Err(Error::file(table.path(), problem, "correct the field"));
                }
            };
        }
        Ok(Probabilities {
            path: Some(table.path().to_owned()),
            images: images.into_iter().map(str::to_owned).collect(),
            objects: columns
                .iter()
                .map(|&column| table.columns()[column].clone())
                .collect(),
            values,
        })
    }

    /// The file, with the digits that give the same numbers again.
    pub fn csv(&self) -> Vec<u8> {
        let header = std::iter::once(IMAGE.to_owned()).chain(self.objects.iter().cloned());
        let rows = self.images.iter().zip(self.values.rows());
        let rows = rows.map(|(image, values)| {
            let values = values.iter().map(f64::to_string);
            let fields = std::iter::once(image.clone()).chain(values);
            fields.collect::<Vec<_>>()
        });
        table::encode(header, rows)
    }

    /// Columns of these objects.
    ///
    /// # Errors
    /// If one is not there; it is named.
    pub fn places(&self, objects: &[String]) -> Result<Vec<usize>> {
        self.find("object", objects, &self.objects)
    }

    /// These images and objects in this order, `(n_images, n_objects)`.
    ///
    /// # Errors
    /// If one is not there; it is named.
    pub fn select(&self, images: &[String], objects: &[String]) -> Result<Array2<f64>> {
        let rows = self.find("image", images, &self.images)?;
        let columns = self.places(objects)?;
        Ok(Array2::from_shape_fn(
            (rows.len(), columns.len()),
            |(row, column)| self.values[[rows[row], columns[column]]],
        ))
    }

    /// Places of these names; the first that is not there is an error.
    fn find(&self, what: &str, wanted: &[String], known: &[String]) -> Result<Vec<usize>> {
        let numbers: HashMap<&str, usize> = known
            .iter()
            .enumerate()
            .map(|(number, name)| (name.as_str(), number))
            .collect();
        let place = |name: &String| {
            numbers.get(name.as_str()).copied().ok_or_else(|| {
                let remedy = match what {
                    "object" => format!(
                        "the model knows {}; teach it, or leave it out",
                        quoted(known.iter().map(String::as_str).take(MOST_NAMED))
                    ),
                    _ => "add its row, or leave its trials out".to_owned(),
                };
                let problem = match &self.path {
                    Some(path) => format!("has no probability in `{}`", path.display()),
                    None => "has no probability of the model".to_owned(),
                };
                Error::data(format!("{what} `{name}`"), problem, remedy)
            })
        };
        wanted.iter().map(place).collect()
    }
}

/// Objects that an error lists.
const MOST_NAMED: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn parsed(text: &[u8]) -> Result<Probabilities> {
        Probabilities::of_table(&Table::parse(Path::new("p.csv"), text)?)
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let written = Probabilities {
            path: Some("p.csv".into()),
            images: vec!["a,1".to_owned(), "b".to_owned()],
            objects: vec!["dog".to_owned(), "cat".to_owned()],
            values: array![[0.1, 0.9], [1e-300, 1.0 / 3.0]],
        };
        assert_eq!(parsed(&written.csv()).unwrap(), written);
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
        let found = written.select(&names(&["b"]), &names(&["cat", "dog"]));
        assert_eq!(found.unwrap(), array![[1.0 / 3.0, 1e-300]]);
        let told = |images: &[&str], objects: &[&str]| {
            let error = written.select(&names(images), &names(objects));
            error.unwrap_err().to_string()
        };
        assert!(told(&["c"], &["dog"]).contains("image `c`"));
        assert!(told(&["b"], &["ape"]).contains("object `ape`: has no probability in `p.csv`"));
    }

    #[test]
    fn what_is_no_probability_is_told() {
        for (field, part) in [
            ("nan", "no probability of `dog`"),
            ("", "no probability of `dog`"),
            ("-0.1", "no probability of `dog`"),
            ("1.5", "no probability of `dog`"),
            ("x", "`x` in line 2, column `dog`"),
        ] {
            let text = format!("stimulus_id,dog,cat\na,{field},0.5\n");
            let told = parsed(text.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(part), "{told}");
        }
    }
}
