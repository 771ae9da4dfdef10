//! `units.parquet`: one row per unit, for everything that this program does not plot.
//!
//! | column | type | |
//! |---|---|---|
//! | `network`, `layer`, `subject` | string | |
//! | `unit` | u32 | position in the column-major order of the layer's shape |
//! | `accuracy_<ROI>` | f32, nullable | per ROI; null where undefined or missing |
//! | `best_roi` | string, nullable | first ROI with the highest accuracy; null if none has one |
//! | `best_accuracy` | f32, nullable | the accuracy there |
//! | `kept_published` | bool | significant by the published rule |
//! | `kept_textbook` | bool, nullable | by the textbook rule; null if it cannot be applied |
//!
//! Snappy-compressed, one row group per layer, so a layer is all that is in memory.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, FloatType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use crate::bh::selection::{self, Best};
use crate::bh::{Block, Pool, Rules};
use crate::error::{Error, Result};

/// Writes `units.parquet` layer by layer.
pub struct UnitWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    path: PathBuf,
    rois: Vec<String>,
}

impl<W: Write + Send> UnitWriter<W> {
    /// A table with a column for each of `rois`, to `out` (which may be `&mut` something); `path` is named
    /// in errors.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn new(out: W, path: impl AsRef<Path>, rois: &[String]) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let writer = schema(rois)
            .and_then(|schema| start(out, schema))
            .map_err(|error| write_error(&path, error))?;
        Ok(Self {
            writer,
            path,
            rois: rois.to_vec(),
        })
    }

    /// Appends the units of layer number `layer` of `pool`, all subjects.
    ///
    /// # Errors
    /// If the pool has other ROIs than the table, or `out` cannot be written to.
    pub fn write_layer(
        &mut self,
        network: &str,
        pool: &Pool<'_>,
        layer: usize,
        rules: &Rules,
    ) -> Result<()> {
        if pool.levels != self.rois {
            return Err(Error::data(
                format!("network `{network}`"),
                format!(
                    "its ROIs `{}` are not the table's",
                    pool.levels.join("`, `")
                ),
                format!(
                    "write it to a table with the ROIs `{}`",
                    self.rois.join("`, `")
                ),
            ));
        }
        let rows = LayerRows::new(network, pool, layer, rules);
        if rows.n_rows() == 0 {
            return Ok(());
        }
        let Self { writer, path, .. } = self;
        let written = writer.next_row_group().and_then(|mut group| {
            rows.write(&mut group)?;
            group.close().map(|_| ())
        });
        written.map_err(|error| write_error(path, error))
    }

    /// Writes the footer; without it the table cannot be read.
    ///
    /// # Errors
    /// If the footer cannot be written.
    pub fn finish(self) -> Result<()> {
        self.writer
            .close()
            .map(|_| ())
            .map_err(|error| write_error(&self.path, error))
    }
}

/// Keeps the system's reason, so that a full disk is reported as such.
pub(super) fn write_error(path: &Path, error: ParquetError) -> Error {
    let error = match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(source) => std::io::Error::other(source),
        },
        error => std::io::Error::other(error),
    };
    Error::io("write", path)(error)
}

