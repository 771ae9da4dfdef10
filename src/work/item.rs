//! A work item: the unit of planning, resuming and sharing.

use std::fmt;

/// A stage of the pipeline that works item by item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Ridge decoders from voxels to units.
    DecodeTrain,
    /// Decoded features and decoding accuracy.
    DecodePredict,
    /// Ridge encoders from units to voxels.
    EncodeTrain,
    /// Encoded fMRI and encoding accuracy.
    EncodePredict,
}

impl Stage {
    /// All stages in the order in which they run.
    pub const ALL: [Stage; 4] = [
        Stage::DecodeTrain,
        Stage::DecodePredict,
        Stage::EncodeTrain,
        Stage::EncodePredict,
    ];

    /// The stages that lead to the decoding score, in the order in which they run.
    pub const DECODING: [Stage; 2] = [Stage::DecodeTrain, Stage::DecodePredict];

    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Stage::DecodeTrain => "decode-train",
            Stage::DecodePredict => "decode-predict",
            Stage::EncodeTrain => "encode-train",
            Stage::EncodePredict => "encode-predict",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One network's layer, one subject, one ROI, at one stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item {
    /// What is done.
    pub stage: Stage,
    /// Network folder, `<framework>/<network>`.
    pub net: String,
    /// Layer name as in the folder.
    pub layer: String,
    /// Subject name.
    pub subject: String,
    /// ROI name.
    pub roi: String,
}

/// `net/layer/subject/ROI`: the name in logs and records, and the path below a stage's folder.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.net, self.layer, self.subject, self.roi
        )
    }
}
