//! A benchmark as a file: recordings, stimuli, and how layers are compared with them (SPEC: 3.5).
//!
//! ```toml
//! [benchmark]
//! id = "MajajHong2015"              # results are <id>.<region>-<metric>
//! version = 3                       # from 1; scores of different versions are not compared
//! bibtex = """…"""
//! [stimuli]                         # not needed for models of kind features
//! images = "images"                 # folder, or list of paths, as `extract --images` takes it
//! ids = "images.csv"                # columns stimulus_id and file (its name); without it a name less its ending is the id
//! visual_degrees = 8                # of a whole image; without it images fill the input
//! [recordings]
//! files = ["neurons.nc"]            # one for each subject: .nc, .h5, .npy, or a folder with data.npy
//! presentations = "shown.csv"       # of .npy files: columns stimulus_id, repetition, …
//! sites = "sites.csv"               # of .npy files: columns neuroid_id, region, …
//! regions = ["V4", "IT"]            # all if left out; of brain data NAME=EXPRESSION
//! time = "mean"                     # mean, bins
//! [metric]
//! name = "pls"                      # pls, ridge, ridgecv, linear, neuron, reverse, rdm, cka, cka-biased
//! components = 25                   # of pls and reverse
//! solver = "svd"                    # svd, nipals: of pls and reverse
//! ceiling = "repetition"            # repetition, variance, none
//! normalise = "r2_over_c"           # as `score --normalise`
//! stratify = "object_name"          # column with classes, or "none"
//! groups = "passage"                # column with groups; `folds` of them
//! folds = 5
//! n_splits = 10                     # these three where there are no groups
//! train_share = 0.9
//! seed = 1
//! ```
//!
//! Paths are relative to the file. What is left out has the default of `score`.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Table;

use super::section::{self, Section};
use crate::brainscore::metric::Metric;
use crate::brainscore::normalise::Normalise;
use crate::brainscore::predictivity::{MOST, N_FOLDS, N_SPLITS, SEED, TRAIN_SHARE};
use crate::brainscore::recordings::Estimator;
use crate::brainscore::regression::pls::{N_COMPONENTS, Solver};
use crate::brainscore::result::is_file_name;
use crate::brainscore::splitting::Splitting;
use crate::error::{Error, Result};
use crate::extract::stimuli::{Stimulus, stimuli};
use crate::io::table::Table as Csv;

/// Sections of the file.
const SECTIONS: [&str; 4] = ["benchmark", "stimuli", "recordings", "metric"];

/// Keys of metrics.
const METRIC: [&str; 11] = [
    "name",
    "components",
    "solver",
    "ceiling",
    "normalise",
    "stratify",
    "groups",
    "folds",
    "n_splits",
    "train_share",
    "seed",
];

/// Images of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// Folder of images, or list of paths.
    pub images: PathBuf,
    /// Table of ids and files.
    pub ids: Option<PathBuf>,
    /// Visual angle of a whole image.
    pub visual_degrees: Option<f64>,
}

/// What was recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// Files, one for each subject.
    pub files: Vec<PathBuf>,
    /// Table of the presentations of `.npy` files.
    pub presentations: Option<PathBuf>,
    /// Table of the sites of `.npy` files.
    pub sites: Option<PathBuf>,
    /// Regions; all if none is named.
    pub regions: Vec<String>,
    /// Whether time bins are scored one by one.
    pub by_bins: bool,
}

/// How layers are compared with recordings.
#[derive(Debug, Clone)]
pub struct How {
    /// The metric.
    pub metric: Metric,
    /// Where ceilings come from.
    pub ceiling: Estimator,
    /// How scores are normalised.
    pub normalise: Normalise,
    /// How stimuli are cut into training and test.
    pub splitting: Splitting,
    /// Column of classes, or `none`.
    pub stratify: Option<String>,
    /// Column of groups.
    pub groups: Option<String>,
}

/// A benchmark.
#[derive(Debug, Clone)]
pub struct Benchmark {
    /// Its name.
    pub id: String,
    /// Its version, from 1.
    pub version: u32,
    /// Papers to cite.
    pub bibtex: Option<String>,
    /// Its images, where there are.
    pub images: Option<Images>,
    /// What was recorded.
    pub recorded: Recorded,
    /// How layers are compared with that.
    pub how: How,
}

