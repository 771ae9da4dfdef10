//! The loop: epochs of steps, a validation after each, files that it can go on from.
//!
//! | file | written |
//! |---|---|
//! | `latest_checkpoint.safetensors` | after every epoch, every few minutes, and when it is interrupted |
//! | `epoch_05.safetensors`, … | after every fifth epoch |
//! | `CORnet-S.safetensors` | after every epoch: the weights alone, by PyTorch's names |
//! | `CORnet-S.onnx` | after every epoch: the network for `extract` |
//! | `results.csv`, `results.json` | with every checkpoint |

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Network;
use super::batches::{Batch, Loading};
use super::checkpoint::{Course, Position, State, checkpoint, read, weights_only};
use super::folder::Folder;
use super::graph::onnx;
use super::progress::{Log, Part, Row};
use super::sgd::{Sgd, Velocity, rate};
use super::step::{self, Measure};
use super::weights::Weights;
use crate::error::{Error, Result};
use crate::io::atomic::{self, Batch as Files};

/// Name of the checkpoint that a training goes on from.
pub const LATEST: &str = "latest_checkpoint.safetensors";

/// Epochs between checkpoints that are kept.
const KEPT: usize = 5;

/// How to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is trained.
    pub network: Network,
    /// Epochs in all.
    pub epochs: usize,
    /// How images become batches.
    pub loading: Loading,
    /// Rate at the beginning.
    pub lr: f64,
    /// Epochs after which the rate falls to a tenth; may be fractional.
    pub step_size: f64,
    /// Momentum and weight decay.
    pub sgd: Sgd,
    /// Time between checkpoints within an epoch.
    pub save_every: Duration,
}

/// What happens, for those who watch.
#[derive(Debug)]
pub enum Event<'a> {
    /// It begins here, with so many steps an epoch.
    Begins {
        /// The checkpoint that it goes on from, if any.
        from: Option<&'a Path>,
        /// How far it is.
        position: Position,
        /// Steps of an epoch.
        n_batches: usize,
    },
    /// A step was made.
    Step(&'a Row),
    /// An epoch is over and its files are written.
    Epoch(&'a Log),
}

/// A training under way.
struct Training<'a> {
    folder: &'a Folder,
    output: &'a Path,
    options: &'a Options,
    course: Course,
    state: State,
    log: Log,
    saved: Instant,
    /// Steps of the network in the last checkpoint.
    saved_steps: u64,
    last_saved: Option<PathBuf>,
}

