//! `pack`: what is in an archive, what is never replaced, what is refused.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use crate::check::{GOOD, models, write};
use crate::env::{Run, TestEnv, files, program, run, spawn};

fn pack(env: &TestEnv, args: &[&str]) -> Run {
    let (model, out) = (env.path("models/cnn"), env.path("cnn.zip"));
    let head = [
        "pack",
        model.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    run(head.into_iter().chain(args.iter().copied()))
}

fn names(archive: &[u8]) -> Vec<String> {
    let archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let mut names: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn an_archive_holds_what_the_manifest_names_and_passes_the_checks() {
    let env = models();
    for (name, text) in [
        ("LICENSE", "MIT"),
        ("README.md", "# CNN"),
        ("notes.txt", "private"),
    ] {
        fs::write(env.path("models/cnn").join(name), text).unwrap();
    }
    pack(&env, &[]).ok().stdout_contains("cnn.zip: 4 files");
    let first = fs::read(env.path("cnn.zip")).unwrap();
    let expected = [
        "cnn/LICENSE",
        "cnn/README.md",
        "cnn/model.toml",
        "cnn/named.onnx",
    ];
    assert_eq!(names(&first), expected);
    run(["check", env.path("cnn.zip").to_str().unwrap()]).ok();
    // Other times give the same bytes, and nothing is replaced.
    fs::write(env.path("models/cnn/LICENSE"), "MIT").unwrap();
    let again = pack(&env, &["--json"]).ok().json();
    assert_eq!(again["archive"]["was_there"], true);
    assert_eq!(fs::read(env.path("cnn.zip")).unwrap(), first);
    // Other content is replaced only if asked for.
    fs::write(env.path("models/cnn/LICENSE"), "GPL").unwrap();
    pack(&env, &[]).status(2).stderr_contains("`--force`");
    assert_eq!(fs::read(env.path("cnn.zip")).unwrap(), first);
    pack(&env, &["--force"]).ok();
    assert_ne!(fs::read(env.path("cnn.zip")).unwrap(), first);
    env.has_no_temporary_files();
}

#[test]
fn what_does_not_pass_is_not_packed() {
    let env = models();
    write(&env, &GOOD.replace("params = 3046", "params = 1"));
    pack(&env, &[])
        .status(2)
        .stdout_contains("failed   the network has 3046")
        .stderr_contains("not packed");
    env.lacks("cnn.zip");
    write(&env, GOOD);
    symlink("/etc/hostname", env.path("models/cnn/LICENSE")).unwrap();
    pack(&env, &[])
        .status(2)
        .stderr_contains("is a link that leaves the folder");
    fs::remove_file(env.path("models/cnn/LICENSE")).unwrap();
    let (model, network) = (env.path("models/cnn"), env.path("models/cnn/named.onnx"));
    let into = ["--out", network.to_str().unwrap(), "--force"];
    let head = ["pack", model.to_str().unwrap()];
    run(head.into_iter().chain(into))
        .status(2)
        .stderr_contains("is a file of the model itself");
    env.lacks("cnn.zip").has_no_temporary_files();
}

#[test]
fn hostile_archives_leave_nothing_behind() {
    let env = TestEnv::empty();
    let path = env.path("a.zip");
    for (name, told) in [
        ("../out", "may lead out"),
        ("/out", "may lead out"),
        ("model.toml", "beside its folder"),
    ] {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for name in ["cnn/model.toml", name] {
            archive.start_file(name, options).unwrap();
            archive.write_all(GOOD.as_bytes()).unwrap();
        }
        fs::write(&path, archive.finish().unwrap().into_inner()).unwrap();
        run(["check", path.to_str().unwrap()])
            .status(2)
            .stderr_contains(told);
        assert_eq!(files(env.root()), std::slice::from_ref(&path));
    }
    fs::write(&path, "no archive").unwrap();
    run(["check", path.to_str().unwrap()])
        .status(2)
        .stderr_contains("is not a zip file");
}

/// Files of an archive that takes long to unpack.
const MANY: usize = 5_000;

#[test]
fn interrupted_checks_leave_no_temporary_folder() {
    let env = TestEnv::empty();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for file in 0..MANY {
        archive
            .start_file(format!("f/features/conv/{file}.mat"), options)
            .unwrap();
        archive.write_all(b"x").unwrap();
    }
    let path = env.path("f.zip");
    fs::write(&path, archive.finish().unwrap().into_inner()).unwrap();
    let temporary = env.path("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let is_empty = || fs::read_dir(&temporary).unwrap().next().is_none();
    let mut command = program();
    command.args(["check", path.to_str().unwrap()]);
    let mut child = spawn(command.env("TMPDIR", &temporary));
    while is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let run = Run::from_output("check".to_owned(), child.wait_with_output().unwrap());
    run.status(1).stderr_contains("interrupted");
    assert!(is_empty(), "{run}");
}
