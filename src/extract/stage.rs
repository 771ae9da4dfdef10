//! The stage `extract`: images without features → one forward pass each → `.mat` files.
//!
//! ```text
//! worker: image ──▶ pixels ──▶ input ──engine──▶ layers ──▶ files under temporary names ──┐
//! worker: …                                                                               ├──▶ published together
//! ```
//!
//! Images go in batches of the whole list, not of what is missing: an image's neighbours in a batch, and with
//! them the last bits of its features, are the same after an interruption and in every shard. A batch of which
//! one image is missing is computed whole, and that one is written.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use ndarray::{ArrayD, Axis, Slice};

use super::image;
use super::job::{Job, Place};
use super::onnx::Layout;
use super::preprocess;
use super::resident::Watched;
use super::stimuli::Stimulus;
use super::target::{Target, targets};
use super::units::{self, Kept};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::io::atomic::{self, Batch};

/// Files published together: a sync for each would take longer than the network.
const FILES_PER_SYNC: usize = 64;

/// Batches that may wait for the disk: their features are written already, only the sync is to come.
const BACKLOG: usize = 256;

/// Longest time that finished files wait for others.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What happened, told while the stage runs.
pub enum Event<'a> {
    /// So many images are to be computed.
    Planned(usize),
    /// So many of them are on disk.
    Published(usize),
    /// One could not be computed.
    Failed(&'a Stimulus, &'a Error),
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Summary {
    /// Images computed now.
    pub computed: usize,
    /// Images that had all features before.
    pub done: usize,
    /// Images that could not be computed, with the reason.
    pub failed: Vec<(String, String)>,
    /// The user asked to stop before the end.
    pub interrupted: bool,
    /// Layers left as another program wrote them.
    pub foreign: Vec<String>,
    /// What the user should know of images and layers.
    pub warnings: Vec<String>,
    /// Seconds of forward passes, summed over the workers.
    pub seconds_forward: f64,
    /// Shape and number of kept units of each layer, if anything was computed.
    pub kept: Vec<Option<Kept>>,
}

/// What the workers share.
struct Shared<'a> {
    job: &'a Job<'a>,
    place: &'a Place<'a>,
    targets: Vec<Target>,
    /// Batches with something missing: positions in the list of images.
    batches: Vec<Vec<usize>>,
    next: AtomicUsize,
    stop: &'a AtomicBool,
    /// Something failed that ends the run.
    broken: AtomicBool,
    forward: Mutex<Duration>,
    watch: Watch,
}

/// What a worker has done with one batch.
struct Done {
    files: Batch,
    computed: usize,
    failed: Vec<(usize, Error)>,
    remarks: Vec<(usize, String)>,
}

/// Computes the missing features of a split.
///
/// # Errors
///
/// What ends the whole run: a network that cannot be computed, features of another recipe in the way, or a
/// disk that cannot be written. A damaged image does not; it is in [`Summary::failed`].
pub fn run(
    job: &Job,
    place: &Place,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Event),
) -> Result<Summary> {
    let targets = targets(job, place)?;
    let batches: Vec<Vec<usize>> = (0..place.stimuli.len())
        .collect::<Vec<_>>()
        .chunks(job.batch)
        .map(<[usize]>::to_vec)
        .collect();
    let batches = place.shard.part(batches);
    let n_images: usize = batches.iter().map(Vec::len).sum();
    let is_missing = |&image: &usize| targets.iter().any(|target| target.lacks(image));
    let n_missing = batches
        .iter()
        .flatten()
        .filter(|image| is_missing(image))
        .count();
    let wanted: Vec<Vec<usize>> = batches
        .into_iter()
        .filter(|batch| batch.iter().any(&is_missing))
        .collect();
    let mut summary = Summary {
        done: n_images - n_missing,
        foreign: targets
            .iter()
            .filter(|target| target.is_foreign)
            .map(|target| target.layer.name.clone())
            .collect(),
        kept: vec![None; job.layers.len()],
        ..Summary::default()
    };
    observe(Event::Planned(n_missing));
    if wanted.is_empty() || place.dry_run {
        return Ok(summary);
    }
    targets.iter().try_for_each(Target::clear)?;
    let mut shared = Shared {
        job,
        place,
        watch: Watch::new(targets.len()),
        targets,
        batches: wanted,
        next: AtomicUsize::new(0),
        stop,
        broken: AtomicBool::new(false),
        forward: Mutex::new(Duration::ZERO),
    };
    let (first, n_workers) = shared.first()?;
    let mut published = Published {
        shared: &shared,
        summary: &mut summary,
        observe,
        waiting: Batch::new(),
        since: Instant::now(),
        computed: 0,
    };
    published.take(first)?;
    published.run(n_workers)?;
    summary.interrupted =
        stop.load(Ordering::Relaxed) && shared.next.load(Ordering::Relaxed) < shared.batches.len();
    summary
        .warnings
        .extend(shared.watch.warnings(&shared.targets));
    summary.seconds_forward = shared
        .forward
        .lock()
        .map_or(0.0, |forward| forward.as_secs_f64());
    for (slot, target) in summary.kept.iter_mut().zip(&shared.targets) {
        slot.clone_from(&target.kept);
    }
    for target in &shared.targets {
        atomic::remove_stale(&target.folder)?;
    }
    Ok(summary)
}

