//! `pack`: what is in an archive, what is never replaced, what is refused.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use crate::check::{GOOD, models, write};
use crate::env::{Run, TestEnv, files, run};

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
        .stderr_contains("is no zip file");
}
