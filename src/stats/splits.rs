//! Splits of samples into training and test as scikit-learn's, random ones draw for draw.
//!
//! The generator is NumPy's legacy one ([`legacy_random`](super::legacy_random)), on which
//! `ShuffleSplit` and `StratifiedShuffleSplit` rest (SPEC: Appendix C).

use std::fmt;

use super::legacy_random::LegacyRandom;

/// Samples of one split, by their numbers, in the order drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What a model is fitted on.
    pub train: Vec<usize>,
    /// What it is tested on.
    pub test: Vec<usize>,
}

/// How many samples go where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// This share of the samples is for training, rounded down; the others are for testing.
    Train(f64),
    /// This share is for testing, rounded up; the others are for training.
    Test(f64),
}

impl Size {
    /// Numbers of training and test samples among `n`.
    fn of(self, n: usize) -> (usize, usize) {
        match self {
            Size::Train(share) => {
                let n_train = (share * n as f64).floor() as usize;
                (n_train.min(n), n - n_train.min(n))
            }
            Size::Test(share) => {
                let n_test = (share * n as f64).ceil() as usize;
                (n - n_test.min(n), n_test.min(n))
            }
        }
    }
}

/// Why samples cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impossible {
    /// One of the two parts would be empty.
    Empty,
    /// A class has a single member.
    LonelyClass,
    /// A part has fewer samples than there are classes.
    FewerThanClasses,
    /// There are fewer groups than folds, or fewer than two folds.
    FewerThanFolds,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Impossible::Empty => "one part of the split would be empty; take another share",
            Impossible::LonelyClass => "a class has one member only; a split needs two of each",
            Impossible::FewerThanClasses => {
                "a part of the split has fewer samples than there are classes; take a larger share"
            }
            Impossible::FewerThanFolds => {
                "there are fewer groups than folds, or fewer than two folds; take fewer folds, at least two"
            }
        })
    }
}

impl std::error::Error for Impossible {}

/// Splits `n` samples `n_splits` times, as `ShuffleSplit(n_splits, random_state=seed)`.
///
/// # Errors
/// If a part would be empty.
pub fn plain(n: usize, n_splits: usize, size: Size, seed: u32) -> Result<Vec<Split>, Impossible> {
    let (n_train, n_test) = sizes(n, size)?;
    let mut random = LegacyRandom::seed(seed);
    let split = |_| {
        let order = random.permutation(n);
        Split {
            test: order[..n_test].to_vec(),
            train: order[n_test..n_test + n_train].to_vec(),
        }
    };
    Ok((0..n_splits).map(split).collect())
}

/// Splits samples so that classes have the same share of both parts, as
/// `StratifiedShuffleSplit(n_splits, random_state=seed)`.
///
/// - `classes`: class of every sample, `(n_samples,)`.
///
/// # Errors
/// If a part would be empty or smaller than the number of classes, or a class has one member.
pub fn stratified(
    classes: &[usize],
    n_splits: usize,
    size: Size,
    seed: u32,
) -> Result<Vec<Split>, Impossible> {
    let (n_train, n_test) = sizes(classes.len(), size)?;
    let members = members(classes);
    if members.iter().any(|members| members.len() < 2) {
        return Err(Impossible::LonelyClass);
    }
    if n_train.min(n_test) < members.len() {
        return Err(Impossible::FewerThanClasses);
    }
    let counts: Vec<usize> = members.iter().map(Vec::len).collect();
    let mut random = LegacyRandom::seed(seed);
    let split = |_| {
        let trained = shares(&counts, n_train, &mut random);
        let left: Vec<usize> = counts
            .iter()
            .zip(&trained)
            .map(|(n, n_i)| n - n_i)
            .collect();
        let tested = shares(&left, n_test, &mut random);
        let (mut train, mut test) = (Vec::with_capacity(n_train), Vec::with_capacity(n_test));
        for ((members, n_train), n_test) in members.iter().zip(trained).zip(tested) {
            let order = random.permutation(members.len());
            let mut drawn = order.into_iter().map(|place| members[place]);
            train.extend(drawn.by_ref().take(n_train));
            test.extend(drawn.take(n_test));
        }
        random.shuffle(&mut train);
        random.shuffle(&mut test);
        Split { train, test }
    };
    Ok((0..n_splits).map(split).collect())
}

