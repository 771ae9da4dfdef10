//! The folder of claims: name and content of a claim, name and content of its worker's file. Nothing outside the
//! folder may be touched.
#![no_main]

use std::fs;
use std::time::Duration;

use bhscore::work::claims::{self, Lease, Worker};
use bhscore::work::{Item, Layout};
use bhscore_fuzz::{parts, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let root = bhscore_fuzz::folder().join("study");
    let folder = Layout::new(&root).claims();
    let mut parts = parts(bytes);
    for kind in ["units", "workers"] {
        let name = parts.next().and_then(|name| std::str::from_utf8(name).ok());
        let content = parts.next().unwrap_or_default();
        let is_name =
            |name: &&str| !name.is_empty() && name.len() < 256 && !name.contains(['/', '\0']);
        let Some(name) = name
            .filter(is_name)
            .filter(|name| !matches!(*name, "." | ".."))
        else {
            continue;
        };
        write(&folder.join(kind).join(name), content);
    }
    for holder in
        claims::holders(&folder, Duration::ZERO).expect("a folder that is there can be listed")
    {
        if let Some(item) = Item::of_unit(&holder.unit) {
            let inside = |path: &std::path::PathBuf| {
                let below = path.strip_prefix(&root).expect("it begins there");
                below
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)))
            };
            assert!(Layout::new(&root).item_folders(&item).iter().all(inside));
        }
        let _ = Layout::new(&root).extracted_folders(&holder.unit);
    }
    let worker = Worker::new(&folder, Lease::default());
    let _ = worker.sees_holder("decode-train/a/b/c/d");
    let _ = claims::forget_over(&folder, &|_| true, &mut |_, _| Ok(()));
    fs::remove_dir_all(&root).ok();
});
