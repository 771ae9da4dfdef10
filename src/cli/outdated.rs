//! Whether the accuracies of a network are those that its stages would give now.
//!
//! A score of accuracies that were made with other settings, or from files that have changed since, is a number of
//! an earlier study under the settings of this one. What is no longer there (features that were deleted to make
//! room) makes nothing outdated.

use std::collections::BTreeMap;

use anyhow::Result;
use bhscore::io::record::Record;
use bhscore::settings::{Network, Precision};
use bhscore::study::{Behaviour, Context};
use bhscore::work::sources::Sources;
use bhscore::work::stage::{self, Job, State};
use bhscore::work::{Filter, Item, Stage, plan};
use serde_json::json;

use super::stages;

/// Items of a half that are not of today, and how its accuracies were made.
#[derive(Default)]
pub struct Outdated {
    /// Of the accuracies and models that are there.
    n: usize,
    /// The first of them, and what is wrong with it.
    first: Option<(Item, String)>,
    /// Accuracies that were made with `--compat`, and without.
    n_compat: [usize; 2],
}

impl Outdated {
    /// Looks at the accuracies of a network and at the models behind them.
    ///
    /// - `predict`: the stage that writes the accuracies.
    pub fn find(context: &Context, network: &Network, predict: Stage) -> Result<Outdated> {
        let train = match predict {
            Stage::DecodeTrain | Stage::DecodePredict => Stage::DecodeTrain,
            Stage::EncodeTrain | Stage::EncodePredict => Stage::EncodeTrain,
        };
        let mut found = Outdated::default();
        let mut sources = Sources::new(context.layout.clone());
        for stage in [train, predict] {
            let items = plan(&context.settings, network, stage, &Filter::default())?;
            let mut made: BTreeMap<(bool, bool), Vec<Item>> = BTreeMap::new();
            for item in items {
                let marks = context.layout.foreign_marks(&item);
                if marks.iter().any(|mark| mark.exists()) {
                    let how = how_made(context, &item)?;
                    if stage == predict {
                        found.n_compat[usize::from(!how.0)] += 1;
                    }
                    made.entry(how).or_default().push(item);
                }
            }
            for (how, items) in made {
                let job = stages::job(stage, &as_made(context, how));
                let states = stage::states(&items, job.as_ref(), &context.layout, &mut sources);
                for (item, state) in items.into_iter().zip(states) {
                    let state = state?;
                    let failed = matches!(state, State::Failed(_));
                    if !(failed && stands(context, &item, job.as_ref(), &mut sources)?) {
                        found.add(item, state);
                    }
                }
            }
        }
        Ok(found)
    }

    fn add(&mut self, item: Item, state: State) {
        let problem = match state {
            State::Done | State::Foreign | State::Stale(stage::INPUTS_MISSING) => return,
            State::Stale(change) => change.to_owned(),
            State::Failed(reason) => reason,
            State::Missing => "interrupted while it was written".to_owned(),
        };
        self.n += 1;
        self.first.get_or_insert((item, problem));
    }

    /// What a reader of the score should know.
    pub fn remarks(&self, network: &Network) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some((item, problem)) = &self.first {
            remarks.push(format!(
                "{} results behind the score are not of the present settings and files, such as {} {item}: {problem}; run \
                 `bhscore run --net {}`",
                self.n, item.stage, network.dir
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

/// What options of the command line made of an item, by its record: `--compat`, double precision.
fn how_made(context: &Context, item: &Item) -> Result<(bool, bool)> {
    let record = Record::read_if_sound(&context.layout.record_folder(item))?;
    let Some(record) = record else {
        return Ok((false, false));
    };
    let is_double = record.settings["precision"] == json!(Precision::F64);
    Ok((record.settings["compat"] == json!(true), is_double))
}

fn as_made(context: &Context, (compat, is_double): (bool, bool)) -> Context {
    let mut context = context.clone();
    if compat {
        context.behaviour = Behaviour::Compat;
    }
    if is_double {
        context.settings.decoding.precision = Precision::F64;
    }
    context
}
