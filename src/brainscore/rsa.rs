//! Representational similarity analysis: a model against the dissimilarities of several subjects, and how well any
//! model could do.
//!
//! The ceilings are those of Nili et al. (2014, PLoS Comput. Biol. 10(4): e1003553), with Spearman's ρ of the matrices
//! as they are: every subject's similarity with the mean of all, which includes its own (upper), or with the mean of
//! the others (lower, Brain-Score's `RSACeiling`). Scores are divided by a ceiling without squaring
//! ([`super::normalise::Normalise::Ratio`]).

use ndarray::{Array1, Array2};

use super::predictivity::mean_and_error;
use super::rdm::Rdm;
use crate::error::{Error, Result};

/// A number per subject, and their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct OverSubjects {
    /// `(n_subjects,)`.
    pub per_subject: Array1<f64>,
    /// Mean over subjects.
    pub value: f64,
    /// Standard error over subjects: SD (n, not n − 1) / √n_subjects.
    pub error: f64,
}

impl OverSubjects {
    fn new(per_subject: Vec<f64>) -> OverSubjects {
        let per_subject = Array1::from(per_subject);
        let (value, error) = mean_and_error(&per_subject);
        OverSubjects {
            per_subject,
            value,
            error,
        }
    }
}

/// What a model's similarity with subjects can be.
#[derive(Debug, Clone, PartialEq)]
pub struct RsaCeiling {
    /// Similarity with the mean of all subjects: too high for any model.
    pub upper: OverSubjects,
    /// Similarity with the mean of the other subjects.
    pub lower: OverSubjects,
}

/// Similarity of a model with every subject.
///
/// # Errors
/// If there is no subject, or one has other stimuli than the model.
pub fn score(model: &Rdm, subjects: &[Rdm]) -> Result<OverSubjects> {
    check(model.n_stimuli(), subjects, 1)?;
    let similarities = subjects.iter().map(|subject| model.similarity(subject));
    Ok(OverSubjects::new(similarities.collect()))
}

/// Upper and lower ceiling.
///
/// # Errors
/// If there are fewer than two subjects, or they have different numbers of stimuli.
pub fn ceiling(subjects: &[Rdm]) -> Result<RsaCeiling> {
    let n_stimuli = subjects.first().map_or(0, Rdm::n_stimuli);
    check(n_stimuli, subjects, 2)?;
    let mut sum = Array2::<f64>::zeros((n_stimuli, n_stimuli));
    subjects.iter().for_each(|subject| sum += &subject.matrix());
    let n = subjects.len() as f64;
    let all = Rdm::given(&sum / n)?;
    let mut lower = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let others = Rdm::given((&sum - &subject.matrix()) / (n - 1.0))?;
        lower.push(subject.similarity(&others));
    }
    let upper = subjects.iter().map(|subject| subject.similarity(&all));
    Ok(RsaCeiling {
        upper: OverSubjects::new(upper.collect()),
        lower: OverSubjects::new(lower),
    })
}

fn check(n_stimuli: usize, subjects: &[Rdm], least: usize) -> Result<()> {
    if subjects.len() < least {
        return Err(Error::data(
            "similarity analysis",
            format!("{} subjects where {least} are needed", subjects.len()),
            "give recordings of more subjects",
        ));
    }
    let other = subjects
        .iter()
        .position(|subject| subject.n_stimuli() != n_stimuli);
    match other {
        Some(number) => Err(Error::data(
            format!("subject {number}"),
            format!(
                "has {} stimuli, not {n_stimuli}",
                subjects[number].n_stimuli()
            ),
            "give dissimilarities of the same stimuli in the same order",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::features::Features;
    use crate::brainscore::noise;

    fn subjects() -> Vec<Rdm> {
        let common = noise(15, 20, 1);
        let of = |seed| &common + &(noise(15, 20, seed) * 0.8);
        (2..6)
            .map(|seed| Rdm::of(&Features::new(of(seed)).unwrap()).unwrap())
            .collect()
    }

    #[test]
    fn the_truth_lies_between_the_ceilings() {
        let subjects = subjects();
        let found = ceiling(&subjects).unwrap();
        let truth = Rdm::of(&Features::new(noise(15, 20, 1)).unwrap()).unwrap();
        let score = score(&truth, &subjects).unwrap();
        assert!(found.lower.value < score.value && score.value < found.upper.value);
        let others = (1..4).fold(Array2::zeros((15, 15)), |sum, other| {
            sum + subjects[other].matrix()
        });
        let expected = subjects[0].similarity(&Rdm::given(others / 3.0).unwrap());
        assert!((found.lower.per_subject[0] - expected).abs() < 1e-12);
    }

    #[test]
    fn subjects_must_have_the_same_stimuli() {
        let mut subjects = subjects();
        assert!(ceiling(&subjects[..1]).is_err());
        subjects[2] = subjects[2].select(&[0, 1, 2]);
        assert!(
            ceiling(&subjects)
                .unwrap_err()
                .to_string()
                .contains("subject 2")
        );
    }
}