/// Starts a file in the format that all tables share.
pub(super) fn start<W: Write + Send>(
    out: W,
    schema: TypePtr,
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("bhscore ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    SerializedFileWriter::new(out, schema, Arc::new(properties))
}

/// A column of the schema.
pub(super) fn primitive(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    repetition: Repetition,
) -> Result<TypePtr, ParquetError> {
    Type::primitive_type_builder(name, physical)
        .with_logical_type(logical)
        .with_repetition(repetition)
        .build()
        .map(Arc::new)
}

/// A column of text.
pub(super) fn text(name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let logical = Some(LogicalType::String);
    primitive(name, Physical::BYTE_ARRAY, logical, repetition)
}

/// A column of u32, never null.
pub(super) fn integer(name: &str) -> Result<TypePtr, ParquetError> {
    let logical = Some(LogicalType::integer(32, false));
    primitive(name, Physical::INT32, logical, Repetition::REQUIRED)
}

fn schema(rois: &[String]) -> Result<TypePtr, ParquetError> {
    const REQUIRED: Repetition = Repetition::REQUIRED;
    const OPTIONAL: Repetition = Repetition::OPTIONAL;
    let mut fields = vec![
        text("network", REQUIRED)?,
        text("layer", REQUIRED)?,
        text("subject", REQUIRED)?,
        integer("unit")?,
    ];
    for roi in rois {
        let name = format!("accuracy_{roi}");
        fields.push(primitive(&name, Physical::FLOAT, None, OPTIONAL)?);
    }
    fields.extend([
        text("best_roi", OPTIONAL)?,
        primitive("best_accuracy", Physical::FLOAT, None, OPTIONAL)?,
        primitive("kept_published", Physical::BOOLEAN, None, REQUIRED)?,
        primitive("kept_textbook", Physical::BOOLEAN, None, OPTIONAL)?,
    ]);
    Type::group_type_builder("units")
        .with_fields(fields)
        .build()
        .map(Arc::new)
}

/// The rows of one layer, subject after subject.
struct LayerRows<'a> {
    network: &'a str,
    pool: &'a Pool<'a>,
    layer: usize,
    rules: &'a Rules,
    /// Of every row.
    best: Vec<Option<Best>>,
}

impl<'a> LayerRows<'a> {
    fn new(network: &'a str, pool: &'a Pool<'a>, layer: usize, rules: &'a Rules) -> Self {
        let best = pool.blocks[layer]
            .iter()
            .flat_map(selection::best_levels)
            .collect();
        Self {
            network,
            pool,
            layer,
            rules,
            best,
        }
    }

    fn n_rows(&self) -> usize {
        self.best.len()
    }

    fn blocks(&self) -> &'a [Block<'a>] {
        &self.pool.blocks[self.layer]
    }

    /// Writes all columns in the order of the schema.
    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let text = |text: &str| ByteArray::from(text);
        required::<ByteArrayType, _>(group, vec![text(self.network); self.n_rows()])?;
        let layer = text(&self.pool.groups[self.layer]);
        required::<ByteArrayType, _>(group, vec![layer; self.n_rows()])?;
        let subjects = self.pool.subjects.iter().zip(self.blocks());
        let subjects = subjects.flat_map(|(name, block)| vec![text(name); block.n_items]);
        required::<ByteArrayType, _>(group, subjects.collect())?;
        // The bits of a u32 in the i32 of the format.
        let units = self
            .blocks()
            .iter()
            .flat_map(|block| (0..block.n_items).map(|i| i as u32 as i32));
        required::<Int32Type, _>(group, units.collect())?;
        for level in 0..self.pool.levels.len() {
            optional::<FloatType, _>(group, self.accuracies(level))?;
        }
        let rois: Vec<ByteArray> = self.pool.levels.iter().map(|roi| text(roi)).collect();
        let best_roi = self
            .best
            .iter()
            .map(|best| best.map(|best| rois[best.level].clone()));
        optional::<ByteArrayType, _>(group, best_roi.collect())?;
        let accuracies = self.best.iter().map(|best| best.map(|best| best.accuracy));
        optional::<FloatType, _>(group, accuracies.collect())?;
        let published = self
            .best
            .iter()
            .map(|&best| self.rules.keeps_published(best));
        required::<BoolType, _>(group, published.collect())?;
        let textbook = self
            .best
            .iter()
            .map(|&best| self.rules.keeps_textbook(best))
            .collect();
        optional::<BoolType, _>(group, textbook)
    }

    /// Accuracies at one level, `None` for NaN and for subjects without that level.
    fn accuracies(&self, level: usize) -> Vec<Option<f32>> {
        let mut values = Vec::with_capacity(self.n_rows());
        for block in self.blocks() {
            match block.levels[level] {
                Some(accuracies) => {
                    values.extend(accuracies.iter().map(|&r| (!r.is_nan()).then_some(r)));
                }
                None => values.extend(vec![None; block.n_items]),
            }
        }
        values
    }
}

