//! All layers of a model against the recordings of all regions and subjects.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array2;

use super::features::Features;
use super::layer::Layer;
use super::metric::{Measured, Metric, dissimilarities, normalised};
use super::normalise::Normalise;
use super::recordings::Recordings;
use super::result::{Row, Scored};
use super::rsa;
use super::splitting::Splitting;
use crate::error::{Error, Result};
use crate::stats::splits::Split;
use crate::study::memory::Memory;

/// How layers are measured.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The metric.
    pub metric: Metric,
    /// How scores are normalised.
    pub normalise: Normalise,
    /// How stimuli are cut.
    pub splitting: Splitting,
    /// Bound for a layer's features.
    pub memory: Memory,
}

/// What came out for a region.
#[derive(Debug, Clone)]
pub struct Regional {
    /// The region.
    pub region: String,
    /// A row for each layer, subject and bin.
    pub rows: Vec<Row>,
    /// What each site has, where the metric has sites.
    pub sites: Vec<OfSites>,
    /// Why layers have no number.
    pub remarks: Vec<String>,
    /// What a reader of the numbers should know.
    pub warnings: Vec<String>,
}

/// r of every split and site for a layer.
#[derive(Debug, Clone)]
pub struct OfSites {
    /// The layer.
    pub layer: String,
    /// The subject.
    pub subject: Option<String>,
    /// Start and end of the bin.
    pub bin: Option<(f64, f64)>,
    /// Names of the sites, `(n_sites,)`.
    pub names: Vec<String>,
    /// `(n_splits, n_sites)`; NaN where undefined.
    pub table: Array2<f64>,
    /// Ceiling of every site, `(n_sites,)`; NaN where undefined, empty without ceilings.
    pub ceilings: Vec<f64>,
}

/// Fewer test stimuli say little: r of two is 1 or −1.
const FEW: usize = 5;

/// Measures every layer against all recordings; a layer is read once.
///
/// - `recordings`: in the order of regions, then subjects.
/// - `progress`: told which layer and recordings come next.
///
/// # Errors
/// If features cannot be had, or stimuli not be cut. A metric that cannot be computed gives a row without numbers and
/// a remark.
pub fn measure(
    layers: &[Layer],
    recordings: &[Recordings],
    setup: &Setup,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Layer, &Recordings),
) -> Result<Vec<Regional>> {
    let splits: Vec<Vec<Split>> = recordings
        .iter()
        .map(|recordings| setup.splitting.of(recordings, &setup.metric))
        .collect::<Result<_>>()?;
    let mut regional: Vec<Regional> = Vec::new();
    for region in recordings.iter().map(|recordings| &recordings.region) {
        if !regional.iter().any(|known| known.region == *region) {
            regional.push(Regional::new(region));
        }
    }
    for layer in layers {
        // Subjects mostly saw the same stimuli.
        let mut last: Option<(&[String], Features)> = None;
        for (recordings, splits) in recordings.iter().zip(&splits) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            progress(layer, recordings);
            if last
                .as_ref()
                .is_none_or(|(of, _)| *of != recordings.stimuli)
            {
                drop(last.take());
                let want = setup.metric.want();
                let found = layer.features(&recordings.stimuli, want, setup.memory, stop)?;
                last = Some((&recordings.stimuli, found));
            }
            let (_, features) = last.as_ref().expect("set above");
            let into = regional
                .iter_mut()
                .find(|known| known.region == recordings.region)
                .expect("made above");
            let found = setup
                .metric
                .measure(features, recordings, splits, setup.normalise);
            into.take(layer, recordings, found)?;
        }
    }
    for (recordings, splits) in recordings.iter().zip(&splits) {
        let mut of_region = regional.iter_mut();
        let Some(of_region) = of_region.find(|known| known.region == recordings.region) else {
            continue;
        };
        let ceiling = recordings.remark().filter(|_| setup.metric.is_ceiled());
        of_region.warnings.extend(ceiling);
        let n_tested = splits.iter().map(|split| split.test.len()).min();
        if let Some(n) = n_tested.filter(|&n| n < FEW && setup.metric.is_predictive()) {
            of_region.warnings.push(format!(
                "{}: splits test {n} stimuli, of so few r is large by chance: give more stimuli, or a smaller \
                 `--train-share`",
                recordings.whose()
            ));
        }
    }
    if setup.metric == Metric::Rdm {
        for of_region in &mut regional {
            of_region.bound(recordings, setup.normalise);
        }
    }
    Ok(regional)
}

impl Regional {
    /// Nothing yet.
    #[must_use]
    pub fn new(region: &str) -> Regional {
        Regional {
            region: region.to_owned(),
            rows: Vec::new(),
            sites: Vec::new(),
            remarks: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds a row, and why it has no number.
    pub fn add(&mut self, (row, remark): (Row, Option<String>)) {
        self.rows.push(row);
        self.remarks.extend(remark);
    }

    fn take(
        &mut self,
        layer: &Layer,
        recordings: &Recordings,
        found: Result<Vec<Measured>>,
    ) -> Result<()> {
        let row = |measured: Measured| measured.row(&layer.name, recordings.subject.as_deref());
        let found = match found {
            Ok(found) => found,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                let whose = recordings.whose();
                self.remarks
                    .push(format!("layer `{}`, {whose}: {error}", layer.name));
                let nothing = Measured::from(Scored::nothing(recordings));
                self.rows.push(row(nothing));
                return Ok(());
            }
        };
        for (number, mut measured) in found.into_iter().enumerate() {
            let (bin, table) = (measured.bin, measured.table.take());
            self.rows.push(row(measured));
            let Some(table) = table else {
                continue;
            };
            let bound = recordings.ceilings[number].as_ref();
            self.sites.push(OfSites {
                layer: layer.name.clone(),
                subject: recordings.subject.clone(),
                bin,
                names: recordings.sites.clone(),
                table,
                ceilings: bound
                    .map(|bound| bound.per_site.clone())
                    .unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// Normalises dissimilarities by how alike subjects are: similarity with the mean of all subjects, which no model
    /// reaches. Without a second subject, or where subjects saw other stimuli, there is no ceiling.
    fn bound(&mut self, recordings: &[Recordings], normalise: Normalise) {
        let of_region: Vec<&Recordings> = recordings
            .iter()
            .filter(|recordings| recordings.region == self.region)
            .collect();
        let same = |other: &&&Recordings| other.stimuli == of_region[0].stimuli;
        let comparable = of_region.iter().filter(same).count() == of_region.len();
        if of_region.len() < 2 || !comparable || of_region[0].n_bins() > 1 {
            return;
        }
        let matrices: Result<Vec<_>> = of_region
            .iter()
            .map(|one| dissimilarities(one, 0))
            .collect();
        // What cannot be computed here left rows without numbers.
        let Ok(ceiling) = matrices.and_then(|matrices| rsa::ceiling(&matrices)) else {
            return;
        };
        for row in &mut self.rows {
            row.score = normalised(
                row.score,
                ceiling.upper.value,
                Some(ceiling.upper.error),
                normalise,
            );
        }
    }
}

impl Scored {
    /// What a layer has that could not be measured.
    fn nothing(recordings: &Recordings) -> Scored {
        Scored {
            n_sites: recordings.sites.len(),
            n_undefined: recordings.sites.len(),
            n_stimuli: recordings.stimuli.len(),
            ..Scored::default()
        }
    }
}
