//! When a positive correlation counts as significant: the published test and the textbook's.
//!
//! | test | statistic | degrees of freedom | significant r at p < 0.05, 50 stimuli |
//! |---|---|---|---|
//! | [`Test::Published`] | r · √(48 · (1 − r²)) | 48, whatever the test set | 0.304699 < r < 0.952449 |
//! | [`Test::Textbook`] | r · √((n − 2) / (1 − r²)) | n − 2 | r > 0.278711 |
//!
//! The original program multiplies by 1 − r² where the t statistic of a correlation (Student; any
//! textbook) divides by it. Its statistic therefore rises to √48/2 = 3.4641 at r = 0.7071 and falls
//! again: the best correlations are discarded, p is never below 0.00113, and a level of 0.001 keeps
//! nothing at all. All published scores were made with it, so both tests are offered side by side.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Degrees of freedom of the published test: 50 test stimuli minus 2, fixed in the original.
pub const PUBLISHED_FREEDOM: f32 = 48.0;

/// A test of a correlation against zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The original's formula, for comparison with published scores.
    Published,
    /// Student's t for a correlation over this many stimuli.
    Textbook {
        /// Number of test stimuli that the correlation was taken over; below 3 nothing is significant.
        n_stimuli: usize,
    },
}

impl Test {
    /// Two-sided p of `r`; NaN where the test is undefined (r NaN or beyond ±1 in the published test,
    /// fewer than 3 stimuli in the other).
    pub fn p_value(self, r: f32) -> f64 {
        match self {
            Test::Published => self.p_of_statistic(f64::from(published_statistic(r))),
            Test::Textbook { .. } => {
                // DEVIATION: divides by 1 − r², takes n − 2 from the test set and computes in f64. With 50
                // stimuli and p < 0.05 it keeps 0.278711 < r < 0.304699 and r > 0.952449 in addition; with
                // 40 stimuli it starts at 0.3120, with 100 at 0.1966.
                let r = f64::from(r).clamp(-1.0, 1.0);
                self.p_of_statistic(r * (self.freedom() / (1.0 - r * r)).sqrt())
            }
        }
    }

    /// Whether `r` is positive and significant at level `p`. For many r, make a [`Rule`].
    pub fn keeps(self, r: f32, p: f64) -> bool {
        r > 0.0 && r.is_finite() && self.p_value(r) < p
    }

    /// The significant positive r at level `p`, as an open interval; `None` when no r is.
    ///
    /// For display: decisions are made by [`Test::keeps`] and [`Rule::keeps`].
    pub fn interval(self, p: f64) -> Option<(f64, f64)> {
        if !(p > 0.0 && p <= 1.0) {
            return None;
        }
        let freedom = self.freedom();
        let t = self.distribution()?.inverse_cdf(1.0 - p / 2.0);
        match self {
            Test::Published => {
                // t² = 48 x (1 − x) with x = r² has two solutions, or none above its maximum 48 / 4.
                let root = 1.0 - 4.0 * t * t / freedom;
                (root >= 0.0).then(|| {
                    (
                        ((1.0 - root.sqrt()) / 2.0).sqrt(),
                        ((1.0 + root.sqrt()) / 2.0).sqrt(),
                    )
                })
            }
            Test::Textbook { .. } => Some((t / (freedom + t * t).sqrt(), 1.0)),
        }
    }

    fn freedom(self) -> f64 {
        match self {
            Test::Published => f64::from(PUBLISHED_FREEDOM),
            Test::Textbook { n_stimuli } => n_stimuli as f64 - 2.0,
        }
    }

    fn distribution(self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, self.freedom()).ok()
    }

    fn p_of_statistic(self, t: f64) -> f64 {
        match self.distribution() {
            Some(distribution) if !t.is_nan() => 2.0 * distribution.sf(t.abs()),
            _ => f64::NAN,
        }
    }
}

/// r · √(48 · (1 − r²)), every operation rounded to `f32` as in the original.
fn published_statistic(r: f32) -> f32 {
    r * (PUBLISHED_FREEDOM * (1.0 - r * r)).sqrt()
}