impl Shared<'_> {
    /// Computes the first batch alone: it tells the layers' shapes and how much memory a pass takes.
    ///
    /// Returns also how many workers the memory allows.
    fn first(&mut self) -> Result<(Done, usize)> {
        let watched = Watched::start();
        let position = self.next.fetch_add(1, Ordering::Relaxed);
        let (inputs, mut done) = self.inputs(&self.batches[position]);
        let outputs = self.forward(inputs)?;
        let job = self.job;
        // Turning and encoding an image's features takes some buffers more.
        let written = outputs
            .iter()
            .map(|output| 2 * output.len() * size_of::<f32>());
        let per_worker = watched.growth(&outputs) + written.max().unwrap_or(0) as u64;
        job.memory.require(
            job.model_bytes + per_worker,
            format!("network `{}`", job.model_file),
            "the model and one forward pass",
        )?;
        for (target, &at) in self.targets.iter_mut().zip(&job.outputs) {
            target.settle(outputs[at].shape(), job, self.place.stimuli)?;
        }
        self.write(&self.batches[position], &outputs, &mut done)?;
        let room = (job.memory.bytes - job.model_bytes) / per_worker.max(1);
        let n_workers = usize::try_from(room).unwrap_or(usize::MAX);
        Ok((done, n_workers.min(job.engine.workers()).max(1)))
    }

    /// Works through the batches until none is left or somebody says stop.
    fn work(&self, results: &SyncSender<Result<Done>>) {
        loop {
            if self.stop.load(Ordering::Relaxed) || self.broken.load(Ordering::Relaxed) {
                return;
            }
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = self.batches.get(position) else {
                return;
            };
            let result = self.batch(batch);
            if result.is_err() {
                self.broken.store(true, Ordering::Relaxed);
            }
            if results.send(result).is_err() {
                return;
            }
        }
    }

    fn batch(&self, batch: &[usize]) -> Result<Done> {
        let (inputs, mut done) = self.inputs(batch);
        if done.failed.len() < batch.len() {
            let outputs = self.forward(inputs)?;
            self.write(batch, &outputs, &mut done)?;
        }
        Ok(done)
    }

    /// The network's input, in which images that cannot be read are grey.
    fn inputs(&self, batch: &[usize]) -> (ArrayD<f32>, Done) {
        let Layout {
            height,
            width,
            colours_last,
            batch: fixed,
            ..
        } = self.job.input;
        let n_images = fixed.unwrap_or(batch.len());
        let mut done = Done {
            files: Batch::new(),
            computed: 0,
            failed: Vec::new(),
            remarks: Vec::new(),
        };
        let mut values = Vec::with_capacity(n_images * 3 * height * width);
        for &position in batch {
            match image::read(&self.place.stimuli[position].path) {
                Ok((pixels, remarks)) => {
                    let remarks = remarks.iter().map(|remark| (position, remark.to_string()));
                    done.remarks.extend(remarks);
                    values.extend(preprocess::tensor(
                        &pixels,
                        &self.job.preprocess,
                        self.job.degrees,
                        (height, width),
                    ));
                }
                Err(error) => {
                    done.failed.push((position, error));
                    values.extend(std::iter::repeat_n(0.0, 3 * height * width));
                }
            }
        }
        // A model of a fixed batch gets a full one.
        values.resize(n_images * 3 * height * width, 0.0);
        let images = ArrayD::from_shape_vec(vec![n_images, 3, height, width], values)
            .expect("as many values as the images have");
        let images = if colours_last {
            images.permuted_axes(vec![0, 2, 3, 1])
        } else {
            images
        };
        (images, done)
    }

    fn forward(&self, images: ArrayD<f32>) -> Result<Vec<ArrayD<f32>>> {
        let n_images = images.shape()[0];
        let start = Instant::now();
        let outputs = self.job.engine.run(images.view())?;
        if let Ok(mut forward) = self.forward.lock() {
            *forward += start.elapsed();
        }
        for (&at, layer) in self.job.outputs.iter().zip(&self.job.layers) {
            let output = &outputs[at];
            if output.shape().first() != Some(&n_images) || output.is_empty() {
                let problem = format!(
                    "gives the shape {:?} for {n_images} image{}",
                    output.shape(),
                    if n_images == 1 { "" } else { "s" }
                );
                let remedy = "choose a layer whose first axis is the images, with units";
                return Err(Error::data(
                    format!("layer `{}` (tensor `{}`)", layer.name, layer.tensor),
                    problem,
                    remedy,
                ));
            }
        }
        Ok(outputs)
    }

    /// Writes what is missing of a batch's images under temporary names.
    fn write(&self, batch: &[usize], outputs: &[ArrayD<f32>], done: &mut Done) -> Result<()> {
        let failed: HashSet<usize> = done.failed.iter().map(|&(position, _)| position).collect();
        for (row, &position) in batch.iter().enumerate() {
            if failed.contains(&position) {
                continue;
            }
            let name = &self.place.stimuli[position].name;
            let mut written = false;
            for (at, target) in self.targets.iter().enumerate() {
                if !target.lacks(position) {
                    continue;
                }
                let output = &outputs[self.job.outputs[at]];
                let one = output.slice_axis(Axis(0), Slice::from(row..row + 1));
                let values = target.of_image(one.remove_axis(Axis(0)));
                self.watch.see(at, name, &values);
                done.files.add(target.file(name), &units::encode(&values))?;
                written = true;
            }
            done.computed += usize::from(written);
        }
        Ok(())
    }
}

