//! Claims of others that are made up: nobody is kept from working, and no file of theirs is removed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use bhscore::work::Layout;
use bhscore::work::claims::{self, Claimed, Lease, Life, Worker};

const UNIT: &str = "decode-train/net/layer/sub-01/V1";

fn nothing(_: &str, _: Option<&str>) -> bhscore::Result<()> {
    Ok(())
}

/// A worker claims a unit and lets go; what it called the file of its claim.
fn name_of_claim(folder: &Path) -> String {
    let worker = Worker::new(folder, Lease::default());
    let claimed = worker.claim(UNIT, &|| Ok(false)).unwrap();
    assert!(matches!(claimed, Claimed::Mine(_)));
    let mut names = fs::read_dir(folder.join("units")).unwrap();
    let name = names.next().unwrap().unwrap().file_name();
    drop(claimed);
    name.into_string().unwrap()
}

fn ticket(unit: &str, worker: &str) -> String {
    format!("{{\"unit\":\"{unit}\",\"worker\":\"{worker}\",\"since\":1}}\n")
}

#[test]
fn a_worker_whose_name_no_file_can_have_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let name = name_of_claim(folder.path());
    let text = ticket(UNIT, &format!("{}-1-0123456789abcdef", "h".repeat(300)));
    fs::create_dir_all(folder.path().join("units")).unwrap();
    fs::write(folder.path().join("units").join(name), text).unwrap();
    let holders = claims::holders(folder.path(), Duration::ZERO).unwrap();
    assert_eq!(holders[0].life, Life::Dead);
}

#[test]
fn attempts_that_nobody_made_are_not_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let name = name_of_claim(folder.path());
    let last = name.replace(".g1", &format!(".g{}", u32::MAX));
    let units = folder.path().join("units");
    fs::create_dir_all(&units).unwrap();
    fs::write(units.join(&last), ticket(UNIT, "host-1-0123456789abcdef")).unwrap();
    // One by one they would take hours.
    let n = claims::forget_over(folder.path(), &|_| true, &mut nothing).unwrap();
    assert_eq!(n, 1);
    assert!(!units.join(last).exists());
}

#[test]
fn a_claim_of_another_unit_than_its_name_says_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let name = name_of_claim(folder.path());
    let units = folder.path().join("units");
    fs::create_dir_all(&units).unwrap();
    let other = UNIT.replace("V1", "V2");
    fs::write(units.join(name), ticket(&other, "host-1-0123456789abcdef")).unwrap();
    let holders = claims::holders(folder.path(), Duration::ZERO).unwrap();
    assert_eq!(holders[0].worker, "");
    assert!(!holders[0].unit.contains("V2"));
}

#[test]
fn folders_of_claims_that_are_links_out_are_refused() {
    for name in ["units", "workers"] {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        fs::create_dir_all(layout.claims()).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        layout.check_claims().unwrap();
        symlink("../../outside", layout.claims().join(name)).unwrap();
        let text = layout.check_claims().unwrap_err().to_string();
        assert!(text.contains("is behind a link that leaves"), "{text}");
    }
}
