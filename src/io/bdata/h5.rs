//! Reading of brain data from HDF5, through libhdf5; field by field in [`bdata`](super).

use std::collections::BTreeMap;
use std::path::Path;

use hdf5::Group;
use hdf5::types::{FloatSize, TypeDescriptor};

use super::{Content, Matrix, ValueMap};
use crate::error::{Error, Result};
use crate::io::hdf5::Checked;

const NOT_BDATA: &str =
    "give a brain-data file as bdpy writes it (`bhscore inspect` says what this is)";

/// Reads all parts of a brain-data file.
pub(super) fn read(path: &Path) -> Result<Content> {
    let source = Checked::open(path, NOT_BDATA)?;
    let root = source.root()?;
    let metadata = source.either(&root, ["metaData", "metadata"], |name| root.group(name))?;
    let keys = source.texts(&source.dataset(&metadata, "key")?)?;
    let values = source.matrix(&source.dataset(&metadata, "value")?)?;
    let dataset = source.either(&root, ["dataSet", "dataset"], |name| root.dataset(name))?;
    let matrix = match dataset.dtype().and_then(|dtype| dtype.to_descriptor()) {
        Ok(TypeDescriptor::Float(FloatSize::U4)) => Matrix::Single(source.matrix(&dataset)?),
        _ => Matrix::Double(source.matrix(&dataset)?),
    };
    let value_maps = value_maps(&source, path, &root)?;
    Ok(Content {
        matrix,
        keys,
        values,
        value_maps,
    })
}

/// `vmap/<key>/<number as text>`; older files have none.
fn value_maps(source: &Checked, path: &Path, root: &Group) -> Result<BTreeMap<String, ValueMap>> {
    if !root.link_exists("vmap") {
        return Ok(BTreeMap::new());
    }
    let open = |group: &Group, name: &str| {
        let full = format!("`{}/{name}`", group.name());
        group
            .group(name)
            .map_err(|cause| source.damaged(&full, &cause))
    };
    let all = open(root, "vmap")?;
    let mut maps = BTreeMap::new();
    for key in source.names(&all)? {
        let group = open(&all, &key)?;
        let mut map = ValueMap::default();
        for number in source.names(&group)? {
            add_label(source, path, &mut map, &group, &number)?;
        }
        maps.insert(key, map);
    }
    Ok(maps)
}

fn add_label(
    source: &Checked,
    path: &Path,
    map: &mut ValueMap,
    group: &Group,
    number: &str,
) -> Result<()> {
    let full = format!("{}/{number}", group.name());
    let again = "write the value map again with bdpy's `add_vmap`";
    let Some(value) = number
        .trim()
        .parse()
        .ok()
        .filter(|value: &f64| !value.is_nan())
    else {
        let problem = format!("`{full}` is not named by a number");
        return Err(Error::file(path, problem, again));
    };
    let mut texts = source.texts(&source.dataset(group, number)?)?;
    let (Some(label), true) = (texts.pop(), texts.is_empty()) else {
        return Err(Error::file(
            path,
            format!("`{full}` is not a single text"),
            again,
        ));
    };
    map.insert(value, label).map_err(|other| {
        let problem = format!("`{full}` gives the number {value} a second label beside `{other}`");
        Error::file(path, problem, again)
    })
}
