//! How sure one half of the score is: all measures together, for either rule.

use ndarray::{Array2, Array3, Axis};
use serde::Serialize;

use super::SureOptions;
use super::image_shuffle::{ImageShuffle, Orders};
use super::images::Replicates;
use super::interval::Interval;
use super::jackknife::Jackknife;
use super::margin::Margin;
use super::null::Null;
use super::soft::Soft;
use super::source::{self, Source};
use super::statistic::Statistic;
use super::subjects::Subjects;
use super::subsets::LevelSubsets;
use super::{balanced, layer_order, unit_bootstrap};
use crate::bh::votes::{self, Votes};
use crate::bh::{
    DecodingAccuracies, DecodingScore, EncodingAccuracies, EncodingOptions, EncodingSampling,
    EncodingScore, Pool, RuleScore, Rules, ScoreOptions, Selector,
};
use crate::error::{Error, Result};
use crate::work::Stage;

/// Items times subsets of levels times resamples that are visited at most: some minutes (measured: 1e8 a
/// second on two cores). 15,000 voxels and the subsets of five of 15 layers are within it. Where a score is of all layers
/// there is one subset.
const MAX_VISITS: u64 = 15_000_000_000;

/// More subsets than this are not resampled: their count tables would not fit.
const MAX_SUBSETS: usize = 1000;

/// How sure one half of the score is.
#[derive(Clone, Debug, PartialEq)]
pub struct SureHalf {
    /// Names of the test images in the predictions; `None` without these.
    pub images: Option<Vec<String>>,
    /// How many of them the jackknife leaves out each time.
    pub n_deleted: Option<usize>,
    /// What was measured.
    pub rules: SurePair,
    /// Why something is missing.
    pub notes: Vec<String>,
}

/// The same for either rule; `None` where the score is undefined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurePair {
    /// By the original's significance test.
    pub published: Option<SureRule>,
    /// By the textbook's.
    pub textbook: Option<SureRule>,
}

/// How sure the score by one rule is. What groups and items are, [`crate::bh`] says for either half.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SureRule {
    /// Null over orders of the groups: layers in the decoding half, ROIs in the encoding half.
    pub layer_order: Option<Null>,
    /// Null over orders of the test images; `None` without predictions.
    pub image_shuffle: Option<ImageShuffle>,
    /// Standard error over test images; `None` without predictions or where a resample has no score.
    pub jackknife: Option<Interval>,
    /// Each subject, and all but each.
    pub subjects: Subjects,
    /// Standard error over draws of the items; `None` where a draw has no score.
    pub unit_bootstrap: Option<Interval>,
    /// The soft score of all layers at once.
    pub soft: Soft,
    /// The score with every group weighing the same.
    pub balanced: Option<f64>,
    /// By how much the best level is the best.
    pub margin: Margin,
    /// Scores of the jackknife's resamples, in its order; `None` without predictions.
    #[serde(skip)]
    pub replicates: Option<Vec<Option<f64>>>,
}

/// How sure `score`, of `accuracies` by `options`, is.
///
/// - `source`: the decoded and true features behind `accuracies`, by layer.
///
/// # Errors
/// If decoded or test features cannot be read or do not belong to the accuracies. Where there are none, what
/// needs them is `None`, with a note.
pub fn decoding(
    source: &impl Source,
    accuracies: &DecodingAccuracies,
    score: &DecodingScore,
    options: &ScoreOptions,
    settings: &SureOptions,
) -> Result<SureHalf> {
    let pool = Pool::decoding(accuracies)?;
    Half {
        stage: Stage::DecodePredict,
        source,
        subsets: LevelSubsets::all(pool.levels),
        pool: &pool,
        rules: Rules::new(options.p_value, accuracies.n_test).corrected(options.correction, &pool),
        settings,
    }
    .measure([&score.pooled.published, &score.pooled.textbook], |score| {
        Statistic::of_score(score, options)
    })
}

/// How sure `score`, of `accuracies` by `options`, is.
///
/// - `source`: the encoded and measured fMRI behind `accuracies`, by ROI.
/// - `accuracies`: of the voxels that the score took ([`EncodingAccuracies::limited`]).
///
/// # Errors
/// If encoded fMRI cannot be read or does not belong to the accuracies. Where there is none, or no measured
/// fMRI, what needs them is `None`, with a note; so are resamples where the score is the mean over more
/// subsets of layers than can be resampled.
pub fn encoding(
    source: &impl Source,
    accuracies: &EncodingAccuracies,
    score: &EncodingScore,
    options: &EncodingOptions,
    settings: &SureOptions,
) -> Result<SureHalf> {
    let pool = Pool::encoding(accuracies)?;
    let subsets = match options.sampling {
        EncodingSampling::All => LevelSubsets::all(pool.levels),
        EncodingSampling::Exact => LevelSubsets::exact(pool.levels, options.n_layers),
    };
    let statistic = Statistic::mean_of(subsets.n_subsets());
    Half {
        stage: Stage::EncodePredict,
        source,
        subsets,
        pool: &pool,
        rules: Rules::new(options.p_value, accuracies.n_test).corrected(options.correction, &pool),
        settings,
    }
    .measure([&score.pooled.published, &score.pooled.textbook], |_| {
        statistic
    })
}

