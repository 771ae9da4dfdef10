//! Time limits as Slurm writes them, and how long before the end a worker is told.

use bhscore::Error;

/// Seconds between the warning and the end of a job: longer than the longest item takes.
const WARNING: u64 = 120;
/// Of a short limit this part is left to the warning, or the worker would stop when it begins.
const WARNING_PART: u64 = 5;

/// How long a job may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    text: String,
    /// `None` for no limit.
    seconds: Option<u64>,
}

impl Limit {
    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Seconds before the end at which the worker gets SIGTERM.
    pub fn warning(&self) -> u64 {
        let part = self.seconds.map(|seconds| seconds / WARNING_PART);
        part.map_or(WARNING, |part| part.clamp(1, WARNING))
    }
}

impl std::str::FromStr for Limit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Limit, Error> {
        let seconds = if matches!(text, "UNLIMITED" | "INFINITE") {
            Some(None)
        } else {
            seconds(text).map(Some)
        };
        let limit = seconds.map(|seconds| Limit {
            text: text.to_owned(),
            seconds,
        });
        limit.ok_or_else(|| {
            Error::data(
                format!("time limit `{text}`"),
                "is not one of Slurm's forms",
                "write minutes, [hours:]minutes:seconds or days-hours[:minutes[:seconds]], such as `24:00:00` or `2-0`",
            )
        })
    }
}

/// Slurm's forms: `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`.
fn seconds(text: &str) -> Option<u64> {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        text.split(':')
            .map(|part| part.parse().ok().filter(|_| is_number(part)))
            .collect()
    };
    let (days, hours, minutes, seconds) = match text.split_once('-') {
        Some((days, rest)) => {
            let [days] = *numbers(days)? else {
                return None;
            };
            match *numbers(rest)? {
                [h] => (days, h, 0, 0),
                [h, m] => (days, h, m, 0),
                [h, m, s] => (days, h, m, s),
                _ => return None,
            }
        }
        None => match *numbers(text)? {
            [m] => (0, 0, m, 0),
            [m, s] => (0, 0, m, s),
            [h, m, s] => (0, h, m, s),
            _ => return None,
        },
    };
    let hours = days.checked_mul(24)?.checked_add(hours)?;
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let seconds = minutes.checked_mul(60)?.checked_add(seconds)?;
    (seconds > 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_limits() {
        for (text, expected) in [
            ("90", 5400),
            ("2:30", 150),
            ("24:00:00", 86_400),
            ("2-0", 172_800),
            ("1-2:03", 93_780),
            ("1-2:03:04", 93_784),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in [
            "", "0", "-1", "1h", "1:2:3:4", "1-", "a-1", "1:2-3", "+5", "1-1-1", "1\n",
        ] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_warning_leaves_time_to_work() {
        let warning = |text: &str| text.parse::<Limit>().unwrap().warning();
        assert_eq!(warning("24:00:00"), 120);
        assert_eq!(warning("UNLIMITED"), 120);
        assert_eq!(warning("5"), 60);
        assert_eq!(warning("0:03"), 1);
    }
}
