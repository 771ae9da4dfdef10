//! Select expressions against the columns that bdpy selects (`tests/golden/select/make.py`).

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

use bhscore::io::select::Expression;
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    keys: Vec<String>,
    values: Vec<Vec<Option<f64>>>,
    expressions: Vec<(String, Vec<usize>)>,
    top: Vec<(String, Vec<usize>)>,
    errors: Vec<String>,
    differs: Vec<Differs>,
}

#[derive(Deserialize)]
struct Differs {
    expression: String,
    bdpy: Vec<usize>,
    ours: Vec<usize>,
}

impl Golden {
    fn read() -> Self {
        serde_json::from_str(include_str!("golden/select/select.json")).unwrap()
    }

    fn columns(&self, expression: &str) -> bhscore::Result<Vec<usize>> {
        let n_columns = self.values[0].len();
        let values: Vec<f64> = self
            .values
            .iter()
            .flatten()
            .map(|value| value.unwrap_or(f64::NAN))
            .collect();
        let values = Array2::from_shape_vec((self.keys.len(), n_columns), values).unwrap();
        Expression::parse(expression)?.columns(&self.keys, values.view())
    }
}

#[test]
fn the_columns_are_those_of_bdpy() {
    let golden = Golden::read();
    assert!(
        golden.expressions.len() > 70 && golden.top.len() > 10,
        "golden file cut short"
    );
    for (expression, expected) in golden.expressions.iter().chain(&golden.top) {
        let columns = golden
            .columns(expression)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&columns, expected, "{expression}");
    }
}

#[test]
fn what_stops_bdpy_is_an_error() {
    let golden = Golden::read();
    for expression in &golden.errors {
        let error = golden.columns(expression).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("select expression `{expression}`")),
            "{error}"
        );
    }
}

#[test]
fn deviations_from_bdpy_are_the_known_ones() {
    let golden = Golden::read();
    for Differs {
        expression,
        bdpy,
        ours,
    } in &golden.differs
    {
        assert_eq!(&golden.columns(expression).unwrap(), ours, "{expression}");
        assert_ne!(ours, bdpy, "{expression} is no deviation");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_columns_or_an_error(text in "[A-Z_*0-9 ()=|&+@'\"top-]{0,40}") {
        let golden = Golden::read();
        if let Ok(columns) = golden.columns(&text) {
            assert!(columns.is_sorted_by(|a, b| a < b));
        }
    }
}
