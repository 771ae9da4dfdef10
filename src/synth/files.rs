//! x
use super::Plan;
use crate::error::Result;
use std::path::Path;
/// x
pub fn write_study(_folder: &Path, _plan: &Plan, _progress: &dyn Fn(&str)) -> Result<()> {
    Ok(())
}
