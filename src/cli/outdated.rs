//! Whether the accuracies of a network are those that its stages would give now.
//!
//! A score of accuracies that were made with other settings, or from files that have changed since, is a number of
//! an earlier study under the settings of this one. What is no longer there (features that were deleted to make
//! room) makes nothing outdated, nor does what another program wrote, of which nothing is known.

use std::collections::BTreeMap;

use anyhow::Result;
use bhscore::io::record::Record;
use bhscore::settings::{Network, Precision};
use bhscore::study::{Behaviour, Context};
use bhscore::work::sources::Sources;
use bhscore::work::stage::{self, Job, State};
use bhscore::work::{Filter, Item, Stage, plan};
use serde_json::json;

use super::{speech, stages};

/// Results of a half that are not of today, and how its accuracies were made.
#[derive(Default)]
pub struct Outdated {
    /// Of the accuracies and the models behind them.
    n: usize,
    /// The first of them, what is wrong with it, and what to do.
    first: Option<(Item, String, String)>,
    /// Accuracies of ours that were made with `--compat`, and without.
    n_compat: [usize; 2],
}

/// What options of the command line made of an item, by its record; by default none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Made {
    /// `--compat`.
    compat: bool,
    /// In double precision.
    double: bool,
}

impl Outdated {
    /// Looks at the accuracies of a network and at the models behind them.
    ///
    /// - `predict`: the stage that writes the accuracies.
    /// - `sources`: files that were looked at, of [`sources`].
    pub fn find(
        context: &Context,
        network: &Network,
        predict: Stage,
        sources: &mut Sources,
    ) -> Result<Outdated> {
        let train = match predict {
            Stage::DecodeTrain | Stage::DecodePredict => Stage::DecodeTrain,
            Stage::EncodeTrain | Stage::EncodePredict => Stage::EncodeTrain,
        };
        let mut found = Outdated::default();
        let (mut accuracies, mut models) = (BTreeMap::new(), BTreeMap::new());
        for item in plan(&context.settings, network, predict, &Filter::default())? {
            if !is_there(context, &item) {
                continue;
            }
            let made = Made::of(context, &item)?;
            let model = Item {
                stage: train,
                ..item.clone()
            };
            if let Some(made) = made {
                found.n_compat[usize::from(!made.compat)] += 1;
                if is_there(context, &model) {
                    let made = Made::of(context, &model)?.unwrap_or_default();
                    models.entry(made).or_insert_with(Vec::new).push(model);
                }
            }
            let made = made.unwrap_or_default();
            accuracies.entry(made).or_insert_with(Vec::new).push(item);
        }
        for (stage, items) in [(train, models), (predict, accuracies)] {
            for (made, items) in items {
                let context = made.context(context);
                let job = stages::job(stage, &context);
                let states = stage::states(&items, job.as_ref(), &context.layout, sources);
                for (item, state) in items.into_iter().zip(states) {
                    let state = state?;
                    let failed = matches!(state, State::Failed(_));
                    if !(failed && stands(&context, &item, job.as_ref(), sources)?) {
                        found.add(item, state, made);
                    }
                }
            }
        }
        Ok(found)
    }

    fn add(&mut self, item: Item, state: State, made: Made) {
        let problem = match state {
            State::Done | State::Foreign | State::Stale(stage::INPUTS_MISSING) => return,
            State::Stale(change) => change,
            State::Failed(_) => "its last run failed (`bhscore status --failed`)",
            State::Missing => "it was interrupted while it was written",
        };
        self.n += 1;
        if self.first.is_none() {
            let remedy = made.remedy(&item);
            self.first = Some((item, problem.to_owned(), remedy));
        }
    }

    /// What a reader of the score should know.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some((item, problem, remedy)) = &self.first {
            remarks.push(format!(
                "{} results behind the score are not of the present settings and files, such as {} {item}: {problem}; \
                 {remedy}",
                self.n, item.stage
            ));
        }
        let [with, without] = self.n_compat;
        if with > 0 && without > 0 {
            remarks.push(format!(
                "{with} accuracies were made with `--compat` and {without} without"
            ));
        }
        remarks
    }

    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        self.n > 0
    }
}

/// Nothing looked at so far: one for all networks, which have files in common.
///
/// - `quiet`: not a word where looking takes long.
pub fn sources(context: &Context, quiet: bool) -> Sources {
    let sources = Sources::new(context.layout.clone());
    sources.telling((!quiet).then_some(tell_of_reading))
}

fn tell_of_reading() {
    speech::note(
        "files behind the accuracies have other times than when they were used: reading them to see whether they changed",
    );
}

fn is_there(context: &Context, item: &Item) -> bool {
    let marks = context.layout.foreign_marks(item);
    marks.iter().any(|mark| mark.exists())
}

/// Whether an item that failed is as good as its settings say: it failed for want of inputs that are no longer there.
fn stands(context: &Context, item: &Item, job: &dyn Job, sources: &mut Sources) -> Result<bool> {
    let record = Record::read_if_sound(&context.layout.record_folder(item))?;
    Ok(record.is_some_and(|record| {
        record.settings == job.settings(item)
            && sources
                .unchanged(&job.sources(item), &record.inputs)
                .is_err()
    }))
}

impl Made {
    /// `None` of what has no record.
    fn of(context: &Context, item: &Item) -> Result<Option<Made>> {
        let record = Record::read_if_sound(&context.layout.record_folder(item))?;
        Ok(record.map(|record| Made {
            compat: record.settings["compat"] == json!(true),
            double: record.settings["precision"] == json!(Precision::F64),
        }))
    }

    /// The context in which it was made, but for what settings say today.
    fn context(self, context: &Context) -> Context {
        let mut context = context.clone();
        if self.compat {
            context.behaviour = Behaviour::Compat;
        }
        if self.double {
            context.settings.decoding.precision = Precision::F64;
        }
        context
    }

    fn remedy(self, item: &Item) -> String {
        let net = &item.net;
        let compat = if self.compat { " --compat" } else { "" };
        match self.double {
            true => format!(
                "run `bhscore decode-train --net {net} --f64{compat}`, then `bhscore decode-predict --net {net}{compat}`"
            ),
            false => format!("run `bhscore run --net {net}{compat}`"),
        }
    }
}
