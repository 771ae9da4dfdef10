//! What the elements of an array are.

use std::fmt::{self, Display, Formatter};

use hdf5_pure::{DType, Datatype, DatatypeByteOrder, FloatingPointLayout};

/// Type of the elements of an array, named as in NumPy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// float32.
    Single,
    /// float64.
    Double,
    /// Whole numbers: `int8`, `uint64`, …
    Whole(&'static str),
    /// Texts of one length.
    FixedText,
    /// Texts of any length.
    Text,
    /// Places of other arrays, as in MATLAB's cells.
    Reference,
    /// Something else, in words of the format.
    Other(String),
}

impl Kind {
    /// `exact` tells which four or eight bytes are the usual floating-point numbers, `stored` does not.
    pub(super) fn of(stored: DType, exact: &Datatype) -> Kind {
        let is = |usual: FloatingPointLayout| {
            matches!(exact, Datatype::FloatingPoint { layout, byte_order, .. }
                if *layout == usual && *byte_order != DatatypeByteOrder::Vax)
        };
        match stored {
            DType::F32 if is(FloatingPointLayout::IEEE754_BINARY32) => Kind::Single,
            DType::F64 if is(FloatingPointLayout::IEEE754_BINARY64) => Kind::Double,
            DType::I8 => Kind::Whole("int8"),
            DType::I16 => Kind::Whole("int16"),
            DType::I32 => Kind::Whole("int32"),
            DType::I64 => Kind::Whole("int64"),
            DType::U8 => Kind::Whole("uint8"),
            DType::U16 => Kind::Whole("uint16"),
            DType::U32 => Kind::Whole("uint32"),
            DType::U64 => Kind::Whole("uint64"),
            DType::String => Kind::FixedText,
            DType::VariableLengthString => Kind::Text,
            DType::ObjectReference => Kind::Reference,
            DType::Other(other) => Kind::other(&other),
            other => Kind::other(&other),
        }
    }

    /// Something else, in words of `hdf5-pure`: the first of them, for types of types have no end.
    pub(super) fn other(words: &impl Display) -> Kind {
        const MOST: usize = 80;
        let words = words.to_string();
        match words.char_indices().nth(MOST) {
            Some((end, _)) => Kind::Other(format!("{}…", &words[..end])),
            None => Kind::Other(words),
        }
    }

    /// Whether these are texts.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Kind::FixedText | Kind::Text)
    }

    /// Whether these are whole numbers.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self, Kind::Whole(_))
    }

    /// Whether these are real numbers.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        self.is_whole() || matches!(self, Kind::Single | Kind::Double)
    }
}

impl Display for Kind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Single => "float32",
            Kind::Double => "float64",
            Kind::Whole(name) => name,
            Kind::FixedText | Kind::Text => "text",
            Kind::Reference => "reference",
            Kind::Other(words) => words,
        })
    }
}
