//! Reading of brain data from HDF5; field by field in [`bdata`](super).

use std::collections::BTreeMap;
use std::path::Path;

use super::{Content, Matrix, ValueMap};
use crate::error::{Error, Result};
use crate::io::hdf5::{Group, Hdf5, Kind, Member, on_deep_stack};

const NOT_BDATA: &str =
    "give a brain-data file as bdpy writes it (`bhscore inspect` says what this is)";

/// Reads all parts of a brain-data file.
pub(super) fn read(path: &Path) -> Result<Content> {
    on_deep_stack(|| content(path))
}

fn content(path: &Path) -> Result<Content> {
    let file = Hdf5::open(path, NOT_BDATA)?;
    let root = file.root();
    let metadata = group(&file, either(&file, &root, ["metaData", "metadata"])?)?;
    let keys = metadata.dataset("key")?.texts()?;
    let values = metadata.dataset("value")?.matrix()?;
    let Member::Dataset(dataset) = either(&file, &root, ["dataSet", "dataset"])? else {
        return Err(file.other_kind("its `dataset` is a group".to_owned()));
    };
    let matrix = match dataset.kind() {
        Kind::Single => Matrix::Single(dataset.matrix()?),
        _ => Matrix::Double(dataset.matrix()?),
    };
    let value_maps = value_maps(&file, &root)?;
    Ok(Content {
        matrix,
        keys,
        values,
        value_maps,
    })
}

/// The first of two spellings that the file has.
fn either<'a>(file: &Hdf5, root: &Group<'a>, names: [&str; 2]) -> Result<Member<'a>> {
    for name in names {
        if let Some(member) = root.member(name)? {
            return Ok(member);
        }
    }
    let [older, newer] = names;
    Err(file.other_kind(format!("it has neither `{newer}` nor `{older}`")))
}

fn group<'a>(file: &Hdf5, member: Member<'a>) -> Result<Group<'a>> {
    match member {
        Member::Group(group) => Ok(group),
        Member::Dataset(dataset) => {
            Err(file.other_kind(format!("`{}` is an array, not a group", dataset.name())))
        }
    }
}

/// `vmap/<key>/<number as text>`; older files have none.
fn value_maps(file: &Hdf5, root: &Group) -> Result<BTreeMap<String, ValueMap>> {
    let Some(all) = root.member("vmap")? else {
        return Ok(BTreeMap::new());
    };
    let mut maps = BTreeMap::new();
    for (key, labels) in group(file, all)?.members()? {
        let mut map = ValueMap::default();
        for (number, label) in group(file, labels)?.members()? {
            add_label(file, &mut map, &number, label)?;
        }
        maps.insert(key, map);
    }
    Ok(maps)
}

fn add_label(file: &Hdf5, map: &mut ValueMap, number: &str, label: Member) -> Result<()> {
    let again = "write the value map again with bdpy's `add_vmap`";
    let wrong = |problem: String| Error::file(file.path(), problem, again);
    let Member::Dataset(dataset) = label else {
        return Err(wrong(format!(
            "`{number}` of a value map is a group, not a text"
        )));
    };
    let full = dataset.name();
    let value = number.trim().parse().ok();
    let Some(value) = value.filter(|value: &f64| !value.is_nan()) else {
        return Err(wrong(format!("`{full}` is not named by a number")));
    };
    let mut texts = dataset.texts()?;
    let (Some(label), true) = (texts.pop(), texts.is_empty()) else {
        return Err(wrong(format!("`{full}` is not a single text")));
    };
    map.insert(value, label).map_err(|other| {
        wrong(format!(
            "`{full}` gives the number {value} a second label beside `{other}`"
        ))
    })
}
