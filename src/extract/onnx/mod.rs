//! An ONNX file as data: its graph, its weights, and copies with other outputs or weights.
//!
//! | module | holds |
//! |---|---|
//! | `proto` | the messages that are looked at |
//! | `graph` | inputs, tensors in the order of computation, and which one a name means |
//! | `calls` | which operations belong to which call of a module |
//! | `layout` | the image input |
//! | `modules` | which module of the original network an operation belongs to |
//! | `outputs` | the same file with more tensors declared as outputs |
//! | `spelling` | the same network in the words that the built-in engine takes as the standard means them |
//! | `splice` | changes in the bytes of a model |
//! | [`mod@write`] | new files, node by node |
//! | `weights` | controls: weights shuffled or drawn anew |
//! | `origins` | which weights such a control can change |
//! | `wire` | whether every length in a file lies within its message |
//!
//! Computing is the engines' business; here the file is only read and rewritten in memory.

mod calls;
mod graph;
mod layout;
mod modules;
mod origins;
mod outputs;
mod proto;
mod spelling;
mod splice;
mod weights;
mod wire;
pub mod write;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use prost::Message;
use prost::bytes::Bytes;

pub use graph::{Graph, Input, Tensor};
pub use layout::Layout;
pub use weights::Weights;

use crate::error::{Error, Result};
use crate::io::{ordinary, record};

/// What to do about a file that is no model.
const REMEDY: &str = "export the network again, for instance with `scripts/export_onnx.py`";

/// A model file and the files that hold its weights, in memory.
#[derive(Debug, Clone)]
pub struct Model {
    path: PathBuf,
    bytes: Bytes,
    /// External weight files by the name that the model uses.
    external: BTreeMap<String, Bytes>,
    digest: String,
    graph: Graph,
}

impl Model {
    /// Reads a model and the weight files that it names.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, is no ONNX model, or a weight file is missing, too short, or outside the
    /// model's folder.
    pub fn read(path: &Path) -> Result<Model> {
        let bytes = Bytes::from(ordinary::read(path).map_err(Error::io("read", path))?);
        let message = decode(path, &bytes)?;
        let mut external = BTreeMap::new();
        for tensor in message.graph.iter().flat_map(|graph| &graph.initializers) {
            if tensor.data_location == proto::EXTERNAL {
                let place = Place::of(tensor, path)?;
                if !external.contains_key(&place.file) {
                    let data = read_external(path, &place.file)?;
                    external.insert(place.file.clone(), data);
                }
                place.check(external[&place.file].len(), path)?;
            }
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        for (name, data) in &external {
            hasher.update(name.as_bytes());
            hasher.update(data);
        }
        let graph = Graph::of(path, message)?;
        Ok(Model {
            path: path.to_owned(),
            bytes,
            external,
            digest: record::short(&hasher),
            graph,
        })
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the files beside it that hold its weights, relative to its folder.
    pub fn external_files(&self) -> impl Iterator<Item = &str> {
        self.external.keys().map(String::as_str)
    }

    /// Fingerprint of the model file and its weight files, as they were read.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Inputs, tensors and their names.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The bytes that an engine loads, and the external weight files by the name that the model uses.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
        let external = self.external.into_iter();
        let external = external.map(|(name, data)| (name, Vec::from(data)));
        (Vec::from(self.bytes), external.collect())
    }

    /// Bytes of model and weights.
    #[must_use]
    pub fn size(&self) -> u64 {
        let external: usize = self.external.values().map(Bytes::len).sum();
        (self.bytes.len() + external) as u64
    }
}

/// What zip archives begin with.
const ZIP: &[u8] = b"PK\x03\x04";

/// Parses the messages of a model file.
fn decode(path: &Path, bytes: &Bytes) -> Result<proto::Model> {
    if bytes.starts_with(ZIP) {
        let problem =
            "is a zip archive, as the files of PyTorch are (`.pt`, `.pth`), and no ONNX model";
        let remedy = "export the network as ONNX: `scripts/export_onnx.py`";
        return Err(Error::file(path, problem, remedy));
    }
    if !wire::is_sound(bytes, wire::Kind::Model) {
        let problem = "is not an ONNX model, or damaged (a length that leads out of its message)";
        return Err(Error::file(path, problem, REMEDY));
    }
    let message = proto::Model::decode(bytes.clone()).map_err(|error| {
        Error::file(
            path,
            format!("is not an ONNX model, or damaged ({error})"),
            REMEDY,
        )
    })?;
    if message.graph.is_none() {
        return Err(Error::file(path, "holds no ONNX graph", REMEDY));
    }
    Ok(message)
}

/// Where the data of an external tensor lie.
struct Place {
    tensor: String,
    file: String,
    offset: usize,
    /// `None`: to the end of the file.
    length: Option<usize>,
}

impl Place {
    fn of(tensor: &proto::Tensor, path: &Path) -> Result<Place> {
        let entry = |key: &str| {
            let found = tensor.external.iter().find(|entry| entry.key == key);
            found.map(|entry| entry.value.as_str())
        };
        let broken = |what: &str| {
            let problem = format!("says no usable {what} of the weights `{}`", tensor.name);
            Error::file(path, problem, REMEDY)
        };
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| broken(key)),
        };
        Ok(Place {
            tensor: tensor.name.clone(),
            file: entry("location")
                .ok_or_else(|| broken("location"))?
                .to_owned(),
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        })
    }

    /// Bytes of the file, of which there are `available`.
    fn range(&self, available: usize) -> Option<std::ops::Range<usize>> {
        let end = match self.length {
            None => available,
            Some(length) => self.offset.checked_add(length)?,
        };
        (self.offset <= end && end <= available).then_some(self.offset..end)
    }

    fn check(&self, available: usize, model: &Path) -> Result<()> {
        if self.range(available).is_some() {
            return Ok(());
        }
        let problem = format!(
            "has {available} bytes, too few for the weights `{}` of `{}`",
            self.tensor,
            model.display()
        );
        let remedy = "copy it again beside the model, whole, or export the network again";
        Err(Error::file(beside(model, &self.file), problem, remedy))
    }
}

/// A file in the model's folder.
fn beside(model: &Path, name: &str) -> PathBuf {
    model.with_file_name("").join(name)
}

fn read_external(model: &Path, name: &str) -> Result<Bytes> {
    // A model is data from elsewhere: it must not make us read what lies outside its folder.
    // One spelling only: each is read.
    let plain = name.strip_prefix("./").unwrap_or(name);
    let parts = || Path::new(plain).components();
    let inside = parts().all(|part| matches!(part, Component::Normal(_)));
    if !inside || parts().collect::<PathBuf>().as_os_str() != plain {
        let problem = format!("wants its weights from `{name}`, outside its folder");
        return Err(Error::file(model, problem, REMEDY));
    }
    let path = beside(model, name);
    match ordinary::read(&path) {
        Ok(data) => Ok(Bytes::from(data)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let problem = format!("keeps its weights in `{name}`, which is missing");
            let remedy = "copy that file beside it, or export the network into one file";
            Err(Error::file(model, problem, remedy))
        }
        Err(error) => Err(Error::io("read", path)(error)),
    }
}
