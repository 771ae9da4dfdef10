//! Names and links that lead out of the study. A folder beside the study is the witness: nothing in it changes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::json;

use crate::env::{Run, TestEnv, files, small_settings};
use crate::items::NET;
use crate::{extract, score};

/// A study in a folder, beside one that holds what must not change.
struct Beside {
    env: TestEnv,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

const VICTIM: &str = "outside/layer/sub-01/V1/model/W.mat";

impl Beside {
    fn of(study: &TestEnv) -> Beside {
        let env = TestEnv::empty();
        crate::env::copy(study.root(), &env.path("study"));
        for name in [VICTIM, "outside/file.mat", "outside/empty/x"] {
            fs::create_dir_all(env.path(name).parent().unwrap()).unwrap();
            fs::write(env.path(name), name).unwrap();
        }
        let mut beside = Beside {
            env,
            before: BTreeMap::new(),
        };
        beside.before = beside.now();
        beside
    }

    /// Everything but the study.
    fn now(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let study = self.env.path("study");
        let outside = files(self.env.root()).into_iter();
        let outside = outside.filter(|path| !path.starts_with(&study));
        outside
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.env.path("study").join(relative)
    }

    fn run(&self, args: &[&str]) -> Run {
        let study = self.env.path("study");
        let mut command = crate::env::program();
        command.arg("-C").arg(&study).args(args).current_dir(&study);
        Run::of(command)
    }

    #[track_caller]
    fn is_untouched(&self) {
        assert!(self.now() == self.before, "{:?}", self.now().keys());
        let listed = fs::read_dir(self.env.root()).unwrap().count();
        assert_eq!(listed, 2, "the study and the folder beside it");
    }

    fn write_settings(&self, edit: impl FnOnce(&mut serde_json::Value)) {
        let mut settings = small_settings();
        edit(&mut settings);
        fs::write(self.path("settings.json"), settings.to_string()).unwrap();
    }

