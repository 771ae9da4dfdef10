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
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use ndarray::{ArrayD, Axis, Slice};

use super::block::{Block, blocks, given_up};
use super::job::{Job, Place};
use super::published::{Done, Published};
use super::resident::Watched;
use super::stimuli::Stimulus;
use super::target::{Target, targets};
use super::units::{self, Kept};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::io::atomic::{self, Batch};
use crate::work::claims::{self, Claimed};

/// Time between two looks at blocks that others hold.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// By what part of a layer's largest value an image's values may differ with the images beside it: engines take other
/// kernels for other numbers of images, which makes 1e-6.
const BATCH_TOLERANCE: f32 = 1e-4;

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
    /// Images that other processes hold.
    pub held: usize,
    /// What the user should know of images and layers.
    pub warnings: Vec<String>,
    /// Seconds of forward passes, summed over the workers.
    pub seconds_forward: f64,
    /// Shape and number of kept units of each layer, if anything was computed.
    pub kept: Vec<Option<Kept>>,
}

/// What the workers share.
pub(super) struct Shared<'a> {
    job: &'a Job<'a>,
    pub place: &'a Place<'a>,
    pub targets: Vec<Target>,
    /// Blocks that are open in the present pass.
    blocks: Vec<Block>,
    next: AtomicUsize,
    /// Blocks that other processes hold.
    held: Mutex<Vec<Block>>,
    stop: &'a AtomicBool,
    /// Something failed that ends the run.
    pub broken: AtomicBool,
    forward: Mutex<Duration>,
    /// Layers whose values depend on the other images of a batch.
    batch_dependent: Vec<String>,
    pub watch: Watch,
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
    let is_missing = |&image: &usize| targets.iter().any(|target| target.lacks(image));
    let mut wanted = blocks(place, job.batch);
    let images = || wanted.iter().flat_map(Block::images);
    let n_images = images().count();
    let n_missing = images().filter(|image| is_missing(image)).count();
    for block in &mut wanted {
        block.batches.retain(|batch| batch.iter().any(is_missing));
    }
    wanted.retain(|block| !block.batches.is_empty());
    let mut summary = Summary {
        done: n_images - n_missing,
        foreign: targets
            .iter()
            .filter(|target| target.is_foreign)
            .map(|target| target.layer.name.clone())
            .collect(),
        kept: vec![None; job.network.layers.len()],
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
        blocks: wanted,
        next: AtomicUsize::new(0),
        held: Mutex::default(),
        stop,
        broken: AtomicBool::new(false),
        forward: Mutex::new(Duration::ZERO),
        batch_dependent: Vec::new(),
    };
    let n_workers = shared.probe()?;
    let mut computed = 0;
    loop {
        let n_open = shared.blocks.len();
        let published = Published::new(&shared, &mut summary, observe, computed);
        computed = published.run(n_workers)?;
        if stop.load(Ordering::Relaxed) {
            summary.interrupted = shared.next.load(Ordering::Relaxed) < n_open;
            break;
        }
        let held = shared.held.get_mut().map(std::mem::take);
        shared.blocks = held.unwrap_or_default();
        shared.next.store(0, Ordering::Relaxed);
        let is_new = shared.blocks.len() < n_open;
        if shared.blocks.is_empty() || (!place.wait && !is_new) {
            break;
        }
        if place.wait {
            thread::sleep(LOOK_AGAIN);
        }
    }
    if !summary.interrupted {
        let held = shared.blocks.iter().flat_map(Block::images);
        summary.held = held.filter(|&&image| shared.is_missing(image)).count();
    }
    summary
        .warnings
        .extend(shared.watch.warnings(&shared.targets));
    if let Some(first) = shared.batch_dependent.first() {
        summary.warnings.push(format!(
            "{} layers, such as `{first}`, depend on which images are in a batch, so that features of several batches cannot be \
             compared: export the network for evaluation, or give `--batch 1`",
            shared.batch_dependent.len()
        ));
    }
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
    /// Computes the first batch alone, to learn the layers' shapes and how much memory a pass takes; says in every
    /// layer's folder what is about to be written there.
    ///
    /// Returns how many workers the memory allows.
    fn probe(&mut self) -> Result<usize> {
        let watched = Watched::start();
        let (inputs, _) = self.inputs(&self.blocks[0].batches[0]);
        let outputs = self.forward(inputs)?;
        let job = self.job;
        // Turning and encoding an image's features takes some buffers more.
        let written = outputs
            .iter()
            .map(|output| 2 * output.len() * size_of::<f32>());
        let per_worker = watched.growth(&outputs) + written.max().unwrap_or(0) as u64;
        let n_workers = job.network.passes_at_once(per_worker, 0, job.memory)?;
        self.batch_dependent = self.depends_on_batch(&outputs);
        for (target, &at) in self.targets.iter_mut().zip(&job.network.outputs) {
            target.settle(outputs[at].shape(), job, self.place.stimuli)?;
        }
        Ok(n_workers)
    }

    /// Layers whose values for an image depend on the images beside it, as the first batch shows.
    ///
    /// - `outputs`: of the first batch.
    fn depends_on_batch(&self, outputs: &[ArrayD<f32>]) -> Vec<String> {
        let network = self.job.network;
        let batch = &self.blocks[0].batches[0];
        if network.input.batch.unwrap_or(batch.len()) < 2 {
            return Vec::new();
        }
        // An image that cannot be read is told where it is computed.
        let path = &self.place.stimuli[batch[0]].path;
        let Ok((input, _)) = network.read(path, self.job.degrees) else {
            return Vec::new();
        };
        // Among its like, or alone.
        let n_copies = network.input.batch.unwrap_or(1);
        let copies = network.batch(input.repeat(n_copies));
        // What takes no batch of another size says so where it is given one.
        let Ok(alone) = network.forward(copies) else {
            return Vec::new();
        };
        let differ = |a: f32, b: f32, largest: f32| match (a.is_nan(), b.is_nan()) {
            (false, false) => a != b && (a - b).abs() > BATCH_TOLERANCE * largest,
            (one, other) => one != other,
        };
        let differs = |&at: &usize| {
            let first = |outputs: &[ArrayD<f32>]| outputs[at].index_axis(Axis(0), 0).to_owned();
            let (one, other) = (first(outputs), first(&alone));
            let largest = one
                .iter()
                .fold(0_f32, |largest, value| largest.max(value.abs()));
            let mut pairs = one.iter().zip(&other);
            one.shape() != other.shape() || pairs.any(|(a, b)| differ(*a, *b, largest))
        };
        let layers = network.layers.iter().zip(&network.outputs);
        let differing = layers.filter(|(_, at)| differs(at));
        differing.map(|(layer, _)| layer.name.clone()).collect()
    }

    /// Works through the open blocks until none is left or somebody says stop.
    pub fn work(&self, results: &SyncSender<Result<Done>>) {
        loop {
            if self.is_over() {
                return;
            }
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = self.blocks.get(position) else {
                return;
            };
            if self.block(block, results).is_none() {
                return;
            }
        }
    }

    /// Claims and computes a block; `None` when nobody listens any more.
    fn block(&self, block: &Block, results: &SyncSender<Result<Done>>) -> Option<()> {
        let mut claim = match self.claim(block) {
            Ok(None) => None,
            Ok(Some(Claimed::Mine(claim))) => Some(claim),
            Ok(Some(Claimed::Committed)) => return Some(()),
            Ok(Some(Claimed::Held(_))) => {
                self.held.lock().ok()?.push(block.clone());
                return Some(());
            }
            Ok(Some(Claimed::GivenUp { attempts })) => {
                let error = given_up(block, self.place, attempts);
                return results.send(Err(error)).ok();
            }
            Err(error) => {
                self.broken.store(true, Ordering::Relaxed);
                return results.send(Err(error)).ok();
            }
        };
        for (at, batch) in block.batches.iter().enumerate() {
            // A claim that goes unfinished is released here.
            if self.is_over() {
                return None;
            }
            let mut result = self.batch(batch);
            match &mut result {
                Ok(done) if at + 1 == block.batches.len() => done.claim = claim.take(),
                Ok(_) => {}
                Err(_) => self.broken.store(true, Ordering::Relaxed),
            }
            results.send(result).ok()?;
        }
        Some(())
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.broken.load(Ordering::Relaxed)
    }

    fn claim(&self, block: &Block) -> Result<Option<Claimed>> {
        let Some(claims) = &self.place.claims else {
            return Ok(None);
        };
        let is_committed = || {
            for target in &self.targets {
                claims::refresh(&target.folder)?;
            }
            Ok(!block.images().any(|&image| self.is_missing(image)))
        };
        let unit = format!("{}/{}", claims.prefix, block.name);
        claims.worker.claim(&unit, &is_committed).map(Some)
    }

    /// Whether features of an image are to be written and not there yet.
    fn is_missing(&self, image: usize) -> bool {
        let name = &self.place.stimuli[image].name;
        let mut targets = self.targets.iter();
        targets.any(|target| target.lacks(image) && !target.file(name).exists())
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
        let network = self.job.network;
        let mut done = Done {
            files: Batch::new(),
            computed: 0,
            failed: Vec::new(),
            remarks: Vec::new(),
            claim: None,
        };
        let mut values = Vec::new();
        for &position in batch {
            match network.read(&self.place.stimuli[position].path, self.job.degrees) {
                Ok((input, remarks)) => {
                    let remarks = remarks.iter().map(|remark| (position, remark.to_string()));
                    done.remarks.extend(remarks);
                    values.extend(input);
                }
                Err(error) => {
                    done.failed.push((position, error));
                    values.extend(network.nothing());
                }
            }
        }
        (network.batch(values), done)
    }

    fn forward(&self, images: ArrayD<f32>) -> Result<Vec<ArrayD<f32>>> {
        let start = Instant::now();
        let outputs = self.job.network.forward(images);
        if let Ok(mut forward) = self.forward.lock() {
            *forward += start.elapsed();
        }
        outputs
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
                // Another process may have been here since the list was made.
                let is_shared = self.place.claims.is_some();
                if !target.lacks(position) || (is_shared && target.file(name).exists()) {
                    continue;
                }
                let output = &outputs[self.job.network.outputs[at]];
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
