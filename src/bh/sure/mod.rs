//! How sure a score is: what chance gives, and how far it would be off with other images, units or subjects.
//!
//! | module | answers |
//! |---|---|
//! | [`layer_order`] | could layers in any order have this score? |
//! | [`image_shuffle`] | what do selection and score make of decoding that knows nothing? |
//! | [`jackknife`] | how far would it be off with other test images? |
//! | [`subjects`] | does it hang on one subject? |
//! | [`unit_bootstrap`] | does it hang on which units were taken? |
//! | [`soft`], [`balanced`], [`margin`] | does it hang on argmax, on the best decoded layers, on near ties? |
//! | [`noise_ceiling`] | how well can a voxel be predicted at all? |
//! | [`brain_to_brain`] | what would another brain score? |
//!
//! The last two are of a study, whatever the network (the module `ceilings`); the others are taken together by
//! [`measure`]. [`statistic`] is the
//! score as a function of a count table, [`images`] the pass over activations, [`decoded`] reads those from
//! a study, [`null`](mod@null), [`interval`], [`kendall`], [`items`] and [`random`] are what the others share.
//!
//! Everything is a function of the data and one seed, whatever the number of threads. A score that is
//! undefined has none of this.

pub mod balanced;
pub mod brain_to_brain;
pub mod decoded;
pub mod image_shuffle;
pub mod images;
pub mod interval;
pub mod items;
pub mod jackknife;
pub mod kendall;
pub mod layer_order;
pub mod margin;
pub mod noise_ceiling;
pub mod null;
pub mod random;
pub mod soft;
pub mod statistic;
pub mod subjects;
pub mod unit_bootstrap;

use ndarray::{Array2, Array3, Axis};
use serde::Serialize;

use super::votes::{self, Votes};
use super::{DecodingScore, Pool, RuleScore, Rules, ScoreOptions, Selector};
use crate::error::{Error, Result};
use decoded::Decoded;
use image_shuffle::{ImageShuffle, Orders};
use images::Replicates;
use interval::Interval;
use jackknife::Jackknife;
use margin::Margin;
use null::Null;
use soft::Soft;
use statistic::Statistic;
use subjects::Subjects;

/// How many resamples are taken, and from which seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SureOptions {
    /// Everything random follows from it.
    pub seed: u32,
    /// Random orders of the layers, where there are too many to visit all.
    pub n_orders: usize,
    /// Choices of images that the jackknife leaves out.
    pub n_jackknife: usize,
    /// Random orders of the test images.
    pub n_shuffles: usize,
    /// Draws of the units.
    pub n_bootstraps: usize,
}

impl Default for SureOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            n_orders: 10_000,
            n_jackknife: 200,
            n_shuffles: 200,
            n_bootstraps: 1000,
        }
    }
}

/// How sure the scores of one network are, with the settings that made it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sure {
    /// Seed and numbers of resamples.
    pub settings: SureOptions,
    /// Test images in the decoded features; `None` without these.
    pub n_stimuli: Option<usize>,
    /// How many of them the jackknife leaves out each time.
    pub n_deleted: Option<usize>,
    /// The decoding half.
    pub decoding: SurePair,
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

/// How sure the score by one rule is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SureRule {
    /// Null over orders of the layers.
    pub layer_order: Option<Null>,
    /// Null over orders of the test images; `None` without decoded features.
    pub image_shuffle: Option<ImageShuffle>,
    /// Standard error over test images; `None` without decoded features or where a resample has no score.
    pub jackknife: Option<Interval>,
    /// Each subject, and all but each.
    pub subjects: Subjects,
    /// Standard error over draws of units; `None` where a draw has no score.
    pub unit_bootstrap: Option<Interval>,
    /// The soft score of all layers at once.
    pub soft: Soft,
    /// The score with every layer weighing the same.
    pub balanced: Option<f64>,
    /// By how much the best ROI is the best.
    pub margin: Margin,
}

/// The passes over the test images, with their count tables.
struct Images {
    n_stimuli: usize,
    orders: Orders,
    shuffled: Replicates,
    /// `None` where there are too few images.
    kept: Option<(Jackknife, Replicates)>,
}

/// What both rules are measured from.
struct Data<'a> {
    pool: &'a Pool<'a>,
    /// Of every subject.
    votes: &'a [Votes],
    /// `None` without decoded features.
    images: Option<&'a Images>,
}

/// One rule: what of the results belongs to it.
struct Named {
    rule: Selector,
    table: fn(&Votes) -> Option<&Array2<u64>>,
    tables: fn(&Replicates) -> Option<&Array3<u64>>,
}

