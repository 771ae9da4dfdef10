//! `compute --sure`: how high correlations and scores can be in the study.

use bhscore::ceilings::{self, Ceilings};
use bhscore::settings::Settings;

use super::{Global, speech, stages};

/// Ceilings of the study; the random halves of repetitions follow from `seed`.
pub fn measure(global: &Global, settings: &Settings, seed: u32) -> Ceilings {
    let context = stages::corrected(global, settings);
    let say = |text: &str| {
        if !global.quiet {
            speech::note(text);
        }
    };
    ceilings::measure(&context, settings.score.p_value, seed, &say)
}
