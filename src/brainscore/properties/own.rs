//! Neurons of the user's: a CSV file with a line for each neuron and property.
//!
//! ```text
//! property,value
//! max_dc,31.5
//! max_dc,NaN
//! ```
//!
//! A neuron without a value (empty, `nan`, `NA`) is drawn like the others, but is in no bin. Bins are those of the
//! registry ([`Property::edges`]).

use std::collections::BTreeMap;
use std::path::Path;

use super::histogram::Neurons;
use super::property::Property;
use crate::error::{Error, Result};
use crate::io::table::Table;

/// Columns of the file.
const COLUMNS: [&str; 2] = ["property", "value"];

/// Reads neurons, by property.
///
/// # Errors
/// If it cannot be read, has no such columns, a property that is none, text for a number, or no value of a property.
pub fn read(path: &Path) -> Result<BTreeMap<Property, Neurons>> {
    let table = Table::read(path)?;
    let [properties, values] = COLUMNS;
    let (properties, values) = (table.find(properties)?, table.find(values)?);
    let mut found: BTreeMap<Property, Vec<f64>> = BTreeMap::new();
    for row in 0..table.n_rows() {
        let property = table.text(row, properties).parse();
        let property: Property = property.map_err(|problem: String| {
            Error::file(path, problem, "correct the column `property`")
        })?;
        let of_property = found.entry(property).or_default();
        of_property.push(table.number(row, values)?.unwrap_or(f64::NAN));
    }
    let neurons = |(property, values): (Property, Vec<f64>)| {
        if values.iter().all(|value| value.is_nan()) {
            let problem = format!("has no value of `{property}`");
            let remedy = "give values, or leave the property out";
            return Err(Error::file(path, problem, remedy));
        }
        Ok((property, Neurons::of_values(property.edges(), &values)))
    };
    found.into_iter().map(neurons).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<Property, Neurons>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("neurons.csv");
        crate::io::atomic::write(&path, text.as_bytes()).unwrap();
        read(&path)
    }

    #[test]
    fn neurons_without_a_value_count() {
        let found = read_text("property,value\nor_selective,1\nor_selective,\nor_selective,0\n");
        let neurons = &found.unwrap()[&Property::OrientationSelective];
        assert_eq!(neurons.n_neurons(), 3);
        assert_eq!(neurons.histogram(), [0.5, 0.5]);
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("property,value\npeak_fs,1\n", "did you mean `peak_sf`?"),
            ("property,value\npeak_sf,high\n", "high"),
            ("property,values\npeak_sf,1\n", "`value`"),
            ("property,value\npeak_sf,NaN\n", "no value of `peak_sf`"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(
                error.contains(told) && error.contains("neurons.csv"),
                "{error}"
            );
        }
    }
}
