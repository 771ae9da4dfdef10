//! Real processes on one folder, killed and stopped at random moments.
//!
//! The test starts its own executable again, with only [`child`] to run. Half of the processes hide that they are on one
//! machine, so that their deaths are told by silence only.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Claimed, Lease, Worker, folder, holders, refresh};
use crate::error::Result;
use crate::io::atomic::{self, Batch, Once};

/// Where a child works.
const FOLDER: &str = "BHSCORE_STORM";
const WORKERS: usize = 8;
const UNITS: usize = 50;

const LEASE: Lease = Lease {
    heartbeat: Duration::from_millis(30),
    length: Duration::from_millis(300),
    attempts: 1000,
};

/// A small generator of numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

fn result(root: &Path, unit: usize) -> PathBuf {
    root.join(format!("data/{unit}"))
}

fn content(unit: usize) -> Vec<u8> {
    vec![unit as u8; 10_000 + unit]
}

/// One process: works until all units are committed.
#[test]
fn child() {
    let Some(root) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let worker = Worker::new(&root.join("claims"), LEASE);
    let pid = std::process::id();
    let worker = if pid.is_multiple_of(2) {
        worker.elsewhere()
    } else {
        worker
    };
    let mut random = Random(u64::from(pid));
    let mut wanted: Vec<usize> = (0..UNITS).collect();
    while !wanted.is_empty() {
        let place = random.below(wanted.len() as u64) as usize;
        if work(&root, &worker, wanted[place], &mut random).unwrap() {
            wanted.swap_remove(place);
        } else {
            thread::sleep(Duration::from_millis(5));
        }
    }
    worker.finish(&mut tidy(&root)).unwrap();
}

fn tidy(root: &Path) -> impl FnMut(&str, Option<&str>) -> Result<()> {
    move |unit, worker| {
        let unit = unit
            .strip_prefix("unit/")
            .and_then(|unit| unit.parse().ok());
        if let (Some(unit), Some(worker)) = (unit, worker) {
            atomic::remove_left_by(worker, result(root, unit))?;
        }
        Ok(())
    }
}

/// Whether the unit is committed.
fn work(root: &Path, worker: &Worker, unit: usize, random: &mut Random) -> Result<bool> {
    let folder = result(root, unit);
    let is_committed = || {
        refresh(&folder)?;
        Ok(folder.join("record.json").exists())
    };
    if is_committed()? {
        return Ok(true);
    }
    let claim = match worker.claim(&format!("unit/{unit}"), &is_committed)? {
        Claimed::Committed => return Ok(true),
        Claimed::Held(_) => return Ok(false),
        Claimed::GivenUp { attempts } => panic!("given up after {attempts}"),
        Claimed::Mine(claim) => claim,
    };
    let log = root.join(format!("log/{unit}.{}", atomic::unique_owner()));
    folder::create(&log, worker.name().as_bytes())?;
    thread::sleep(Duration::from_millis(random.below(200)));
    let mut files = Batch::new();
    files.add(folder.join("W.mat"), &content(unit))?;
    files.add(folder.join("record.json"), b"{}")?;
    if claim.is_mine()? && files.commit_once()? == Once::Committed {
        for worker in claim.predecessors()? {
            atomic::remove_left_by(&worker, &folder)?;
        }
        claim.finish();
        return Ok(true);
    }
    Ok(false)
}

fn spawn(root: &Path) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{module}::child"),
            "--quiet",
            "--test-threads=1",
        ])
        .env(FOLDER, root)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Whether the process has a worker's file: what has only just been started has nothing to lose.
fn has_begun(root: &Path, child: &Child) -> bool {
    let part = format!("-{}-", child.id());
    let workers = folder::list(&root.join("claims/workers")).unwrap();
    workers.iter().any(|worker| worker.contains(&part))
}

#[test]
fn a_storm_of_kills_and_pauses_loses_nothing() {
    if std::env::var_os(FOLDER).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let seed = std::env::var("BHSCORE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let mut random = Random(seed.unwrap_or(1));
    let mut children: Vec<Child> = (0..WORKERS).map(|_| spawn(root)).collect();
    let mut stopped: Vec<Option<Instant>> = vec![None; WORKERS];
    let (mut deaths, mut pauses) = (0, 0);
    let start = Instant::now();
    while children
        .iter_mut()
        .any(|child| child.try_wait().unwrap().is_none())
    {
        assert!(start.elapsed() < Duration::from_secs(120), "does not end");
        thread::sleep(Duration::from_millis(10 + random.below(40)));
        for (child, until) in children.iter().zip(&mut stopped) {
            if until.is_some_and(|until| until < Instant::now()) {
                *until = None;
                signal(child, Signal::CONT);
            }
        }
        let place = random.below(WORKERS as u64) as usize;
        let child = &mut children[place];
        if child.try_wait().unwrap().is_some() || !has_begun(root, child) {
            continue;
        }
        match random.below(3) {
            0 if deaths < 20 => {
                deaths += 1;
                stopped[place] = None;
                child.kill().unwrap();
                assert_eq!(child.wait().unwrap().signal(), Some(9));
                *child = spawn(root);
            }
            1 if pauses < 20 && stopped[place].is_none() => {
                pauses += 1;
                signal(child, Signal::STOP);
                stopped[place] =
                    Some(Instant::now() + Duration::from_millis(200 + random.below(800)));
            }
            _ => {}
        }
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let computed = folder::list(&root.join("log")).unwrap();
    let mut each = BTreeMap::new();
    for name in &computed {
        *each.entry(name.split('.').next().unwrap()).or_insert(0) += 1;
    }
    println!(
        "{:.1} s, {deaths} deaths, {pauses} pauses, {} computations of {UNITS} units, {} of one at most",
        start.elapsed().as_secs_f64(),
        computed.len(),
        each.values().max().unwrap()
    );
    assert!(computed.len() <= UNITS + deaths + pauses, "{each:?}");
    // What the last to die left, and those who were judged by silence too late.
    let state = root.join("claims");
    let sweeper = Worker::new(&state, LEASE);
    assert!(matches!(
        sweeper.claim("none", &|| Ok(true)).unwrap(),
        Claimed::Committed
    ));
    thread::sleep(2 * LEASE.length);
    sweeper.finish(&mut tidy(root)).unwrap();
    assert!(holders(&state, Duration::ZERO).unwrap().is_empty());
    assert!(
        !state.exists(),
        "{:?}",
        folder::list(&state.join("workers"))
    );
    let mut n_left = 0;
    for unit in 0..UNITS {
        let result = result(root, unit);
        assert_eq!(fs::read(result.join("W.mat")).unwrap(), content(unit));
        let entries = fs::read_dir(&result).unwrap();
        n_left += entries.count() - 2;
        atomic::remove_stale(&result).unwrap();
        assert_eq!(fs::read_dir(&result).unwrap().count(), 2);
    }
    // Only those are not found who were paused, superseded, and killed afterwards.
    println!("{n_left} temporary files left for the next run");
    assert!(n_left <= 2 * deaths.min(pauses));
}
