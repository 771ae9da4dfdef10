//! The program from outside: arguments in, files, text and exit status out.
//!
//! | file | asks |
//! |---|---|
//! | [`golden`] | does it give the original's numbers? |
//! | [`ridge`] | does `ridge` give FastL2LiR's numbers? |
//! | [`odd`] | are odd data computed with what is left? |
//! | [`extremes`] | do units of measure not matter, and are few samples and copies computed? |
//! | [`ceilings`] | is told how high scores can be? |
//! | [`encode`] | does encoding give the numbers of the original, in any order and any way? |
//! | [`extract`] | are features the activations of the layers, in any order and after any interruption? |
//! | [`extract_refusals`] | are bad models, names and settings told, with the remedy? |
//! | [`damage`] | do damaged files fail their own items only, with a remedy? |
//! | [`escape`] | do names and links that lead out of the study leave what is beside it alone? |
//! | [`compat`] | does `--compat` keep the original's defects? |
//! | [`quirks`] | what else does the original do that is odd, and what is done here? |
//! | [`foreign`] | are the original's decoders used, and left alone? |
//! | [`interrupted`] | is a run that was killed or stopped finished by the next one? |
//! | [`stale`] | is computed again what has changed, and nothing else? |
//! | [`options`] | threads, memory, shards, filters, `--force`, `--dry-run` |
//! | [`score`] | are scores those of the library, kept, and of committed layers? |
//! | [`score_refusals`] | are wrong recordings, regions and results refused, with nothing old left? |
//! | [`behaviour`] | are models scored against people's choices as by NumPy, and kept? |
//! | [`behaviour_refusals`] | are wrong tables and options of behaviour refused, with nothing left? |
//! | [`object_time`] | are times at which images are solved those of NumPy, models without time told? |
//! | [`readout`] | does a layer learn the objects of images, and is what it learned kept and used? |
//! | [`select`] | does `compute --select` correct the textbook rule and nothing else? |
//! | [`slurm`] | are the scripts of `slurm` right, and are a job's cores, memory and place taken? |
//! | [`status`] | who works on what, how fast; failures listed and forgotten; watching |
//! | [`storage`] | read-only folders, full disks, unreadable records |
//! | [`settings`] | are they drafted, printed, described, and refused with all their problems? |
//! | [`usage`] | help, exit status, the shapes of JSON, closed pipes |
//! | [`examples`] | does the help of every command have examples that parse? |
//! | [`refusals`] | is bad input of every command named, with exit status 2? |
//! | [`terminal`] | are there colours on terminals only, and not with `NO_COLOR`? |
//! | [`relate`] | are two tables related as SciPy does, mistakes told? |
//! | [`train`] | does a build without training say how to get it? |
//! | [`tree`] | is the model page's tree averaged, counted, ranked as printed? |
//! | [`report`] | is the site whole, its numbers those of the results, other folders kept? |
//! | [`browser`] | does a browser sort, fold and show its pages without asking for anything? |
//! | [`check`] | does each defect of a model have its finding, and nothing else one? |
//! | [`pack`] | is an archive whole, the same every time, and safe? |
//! | [`properties`] | is tuning that of the filters, compared with neurons, absent where it is absent? |
//! | [`manifest`] | is a manifest scored on a benchmark file as its features would be? |
//! | [`inspect`] | does it say what is in every kind of file? |
//! | [`demo`] | does the demo end with the scores it was made for? |
//!
//! [`env`] holds the study in a temporary folder on which the program is run, [`edit`] changes its
//! input, [`items`] names its work; [`results`] writes results that were never computed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests may"
)]

mod behaviour;
mod behaviour_refusals;
mod browser;
mod ceilings;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod compat;
mod damage;
mod demo;
mod edit;
mod encode;
mod encoding;
mod env;
mod escape;
mod examples;
mod extract;
mod extract_refusals;
mod extremes;
mod foreign;
mod golden;
mod inspect;
mod interrupted;
mod items;
mod manifest;
mod object_time;
mod odd;
mod odd_models;
mod options;
mod outdated;
mod pack;
mod properties;
mod quirks;
mod readout;
mod refusals;
mod relate;
mod report;
mod results;
mod ridge;
mod score;
mod score_refusals;
mod score_warnings;
mod select;
mod settings;
mod slurm;
mod stale;
mod status;
mod storage;
mod terminal;
mod train;
mod tree;
mod usage;
