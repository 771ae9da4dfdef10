//! `compute --sure`: how high correlations and scores can be in the study.

use bhscore::ceilings::{self, Ceilings};
use bhscore::settings::Settings;
use bhscore::study::{Behaviour, Context};

use super::{Global, speech};

/// Ceilings of the study; the random halves of repetitions follow from `seed`.
pub fn measure(global: &Global, settings: &Settings, seed: u32) -> Ceilings {
    let context = Context {
        layout: global.layout(),
        settings: settings.clone(),
        behaviour: Behaviour::Corrected,
        memory: global.memory(),
        reading: Default::default(),
    };
    let say = |text: &str| {
        if !global.quiet {
            speech::note(text);
        }
    };
    ceilings::measure(&context, settings.score.p_value, seed, &say)
}
