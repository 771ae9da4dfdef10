//! What is to be done, where it lives, and the loop that all stages share.
//!
//! | file | holds |
//! |---|---|
//! | [`item`] | a work item: stage, network, layer, subject, ROI |
//! | [`mod@plan`] | settings and filters → the ordered list of items |
//! | [`layout`] | item → path; the only file that contains path fragments |
//! | [`leftovers`] | files of an earlier run beside those of an artifact |
//! | [`shard`] | `--shard i/n`, a partition of the plan |
//! | [`sources`] | the inputs of an item and their fingerprints |
//! | [`claims`] | who works on what, where machines share the study |
//! | [`stage`] | skip what is done, compute, publish, record |
//! | [`status`] | how many items are done, failed, missing, in work, and how fast it goes |
//! | [`trained`] | whether a model is what would be trained now |

pub mod claims;
mod failure;
pub mod item;
pub mod layout;
pub mod leftovers;
pub mod plan;
mod progress;
mod publish;
pub mod shard;
pub mod sources;
pub mod stage;
mod state;
pub mod status;
pub mod trained;

pub use failure::forget as forget_failure;
pub use item::{Item, Stage};
pub use layout::Layout;
pub use plan::{Filter, plan};
pub use shard::Shard;
