//! Recordings of one region, of one subject or pooled, as metrics take them.

use std::collections::HashMap;

use ndarray::{Array2, Array3, ArrayView2, Axis, s};

use super::ceiling::{self, Presentations};
use super::names::numbered;
use super::reliability;
use crate::error::{Error, Result};
use crate::io::assembly::{Assembly, Columns};
use crate::study::brain::{Samples, Stimuli};

/// Columns that tell the class of a stimulus, by which splits are stratified (SPEC: 2.1).
pub const CLASSES: [&str; 2] = ["object_name", "texture_type"];

/// How the ceiling is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Estimator {
    /// Halves of the repetitions, corrected after Spearman and Brown.
    #[default]
    Repetition,
    /// From the variance within stimuli and between them.
    Variance,
    /// No ceiling.
    None,
}

/// Share of repeated stimuli from which on a ceiling counts as that of all.
const ALL: f64 = 0.995;

/// How well a bin could be predicted at best.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Median over sites, from 0 to 1.
    pub value: f64,
    /// Standard error; none where the estimator gives none.
    pub error: Option<f64>,
    /// Of every site, `(n_sites,)`; NaN where undefined.
    pub per_site: Vec<f64>,
    /// Share of the stimuli that it is of: those that were repeated.
    pub share: f64,
}

/// Which presentations and stimuli belong together.
#[derive(Debug, Clone, Default)]
pub struct Grouping {
    /// Column of classes; one of [`CLASSES`] if there is one.
    pub stratify: Option<String>,
    /// Column of groups for k-fold.
    pub groups: Option<String>,
}

/// Recordings of one region.
#[derive(Debug, Clone)]
pub struct Recordings {
    /// Whose; none where sites of several are pooled.
    pub subject: Option<String>,
    /// Where.
    pub region: String,
    /// Names of the stimuli, `(n_stimuli,)`.
    pub stimuli: Vec<String>,
    /// Mean responses, `(n_stimuli, n_sites, n_bins)`.
    pub means: Array3<f64>,
    /// Names of the sites, `(n_sites,)`.
    pub sites: Vec<String>,
    /// Start and end of each bin in milliseconds, if known.
    pub bins: Vec<(f64, f64)>,
    /// Class of every stimulus, where they have classes.
    pub classes: Option<Vec<usize>>,
    /// Group of every stimulus, where groups were asked for.
    pub groups: Option<Vec<usize>>,
    /// Ceiling of every bin; none without repetitions.
    pub ceilings: Vec<Option<Bound>>,
}

impl Recordings {
    /// All sites of an assembly.
    ///
    /// Stimuli are in the order in which they come first. Without a column `repetition` the presentations of a
    /// stimulus are counted.
    ///
    /// # Errors
    /// If a column that was asked for is missing, or a stimulus is in two classes.
    pub fn new(
        assembly: &Assembly,
        region: &str,
        subject: Option<&str>,
        grouping: &Grouping,
        estimator: Estimator,
    ) -> Result<Recordings> {
        let averaged = assembly.averaged()?;
        let stimulus = positions(assembly.stimuli()?);
        let repetition = repetitions(assembly, &stimulus);
        let numbers = |column: &str| numbers_of(assembly, column, &stimulus, &averaged.first);
        let classes = match &grouping.stratify {
            Some(column) => Some(numbers(column)?),
            None => {
                let known = CLASSES
                    .into_iter()
                    .find(|name| assembly.presentations.get(name).is_some());
                known.map(numbers).transpose()?
            }
        };
        let groups = grouping.groups.as_deref().map(numbers).transpose()?;
        let n_bins = averaged.values.len_of(Axis(2));
        let bound = |bin: usize| -> Result<Option<Bound>> {
            let responses = assembly.values.slice(s![.., .., bin]);
            let data = Presentations {
                responses,
                stimulus: &stimulus,
                repetition: &repetition,
            };
            estimator.bound(&data)
        };
        Ok(Recordings {
            subject: subject.map(str::to_owned),
            region: region.to_owned(),
            ceilings: (0..n_bins).map(bound).collect::<Result<_>>()?,
            stimuli: averaged.stimuli,
            means: averaged.values,
            sites: assembly.site_names(),
            bins: assembly.bins.clone(),
            classes,
            groups,
        })
    }

    /// Mean responses of one bin, `(n_stimuli, n_sites)`.
    #[must_use]
    pub fn bin(&self, bin: usize) -> ArrayView2<'_, f64> {
        self.means.index_axis(Axis(2), bin)
    }

    /// Region and subject, in messages.
    #[must_use]
    pub fn whose(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} of {subject}", self.region),
            None => self.region.clone(),
        }
    }

    /// What a reader of ceiled scores should know of the ceilings, if anything.
    ///
    /// The ceiling is that of the mean responses to stimuli that were repeated, as the registry has it. Where others
    /// were not, their means are noisier than it says, and no score reaches it.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let shares = self.ceilings.iter().flatten().map(|bound| bound.share);
        let least = shares.fold(1.0, f64::min);
        // Few stimuli that were shown once change nothing.
        (least < ALL).then(|| {
            let whose = self.whose();
            format!(
                "{whose}: the ceiling is of {:.1} % of the stimuli, the others have too few repetitions; scores are of all of \
                 them, and ceiled ones too low: leave out stimuli that were not repeated, or the ceiling (`--ceiling none`)",
                100.0 * least
            )
        })
    }

    /// Number of time bins.
    #[must_use]
    pub fn n_bins(&self) -> usize {
        self.means.len_of(Axis(2))
    }
}

