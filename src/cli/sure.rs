//! `compute --sure`: how sure the scores are.

use anyhow::Result;
use bhscore::bh::sure::decoded::Decoded;
use bhscore::bh::sure::encoded::Encoded;
use bhscore::bh::sure::{Sure, SureHalf, SureOptions, half};
use bhscore::bh::{EncodingOptions, ScoreOptions, accuracies};
use bhscore::report::NetworkScores;
use bhscore::report::results::Scored;
use bhscore::settings::{Network, Settings};

use super::{Global, speech};

/// What is measured: scores as they were taken, and the seed of everything random.
pub struct Measure<'a> {
    pub global: &'a Global,
    pub settings: &'a Settings,
    pub decoding: &'a ScoreOptions,
    pub encoding: &'a EncodingOptions,
    pub seed: u32,
}

impl Measure<'_> {
    /// Adds how sure they are to the scores of `networks`.
    pub fn add_to(&self, networks: &[&Network], scored: &mut [Scored]) -> Result<()> {
        let resamples = SureOptions {
            seed: self.seed,
            ..SureOptions::default()
        };
        if !self.global.quiet {
            speech::note(&format!("resampling from seed {}", resamples.seed));
        }
        for (network, scored) in networks.iter().zip(scored) {
            let scores = &mut scored.scores;
            let decoding = self.decoding_half(network, scores, &resamples)?;
            let encoding = self.encoding_half(network, scores, &resamples)?;
            scores.sure = Sure::new(&resamples, decoding, encoding, scores.average());
        }
        Ok(())
    }

    fn decoding_half(
        &self,
        network: &Network,
        scores: &NetworkScores,
        resamples: &SureOptions,
    ) -> Result<Option<SureHalf>> {
        let Some(score) = &scores.decoding else {
            return Ok(None);
        };
        let layout = self.global.layout();
        let accuracies = accuracies::read_decoding(&layout, self.settings, network)?;
        let decoded = Decoded {
            layout: &layout,
            network,
            accuracies: &accuracies,
        };
        let half = half::decoding(&decoded, &accuracies, score, self.decoding, resamples)?;
        Ok(Some(half))
    }

    fn encoding_half(
        &self,
        network: &Network,
        scores: &NetworkScores,
        resamples: &SureOptions,
    ) -> Result<Option<SureHalf>> {
        let layout = self.global.layout();
        let Some(score) = &scores.encoding else {
            return Ok(None);
        };
        let Some(accuracies) = accuracies::read_encoding(&layout, self.settings, network)? else {
            return Ok(None);
        };
        let limit = self.encoding.voxel_limit;
        let encoded = Encoded::open(&layout, self.settings, network, &accuracies, limit)?;
        let taken = encoded.accuracies();
        let half = half::encoding(&encoded, taken, score, self.encoding, resamples)?;
        Ok(Some(half))
    }
}
