//! A table of a TOML file: typed keys, and everything that is wrong with it.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::error::Error;
use crate::nearest::{nearest, quoted};

/// Reads a file; the problem where that cannot be done.
pub(super) fn read(path: &Path) -> Result<Table, String> {
    let text =
        fs::read_to_string(path).map_err(|error| Error::io("read", path)(error).to_string())?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        format!("line {line}: {}", error.message())
    })
}

/// A table with its place in the file and the problems of the whole file.
pub(super) struct Section<'t, 'p> {
    path: String,
    table: Option<&'t Table>,
    problems: &'p mut Vec<String>,
}

impl<'t, 'p> Section<'t, 'p> {
    /// A table; unknown keys are problems.
    ///
    /// - `path`: where it is, such as `layers[2]`; empty for the whole file.
    /// - `known`: names of all keys.
    pub fn new(
        path: impl Into<String>,
        table: Option<&'t Table>,
        known: &[&str],
        problems: &'p mut Vec<String>,
    ) -> Section<'t, 'p> {
        let mut section = Section {
            path: path.into(),
            table,
            problems,
        };
        for key in table.into_iter().flat_map(Table::keys) {
            if known.contains(&key.as_str()) {
                continue;
            }
            let near = nearest(key, known.iter().copied());
            section.wrong(
                key,
                &match near.is_empty() {
                    true => format!("is unknown; known are {}", quoted(known.iter().copied())),
                    false => format!("is unknown; did you mean {}?", quoted(near)),
                },
            );
        }
        section
    }

    /// Adds a problem of a key.
    pub fn wrong(&mut self, key: &str, problem: &str) {
        let path = self.at(key);
        self.problems.push(format!("`{path}` {problem}"));
    }

    /// A key's place in the file.
    fn at(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// A value; a problem if it is there and of another type.
    fn get<T>(
        &mut self,
        key: &str,
        what: &str,
        take: impl FnOnce(&'t Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.table?.get(key)?;
        let taken = take(value);
        if taken.is_none() {
            self.wrong(key, &format!("is {}; give {what}", shown(value)));
        }
        taken
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Adds a problem if a key is there that changes nothing.
    pub fn useless(&mut self, key: &str, why: &str) {
        if self.has(key) {
            self.wrong(key, &format!("has no effect: {why}; leave it out"));
        }
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        self.get(key, "a text", Value::as_str).map(str::to_owned)
    }

    /// A text that must be there.
    pub fn required_text(&mut self, key: &str, what: &str) -> Option<String> {
        if !self.has(key) {
            self.wrong(key, &format!("is missing; give {what}"));
        }
        self.text(key)
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known = quoted(words.iter().map(|(word, _)| *word));
            self.wrong(key, &format!("is `{text}`; choose among {known}"));
        }
        found.map(|(_, value)| *value)
    }

    /// A number, with a fraction or without.
    pub fn number(&mut self, key: &str) -> Option<f64> {
        self.get(key, "a number", number)
    }

    /// A whole number from 0.
    pub fn count(&mut self, key: &str) -> Option<u64> {
        self.get(key, "a whole number from 0", |value| {
            u64::try_from(value.as_integer()?).ok()
        })
    }

    /// As many numbers as asked for.
    pub fn numbers<const N: usize>(&mut self, key: &str) -> Option<[f64; N]> {
        self.get(key, &format!("a list of {N} numbers"), |value| {
            let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(number).collect();
            numbers?.try_into().ok()
        })
    }

    /// A list of texts; empty if the key is missing.
    pub fn texts(&mut self, key: &str) -> Vec<String> {
        let texts = self.get(key, "a list of texts", |value| {
            let texts = value.as_array()?.iter().map(Value::as_str);
            texts.map(|text| text.map(str::to_owned)).collect()
        });
        texts.unwrap_or_default()
    }

    /// A table inside this one.
    pub fn table(&mut self, key: &str) -> Option<&'t Table> {
        self.get(key, "a section", Value::as_table)
    }

    /// Tables inside this one; none if the key is missing.
    pub fn tables(&mut self, key: &str) -> Vec<&'t Table> {
        let what = format!("entries `[[{key}]]`");
        let tables = self.get(key, &what, |value| {
            value.as_array()?.iter().map(Value::as_table).collect()
        });
        tables.unwrap_or_default()
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// A value in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text `{text}`"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(date) => format!("the date {date}"),
        Value::Array(values) => format!("a list of {}", values.len()),
        Value::Table(_) => "a section".to_owned(),
    }
}
