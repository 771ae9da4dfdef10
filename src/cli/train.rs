//! `train`: CORnet on a folder of images, in builds with the cargo feature `train`.
#![cfg_attr(
    not(feature = "train"),
    allow(dead_code, reason = "the options are read by builds with training")
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Options of `train`.
#[derive(Args)]
#[command(after_help = "\
Toy scale: this runs on processors, in builds made with `cargo build --release --features train`.
Training on all of ImageNet is for the original code on GPUs; scripts/export_cornet.py brings its
weights here.

DIR/train/<class>/<image> is learnt, DIR/val_in_folders/<class>/<image> (or DIR/val/…) is validated
with after every epoch. The same command goes on where it was interrupted, to the same result.
Options may be spelt with underscores.

Examples:
  bhscore train --model Z --data-path images --output-path cornet_z --lr 0.01 --epochs 25 \\
      --batch-size 32
  bhscore train --model S --data-path images --output-path cornet_s --imsize 64 --step-size 20
  bhscore extract --model cornet_s/CORnet-S.onnx --images stimuli --out features --layers IT.output")]
pub struct TrainArgs {
    /// Which of the four networks
    #[arg(long, value_name = "Z|R|RT|S", value_parser = ["Z", "R", "RT", "S"], hide_possible_values = true,
        ignore_case = true)]
    model: String,
    /// Folder with train/ and val_in_folders/ (or val/), each with a folder of images per class
    #[arg(long, alias = "data_path", value_name = "DIR")]
    data_path: PathBuf,
    /// Folder for checkpoints, the network, results.csv, results.json and loss.svg
    #[arg(short, long, alias = "output_path", value_name = "DIR")]
    output_path: PathBuf,
    /// Steps of R (2 at least) and RT (4 at least) [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    times: Option<u16>,
    /// Epochs in all
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: usize,
    /// Images of a step
    #[arg(long, alias = "batch_size", value_name = "N", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Rate at the beginning
    #[arg(long, value_name = "RATE", default_value_t = 0.1, value_parser = positive)]
    lr: f64,
    /// Epochs, perhaps fractional, after which the rate falls to a tenth
    #[arg(long, alias = "step_size", value_name = "EPOCHS", default_value_t = 10.0, value_parser = positive)]
    step_size: f64,
    /// Share of the last step's direction that is kept
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = not_negative)]
    momentum: f64,
    /// Share of each weight that is added to its gradient
    #[arg(long, alias = "weight_decay", value_name = "SHARE", default_value_t = 1e-4, value_parser = not_negative)]
    weight_decay: f64,
    /// Threads that decode images ahead
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Checkpoint to go on from, or weights (.safetensors) to begin with; a checkpoint in --output-path comes first
    #[arg(long, alias = "restore_path", value_name = "FILE")]
    restore_path: Option<PathBuf>,
    /// Seed of first weights, order and crops
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Height and width of the images in pixels
    #[arg(long, value_name = "N", default_value_t = 224, value_parser = clap::value_parser!(u16).range(32..))]
    imsize: u16,
    /// Minutes between checkpoints within an epoch
    #[arg(long, value_name = "MINUTES", default_value = "10", value_parser = minutes)]
    save_minutes: Duration,
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if f64::is_finite(value) && value >= 0.0 => Ok(value),
        _ => Err("takes a number of 0 or more".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match not_negative(text) {
        Ok(value) if value > 0.0 => Ok(value),
        _ => Err("takes a number above 0".to_owned()),
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    const MINUTE: f64 = 60.0;
    let seconds = positive(text)? * MINUTE;
    Duration::try_from_secs_f64(seconds).map_err(|_| "is too long a time".to_owned())
}

#[cfg(not(feature = "train"))]
pub fn run(_: &super::Global, _: &TrainArgs) -> anyhow::Result<super::Outcome> {
    anyhow::bail!(
        "this program was built without `train`; build it with `cargo build --release --features train`"
    )
}

#[cfg(feature = "train")]
pub use with_feature::run;

#[cfg(feature = "train")]
mod with_feature {
    use std::path::Path;

    use anyhow::Result;
    use bhscore::cornet::batches::Loading;
    use bhscore::cornet::folder::Folder;
    use bhscore::cornet::progress::{Log, Part};
    use bhscore::cornet::sgd::Sgd;
    use bhscore::cornet::trainer::{Event, LATEST, Options, train};
    use bhscore::cornet::{Kind, Network, TIMES};
    use bhscore::io::atomic::Batch;
    use bhscore::report::figure::loss_curve;
    use indicatif::ProgressBar;

    use super::super::{Global, Outcome, progress, speech, stop_flag};
    use super::TrainArgs;

    pub fn run(global: &Global, args: &TrainArgs) -> Result<Outcome> {
        let folder = Folder::read(&args.data_path)?;
        let options = options(args, folder.classes.len())?;
        if !global.quiet {
            notes(args, &options.network);
        }
        let bar = progress::bar(
            global,
            "{prefix} [{bar:30}] {pos}/{len} steps, {eta} left  {msg}",
        );
        bar.set_prefix(options.network.kind.to_string());
        let watch = Watch {
            bar,
            quiet: global.quiet,
            output: &args.output_path,
            options: &options,
        };
        let mut failed = None;
        let stop = stop_flag()?;
        let place = (&folder, args.output_path.as_path());
        let log = train(
            place,
            &options,
            args.restore_path.as_deref(),
            &stop,
            |event| {
                if let Err(error) = watch.observe(&event) {
                    failed.get_or_insert(error);
                }
            },
        );
        watch.bar.finish_and_clear();
        let log = log?;
        failed.map_or(Ok(()), Err)?;
        if global.json {
            let n_images = (folder.training.files.len(), folder.validation.files.len());
            let json = log.json(&options, &folder.classes, n_images);
            speech::print(&json.to_string())?;
        } else if let Some(row) = log.of(Part::Validation).last() {
            speech::print(&format!(
                "{}: loss {:.4}, top-1 {:.4}, top-5 {:.4} after {} epochs",
                options.network.kind, row.loss, row.top1, row.top5, row.epoch
            ))?;
        }
        Ok(Outcome::Complete)
    }

    fn options(args: &TrainArgs, n_classes: usize) -> Result<Options> {
        let kind: Kind = args.model.parse().map_err(anyhow::Error::msg)?;
        let recurs = matches!(kind, Kind::R | Kind::RT);
        let times = if recurs {
            args.times.map_or(TIMES, usize::from)
        } else {
            1
        };
        let fewest = kind.fewest_times();
        if times < fewest {
            anyhow::bail!(
                "in fewer than {fewest} steps no image reaches IT of {kind}; give `--times {fewest}` or more"
            );
        }
        let imsize = args.imsize.into();
        Ok(Options {
            network: Network {
                kind,
                times,
                n_classes,
                imsize,
            },
            epochs: args.epochs,
            loading: Loading {
                batch_size: args.batch_size as usize,
                imsize,
                workers: args.workers.into(),
                seed: args.seed,
            },
            lr: args.lr,
            step_size: args.step_size,
            sgd: Sgd {
                momentum: args.momentum,
                weight_decay: args.weight_decay,
            },
            save_every: args.save_minutes,
        })
    }

    fn notes(args: &TrainArgs, network: &Network) {
        match (network.kind, args.times.map(usize::from)) {
            (Kind::RT, Some(times)) if times != TIMES => speech::note(&format!(
                "note: RT takes {times} steps; the original gives `--times` to R only, its RT always takes {TIMES}"
            )),
            (Kind::Z | Kind::S, Some(_)) => {
                speech::note("note: `--times` is for R and RT; Z and S have steps of their own");
            }
            _ => {}
        }
        if args.restore_path.is_some() && args.output_path.join(LATEST).exists() {
            speech::note(&format!(
                "note: going on from {LATEST} in the output folder, not from `--restore-path`; give another \
                 `--output-path` to begin from that"
            ));
        }
    }

    /// Shows how training goes, and draws it.
    struct Watch<'a> {
        bar: ProgressBar,
        quiet: bool,
        output: &'a Path,
        options: &'a Options,
    }

    impl Watch<'_> {
        fn observe(&self, event: &Event<'_>) -> Result<()> {
            match event {
                Event::Begins {
                    from,
                    position,
                    n_batches,
                } => {
                    self.bar
                        .set_length((self.options.epochs * n_batches) as u64);
                    self.bar
                        .set_position((position.epoch * n_batches + position.batch) as u64);
                    self.bar.reset_eta();
                    if let Some(path) = from {
                        let (epoch, step) = (position.epoch, position.n_steps);
                        self.line(&format!(
                            "going on from `{}`: epoch {epoch}, step {step}",
                            path.display()
                        ));
                    }
                }
                Event::Step(row) => {
                    self.bar.inc(1);
                    self.bar.set_message(format!("loss {:.3}", row.loss));
                }
                Event::Epoch(log) => {
                    if let Some(row) = log.of(Part::Validation).last() {
                        self.line(&format!(
                            "epoch {}: validation loss {:.4}, top-1 {:.4}, top-5 {:.4}, rate {}",
                            row.epoch, row.loss, row.top1, row.top5, row.lr
                        ));
                    }
                    self.draw(log)?;
                }
            }
            Ok(())
        }

        fn draw(&self, log: &Log) -> Result<()> {
            let points = |part| log.of(part).map(|row| (row.epoch, row.loss)).collect();
            let (steps, validations): (Vec<_>, Vec<_>) =
                (points(Part::Train), points(Part::Validation));
            let title = self.options.network.kind.to_string();
            let drawing = loss_curve(&steps, &validations, &title);
            let mut files = Batch::new();
            files.add(self.output.join("loss.svg"), drawing.svg().as_bytes())?;
            files.add(self.output.join("loss.png"), &drawing.png())?;
            Ok(files.commit()?)
        }

        fn line(&self, text: &str) {
            if !self.quiet {
                self.bar.suspend(|| speech::note(text));
            }
        }
    }
}
