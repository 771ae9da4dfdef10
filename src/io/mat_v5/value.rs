//! Variables of MAT v5 files as a tree.

use super::Parsed;
use super::element::{Element, Elements, Header, Matrix};
use crate::io::mat::{Array, Numeric, n_elements};

/// Cells in cells in structs … deeper than this are taken for damage.
const MAX_DEPTH: usize = 64;
/// Most fields of a struct: each costs fifty times its byte in the file.
const MAX_FIELDS: usize = 1 << 16;

/// The content of a variable, cell or field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A real numeric or logical array.
    Numeric(Numeric),
    /// One row of text. Several rows become a [`Value::Cell`] of rows without their padding.
    Text(String),
    /// An array of values.
    Cell {
        /// Length of each axis.
        shape: Vec<usize>,
        /// One value per cell, column-major.
        items: Vec<Value>,
    },
    /// An array of structs with common fields.
    Struct {
        /// Length of each axis.
        shape: Vec<usize>,
        /// Each field's name and its value in every struct, column-major.
        fields: Vec<(String, Vec<Value>)>,
    },
    /// Something that is not read: MATLAB's word for it (`sparse`, `function`, `complex double`).
    Other(String),
}

impl Value {
    /// The field `name` of a single struct.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct { fields, .. } => fields
                .iter()
                .find(|(field, _)| field == name)
                .and_then(|(_, values)| values.first()),
            _ => None,
        }
    }

    /// Parses an inflated matrix; returns its name and content.
    pub(super) fn parse(matrix: &Matrix) -> Parsed<(String, Value)> {
        parse(matrix, MAX_DEPTH)
    }
}

fn parse(matrix: &Matrix, depth: usize) -> Parsed<(String, Value)> {
    let depth = depth.checked_sub(1).ok_or("values are nested too deeply")?;
    let mut elements = matrix.elements();
    let header = Header::parse(&mut elements)?;
    let n = n_elements(&header.shape).ok_or("an impossible shape")?;
    let value = match header.class {
        1 => Value::Cell {
            shape: header.shape,
            items: items(&mut elements, n, depth)?,
        },
        2 => structs(&mut elements, header.shape, n, depth)?,
        4 => text(&elements.next()?, &header.shape)?,
        6..=15 if !header.is_complex => Value::Numeric(numeric(&mut elements, &header, n)?),
        _ => Value::Other(header.class_name()),
    };
    Ok((header.name, value))
}

fn numeric(elements: &mut Elements, header: &Header, n: usize) -> Parsed<Numeric> {
    let shape = header.shape.clone();
    if n == 0 {
        // Some writers leave the values of an empty array out.
        return Ok(match header.class {
            7 => Numeric::F32(Array {
                shape,
                values: Vec::new(),
            }),
            _ => Numeric::F64(Array {
                shape,
                values: Vec::new(),
            }),
        });
    }
    let element = elements.next()?;
    let (numeric, length) = if header.class == 7 {
        let values = element.singles()?;
        let length = values.len();
        (Numeric::F32(Array { shape, values }), length)
    } else {
        let values = element.doubles()?;
        let length = values.len();
        (Numeric::F64(Array { shape, values }), length)
    };
    if length != n {
        return Err(format!("{length} values for a shape of {n}"));
    }
    Ok(numeric)
}

fn items(elements: &mut Elements, n: usize, depth: usize) -> Parsed<Vec<Value>> {
    // Grows with what is there: `n` is only a claim.
    let mut items = Vec::new();
    for _ in 0..n {
        items.push(parse(&elements.next_matrix()?, depth)?.1);
    }
    Ok(items)
}

fn structs(elements: &mut Elements, shape: Vec<usize>, n: usize, depth: usize) -> Parsed<Value> {
    let name_size = elements
        .next()?
        .singles()?
        .first()
        .map_or(0, |&size| size as usize);
    let names = elements.next()?;
    if name_size == 0 && !names.bytes.is_empty() {
        return Err("field names of no length".to_owned());
    }
    let n_fields = names.bytes.len().div_ceil(name_size.max(1));
    if n_fields > MAX_FIELDS {
        return Err(format!("a struct of {n_fields} fields"));
    }
    let names = names.bytes.chunks(name_size.max(1)).map(|name| {
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    });
    let mut fields: Vec<(String, Vec<Value>)> = names.map(|name| (name, Vec::new())).collect();
    if fields.is_empty() {
        return Ok(Value::Struct { shape, fields });
    }
    for _ in 0..n {
        for (_, values) in &mut fields {
            values.push(parse(&elements.next_matrix()?, depth)?.1);
        }
    }
    Ok(Value::Struct { shape, fields })
}

/// Text of one row, or a cell of rows.
fn text(element: &Element, shape: &[usize]) -> Parsed<Value> {
    let units: Vec<char> = match element.kind {
        // UTF-8; type 1 by old writers.
        1 | 16 => String::from_utf8_lossy(element.bytes).chars().collect(),
        // One code unit per character: bytes, UTF-16, UTF-32.
        2 | 4 | 17 | 18 => {
            let kind = match element.kind {
                17 => 4,
                18 => 6,
                kind => kind,
            };
            let element = Element { kind, ..*element };
            let units = element.doubles()?.into_iter().map(|unit| unit as u32);
            units
                .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        other => return Err(format!("text of type {other}")),
    };
    let n_rows = shape.first().copied().unwrap_or(1);
    if n_rows <= 1 {
        return Ok(Value::Text(units.into_iter().collect()));
    }
    if !units.len().is_multiple_of(n_rows) {
        return Err(format!("{} characters in {n_rows} rows", units.len()));
    }
    let row = |row: usize| {
        let text: String = units.iter().skip(row).step_by(n_rows).collect();
        Value::Text(text.trim_end().to_owned())
    };
    // A claim of many rows without characters must not become memory.
    let n_rows = n_rows.min(units.len());
    Ok(Value::Cell {
        shape: vec![n_rows, 1],
        items: (0..n_rows).map(row).collect(),
    })
}