impl Benchmark {
    /// Reads a file.
    ///
    /// # Errors
    /// All that is wrong with it, files that are not there among that.
    pub fn read(path: &Path) -> Result<Benchmark> {
        let mut problems = Vec::new();
        let benchmark = match section::read(path) {
            Ok(table) => benchmark(&table, super::root(path), &mut problems),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        benchmark
            .filter(|_| problems.is_empty())
            .ok_or_else(|| Error::Settings {
                path: path.to_owned(),
                problems,
            })
    }
}

fn benchmark(table: &Table, root: &Path, problems: &mut Vec<String>) -> Option<Benchmark> {
    let mut whole = Section::new("", Some(table), &SECTIONS, problems);
    for key in ["benchmark", "recordings"] {
        if !whole.has(key) {
            whole.wrong(key, "is missing; add the section");
        }
    }
    let [identity, stimuli, recordings, metric] = SECTIONS.map(|key| whole.table(key));
    let identity = identity.and_then(|table| of_identity(table, problems));
    let images = stimuli.and_then(|table| of_stimuli(table, root, problems));
    let recorded = recordings.map(|table| of_recordings(table, root, problems));
    let how = of_metric(metric, problems);
    let (id, version, bibtex) = identity?;
    Some(Benchmark {
        id,
        version,
        bibtex,
        images,
        recorded: recorded?,
        how,
    })
}

fn of_identity(table: &Table, problems: &mut Vec<String>) -> Option<(String, u32, Option<String>)> {
    let known = ["id", "version", "bibtex"];
    let mut section = Section::new("benchmark", Some(table), &known, problems);
    let id = section.required_text("id", "a name such as `MajajHong2015`");
    if id.as_ref().is_some_and(|id| !is_file_name(id)) {
        section.wrong(
            "id",
            "cannot be the name of a file; give one without slashes",
        );
    }
    let version = section.count("version").unwrap_or(1);
    let number = u32::try_from(version).ok().filter(|version| *version > 0);
    if number.is_none() {
        section.wrong("version", &format!("is {version}; count from 1"));
    }
    Some((id?, number?, section.text("bibtex")))
}

fn of_stimuli(table: &Table, root: &Path, problems: &mut Vec<String>) -> Option<Images> {
    let known = ["images", "ids", "visual_degrees"];
    let mut section = Section::new("stimuli", Some(table), &known, problems);
    if !section.has("images") {
        section.wrong("images", "is missing; give a folder of images");
    }
    let images = path(&mut section, "images", root);
    let ids = path(&mut section, "ids", root);
    let visual_degrees = section.number("visual_degrees");
    if visual_degrees.is_some_and(|degrees| !(degrees > 0.0 && degrees.is_finite())) {
        section.wrong("visual_degrees", "is not a visual angle; give one above 0");
    }
    Some(Images {
        images: images?,
        ids,
        visual_degrees,
    })
}

fn of_recordings(table: &Table, root: &Path, problems: &mut Vec<String>) -> Recorded {
    let known = ["files", "presentations", "sites", "regions", "time"];
    let mut section = Section::new("recordings", Some(table), &known, problems);
    let files = section.texts("files");
    if files.is_empty() {
        section.wrong("files", "is missing; list the files of the recordings");
    }
    for file in &files {
        missing(&mut section, "files", file, root);
    }
    Recorded {
        files: files.iter().map(|file| root.join(file)).collect(),
        presentations: path(&mut section, "presentations", root),
        sites: path(&mut section, "sites", root),
        regions: section.texts("regions"),
        by_bins: section
            .word("time", &[("mean", false), ("bins", true)])
            .unwrap_or(false),
    }
}

fn of_metric(table: Option<&Table>, problems: &mut Vec<String>) -> How {
    let mut section = Section::new("metric", table, &METRIC, problems);
    let solvers = [("svd", Solver::Svd), ("nipals", Solver::Nipals)];
    let solver = section.word("solver", &solvers).unwrap_or(Solver::Svd);
    let n_components = at_least_one(&mut section, "components", N_COMPONENTS);
    let metric = of_name(&mut section, solver, n_components);
    if !metric.has_components() {
        for key in ["components", "solver"] {
            section.useless(key, &format!("the metric `{}` has none", metric.name()));
        }
    }
    if section.has("groups") {
        for key in ["n_splits", "train_share", "seed"] {
            section.useless(key, "`groups` are cut by `folds`");
        }
    } else {
        section.useless("folds", "they are of `groups`, and none are named");
    }
    let ceilings = [
        ("repetition", Estimator::Repetition),
        ("variance", Estimator::Variance),
        ("none", Estimator::None),
    ];
    let normalise = section
        .text("normalise")
        .map(|key| Normalise::from_str(&key));
    if let Some(Err(problem)) = &normalise {
        section.wrong("normalise", &format!("is not usable: {problem}"));
    }
    let n_folds = at_least_one(&mut section, "folds", N_FOLDS);
    let n_splits = at_least_one(&mut section, "n_splits", N_SPLITS);
    let train_share = section.number("train_share").unwrap_or(TRAIN_SHARE);
    if !(train_share > 0.0 && train_share < 1.0) {
        section.wrong("train_share", "is not a share; give one between 0 and 1");
    }
    let seed = section.count("seed").unwrap_or(u64::from(SEED));
    let seed = u32::try_from(seed).unwrap_or_else(|_| {
        section.wrong("seed", "is too large; give one below 2^32");
        SEED
    });
    let groups = section.text("groups");
    How {
        ceiling: section.word("ceiling", &ceilings).unwrap_or_default(),
        normalise: match normalise {
            Some(Ok(normalise)) => normalise,
            _ => metric.normalise(),
        },
        splitting: match groups {
            Some(_) => Splitting::Groups { n_folds },
            None => Splitting::Random {
                n_splits,
                train_share,
                seed,
            },
        },
        stratify: section.text("stratify"),
        groups,
        metric,
    }
}

fn of_name(section: &mut Section<'_, '_>, solver: Solver, n_components: usize) -> Metric {
    let words = Metric::NAMES.map(|word| (word, word));
    let name = section.word("name", &words).unwrap_or("pls");
    Metric::by_name(name, solver, n_components).expect("one of the names")
}

/// A whole number from 1 to [`MOST`].
fn at_least_one(section: &mut Section<'_, '_>, key: &str, default: usize) -> usize {
    let given = section.count(key).unwrap_or(default as u64);
    match usize::try_from(given) {
        Ok(number @ 1..=MOST) => number,
        _ => {
            section.wrong(
                key,
                &format!("is {given}; give a whole number from 1 to {MOST}"),
            );
            1
        }
    }
}

/// A path, a problem if nothing is there.
fn path(section: &mut Section<'_, '_>, key: &str, root: &Path) -> Option<PathBuf> {
    let given = section.text(key)?;
    missing(section, key, &given, root);
    Some(root.join(given))
}

fn missing(section: &mut Section<'_, '_>, key: &str, given: &str, root: &Path) {
    if fs::metadata(root.join(given)).is_err() {
        let problem =
            format!("names `{given}`, which is not there; paths are relative to this file");
        section.wrong(key, &problem);
    }
}

impl Images {
    /// The images of stimuli, in their order.
    ///
    /// - `shown`: ids of the stimuli that were recorded, each once.
    ///
    /// # Errors
    /// If images cannot be listed, or one is missing.
    pub fn of(&self, shown: &[String]) -> Result<Vec<Stimulus>> {
        let mut known = stimuli(&self.images)?;
        if let Some(ids) = &self.ids {
            known = renamed(&known, ids)?;
        }
        let find = |id: &String| {
            let found = known.iter().find(|image| image.name == *id);
            found.cloned().ok_or_else(|| {
                let problem = format!("has no image of the stimulus `{id}`");
                let remedy = "add it, or name the images by `stimuli.ids`";
                Error::file(&self.images, problem, remedy)
            })
        };
        shown.iter().map(find).collect()
    }
}

/// Images under the ids of a table with the columns `stimulus_id` and `file`.
fn renamed(images: &[Stimulus], ids: &Path) -> Result<Vec<Stimulus>> {
    let table = Csv::read(ids)?;
    let (id, file) = (table.find("stimulus_id")?, table.find("file")?);
    let names = table.keys(id)?;
    let rename = |(row, name): (usize, &str)| {
        let wanted = Path::new(table.text(row, file));
        if name.contains('/') || name.starts_with('.') {
            let problem = format!("has the stimulus `{name}`, which cannot be the name of a file");
            return Err(Error::file(ids, problem, "rename it without `/`"));
        }
        let is_it = |image: &&Stimulus| image.path.file_name() == wanted.file_name();
        let image = images.iter().find(is_it).ok_or_else(|| {
            let problem = format!("names the image `{}`, which is not there", wanted.display());
            Error::file(ids, problem, "correct the column `file`")
        })?;
        Ok(Stimulus {
            name: name.to_owned(),
            path: image.path.clone(),
        })
    };
    names.into_iter().enumerate().map(rename).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[benchmark]
id = "Made2026"
[stimuli]
images = "images"
visual_degrees = 8
[recordings]
files = ["neurons.nc"]
[metric]
name = "ridge"
n_splits = 3
"#;

    fn read(text: &str) -> Result<Benchmark> {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        crate::io::atomic::write(place("images/a.png"), b"").unwrap();
        crate::io::atomic::write(place("neurons.nc"), b"").unwrap();
        crate::io::atomic::write(place("bench.toml"), text.as_bytes()).unwrap();
        Benchmark::read(&place("bench.toml"))
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let found = read(GOOD).unwrap();
        assert_eq!(
            (found.version, found.how.metric.name()),
            (1, "ridge".to_owned())
        );
        assert_eq!(found.how.normalise, Normalise::R2OverC);
        let expected = Splitting::Random {
            n_splits: 3,
            train_share: TRAIN_SHARE,
            seed: SEED,
        };
        assert_eq!(
            format!("{:?}", found.how.splitting),
            format!("{expected:?}")
        );
        let rdm = read(&GOOD.replace("\"ridge\"", "\"rdm\"")).unwrap();
        assert_eq!(rdm.how.normalise, Normalise::Ratio);
    }

    #[test]
    fn keys_without_effect_are_told() {
        for (keys, parts) in [
            ("folds = 3", &["`metric.folds` has no effect"][..]),
            (
                "groups = \"passage\"\nfolds = 3",
                &["`metric.n_splits` has no effect: `groups` are cut"],
            ),
            (
                "components = 5\nsolver = \"svd\"",
                &[
                    "`metric.components` has no effect: the metric `ridge` has none",
                    "`metric.solver` has no effect",
                ],
            ),
        ] {
            let text = GOOD.replace("n_splits = 3", &format!("n_splits = 3\n{keys}"));
            let told = read(&text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let text = GOOD
            .replace("id = \"Made2026\"", "id = \"a/b\"\nversion = 0")
            .replace("images = \"images\"", "images = \"gone\"\nfolder = \"x\"")
            .replace("visual_degrees = 8", "visual_degrees = -8")
            .replace("neurons.nc", "other.nc")
            .replace(
                "\"ridge\"",
                "\"lasso\"\ntrain_share = 2\nnormalise = \"r3\"",
            )
            .replace("n_splits = 3", "n_splits = 0");
        let told = read(&text).unwrap_err().to_string();
        for part in [
            "has 10 problems",
            "`benchmark.id` cannot be the name",
            "`benchmark.version` is 0",
            "`stimuli.folder` is unknown",
            "`stimuli.images` names `gone`",
            "`stimuli.visual_degrees` is not a visual angle",
            "`recordings.files` names `other.nc`",
            "`metric.name` is `lasso`; choose among",
            "`metric.train_share` is not a share",
            "`metric.normalise` is not usable",
            "`metric.n_splits` is 0",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let told = read("[benchmarks]\n").unwrap_err().to_string();
        assert!(told.contains("did you mean `benchmark`?"), "{told}");
        assert!(read("id = ").unwrap_err().to_string().contains("line 1"));
    }
}
