//! The language that says which columns of a brain-data table are meant, such as `ROI_V1 = 1`.
//!
//! `parse` reads the text, this file finds the columns. Input is the text and the table's metadata (one row of values per key, one value per column); output are
//! column numbers in file order. Reading files is [`bdata`](super::bdata)'s part.
//!
//! | expression | columns |
//! |---|---|
//! | `KEY` or `KEY = 1` | those whose metadata value is 1 |
//! | `KEY = 0` | the others, those without a value (NaN) included |
//! | `KEY = 2` or another number | none |
//! | `ROI_*` | those where any key of that form is 1; `*` stands for any text |
//! | `A \| B`, `A + B` | in A or B |
//! | `A & B` | in both |
//! | `A - B` | in A but not in B |
//! | `KEY top N` | the N with the largest values of KEY |
//! | `KEY top N @ A` | the N with the largest values of KEY among those in A |
//!
//! `=` and `top` bind tightest, `@` loosest; `|`, `+`, `&` and `-` bind equally and are read from the left.
//! Parentheses group. Single or double quotes keep spaces and signs in a key: `"ROI-V1" = 1`. Outside of quotes
//! spaces mean nothing.
//!
//! `=` compares with a truth value, not with the stored number: bdpy (`BData.select`) turns a key into "is 1"
//! before it compares. We do the same. Where we differ, bdpy either stops or misreads:
//!
//! - `// DEVIATION:` a closing parenthesis ends its own group. bdpy's parser empties its whole stack there, so it
//!   reads `A - ((B | C) - A)` as `(A - (B | C)) - A`: nothing instead of all of A when A, B and C are disjoint.
//! - `// DEVIATION:` `top` can be written. bdpy 0.26 joins `KEY top 5` to the key `KEYtop5` and stops; its evaluation
//!   of `top` is what we do on stored values, except that we never select a column without a value or outside of
//!   `A` when fewer than N are left, and that of equal values the first column wins.
//! - Unbalanced parentheses, and two keys without an operator between a parenthesis and a key, are errors here.

mod parse;

use std::collections::HashSet;
use std::fmt;

use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::nearest::{nearest, quoted};

/// A select expression that has been read and found well formed.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Columns where any key of this form is 1.
    Key(String),
    /// Columns where the truth of the inner expression, as 0 or 1, equals the number.
    Equal(Box<Node>, f64),
    /// Two sets of columns made one.
    Join(Join, Box<Node>, Box<Node>),
    /// Columns with the largest values of a key, among all or among those of the inner expression.
    Top {
        key: String,
        count: usize,
        among: Option<Box<Node>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Join {
    Or,
    And,
    Without,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`Error::Data`] that names what was found, where (characters from 1) and what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        match parse::parse(text) {
            Ok(root) => Ok(Self {
                text: text.to_owned(),
                root,
            }),
            Err(problem) => Err(Error::data(
                format!("select expression `{text}`"),
                problem,
                "write for example `ROI_V1 = 1 | ROI_V2 = 1`",
            )),
        }
    }

    /// The columns that the expression means, ascending; none is not an error.
    ///
    /// - `keys`: names of the metadata rows; of two equal ones the first counts.
    /// - `values`: metadata, `(n_keys, n_columns)`, NaN where a column has no value.
    ///
    /// # Errors
    /// [`Error::Data`] with the nearest keys if a key matches no row.
    pub fn columns(&self, keys: &[String], values: ArrayView2<f64>) -> Result<Vec<usize>> {
        assert_eq!(keys.len(), values.nrows(), "one key per metadata row");
        let rows = Rows { keys, values };
        let selected = rows
            .selected(&self.root)
            .map_err(|key| self.unknown_key(&key, keys))?;
        Ok((0..selected.len())
            .filter(|&column| selected[column])
            .collect())
    }

    fn unknown_key(&self, key: &str, keys: &[String]) -> Error {
        let names = || keys.iter().map(String::as_str);
        let near = nearest(key, names());
        let remedy = match near.as_slice() {
            [] => format!("the keys are {}", quoted(names().take(20))),
            near => format!("did you mean {}?", quoted(near.iter().copied())),
        };
        Error::data(
            format!("select expression `{self}`"),
            format!("no metadata key `{key}`"),
            remedy,
        )
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Metadata rows with their names.
struct Rows<'a> {
    keys: &'a [String],
    values: ArrayView2<'a, f64>,
}

