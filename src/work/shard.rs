//! `--shard i/n`: a partition of the plan that needs no shared state.

use std::str::FromStr;

use crate::error::{Error, Result};

/// The `index`-th of `count` parts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The whole plan.
    pub const WHOLE: Shard = Shard { index: 1, count: 1 };

    /// Keeps the shard's part of a plan.
    ///
    /// Parts are contiguous runs whose lengths differ by at most one: neighbouring items share
    /// their features, and a shard that took every n-th item would read all of them.
    pub fn part<T>(self, mut plan: Vec<T>) -> Vec<T> {
        let bound = |index: usize| {
            let bound = plan.len() as u128 * index as u128 / self.count as u128;
            bound as usize
        };
        let (start, end) = (bound(self.index - 1), bound(self.index));
        plan.truncate(end);
        plan.drain(..start);
        plan
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shard> {
        let parts = text.split_once('/').and_then(|(index, count)| {
            Some((index.parse::<usize>().ok()?, count.parse::<usize>().ok()?))
        });
        match parts {
            Some((index, count)) if 1 <= index && index <= count => Ok(Shard { index, count }),
            _ => Err(Error::data(
                format!("shard `{text}`"),
                "is not of the form i/n with 1 <= i <= n",
                "write for instance `--shard 2/3` for the second of three parts",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shards_of_more_parts_than_there_are_items() {
        let shard: Shard = format!("{0}/{0}", usize::MAX).parse().unwrap();
        assert_eq!(shard.part(vec![1, 2, 3]), [3]);
        let shard: Shard = format!("1/{}", usize::MAX).parse().unwrap();
        assert_eq!(shard.part(vec![1, 2, 3]), [0; 0]);
    }

    proptest! {
        #[test]
        fn shards_partition_the_plan_in_order(length in 0usize..200, count in 1usize..40) {
            let plan: Vec<usize> = (0..length).collect();
            let parts: Vec<Vec<usize>> = (1..=count)
                .map(|index| Shard { index, count }.part(plan.clone()))
                .collect();
            let shortest = parts.iter().map(Vec::len).min().unwrap();
            let longest = parts.iter().map(Vec::len).max().unwrap();
            prop_assert!(longest - shortest <= 1);
            prop_assert_eq!(parts.concat(), plan);
        }
    }

    #[test]
    fn malformed_shards_are_refused() {
        for text in ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!(
            "2/3".parse::<Shard>().unwrap(),
            Shard { index: 2, count: 3 }
        );
    }
}
