//! What the checks of a model found.

use serde::Serialize;

/// The checks, in the order of their numbers (SPEC: 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The manifest can be read and has no unknown keys.
    Manifest,
    /// The id is well-formed, and of no other model beside this one.
    Id,
    /// Files are named by relative paths and lie inside the model's folder.
    Paths,
    /// Files have the fingerprint that the manifest gives.
    Hash,
    /// The model loads; layers exist, are large enough and in order.
    Layers,
    /// Activations are finite, the same in batches of any size and on repeat, and differ between images.
    Activations,
    /// No two units have the same name.
    Units,
    /// A small benchmark runs from end to end.
    Benchmark,
    /// The readout's probabilities sum to 1.
    Probabilities,
    /// There are as many logits as ImageNet has classes.
    Logits,
    /// The visual angle is possible.
    Degrees,
    /// The reference can be read.
    Bibtex,
    /// The network has as many parameters as the manifest says.
    Parameters,
    /// Features of a benchmark fit into memory.
    Memory,
}

impl Check {
    /// All of them in their order.
    pub const ALL: [Check; 14] = [
        Check::Manifest,
        Check::Id,
        Check::Paths,
        Check::Hash,
        Check::Layers,
        Check::Activations,
        Check::Units,
        Check::Benchmark,
        Check::Probabilities,
        Check::Logits,
        Check::Degrees,
        Check::Bibtex,
        Check::Parameters,
        Check::Memory,
    ];

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// Its name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Check::Manifest => "manifest",
            Check::Id => "id",
            Check::Paths => "paths",
            Check::Hash => "sha256",
            Check::Layers => "layers",
            Check::Activations => "activations",
            Check::Units => "unit names",
            Check::Benchmark => "mock benchmark",
            Check::Probabilities => "probabilities",
            Check::Logits => "logits",
            Check::Degrees => "visual degrees",
            Check::Bibtex => "bibtex",
            Check::Parameters => "parameters",
            Check::Memory => "memory",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Usable, but somebody should look.
    Warning,
    /// Not usable.
    Failed,
    /// Not looked at; the message says why.
    Skipped,
}

impl Status {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
        }
    }
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub status: Status,
    /// What was seen; one line for each problem.
    pub message: String,
    /// What to do, unless nothing is to be done.
    pub remedy: Option<String>,
}

impl Verdict {
    /// As it should be.
    pub fn ok(message: impl Into<String>) -> Verdict {
        Verdict::new(Status::Ok, message, None)
    }

    /// Usable, but somebody should look.
    pub fn warning(message: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict::new(Status::Warning, message, Some(remedy.into()))
    }

    /// Not usable.
    pub fn failed(message: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict::new(Status::Failed, message, Some(remedy.into()))
    }

    /// Not looked at.
    pub fn skipped(reason: impl Into<String>) -> Verdict {
        Verdict::new(Status::Skipped, reason, None)
    }

    /// Failed for several reasons, or `otherwise` where there are none.
    #[must_use]
    pub fn of_problems(problems: &[String], remedy: &str, otherwise: Verdict) -> Verdict {
        match problems {
            [] => otherwise,
            problems => Verdict::failed(problems.join("\n"), remedy),
        }
    }

    fn new(status: Status, message: impl Into<String>, remedy: Option<String>) -> Verdict {
        Verdict {
            status,
            message: message.into(),
            remedy,
        }
    }
}

/// Errors tell the remedy themselves.
impl From<crate::Error> for Verdict {
    fn from(error: crate::Error) -> Verdict {
        Verdict::new(Status::Failed, error.to_string(), None)
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Number of the check, from 1.
    pub number: usize,
    /// Name of the check.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// What was seen; one line for each problem.
    pub message: String,
    /// What to do; none where nothing is to be done, or the message tells.
    pub remedy: Option<String>,
}

/// Findings so far, in the order of the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    /// Does a check, or skips it if one that it needs did not pass.
    pub fn check(&mut self, check: Check, needs: &[Check], look: impl FnOnce() -> Verdict) {
        self.check_with(check, needs, || (look(), None::<()>));
    }

    /// As [`check`](Self::check), of what an earlier check has left.
    pub fn check_on<T>(
        &mut self,
        check: Check,
        needs: &[Check],
        left: Option<&T>,
        look: impl FnOnce(&T) -> Verdict,
    ) {
        // A check that passed has left it.
        let absent = || Verdict::skipped("the model is not loaded");
        self.check(check, needs, || left.map_or_else(absent, look));
    }

    /// As [`check`](Self::check), with something for later checks; none if it was skipped.
    pub fn check_with<T>(
        &mut self,
        check: Check,
        needs: &[Check],
        look: impl FnOnce() -> (Verdict, Option<T>),
    ) -> Option<T> {
        let (verdict, result) = match needs.iter().find(|need| !self.passed(**need)) {
            None => look(),
            Some(need) => {
                let (number, name) = (need.number(), need.name());
                let reason = format!("check {number} ({name}) did not pass");
                (Verdict::skipped(reason), None)
            }
        };
        self.found.push(Finding {
            number: check.number(),
            name: check.name(),
            status: verdict.status,
            message: verdict.message,
            remedy: verdict.remedy,
        });
        result
    }

    /// Whether a check was done and did not fail.
    #[must_use]
    pub fn passed(&self, check: Check) -> bool {
        let found = self.found.iter().find(|one| one.number == check.number());
        found.is_some_and(|one| matches!(one.status, Status::Ok | Status::Warning))
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn none_failed(&self) -> bool {
        self.count(Status::Failed) == 0
    }

    /// How many checks ended like that.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.found.iter().filter(|one| one.status == status).count()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Finding] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_order() {
        let numbers: Vec<usize> = Check::ALL.iter().map(|check| check.number()).collect();
        assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
    }

    #[test]
    fn what_needs_a_failed_check_is_skipped_with_the_reason() {
        let mut findings = Findings::default();
        findings.check(Check::Manifest, &[], || {
            Verdict::warning("odd", "look at it")
        });
        findings.check(Check::Paths, &[Check::Manifest], || {
            Verdict::failed("gone", "bring it")
        });
        findings.check(Check::Hash, &[Check::Manifest, Check::Paths], || {
            unreachable!("it is skipped")
        });
        findings.check(Check::Layers, &[Check::Hash], || {
            unreachable!("it is skipped")
        });
        let statuses: Vec<Status> = findings.all().iter().map(|one| one.status).collect();
        use Status::{Failed, Skipped, Warning};
        assert_eq!(statuses, [Warning, Failed, Skipped, Skipped]);
        assert_eq!(findings.all()[2].message, "check 3 (paths) did not pass");
        assert!(!findings.none_failed());
    }
}