/// What a half is measured from.
struct Half<'a, S> {
    stage: Stage,
    source: &'a S,
    pool: &'a Pool<'a>,
    subsets: LevelSubsets,
    rules: Rules,
    settings: &'a SureOptions,
}

/// The passes over the test images, with their count tables.
struct Images {
    names: Vec<String>,
    orders: Orders,
    shuffled: Replicates,
    /// `None` where there are too few images.
    kept: Option<(Jackknife, Replicates)>,
}

/// What both rules are measured from.
struct Data<'a> {
    /// Of every subject, stacked.
    votes: &'a [Votes],
    /// `None` without predictions.
    images: Option<&'a Images>,
    /// Whether items can be drawn.
    resample: bool,
}

/// One rule: what of the results belongs to it.
struct Named {
    rule: Selector,
    table: fn(&Votes) -> Option<&Array2<u64>>,
    tables: fn(&Replicates) -> Option<&Array3<u64>>,
}

impl<S: Source> Half<'_, S> {
    /// All measures of the scores by either rule, published first.
    fn measure(
        &self,
        scores: [&RuleScore; 2],
        statistic: impl Fn(&RuleScore) -> Statistic,
    ) -> Result<SureHalf> {
        let mut notes = Vec::new();
        let too_many = self.too_many_subsets();
        let images = match (&too_many, self.source.missing()) {
            (Some(_), _) => None,
            (None, Some(path)) => {
                notes.push(format!(
                    "`{path}` is not there: nothing is known about other test images"
                ));
                None
            }
            (None, None) => Some(self.resample_images()?),
        };
        let votes = self.subsets.votes(self.pool, &self.rules);
        let data = Data {
            votes: &votes,
            images: images.as_ref(),
            resample: too_many.is_none(),
        };
        notes.extend(too_many);
        let take =
            |named: Named, score: &RuleScore| self.rule(&named, score, statistic(score), &data);
        let published = Named {
            rule: self.rules.published.clone(),
            table: |votes| Some(&votes.published),
            tables: |replicates| Some(&replicates.published),
        };
        let textbook = self.rules.textbook.clone().map(|rule| Named {
            rule,
            table: |votes| votes.textbook.as_ref(),
            tables: |replicates| replicates.textbook.as_ref(),
        });
        let rules = SurePair {
            published: take(published, scores[0]),
            textbook: textbook.and_then(|named| take(named, scores[1])),
        };
        let jackknife = images.as_ref().and_then(|images| images.kept.as_ref());
        Ok(SureHalf {
            n_deleted: jackknife.map(|(jackknife, _)| jackknife.n_deleted),
            images: images.map(|images| images.names),
            rules,
            notes,
        })
    }

    fn rule(
        &self,
        named: &Named,
        score: &RuleScore,
        statistic: Statistic,
        data: &Data<'_>,
    ) -> Option<SureRule> {
        let value = *score.score.as_ref().ok()?;
        let total = votes::sum(data.votes);
        let table = (named.table)(&total)?;
        let SureOptions { seed, n_orders, .. } = *self.settings;
        let kept = data.images.and_then(|images| images.kept.as_ref());
        let replicates = kept.and_then(|(_, replicates)| {
            let tables = (named.tables)(replicates)?;
            Some(statistic.values(tables.view()))
        });
        Some(SureRule {
            layer_order: layer_order::null(table.view(), &statistic, n_orders, seed),
            image_shuffle: (data.images)
                .and_then(|images| self.shuffle(images, named, &statistic, table, value)),
            jackknife: kept
                .zip(replicates.as_ref())
                .and_then(|((jackknife, _), scores)| jackknife.interval(value, scores)),
            subjects: Subjects::new(self.pool.subjects, data.votes, &statistic, named.table),
            unit_bootstrap: (data.resample)
                .then(|| self.draw(named, &statistic))
                .flatten(),
            soft: Soft::new(self.pool, &named.rule),
            balanced: balanced::score(table.view(), &statistic),
            margin: Margin::new(self.pool, &self.subsets, &named.rule, &statistic),
            replicates,
        })
    }

    fn draw(&self, named: &Named, statistic: &Statistic) -> Option<Interval> {
        let SureOptions {
            seed, n_bootstraps, ..
        } = *self.settings;
        let (pool, subsets) = (self.pool, &self.subsets);
        let drawn = unit_bootstrap::tables(pool, subsets, &named.rule, n_bootstraps, seed);
        let scores: Option<Vec<f64>> = statistic.values(drawn.view()).into_iter().collect();
        Interval::percentile(&scores?)
    }

    fn shuffle(
        &self,
        images: &Images,
        named: &Named,
        statistic: &Statistic,
        table: &Array2<u64>,
        score: f64,
    ) -> Option<ImageShuffle> {
        let tables = (named.tables)(&images.shuffled)?;
        // An item takes part in every subset of levels.
        let n_votes = images.shuffled.n_items as f64 * self.subsets.n_subsets() as f64;
        let n_orders = tables.len_of(Axis(0)) as f64;
        Some(ImageShuffle {
            false_selection: tables.sum() as f64 / (n_votes * n_orders),
            selection: table.sum() as f64 / n_votes,
            null: Null::new(score, &statistic.values(tables.view()), false),
        })
    }

    /// Why nothing is resampled, if the score is the mean over too many subsets.
    fn too_many_subsets(&self) -> Option<String> {
        let n_subsets = self.subsets.n_subsets();
        let n_items: usize = (self.pool.blocks.iter().flatten())
            .map(|block| block.n_items)
            .sum();
        let SureOptions {
            n_jackknife,
            n_shuffles,
            n_bootstraps,
            ..
        } = *self.settings;
        // Of the images all levels of a subset are compared again, of the items nothing is.
        let n_resamples = (n_jackknife + n_shuffles) * self.subsets.n_places() + n_bootstraps;
        let visits = (n_subsets as u64).saturating_mul((n_items * n_resamples) as u64);
        let possible = n_subsets == 1 || (n_subsets <= MAX_SUBSETS && visits <= MAX_VISITS);
        (!possible).then(|| {
            format!(
                "the encoding score is the mean over {n_subsets} subsets of layers, more than can be resampled: \
                 nothing is known about other test images or voxels; let all layers compete \
                 (`--enc-layer-sampling all`), or take fewer per subset (`score.n_layers`)"
            )
        })
    }

    /// One pass over all predictions.
    fn resample_images(&self) -> Result<Images> {
        let mut images: Option<Images> = None;
        for (group, blocks) in self.pool.blocks.iter().enumerate() {
            for (subject, block) in blocks.iter().enumerate() {
                if block.levels.iter().all(Option::is_none) {
                    continue;
                }
                let (names, predictions) = self.source.read(group, subject)?;
                let images = images.get_or_insert_with(|| self.no_votes(names.clone()));
                if images.names != names {
                    return Err(self.other_images(group, subject));
                }
                let rules = |n_stimuli| self.rules.over(n_stimuli);
                (images.shuffled).add(
                    &predictions,
                    &self.subsets,
                    &rules(names.len()),
                    &images.orders,
                );
                if let Some((jackknife, replicates)) = &mut images.kept {
                    let rules = rules(jackknife.n_kept());
                    replicates.add(&predictions, &self.subsets, &rules, jackknife);
                }
            }
        }
        images.ok_or_else(|| {
            Error::data(
                source::name(self.stage),
                "none are there",
                format!("run `bhscore {}` first", self.stage.name()),
            )
        })
    }

    fn no_votes(&self, names: Vec<String>) -> Images {
        let n_stimuli = names.len();
        let SureOptions {
            seed,
            n_jackknife,
            n_shuffles,
            ..
        } = *self.settings;
        let new = |n_replicates, n_stimuli| {
            let rules = self.rules.over(n_stimuli);
            Replicates::new(n_replicates, self.pool.groups.len(), &self.subsets, &rules)
        };
        let jackknife = Jackknife::new(n_stimuli, n_jackknife, seed);
        Images {
            names,
            orders: Orders::new(n_stimuli, n_shuffles, seed),
            shuffled: new(n_shuffles, n_stimuli),
            kept: jackknife.map(|jackknife| {
                let replicates = new(n_jackknife, jackknife.n_kept());
                (jackknife, replicates)
            }),
        }
    }

    fn other_images(&self, group: usize, subject: usize) -> Error {
        let word = self.pool.words.group;
        Error::data(
            format!(
                "{} of {word} `{}`, subject `{}`",
                source::name(self.stage),
                self.pool.groups[group],
                self.pool.subjects[subject]
            ),
            format!(
                "{} other images than those of the {word}s or subjects before",
                source::have(self.stage)
            ),
            source::remedy(self.stage),
        )
    }
}
