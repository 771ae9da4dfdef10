//! A work item: the unit of planning, resuming and sharing.

use std::fmt;

use crate::settings::{problem_of_dir, problem_of_name};

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

impl Item {
    /// The unit of work that claims are made of, `<stage>/<net>/<layer>/<subject>/<ROI>`.
    #[must_use]
    pub fn unit(&self) -> String {
        format!("{}/{self}", self.stage)
    }

    /// The item of a [`unit`](Self::unit); `None` for other texts.
    ///
    /// Units are read from files that anybody can write, and become paths: names that lead elsewhere are none.
    #[must_use]
    pub fn of_unit(unit: &str) -> Option<Item> {
        let (stage, rest) = unit.split_once('/')?;
        let stage = Stage::ALL.into_iter().find(|known| known.name() == stage)?;
        // Only the network's folder may hold further slashes.
        let mut parts = rest.rsplitn(4, '/').map(str::to_owned);
        let (roi, subject, layer, net) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let stays = [&roi, &subject, &layer]
            .into_iter()
            .all(|name| problem_of_name(name).is_none());
        (stays && problem_of_dir(&net).is_none()).then_some(Item {
            stage,
            net,
            layer,
            subject,
            roi,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_name_their_items() {
        let item = Item {
            stage: Stage::DecodePredict,
            net: "pytorch/alexnet".to_owned(),
            layer: "conv1:relu".to_owned(),
            subject: "sub-01".to_owned(),
            roi: "V1".to_owned(),
        };
        assert_eq!(
            item.unit(),
            "decode-predict/pytorch/alexnet/conv1:relu/sub-01/V1"
        );
        assert_eq!(Item::of_unit(&item.unit()), Some(item));
        for other in [
            "",
            "decode-train",
            "extract/a/b/c/d",
            "decode-train/a/b/c",
            "decode-train/../../a/b/c/d",
            "decode-train//a/b/c/d",
            "decode-train/a/../b/c",
            "decode-train/a/b/../c",
            "decode-train/a/b/c/..",
            "decode-train/a/b/c/d\0",
        ] {
            assert_eq!(Item::of_unit(other), None, "{other}");
        }
    }
}
