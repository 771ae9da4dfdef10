//! Which level predicts an item best, and whether the item counts.
//!
//! The original replaces NaN by 0 and takes the first maximum; the textbook way is to leave NaN out. For
//! items that count this is the same: a replaced 0 can win only where all others are negative or 0, and
//! then r > 0 fails. So the best level is taken once, without NaN, for both rules.

use super::correction::Correction;
use super::pool::{Block, Pool};
use super::selector::Selector;
use crate::stats::significance::{PUBLISHED_FREEDOM, Rule, Test};

/// Test images of the published study.
pub const PUBLISHED_N_TEST: usize = 50;

/// The level that predicts an item best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Its index; the first one if several tie.
    pub level: usize,
    /// The accuracy there; never NaN.
    pub accuracy: f32,
    /// Number of levels where the item has an accuracy, of which this is the best.
    pub n_levels: usize,
}

/// Best level of every item of `block`, `(n_items,)`; `None` where no level has an accuracy.
pub fn best_levels(block: &Block<'_>) -> Vec<Option<Best>> {
    let mut best: Vec<Option<Best>> = vec![None; block.n_items];
    for (level, accuracies) in block.levels.iter().enumerate() {
        for (best, &accuracy) in best.iter_mut().zip(accuracies.unwrap_or_default()) {
            if accuracy.is_nan() {
                continue;
            }
            let first = Best {
                level,
                accuracy,
                n_levels: 0,
            };
            let best = best.get_or_insert(first);
            best.n_levels += 1;
            if accuracy > best.accuracy {
                (best.level, best.accuracy) = (level, accuracy);
            }
        }
    }
    best
}

/// The two rules that decide which items count.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The original's.
    pub published: Selector,
    /// The textbook's; `None` if the number of test images is unknown, not the same for all, or below 3.
    pub textbook: Option<Selector>,
    p_value: f64,
    n_test: Option<usize>,
    /// Level that p · m must be below and the largest m, if the textbook rule is corrected.
    corrected: Option<(f64, usize)>,
}

impl Rules {
    /// Rules at level `p_value` for correlations over `n_test` images.
    pub fn new(p_value: f64, n_test: Option<usize>) -> Self {
        Self::with(p_value, n_test, None)
    }

    fn with(p_value: f64, n_test: Option<usize>, corrected: Option<(f64, usize)>) -> Self {
        let textbook = textbook_test(n_test).map(|test| match corrected {
            Some((level, n_levels)) => Selector::times_levels(test, level, n_levels),
            None => Rule::new(test, p_value).into(),
        });
        Self {
            published: Rule::new(Test::Published, p_value).into(),
            textbook,
            p_value,
            n_test,
            corrected,
        }
    }

    /// These rules with the textbook's corrected for the choice of the best level of `pool`; the published
    /// rule is the original's and stays.
    pub fn corrected(&self, correction: Correction, pool: &Pool<'_>) -> Self {
        let corrected = match (correction, textbook_test(self.n_test)) {
            (Correction::None, _) | (_, None) => None,
            (_, Some(test)) => {
                let level = correction.level(pool, test, self.p_value);
                Some((level, pool.levels.len()))
            }
        };
        Self::with(self.p_value, self.n_test, corrected)
    }

    /// These rules for correlations over another number of images. The level that Benjamini–Hochberg gave
    /// stays.
    pub fn over(&self, n_test: usize) -> Self {
        Self::with(self.p_value, Some(n_test), self.corrected)
    }

    /// Whether an item with this best level counts by the published rule.
    pub fn keeps_published(&self, best: Option<Best>) -> bool {
        best.is_some_and(|best| self.published.keeps(best))
    }

    /// Whether it counts by the textbook rule; `None` if there is none.
    pub fn keeps_textbook(&self, best: Option<Best>) -> Option<bool> {
        let rule = self.textbook.as_ref()?;
        Some(best.is_some_and(|best| rule.keeps(best)))
    }

