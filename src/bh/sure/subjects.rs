//! The score of each subject, and without each: three subjects have a range, not an interval.

use serde::Serialize;

use super::statistic::Statistic;
use crate::bh::votes::{self, Votes};
use ndarray::Array2;

/// Scores of parts of the subjects, in the order of the settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subjects {
    /// Each subject alone.
    pub alone: Vec<SubjectScore>,
    /// All but one, who is named.
    pub without: Vec<SubjectScore>,
    /// Lowest and highest score without one subject; `None` if one of them is undefined or there is a
    /// single subject.
    pub range_without_one: Option<(f64, f64)>,
}

/// A score and whom it is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubjectScore {
    /// Name of the subject.
    pub subject: String,
    /// The score; `None` where undefined.
    pub score: Option<f64>,
}

impl Subjects {
    /// Scores from the votes of every subject, by the rule whose table `of` takes.
    pub fn new(
        names: &[String],
        votes: &[Votes],
        statistic: &Statistic,
        of: impl Fn(&Votes) -> Option<&Array2<u64>>,
    ) -> Self {
        let score = |votes: &Votes| of(votes).and_then(|table| statistic.value(table.view()));
        let named = |(name, score): (&String, Option<f64>)| SubjectScore {
            subject: name.clone(),
            score,
        };
        let alone = names.iter().zip(votes.iter().map(score)).map(named);
        let without: Vec<SubjectScore> = match votes.len() {
            0 | 1 => Vec::new(),
            n => (0..n)
                .map(|left_out| {
                    let mut others = votes.to_vec();
                    others.remove(left_out);
                    named((&names[left_out], score(&votes::sum(&others))))
                })
                .collect(),
        };
        let scores: Option<Vec<f64>> = without.iter().map(|subject| subject.score).collect();
        let range_without_one = scores.filter(|scores| !scores.is_empty()).map(|scores| {
            let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high)
        });
        Self {
            alone: alone.collect(),
            without,
            range_without_one,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::spearman::spearman;
    use ndarray::array;

    #[test]
    fn each_and_all_but_each() {
        let tables = [
            array![[5_u64, 1], [2, 6]],
            array![[4, 4], [3, 5]],
            array![[1, 0], [2, 0]],
        ];
        let votes: Vec<Votes> = tables
            .iter()
            .map(|table| Votes {
                n_items: 20,
                n_undefined: 0,
                published: table.clone(),
                textbook: None,
            })
            .collect();
        let names = ["a", "b", "c"].map(str::to_owned);
        let rho = |table: &Array2<u64>| spearman(table.view()).ok();
        let found = Subjects::new(&names, &votes, &Statistic::ALL_ROWS, |v| Some(&v.published));
        let alone: Vec<_> = found.alone.iter().map(|s| s.score).collect();
        assert_eq!(alone, [rho(&tables[0]), rho(&tables[1]), None]);
        let without: Vec<_> = found.without.iter().map(|s| s.score.unwrap()).collect();
        let expected = [
            rho(&(&tables[1] + &tables[2])).unwrap(),
            rho(&(&tables[0] + &tables[2])).unwrap(),
            rho(&(&tables[0] + &tables[1])).unwrap(),
        ];
        assert_eq!(without, expected);
        assert_eq!(found.range_without_one, Some((expected[0], expected[1])));
        let none = Subjects::new(&names, &votes, &Statistic::ALL_ROWS, |v| {
            v.textbook.as_ref()
        });
        assert_eq!(none.range_without_one, None);
        let one = Subjects::new(&names[..1], &votes[..1], &Statistic::ALL_ROWS, |v| {
            Some(&v.published)
        });
        assert!(one.without.is_empty() && one.range_without_one.is_none());
    }
}