pub(super) fn required<D: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: Vec<D::T>,
) -> Result<(), ParquetError> {
    write_column::<D, W>(group, &values, None)
}

pub(super) fn optional<D: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: Vec<Option<D::T>>,
) -> Result<(), ParquetError> {
    let present: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let values: Vec<D::T> = values.into_iter().flatten().collect();
    write_column::<D, W>(group, &values, Some(&present))
}

fn write_column<D: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[D::T],
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("more columns than in the schema".to_owned()))?;
    column.typed::<D>().write_batch(values, present, None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::super::tests::accuracies;
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};

    fn write(n_test: Option<usize>) -> (Vec<u8>, Vec<Row>) {
        let mut input = accuracies(6, 4, 0.6);
        input.values[1][1][2] = None;
        for roi in &mut input.values[2][0] {
            roi.as_mut().unwrap()[1] = f32::NAN;
        }
        let pool = Pool::decoding(&input).unwrap();
        let rules = Rules::new(0.05, n_test);
        let mut bytes = Vec::new();
        let mut writer = UnitWriter::new(&mut bytes, "units.parquet", &input.rois).unwrap();
        for layer in 0..input.layers.len() {
            writer.write_layer("Net", &pool, layer, &rules).unwrap();
        }
        writer.finish().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        assert_eq!(reader.num_row_groups(), 6);
        let rows = reader
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        (bytes, rows)
    }

    fn field(row: &Row, name: &str) -> Field {
        row.get_column_iter()
            .find(|(column, _)| *column == name)
            .unwrap()
            .1
            .clone()
    }

    #[test]
    fn rows_say_what_the_units_are() {
        let (_, rows) = write(Some(50));
        assert_eq!(rows.len(), 6 * 9);
        assert_eq!(field(&rows[4], "subject"), Field::Str("sub-02".into()));
        assert_eq!(field(&rows[5], "unit"), Field::UInt(1));
        assert_eq!(field(&rows[0], "best_roi"), Field::Str("V1".into()));
        assert_eq!(field(&rows[0], "accuracy_V1"), Field::Float(0.6));
        assert_eq!(field(&rows[0], "kept_textbook"), Field::Bool(true));
        // A ROI that one subject lacks, and a unit that is NaN everywhere.
        assert_eq!(field(&rows[9 + 4], "accuracy_V3"), Field::Null);
        assert_eq!(field(&rows[18 + 1], "accuracy_V1"), Field::Null);
        assert_eq!(field(&rows[18 + 1], "best_roi"), Field::Null);
        assert_eq!(field(&rows[18 + 1], "kept_published"), Field::Bool(false));
    }

    #[test]
    fn no_textbook_rule_is_null() {
        let (_, rows) = write(None);
        assert_eq!(field(&rows[0], "kept_textbook"), Field::Null);
        assert_eq!(field(&rows[0], "kept_published"), Field::Bool(true));
    }

    #[test]
    fn same_bytes_every_time() {
        assert_eq!(write(Some(50)).0, write(Some(50)).0);
    }

    #[test]
    fn other_rois_are_refused() {
        let input = accuracies(6, 4, 0.6);
        let pool = Pool::decoding(&input).unwrap();
        let mut writer = UnitWriter::new(Vec::new(), "units.parquet", &["V1".to_owned()]).unwrap();
        let error = writer
            .write_layer("Net", &pool, 0, &Rules::new(0.05, None))
            .unwrap_err();
        assert!(error.to_string().contains("HVC"), "{error}");
    }

    #[test]
    fn a_full_disk_is_reported_as_such() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
        }
        let writer = UnitWriter::new(Full, "results/units.parquet", &["V1".to_owned()]);
        let failed = writer.and_then(UnitWriter::finish);
        let text = failed.unwrap_err().to_string();
        assert!(
            text.contains("results/units.parquet") && text.contains("free some space"),
            "{text}"
        );
    }
}
