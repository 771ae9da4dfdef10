//! Whether people were right, one by one, for [`kappa`]: a CSV file
//! ([`io::table`](crate::io::table)) with a row per answer and, among others, the columns
//!
//! | column | holds |
//! |---|---|
//! | `subject` | who answered |
//! | `stimulus_id` | the image |
//! | `truth` | the object in it, the same in all its rows |
//! | `choice` | the object that was chosen |
//! | `distractor` | the object that was offered beside the true one; without the column, all objects of the file were |
//! | `condition` | how images were shown; without the column there is one condition |
//!
//! A question is an image and what was offered. The model answers all questions of a person with the most probable of
//! the objects that were offered; of equally probable ones the first by name. Two people are compared on the questions
//! that both answered; of a question that was asked several times, the first answers, the second ones and so on.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use super::kappa::kappa;
use super::trials::{check, truths};
use crate::brainscore::names::{in_order, numbered};
use crate::error::{Error, Result};
use crate::io::table::Table;

/// An image and the distractor beside its object; none where all objects were offered.
type Question = (usize, Option<usize>);

/// A question and how often it was asked before.
type Asked = (Question, usize);

/// Answers and what their numbers stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The file, for errors.
    pub path: PathBuf,
    /// Names of the images, ascending, `(n_images,)`.
    pub images: Vec<String>,
    /// Names of the objects, ascending, `(n_objects,)`.
    pub objects: Vec<String>,
    /// Object in every image, `(n_images,)`.
    pub truth: Vec<usize>,
    /// Whether answers are right, of every person in every condition, `(n_people, n_conditions)`.
    right: Array2<BTreeMap<Asked, bool>>,
}

impl Answers {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// If it cannot be read, lacks a column, has an empty field, gives an image two truths, or an object was chosen that
    /// was not offered.
    pub fn read(path: &Path) -> Result<Answers> {
        Answers::of_table(&Table::read(path)?)
    }

    /// From a table with these columns.
    ///
    /// # Errors
    /// As [`Answers::read`].
    pub fn of_table(table: &Table) -> Result<Answers> {
        let column = |name: &str| -> Result<Vec<&str>> {
            let column = table.find(name)?;
            full(table, column)
        };
        let optional = |name: &str| -> Result<Option<Vec<&str>>> {
            let column = table.position(name);
            column.map(|column| full(table, column)).transpose()
        };
        let [people, images, truth, choices] =
            ["subject", "stimulus_id", "truth", "choice"].map(column);
        let (people, images, truth, choices) = (people?, images?, truth?, choices?);
        let distractors = optional("distractor")?;
        let conditions = optional("condition")?;
        for (row, distractor) in distractors.iter().flatten().enumerate() {
            check(
                table.path(),
                row,
                &[images[row], truth[row], distractor, choices[row]],
            )?;
        }
        let of_images = numbered(images.iter().copied());
        let named = [&truth, &choices].into_iter().chain(&distractors);
        let of_objects = numbered(named.flatten().copied());
        let of_people = numbered(people.iter().copied());
        let of_conditions = numbered(conditions.iter().flatten().copied());
        let shown = images.iter().copied().zip(truth.iter().copied());
        let truths = truths(table.path(), shown, &of_images, &of_objects)?;
        let shape = (of_people.len(), of_conditions.len().max(1));
        let mut right: Array2<BTreeMap<Asked, bool>> = Array2::default(shape);
        let mut before: HashMap<([usize; 2], Question), usize> = HashMap::new();
        for row in 0..table.n_rows() {
            let condition = conditions.as_ref().map_or(0, |all| of_conditions[all[row]]);
            let place = [of_people[people[row]], condition];
            let offered = distractors.as_ref().map(|all| of_objects[all[row]]);
            let question = (of_images[images[row]], offered);
            let n_before = before.entry((place, question)).or_insert(0);
            right[place].insert((question, *n_before), choices[row] == truth[row]);
            *n_before += 1;
        }
        Ok(Answers {
            path: table.path().to_owned(),
            truth: truths,
            images: in_order(of_images),
            objects: in_order(of_objects),
            right,
        })
    }

    /// κ of a model with every person in every condition, `(n_people, n_conditions)`.
    ///
    /// - `probabilities`: of these images and objects, `(n_images, n_objects)`.
    ///
    /// # Panics
    /// If they are of others.
    #[track_caller]
    pub fn with_model(&self, probabilities: ArrayView2<'_, f64>) -> Array2<f64> {
        let shape = (self.images.len(), self.objects.len());
        assert_eq!(probabilities.dim(), shape, "these images and objects");
        let is_right = |(image, distractor): Question| {
            let (p, truth) = (probabilities.row(image), self.truth[image]);
            let loses =
                |other: usize| p[other] < p[truth] || (p[other] == p[truth] && other > truth);
            match distractor {
                Some(distractor) => loses(distractor),
                None => (0..p.len()).all(|object| object == truth || loses(object)),
            }
        };
        self.right.map(|answers| {
            let of_model = answers.keys().map(|(question, _)| is_right(*question));
            let of_person: Vec<bool> = answers.values().copied().collect();
            kappa(&of_model.collect::<Vec<bool>>(), &of_person)
        })
    }