/// A test at a level, ready to decide about millions of correlations.
///
/// p falls with the statistic, and there are finitely many `f32`: the smallest one that passes is found
/// once by bisection, and deciding is then one comparison, with the same outcome as [`Test::keeps`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    test: Test,
    p: f64,
    /// Smallest significant value: of the statistic (published) or of r (textbook).
    critical: f32,
}

impl Rule {
    /// The rule `p_value(r) < p` for positive r.
    pub fn new(test: Test, p: f64) -> Self {
        let critical = match test {
            Test::Published => smallest(f32::MAX, |t| test.p_of_statistic(f64::from(t)) < p),
            Test::Textbook { .. } => smallest(1.0, |r| test.p_value(r) < p),
        };
        Self { test, p, critical }
    }

    /// Whether `r` is positive and significant; false for NaN and infinities.
    pub fn keeps(&self, r: f32) -> bool {
        let value = match self.test {
            Test::Published => published_statistic(r),
            Test::Textbook { .. } => r,
        };
        r > 0.0 && r.is_finite() && value >= self.critical
    }

    /// The test.
    pub fn test(&self) -> Test {
        self.test
    }

    /// The significant positive r as an open interval; `None` when nothing can be significant.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.test.interval(self.p)
    }
}

/// Smallest `f32` in 0..=`upper` that `passes`, for a condition that holds from some value on;
/// infinity if it does not hold at `upper`.
fn smallest(upper: f32, passes: impl Fn(f32) -> bool) -> f32 {
    if !passes(upper) {
        return f32::INFINITY;
    }
    // Positive floats are ordered as their bits.
    let (mut low, mut high) = (0, upper.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(f32::from_bits(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    f32::from_bits(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIFTY: Test = Test::Textbook { n_stimuli: 50 };

    #[test]
    fn t_distribution_equals_scipy() {
        // 2 * scipy.stats.t.sf(t, df), SciPy 1.16
        let golden = [
            (1, 0.1, 0.9365489651388929),
            (1, 8.0, 0.07916684832113108),
            (2, 2.0106, 0.18206855549326312),
            (8, 3.4641, 0.008516283595650475),
            (28, 0.1, 0.9210568997723267),
            (28, 2.0106, 0.054087628418166236),
            (48, 0.1, 0.9207608296789529),
            (48, 1.0, 0.3223252185211165),
            (48, 2.0106, 0.050003804934302704),
            (48, 3.4641, 0.001129672451828393),
            (48, 8.0, 2.2021046133808798e-10),
            (98, 2.0106, 0.04711524099252483),
            (98, 8.0, 2.536943394094079e-12),
            (998, 3.4641, 0.0005546151930767889),
            (998, 8.0, 3.4333447106990414e-15),
        ];
        for (freedom, t, p) in golden {
            let found = Test::Textbook {
                n_stimuli: freedom + 2,
            }
            .p_of_statistic(t);
            assert!(
                (found / p - 1.0).abs() < 1e-11,
                "df {freedom}, t {t}: {found} {p}"
            );
        }
        // scipy.stats.t.ppf(1 - p / 2, df)
        let golden = [
            (1, 0.05, 12.706204736432095),
            (28, 0.2, 1.3125267815926667),
            (28, 1e-6, 6.225413445505243),
            (48, 0.05, 2.010634757624232),
            (48, 0.001, 3.505067970469734),
            (98, 0.01, 2.626931095756373),
            (998, 1e-6, 4.9223512834737955),
        ];
        for (freedom, p, t) in golden {
            let test = Test::Textbook {
                n_stimuli: freedom + 2,
            };
            let (low, _) = test.interval(p).unwrap();
            let expected = t / (freedom as f64 + t * t).sqrt();
            assert!(
                (low - expected).abs() < 1e-9,
                "df {freedom}, p {p}: {low} {expected}"
            );
        }
    }

    #[test]
    fn significant_intervals() {
        let close = |found: Option<(f64, f64)>, low: f64, high: f64| {
            let (a, b) = found.unwrap();
            assert!((a - low).abs() < 1e-6 && (b - high).abs() < 1e-6, "{a} {b}");
        };
        close(Test::Published.interval(0.05), 0.304699, 0.952449);
        close(Test::Published.interval(0.01), 0.428465, 0.903559);
        close(FIFTY.interval(0.05), 0.278711, 1.0);
        assert_eq!(Test::Published.interval(0.001), None);
        assert_eq!(Test::Published.interval(0.00112), None);
        assert!(Test::Published.interval(0.00114).is_some());
        assert!((Test::Textbook { n_stimuli: 40 }.interval(0.05).unwrap().0 - 0.3120).abs() < 5e-5);
        assert!(
            (Test::Textbook { n_stimuli: 100 }.interval(0.05).unwrap().0 - 0.1966).abs() < 5e-5
        );
    }

    #[test]
    fn flags() {
        let flags = |test| {
            let rule = Rule::new(test, 0.05);
            [0.2787, 0.28, 0.30, 0.31, 0.95, 0.96].map(|r| u8::from(rule.keeps(r)))
        };
        assert_eq!(flags(FIFTY), [0, 1, 1, 1, 1, 1]);
        assert_eq!(flags(Test::Published), [0, 0, 0, 1, 1, 0]);
    }

    #[test]
    fn one_is_kept_by_the_textbook_only() {
        assert_eq!(FIFTY.p_value(1.0), 0.0);
        assert!(FIFTY.keeps(1.0, 1e-9) && Rule::new(FIFTY, 1e-9).keeps(1.0));
        assert_eq!(Test::Published.p_value(1.0), 1.0);
        assert!(!Test::Published.keeps(1.0, 0.05));
    }

    #[test]
    fn nothing_else_is_kept() {
        let published = Rule::new(Test::Published, 0.05);
        let textbook = Rule::new(FIFTY, 0.05);
        for r in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.5, -1.0] {
            assert!(!published.keeps(r) && !textbook.keeps(r), "{r}");
        }
        let few = Rule::new(Test::Textbook { n_stimuli: 2 }, 0.05);
        assert!(!few.keeps(1.0) && few.interval().is_none());
        let never = Rule::new(Test::Published, 0.001);
        assert!((0..=1000_u16).all(|r| !never.keeps(f32::from(r) / 1000.0)));
        // Just above 1 by rounding: undefined in the published test, certain in the other.
        assert!(!published.keeps(1.000_000_1) && textbook.keeps(1.000_000_1));
    }

    #[test]
    fn rule_equals_formula_around_the_thresholds() {
        for (test, p) in [
            (Test::Published, 0.05),
            (Test::Published, 0.01),
            (Test::Published, 0.00114),
            (FIFTY, 0.05),
            (FIFTY, 0.001),
            (Test::Textbook { n_stimuli: 3 }, 0.05),
        ] {
            let rule = Rule::new(test, p);
            let (low, high) = test.interval(p).unwrap();
            for edge in [low as f32, high as f32] {
                for bits in edge.to_bits() - 300..edge.to_bits() + 300 {
                    let r = f32::from_bits(bits);
                    assert_eq!(rule.keeps(r), test.keeps(r, p), "{test:?} p {p} r {r}");
                }
            }
        }
    }

    #[test]
    fn published_comparison_is_in_single_precision() {
        // Correlations next to a threshold that the original, in f32, decides otherwise than f64 would.
        for (p, bits, kept) in [
            (0.0015, 0x3f1e_6dc6, false),
            (0.0015, 0x3f49_167c, false),
            (0.002, 0x3f50_d5cd, false),
            (0.005, 0x3ef8_d1f5, true),
            (0.02, 0x3ebf_d1a8, false),
            (0.02, 0x3f6d_5ade, true),
            (0.03, 0x3eb0_01d2, true),
            (0.06, 0x3f74_f445, false),
        ] {
            let r = f32::from_bits(bits);
            assert_eq!(Test::Published.keeps(r, p), kept, "p {p}, r {r}");
            assert_eq!(Rule::new(Test::Published, p).keeps(r), kept, "p {p}, r {r}");
        }
    }

    proptest! {
        #[test]
        fn rule_equals_formula(
            r in (-10_000_i32..10_000).prop_map(|r| r as f32 / 1e4),
            p in 1e-6_f64..1.0,
            n_stimuli in 3_usize..2000,
        ) {
            for test in [Test::Published, Test::Textbook { n_stimuli }] {
                prop_assert_eq!(Rule::new(test, p).keeps(r), test.keeps(r, p));
            }
        }
    }
}