    fn link(&self, target: &str, link: &str) {
        let link = self.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(self.env.path(target), link).unwrap();
    }
}

#[test]
fn names_in_the_settings_stay_in_the_study() {
    let beside = Beside::of(&TestEnv::small());
    let absolute = beside.env.path("outside").to_str().unwrap().to_owned();
    let long = "a".repeat(300);
    for name in [
        "..",
        "../../outside",
        &absolute,
        "a/../../../outside",
        "a\0b",
        "a\\..\\b",
        &long,
    ] {
        type Edit = fn(&mut serde_json::Value, &str);
        fn network(settings: &mut serde_json::Value) -> &mut serde_json::Value {
            let networks = settings["dnns"].as_object_mut().unwrap();
            networks.values_mut().next().unwrap()
        }
        let edits: [Edit; 4] = [
            |settings, name| settings["subjects"][0] = json!(name),
            |settings, name| settings["rois"][0] = json!({"name": name, "select": "ROI_V1 = 1"}),
            |settings, name| network(settings)["layers"][0] = json!(name),
            |settings, name| network(settings)["dir"] = json!(name),
        ];
        for edit in edits {
            beside.write_settings(|settings| edit(settings, name));
            for args in [["run"], ["compute"], ["extract"]] {
                let run = beside.run(&args);
                run.status(2);
                assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
            }
            beside.is_untouched();
        }
    }
}

#[test]
fn links_of_networks_layers_and_subjects_are_not_written_through() {
    let places = [
        format!("data/feature_decoders/ImageNetTraining/{NET}"),
        format!("data/feature_decoders/ImageNetTraining/{NET}/conv1"),
        format!("data/feature_decoders/ImageNetTraining/{NET}/conv1/sub-01/V1/model"),
    ];
    for place in places {
        let beside = Beside::of(&TestEnv::small());
        beside.link("outside/empty", &place);
        beside
            .run(&["decode-train", "--net", NET])
            .status(2)
            .stderr_contains("link that leaves");
        beside.is_untouched();
        let n_failed = if place.ends_with(NET) {
            8
        } else if place.ends_with("conv1") {
            4
        } else {
            1
        };
        let run = beside.run(&["decode-train", "--net", NET]);
        run.stderr_contains(&format!("{n_failed} failed"));
        beside.is_untouched();
    }
}

#[test]
fn a_whole_kind_of_data_may_be_on_another_disk() {
    let beside = Beside::of(&TestEnv::small());
    fs::create_dir(beside.env.path("study/disk")).unwrap();
    beside.link("study/disk", "data/feature_decoders");
    beside.run(&["decode-train", "--net", NET]).ok();
    let record = format!("disk/ImageNetTraining/{NET}/conv1/sub-01/V1/model/record.json");
    assert!(beside.path(&record).exists());
}

/// A file is replaced, whatever it was.
#[test]
fn a_file_that_is_a_link_is_replaced_not_followed() {
    let beside = Beside::of(&TestEnv::small());
    let folder = format!("data/feature_decoders/ImageNetTraining/{NET}/conv1/sub-01/V1/model");
    for name in ["W.mat", "record.json", "x_mean.mat"] {
        beside.link("outside/file.mat", &format!("{folder}/{name}"));
    }
    beside.run(&["decode-train", "--net", NET, "--force"]).ok();
    for name in ["W.mat", "record.json", "x_mean.mat"] {
        let found = fs::symlink_metadata(beside.path(&folder).join(name)).unwrap();
        assert!(found.is_file(), "{name}");
    }
    beside.is_untouched();
}

/// A dead worker's claim on a unit whose names lead to a folder beside the study, where its unfinished files are.
#[test]
fn claims_of_units_elsewhere_are_not_tidied_up_after() {
    let owner = "host-7-00000001000000ff";
    for unit in [
        "decode-train/../../../../outside/layer/sub-01/V1",
        "extract/../../../outside/1",
    ] {
        let mut beside = Beside::of(&TestEnv::small());
        for folder in ["outside/layer/sub-01/V1/model", "outside/layer"] {
            let name = format!("{folder}/.b.mat.{owner}.tmp");
            fs::write(beside.env.path(name), "half").unwrap();
        }
        beside.before = beside.now();
        let units = beside.path("data/.bhscore/units");
        fs::create_dir_all(&units).unwrap();
        // So that the way up can be gone.
        fs::create_dir_all(beside.path("data/feature_decoders/ImageNetTraining")).unwrap();
        let claim = json!({"unit": unit, "worker": owner, "since": 1});
        fs::write(units.join("a.g1"), format!("{claim}\n")).unwrap();
        beside.run(&["status"]);
        beside.is_untouched();
        beside.run(&["status", "--retry-failed"]);
        beside.is_untouched();
        fs::create_dir_all(&units).unwrap();
        fs::write(units.join("a.g1"), format!("{claim}\n")).unwrap();
        beside.run(&["decode-train", "--net", NET]).ok();
        beside.is_untouched();
        assert!(!units.join("a.g1").exists(), "the claim is gone");
    }
}

#[test]
fn claims_are_not_made_through_a_link() {
    let beside = Beside::of(&TestEnv::small());
    beside.link("outside/empty", "data/.bhscore");
    for args in [
        &["decode-train", "--net", NET][..],
        &["status", "--retry-failed"],
    ] {
        beside
            .run(args)
            .status(2)
            .stderr_contains("link that leaves");
        beside.is_untouched();
    }
}

#[test]
fn features_are_not_written_through_links() {
    let beside = Beside::of(&extract::study());
    let run = |beside: &Beside| beside.run(&["extract", "--net", "CNN", "--split", "test"]);
    let folder = "data/features/ImageNetTest/pytorch/cnn";
    run(&beside).ok();
    let layer = fs::read_dir(beside.path(folder))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let layer = layer.file_name().into_string().unwrap();
    fs::remove_dir_all(beside.path(folder)).unwrap();
    beside.link("outside/empty", &format!("{folder}/{layer}"));
    run(&beside).status(2).stderr_contains("link that leaves");
    beside.is_untouched();
}

/// Names of regions are data.
#[test]
fn scores_of_regions_stay_in_the_results() {
    let beside = Beside::of(&score::files());
    for region in [
        "../../../../outside/V4",
        "/tmp/V4",
        "..",
        "a\\b",
        &"r".repeat(300),
    ] {
        let table = beside.path("monkey/neuroid.csv");
        let text: String = (0..7).map(|site| format!("n{site},{region}\n")).collect();
        fs::write(table, format!("neuroid_id,region\n{text}")).unwrap();
        let mut args = vec!["score"];
        args.extend(score::FILES);
        let run = beside.run(&args);
        assert!(matches!(run.status, Some(0 | 2)), "{}", run.stderr);
        beside.is_untouched();
    }
    for name in ["../../outside", "/outside", "a/../../../../outside"] {
        for option in ["--model", "--benchmark"] {
            let mut args = vec!["score", option, name];
            args.extend(score::FILES);
            beside.run(&args).status(2);
            beside.is_untouched();
        }
    }
}
