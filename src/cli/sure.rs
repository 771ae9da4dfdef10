//! `compute --sure`: how sure the decoding scores are.

use anyhow::Result;
use bhscore::bh::sure::decoded::Decoded;
use bhscore::bh::sure::{self, SureOptions};
use bhscore::bh::{ScoreOptions, accuracies};
use bhscore::report::results::Scored;
use bhscore::settings::{Network, Settings};

use super::{Global, speech};

/// Adds how sure they are to the scores of `networks`; everything random follows from `seed`.
pub fn measure(
    global: &Global,
    settings: &Settings,
    networks: &[&Network],
    options: &ScoreOptions,
    seed: u32,
    scored: &mut [Scored],
) -> Result<()> {
    let layout = global.layout();
    let resamples = SureOptions {
        seed,
        ..SureOptions::default()
    };
    if !global.quiet {
        speech::note(&format!("resampling from seed {}", resamples.seed));
    }
    for (network, scored) in networks.iter().zip(scored) {
        let Some(score) = &mut scored.scores.decoding else {
            continue;
        };
        let accuracies = accuracies::read_decoding(&layout, settings, network)?;
        let decoded = Decoded {
            layout: &layout,
            network,
            accuracies: &accuracies,
        };
        score.sure = Some(sure::measure(&decoded, score, options, &resamples)?);
    }
    Ok(())
}
