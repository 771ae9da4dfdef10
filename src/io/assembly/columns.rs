//! What is known of the rows or columns of recordings.

use std::collections::BTreeMap;

/// Columns of text by their names, an entry for each row or site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(BTreeMap<String, Vec<String>>);

impl Columns {
    /// Adds a column, or replaces the one of that name.
    pub fn insert(&mut self, name: &str, entries: Vec<String>) {
        self.0.insert(name.to_owned(), entries);
    }

    /// The entries of a column.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Names of the columns, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The first column that has not `n` entries, and how many it has.
    pub(super) fn of_other_length(&self, n: usize) -> Option<(&str, usize)> {
        let mut lengths = self
            .0
            .iter()
            .map(|(name, entries)| (name.as_str(), entries.len()));
        lengths.find(|(_, length)| *length != n)
    }

    /// Only the entries at these places, in this order.
    #[must_use]
    pub fn only(&self, places: &[usize]) -> Columns {
        let only = |entries: &Vec<String>| places.iter().map(|&i| entries[i].clone()).collect();
        Columns(
            (self.0.iter())
                .map(|(name, entries)| (name.clone(), only(entries)))
                .collect(),
        )
    }
}

/// A number as it stands in tables: whole ones without a point.
pub(super) fn text(number: f64) -> String {
    format!("{number}")
}
