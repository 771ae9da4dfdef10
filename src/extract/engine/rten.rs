//! The engine that is built in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use rten::{ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::{AsView, Layout, Tensor};

use super::{Engine, not_floats, not_loaded, not_run};
use crate::error::{Error, Result};
use crate::extract::caught::caught;
use crate::extract::onnx::{Layout as ImageInput, Model};

/// Name and version in records and messages.
const NAME: &str = "rten 0.27";

/// A network loaded by `rten`.
///
/// Each call computes in one thread: an image per thread is faster than all threads on one image
/// (measured with AlexNet and ResNet-18), and an image's activations do not depend on the threads.
pub struct Rten {
    path: PathBuf,
    model: rten::Model,
    input: NodeId,
    outputs: Vec<(NodeId, String)>,
    /// One for each call at a time.
    pools: Mutex<Vec<Arc<ThreadPool>>>,
    workers: usize,
}

impl Rten {
    /// Loads a model that declares `tensors` as outputs.
    ///
    /// # Errors
    ///
    /// If it uses operators that `rten` does not have, or is damaged.
    pub fn load(model: Model, input: &str, tensors: &[String], workers: usize) -> Result<Rten> {
        Self::load_with(model, input, tensors, workers, true)
    }

    /// As [`load`](Self::load), but keeps every operation as it is: the optimiser stumbles when all tensors
    /// of a model are outputs.
    ///
    /// # Errors
    ///
    /// As `load`.
    pub fn load_plain(model: Model, input: &str, tensors: &[String]) -> Result<Rten> {
        Self::load_with(model, input, tensors, 1, false)
    }

    fn load_with(
        model: Model,
        input: &str,
        tensors: &[String],
        workers: usize,
        is_optimised: bool,
    ) -> Result<Rten> {
        let path = model.path().to_owned();
        let path = path.as_path();
        let (bytes, external) = model.spelt_out()?.into_parts();
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(is_optimised);
        for (name, data) in external {
            options.external_data(&name, data);
        }
        let loaded = caught(|| options.load(bytes).map_err(|error| error.to_string()))
            .flatten()
            .map_err(|reason| not_loaded(path, NAME, &reason))?;
        let node = |name: &str| {
            loaded
                .node_id(name)
                .map_err(|error| not_loaded(path, NAME, &error.to_string()))
        };
        let input = node(input)?;
        let outputs = tensors
            .iter()
            .map(|name| Ok((node(name)?, name.clone())))
            .collect::<Result<_>>()?;
        Ok(Rten {
            path: path.to_owned(),
            input,
            outputs,
            model: loaded,
            pools: Mutex::new(Vec::new()),
            workers,
        })
    }

    /// Shapes of the wanted tensors for one image, from a pass over grey ones; `None` for those that hold no
    /// floats, or no value per image.
    ///
    /// # Errors
    ///
    /// If the network cannot be computed.
    pub fn shapes(&self, layout: &ImageInput) -> Result<Vec<Option<Vec<usize>>>> {
        // Two images, where the model allows it, tell an axis of images from one of length 1.
        let n_images = layout.batch.unwrap_or(2);
        let values = self.values(ArrayD::zeros(layout.shape(n_images)).view())?;
        let shape = |value: &Value| match value {
            Value::FloatTensor(tensor) => match tensor.shape() {
                [n, rest @ ..] if *n == n_images => Some(rest.to_vec()),
                _ => None,
            },
            _ => None,
        };
        Ok(values.iter().map(shape).collect())
    }

    fn values(&self, images: ArrayViewD<'_, f32>) -> Result<Vec<Value>> {
        let values = images
            .to_shape(images.len())
            .expect("one axis holds them all");
        let input = Tensor::from_data(images.shape(), values.to_vec());
        let ids: Vec<NodeId> = self.outputs.iter().map(|(id, _)| *id).collect();
        let pool = self.pool();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        let run = || {
            let inputs = vec![(self.input, input.into())];
            let values = self.model.run(inputs, &ids, Some(options));
            values.map_err(|error| error.to_string())
        };
        // The model is only read; threads on which it gave up are not used again.
        let values = caught(run)
            .flatten()
            .map_err(|reason| not_run(&self.path, NAME, &reason))?;
        self.pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pool);
        Ok(values)
    }

    fn pool(&self) -> Arc<ThreadPool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools
            .pop()
            .unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)))
    }
}

impl Engine for Rten {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn run(&self, images: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>> {
        let named = self.values(images)?.into_iter().zip(&self.outputs);
        named
            .map(|(value, (_, name))| array(&self.path, name, value))
            .collect()
    }
}

fn array(path: &Path, name: &str, value: Value) -> Result<ArrayD<f32>> {
    let Value::FloatTensor(tensor) = value else {
        return Err(not_floats(path, name));
    };
    let shape = IxDyn(tensor.shape());
    ArrayD::from_shape_vec(shape, tensor.to_vec()).map_err(|error| {
        let problem = format!("`{name}` has not the values that its shape says ({error})");
        Error::file(path, problem, "export the network again")
    })
}
