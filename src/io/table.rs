//! Small tables in CSV files: a header of column names, then one row per thing, fields as text.
//!
//! UTF-8, commas, quotes as in RFC 4180, a byte order mark is ignored. Space around fields is removed. Empty
//! fields and `nan`, `NA`, `null` in any case are missing numbers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::nearest::{nearest, quoted};

/// Fields that stand for a missing number, in lower case.
const MISSING: [&str; 4] = ["", "nan", "na", "null"];

/// A table in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    path: PathBuf,
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// A row and where it stands in the file.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    line: u64,
    fields: Vec<String>,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is not CSV in UTF-8, has rows of different lengths, no or repeated column names.
    pub fn read(path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Table::parse(path, &bytes)
    }

    /// A table from the content of a file; errors name `path`.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Table> {
        let not_csv = |error: csv::Error| {
            let problem = format!("is not a table of comma-separated values: {error}");
            Error::file(path, problem, "save it as CSV in UTF-8")
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let header = reader.headers().map_err(not_csv)?.clone();
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut seen = HashSet::new();
        if let Some(repeated) = columns.iter().find(|name| !seen.insert(name.as_str())) {
            let problem = format!("has two columns `{repeated}`");
            return Err(Error::file(path, problem, "rename one of them"));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(not_csv)?;
            rows.push(Row {
                line: record.position().map_or(0, csv::Position::line),
                fields: record.iter().map(str::to_owned).collect(),
            });
        }
        if columns.is_empty() || rows.is_empty() {
            let remedy = "it needs a line of column names and at least one more";
            return Err(Error::file(path, "holds no rows", remedy));
        }
        Ok(Table {
            path: path.to_owned(),
            columns,
            rows,
        })
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Names of the columns, from left to right.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Position of the column of this name.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }

    /// Position of the column of this name.
    ///
    /// # Errors
    /// If there is none; the message lists those that are there.
    pub fn find(&self, column: &str) -> Result<usize> {
        self.position(column).ok_or_else(|| {
            let names = || self.columns.iter().map(String::as_str);
            let near = nearest(column, names());
            let remedy = if near.is_empty() {
                format!("its columns are {}", quoted(names()))
            } else {
                format!("did you mean {}?", quoted(near))
            };
            Error::file(&self.path, format!("has no column `{column}`"), remedy)
        })
    }

    /// A field as text.
    pub fn text(&self, row: usize, column: usize) -> &str {
        &self.rows[row].fields[column]
    }

    /// A field as a finite number; `None` where it is missing.
    ///
    /// # Errors
    /// If it is something else.
    pub fn number(&self, row: usize, column: usize) -> Result<Option<f64>> {
        let text = self.text(row, column);
        if MISSING.contains(&text.to_lowercase().as_str()) {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => {
                let (line, name) = (self.rows[row].line, &self.columns[column]);
                let problem = format!("`{text}` in line {line}, column `{name}` is not a number");
                let remedy = "write a number, or nothing where it is not known";
                Err(Error::file(&self.path, problem, remedy))
            }
        }
    }

    /// The rows' names in a column, from top to bottom.
    ///
    /// # Errors
    /// If a name is empty or stands in two rows.
    pub fn keys(&self, column: usize) -> Result<Vec<&str>> {
        let name = &self.columns[column];
        let mut lines = std::collections::BTreeMap::new();
        let mut keys = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let (key, line) = (row.fields[column].as_str(), row.line);
            if key.is_empty() {
                let problem = format!("line {line} has no name in column `{name}`");
                return Err(Error::file(&self.path, problem, "fill it in"));
            }
            if let Some(first) = lines.insert(key, line) {
                let problem =
                    format!("has `{key}` in column `{name}` twice, lines {first} and {line}");
                let remedy = "keep one row of each";
                return Err(Error::file(&self.path, problem, remedy));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

/// A file of a header and rows of the same length, as UTF-8 text.
pub fn encode<H: AsRef<[u8]>>(
    header: impl IntoIterator<Item = H>,
    rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>,
) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("memory takes it");
    for row in rows {
        writer.write_record(row).expect("memory takes it");
    }
    writer.into_inner().expect("memory takes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table> {
        Table::parse(Path::new("t.csv"), text.as_bytes())
    }

    #[test]
    fn fields_are_trimmed_and_missing_numbers_are_none() {
        let table = table("\u{feff}name, a ,b\nx, 1.5 ,NaN\n\"y,z\",,-2e3\n").unwrap();
        assert_eq!(table.columns(), ["name", "a", "b"]);
        assert_eq!(table.keys(0).unwrap(), ["x", "y,z"]);
        assert_eq!(table.number(0, 1).unwrap(), Some(1.5));
        assert_eq!(table.number(0, 2).unwrap(), None);
        assert_eq!(table.number(1, 1).unwrap(), None);
        assert_eq!(table.number(1, 2).unwrap(), Some(-2000.0));
    }

    #[test]
    fn problems_name_file_line_and_remedy() {
        let told = |text: &str, part: &str| {
            let error = table(text)
                .and_then(|table| table.keys(0).map(drop).and(table.number(0, 1)))
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("`t.csv`") && error.contains(part),
                "{error}"
            );
        };
        told("", "no rows");
        told("name,a\n", "no rows");
        told("name,a,a\nx,1,2\n", "two columns `a`");
        told("name,a\nx,1\ny\n", "save it as CSV");
        told("name,a\nx,X\n", "`X` in line 2, column `a`");
        told("name,a\nx,inf\n", "not a number");
        told("name,a\nx,1\nx,2\n", "lines 2 and 3");
        told("name,a\nx,1\n,2\n", "line 3 has no name");
    }

    #[test]
    fn unknown_columns_are_told_with_the_nearest() {
        let table = table("name,accuracy\nx,1\n").unwrap();
        let of = |name| table.find(name).unwrap_err().to_string();
        assert!(of("acuracy").contains("did you mean `accuracy`?"));
        assert!(of("zzzzzzzzzz").contains("its columns are `name`, `accuracy`"));
    }
}
