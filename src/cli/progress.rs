//! One line per item and, on a terminal, a bar with the time left.

use std::collections::HashSet;
use std::time::Duration;

use bhscore::study::units::Reading;
use bhscore::work::stage::{Event, Outcome};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Global, speech};

/// Feature files between two messages: a message costs as much as reading a small file.
const FILES_PER_MESSAGE: usize = 50;

/// A bar of a style with `{bar}`; hidden where nobody looks.
pub fn bar(global: &Global, style: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if global.quiet || global.no_progress || !speech::is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(
        ProgressStyle::with_template(style)
            .expect("the template is a constant")
            .progress_chars("=> "),
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Shows how a stage advances.
pub struct Progress {
    bar: ProgressBar,
    quiet: bool,
    verbose: bool,
    /// Why items failed, as far as it was told: a file that many items need is told once.
    reasons: HashSet<String>,
}

impl Progress {
    /// A bar for `total` items of a stage; no bar where nobody looks.
    pub fn new(global: &Global, stage: &str, total: usize) -> Progress {
        let bar = bar(
            global,
            "{prefix} [{bar:30}] {pos}/{len} items, {eta} left  {msg}",
        );
        bar.set_length(total as u64);
        bar.set_prefix(stage.to_owned());
        Progress {
            bar,
            quiet: global.quiet || global.items_hidden,
            verbose: global.verbose,
            reasons: HashSet::new(),
        }
    }

    /// Shows how reading a layer's files goes.
    pub fn reading(&self) -> Reading {
        let bar = self.bar.clone();
        Reading::new(move |n_read, n_files| {
            if n_read % FILES_PER_MESSAGE == 0 || n_read == n_files {
                bar.set_message(format!("{n_read} of {n_files} feature files read"));
            }
        })
    }

    /// Takes note of what happened.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { item, .. } => self.bar.set_message(item.to_string()),
            Event::Waiting { held } => {
                self.bar
                    .set_message(format!("waiting for {held} items of other processes"));
            }
            Event::Finished {
                position,
                total,
                item,
                outcome,
            } => {
                let head = format!("[{position}/{total}] {} {item}", item.stage);
                match outcome {
                    Outcome::Computed { seconds, notes } => {
                        self.line(&format!("{head}: {seconds:.2} s"));
                        notes
                            .iter()
                            .for_each(|note| self.line(&format!("    note: {note}")));
                    }
                    Outcome::Done if self.verbose => self.line(&format!("{head}: done before")),
                    Outcome::Foreign if self.verbose => {
                        self.line(&format!("{head}: kept, written by another program"));
                    }
                    Outcome::Done | Outcome::Foreign => {}
                    Outcome::Failed(error) => {
                        if self.reasons.insert(error.to_string()) || self.verbose {
                            self.bar
                                .suspend(|| speech::note(&format!("{head}: failed: {error}")));
                        }
                    }
                }
                self.bar.inc(1);
            }
        }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| speech::note(text));
        }
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
