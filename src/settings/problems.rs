//! All that is wrong with a settings file, each with its JSON path.

use std::path::Path;

use crate::error::{Error, Result};

/// Problems in the order they were found, one per JSON path.
#[derive(Debug, Default)]
pub struct Problems(Vec<(String, String)>);

/// More are not looked for: whoever has so many has given another file.
const MOST: usize = 100;

impl Problems {
    /// Adds a problem at a path such as `dnns.AlexNet.layers[2]`; empty is the whole file.
    ///
    /// Ignored if that path or one above it has a problem already: what follows from a problem is not another one.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        if self.0.len() == MOST {
            return;
        }
        let path = path.into();
        let covers = |above: &str| {
            path.strip_prefix(above).is_some_and(|rest| {
                above.is_empty() || rest.is_empty() || rest.starts_with(['.', '['])
            })
        };
        if !self.0.iter().any(|(above, _)| covers(above)) {
            self.0.push((path, text.into()));
        }
    }

    /// An error with one line per problem, if there are any; of more than a hundred the first hundred.
    pub fn into_result(self, path: &Path) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let line = |(path, text): (String, String)| match path.as_str() {
            "" => text,
            path => format!("`{path}`: {text}"),
        };
        Err(Error::Settings {
            path: path.to_owned(),
            problems: self.0.into_iter().map(line).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_without_end_are_cut() {
        let mut problems = Problems::default();
        for number in 0..1000 {
            problems.add(format!("a{number}"), "x");
        }
        let text = problems
            .into_result(Path::new("s"))
            .unwrap_err()
            .to_string();
        assert_eq!(text.lines().count(), 1 + MOST);
    }

    #[test]
    fn consequences_of_a_problem_are_left_out() {
        let mut problems = Problems::default();
        for path in ["a.b", "a.b", "a.b.c", "a.b[0]", "a.bc", "a"] {
            problems.add(path, "x");
        }
        let error = problems
            .into_result(Path::new("s"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "`s` has 3 problems:\n  - `a.b`: x\n  - `a.bc`: x\n  - `a`: x"
        );
        assert!(Problems::default().into_result(Path::new("s")).is_ok());
    }
}