/// Folds that keep groups together, each tested once, as `GroupKFold(n_folds)`.
///
/// The largest group not yet placed goes to the fold with the fewest samples: of groups of one size the last, of folds
/// of one size the first. Samples of a part are in ascending order; nothing is random.
///
/// - `groups`: group of every sample, `(n_samples,)`.
///
/// # Errors
/// If there are fewer groups than folds, or fewer than two folds.
pub fn group_k_fold(groups: &[usize], n_folds: usize) -> Result<Vec<Split>, Impossible> {
    let mut members = members(groups);
    if n_folds < 2 || members.len() < n_folds {
        return Err(Impossible::FewerThanFolds);
    }
    // Stable, and read from the end.
    members.sort_by_key(Vec::len);
    let mut folds = vec![Vec::new(); n_folds];
    for group in members.into_iter().rev() {
        let lightest = (0..n_folds).min_by_key(|&fold| folds[fold].len());
        folds[lightest.expect("two folds at least")].extend(group);
    }
    let split = |mut test: Vec<usize>| {
        test.sort_unstable();
        let train = (0..groups.len()).filter(|sample| test.binary_search(sample).is_err());
        Split {
            train: train.collect(),
            test,
        }
    };
    Ok(folds.into_iter().map(split).collect())
}

fn sizes(n: usize, size: Size) -> Result<(usize, usize), Impossible> {
    let (n_train, n_test) = size.of(n);
    if n_train == 0 || n_test == 0 {
        return Err(Impossible::Empty);
    }
    Ok((n_train, n_test))
}

/// Members of every class, classes ascending.
fn members(classes: &[usize]) -> Vec<Vec<usize>> {
    let mut all: Vec<usize> = classes.to_vec();
    all.sort_unstable();
    all.dedup();
    let mut members = vec![Vec::new(); all.len()];
    for (sample, class) in classes.iter().enumerate() {
        let place = all.partition_point(|other| other < class);
        members[place].push(sample);
    }
    members
}

