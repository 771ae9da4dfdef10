//! Accuracies of one layer, subject and ROI in a few numbers.

use super::selection::{Best, Rules};

/// What [`summarise`] says of some accuracies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Defined accuracies.
    pub n: usize,
    /// Undefined ones.
    pub n_undefined: usize,
    /// Mean, NaN without a defined accuracy; so are the median and the shares.
    pub mean: f64,
    /// Median: the middle one, or the mean of the two in the middle.
    pub median: f64,
    /// Standard deviation, divided by n − 1; NaN for fewer than two.
    pub sd: f64,
    /// Share of the defined accuracies that are significant by the published rule, 0 to 1.
    pub share_published: f64,
    /// The same by the textbook rule; `None` if there is none.
    pub share_textbook: Option<f64>,
}

/// A summary of `accuracies`, `(n_items,)`, NaN where undefined.
pub fn summarise(accuracies: &[f32], rules: &Rules) -> Summary {
    let mut defined: Vec<f32> = accuracies.iter().copied().filter(|r| !r.is_nan()).collect();
    defined.sort_unstable_by(f32::total_cmp);
    let n = defined.len();
    let middle = |index: usize| f64::from(defined[index]);
    let median = match n {
        0 => f64::NAN,
        n if n % 2 == 1 => middle(n / 2),
        n => (middle(n / 2 - 1) + middle(n / 2)) / 2.0,
    };
    let mean = defined.iter().map(|&r| f64::from(r)).sum::<f64>() / n as f64;
    let square: f64 = defined.iter().map(|&r| (f64::from(r) - mean).powi(2)).sum();
    let sd = match n {
        0 | 1 => f64::NAN,
        n => (square / (n - 1) as f64).sqrt(),
    };
    let share = |keeps: &dyn Fn(Option<Best>) -> bool| {
        let best = |&accuracy: &f32| {
            Some(Best {
                level: 0,
                accuracy,
                n_levels: 1,
            })
        };
        defined.iter().filter(|r| keeps(best(r))).count() as f64 / n as f64
    };
    Summary {
        n,
        n_undefined: accuracies.len() - n,
        mean,
        median,
        sd,
        share_published: share(&|best| rules.keeps_published(best)),
        share_textbook: rules
            .textbook
            .as_ref()
            .map(|_| share(&|best| rules.keeps_textbook(best) == Some(true))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        let nan = f32::NAN;
        let rules = Rules::new(0.05, Some(50));
        let found = summarise(&[0.5, nan, -0.5, 0.29, 0.96], &rules);
        assert_eq!((found.n, found.n_undefined), (4, 1));
        assert!((found.mean - 0.3125).abs() < 1e-7 && (found.median - 0.395).abs() < 1e-7);
        assert!((found.sd - 0.6096652086733068).abs() < 1e-7, "{}", found.sd);
        // 0.96 is above the published window, 0.29 below it.
        assert_eq!(
            (found.share_published, found.share_textbook),
            (0.25, Some(0.75))
        );
        assert_eq!(
            summarise(&[0.1, 0.3, 0.2], &rules).median,
            f64::from(0.2_f32)
        );
    }

    #[test]
    fn nothing_defined() {
        let found = summarise(&[f32::NAN], &Rules::new(0.05, None));
        assert_eq!(
            (found.n, found.n_undefined, found.share_textbook),
            (0, 1, None)
        );
        assert!(found.mean.is_nan() && found.median.is_nan() && found.sd.is_nan());
        assert!(summarise(&[0.5], &Rules::new(0.05, None)).sd.is_nan());
    }
}
