//! Work items of the golden study's network, and where their files are.

use serde_json::Value;

/// The network of the golden study, as its folder.
pub const NET: &str = "synth/ringnet";

/// Layer, subject and ROI of a work item of that network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item(pub &'static str, pub &'static str, pub &'static str);

impl Item {
    pub fn decoder(self) -> String {
        let Item(layer, subject, roi) = self;
        format!("data/feature_decoders/ImageNetTraining/{NET}/{layer}/{subject}/{roi}/model")
    }

    pub fn decoded(self) -> String {
        let Item(layer, subject, roi) = self;
        format!("data/decoded_features/ImageNetTest/{NET}/{layer}/{subject}/{roi}")
    }

    pub fn accuracy(self) -> String {
        let Item(layer, subject, roi) = self;
        format!("data/decoding_accuracy/ImageNetTest/{NET}/{layer}/{subject}/{roi}")
    }
}

const SUBJECTS: [&str; 2] = ["sub-01", "sub-02"];
const ROIS: [&str; 2] = ["V1", "HVC"];

/// Items of the small study with this layer, subject or ROI.
pub fn items(wanted: impl Fn(&Item) -> bool) -> Vec<Item> {
    let mut all = Vec::new();
    for layer in ["conv1", "fc6"] {
        for subject in SUBJECTS {
            all.extend(ROIS.map(|roi| Item(layer, subject, roi)));
        }
    }
    all.retain(wanted);
    all
}

/// Those of a layer.
pub fn of_layer(layer: &str) -> Vec<Item> {
    items(|item| item.0 == layer)
}

/// Those of a subject.
pub fn of_subject(subject: &str) -> Vec<Item> {
    items(|item| item.1 == subject)
}

/// Those of a subject's ROI.
pub fn of_roi(subject: &str, roi: &str) -> Vec<Item> {
    items(|item| item.1 == subject && item.2 == roi)
}

/// Whether a file belongs to an item.
pub fn belongs(path: &str, item: Item) -> bool {
    let Item(layer, subject, roi) = item;
    path.contains(&format!("{NET}/{layer}/{subject}/{roi}/"))
}

/// Whether the settings have the layer, subject and ROI of an artifact.
pub fn planned(path: &str, settings: &Value) -> bool {
    let mut parts = path.split('/').skip(5);
    let lists = [
        &settings["dnns"]["ringnet"]["layers"],
        &settings["subjects"],
        &settings["rois"],
    ];
    lists.iter().all(|list| {
        let name = parts.next().unwrap();
        let names = list.as_array().unwrap().iter();
        names
            .map(|entry| entry.get("name").unwrap_or(entry))
            .any(|known| known == name)
    })
}