/// Trains until all epochs are over, from the checkpoint in `output` if there is one, otherwise from `restore`,
/// otherwise from the beginning.
///
/// # Errors
///
/// [`Error::Interrupted`] if `stop` was set: the step under way is finished and a checkpoint written. Otherwise if an
/// image cannot be read, a checkpoint is not of this training, a file cannot be written, or the loss is no number.
pub fn train(
    (folder, output): (&Folder, &Path),
    options: &Options,
    restore: Option<&Path>,
    stop: &AtomicBool,
    mut observe: impl FnMut(Event<'_>),
) -> Result<Log> {
    let mut training = Training::begin((folder, output), options, restore)?;
    observe(Event::Begins {
        from: training.last_saved.as_deref(),
        position: training.state.position,
        n_batches: options.loading.n_batches(&folder.training),
    });
    let first = training.state.position.epoch;
    for epoch in first..options.epochs {
        let ended = training.learn(epoch, stop, &mut observe);
        let ended = ended.and_then(|()| training.validate(epoch, stop));
        training.keep(ended)?;
        training.save(true)?;
        observe(Event::Epoch(&training.log));
    }
    if first >= options.epochs {
        training.refuse_beyond()?;
        // Nothing to learn, but the files may have been asked for.
        training.save(true)?;
        observe(Event::Epoch(&training.log));
    }
    Ok(training.log)
}

impl<'a> Training<'a> {
    fn begin(
        (folder, output): (&'a Folder, &'a Path),
        options: &'a Options,
        restore: Option<&Path>,
    ) -> Result<Training<'a>> {
        let course = Course {
            seed: options.loading.seed,
            batch_size: options.loading.batch_size,
            images: folder.digest(),
        };
        let latest = output.join(LATEST);
        let source = if latest.exists() {
            Some(latest.as_path())
        } else {
            restore
        };
        let state = match source {
            Some(path) => read(path, &options.network, &course)?,
            None => State {
                weights: Weights::new(&options.network, options.loading.seed),
                velocity: Velocity::new(),
                position: Position::default(),
            },
        };
        let Position { n_steps, epoch, .. } = state.position;
        Ok(Training {
            folder,
            output,
            options,
            course,
            log: Log::read(&output.join("results.csv"), n_steps, epoch)?,
            saved: Instant::now(),
            saved_steps: state.position.n_steps,
            state,
            last_saved: source.map(Path::to_owned),
        })
    }

    /// The rest of an epoch's steps.
    fn learn(
        &mut self,
        epoch: usize,
        stop: &AtomicBool,
        observe: &mut impl FnMut(Event<'_>),
    ) -> Result<()> {
        let (options, images) = (self.options, &self.folder.training);
        let n_batches = options.loading.n_batches(images);
        let first = self.state.position.batch;
        let take = |number: usize, batch: Batch| {
            let at = epoch as f64 + number as f64 / n_batches as f64;
            let row = self.step(at, &batch)?;
            self.state.position.batch = number + 1;
            observe(Event::Step(&row));
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if self.saved.elapsed() >= options.save_every {
                self.save(false)?;
            }
            Ok(true)
        };
        options.loading.training(images, (epoch, first), take)?;
        self.unless_stopped(stop)
    }

    /// Writes a checkpoint before an image that cannot be read ends the training: what was learnt is not lost.
    fn keep(&mut self, ended: Result<()>) -> Result<()> {
        let is_image = matches!(ended, Err(Error::File { .. } | Error::Io { .. }));
        if is_image && self.state.position.n_steps > self.saved_steps {
            self.save(false)?;
        }
        ended
    }

    /// Weights in the middle of an epoch are not those of the epochs before it, whose files stay as they are.
    fn refuse_beyond(&self) -> Result<()> {
        let Position { epoch, batch, .. } = self.state.position;
        if batch == 0 {
            return Ok(());
        }
        Err(Error::file(
            self.last_saved.as_deref().unwrap_or(self.output),
            format!("is beyond epoch {epoch}, in which {batch} steps were made"),
            format!(
                "give `--epochs {}` or more, or another `--output-path`",
                epoch + 1
            ),
        ))
    }

    fn step(&mut self, epoch: f64, batch: &Batch) -> Result<Row> {
        let (options, began) = (self.options, Instant::now());
        let lr = rate(options.lr, options.step_size, epoch);
        let learnt = (&mut self.state.weights, &mut self.state.velocity);
        let measure = step::train(&options.network, learnt, batch, (&options.sgd, lr));
        let n_steps = self.state.position.n_steps;
        if !measure.loss.is_finite() {
            return Err(self.diverged("loss"));
        }
        let row = Row {
            lr,
            seconds: began.elapsed().as_secs_f64(),
            ..Row::new(Part::Train, &measure, (epoch, n_steps))
        };
        self.state.position.n_steps += 1;
        self.log.rows.push(row);
        Ok(row)
    }

    /// How the epoch ended; closes it.
    fn validate(&mut self, epoch: usize, stop: &AtomicBool) -> Result<()> {
        let (options, began) = (self.options, Instant::now());
        let mut measure = Measure::default();
        let weights = &self.state.weights;
        let take = |_, batch: Batch| {
            measure = measure.and(step::validate(&options.network, weights, &batch));
            Ok(!stop.load(Ordering::Relaxed))
        };
        (options.loading).validation(&self.folder.validation, take)?;
        self.unless_stopped(stop)?;
        if !measure.loss.is_finite() {
            return Err(self.diverged("loss of the validation images"));
        }
        let at = ((epoch + 1) as f64, self.state.position.n_steps);
        // Of the epoch's last step.
        let n_batches = options.loading.n_batches(&self.folder.training);
        let last = epoch as f64 + (n_batches - 1) as f64 / n_batches as f64;
        self.log.rows.push(Row {
            lr: rate(options.lr, options.step_size, last),
            seconds: began.elapsed().as_secs_f64(),
            ..Row::new(Part::Validation, &measure, at)
        });
        self.state.position.epoch = epoch + 1;
        self.state.position.batch = 0;
        Ok(())
    }

    /// Writes a checkpoint and leaves if that was asked for.
    fn unless_stopped(&mut self, stop: &AtomicBool) -> Result<()> {
        if stop.load(Ordering::Relaxed) {
            self.save(false)?;
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Writes the checkpoint, and after an epoch the network.
    fn save(&mut self, is_epoch: bool) -> Result<()> {
        if !self.state.weights.are_finite() {
            return Err(self.diverged("network's weights"));
        }
        let (network, state) = (&self.options.network, &self.state);
        let content = checkpoint(network, &self.course, state);
        let mut files = Files::new();
        if is_epoch {
            let epoch = state.position.epoch;
            if epoch.is_multiple_of(KEPT) && epoch > 0 {
                let name = format!("epoch_{epoch:02}.safetensors");
                files.add(self.output.join(name), &content)?;
            }
            let of_network = |ending: &str| self.output.join(format!("{}.{ending}", network.kind));
            files.add(of_network("safetensors"), &weights_only(state))?;
            files.add(of_network("onnx"), &onnx(network, &state.weights))?;
        }
        files.add(self.output.join("results.csv"), &self.log.csv())?;
        let folder = self.folder;
        let n_images = (folder.training.files.len(), folder.validation.files.len());
        let json = self.log.json(self.options, &folder.classes, n_images);
        files.add(
            self.output.join("results.json"),
            format!("{json:#}\n").as_bytes(),
        )?;
        files.commit()?;
        // Last and by itself, so that at every moment there is one: rows of a table that are ahead of it are dropped
        // by the training that goes on, and the network of an epoch is written again.
        let latest = self.output.join(LATEST);
        atomic::write(&latest, &content)?;
        self.last_saved = Some(latest);
        self.saved = Instant::now();
        self.saved_steps = self.state.position.n_steps;
        Ok(())
    }

    fn diverged(&self, what: &str) -> Error {
        let kept = match &self.last_saved {
            Some(path) => format!("the last good checkpoint is `{}`", path.display()),
            None => "no checkpoint was written yet".to_owned(),
        };
        Error::data(
            format!("step {}", self.state.position.n_steps),
            format!("the {what} is no longer a number"),
            format!("lower the rate (`--lr`) and run again; {kept}"),
        )
    }
}
