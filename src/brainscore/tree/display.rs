//! Scores as the leaderboard prints them, and the rounding on which its ranks rest.

use super::node::Score;

/// What lies this near below a half is one: .0945 is slightly less in binary, and .095 on the site.
const NEARLY: f64 = 1e-9;

/// Thousandths beyond these are all the same.
const LARGEST: f64 = 1e18;

/// A failed benchmark.
pub const FAILED: &str = "X";

/// Three decimals without the zero before the point (`.346`), one decimal from 1 on (`1.0`), `X` for a failed
/// benchmark, nothing for one that was never run.
pub fn text(score: Score) -> String {
    let value = match score {
        Score::Value(value) => value,
        Score::Failed => return FAILED.to_owned(),
        Score::NotRun => return String::new(),
    };
    if value >= 1.0 {
        return format!("{value:.1}");
    }
    let thousandths = thousandths(value);
    let (sign, size) = (if thousandths < 0 { "-" } else { "" }, thousandths.abs());
    match size / 1000 {
        0 => format!("{sign}.{size:03}"),
        whole => format!("{sign}{whole}.{:03}", size % 1000),
    }
}

/// A value in thousandths, halves away from zero.
pub fn thousandths(value: f64) -> i64 {
    let scaled = value * 1000.0;
    let rounded = (scaled + NEARLY.copysign(scaled)).round();
    // Engineering benchmarks have any values.
    rounded.clamp(-LARGEST, LARGEST) as i64
}

/// A value in hundredths after it was rounded to thousandths, halves up each time: .0945 → .095 → .10.
pub fn hundredths(value: f64) -> i64 {
    (thousandths(value) + 5).div_euclid(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_on_the_site() {
        for (value, expected) in [
            (0.3461, ".346"),
            (0.0945, ".095"),
            (0.0, ".000"),
            (1.0, "1.0"),
            (1.26, "1.3"),
            (0.9996, "1.000"),
            (-0.0312, "-.031"),
            (-1.5, "-1.500"),
        ] {
            assert_eq!(text(Score::Value(value)), expected);
        }
        assert_eq!(text(Score::Failed), "X");
        assert_eq!(text(Score::NotRun), "");
    }

    #[test]
    fn halves_are_rounded_up_twice() {
        assert_eq!(thousandths(1.0045), 1005, "1.0045 * 1000 is 1004.49…");
        assert_eq!((hundredths(0.0945), hundredths(0.0944)), (10, 9));
        assert_eq!((hundredths(0.005), hundredths(0.0049)), (1, 1));
        assert_eq!(hundredths(0.0044), 0);
        for value in [f64::MIN, f64::MAX] {
            let size = thousandths(value).abs();
            assert_eq!(size, 1_000_000_000_000_000_000);
            assert!(!text(Score::Value(value)).is_empty());
        }
    }
}
