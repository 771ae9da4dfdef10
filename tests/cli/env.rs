//! A study in a temporary folder, the program run on it, and what it said.
//!
//! ```text
//! TestEnv::golden().run(["decode-train", "--net", NET]).ok().stderr_contains("60 computed");
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use bhscore::io::mat;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common;
use crate::items::{Item, NET, belongs, planned};

/// Free bytes that a disk in memory must have to be used.
const MEMORY_DISK: u64 = 1 << 30;

/// What the program reads of a Slurm job.
const SLURM_VARIABLES: [&str; 7] = [
    "CPUS_PER_TASK",
    "MEM_PER_NODE",
    "MEM_PER_CPU",
    "ARRAY_TASK_ID",
    "ARRAY_TASK_COUNT",
    "ARRAY_TASK_MIN",
    "ARRAY_TASK_STEP",
];

/// A temporary folder with a study.
pub struct TestEnv {
    folder: TempDir,
}

impl TestEnv {
    /// A folder without anything.
    pub fn empty() -> TestEnv {
        let memory = Path::new("/dev/shm");
        // Waiting for disks is most of what these tests would do.
        let roomy = |stat: &rustix::fs::StatVfs| stat.f_bavail * stat.f_frsize > MEMORY_DISK;
        let folder = match rustix::fs::statvfs(memory) {
            Ok(stat) if roomy(&stat) => TempDir::new_in(memory),
            _ => TempDir::new(),
        };
        TestEnv {
            folder: folder.unwrap(),
        }
    }

    /// A copy of the golden study: 6 layers, 2 subjects, 5 ROIs, so 60 items a stage.
    pub fn golden() -> TestEnv {
        TestEnv::copy_of(&common::golden("study"))
    }

    /// Two layers, two subjects and two ROIs of it: 8 items a stage.
    pub fn small() -> TestEnv {
        let env = TestEnv::empty();
        let study = common::golden("study");
        copy(&study.join("data/fmri"), &env.path("data/fmri"));
        for split in ["ImageNetTraining", "ImageNetTest"] {
            for layer in ["conv1", "fc6"] {
                let folder = format!("data/features/{split}/{NET}/{layer}");
                copy(&study.join(&folder), &env.path(&folder));
            }
        }
        env.write_settings(&small_settings());
        env
    }

    /// The small study with everything computed.
    pub fn finished() -> TestEnv {
        static FINISHED: LazyLock<TestEnv> = LazyLock::new(|| {
            let env = TestEnv::small();
            env.run(["run", "--net", NET]).ok();
            env
        });
        TestEnv::copy_of(FINISHED.folder.path())
    }

    /// A copy of a study elsewhere; files get new times.
    pub fn copy_of(study: &Path) -> TestEnv {
        let env = TestEnv::empty();
        copy(study, env.folder.path());
        env
    }

    /// The study folder.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the study.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Replaces `settings.json`.
    pub fn write_settings(&self, settings: &Value) {
        fs::write(self.path("settings.json"), format!("{settings:#}")).unwrap();
    }

    /// Changes `settings.json`.
    pub fn edit_settings(&self, edit: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.path("settings.json")).unwrap();
        let mut settings = serde_json::from_str(&text).unwrap();
        edit(&mut settings);
        self.write_settings(&settings);
    }

    /// The program with `-C` and these arguments, not yet started; it has no terminal.
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = program();
        command.arg("-C").arg(self.root()).args(args);
        command
    }

    /// Runs the program on the study to its end.
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        Run::of(self.command(args))
    }

    /// Runs `decode-train` on everything.
    pub fn train(&self) -> Run {
        self.run(["decode-train", "--net", NET])
    }

    /// Runs `decode-predict` on everything.
    pub fn predict(&self) -> Run {
        self.run(["decode-predict", "--net", NET])
    }

    /// Trains and predicts everything.
    pub fn decode(&self) -> &Self {
        self.train().ok();
        self.predict().ok();
        self
    }

    #[track_caller]
    pub fn has(&self, relative: impl AsRef<Path>) -> &Self {
        let path = self.path(relative);
        assert!(path.exists(), "`{}` is missing", path.display());
        self
    }

    #[track_caller]
    pub fn lacks(&self, relative: impl AsRef<Path>) -> &Self {
        let path = self.path(relative);
        assert!(!path.exists(), "`{}` is there", path.display());
        self
    }

    /// Every file that the stages wrote, by its path in the study. Records are left out: they hold
    /// times. So are notes about failures and unfinished files.
    pub fn artifacts(&self) -> BTreeMap<String, Vec<u8>> {
        let kinds = ["feature_decoders", "decoded_features", "decoding_accuracy"];
        kinds
            .iter()
            .flat_map(|kind| files(&self.path("data").join(kind)))
            .filter(|path| !path.ends_with("record.json") && !path.ends_with("failed.json"))
            .filter(|path| !is_temporary(path))
            .map(|path| {
                let relative = path.strip_prefix(self.root()).unwrap();
                let relative = relative.to_str().unwrap().to_owned();
                (relative, fs::read(&path).unwrap())
            })
            .collect()
    }

    /// Asserts that the artifacts are those of an undisturbed run, but for the items in `except`,
    /// and returns the paths of the artifacts of those.
    #[track_caller]
    pub fn neighbours_are_unchanged(&self, except: &[Item]) -> BTreeSet<String> {
        let (mut found, clean) = (self.artifacts(), clean());
        let mut excepted = BTreeSet::new();
        found.retain(|path, _| {
            let affected = except.iter().any(|item| belongs(path, *item));
            if affected {
                excepted.insert(path.clone());
            }
            !affected
        });
        let settings = fs::read_to_string(self.path("settings.json")).unwrap();
        let settings: Value = serde_json::from_str(&settings).unwrap();
        let expected: BTreeMap<&String, &Vec<u8>> = clean
            .iter()
            .filter(|(path, _)| planned(path, &settings))
            .filter(|(path, _)| !except.iter().any(|item| belongs(path, *item)))
            .collect();
        same_files(&found.iter().collect(), &expected);
        excepted
    }

    /// Asserts that no unfinished file is left anywhere.
    #[track_caller]
    pub fn has_no_temporary_files(&self) -> &Self {
        let left: Vec<_> = files(self.root())
            .into_iter()
            .filter(|path| is_temporary(path))
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        self
    }

    /// Values of a file that is there now, and of the same file of an undisturbed run.
    pub fn now_and_before(&self, path: &str, variable: &str) -> (Vec<f32>, Vec<f32>) {
        let now = mat::read_f32(&self.path(path), variable).unwrap().values;
        let folder = TestEnv::empty();
        let before = folder.path("before.mat");
        fs::write(&before, &clean()[path]).unwrap();
        (now, mat::read_f32(&before, variable).unwrap().values)
    }

    /// `results/bhscore.json`.
    pub fn results(&self) -> Value {
        self.json("results/bhscore.json")
    }

    /// A JSON file of the study.
    #[track_caller]
    pub fn json(&self, relative: impl AsRef<Path>) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(relative)).unwrap()).unwrap()
    }
}