    /// κ of all pairs of people in every condition, `(n_pairs, n_conditions)`; NaN where they share no question.
    pub fn between_people(&self) -> Array2<f64> {
        let (n_people, n_conditions) = self.right.dim();
        let pairs = (0..n_people).flat_map(|one| (0..one).map(move |other| (other, one)));
        let pairs: Vec<(usize, usize)> = pairs.collect();
        Array2::from_shape_fn((pairs.len(), n_conditions), |(pair, condition)| {
            let (one, other) = pairs[pair];
            let other = &self.right[[other, condition]];
            let answers = self.right[[one, condition]].iter();
            let both = answers.filter_map(|(asked, one)| Some((*one, *other.get(asked)?)));
            let (one, other): (Vec<bool>, Vec<bool>) = both.unzip();
            kappa(&one, &other)
        })
    }
}

/// A column without empty fields.
fn full(table: &Table, column: usize) -> Result<Vec<&str>> {
    let fields: Vec<&str> = (0..table.n_rows())
        .map(|row| table.text(row, column))
        .collect();
    match fields.iter().position(|field| field.is_empty()) {
        None => Ok(fields),
        Some(row) => {
            let name = &table.columns()[column];
            let problem = format!("trial {}: `{name}` is empty", row + 1);
            let remedy = "fill it in, or leave the trial out";
            Err(Error::file(table.path(), problem, remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::behaviour::kappa::error_consistency;
    use ndarray::array;

    fn answers(text: &str) -> Result<Answers> {
        Answers::of_table(&Table::parse(Path::new("a.csv"), text.as_bytes())?)
    }

    /// The registry's test: three people, nine images of dog, cat and chair in three conditions.
    fn registry() -> Answers {
        let truth = ["dog", "cat", "chair"];
        let people = [
            "dog cat chair cat dog dog dog dog chair",
            "cat cat chair cat dog cat chair cat cat",
            "dog cat chair dog cat chair dog cat chair",
        ];
        let mut text = "subject,stimulus_id,truth,choice,condition\n".to_owned();
        for (person, choices) in people.iter().enumerate() {
            for (image, choice) in choices.split(' ').enumerate() {
                let (truth, condition) = (truth[image % 3], image / 3);
                text += &format!("p{person},i{image},{truth},{choice},c{condition}\n");
            }
        }
        answers(&text).unwrap()
    }

    #[test]
    fn the_registrys_first_person_as_a_model() {
        let answers = registry();
        assert_eq!(answers.objects, ["cat", "chair", "dog"]);
        let choices = [2, 0, 1, 0, 2, 2, 2, 2, 1];
        let mut p = Array2::from_elem((9, 3), 0.1);
        for (image, choice) in choices.into_iter().enumerate() {
            p[[image, choice]] = 0.8;
        }
        let found = error_consistency(answers.with_model(p.view()).view());
        assert!((found.value - 0.2).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn people_are_compared_on_what_both_were_asked() {
        let text = "subject,stimulus_id,truth,distractor,choice\n\
            a,1,x,y,x\na,1,x,y,y\na,2,y,x,y\na,3,x,z,x\n\
            b,2,y,x,y\nb,1,x,y,x\nb,1,x,y,y\nb,3,x,y,y\n";
        let answers = answers(text).unwrap();
        // In common: 1 twice, 2; right, wrong, right from both.
        assert_eq!(answers.between_people(), array![[1.0]]);
        // A tie goes to the first by name: right about 1 and 3, wrong about 2.
        let p = array![[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]];
        let expected = [
            kappa(&[true, true, false, true], &[true, false, true, true]),
            kappa(&[true, true, false, true], &[true, false, true, false]),
        ];
        let found = answers.with_model(p.view());
        assert_eq!(found, array![[expected[0]], [expected[1]]]);
    }

    #[test]
    fn impossible_answers_are_told() {
        let told = |text: &str, part: &str| {
            let error = answers(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        told("stimulus_id,truth,choice\n1,x,x\n", "no column `subject`");
        told(
            "subject,stimulus_id,truth,choice\na,1,x,\n",
            "trial 1: `choice` is empty",
        );
        told(
            "subject,stimulus_id,truth,choice\na,1,x,x\nb,1,y,x\n",
            "trial 2: image `1` has another truth",
        );
        told(
            "subject,stimulus_id,truth,distractor,choice\na,1,x,y,z\n",
            "`z` was chosen",
        );
    }
}
