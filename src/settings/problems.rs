//! All that is wrong with a settings file, each with its JSON path.

/// Problems in the order they were found, one per JSON path.
#[derive(Debug, Default)]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    /// Adds a problem at a path such as `dnns.AlexNet.layers[2]`; empty is the whole file.
    ///
    /// Ignored if that path or one above it has a problem already: what follows from a problem is not another one.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
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

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One line per problem, for [`Error::Settings`](crate::Error::Settings).
    pub fn into_lines(self) -> Vec<String> {
        let line = |(path, text): (String, String)| match path.as_str() {
            "" => text,
            path => format!("`{path}`: {text}"),
        };
        self.0.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consequences_of_a_problem_are_left_out() {
        let mut problems = Problems::default();
        for path in ["a.b", "a.b", "a.b.c", "a.b[0]", "a.bc", "a"] {
            problems.add(path, "x");
        }
        assert_eq!(problems.into_lines(), ["`a.b`: x", "`a.bc`: x", "`a`: x"]);
    }
}