/// Settings of [`TestEnv::small`].
pub fn small_settings() -> Value {
    json!({
        "subjects": ["sub-01", "sub-02"],
        "rois": ["V1", "HVC"],
        "dnns": { "ringnet": { "dir": NET, "layers": ["conv1", "fc6"] } },
        "decoding": { "n_voxels": 20 },
        "score": { "n_layers": 2 },
    })
}

/// Artifacts of an undisturbed run on the whole golden study.
pub fn clean() -> &'static BTreeMap<String, Vec<u8>> {
    static CLEAN: LazyLock<BTreeMap<String, Vec<u8>>> =
        LazyLock::new(|| TestEnv::golden().decode().artifacts());
    &CLEAN
}

/// Asserts that two sets of files are the same, and names the first that is not.
#[track_caller]
pub fn same_files(found: &BTreeMap<&String, &Vec<u8>>, expected: &BTreeMap<&String, &Vec<u8>>) {
    for (path, bytes) in expected {
        match found.get(path) {
            None => panic!("`{path}` is missing"),
            Some(other) => assert!(other == bytes, "`{path}` has other bytes"),
        }
    }
    if let Some(path) = found.keys().find(|path| !expected.contains_key(*path)) {
        panic!("`{path}` is too much");
    }
}

fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "tmp")
}

/// The program without arguments, not yet started; it has no terminal.
pub fn program() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bhscore"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_remove("COLUMNS");
    // The tests may themselves run in a job.
    for name in SLURM_VARIABLES {
        command.env_remove(format!("SLURM_{name}"));
    }
    command
}

/// Keeps programs from being started while a test has an HDF5 file open for writing: the new
/// process would hold the file's lock for the moment before it becomes another program.
pub fn no_start() -> MutexGuard<'static, ()> {
    static START: Mutex<()> = Mutex::new(());
    START.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program.
pub fn spawn(command: &mut Command) -> Child {
    let _guard = no_start();
    command.spawn().unwrap()
}

/// Runs the program without a study.
pub fn run<'a>(args: impl IntoIterator<Item = &'a str>) -> Run {
    let mut command = program();
    command.args(args);
    Run::of(command)
}

/// How a run of the program ended.
pub struct Run {
    what: String,
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Runs a command to its end.
    pub fn of(mut command: Command) -> Run {
        let output = spawn(&mut command).wait_with_output().unwrap();
        Run::from_output(format!("{command:?}"), output)
    }

    pub fn from_output(what: String, output: Output) -> Run {
        Run {
            what,
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.status(0)
    }

    #[track_caller]
    pub fn status(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "exit status of {self}");
        assert!(!self.stderr.contains("panicked"), "{self}");
        assert!(!self.stderr.contains("HDF5-DIAG"), "{self}");
        self
    }

    #[track_caller]
    pub fn stdout_contains(&self, text: &str) -> &Self {
        assert!(
            self.stdout.contains(text),
            "no `{text}` on stdout of {self}"
        );
        self
    }

    #[track_caller]
    pub fn stderr_contains(&self, text: &str) -> &Self {
        assert!(
            self.stderr.contains(text),
            "no `{text}` on stderr of {self}"
        );
        self
    }

    #[track_caller]
    pub fn stderr_lacks(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "`{text}` on stderr of {self}");
        self
    }

    /// The whole of stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run {
            what,
            status,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{what}\nstatus {status:?}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        )
    }
}

/// All files below a folder; none where there is no folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
