//! Attributes of datasets and groups.

use std::collections::HashMap;

use hdf5_pure::{AttrValue, Datatype};

use super::Hdf5;
use crate::error::Error;

/// The attributes of a dataset or group.
#[derive(Debug)]
pub struct Attributes<'a> {
    file: &'a Hdf5,
    /// What they belong to.
    owner: String,
    /// All that are there. Of kinds that `hdf5-pure` has no value for, references for instance, only the type is told.
    types: Answer<Datatype>,
    values: Answer<AttrValue>,
}

/// What `hdf5-pure` says of all attributes at once, by their names.
type Answer<T> = Result<HashMap<String, T>, hdf5_pure::Error>;

impl<'a> Attributes<'a> {
    pub(super) fn new(
        file: &'a Hdf5,
        owner: &str,
        types: Answer<Datatype>,
        values: Answer<AttrValue>,
    ) -> Self {
        Attributes {
            file,
            owner: owner.to_owned(),
            types,
            values,
        }
    }

    /// The value of an attribute, if there is one of this name.
    ///
    /// One that cannot be read is an error: without it the axes of an array would be mistaken.
    fn find(&self, name: &str) -> Result<Option<&AttrValue>, Error> {
        let what = || format!("the attribute `{name}` of `{}`", self.owner);
        let (types, values) = match (&self.types, &self.values) {
            (Ok(types), Ok(values)) => (types, values),
            (Err(cause), _) | (_, Err(cause)) => return Err(self.file.damaged(&what(), cause)),
        };
        match (values.get(name), types.get(name)) {
            (Some(value), _) => Ok(Some(value)),
            (None, None) => Ok(None),
            (None, Some(kind)) => {
                let cause = format!("it is of type {kind}");
                Err(self.file.damaged(&what(), cause))
            }
        }
    }

    /// A single text, if there is an attribute of this name.
    ///
    /// # Errors
    ///
    /// If it is none, or the file is damaged.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.find(name)? else {
            return Ok(None);
        };
        match value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(self.unlike(name, "a text")),
        }
    }

    /// A single number, if there is an attribute of this name that is one.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        let value = self.find(name)?;
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
    pub fn whole(&self, name: &str, most: usize) -> Result<Option<Vec<i64>>, Error> {
        let Some(value) = self.find(name)? else {
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
                Err(self.unlike(name, &wanted))
            }
        }
    }

    fn unlike(&self, name: &str, wanted: &str) -> Error {
        let owner = &self.owner;
        self.file.other_kind(format!(
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
