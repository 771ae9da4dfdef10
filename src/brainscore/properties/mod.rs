//! Tuning properties: are they distributed over a model's "V1 neurons" as over a macaque's? (Marques, Schrimpf &
//! DiCarlo 2021; SPEC 2.13)
//!
//! ```text
//! gratings ─▶ a network (the caller's) ─▶ responses ─▶ units that see the stimulus ─▶ rates ─▶ properties
//! properties of units, a histogram of neurons ─▶ bootstrapped similarity ─▶ by the histogram's with itself
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`grating`] | a grating in a circular mask: its pixels |
//! | [`stimuli`] | the sets of gratings, generated, in the order that the rest counts on |
//! | [`receptive_field`] | where each unit sees, and which units see the stimulus |
//! | [`rate`] | from a unit's response to spikes per second |
//! | [`tuning`] | what a property is: formulas on one unit's tuning curve |
//! | [`spline`] | cubic interpolation, which some of those need |
//! | [`table`] | properties of all units from their rates to a set of gratings |
//! | [`property`] | the 22 properties of the registry and their bins |
//! | [`published`] | histograms that were published, for seven of them |
//! | [`own`] | neurons of the user's, from a file |
//! | [`histogram`] | how similar a distribution is to a histogram, and its ceiling |
//! | [`experiment`] | all of it, with a network that the caller runs |
//!
//! Angles are degrees at every interface, positions and radii degrees of visual angle, spatial frequencies cycles per
//! degree, rates spikes per second; `n_units` are those of the layer or of a selection, as stated.

pub mod experiment;
pub mod grating;
pub mod histogram;
pub mod own;
pub mod property;
pub mod published;
pub mod rate;
pub mod receptive_field;
pub mod spline;
pub mod stimuli;
pub mod table;
pub mod tuning;
