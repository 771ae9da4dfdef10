//! `<benchmark>.parquet`: what `score` found for every site and split.
//!
//! | column | type | |
//! |---|---|---|
//! | `layer` | string | |
//! | `subject` | string, nullable | null where sites of several subjects are pooled |
//! | `bin_start`, `bin_end` | f64, nullable | milliseconds; null without time bins |
//! | `site` | string | `neuroid_id`, or the number of the voxel |
//! | `split` | u32 | counted from 0 |
//! | `r` | f64, nullable | Pearson's r over the split's test stimuli; null where undefined |
//! | `ceiling` | f64, nullable | of the site; null without repetitions |

use std::io::Write;
use std::path::Path;

use parquet::basic::{Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::{Type, TypePtr};

use super::parquet::{integer, optional, primitive, required, start, text, write_error};
use crate::brainscore::benchmark::OfSites;
use crate::error::Result;

/// Writes a table, one row group per layer, subject and bin; `path` is named in errors.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write<W: Write + Send>(out: W, path: &Path, parts: &[OfSites]) -> Result<()> {
    let written = || -> Result<(), ParquetError> {
        let mut writer = start(out, schema()?)?;
        for part in parts {
            let mut group = writer.next_row_group()?;
            rows(&mut group, part)?;
            group.close()?;
        }
        writer.close().map(drop)
    };
    written().map_err(|error| write_error(path, error))
}

fn schema() -> Result<TypePtr, ParquetError> {
    const OPTIONAL: Repetition = Repetition::OPTIONAL;
    let number = |name| primitive(name, Physical::DOUBLE, None, OPTIONAL);
    let fields = vec![
        text("layer", Repetition::REQUIRED)?,
        text("subject", OPTIONAL)?,
        number("bin_start")?,
        number("bin_end")?,
        text("site", Repetition::REQUIRED)?,
        integer("split")?,
        number("r")?,
        number("ceiling")?,
    ];
    let schema = Type::group_type_builder("schema").with_fields(fields);
    schema.build().map(std::sync::Arc::new)
}

fn rows<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    part: &OfSites,
) -> Result<(), ParquetError> {
    let (n_splits, n_sites) = part.table.dim();
    let n = n_splits * n_sites;
    let bytes = |text: &str| ByteArray::from(text.as_bytes().to_vec());
    let number = |value: f64| value.is_finite().then_some(value);
    let subject = part.subject.as_deref().map(bytes);
    let ceiling = |site: usize| part.ceilings.get(site).copied().and_then(number);
    // Site by site, its splits after each other.
    let of_sites = |site: usize| std::iter::repeat_n(site, n_splits);
    let sites = || (0..n_sites).flat_map(of_sites);
    required::<ByteArrayType, W>(group, vec![bytes(&part.layer); n])?;
    optional::<ByteArrayType, W>(group, vec![subject; n])?;
    optional::<DoubleType, W>(group, vec![part.bin.map(|(start, _)| start); n])?;
    optional::<DoubleType, W>(group, vec![part.bin.map(|(_, end)| end); n])?;
    required::<ByteArrayType, W>(
        group,
        sites().map(|site| bytes(&part.names[site])).collect(),
    )?;
    let splits = (0..n).map(|row| (row % n_splits) as i32);
    required::<Int32Type, W>(group, splits.collect())?;
    let r = sites().zip((0..n_splits).cycle());
    let r = r.map(|(site, split)| number(part.table[[split, site]]));
    optional::<DoubleType, W>(group, r.collect())?;
    optional::<DoubleType, W>(group, sites().map(ceiling).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn a_table_is_read_back() {
        let part = OfSites {
            layer: "fc".to_owned(),
            subject: None,
            bin: Some((70.0, 170.0)),
            names: vec!["n1".to_owned(), "n2".to_owned()],
            table: array![[0.1, f64::NAN], [0.3, 0.4]],
            ceilings: vec![0.9, f64::NAN],
        };
        let mut bytes = Vec::new();
        write(&mut bytes, Path::new("x"), &[part]).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<_> = reader
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows.len(), 4);
        let second = &rows[1];
        assert_eq!(second.get_string(0).unwrap(), "fc");
        assert!(second.get_string(1).is_err());
        assert_eq!(second.get_double(2).unwrap(), 70.0);
        assert_eq!(second.get_string(4).unwrap(), "n1");
        assert_eq!(second.get_double(6).unwrap(), 0.3);
        assert_eq!(second.get_double(7).unwrap(), 0.9);
        assert!(rows[2].get_double(6).is_err() && rows[3].get_double(7).is_err());
    }
}
