//! `results/brainscore/<framework>/<network>/<benchmark>.json`: what `score` left, all of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::commitment;
use super::result::{BenchmarkScore, SCHEMA, State};
use crate::error::{Error, Result};
use crate::io::atomic::is_temporary;

/// What to do about a file that is no result.
const REMEDY: &str = "run `bhscore score` again, or move the file elsewhere";

/// Results, and the files that are none.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of their paths.
    pub scores: Vec<BenchmarkScore>,
    /// Why files could not be used.
    pub problems: Vec<Error>,
}

/// Reads all `.json` files below a folder but the models' lists of layers; a folder that is not there is empty.
///
/// One bad file does not keep the others from being read.
///
/// # Errors
/// If a folder cannot be listed.
pub fn read(folder: &Path) -> Result<Found> {
    let mut paths = Vec::new();
    list(folder, &mut paths)?;
    let mut found = Found::default();
    let mut seen: BTreeMap<(String, String, u32), PathBuf> = BTreeMap::new();
    for path in paths {
        let score = match read_one(&path) {
            Ok(score) => score,
            Err(error) => {
                found.problems.push(error);
                continue;
            }
        };
        let Benchmarked(key) = Benchmarked::of(&score);
        if let Some(first) = seen.get(&key) {
            let problem = format!("is the same model and benchmark as `{}`", first.display());
            found
                .problems
                .push(Error::file(&path, problem, "remove one of the two"));
            continue;
        }
        let same = |known: &&BenchmarkScore| {
            known.benchmark.id == score.benchmark.id
                && known.benchmark.version == score.benchmark.version
        };
        if let Some(other) = found.scores.iter().find(same)
            && other.benchmark.normalise != score.benchmark.normalise
        {
            let (id, mine, theirs) = (
                &score.benchmark.id,
                &score.benchmark.normalise,
                &other.benchmark.normalise,
            );
            let problem = format!(
                "normalises `{id}` by `{mine}`, where `{}` has `{theirs}`",
                other.model
            );
            let remedy = "score one of them again with the same `--normalise`";
            found.problems.push(Error::file(&path, problem, remedy));
            continue;
        }
        seen.insert(key, path);
        found.scores.push(score);
    }
    Ok(found)
}

/// Of what a result is: model, benchmark, version.
struct Benchmarked((String, String, u32));

impl Benchmarked {
    fn of(score: &BenchmarkScore) -> Benchmarked {
        let benchmark = &score.benchmark;
        Benchmarked((score.model.clone(), benchmark.id.clone(), benchmark.version))
    }
}

/// Paths of the files below a folder, sorted.
fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(Error::io("list", folder))?.file_name());
    }
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        // Links to folders may lead in a circle, and pipes and devices have no end.
        if metadata.is_dir() {
            list(&path, paths)?;
        } else if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file())
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
            && !name.to_str().is_some_and(is_temporary)
            && name != commitment::FILE_NAME
        {
            paths.push(path);
        }
    }
    Ok(())
}

/// Largest file that is read: a score of a million sites has 20 MB.
const LARGEST: u64 = 256 << 20;

fn read_one(path: &Path) -> Result<BenchmarkScore> {
    let length = fs::metadata(path).map_err(Error::io("read", path))?.len();
    if length > LARGEST {
        let problem = format!("has {length} bytes, too many for a result of `score`");
        return Err(Error::file(path, problem, REMEDY));
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let score: BenchmarkScore = serde_json::from_slice(&bytes).map_err(|error| {
        Error::file(path, format!("is not a result of `score`: {error}"), REMEDY)
    })?;
    if score.schema != SCHEMA {
        let problem = format!("has schema {}, this program reads {SCHEMA}", score.schema);
        return Err(Error::file(path, problem, REMEDY));
    }
    if score.state == State::Ok && score.score.is_none() {
        return Err(Error::file(path, "is `ok` without a score", REMEDY));
    }
    Ok(score)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests may")]
mod tests {
    use super::super::result::tests::score;
    use super::*;

    #[test]
    fn good_files_are_read_in_order_and_bad_ones_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let json = |model: &str, id: &str| {
            serde_json::to_string(&score(model, (id, 1, "V1"), Some(0.5))).unwrap()
        };
        write("torch/b/x.json", &json("torch/b", "x"));
        write("torch/a/y.json", &json("torch/a", "y"));
        write("torch/a/z/again.json", &json("torch/a", "y"));
        write("torch/a/notes.txt", "hello");
        write("torch/a/.y.json.host-1-ab.tmp", "half");
        write("bad.json", "{}");
        write(
            "old.json",
            &json("c", "y").replace("\"schema\":1", "\"schema\":9"),
        );
        let found = read(folder.path()).unwrap();
        let models: Vec<&str> = found.scores.iter().map(|s| s.model.as_str()).collect();
        assert_eq!(models, ["torch/a", "torch/b"]);
        let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        for (problem, part) in
            (problems.iter()).zip(["not a result of `score`", "schema 9", "same model"])
        {
            assert!(problem.contains(part), "{problem}");
        }
        assert_eq!(problems.len(), 3);
    }

    #[test]
    fn no_folder_is_no_results() {
        let found = read(Path::new("no/such/folder")).unwrap();
        assert!(found.scores.is_empty() && found.problems.is_empty());
    }
}
