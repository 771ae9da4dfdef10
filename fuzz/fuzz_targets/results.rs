//! What `score` and `compute` left, as `report` and `tree` read it.
#![no_main]

use std::path::Path;

use bhscore::brainscore::folder;
use bhscore::brainscore::tree::{Missing, evaluate, template};
use bhscore::report::site::{accuracy, bh};
use bhscore_fuzz::{parts, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = bhscore_fuzz::folder().join("results");
    let mut n = 0;
    for part in parts(bytes).take(3) {
        write(&folder.join(format!("{n}.json")), part);
        n += 1;
        if let Ok(study) = bh::Study::parse(Path::new("bh.json"), part) {
            for network in &study.networks {
                let _ = (network.headline(), network.interval());
            }
        }
        if let Ok(rows) = accuracy::parse(Path::new("accuracy.csv"), part)
            && let Some(row) = rows.first()
        {
            let names = [row.layer.clone()];
            let rois = [row.roi.clone()];
            let _ = accuracy::means(&rows, (&row.network, &row.half), (&names, &rois));
        }
    }
    let found = folder::read(&folder).expect("a folder that is there can be listed");
    assert_eq!(found.scores.len() + found.problems.len(), n);
    let tree = template::default_tree(&found.scores);
    let _ = evaluate(&template::fill(&tree, &found.scores), Missing::Zero);
    std::fs::remove_dir_all(&folder).expect("it was just made");
});
