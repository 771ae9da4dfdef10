//! Disks that are full or read-only, folders in the way: an exit status of 2, a remedy, and nothing
//! lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::env::{TestEnv, copy, files, same_files};
use crate::items::{Item, NET};

/// A small file system of its own; `None`, with a message, where this user cannot have one.
struct Disk {
    env: TestEnv,
}

impl Disk {
    fn of_bytes(bytes: u64) -> Option<Disk> {
        let disk = Disk {
            env: TestEnv::empty(),
        };
        if disk.mount(&[
            "-t",
            "tmpfs",
            "-o",
            &format!("size={bytes},mode=777"),
            "tmpfs",
        ]) {
            return Some(disk);
        }
        eprintln!("skipped: this user cannot mount a file system");
        // Nothing is mounted, and dropping would say so.
        None
    }

    fn remount(&self, options: &str) {
        assert!(self.mount(&["-o", &format!("remount,{options}")]));
    }

    fn mount(&self, args: &[&str]) -> bool {
        let mut command = Command::new("mount");
        command
            .args(args)
            .arg(self.env.root())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        let _ = command.arg(self.env.root()).stderr(Stdio::null()).status();
    }
}

/// What a folder takes on a disk with pages of 4 KiB.
fn pages(folder: &Path) -> u64 {
    let files = files(folder);
    let page = |bytes: u64| bytes.div_ceil(4096) * 4096;
    files
        .iter()
        .map(|path| page(fs::metadata(path).unwrap().len()))
        .sum()
}

#[test]
fn a_full_disk_loses_nothing_and_the_run_is_continued() {
    let study = TestEnv::small();
    let size = pages(study.root());
    for stage in ["decode-train", "decode-predict"] {
        // Room for some of the 8 items: a decoder takes 7 pages or more, a result 44.
        let (before, room) = match stage {
            "decode-train" => (0, 25),
            _ => {
                study.train().ok();
                (pages(study.root()) - size, 130)
            }
        };
        let Some(disk) = Disk::of_bytes(size + before + room * 4096) else {
            return;
        };
        let env = &disk.env;
        copy(study.root(), env.root());
        let run = env.run([stage, "--net", NET]);
        run.status(2)
            .stderr_contains("free some space and run the same command again")
            .stderr_lacks(" 0 computed");
        env.has_no_temporary_files();
        env.run(["status"]).status(1);
        disk.remount("size=64M");
        let run = env.run([stage, "--net", NET]);
        run.ok().stderr_contains("done before");
        env.predict().ok();
        env.neighbours_are_unchanged(&[]);
    }
}

#[test]
fn a_read_only_study_says_so_and_is_left_as_it_is() {
    let Some(disk) = Disk::of_bytes(64 << 20) else {
        return;
    };
    let env = &disk.env;
    copy(TestEnv::small().root(), env.root());
    env.train().ok();
    disk.remount("ro");
    env.predict()
        .status(2)
        .stderr_contains("the study folder must be writable")
        .stderr_contains("8 items: 0 computed, 8 failed");
    env.run(["compute"])
        .status(2)
        .stderr_contains("the study folder must be writable");
    // Looking needs no writing.
    env.train().ok().stderr_contains("8 done before");
    env.run(["status"]).status(1);
    disk.remount("rw");
    env.predict().ok();
    env.run(["compute"]).ok();
    disk.remount("ro");
    env.run(["status"]).ok();
    env.predict().ok();
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn a_folder_without_permission_is_named_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let env = TestEnv::finished();
    let folder = env.path("data/decoding_accuracy");
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.join("probe"), "").is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        return;
    }
    env.predict()
        .status(2)
        .stderr_contains("data/decoding_accuracy")
        .stderr_contains("check the permissions of the file and its folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    env.predict().ok();
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn things_in_the_way_are_named() {
    let item = Item("fc6", "sub-01", "HVC");
    // A file where a folder has to be.
    let env = TestEnv::small();
    let folder = env.path(item.decoder());
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    fs::write(&folder, "").unwrap();
    env.train()
        .status(2)
        .stderr_contains("7 computed, 1 failed")
        .stderr_contains(&item.decoder());
    fs::remove_file(folder).unwrap();
    // A folder where a file has to be.
    let blocked = env.path(item.decoder()).join("y_mean.mat/in the way");
    fs::create_dir_all(&blocked).unwrap();
    env.train()
        .status(2)
        .stderr_contains("1 failed")
        .stderr_contains("y_mean.mat");
    env.has_no_temporary_files();
    // Some files were published, the record was not.
    env.lacks(format!("{}/record.json", item.decoder()));
    env.run(["status"]).status(1).stdout_contains("y_mean.mat");
    fs::remove_dir_all(env.path(item.decoder()).join("y_mean.mat")).unwrap();
    env.train()
        .ok()
        .stderr_contains("1 computed, 7 done before");
    env.predict().ok();
    fs::write(env.path("results"), "").unwrap();
    env.run(["compute"]).status(2).stderr_contains("results");
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn a_full_disk_loses_no_features_and_extraction_is_continued() {
    let study = crate::extract::study();
    let size = pages(study.root());
    // Room for some of the features: an image's take 5 pages, `extract.json` of three layers 6.
    let Some(disk) = Disk::of_bytes(size + 45 * 4096) else {
        return;
    };
    let env = &disk.env;
    copy(study.root(), env.root());
    crate::extract::extract(env, &[])
        .status(2)
        .stderr_contains("free some space and run the same command again");
    env.has_no_temporary_files();
    disk.remount("size=64M");
    crate::extract::extract(env, &[]).ok();
    env.has_no_temporary_files();
    crate::extract::extract(&study, &[]).ok();
    let (found, expected) = (crate::extract::mats(env), crate::extract::mats(&study));
    same_files(&found.iter().collect(), &expected.iter().collect());
    disk.remount("ro");
    crate::extract::extract(env, &[]).ok();
    crate::extract::extract(env, &["--force"])
        .status(2)
        .stderr_contains("must be writable");
}
