//! Images on their way to the network: which in what order, decoded ahead by threads of their own.

use std::sync::mpsc::sync_channel;
use std::thread;

use rayon::prelude::*;

use super::crop::random_crop;
use super::folder::Images;
use crate::error::{Error, Result};
use crate::extract::image;
use crate::extract::preprocess::{read, tensor};
use crate::settings::preprocess::{Filter, Preprocess};
use crate::stats::random::Random;

/// Batches that may wait for the network.
const AHEAD: usize = 2;

/// Sides of a validation image before and after the centre crop, in the original.
const SIDES: (usize, usize) = (256, 224);

/// Images as the network takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Values, `(n_images, 3, imsize, imsize)` in row-major order.
    pub images: Vec<f32>,
    /// Class of each, `(n_images,)`.
    pub labels: Vec<usize>,
}

/// How images become batches.
#[derive(Debug, Clone, Copy)]
pub struct Loading {
    /// Images of a batch; the last of an epoch may have fewer.
    pub batch_size: usize,
    /// Height and width that the network takes.
    pub imsize: usize,
    /// Threads that decode.
    pub workers: usize,
    /// Of order and crops.
    pub seed: u64,
}

impl Loading {
    /// Batches of so many images.
    #[must_use]
    pub fn n_batches(&self, images: &Images) -> usize {
        images.files.len().div_ceil(self.batch_size)
    }

    /// Hands the batches of an epoch from number `first` on to `take`, in order, until it says stop (`false`).
    ///
    /// Images come in an order of the epoch's own, each as a random crop of its own.
    ///
    /// # Errors
    ///
    /// If an image cannot be read, or as `take`.
    pub fn training(
        &self,
        images: &Images,
        (epoch, first): (usize, usize),
        take: impl FnMut(usize, Batch) -> Result<bool>,
    ) -> Result<()> {
        let mut order: Vec<usize> = (0..images.files.len()).collect();
        Random::stream(self.seed, &format!("order of epoch {epoch}")).shuffle(&mut order);
        let preprocess = Preprocess {
            resize: Filter::Bilinear,
            ..Preprocess::pytorch()
        };
        let load = |index: usize| {
            let (path, label) = &images.files[index];
            let (pixels, _) = image::read(path)?;
            let stream = format!("crop of image {index} in epoch {epoch}");
            let pixels = random_crop(
                &pixels,
                self.imsize,
                &mut Random::stream(self.seed, &stream),
            );
            let size = (self.imsize, self.imsize);
            Ok((tensor(&pixels, &preprocess, None, size), *label))
        };
        self.batches(&order, first, load, take)
    }

    /// Hands all images to `take`, each resized and its centre cut out.
    ///
    /// # Errors
    ///
    /// As [`training`](Self::training).
    pub fn validation(
        &self,
        images: &Images,
        take: impl FnMut(usize, Batch) -> Result<bool>,
    ) -> Result<()> {
        let order: Vec<usize> = (0..images.files.len()).collect();
        let preprocess = Preprocess {
            resize: Filter::Bilinear,
            shorter_side: Some(shorter_side(self.imsize)),
            ..Preprocess::pytorch()
        };
        let load = |index: usize| {
            let (path, label) = &images.files[index];
            let size = (self.imsize, self.imsize);
            let (input, _) = read(path, &preprocess, None, size)?;
            Ok((input, *label))
        };
        self.batches(&order, 0, load, take)
    }

    fn batches(
        &self,
        order: &[usize],
        first: usize,
        load: impl Fn(usize) -> Result<(Vec<f32>, usize)> + Send + Sync,
        mut take: impl FnMut(usize, Batch) -> Result<bool>,
    ) -> Result<()> {
        let workers = rayon::ThreadPoolBuilder::new()
            .num_threads(self.workers)
            .build()
            .map_err(|error| {
                let remedy = "ask for fewer of them (`--workers`)";
                Error::data("workers", format!("cannot be started ({error})"), remedy)
            })?;
        let batches = order.chunks(self.batch_size).enumerate().skip(first);
        let (sender, receiver) = sync_channel(AHEAD);
        thread::scope(|scope| {
            scope.spawn(move || {
                for (number, part) in batches {
                    let loaded: Vec<Result<_>> =
                        workers.install(|| part.par_iter().map(|&index| load(index)).collect());
                    // The first of several bad images is the one that is named.
                    let loaded: Result<Vec<_>> = loaded.into_iter().collect();
                    let is_last = loaded.is_err();
                    // Nobody listens any more after a stop.
                    if sender.send((number, loaded)).is_err() || is_last {
                        return;
                    }
                }
            });
            for (number, loaded) in receiver {
                if !take(number, Batch::of(loaded?))? {
                    break;
                }
            }
            Ok(())
        })
    }
}

impl Batch {
    fn of(images: Vec<(Vec<f32>, usize)>) -> Batch {
        let labels = images.iter().map(|&(_, label)| label).collect();
        let images = images.into_iter().flat_map(|(image, _)| image).collect();
        Batch { images, labels }
    }
}

/// The shorter side to which validation images are resized: 256 for 224, others in proportion.
fn shorter_side(imsize: usize) -> usize {
    (imsize * SIDES.0).div_ceil(SIDES.1)
}