impl Rows<'_> {
    /// Which columns `node` means, `(n_columns,)`; the error is a key without row.
    fn selected(&self, node: &Node) -> Result<Vec<bool>, String> {
        match node {
            Node::Key(pattern) => self.ones(pattern),
            Node::Equal(inner, number) => {
                let inner = self.selected(inner)?;
                Ok(inner
                    .into_iter()
                    .map(|is_in| f64::from(u8::from(is_in)) == *number)
                    .collect())
            }
            Node::Join(join, left, right) => {
                let (left, right) = (self.selected(left)?, self.selected(right)?);
                let joined = left.into_iter().zip(right).map(|(left, right)| match join {
                    Join::Or => left | right,
                    Join::And => left & right,
                    Join::Without => left & !right,
                });
                Ok(joined.collect())
            }
            Node::Top { key, count, among } => {
                let among = among
                    .as_ref()
                    .map(|among| self.selected(among))
                    .transpose()?;
                self.top(key, *count, among.as_deref())
            }
        }
    }

    /// Columns where any row whose key has this form is 1.
    fn ones(&self, pattern: &str) -> Result<Vec<bool>, String> {
        let mut ones = vec![false; self.values.ncols()];
        let mut found = HashSet::new();
        for (row, key) in self.keys.iter().enumerate() {
            // Of equal keys the first counts.
            if !matches(pattern, key) || !found.insert(key) {
                continue;
            }
            for (one, &value) in ones.iter_mut().zip(self.values.row(row)) {
                *one |= value == 1.0;
            }
        }
        match found.is_empty() {
            true => Err(pattern.to_owned()),
            false => Ok(ones),
        }
    }

    /// The `count` columns with the largest values of `key`, of those that have a value and are in `among`.
    fn top(&self, key: &str, count: usize, among: Option<&[bool]>) -> Result<Vec<bool>, String> {
        let row = self
            .keys
            .iter()
            .position(|k| k == key)
            .ok_or_else(|| key.to_owned())?;
        let values = self.values.row(row);
        let mut ranked: Vec<usize> = (0..values.len())
            .filter(|&column| !values[column].is_nan() && among.is_none_or(|among| among[column]))
            .collect();
        // Stable, so that of equal values the first column wins.
        ranked.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let mut selected = vec![false; values.len()];
        for column in ranked.into_iter().take(count) {
            selected[column] = true;
        }
        Ok(selected)
    }
}

/// Whether `key` has the form of `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, key: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == key;
    };
    let Some(mut key) = key.strip_prefix(first) else {
        return false;
    };
    // The parts between stars are found greedily from the left, the last one at the end.
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return key.ends_with(part);
        }
        let Some(at) = key.find(part) else {
            return false;
        };
        key = &key[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn columns(text: &str) -> Result<Vec<usize>> {
        let keys = ["A", "B", "B two", "n", "A"].map(str::to_owned);
        let x = f64::NAN;
        let values = array![
            [1., 1., x, x, x],
            [x, 1., 1., x, x],
            [x, x, x, 1., x],
            [5., x, 2., 5., 0.],
            [x, x, x, x, 1.],
        ];
        Expression::parse(text)?.columns(&keys, values.view())
    }

    #[test]
    fn nested_parentheses_group_as_written() {
        assert_eq!(columns("A - ((B | 'B two') - A)").unwrap(), [0, 1]);
        assert_eq!(columns("A - (B - (A & B))").unwrap(), [0, 1]);
    }

    #[test]
    fn top_takes_values_never_gaps_and_the_first_of_equal_ones() {
        assert_eq!(columns("n top 1").unwrap(), [0]);
        assert_eq!(columns("n top 3").unwrap(), [0, 2, 3]);
        assert_eq!(columns("n top 99").unwrap(), [0, 2, 3, 4]);
        assert_eq!(columns("n top 9 @ A | B").unwrap(), [0, 2]);
        assert_eq!(columns("(n top 1 @ B) | 'B two'").unwrap(), [2, 3]);
        assert_eq!(columns("n top 0").unwrap(), [0usize; 0]);
    }

    #[test]
    fn wildcards_match_whole_keys() {
        for (pattern, key, expected) in [
            ("*", "", true),
            ("a*", "ab", true),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("**", "x", true),
            ("a.b", "axb", false),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn unknown_key_names_the_nearest() {
        let text = columns("Bb = 1").unwrap_err().to_string();
        assert!(
            text.contains("no metadata key `Bb`; did you mean `B`"),
            "{text}"
        );
        let text = columns("completely different").unwrap_err().to_string();
        assert!(text.contains("the keys are `A`, `B`"), "{text}");
    }

    #[test]
    fn syntax_errors_name_token_and_position() {
        for (text, part) in [
            ("A =", "expected a number after `=`, found the end"),
            (
                "A = B",
                "expected a number after `=`, found `B` at character 5",
            ),
            (
                "A | | B",
                "expected a metadata key, found `|` at character 5",
            ),
            ("(A", "expected an operator or `)`, found the end"),
            (
                "A)",
                "expected an operator or the end, found `)` at character 2",
            ),
            (
                "A @ B",
                "alone on the left (`&` joins conditions), found `@` at character 3",
            ),
            (
                "n top 1.5",
                "expected a whole number after `top`, found `1.5` at character 7",
            ),
            (
                "(A | B) top 1",
                "(`top` follows one key), found `top` at character 9",
            ),
            ("ä 'B", "the quote at character 3 is not closed"),
            ("", "expected a metadata key, found the end"),
            ("''", "expected a metadata key, found `` at character 1"),
            ("7", "expected a metadata key, found `7`"),
        ] {
            let message = columns(text).unwrap_err().to_string();
            assert!(message.contains(part), "`{text}`: {message}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(columns(&"(".repeat(100_000)).is_err());
        assert!(columns(&format!("{}A{}", "(".repeat(60), ")".repeat(60))).is_ok());
        // In a thread of tests the stack has 2 MiB, as in a pool of threads.
        for (part, times) in [(" | A", 1999), (" = 1", 1999), (" & (A = 1)", 666)] {
            assert!(columns(&format!("A{}", part.repeat(times))).is_ok());
            assert!(columns(&format!("A{}", part.repeat(100_000))).is_err());
        }
    }
}
