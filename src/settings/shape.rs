//! From text to JSON of the right shape: keys, types and what must be there, by the schema.
//!
//! serde alone would stop at the first problem. Here each problem is noted and the value replaced by one that has
//! the right type, so that the rest can be checked too.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::problems::Problems;
use crate::nearest::{nearest, quoted};

/// Longest piece of a wrong value that a message shows.
const SHOWN_CHARACTERS: usize = 40;

/// Reads JSON; `None` after a syntax error. Keys that an object has twice are problems (serde_json keeps the last).
pub fn parse(text: &str, problems: &mut Problems) -> Option<Value> {
    // Some editors put a byte order mark first, which JSON does not allow.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let noted = RefCell::new(std::mem::take(problems));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = Node {
        path: String::new(),
        problems: &noted,
    };
    let value = node.deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    *problems = noted.into_inner();
    match value {
        Ok(value) => Some(value),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let text = error.to_string();
            let place = format!(" at line {line} column {column}");
            let cause = text.strip_suffix(&place).unwrap_or(&text);
            problems.add(
                "",
                format!("line {line}, column {column}: {cause}; correct the JSON there"),
            );
            None
        }
    }
}

/// A value at a path, read with a look for keys that come twice.
struct Node<'a> {
    path: String,
    problems: &'a RefCell<Problems>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let item = |at: usize| Node {
            path: format!("{}[{at}]", self.path),
            ..self
        };
        while let Some(value) = list.next_element_seed(item(items.len()))? {
            items.push(value);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = below(&self.path, &key);
            if object.contains_key(&key) {
                self.problems
                    .borrow_mut()
                    .add(&path, "the key occurs twice; remove one");
            }
            let value = map.next_value_seed(Node { path, ..self })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Path of a key.
fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Makes `value` fit the schema, noting as a problem whatever had to be replaced, removed or added.
///
/// Knows what our own schema uses: `$ref`, `anyOf`, `type`, `properties`, `required`, `additionalProperties`,
/// `items`, `enum` of words. Ranges are left to [`File::check`](super::file::File), which knows the reasons.
pub fn fit(value: &mut Value, schema: &Value, problems: &mut Problems) {
    Fit {
        root: schema,
        problems,
    }
    .value("", value, schema);
}

struct Fit<'a> {
    root: &'a Value,
    problems: &'a mut Problems,
}

impl<'a> Fit<'a> {
    fn value(&mut self, path: &str, value: &mut Value, schema: &'a Value) {
        let choices = choices(self.root, schema);
        let Some(choice) = choices.iter().find(|choice| has_type(value, choice)) else {
            let expected: Vec<&str> = choices.iter().flat_map(|choice| types(choice)).collect();
            let named = expected
                .iter()
                .filter(|&&name| name != "null")
                .map(|name| named_type(name));
            let expected = named.collect::<Vec<_>>().join(" or ");
            self.problems
                .add(path, format!("expected {expected}, found {}", shown(value)));
            *value = placeholder(self.root, schema);
            return;
        };
        if let Some(words) = choice.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            let words = quoted(words.iter().filter_map(Value::as_str));
            let text = format!("expected one of {words}, found {}", shown(value));
            self.problems.add(path, text);
            *value = placeholder(self.root, schema);
            return;
        }
        match value {
            Value::Object(object) => self.object(path, object, choice),
            Value::Array(items) => {
                if let Some(schema) = choice.get("items") {
                    for (at, item) in items.iter_mut().enumerate() {
                        self.value(&format!("{path}[{at}]"), item, schema);
                    }
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, path: &str, object: &mut Map<String, Value>, schema: &'a Value) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let property = |key: &str| properties.and_then(|properties| properties.get(key));
        let others = schema.get("additionalProperties");
        let known = || {
            properties
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
        };
        object.retain(|key, value| {
            let path = below(path, key);
            match (property(key), others) {
                (Some(schema), _) => self.value(&path, value, schema),
                (None, Some(Value::Bool(false))) => {
                    let hint = match nearest(key, known()).as_slice() {
                        [] => format!(
                            "the keys here are {}",
                            quoted(known().filter(|k| !k.starts_with('$')))
                        ),
                        near => format!("did you mean {}?", quoted(near.iter().copied())),
                    };
                    self.problems.add(path, format!("unknown key; {hint}"));
                    return false;
                }
                (None, Some(schema)) if schema.is_object() => self.value(&path, value, schema),
                (None, _) => {}
            }
            true
        });
        for key in required(schema) {
            if !object.contains_key(key) {
                self.problems
                    .add(below(path, key), "missing; it has no default");
                let schema = property(key).unwrap_or(&Value::Null);
                object.insert(key.to_owned(), placeholder(self.root, schema));
            }
        }
    }
}

/// The schemas of which one must fit, with references followed.
fn choices<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(name.trim_start_matches('#'));
        return target.map_or_else(Vec::new, |target| choices(root, target));
    }
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(any) => any
            .iter()
            .flat_map(|schema| choices(root, schema))
            .collect(),
        None => vec![schema],
    }
}

/// Names of the JSON types that a schema allows; empty for any.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.into_iter().any(|name| match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "number" => value.is_number(),
            // All our whole numbers are counts, and must fit the machine.
            "integer" => value.as_u64().is_some_and(|n| usize::try_from(n).is_ok()),
            "boolean" => value.is_boolean(),
            _ => value.is_null(),
        })
}

fn named_type(name: &str) -> &str {
    match name {
        "object" => "an object {…}",
        "array" => "a list […]",
        "string" => "text",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "true or false",
        other => other,
    }
}

/// A wrong value in words, cut short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let text = match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    match value {
        Value::Null => "nothing (`null`)".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{text}`"),
        Value::String(_) => format!("the text `{text}`"),
        Value::Array(_) => format!("the list `{text}`"),
        Value::Object(_) => format!("the object `{text}`"),
    }
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The plainest value that fits a schema.
fn placeholder(root: &Value, schema: &Value) -> Value {
    let Some(&choice) = choices(root, schema).first() else {
        return Value::Null;
    };
    if let Some(first) = choice.pointer("/enum/0") {
        return first.clone();
    }
    match types(choice).first() {
        Some(&"object") => {
            let property = |key: &str| choice.pointer(&format!("/properties/{key}"));
            let entry = |key: &str| {
                let value = property(key).map_or(Value::Null, |schema| placeholder(root, schema));
                (key.to_owned(), value)
            };
            Value::Object(required(choice).map(entry).collect())
        }
        Some(&"array") => Value::Array(Vec::new()),
        Some(&"string") => "".into(),
        Some(&("number" | "integer")) => 0.into(),
        Some(&"boolean") => false.into(),
        _ => Value::Null,
    }
}
