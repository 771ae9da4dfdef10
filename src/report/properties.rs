//! What `properties` found: a table on stdout, JSON, and every unit's properties as CSV.

use serde_json::{Value, json};

use super::table::aligned;
use crate::bh::sure::interval::quantile;
use crate::brainscore::properties::experiment::{Recorded, Score};
use crate::brainscore::properties::property::Property;
use crate::brainscore::properties::table::Values;
use crate::io::table;

/// Quartiles of the units that have a value.
const QUARTILES: [f64; 3] = [0.25, 0.5, 0.75];

/// A line for each property: scored ones first, then what gratings measure, then what needs textures.
#[must_use]
pub fn text(values: &Values, scores: &[Score]) -> String {
    let heading = [
        "property", "units", "none", "25%", "median", "75%", "neurons", "raw", "ceiling", "ceiled",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for score in scores {
        let neurons = score.neurons.n_neurons();
        let own = if score.is_own { " (own)" } else { "" };
        let numbers = [
            format!("{neurons}{own}"),
            format!("{:.3} ± {:.3}", score.raw.value, score.raw.error),
            format!("{:.3}", score.ceiling.value),
            match score.ceiled.value.is_nan() {
                true => "X".to_owned(),
                false => format!("{:.3} ± {:.3}", score.ceiled.value, score.ceiled.error),
            },
        ];
        rows.push(row(score.property, values, numbers));
    }
    let unscored = Property::ALL
        .into_iter()
        .filter(|&property| scores.iter().all(|score| score.property != property));
    for property in unscored {
        let nothing = || String::new();
        let recordings = "no recordings".to_owned();
        rows.push(row(
            property,
            values,
            [recordings, nothing(), nothing(), nothing()],
        ));
    }
    let mut text = aligned(&rows, 1);
    text += "units: those that respond; none: of these without a value; neurons: with and without a value\n";
    text += "raw: similarity of the distributions over units and neurons; ceiling: of neurons with themselves\n";
    text += "not measured: needs images of textures, which cannot be generated\n";
    text
}

fn row(property: Property, values: &Values, neurons: [String; 4]) -> Vec<String> {
    let mut row = vec![property.key().to_owned()];
    match values.get(&property) {
        None => row.extend(["not measured", "", "", "", ""].map(str::to_owned)),
        Some(values) => {
            row.push(values.len().to_string());
            row.push(n_undefined(values).to_string());
            row.extend(quartiles(values).map(|value| match value {
                Some(value) => format!("{value:.3}"),
                None => "–".to_owned(),
            }));
        }
    }
    row.extend(neurons);
    row
}

/// Units that respond and have no value.
fn n_undefined(values: &[f64]) -> usize {
    values.iter().filter(|value| value.is_nan()).count()
}

fn quartiles(values: &[f64]) -> [Option<f64>; 3] {
    let mut defined: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    defined.sort_by(f64::total_cmp);
    QUARTILES.map(|share| (!defined.is_empty()).then(|| quantile(&defined, share)))
}

/// Everything for programs: an object for each of the 22 properties.
#[must_use]
pub fn value(values: &Values, scores: &[Score]) -> Value {
    let of = |property: Property| {
        let mut value = json!({
            "property": property.key(),
            "state": "no_recordings",
        });
        match values.get(&property) {
            None => value["state"] = json!("not_measured"),
            Some(values) => {
                let [lower, median, upper] = quartiles(values);
                value["n_units"] = json!(values.len());
                value["n_undefined"] = json!(n_undefined(values));
                value["quartiles"] = json!([lower, median, upper]);
            }
        }
        if let Some(score) = scores.iter().find(|score| score.property == property) {
            value["state"] = match score.ceiled.value.is_nan() {
                true => json!("failed"),
                false => json!("scored"),
            };
            value["raw"] = json!(score.raw.value);
            value["error"] = json!(score.raw.error);
            value["ceiling"] = json!(score.ceiling.value);
            value["ceiled"] = json!(score.ceiled.value);
            value["ceiled_error"] = json!(score.ceiled.error);
            value["neurons"] = json!({
                "n": score.neurons.n_neurons(),
                "own": score.is_own,
                "edges": score.neurons.edges(),
                "shares": score.neurons.histogram(),
            });
            value["unit_shares"] = json!(score.units);
        }
        value
    };
    Property::ALL.into_iter().map(of).collect()
}

/// A line for each unit that sees the gratings, with its place in the layer and its properties; a field is empty where
/// the unit does not respond, and `NaN` where it responds and the property is undefined.
///
/// - `shape`: of the layer for one image.
#[must_use]
pub fn units_csv(recorded: &Recorded, shape: &[usize]) -> Vec<u8> {
    let names = recorded.of_units.keys().map(|property| property.key());
    let header = ["unit", "place"].into_iter().chain(names);
    let rows = recorded.units.iter().enumerate().map(|(number, &unit)| {
        let values = recorded.of_units.values().map(move |of_units| {
            let value = of_units[number];
            value.map_or(String::new(), |value| value.to_string())
        });
        [unit.to_string(), place(unit, shape)]
            .into_iter()
            .chain(values)
    });
    table::encode(header, rows)
}

/// A unit's place along the axes of a layer, such as `3:10:12`.
fn place(unit: usize, shape: &[usize]) -> String {
    let mut rest = unit;
    let mut along: Vec<String> = Vec::new();
    for &length in shape.iter().rev() {
        along.push((rest % length.max(1)).to_string());
        rest /= length.max(1);
    }
    along.reverse();
    along.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::properties::experiment::scores;
    use std::collections::BTreeMap;

    fn found() -> (Values, Vec<Score>) {
        let values = Values::from([
            (Property::MaxDc, vec![10.0, 20.0, 40.0]),
            (
                Property::PreferredOrientation,
                vec![0.0, 45.0, 90.0, f64::NAN],
            ),
        ]);
        let scores = scores(&values, &BTreeMap::new(), 0);
        (values, scores)
    }

    #[test]
    fn every_property_has_its_line() {
        let (values, scores) = found();
        let text = text(&values, &scores);
        assert_eq!(text.lines().count(), 1 + 22 + 3, "{text}");
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(line("pref_or").contains("385") && line("pref_or").contains(" ± "));
        assert!(line("max_dc").contains("20.000") && line("max_dc").ends_with("no recordings"));
        assert!(line("max_texture").contains("not measured"));
        assert_eq!(text.lines().nth(1), Some(line("pref_or")));
        let value = value(&values, &scores);
        assert_eq!(value.as_array().unwrap().len(), 22);
        assert_eq!(value[8]["state"], "scored");
        assert_eq!(value[8]["n_undefined"], 1);
    }

    #[test]
    fn places_are_along_the_axes() {
        assert_eq!(place(0, &[2, 3, 4]), "0:0:0");
        assert_eq!(place(23, &[2, 3, 4]), "1:2:3");
        assert_eq!(place(5, &[10]), "5");
    }
}
