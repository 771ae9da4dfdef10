//! Scales with round steps, and how numbers are written.

/// Where values lie between two ends in drawing units, with round steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    low: f64,
    step: f64,
    n_steps: i32,
    /// Where the lowest tick lies.
    pub from: i32,
    /// Where the highest tick lies.
    pub to: i32,
}

impl Scale {
    /// Round steps, at most `most`, that cover all finite `values`; 0 to 1 if they are none, and one
    /// step if they are equal.
    pub fn covering(values: impl Iterator<Item = f64>, most: f64, from: i32, to: i32) -> Scale {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, span) = if high > low {
            (low, high - low)
        } else if low.is_finite() {
            (low, low.abs().max(0.1))
        } else {
            (0.0, 1.0)
        };
        let step = nice_step(span, most);
        let below = (low / step + 1e-9).floor();
        let above = (high.max(low) / step - 1e-9).ceil().max(below + 1.0);
        let above = if high.is_finite() {
            above
        } else {
            (span / step).ceil()
        };
        Scale {
            low: below * step,
            step,
            n_steps: (above - below) as i32,
            from,
            to,
        }
    }

    /// The same scale between other ends.
    pub fn between(&self, from: i32, to: i32) -> Scale {
        Scale {
            from,
            to,
            ..self.clone()
        }
    }

    /// Where a value lies.
    pub fn at(&self, value: f64) -> i32 {
        let share = (value - self.low) / (self.step * f64::from(self.n_steps));
        self.from + (share * f64::from(self.to - self.from)).round() as i32
    }

    /// Places and words of the ticks.
    pub fn ticks(&self) -> Vec<(i32, String)> {
        let decimals = (-self.step.log10() - 1e-9).ceil().max(0.0) as usize;
        (0..=self.n_steps)
            .map(|tick| {
                let value = self.low + f64::from(tick) * self.step;
                (self.at(value), number(value, decimals))
            })
            .collect()
    }
}

/// A step of 1, 2 or 5 × 10ⁿ that divides `span` into at most `most` parts.
fn nice_step(span: f64, most: f64) -> f64 {
    let raw = span / most;
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&s| s >= raw * 0.999)
        .unwrap_or(raw)
}

/// A number with a true minus sign and no negative zero.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|digit| "0.".contains(digit)) => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(nice_step(0.53, 6.0), 0.1);
        assert_eq!(nice_step(1.9, 6.0), 0.5);
        assert_eq!(nice_step(1.0, 5.0), 0.2);
    }

    #[test]
    fn scale_covers_its_values() {
        let scale = Scale::covering([-0.84, f64::NAN, 0.83].into_iter(), 8.0, 100, 1100);
        assert!(scale.at(-0.84) >= 100 && scale.at(0.83) <= 1100);
        assert!(scale.at(-0.84) < scale.at(0.0) && scale.at(0.0) < scale.at(0.83));
        let up = scale.between(1100, 100);
        assert!(up.at(-0.84) > up.at(0.83));
    }

    #[test]
    fn nothing_and_equal_values_have_a_scale() {
        let none = Scale::covering([f64::NAN].into_iter(), 5.0, 0, 100);
        assert_eq!(words(&none).last().map(String::as_str), Some("1.0"));
        let zero = Scale::covering([0.0, 0.0].into_iter(), 5.0, 0, 100);
        assert!(zero.at(0.0) == 0 && zero.ticks().len() >= 2);
        let one = Scale::covering([0.3].into_iter(), 5.0, 0, 100);
        assert!((0..=100).contains(&one.at(0.3)));
    }

    #[test]
    fn ticks_have_the_decimals_of_their_step() {
        let scale = Scale::covering([-0.1, 0.1].into_iter(), 4.0, 0, 100);
        assert_eq!(words(&scale), ["−0.10", "−0.05", "0.00", "0.05", "0.10"]);
        let counts = Scale::covering([0.0, 200.0].into_iter(), 4.0, 0, 100);
        assert_eq!(words(&counts), ["0", "50", "100", "150", "200"]);
    }

    #[test]
    fn numbers_have_no_negative_zero() {
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(-0.25, 2), "−0.25");
    }
}
