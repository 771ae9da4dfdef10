//! How many items of a plan are done, failed, missing, in work by whom, and how fast it goes.

use std::collections::{HashMap, HashSet};

use super::claims::Holder;
use super::item::{Item, Stage};
use super::layout::Layout;
use super::sources::Sources;
use super::stage::{Job, State};
use super::state::look_at_all;

/// Seconds over which the throughput is taken.
const WINDOW: f64 = 600.0;

/// Counts over the items of one stage and network.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// The stage.
    pub stage: Stage,
    /// Network folder.
    pub net: String,
    /// Recorded with the present settings and inputs.
    pub done: usize,
    /// Written by the original.
    pub foreign: usize,
    /// Not done, but claimed by a process that lives as far as one knows.
    pub running: usize,
    /// Recorded, but settings or inputs have changed.
    pub stale: usize,
    /// The last attempt failed.
    pub failed: Vec<(Item, String)>,
    /// Not there.
    pub missing: usize,
    /// When the items that are done were.
    pub finished: Vec<Finished>,
}

/// When an item was computed, by the clock of who did it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// Seconds since 1970 at the end.
    pub at: f64,
    /// How many it took.
    pub seconds: f64,
}

impl Counts {
    /// Whether nothing is left to do.
    pub fn is_complete(&self) -> bool {
        self.left() == 0 && self.failed.is_empty()
    }

    /// Whether no item was ever touched.
    pub fn is_untouched(&self) -> bool {
        self.done + self.foreign + self.running + self.stale + self.failed.len() == 0
    }

    /// Items that a run would compute, but for those that failed.
    pub fn left(&self) -> usize {
        self.running + self.stale + self.missing
    }
}

/// Looks at items, again and again if wished: what was seen done is not looked at twice.
#[derive(Debug)]
pub struct Survey<'a> {
    layout: &'a Layout,
    sources: Sources,
    running: HashSet<String>,
    done: HashMap<Item, Finished>,
}

impl<'a> Survey<'a> {
    /// Nothing seen so far.
    pub fn new(layout: &'a Layout) -> Survey<'a> {
        Survey {
            layout,
            sources: Sources::new(layout.clone()),
            running: HashSet::new(),
            done: HashMap::new(),
        }
    }

    /// Begins a new look: inputs may have changed since the last one, and these are at work now.
    pub fn look_anew(&mut self, holders: &[Holder]) {
        self.sources = Sources::new(self.layout.clone());
        let at_work = holders.iter().filter(|holder| !holder.life.is_over());
        self.running = at_work.map(|holder| holder.unit.clone()).collect();
    }

    /// Looks at every item of a stage and network.
    pub fn counts(&mut self, stage: Stage, net: &str, items: &[Item], job: &dyn Job) -> Counts {
        let mut counts = Counts {
            stage,
            net: net.to_owned(),
            done: 0,
            foreign: 0,
            running: 0,
            stale: 0,
            failed: Vec::new(),
            missing: 0,
            finished: Vec::new(),
        };
        let mut open = Vec::with_capacity(items.len());
        for item in items {
            match self.done.get(item) {
                Some(finished) => counts.finished.push(*finished),
                None => open.push(item.clone()),
            }
        }
        counts.done = counts.finished.len();
        let looks = look_at_all(&open, job, self.layout, &mut self.sources);
        for (item, look) in open.iter().zip(looks) {
            // Inputs that are not there leave the item undone, not unknown.
            let (state, record) = look.unwrap_or((State::Missing, None));
            match (state, record) {
                (State::Done, record) => {
                    counts.done += 1;
                    if let Some(record) = record {
                        let finished = Finished {
                            at: record.finished as f64,
                            seconds: record.seconds,
                        };
                        counts.finished.push(finished);
                        self.done.insert(item.clone(), finished);
                    }
                }
                (State::Foreign, _) => counts.foreign += 1,
                _ if !self.running.is_empty() && self.running.contains(&item.unit()) => {
                    counts.running += 1;
                }
                (State::Stale(_), _) => counts.stale += 1,
                (State::Failed(reason), _) => counts.failed.push((item.clone(), reason)),
                (State::Missing, _) => counts.missing += 1,
            }
        }
        counts
    }

    /// Whether an item was seen done by a run of ours.
    pub fn is_done(&self, item: &Item) -> bool {
        self.done.contains_key(item)
    }
}

/// How fast it goes, from what was finished lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Items that were finished in a minute; `None` if none was lately.
    pub items_per_minute: Option<f64>,
    /// Seconds that those which are left will take at that pace; `None` where that is not known.
    pub seconds_left: Option<f64>,
}

impl Pace {
    /// The pace over several networks of a stage at `now`, in seconds since 1970.
    ///
    /// Items of the last ten minutes count, or since the first of these was begun.
    pub fn of<'a>(counts: impl IntoIterator<Item = &'a Counts>, now: f64) -> Pace {
        let (mut n, mut left, mut begin) = (0_usize, 0, now);
        for counts in counts {
            left += counts.left();
            // Clocks of other machines may be ahead.
            let recent = counts.finished.iter().filter(|end| end.at > now - WINDOW);
            for finished in recent {
                n += 1;
                begin = begin.min(finished.at - finished.seconds);
            }
        }
        let seconds = (now - begin.max(now - WINDOW)).max(1.0);
        let per_second = (n > 0).then(|| n as f64 / seconds);
        Pace {
            items_per_minute: per_second.map(|pace| 60.0 * pace),
            seconds_left: match (left, per_second) {
                (0, _) => Some(0.0),
                (_, None) => None,
                (left, Some(pace)) => Some(left as f64 / pace),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(missing: usize, finished: &[(f64, f64)]) -> Counts {
        let finished = finished.iter();
        Counts {
            stage: Stage::DecodeTrain,
            net: "a/b".to_owned(),
            done: finished.len(),
            foreign: 0,
            running: 0,
            stale: 0,
            failed: Vec::new(),
            missing,
            finished: finished
                .map(|&(at, seconds)| Finished { at, seconds })
                .collect(),
        }
    }

    #[test]
    fn the_pace_is_that_of_the_last_ten_minutes_or_of_a_younger_run() {
        let now = 10_000.0;
        let young = counts(8, &[(9_940.0, 60.0), (9_990.0, 50.0), (5_000.0, 1.0)]);
        let pace = Pace::of([&young], now);
        assert_eq!(pace.items_per_minute, Some(1.0));
        assert_eq!(pace.seconds_left, Some(480.0));
        // What began before the ten minutes does not lengthen them.
        let old = counts(1, &[(9_401.0, 300.0), (9_990.0, 500.0)]);
        assert_eq!(Pace::of([&old], now).items_per_minute, Some(0.2));
        assert_eq!(Pace::of([&young, &old], now).items_per_minute, Some(0.4));
    }

    #[test]
    fn without_recent_items_nothing_is_known() {
        let pace = Pace::of([&counts(8, &[(1.0, 1.0)])], 10_000.0);
        assert_eq!((pace.items_per_minute, pace.seconds_left), (None, None));
        let complete = Pace::of([&counts(0, &[(1.0, 1.0)])], 10_000.0);
        assert_eq!(complete.seconds_left, Some(0.0));
        // The clock of who finished it may be ahead.
        let ahead = Pace::of([&counts(1, &[(10_900.0, 1.0)])], 10_000.0);
        assert_eq!(ahead.items_per_minute, Some(60.0));
    }
}
