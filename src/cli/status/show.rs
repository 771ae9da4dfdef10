//! What `status` has seen, as text and as JSON.

use std::fmt::Display;

use bhscore::extract::survey::Extracted;
use bhscore::report::table::WIDEST;
use bhscore::work::claims::{Holder, Life};
use bhscore::work::status::{Counts, Pace};
use bhscore::work::{Item, Stage};
use serde_json::{Value, json};

/// The stage whose items are images.
const EXTRACT: &str = "extract";

/// More holders are not listed for people.
const HOLDERS_LISTED: usize = 40;

/// One look at everything.
pub struct View {
    /// Images, by network.
    pub extracted: Vec<Extracted>,
    /// By network and stage.
    pub counts: Vec<Counts>,
    /// Who holds items that are not done.
    pub holders: Vec<Holder>,
    /// Attempts at an item after which it is given up.
    pub attempts: u32,
    /// Seconds since 1970.
    pub now: u64,
}

impl View {
    pub fn json(&self) -> Value {
        let images = self.extracted.iter().map(images_json);
        let items = self.counts.iter().map(|counts| self.row(counts));
        let stages: Vec<Value> = images.chain(items).collect();
        let progress: Vec<Value> = self
            .stages()
            .map(|(stage, counts)| {
                let pace = Pace::of(counts.iter().copied(), self.now as f64);
                json!({
                    "stage": stage.name(),
                    "left": counts.iter().map(|counts| counts.left()).sum::<usize>(),
                    "items_per_minute": pace.items_per_minute,
                    "seconds_left": pace.seconds_left,
                })
            })
            .collect();
        let holders: Vec<Value> = self.holders.iter().map(holder_json).collect();
        json!({ "stages": stages, "progress": progress, "holders": holders })
    }

    fn row(&self, counts: &Counts) -> Value {
        let failures: Vec<Value> = counts
            .failed
            .iter()
            .map(|(item, reason)| json!({ "item": item.to_string(), "reason": reason }))
            .collect();
        let pace = Pace::of([counts], self.now as f64);
        json!({
            "stage": counts.stage.name(),
            "net": counts.net,
            "done": counts.done + counts.foreign,
            "foreign": counts.foreign,
            "running": counts.running,
            "stale": counts.stale,
            "failed": counts.failed.len(),
            "missing": counts.missing,
            "items_per_minute": pace.items_per_minute,
            "seconds_left": pace.seconds_left,
            "failures": failures,
        })
    }

    pub fn failures_json(&self) -> Value {
        let failed = self.counts.iter().flat_map(|counts| &counts.failed);
        let failures: Vec<Value> = failed
            .map(|(item, reason)| {
                json!({ "stage": item.stage.name(), "item": item.to_string(), "reason": reason })
            })
            .collect();
        json!({ "failures": failures })
    }

    /// One line for each failed item.
    pub fn failures(&self) -> Vec<String> {
        let failed = self.counts.iter().flat_map(|counts| &counts.failed);
        failed
            .map(|(item, reason)| format!("failed: {} {item}: {reason}", item.stage))
            .collect()
    }

    pub fn text(&self) -> String {
        let mut lines = self.table();
        lines.extend(self.paces());
        let mut holders = self.holders.iter().filter_map(|holder| self.holder(holder));
        lines.extend(holders.by_ref().take(HOLDERS_LISTED));
        let more = holders.count();
        if more > 0 {
            lines.push(format!("and {more} more; `--json` lists all"));
        }
        lines.extend(self.failures());
        lines.join("\n")
    }

