//! Blocks of images: what a process claims at a time.

use super::job::Place;
use crate::error::Error;

/// Images of a block, about: a claim costs a few file operations, a forward pass of 32 images about a second.
const IMAGES: usize = 32;

/// Some neighbouring batches of the list of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Name among the claims.
    pub name: String,
    /// Batches: positions in the list of images.
    pub batches: Vec<Vec<usize>>,
}

impl Block {
    /// Positions of all images.
    pub fn images(&self) -> impl Iterator<Item = &usize> {
        self.batches.iter().flatten()
    }
}

/// The blocks of a shard. Two processes that were given the same images make the same blocks.
pub fn blocks(place: &Place, batch: usize) -> Vec<Block> {
    let all: Vec<usize> = (0..place.stimuli.len()).collect();
    let batches: Vec<Vec<usize>> = all.chunks(batch).map(<[usize]>::to_vec).collect();
    let batches = place.shard.part(batches);
    let blocks = batches.chunks((IMAGES / batch).max(1));
    let block = |batches: &[Vec<usize>]| {
        let first = batches.first().and_then(|batch| batch.first());
        let last = batches.last().and_then(|batch| batch.last());
        let ends = first
            .zip(last)
            .map(|(first, last)| format!("{first}-{last}"));
        Block {
            name: ends.unwrap_or_default(),
            batches: batches.to_vec(),
        }
    };
    blocks.map(block).collect()
}

/// The error of a block that ended too many processes.
pub fn given_up(block: &Block, place: &Place, attempts: u32) -> Error {
    let name = |image: Option<&usize>| image.map_or("", |&image| &place.stimuli[image].name);
    let (first, last) = (name(block.images().next()), name(block.images().last()));
    Error::data(
        format!("images `{first}` to `{last}`"),
        format!("ended {attempts} processes that worked on them, or they were killed meanwhile"),
        "look at these images and the memory, and run again when all processes have ended",
    )
}
