//! ONNX Runtime, as a shared library that is loaded when the program runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::ort::environment::Environment;
use ::ort::session::Session;
use ::ort::value::TensorRef;
use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::{Engine, not_floats, not_loaded, not_run};
use crate::error::{Error, Result};
use crate::extract::onnx::Model;

/// Name in messages.
const NAME: &str = "ONNX Runtime";

/// The library where no path is given: wherever the system finds it.
const LIBRARY: &str = "libonnxruntime.so";

/// A network loaded by ONNX Runtime.
pub struct Ort {
    path: PathBuf,
    tensors: Vec<String>,
    input: String,
    session: Mutex<Session>,
}

impl Ort {
    /// Loads the library, and a model that declares `tensors` as outputs.
    ///
    /// - `library`: path of `libonnxruntime.so`; `None` for the system's.
    /// - `threads`: of one forward pass.
    ///
    /// # Errors
    ///
    /// If the library is not there, or the model cannot be loaded.
    pub fn load(
        library: Option<&Path>,
        model: Model,
        input: &str,
        tensors: &[String],
        threads: usize,
    ) -> Result<Ort> {
        let path = model.path().to_owned();
        let session = session(environment(library)?, model, threads)?;
        Ok(Ort {
            path,
            tensors: tensors.to_vec(),
            input: input.to_owned(),
            session: Mutex::new(session),
        })
    }
}

/// The one environment that a process may have.
fn environment(library: Option<&Path>) -> Result<&'static Environment> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let path = library.unwrap_or(Path::new(LIBRARY));
    let broken = |reason: String| {
        let problem = format!("cannot be used as {NAME} ({reason})");
        let remedy = "give the path of libonnxruntime.so (`--ort-lib`): the releases of ONNX Runtime and \
                      Python's package `onnxruntime` (folder `capi`) hold one";
        Error::file(path, problem, remedy)
    };
    let builder = ::ort::init_from(path).map_err(|error| broken(error.to_string()))?;
    let made = builder
        .with_telemetry(false)
        .build()
        .map_err(|error| broken(error.to_string()))?;
    Ok(ENVIRONMENT.get_or_init(|| made))
}

fn session(environment: &Environment, model: Model, threads: usize) -> Result<Session> {
    fn failed<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Error {
        move |error| not_loaded(path, NAME, &error.to_string())
    }
    let path = model.path().to_owned();
    let path = path.as_path();
    let (bytes, external) = model.into_parts();
    let mut builder = Session::builder(environment)
        .map_err(failed(path))?
        .with_intra_threads(threads)
        .map_err(failed(path))?;
    for (name, data) in external {
        builder = builder
            .with_external_initializer_file_in_memory(name, Arc::from(data))
            .map_err(failed(path))?;
    }
    builder.commit_from_memory(&bytes).map_err(failed(path))
}

impl Engine for Ort {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    /// A forward pass uses all threads; meanwhile the other worker reads images and writes features.
    fn workers(&self) -> usize {
        2
    }

    fn run(&self, images: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>> {
        let failed = |error: ::ort::Error| not_run(&self.path, NAME, &error.to_string());
        let standard = images.as_standard_layout();
        let input = TensorRef::from_array_view(standard.view()).map_err(failed)?;
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = ::ort::inputs![self.input.as_str() => input];
        let outputs = session.run(inputs).map_err(failed)?;
        self.tensors
            .iter()
            .map(|name| {
                let value = outputs
                    .get(name.as_str())
                    .ok_or_else(|| not_floats(&self.path, name))?;
                let (shape, values) = value
                    .try_extract_tensor::<f32>()
                    .map_err(|_| not_floats(&self.path, name))?;
                let shape: Vec<usize> = shape.iter().map(|&length| length as usize).collect();
                Ok(ArrayD::from_shape_vec(IxDyn(&shape), values.to_vec())
                    .expect("as many values as the shape says"))
            })
            .collect()
    }
}
