//! The loop of the stages among other processes: what they hold is left to them, what they took is not counted as done.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may")]

use std::cell::RefCell;
use std::fs;
use std::sync::atomic::AtomicBool;

use bhscore::io::atomic::Batch;
use bhscore::work::claims::{Claim, Claimed, Lease, Worker};
use bhscore::work::sources::Source;
use bhscore::work::stage::{self, Artifact, Job, Options, Summary};
use bhscore::work::{Item, Layout, Stage};
use serde_json::{Value, json};

fn item(roi: &str) -> Item {
    Item {
        stage: Stage::DecodeTrain,
        net: "a/b".to_owned(),
        layer: "conv1".to_owned(),
        subject: "sub-01".to_owned(),
        roi: roi.to_owned(),
    }
}

/// Writes the ROI's name; while it computes that of a stolen item, another worker takes the item over.
struct Names<'a> {
    layout: &'a Layout,
    thief: Option<(&'a Worker, &'a RefCell<Option<Claim>>)>,
}

impl Job for Names<'_> {
    fn settings(&self, _: &Item) -> Value {
        json!({})
    }

    fn sources(&self, _: &Item) -> Vec<Source> {
        Vec::new()
    }

    fn compute(&mut self, item: &Item, _: &AtomicBool) -> bhscore::Result<Artifact> {
        if let Some((thief, stolen)) = self.thief.take() {
            // As if this process had stood still for longer than a lease.
            let units = self.layout.claims().join("units");
            for entry in fs::read_dir(units).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
            let Claimed::Mine(claim) = thief.claim(&item.unit(), &|| Ok(false)).unwrap() else {
                panic!("nobody else is here");
            };
            *stolen.borrow_mut() = Some(claim);
        }
        let mut files = Batch::new();
        files.add(self.layout.decoder(item).join("W.mat"), item.roi.as_bytes())?;
        Ok(Artifact {
            obsolete: Vec::new(),
            files,
            result: json!({}),
            notes: Vec::new(),
        })
    }
}

fn run(
    layout: &Layout,
    worker: &Worker,
    thief: Option<(&Worker, &RefCell<Option<Claim>>)>,
) -> Summary {
    let mut job = Names { layout, thief };
    let items = [item("V1"), item("V2")];
    let (options, stop) = (Options::default(), AtomicBool::new(false));
    stage::run(
        &items,
        &mut job,
        layout,
        options,
        Some(worker),
        &stop,
        &mut |_| (),
    )
    .unwrap()
}

#[test]
fn an_item_that_was_taken_over_is_not_counted_as_done() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let [worker, thief] = [(); 2].map(|()| Worker::new(&layout.claims(), Lease::default()));
    let stolen = RefCell::new(None);
    let summary = run(&layout, &worker, Some((&thief, &stolen)));
    assert_eq!((summary.computed, summary.done), (1, 0));
    assert_eq!(summary.held, [item("V1")]);
    assert!(!layout.decoder(&item("V1")).join("record.json").exists());
    // The other gives it back.
    drop(stolen.take());
    let summary = run(&layout, &worker, None);
    assert_eq!((summary.computed, summary.done), (1, 1));
    assert!(summary.held.is_empty());
    assert_eq!(
        fs::read(layout.decoder(&item("V1")).join("W.mat")).unwrap(),
        b"V1"
    );
    thief.finish(&mut |_, _| Ok(())).unwrap();
    worker.finish(&mut |_, _| Ok(())).unwrap();
    assert!(!layout.claims().exists());
}

#[test]
fn items_that_others_hold_are_left_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let [worker, other] = [(); 2].map(|()| Worker::new(&layout.claims(), Lease::default()));
    let Claimed::Mine(claim) = other.claim(&item("V2").unit(), &|| Ok(false)).unwrap() else {
        panic!("nobody else is here");
    };
    let summary = run(&layout, &worker, None);
    assert_eq!((summary.computed, summary.held.len()), (1, 1));
    drop(claim);
    assert_eq!(run(&layout, &worker, None).computed, 1);
}