    fn table(&self) -> Vec<String> {
        let nets = self.extracted.iter().map(|images| &images.net);
        let names = nets.chain(self.counts.iter().map(|counts| &counts.net));
        let width = names
            .map(String::len)
            .max()
            .unwrap_or(0)
            .max("network".len())
            .min(WIDEST);
        let line = |net: &str, stage: &str, cells: [&dyn Display; 6]| {
            let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>7}")).collect();
            format!("{net:<width$}  {stage:<14} {}", cells.join(" "))
        };
        let heading: [&dyn Display; 6] = [
            &"done", &"foreign", &"running", &"stale", &"failed", &"missing",
        ];
        let mut lines = vec![line("network", "stage", heading)];
        lines.extend(self.extracted.iter().map(|images| {
            let cells: [&dyn Display; 6] =
                [&images.done, &0, &images.running, &0, &0, &images.missing];
            line(&images.net, EXTRACT, cells)
        }));
        lines.extend(self.counts.iter().map(|counts| {
            let n_failed = counts.failed.len();
            let cells: [&dyn Display; 6] = [
                &counts.done,
                &counts.foreign,
                &counts.running,
                &counts.stale,
                &n_failed,
                &counts.missing,
            ];
            line(&counts.net, counts.stage.name(), cells)
        }));
        lines
    }

    /// How long the stages will take at which something happened lately.
    fn paces(&self) -> impl Iterator<Item = String> {
        self.stages().filter_map(|(stage, counts)| {
            let left: usize = counts.iter().map(|counts| counts.left()).sum();
            let pace = Pace::of(counts, self.now as f64);
            let (per_minute, seconds) = (pace.items_per_minute?, pace.seconds_left?);
            let seconds = duration(seconds.ceil() as u64);
            (left > 0)
                .then(|| format!("{stage}: {left} left, {per_minute:.1} a minute, {seconds} to go"))
        })
    }

    /// Who holds an item since when; nothing about attempts that failed, which are told as failures.
    fn holder(&self, holder: &Holder) -> Option<String> {
        let what = match Item::of_unit(&holder.unit) {
            Some(item) => format!("{} {item}", item.stage),
            None => holder.unit.clone(),
        };
        let who = match holder.host.as_str() {
            "" => "somebody unknown".to_owned(),
            host => format!("{host}, process {}", holder.pid),
        };
        // Clocks of other machines may be ahead.
        let time = match holder.since {
            0 => String::new(),
            since => format!(", for {}", duration(self.now.saturating_sub(since))),
        };
        let end = match holder.life {
            Life::Alive => "",
            Life::Unknown => " (no heartbeat watched yet)",
            Life::Dead if holder.attempt >= self.attempts => {
                ": dead like all before, given up; `--retry-failed` forgets them"
            }
            Life::Dead => ": dead, will be taken over",
            Life::Failed => return None,
        };
        Some(format!("held: {what}: {who}{time}{end}"))
    }

    /// The counts of every stage that there are any of, over networks.
    fn stages(&self) -> impl Iterator<Item = (Stage, Vec<&Counts>)> {
        Stage::ALL.into_iter().filter_map(|stage| {
            let counts = self.counts.iter().filter(|counts| counts.stage == stage);
            let counts: Vec<&Counts> = counts.collect();
            (!counts.is_empty()).then_some((stage, counts))
        })
    }
}

fn images_json(images: &Extracted) -> Value {
    json!({
        "stage": EXTRACT,
        "net": images.net,
        "done": images.done,
        "foreign": 0,
        "running": images.running,
        "stale": 0,
        "failed": 0,
        "missing": images.missing,
        "items_per_minute": null,
        "seconds_left": null,
        "failures": [],
    })
}

fn holder_json(holder: &Holder) -> Value {
    let life = match holder.life {
        Life::Alive => "alive",
        Life::Unknown => "unknown",
        Life::Dead => "dead",
        Life::Failed => "failed",
    };
    json!({
        "unit": holder.unit,
        "worker": holder.worker,
        "host": holder.host,
        "pid": holder.pid,
        "since": holder.since,
        "attempt": holder.attempt,
        "life": life,
    })
}

/// A time for people, in its two largest units.
fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (minutes, hours, days) {
        (0, ..) => format!("{seconds} s"),
        (_, 0, _) => format!("{minutes} min"),
        (_, _, 0) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_units_that_fit() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