/// Measures how sure `score`, of the accuracies of `decoded` by `options`, is.
///
/// # Errors
/// If decoded or test features cannot be read or do not belong to the accuracies. Where there are none, what
/// needs them is `None`, with a note.
pub fn measure(
    decoded: &Decoded<'_>,
    score: &DecodingScore,
    options: &ScoreOptions,
    settings: &SureOptions,
) -> Result<Sure> {
    let accuracies = decoded.accuracies;
    let pool = Pool::decoding(accuracies)?;
    let rules = Rules::new(options.p_value, accuracies.n_test).corrected(options.correction, &pool);
    let mut notes = Vec::new();
    let images = match decoded.missing() {
        Some(folder) => {
            notes.push(format!(
                "`{folder}` is not there: nothing is known about other test images"
            ));
            None
        }
        None => Some(resample_images(decoded, &rules, settings)?),
    };
    let votes = votes::by_subject(&pool, &rules);
    let data = Data {
        pool: &pool,
        votes: &votes,
        images: images.as_ref(),
    };
    let take =
        |named: Named, score: &RuleScore| measure_rule(&named, score, &data, options, settings);
    let published = Named {
        rule: rules.published,
        table: |votes| Some(&votes.published),
        tables: |replicates| Some(&replicates.published),
    };
    let textbook = rules.textbook.map(|rule| Named {
        rule,
        table: |votes| votes.textbook.as_ref(),
        tables: |replicates| replicates.textbook.as_ref(),
    });
    Ok(Sure {
        settings: settings.clone(),
        n_stimuli: images.as_ref().map(|images| images.n_stimuli),
        n_deleted: (images.as_ref())
            .and_then(|images| images.kept.as_ref())
            .map(|(jackknife, _)| jackknife.n_deleted),
        decoding: SurePair {
            published: take(published, &score.pooled.published),
            textbook: textbook.and_then(|named| take(named, &score.pooled.textbook)),
        },
        notes,
    })
}

fn measure_rule(
    named: &Named,
    score: &RuleScore,
    data: &Data<'_>,
    options: &ScoreOptions,
    settings: &SureOptions,
) -> Option<SureRule> {
    let Data {
        pool,
        votes,
        images,
    } = *data;
    let (Ok(value), Some(table)) = (&score.score, &score.votes) else {
        return None;
    };
    let statistic = Statistic::of_score(score, options);
    let drawn = unit_bootstrap::tables(pool, &named.rule, settings.n_bootstraps, settings.seed);
    let drawn: Option<Vec<f64>> = statistic.values(drawn.view()).into_iter().collect();
    Some(SureRule {
        layer_order: layer_order::null(table.view(), &statistic, settings.n_orders, settings.seed),
        image_shuffle: images.and_then(|images| shuffle(images, named, &statistic, table, *value)),
        jackknife: images.and_then(|images| {
            let (jackknife, replicates) = images.kept.as_ref()?;
            let tables = (named.tables)(replicates)?;
            jackknife.interval(*value, &statistic.values(tables.view()))
        }),
        subjects: Subjects::new(pool.subjects, votes, &statistic, named.table),
        unit_bootstrap: drawn.and_then(|scores| Interval::percentile(&scores)),
        soft: Soft::new(pool, &named.rule),
        balanced: balanced::score(table.view(), &statistic),
        margin: Margin::new(pool, &named.rule, &statistic),
    })
}

fn shuffle(
    images: &Images,
    named: &Named,
    statistic: &Statistic,
    table: &Array2<u64>,
    score: f64,
) -> Option<ImageShuffle> {
    let tables = (named.tables)(&images.shuffled)?;
    let n_items = images.shuffled.n_items as f64;
    let n_orders = tables.len_of(Axis(0)) as f64;
    Some(ImageShuffle {
        false_selection: tables.sum() as f64 / (n_items * n_orders),
        selection: table.sum() as f64 / n_items,
        null: Null::new(score, &statistic.values(tables.view()), false),
    })
}

/// One pass over all activations.
fn resample_images(decoded: &Decoded<'_>, rules: &Rules, settings: &SureOptions) -> Result<Images> {
    let accuracies = decoded.accuracies;
    let (n_layers, n_rois) = (accuracies.layers.len(), accuracies.rois.len());
    let mut names: Option<Vec<String>> = None;
    let mut images: Option<Images> = None;
    for layer in 0..n_layers {
        for subject in 0..accuracies.subjects.len() {
            if accuracies.values[layer][subject]
                .iter()
                .all(Option::is_none)
            {
                continue;
            }
            let (found, activations) = decoded.read(layer, subject)?;
            if names.get_or_insert_with(|| found.clone()) != &found {
                return Err(Error::data(
                    format!("decoded features of layer `{}`", accuracies.layers[layer]),
                    "are of other images than those of the layers or subjects before",
                    "run `bhscore decode-predict --force` for the network",
                ));
            }
            let rules = |n_stimuli| rules.over(n_stimuli);
            let n_stimuli = found.len();
            let images = images.get_or_insert_with(|| {
                let new = |n, rules| Replicates::new(n, n_layers, n_rois, &rules);
                let jackknife = Jackknife::new(n_stimuli, settings.n_jackknife, settings.seed);
                Images {
                    n_stimuli,
                    orders: Orders::new(n_stimuli, settings.n_shuffles, settings.seed),
                    shuffled: new(settings.n_shuffles, rules(n_stimuli)),
                    kept: jackknife.map(|jackknife| {
                        let replicates = new(settings.n_jackknife, rules(jackknife.n_kept()));
                        (jackknife, replicates)
                    }),
                }
            });
            images
                .shuffled
                .add(&activations, &rules(n_stimuli), &images.orders);
            if let Some((jackknife, replicates)) = &mut images.kept {
                replicates.add(&activations, &rules(jackknife.n_kept()), jackknife);
            }
        }
    }
    images.ok_or_else(|| {
        let remedy = "run `bhscore decode-predict` first";
        Error::data("decoding accuracies", "there are none", remedy)
    })
}
