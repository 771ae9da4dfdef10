//! Each rule of the protocol, with the claims of real files and a clock that is turned by hand.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::folder;
use super::process::Process;
use super::{Claim, Claimed, Clock, Holder, Lease, Life, Worker, holders};
use crate::error::{Error, Result};

/// Seconds of both clocks.
#[derive(Default)]
struct Turned(AtomicU64);

impl Turned {
    fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Turned {
    fn boot(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Heartbeats are made by hand.
const LEASE: Lease = Lease {
    heartbeat: Duration::from_secs(1000),
    length: Duration::from_secs(9000),
    attempts: 3,
};

struct Study {
    folder: tempfile::TempDir,
    clock: Arc<Turned>,
}

impl Study {
    fn new() -> Study {
        Study {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
        }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("data/.bhscore")
    }

    fn worker(&self) -> Worker {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Worker::with_clock(&self.root(), LEASE, clock)
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        let _ = folder::remove(&self.root().join(file));
        assert!(folder::create(&self.root().join(file), bytes).unwrap());
    }

    /// A worker of another machine with a claim of `unit`.
    fn foreign(&self, unit: &str, counter: u64) {
        let mut process = Process::me();
        process.host = "elsewhere".into();
        let text = serde_json::to_string(&process).unwrap();
        self.write(
            "workers/elsewhere-7-ab",
            format!("{text}\n{counter:016x}\n").as_bytes(),
        );
        let ticket = format!("{{\"unit\":\"{unit}\",\"worker\":\"elsewhere-7-ab\",\"since\":5}}\n");
        let _ = folder::create(
            &self.root().join(format!("units/{unit}.g1")),
            ticket.as_bytes(),
        );
    }

    /// Time and heartbeats of a lease.
    fn pass(&self, worker: &Worker) {
        self.clock.turn(9000);
        for _ in 0..9 {
            worker.judge().pulse.beat().unwrap();
        }
    }

    fn files(&self, kind: &str) -> Vec<String> {
        folder::list(&self.root().join(kind)).unwrap()
    }
}

fn open() -> Result<bool> {
    Ok(false)
}

fn untidy(_: &str, _: Option<&str>) -> Result<()> {
    Ok(())
}

#[track_caller]
fn mine(claimed: Result<Claimed>) -> Claim {
    match claimed.unwrap() {
        Claimed::Mine(claim) => claim,
        other => panic!("{}", told(&other)),
    }
}

#[track_caller]
fn held(claimed: Result<Claimed>) -> Holder {
    match claimed.unwrap() {
        Claimed::Held(holder) => holder,
        other => panic!("{}", told(&other)),
    }
}

fn told(claimed: &Claimed) -> String {
    match claimed {
        Claimed::Mine(claim) => format!("mine, attempt {}", claim.attempt()),
        Claimed::Committed => "committed".into(),
        Claimed::Held(holder) => format!("{holder:?}"),
        Claimed::GivenUp { attempts } => format!("given up after {attempts}"),
    }
}

#[test]
fn a_unit_has_one_holder_and_is_free_after_it() {
    let study = Study::new();
    let (one, two) = (study.worker(), study.worker());
    assert!(
        !study.root().exists(),
        "nothing is written before the first claim"
    );
    study.clock.turn(77);
    let claim = mine(one.claim("a/b", &open));
    assert!(claim.is_mine().unwrap() && claim.predecessors().unwrap().is_empty());
    let holder = held(two.claim("a/b", &open));
    let expected = ("a/b", 1, one.name(), std::process::id(), 77, Life::Alive);
    assert_eq!(
        (
            &*holder.unit,
            holder.attempt,
            &*holder.worker,
            holder.pid,
            holder.since,
            holder.life
        ),
        expected
    );
    assert_eq!(holders(&study.root(), Duration::ZERO).unwrap(), [holder]);
    held(one.claim("a/b", &open));
    drop(claim);
    let claim = mine(two.claim("a/b", &open));
    assert_eq!(claim.attempt(), 1);
    claim.finish();
    assert!(study.files("units").is_empty());
    assert!(matches!(
        one.claim("a/b", &|| Ok(true)).unwrap(),
        Claimed::Committed
    ));
    assert!(study.files("units").is_empty());
    assert_eq!(study.files("workers").len(), 2);
    drop(one);
    two.finish(&mut untidy).unwrap();
    assert!(!study.root().exists());
}

#[test]
fn a_worker_lives_as_long_as_its_claims() {
    let study = Study::new();
    let (one, two) = (study.worker(), study.worker());
    let claim = mine(one.claim("a", &open));
    drop(one);
    held(two.claim("a", &open));
    drop(claim);
    assert!(study.files("workers") == [two.name()]);
}

#[test]
fn a_holder_whose_file_is_gone_is_dead_and_attempts_are_counted() {
    let study = Study::new();
    let worker = study.worker();
    for attempt in 1..=3 {
        let claim = mine(worker.claim("a", &open));
        assert_eq!(claim.attempt(), attempt);
        // As if the process had been killed on another machine and the sweep had been there.
        let dead = format!("{{\"unit\":\"a\",\"worker\":\"h-x-9-{attempt:x}\",\"since\":0}}\n");
        study.write(&format!("units/a.g{attempt}"), dead.as_bytes());
        assert!(!claim.is_mine().unwrap());
        let before: Vec<_> = (1..attempt)
            .map(|attempt| format!("h-x-9-{attempt:x}"))
            .collect();
        assert_eq!(claim.predecessors().unwrap(), before);
    }
    let claimed = worker.claim("a", &open).unwrap();
    assert!(
        matches!(claimed, Claimed::GivenUp { attempts: 3 }),
        "{}",
        told(&claimed)
    );
    assert!(matches!(
        worker.claim("a", &|| Ok(true)).unwrap(),
        Claimed::Committed
    ));
    let mut left = Vec::new();
    let mut tidy = |unit: &str, worker: Option<&str>| {
        left.push(format!("{unit} {}", worker.unwrap_or("unknown")));
        Ok(())
    };
    assert_eq!(worker.finish(&mut tidy).unwrap(), 3);
    assert_eq!(left, ["a h-x-9-3", "a h-x-9-2", "a h-x-9-1"]);
    assert!(!study.root().exists());
}

#[test]
fn a_release_is_no_attempt_and_a_failure_is() {
    let study = Study::new();
    let (one, two) = (study.worker(), study.worker());
    mine(one.claim("a", &open)).fail().unwrap();
    let claim = mine(two.claim("a", &open));
    assert_eq!(
        (claim.attempt(), claim.predecessors().unwrap()),
        (2, vec![one.name().into()])
    );
    drop(claim);
    assert_eq!(study.files("units"), ["a.g1"]);
    for attempt in 2..=3 {
        let claim = mine(one.claim("a", &open));
        assert_eq!(claim.attempt(), attempt);
        claim.fail().unwrap();
    }
    assert!(matches!(
        two.claim("a", &open).unwrap(),
        Claimed::GivenUp { attempts: 3 }
    ));
    assert_eq!(
        one.finish(&mut untidy).unwrap(),
        0,
        "another worker may still want to know"
    );
    assert_eq!(two.finish(&mut untidy).unwrap(), 3);
}

#[test]
fn what_is_found_committed_after_a_take_over_keeps_its_earlier_claims_for_the_sweep() {
    let study = Study::new();
    let worker = study.worker();
    mine(worker.claim("a", &open)).fail().unwrap();
    let claimed = worker.claim("a", &|| Ok(true)).unwrap();
    assert!(matches!(claimed, Claimed::Committed));
    assert_eq!(study.files("units"), ["a.g1"]);
}

#[test]
fn silence_is_death_after_time_and_own_heartbeats() {
    let study = Study::new();
    study.foreign("a", 1);
    let worker = study.worker();
    let holder = held(worker.claim("a", &open));
    assert_eq!(
        (&*holder.host, holder.pid, holder.since),
        ("elsewhere", 7, 5)
    );
    assert_eq!(holder.life, Life::Unknown);
    study.pass(&worker);
    study.foreign("a", 2);
    held(worker.claim("a", &open));
    // The server stalls: time passes, nobody's heartbeat gets through.
    study.clock.turn(100_000);
    held(worker.claim("a", &open));
    for _ in 0..9 {
        worker.judge().pulse.beat().unwrap();
    }
    let claim = mine(worker.claim("a", &open));
    assert_eq!(claim.attempt(), 2);
    assert_eq!(claim.predecessors().unwrap(), ["elsewhere-7-ab"]);
    // It comes back: its claim is the earlier one, and the unit is not given to it or anybody else.
    study.foreign("a", 3);
    assert_eq!(held(study.worker().claim("a", &open)).worker, worker.name());
    claim.finish();
    assert!(study.files("units").is_empty());
}

#[test]
fn garbage_is_held_by_somebody_unknown_until_a_lease_has_passed() {
    let study = Study::new();
    let worker = study.worker();
    drop(mine(worker.claim("x", &open)));
    study.foreign("seed", 1);
    let whole = fs::read(study.root().join("units/seed.g1")).unwrap();
    let evil = b"{\"unit\":\"u\",\"worker\":\"../../x\",\"since\":1}\n";
    let garbage: Vec<&[u8]> = vec![
        b"",
        b"\xff\xfe\n",
        b"{}\n",
        &whole[..20],
        &whole[..whole.len() - 1],
        evil,
    ];
    for (place, bytes) in garbage.iter().enumerate() {
        study.write(&format!("units/u{place}.g1"), bytes);
    }
    fs::create_dir_all(study.root().join("units/u6.g1")).unwrap();
    for unit in 0..7 {
        let holder = held(worker.claim(&format!("u{unit}"), &open));
        assert_eq!((&*holder.worker, holder.life), ("", Life::Unknown));
    }
    assert_eq!(holders(&study.root(), Duration::ZERO).unwrap().len(), 8);
    study.pass(&worker);
    for unit in 0..7 {
        assert_eq!(mine(worker.claim(&format!("u{unit}"), &open)).attempt(), 2);
    }
    // A worker's file without sense: the same.
    study.foreign("w", 1);
    study.write("workers/elsewhere-7-ab", b"?");
    held(worker.claim("w", &open));
    study.pass(&worker);
    mine(worker.claim("w", &open)).finish();
}

#[test]
fn the_sweep_asks_to_tidy_up_after_claims_that_cannot_be_read() {
    let study = Study::new();
    let worker = study.worker();
    drop(mine(worker.claim("x", &open)));
    study.write("units/a%2Fb.g1", b"cut");
    let mut left = Vec::new();
    let mut tidy = |unit: &str, worker: Option<&str>| {
        left.push((unit.to_owned(), worker.map(str::to_owned)));
        Ok(())
    };
    worker.finish(&mut tidy).unwrap();
    assert_eq!(left, [("a/b".to_owned(), None)]);
}

#[test]
fn who_was_superseded_notices_and_leaves_the_later_claim_alone() {
    let study = Study::new();
    let (slow, quick) = (study.worker().elsewhere(), study.worker());
    let claim = mine(slow.claim("a", &open));
    held(quick.claim("a", &open));
    study.pass(&quick);
    let later = mine(quick.claim("a", &open));
    slow.judge().pulse.beat().unwrap();
    assert!(!claim.is_mine().unwrap() && later.is_mine().unwrap());
    drop(claim);
    assert_eq!(study.files("units"), ["a.g1", "a.g2"]);
    assert_eq!(held(slow.claim("a", &open)).worker, quick.name());
    later.finish();
    assert!(study.files("units").is_empty());
}

#[test]
fn a_claim_that_could_not_be_removed_is_taken_up_again() {
    let study = Study::new();
    let worker = study.worker();
    let claim = mine(worker.claim("a", &open));
    let text = fs::read(study.root().join("units/a.g1")).unwrap();
    drop(claim);
    study.write("units/a.g1", &text);
    let claim = mine(worker.claim("a", &open));
    assert_eq!(claim.attempt(), 1);
    assert!(claim.is_mine().unwrap());
}

#[test]
fn a_failing_look_for_the_commit_releases_the_unit() {
    let study = Study::new();
    let worker = study.worker();
    let refused = || Err(Error::data("a", "no", "never"));
    assert!(worker.claim("a", &refused).is_err());
    assert!(study.files("units").is_empty());
}

#[test]
fn what_cannot_be_written_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let text = |root: &Path| {
        let claimed = Worker::new(root, Lease::default()).claim("a", &open);
        claimed
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let file = folder.path().join("file");
    assert!(folder::create(&file, b"").unwrap());
    assert!(text(&file).contains("file/workers`"), "{}", text(&file));
    assert!(text(&file.join("below")).contains("cannot create"));
    // Nobody, root included, can make files there.
    let text = text(Path::new("/proc/bhscore"));
    assert!(
        text.starts_with("cannot create `/proc/bhscore/workers`"),
        "{text}"
    );
    assert!(holders(&file.join("no"), Duration::ZERO).is_err());
    assert!(
        holders(&folder.path().join("no"), Duration::ZERO)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        Worker::new(&file, Lease::default())
            .finish(&mut untidy)
            .unwrap(),
        0
    );
}

#[test]
fn patience_tells_moving_heartbeats_from_silent_ones() {
    let study = Study::new();
    let lease = Lease {
        heartbeat: Duration::from_millis(5),
        ..LEASE
    };
    let worker = Worker::new(&study.root(), lease).elsewhere();
    let _claim = mine(worker.claim("a", &open));
    study.foreign("b", 1);
    let lives = |patience| -> Vec<Life> {
        let holders = holders(&study.root(), patience).unwrap();
        holders.into_iter().map(|holder| holder.life).collect()
    };
    assert_eq!(lives(Duration::ZERO), [Life::Unknown, Life::Unknown]);
    assert_eq!(
        lives(Duration::from_millis(500)),
        [Life::Alive, Life::Unknown]
    );
}
