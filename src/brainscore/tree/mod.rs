//! The benchmark tree: leaves are benchmarks, inner nodes means of what is below them.
//!
//! | file | holds |
//! |---|---|
//! | [`node`] | the tree as written: identifiers and the leaves' scores |
//! | [`read`](mod@read) | its JSON |
//! | [`mean`] | scores of inner nodes, and how many benchmarks they rest on |
//! | [`rank`] | places among other models, best and median |
//! | [`display`] | scores as the leaderboard prints them |
//! | [`json`](mod@json) | the evaluated tree as JSON, which can be read again |
//! | [`template`] | a tree without scores, filled with those of a model |
//!
//! # How a parent's score is made
//!
//! ```text
//! score(parent) = Σ over its children of (their score; 0 for one without) / number of its children
//! ```
//!
//! with leaves clamped to 0…1 (those of engineering benchmarks are not). Every child weighs the same, so a leaf's
//! weight depends on its siblings, and a benchmark that was never run pulls its parents down: coverage says how
//! many there are. A parent of children without any score has none; one of whose children some failed and none has
//! a number failed, too. After Schrimpf et al., *Brain-Score* (2018), and the averages on its site.

pub mod display;
pub mod json;
pub mod mean;
pub mod node;
pub mod rank;
pub mod read;
pub mod template;

pub use mean::{Missing, Scored, evaluate};
pub use node::{Node, Score};
pub use rank::{Field, Policy, Rank, only_in_one};
pub use read::read;

#[cfg(test)]
mod tests;
