//! `pack`: a checked model as one zip file.

use std::path::PathBuf;

use anyhow::Result;
use bhscore::model::pack::{Packing, pack};
use clap::Args;
use serde_json::json;

use super::{as_json, table};
use crate::cli::{Global, Outcome, speech, stop_flag};

/// Options of `pack`.
#[derive(Args)]
#[command(after_help = "\
The model is checked first, and the archive once more from a temporary folder. It has one folder
with model.toml, the files that it names, and LICENSE and README if they are there. The same model
gives the same bytes.

Examples:
  bhscore pack models/cornet_s --out cornet_s.zip")]
pub struct PackArgs {
    /// A model's folder, or its model.toml
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The archive
    #[arg(long, value_name = "FILE.zip")]
    out: PathBuf,
    /// Replace an archive that has other content
    #[arg(long)]
    force: bool,
}

pub fn run(global: &Global, args: &PackArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    let packing = pack(&args.model, &args.out, args.force, global.memory(), &stop)?;
    let (checked, reason) = match packing {
        Packing::Refused(checked) => (checked, "the model does not pass its checks"),
        Packing::Changed(checked) => (checked, "the unpacked archive does not pass the checks"),
        Packing::Done(packed) => {
            let mut value = as_json(&packed.checked);
            value["archive"] = json!({
                "path": packed.path,
                "n_files": packed.n_files,
                "bytes": packed.bytes,
                "sha256": packed.sha256,
                "was_there": packed.was_there,
            });
            let before = if packed.was_there { ", as before" } else { "" };
            speech::print(&match global.json {
                true => value.to_string(),
                false => format!(
                    "{}: {} files, {} bytes{before}\nsha256 {}",
                    packed.path.display(),
                    packed.n_files,
                    packed.bytes,
                    packed.sha256
                ),
            })?;
            return Ok(Outcome::Complete);
        }
    };
    speech::print(&match global.json {
        true => as_json(&checked).to_string(),
        false => table(&checked),
    })?;
    speech::note(&format!("not packed: {reason}"));
    Ok(Outcome::Failed)
}
