//! Select expressions, the first line, on a table of metadata whose keys are the other lines.
#![no_main]

use bhscore::io::select::Expression;
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Ok(expression) = Expression::parse(lines.next().unwrap_or_default()) else {
        return;
    };
    let keys: Vec<String> = lines.map(str::to_owned).collect();
    let value = |(row, column): (usize, usize)| match (row + column) % 3 {
        0 => 1.0,
        1 => f64::NAN,
        _ => column as f64,
    };
    let values = Array2::from_shape_fn((keys.len(), 5), value);
    let _ = expression.columns(&keys, values.view());
});