/// `n` draws shared among classes by their counts: the mode of the multivariate hypergeometric
/// distribution, nearly. What rounding down leaves goes to the largest fractions; among equal ones the
/// generator chooses.
fn shares(counts: &[usize], n: usize, random: &mut LegacyRandom) -> Vec<usize> {
    let total: usize = counts.iter().sum();
    let exact: Vec<f64> = counts
        .iter()
        .map(|&count| count as f64 / total as f64 * n as f64)
        .collect();
    let mut shares: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut left = n.saturating_sub(shares.iter().sum());
    let fraction = |class: usize| exact[class] - exact[class].floor();
    let mut fractions: Vec<f64> = (0..counts.len()).map(fraction).collect();
    fractions.sort_unstable_by(|a, b| b.total_cmp(a));
    fractions.dedup();
    for value in fractions {
        if left == 0 {
            break;
        }
        let equal: Vec<usize> = (0..counts.len())
            .filter(|&c| fraction(c) == value)
            .collect();
        let now = left.min(equal.len());
        for place in random.choice(equal.len(), now) {
            shares[equal[place]] += 1;
        }
        left -= now;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Classes of 11, 7 and 5 samples.
    fn classes() -> Vec<usize> {
        [(0, 11), (1, 7), (2, 5)]
            .iter()
            .flat_map(|&(class, n)| vec![class; n])
            .collect()
    }

    #[test]
    fn splits_are_those_of_the_specification() {
        let found = stratified(&classes(), 3, Size::Train(0.9), 1).unwrap();
        let train = [
            9, 4, 6, 10, 22, 11, 14, 12, 15, 18, 16, 19, 0, 2, 7, 3, 8, 1, 21, 13,
        ];
        assert_eq!(found[0].train, train);
        let tests: Vec<&[usize]> = found.iter().map(|split| split.test.as_slice()).collect();
        assert_eq!(tests, [[5, 20, 17], [12, 10, 21], [18, 11, 0]]);
        let found = plain(9, 3, Size::Train(0.5), 1).unwrap();
        let expected = [
            ([0, 4, 3, 5], [8, 2, 6, 7, 1]),
            ([4, 1, 8, 0], [3, 7, 6, 2, 5]),
            ([2, 5, 6, 4], [1, 7, 0, 3, 8]),
        ];
        for (split, (train, test)) in found.iter().zip(expected) {
            assert_eq!(
                (split.train.as_slice(), split.test.as_slice()),
                (&train[..], &test[..])
            );
        }
    }

    /// `scripts/make_splits_golden.py`.
    #[test]
    fn splits_are_those_of_scikit_learn() {
        let text = include_str!("../../tests/golden/vectors/splits.json");
        let cases: Value = serde_json::from_str(text).unwrap();
        let cases = cases.as_array().unwrap();
        assert!(cases.len() > 20);
        for case in cases {
            let numbers =
                |value: &Value| -> Vec<usize> { serde_json::from_value(value.clone()).unwrap() };
            let share = case["share"].as_f64().unwrap();
            let size = if case["of"] == "train" {
                Size::Train(share)
            } else {
                Size::Test(share)
            };
            let seed = case["seed"].as_u64().unwrap() as u32;
            let classes = numbers(&case["classes"]);
            let found = if case["kind"] == "plain" {
                plain(classes.len(), 3, size, seed)
            } else {
                stratified(&classes, 3, size, seed)
            };
            let wanted: Vec<Split> = case["splits"]
                .as_array()
                .unwrap()
                .iter()
                .map(|split| Split {
                    train: numbers(&split[0]),
                    test: numbers(&split[1]),
                })
                .collect();
            assert_eq!(found.unwrap(), wanted, "{case}");
        }
    }

    /// `scripts/make_splits_golden.py`.
    #[test]
    fn folds_of_groups_are_those_of_scikit_learn() {
        let text = include_str!("../../tests/golden/vectors/group_folds.json");
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        assert!(cases.len() > 8);
        for case in cases {
            let numbers =
                |value: &Value| -> Vec<usize> { serde_json::from_value(value.clone()).unwrap() };
            let n_folds = case["folds"].as_u64().unwrap() as usize;
            let found = group_k_fold(&numbers(&case["groups"]), n_folds).unwrap();
            let wanted = case["splits"]
                .as_array()
                .unwrap()
                .iter()
                .map(|split| Split {
                    train: numbers(&split[0]),
                    test: numbers(&split[1]),
                });
            assert_eq!(found, wanted.collect::<Vec<_>>(), "{case}");
        }
    }

    proptest! {
        #[test]
        fn folds_test_every_sample_once_and_tear_no_group(
            groups in proptest::collection::vec(0_usize..12, 2..60),
            n_folds in 2_usize..5,
        ) {
            let Ok(folds) = group_k_fold(&groups, n_folds) else {
                prop_assert!(members(&groups).len() < n_folds);
                return Ok(());
            };
            let mut tested: Vec<usize> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
            tested.sort_unstable();
            prop_assert_eq!(tested, (0..groups.len()).collect::<Vec<_>>());
            for fold in &folds {
                prop_assert_eq!(fold.train.len() + fold.test.len(), groups.len());
                let torn = |&sample: &usize| fold.train.iter().any(|&other| groups[other] == groups[sample]);
                prop_assert!(!fold.test.is_empty() && !fold.test.iter().any(torn));
            }
        }
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let stratify = |classes: &[usize], share| stratified(classes, 1, Size::Test(share), 0);
        assert_eq!(stratify(&[0, 0, 1], 0.5), Err(Impossible::LonelyClass));
        assert_eq!(
            stratify(&[0, 0, 1, 1, 2, 2], 0.2),
            Err(Impossible::FewerThanClasses)
        );
        assert_eq!(plain(3, 1, Size::Train(0.2), 0), Err(Impossible::Empty));
        assert_eq!(plain(0, 1, Size::Test(0.5), 0), Err(Impossible::Empty));
        assert_eq!(group_k_fold(&[0, 0, 1], 3), Err(Impossible::FewerThanFolds));
        assert_eq!(group_k_fold(&[0, 0, 1], 1), Err(Impossible::FewerThanFolds));
    }
}
