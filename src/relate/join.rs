//! Tables side by side, a row per model that is in all of them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::io::table::Table;
use crate::nearest::quoted;

/// Names of the column with the models' names that are tried, in this order.
pub const KEYS: [&str; 3] = ["network", "model", "name"];

/// Model names that an error message shows.
const SHOWN: usize = 3;

/// Most models that tables may have in common: a line through them takes the slopes of all pairs, 100 MB of them.
const MOST_MODELS: usize = 5000;

/// Rows of one or two tables, matched by model name.
pub struct Joined<'a> {
    tables: &'a [Table],
    /// Models of each table from top to bottom.
    keys: Vec<Vec<&'a str>>,
    names: Vec<&'a str>,
    /// Row of each model in each table.
    rows: Vec<Vec<usize>>,
}

/// A column of numbers in the order of the models.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name as shown: with `log` before it, and the file after it where two tables have such a column.
    pub label: String,
    /// A value per model, `(n_models,)`; `None` where it is missing.
    pub values: Vec<Option<f64>>,
    table: usize,
    position: usize,
}

impl Column {
    /// Whether both are the same column of the same table.
    pub fn is(&self, other: &Column) -> bool {
        (self.table, self.position) == (other.table, other.position)
    }
}

impl<'a> Joined<'a> {
    /// Matches names exactly, in the order of the first table.
    ///
    /// # Errors
    /// If a table has no column of names, names are empty or repeated, or no model is in all tables.
    pub fn new(tables: &'a [Table], by: Option<&str>) -> Result<Joined<'a>> {
        let mut keys = Vec::new();
        for table in tables {
            keys.push(table.keys(key_column(table, by)?)?);
        }
        let (mut names, mut rows) = (Vec::new(), Vec::new());
        let numbered = |keys: &Vec<&'a str>| keys.iter().copied().zip(0..).collect();
        let places: Vec<HashMap<&str, usize>> = keys.iter().map(numbered).collect();
        for name in keys.first().into_iter().flatten() {
            let found: Option<Vec<usize>> = places
                .iter()
                .map(|places| places.get(name).copied())
                .collect();
            if let Some(found) = found {
                names.push(*name);
                rows.push(found);
            }
        }
        if names.is_empty() {
            let shown = |(table, keys): (&Table, &Vec<&str>)| {
                let some = quoted(keys.iter().take(SHOWN).copied());
                format!("`{}` has {some}", table.path().display())
            };
            let shown: Vec<String> = tables.iter().zip(&keys).map(shown).collect();
            let remedy = format!(
                "give tables with the same names, `--by` says which column holds them; {}",
                shown.join(", ")
            );
            return Err(Error::data("the tables", "have no model in common", remedy));
        }
        if names.len() > MOST_MODELS {
            let problem = format!("have {} models in common", names.len());
            let remedy = format!("give at most {MOST_MODELS}: every pair of models is looked at");
            return Err(Error::data("the tables", problem, remedy));
        }
        Ok(Joined {
            tables,
            keys,
            names,
            rows,
        })
    }

    /// The models in all tables, in the order of the first.
    pub fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// For each table its models that are not in all tables.
    pub fn only_in(&self) -> Vec<(PathBuf, Vec<String>)> {
        let common: HashSet<&str> = self.names.iter().copied().collect();
        let of = |(table, keys): (&Table, &Vec<&str>)| {
            let alone = keys.iter().filter(|key| !common.contains(*key));
            let alone = alone.map(|key| (*key).to_owned()).collect();
            (table.path().to_owned(), alone)
        };
        self.tables.iter().zip(&self.keys).map(of).collect()
    }

    /// A column of numbers, or of their natural logarithms; the last table is searched first if `last_first`.
    ///
    /// # Errors
    /// If no table has the column, or a field is not a number, or not positive under the logarithm.
    pub fn numbers(&self, name: &str, log: bool, last_first: bool) -> Result<Column> {
        let (table, position) = self.find(name, last_first)?;
        let source = &self.tables[table];
        let mut values = Vec::with_capacity(self.names.len());
        for (rows, model) in self.rows.iter().zip(&self.names) {
            let value = source.number(rows[table], position)?;
            if let Some(value) = value.filter(|&value| log && value <= 0.0) {
                let problem = format!("`{name}` of `{model}` is {value}, which has no logarithm");
                let remedy = format!("leave out `--log {name}`");
                return Err(Error::file(source.path(), problem, remedy));
            }
            values.push(if log { value.map(f64::ln) } else { value });
        }
        let in_both = self
            .tables
            .iter()
            .filter(|t| t.position(name).is_some())
            .count()
            > 1;
        let stem = source
            .path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        Ok(Column {
            label: format!(
                "{}{name}{}",
                if log { "log " } else { "" },
                if in_both {
                    format!(" ({stem})")
                } else {
                    String::new()
                }
            ),
            values,
            table,
            position,
        })
    }

    /// A column of text; `None` where it is empty.
    ///
    /// # Errors
    /// If no table has the column.
    pub fn texts(&self, name: &str) -> Result<Vec<Option<String>>> {
        let (table, position) = self.find(name, true)?;
        let text = |rows: &Vec<usize>| self.tables[table].text(rows[table], position);
        let texts = self.rows.iter().map(text);
        Ok(texts
            .map(|text| (!text.is_empty()).then(|| text.to_owned()))
            .collect())
    }

    /// Table and position of a column.
    fn find(&self, name: &str, last_first: bool) -> Result<(usize, usize)> {
        let mut order: Vec<usize> = (0..self.tables.len()).collect();
        if last_first {
            order.reverse();
        }
        let found = |&table: &usize| Some((table, self.tables[table].position(name)?));
        if let Some(found) = order.iter().find_map(found) {
            return Ok(found);
        }
        if let [table] = self.tables {
            return table.find(name).map(|position| (0, position));
        }
        let columns = |table: &Table| {
            let columns = quoted(table.columns().iter().map(String::as_str));
            format!("`{}` has {columns}", table.path().display())
        };
        let columns: Vec<String> = self.tables.iter().map(columns).collect();
        let problem = "is a column of neither table";
        Err(Error::data(
            format!("`{name}`"),
            problem,
            columns.join("; "),
        ))
    }
}

/// Where a table has the models' names.
fn key_column(table: &Table, by: Option<&str>) -> Result<usize> {
    if let Some(by) = by {
        return table.find(by);
    }
    KEYS.iter()
        .find_map(|key| table.position(key))
        .ok_or_else(|| {
            let problem = format!("has no column {}", quoted(KEYS).replace(", ", " or "));
            let columns = quoted(table.columns().iter().map(String::as_str));
            let remedy = format!("name the one with the models' names by `--by`, one of {columns}");
            Error::file(table.path(), problem, remedy)
        })
}