    /// Why there is no textbook rule.
    pub fn no_textbook(&self) -> String {
        match self.n_test {
            Some(n) => format!("a correlation over {n} test images cannot be tested, 3 are needed"),
            None => "the number of test images is not known, or not the same for all".to_owned(),
        }
    }

    /// What a reader of the published score should know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(n) = self.n_test.filter(|&n| n != PUBLISHED_N_TEST) {
            warnings.push(format!(
                "the published rule keeps its {PUBLISHED_FREEDOM} degrees of freedom although there are \
                 {n} test images; the textbook rule uses n − 2"
            ));
        }
        if self.published.interval().is_none() {
            warnings.push(
                "the published rule keeps nothing at this level: its p is never below 0.00113"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// `None` where the test is undefined.
fn textbook_test(n_test: Option<usize>) -> Option<Test> {
    n_test
        .filter(|&n_stimuli| n_stimuli > 2)
        .map(|n_stimuli| Test::Textbook { n_stimuli })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn best_of(levels: &[&[f32]]) -> Vec<Option<Best>> {
        let n_items = levels[0].len();
        best_levels(&Block {
            n_items,
            levels: levels.iter().map(|&level| Some(level)).collect(),
            positions: None,
        })
    }

    #[test]
    fn first_of_equals_wins_and_nan_never_does() {
        let nan = f32::NAN;
        let best = best_of(&[
            &[0.5, nan, nan, -0.3],
            &[0.5, 0.2, nan, nan],
            &[0.4, 0.2, nan, -0.1],
        ]);
        assert_eq!(
            best[0],
            Some(Best {
                level: 0,
                accuracy: 0.5,
                n_levels: 3
            })
        );
        assert_eq!(
            best[1],
            Some(Best {
                level: 1,
                accuracy: 0.2,
                n_levels: 2
            })
        );
        assert_eq!(best[2], None);
        assert_eq!(
            best[3],
            Some(Best {
                level: 2,
                accuracy: -0.1,
                n_levels: 2
            })
        );
    }

    #[test]
    fn missing_levels_do_not_compete() {
        let levels = vec![
            None,
            Some([0.1_f32].as_slice()),
            None,
            Some([0.3].as_slice()),
        ];
        let best = best_levels(&Block {
            n_items: 1,
            levels,
            positions: None,
        });
        assert_eq!(
            best,
            [Some(Best {
                level: 3,
                accuracy: 0.3,
                n_levels: 2
            })]
        );
    }

    #[test]
    fn warnings_about_the_published_rule() {
        assert!(Rules::new(0.05, Some(50)).warnings().is_empty());
        assert!(Rules::new(0.05, None).warnings().is_empty());
        assert!(Rules::new(0.05, Some(40)).warnings()[0].contains("48 degrees"));
        assert!(Rules::new(0.001, Some(50)).warnings()[0].contains("keeps nothing"));
        assert!(
            Rules::new(0.05, Some(2))
                .no_textbook()
                .contains("2 test images")
        );
        assert!(Rules::new(0.05, None).textbook.is_none());
    }

    proptest! {
        /// The claim of the module's head: NaN → 0 as the original does it decides the same.
        #[test]
        fn leaving_nan_out_equals_replacing_it(
            values in proptest::collection::vec(
                proptest::collection::vec(
                    prop_oneof![Just(f32::NAN), Just(0.0_f32), Just(0.4), (-10_000_i32..10_000).prop_map(|r| r as f32 / 1e4)], 4),
                1..6),
        ) {
            let levels: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
            let rule = Rule::new(Test::Published, 0.05);
            for (item, best) in best_of(&levels).into_iter().enumerate() {
                let (mut level, mut accuracy) = (0, f32::NEG_INFINITY);
                for (index, values) in levels.iter().enumerate() {
                    let value = if values[item].is_nan() { 0.0 } else { values[item] };
                    if value > accuracy {
                        (level, accuracy) = (index, value);
                    }
                }
                let original = rule.keeps(accuracy).then_some(level);
                let found = best.filter(|best| rule.keeps(best.accuracy)).map(|best| best.level);
                prop_assert_eq!(found, original);
            }
        }
    }
}