impl Estimator {
    fn bound(self, data: &Presentations) -> Result<Option<Bound>> {
        Ok(match self {
            Estimator::None => None,
            Estimator::Repetition => ceiling::split_half(data)?.map(|found| Bound {
                share: data.share_repeated(),
                value: found.value,
                error: Some(found.error),
                per_site: found.per_site().to_vec(),
            }),
            Estimator::Variance => reliability::by_variance(data)?.map(|found| Bound {
                value: found.value,
                error: None,
                per_site: found.per_site.to_vec(),
                share: data.share_repeated(),
            }),
        })
    }
}

/// An fMRI ROI as an assembly: samples are presentations, voxels are sites.
///
/// Presentations are in the order of the stimuli's names, then of time: the same stimuli for all subjects, in whatever
/// order each saw them.
///
/// - `images`: names of the feature files in text order, by which tables without names number their images.
///
/// # Errors
/// If the table numbers images that are not there.
pub fn of_roi(samples: Samples, images: &[String]) -> Result<Assembly> {
    let names: Vec<String> = match &samples.stimuli {
        Stimuli::Names { names, .. } => names.clone(),
        Stimuli::Ranks(ranks) => {
            let name = |rank: &usize| {
                images.get(rank - 1).cloned().ok_or_else(|| {
                    let problem = format!("shows image number {rank} of {}", images.len());
                    Error::file(&samples.path, problem, "complete the layer's feature files")
                })
            };
            ranks.iter().map(name).collect::<Result<_>>()?
        }
    };
    let mut order: Vec<usize> = (0..samples.stimulus_of.len()).collect();
    order.sort_by_key(|&row| samples.stimulus_of[row]);
    let shown = order
        .iter()
        .map(|&row| names[samples.stimulus_of[row]].clone());
    let mut presentations = Columns::default();
    presentations.insert("stimulus_id", shown.collect());
    Ok(Assembly {
        values: samples.voxels.select(Axis(0), &order).insert_axis(Axis(2)),
        presentations,
        sites: Columns::default(),
        bins: Vec::new(),
        path: samples.path,
    })
}

/// Number of each name by its first appearance.
fn positions(names: &[String]) -> Vec<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut place = |name| {
        let next = known.len();
        *known.entry(name).or_insert(next)
    };
    names.iter().map(|name| place(name.as_str())).collect()
}

/// Which repetition of its stimulus a presentation is: as the assembly numbers them, or counted.
fn repetitions(assembly: &Assembly, stimulus: &[usize]) -> Vec<i64> {
    if let Some(column) = assembly.presentations.get("repetition") {
        // Whole numbers, which a table of floats writes as `1.0`.
        let whole = |entry: &String| {
            let number: f64 = entry.trim().parse().ok()?;
            (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
        };
        let numbers: Option<Vec<i64>> = column.iter().map(whole).collect();
        return numbers.unwrap_or_else(|| ranks(column).iter().map(|&rank| rank as i64).collect());
    }
    let mut seen: HashMap<usize, i64> = HashMap::new();
    let mut count = |stimulus| {
        let count = seen.entry(stimulus).or_insert(0);
        *count += 1;
        *count - 1
    };
    stimulus.iter().map(|&at| count(at)).collect()
}

/// Number of each stimulus's entry in a column.
fn numbers_of(
    assembly: &Assembly,
    column: &str,
    stimulus: &[usize],
    first: &[usize],
) -> Result<Vec<usize>> {
    let Some(entries) = assembly.presentations.get(column) else {
        let names: Vec<&str> = assembly.presentations.names().collect();
        return Err(Error::file(
            &assembly.path,
            format!("has no column `{column}`"),
            format!("presentations have `{}`", names.join("`, `")),
        ));
    };
    for (row, &at) in stimulus.iter().enumerate() {
        if entries[row] != entries[first[at]] {
            let problem = format!(
                "one stimulus is both `{}` and `{}` in column `{column}`",
                entries[first[at]], entries[row]
            );
            return Err(Error::file(&assembly.path, problem, "correct the column"));
        }
    }
    let of_stimuli: Vec<String> = first.iter().map(|&row| entries[row].clone()).collect();
    Ok(ranks(&of_stimuli))
}

/// Number of each entry in text order, as scikit-learn numbers classes.
fn ranks(entries: &[String]) -> Vec<usize> {
    let numbers = numbered(entries.iter().map(String::as_str));
    entries
        .iter()
        .map(|entry| numbers[entry.as_str()])
        .collect()
}

/// Means over all bins, as one bin: `(n_presentations, n_sites, 1)`.
#[must_use]
pub fn over_time(assembly: &Assembly) -> Assembly {
    let (n_presentations, n_sites, n_bins) = assembly.values.dim();
    let mut sum = Array2::zeros((n_presentations, n_sites));
    for bin in assembly.values.axis_iter(Axis(2)) {
        sum += &bin;
    }
    sum /= n_bins as f64;
    let span = assembly.bins.first().zip(assembly.bins.last());
    Assembly {
        values: sum.insert_axis(Axis(2)),
        bins: span
            .map(|(first, last)| (first.0, last.1))
            .into_iter()
            .collect(),
        ..assembly.clone()
    }
}
