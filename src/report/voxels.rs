//! `voxels.parquet`: one row per voxel and layer of the encoding half.
//!
//! | column | type | |
//! |---|---|---|
//! | `network`, `roi`, `subject` | string | |
//! | `voxel` | u32 | position among the ROI's voxels in the accuracy file |
//! | `layer` | string | |
//! | `layer_number` | u32 | 1 is the lowest |
//! | `accuracy` | f32, nullable | null where undefined or missing |
//! | `best` | bool | whether this is the first layer with the voxel's highest accuracy |
//! | `kept_published` | bool | whether the voxel is significant by the published rule |
//! | `kept_textbook` | bool, nullable | by the textbook rule; null if it cannot be applied |
//!
//! Networks differ in their layers, so layers are rows here and not columns; `best` picks one row per
//! voxel. Only voxels that enter the score are there. One row group per ROI and subject.

use std::io::Write;
use std::path::{Path, PathBuf};

use parquet::basic::{Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, FloatType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::parquet::{integer, optional, primitive, required, start, text, write_error};
use crate::bh::selection::{self, Best};
use crate::bh::{Block, Pool, Rules};
use crate::error::Result;

/// Writes `voxels.parquet` ROI by ROI.
pub struct VoxelWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    path: PathBuf,
}

impl<W: Write + Send> VoxelWriter<W> {
    /// A table to `out` (which may be `&mut` something); `path` is named in errors.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn new(out: W, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let writer = schema()
            .and_then(|schema| start(out, schema))
            .map_err(|error| write_error(&path, error))?;
        Ok(Self { writer, path })
    }

    /// Appends all voxels of the encoding pool of a network.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn write(&mut self, network: &str, pool: &Pool<'_>, rules: &Rules) -> Result<()> {
        let Self { writer, path } = self;
        for (roi, blocks) in pool.groups.iter().zip(&pool.blocks) {
            for (subject, block) in pool.subjects.iter().zip(blocks) {
                if block.n_items == 0 {
                    continue;
                }
                let rows = Rows {
                    names: [network, roi, subject],
                    layers: pool.levels,
                    block,
                    best: selection::best_levels(block),
                    rules,
                };
                let written = writer.next_row_group().and_then(|mut group| {
                    rows.write(&mut group)?;
                    group.close().map(|_| ())
                });
                written.map_err(|error| write_error(path, error))?;
            }
        }
        Ok(())
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

fn schema() -> Result<TypePtr, ParquetError> {
    const REQUIRED: Repetition = Repetition::REQUIRED;
    const OPTIONAL: Repetition = Repetition::OPTIONAL;
    let fields = vec![
        text("network", REQUIRED)?,
        text("roi", REQUIRED)?,
        text("subject", REQUIRED)?,
        integer("voxel")?,
        text("layer", REQUIRED)?,
        integer("layer_number")?,
        primitive("accuracy", Physical::FLOAT, None, OPTIONAL)?,
        primitive("best", Physical::BOOLEAN, None, REQUIRED)?,
        primitive("kept_published", Physical::BOOLEAN, None, REQUIRED)?,
        primitive("kept_textbook", Physical::BOOLEAN, None, OPTIONAL)?,
    ];
    Type::group_type_builder("voxels")
        .with_fields(fields)
        .build()
        .map(TypePtr::new)
}

/// Voxels of one ROI and subject, each with all layers.
struct Rows<'a> {
    /// Network, ROI and subject.
    names: [&'a str; 3],
    layers: &'a [String],
    block: &'a Block<'a>,
    best: Vec<Option<Best>>,
    rules: &'a Rules,
}

impl Rows<'_> {
    /// The value of every row, from the voxel and the layer.
    fn each<T>(&self, value: impl Fn(usize, usize) -> T) -> Vec<T> {
        let value = &value;
        (0..self.block.n_items)
            .flat_map(|voxel| (0..self.layers.len()).map(move |layer| value(voxel, layer)))
            .collect()
    }

    /// Writes all columns in the order of the schema.
    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        for name in self.names {
            let name = ByteArray::from(name);
            required::<ByteArrayType, _>(group, self.each(|_, _| name.clone()))?;
        }
        // The bits of a u32 in the i32 of the format.
        let position = |voxel, _| self.block.position(voxel) as u32 as i32;
        required::<Int32Type, _>(group, self.each(position))?;
        let layers: Vec<ByteArray> = (self.layers.iter())
            .map(|name| ByteArray::from(name.as_str()))
            .collect();
        required::<ByteArrayType, _>(group, self.each(|_, layer| layers[layer].clone()))?;
        required::<Int32Type, _>(group, self.each(|_, layer| layer as u32 as i32 + 1))?;
        let accuracy = |voxel: usize, layer: usize| {
            self.block.levels[layer]
                .map(|accuracies| accuracies[voxel])
                .filter(|accuracy| !accuracy.is_nan())
        };
        optional::<FloatType, _>(group, self.each(accuracy))?;
        let is_best =
            |voxel: usize, layer| self.best[voxel].is_some_and(|best: Best| best.level == layer);
        required::<BoolType, _>(group, self.each(is_best))?;
        let published = |voxel: usize, _| self.rules.keeps_published(self.best[voxel]);
        required::<BoolType, _>(group, self.each(published))?;
        let textbook = |voxel: usize, _| self.rules.keeps_textbook(self.best[voxel]);
        optional::<BoolType, _>(group, self.each(textbook))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::encoding_accuracies;
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};

    fn field(row: &Row, name: &str) -> Field {
        let mut columns = row.get_column_iter();
        columns
            .find(|(column, _)| *column == name)
            .unwrap()
            .1
            .clone()
    }

    #[test]
    fn rows_say_what_the_voxels_are() {
        let mut input = encoding_accuracies(3, 7, 0.6);
        for layer in &mut input.values {
            layer[0][1].as_mut().unwrap()[0] = f32::NAN;
        }
        let limited = input.limited(Some(7)).unwrap();
        let pool = Pool::encoding(&limited).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = VoxelWriter::new(&mut file, "voxels.parquet").unwrap();
        writer.write("Net", &pool, &Rules::new(0.05, None)).unwrap();
        writer.finish().unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        assert_eq!(reader.num_row_groups(), 5 * 2);
        let rows: Vec<Row> = reader
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows.len(), 5 * 2 * 7 * 3);
        assert_eq!(field(&rows[0], "roi"), Field::Str("V1".into()));
        assert_eq!(field(&rows[4], "voxel"), Field::UInt(1));
        assert_eq!(field(&rows[4], "layer"), Field::Str("layer2".into()));
        assert_eq!(field(&rows[4], "layer_number"), Field::UInt(2));
        assert_eq!(field(&rows[0], "best"), Field::Bool(true));
        assert_eq!(field(&rows[1], "best"), Field::Bool(false));
        assert_eq!(field(&rows[1], "kept_published"), Field::Bool(true));
        assert_eq!(field(&rows[1], "kept_textbook"), Field::Null);
        // The second subject has 8 voxels, of which 7 were drawn: RandomState(0).permutation(8).
        let drawn: Vec<Field> = (0..7)
            .map(|voxel| field(&rows[21 + 3 * voxel], "voxel"))
            .collect();
        assert_eq!(drawn, [6, 2, 1, 7, 3, 0, 5].map(Field::UInt));
        // Undefined everywhere: V2 of the first subject, voxel 0.
        let undefined = &rows[42];
        assert_eq!(field(undefined, "accuracy"), Field::Null);
        assert_eq!(field(undefined, "best"), Field::Bool(false));
    }
}
