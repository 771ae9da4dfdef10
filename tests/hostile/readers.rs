//! The reader of each format, given a file: an error, or whatever it makes of it.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bhscore::brainscore::behaviour::trials::Trials;
use bhscore::brainscore::{folder, tree};
use bhscore::extract::engine::Rten;
use bhscore::extract::image;
use bhscore::extract::onnx::{Model, Weights};
use bhscore::io::assembly::brainio;
use bhscore::io::bdata::BData;
use bhscore::io::hdf5_plain::{self, Input};
use bhscore::io::mat_v73::Source;
use bhscore::io::record::{FILE_NAME, Record};
use bhscore::io::select::Expression;
use bhscore::io::table::Table;
use bhscore::io::{mat_v5, npy};
use bhscore::model::archive::unpack;
use bhscore::model::manifest::Manifest;
use bhscore::settings::Settings;
use bhscore::work::claims;
use bhscore::{Error, Result};

/// Reads a file of one format.
pub type Reader = fn(&Path) -> Result<()>;

/// Readers by the names of the fuzzer's targets.
pub const READERS: [(&str, Reader); 20] = [
    ("archive", archive),
    ("bdata", bdata),
    ("bdata_hdf5", bdata),
    ("brainio", |path| brainio::read(path).map(drop)),
    ("claim", claim),
    ("image", |path| image::read(path).map(drop)),
    ("manifest", manifest),
    ("mat_hdf5", mat_hdf5),
    ("mat_v5", mat_v5),
    ("mat_v73", mat_v73),
    ("npy", npy),
    ("onnx", onnx),
    ("onnx_engine", onnx_engine),
    ("record", record),
    ("results", results),
    ("select", select),
    ("settings", |path| Settings::read(path).map(drop)),
    ("table", |path| Table::read(path).map(drop)),
    ("tree", |path| tree::read(path).map(drop)),
    ("trials", |path| Trials::read(path).map(drop)),
];

fn archive(path: &Path) -> Result<()> {
    let into = tempfile::tempdir().unwrap();
    unpack(path, into.path(), &AtomicBool::new(false)).map(drop)
}

fn bdata(path: &Path) -> Result<()> {
    let table = BData::read(path)?;
    table.columns("ROI_V1 = 1").map(drop)
}

fn claim(path: &Path) -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("units")).unwrap();
    fs::copy(path, folder.path().join("units/a.g1")).unwrap();
    let holders = claims::holders(folder.path(), Duration::ZERO)?;
    match holders.as_slice() {
        // Garbage is a claim of somebody unknown.
        [holder] if holder.worker.is_empty() => Err(Error::data("claim", "is garbage", "")),
        _ => Ok(()),
    }
}

fn manifest(path: &Path) -> Result<()> {
    match Manifest::read(path).problems.first() {
        Some(problem) => Err(Error::file(path, problem, "")),
        None => Ok(()),
    }
}

/// By the reader of all layouts.
fn mat_hdf5(path: &Path) -> Result<()> {
    let source = Source::open(path)?;
    for described in source.variables()? {
        let name = &described.name;
        let numeric = source.read(name)?;
        assert_eq!(numeric.shape(), described.shape);
        let n: usize = numeric.shape().iter().product();
        assert_eq!(numeric.into_f64().values.len(), n);
        source.read_range(name, n / 2..n)?;
    }
    Ok(())
}

fn mat_v5(path: &Path) -> Result<()> {
    let bytes = fs::read(path).unwrap();
    for variable in mat_v5::variables(path, &bytes)? {
        mat_v5::read(path, &bytes, &variable.name)?;
    }
    mat_v5::read_all(path).map(drop)
}

/// By the reader of the common layouts, which leaves all that is odd to the other.
fn mat_v73(path: &Path) -> Result<()> {
    let input = Input::open(path)?;
    let left = || Error::file(path, "is left to the other reader", "");
    let described = hdf5_plain::describe(&input, "feat").ok_or_else(left)?;
    let numeric = hdf5_plain::read(&input, "feat").ok_or_else(left)?;
    assert_eq!(numeric.shape(), described.shape);
    let n: usize = numeric.shape().iter().product();
    assert_eq!(numeric.into_f64().values.len(), n);
    let (_, part) = hdf5_plain::read_range(&input, "feat", n / 2..n).ok_or_else(left)?;
    assert_eq!(part.len(), n - n / 2);
    Ok(())
}

fn npy(path: &Path) -> Result<()> {
    npy::read_f32(path)?;
    npy::read(path).map(drop)
}

fn onnx(path: &Path) -> Result<()> {
    let model = Model::read(path)?;
    let graph = model.graph();
    let first = graph.tensors().first().map(|tensor| tensor.name.clone());
    let _ = graph.near("a name that it does not have");
    graph.layout(path, None)?;
    for weights in [Weights::Shuffled(1), Weights::Random(1)] {
        model.clone().with_weights(weights)?;
    }
    model.with_outputs(&Vec::from_iter(first)).map(drop)
}

fn onnx_engine(path: &Path) -> Result<()> {
    let model = Model::read(path)?;
    let layout = model.graph().layout(path, None)?;
    let outputs = model.graph().outputs().to_vec();
    Rten::load(model, &layout.input, &outputs, 1).map(drop)
}

fn record(path: &Path) -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(path, folder.path().join(FILE_NAME)).unwrap();
    Record::read(folder.path()).map(drop)
}

fn results(path: &Path) -> Result<()> {
    let results = tempfile::tempdir().unwrap();
    fs::copy(path, results.path().join("a.json")).unwrap();
    folder::read(results.path())?
        .problems
        .pop()
        .map_or(Ok(()), Err)
}

/// The first line is the expression, the others are the keys.
fn select(path: &Path) -> Result<()> {
    let text = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines();
    let expression = Expression::parse(lines.next().unwrap_or_default())?;
    let keys: Vec<String> = lines.map(str::to_owned).collect();
    let values = ndarray::Array2::ones((keys.len(), 3));
    expression.columns(&keys, values.view()).map(drop)
}
