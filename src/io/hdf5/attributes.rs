//! Attributes of datasets and groups.

use std::collections::HashMap;

use hdf5_pure::{AttrValue, Datatype};

use super::Hdf5;
use crate::error::Result;

/// The attributes of a dataset or group.
#[derive(Debug, Default)]
pub struct Attributes {
    /// All that are there. Of kinds that `hdf5-pure` has no value for, references for instance, only the type is told.
    types: HashMap<String, Datatype>,
    values: HashMap<String, AttrValue>,
    /// What they belong to.
    owner: String,
}

impl Attributes {
    pub(super) fn new(
        types: HashMap<String, Datatype>,
        values: HashMap<String, AttrValue>,
        owner: &str,
    ) -> Self {
        Attributes {
            types,
            values,
            owner: owner.to_owned(),
        }
    }

    /// The value of an attribute, if there is one of this name.
    ///
    /// One that cannot be read is an error: without it the axes of an array would be mistaken.
    fn find(&self, file: &Hdf5, name: &str) -> Result<Option<&AttrValue>> {
        match (self.values.get(name), self.types.get(name)) {
            (Some(value), _) => Ok(Some(value)),
            (None, None) => Ok(None),
            (None, Some(kind)) => {
                let what = format!("the attribute `{name}` of `{}`", self.owner);
                Err(file.damaged(&what, format!("it is of type {kind}")))
            }
        }
    }

    /// A single text, if there is an attribute of this name.
    ///
    /// # Errors
    ///
    /// If it is none, or the file is damaged.
    pub fn text(&self, file: &Hdf5, name: &str) -> Result<Option<String>> {
        let Some(value) = self.find(file, name)? else {
            return Ok(None);
        };
        match value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(self.unlike(file, name, "a text")),
        }
    }

    /// A single number, if there is an attribute of this name that is one.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn number(&self, file: &Hdf5, name: &str) -> Result<Option<f64>> {
        let value = self.find(file, name)?;
        Ok(value.and_then(|value| match numbers(value) {
            Some(Numbers::Floats(values)) => single(&values),
            Some(Numbers::Whole(values)) => single(&values).map(|value| value as f64),
            None => None,
        }))
    }

    /// Whole numbers, at most `most` of them, if there is an attribute of this name.
    ///
    /// # Errors
    ///
    /// If it holds something else, or the file is damaged.
    pub fn whole(&self, file: &Hdf5, name: &str, most: usize) -> Result<Option<Vec<i64>>> {
        let Some(value) = self.find(file, name)? else {
            return Ok(None);
        };
        let whole = match numbers(value) {
            Some(Numbers::Whole(values)) if values.len() <= most => values
                .into_iter()
                .map(|value| i64::try_from(value).ok())
                .collect(),
            // An empty list, as NumPy's shape of a scalar, is stored as floating point.
            Some(Numbers::Floats(values)) if values.is_empty() => Some(Vec::new()),
            _ => None,
        };
        match whole {
            Some(whole) => Ok(Some(whole)),
            None => {
                let wanted = format!("a list of at most {most} whole numbers");
                Err(self.unlike(file, name, &wanted))
            }
        }
    }

    fn unlike(&self, file: &Hdf5, name: &str, wanted: &str) -> crate::error::Error {
        let owner = &self.owner;
        file.other_kind(format!(
            "the attribute `{name}` of `{owner}` is not {wanted}"
        ))
    }
}

enum Numbers {
    Floats(Vec<f64>),
    /// Of 64 bits, signed or not.
    Whole(Vec<i128>),
}

fn single<T: Copy>(values: &[T]) -> Option<T> {
    match values {
        [value] => Some(*value),
        _ => None,
    }
}

/// The numbers of an attribute of any width.
fn numbers(value: &AttrValue) -> Option<Numbers> {
    use AttrValue as A;
    use Numbers::{Floats, Whole};
    fn whole<T: Copy + Into<i128>>(values: &[T]) -> Option<Numbers> {
        Some(Whole(values.iter().map(|&value| value.into()).collect()))
    }
    match value {
        A::F32(value) => Some(Floats(vec![f64::from(*value)])),
        A::F32Array(values) => Some(Floats(
            values.iter().map(|&value| f64::from(value)).collect(),
        )),
        A::F64(value) => Some(Floats(vec![*value])),
        A::F64Array(values) => Some(Floats(values.clone())),
        A::I8(value) => whole(&[*value]),
        A::I8Array(values) => whole(values),
        A::I16(value) => whole(&[*value]),
        A::I16Array(values) => whole(values),
        A::I32(value) => whole(&[*value]),
        A::I32Array(values) => whole(values),
        A::I64(value) => whole(&[*value]),
        A::I64Array(values) => whole(values),
        A::U8(value) => whole(&[*value]),
        A::U8Array(values) => whole(values),
        A::U16(value) => whole(&[*value]),
        A::U16Array(values) => whole(values),
        A::U32(value) => whole(&[*value]),
        A::U32Array(values) => whole(values),
        A::U64(value) => whole(&[*value]),
        A::U64Array(values) => whole(values),
        _ => None,
    }
}