/// Publishes finished files and tells the user.
struct Published<'a, 'b> {
    shared: &'a Shared<'b>,
    summary: &'a mut Summary,
    observe: &'a mut dyn FnMut(Event),
    waiting: Batch,
    since: Instant,
    computed: usize,
}

impl Published<'_, '_> {
    fn run(&mut self, n_workers: usize) -> Result<()> {
        let shared = self.shared;
        thread::scope(|scope| {
            let (sender, results): (_, Receiver<Result<Done>>) = mpsc::sync_channel(BACKLOG);
            for _ in 0..n_workers {
                let sender = sender.clone();
                scope.spawn(move || shared.work(&sender));
            }
            drop(sender);
            let result = self.collect(&results);
            if result.is_err() {
                shared.broken.store(true, Ordering::Relaxed);
            }
            // Workers that wait to hand over a result see the channel close.
            drop(results);
            result
        })
    }

    fn collect(&mut self, results: &Receiver<Result<Done>>) -> Result<()> {
        let mut outcome = Ok(());
        for result in results {
            match result {
                Ok(done) => self.take(done)?,
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        // What was finished before an error is kept.
        self.publish()?;
        outcome
    }

    fn take(&mut self, done: Done) -> Result<()> {
        let name = |position: usize| &self.shared.place.stimuli[position];
        for (position, error) in done.failed {
            // An image that was there before is computed only for its neighbours in the batch.
            if self
                .shared
                .targets
                .iter()
                .any(|target| target.lacks(position))
            {
                (self.observe)(Event::Failed(name(position), &error));
                let failure = (name(position).name.clone(), error.to_string());
                self.summary.failed.push(failure);
            }
        }
        for (position, remark) in done.remarks {
            self.shared.watch.remark(&name(position).name, &remark);
        }
        self.computed += done.computed;
        self.waiting.append(done.files);
        if self.waiting.len() >= FILES_PER_SYNC || self.since.elapsed() > LONGEST_WAIT {
            self.publish()?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<()> {
        let files = std::mem::take(&mut self.waiting);
        if !files.is_empty() {
            files.commit()?;
        }
        self.since = Instant::now();
        self.summary.computed = self.computed;
        (self.observe)(Event::Published(self.computed));
        Ok(())
    }
}
