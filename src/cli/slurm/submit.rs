//! Hands scripts to sbatch, each to begin when the one before has ended.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use bhscore::Error;

use super::script::Script;

/// Submits the scripts in their order and returns the number that Slurm gave each.
///
/// - `folder`: where the scripts lie.
pub fn all(folder: &Path, scripts: &[Script]) -> Result<Vec<String>> {
    let mut jobs: Vec<String> = Vec::new();
    for script in scripts {
        match one(&folder.join(script.file_name()), jobs.last()) {
            Ok(job) => jobs.push(job),
            Err(error) if jobs.is_empty() => return Err(error.into()),
            Err(error) => {
                let submitted = jobs.join(" ");
                let advice = format!(
                    "what was submitted before goes on; `scancel {submitted}` takes it back"
                );
                return Err(anyhow::anyhow!("{error}; {advice}"));
            }
        }
    }
    Ok(jobs)
}

fn one(script: &Path, after: Option<&String>) -> Result<String, Error> {
    let mut command = Command::new("sbatch");
    command.arg("--parsable").stdin(Stdio::null());
    if let Some(job) = after {
        // `afterok` would leave the last job waiting for ever when a task has failed.
        command.arg(format!("--dependency=afterany:{job}"));
        command.arg("--kill-on-invalid-dep=yes");
    }
    let output = command.arg(script).output().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            let problem = "is not on the path, so nothing was submitted";
            let by_hand = script.with_file_name(super::SUBMIT);
            let remedy = format!(
                "run this on a login node of the cluster, or there `bash {}`",
                super::quote::shell(&by_hand.display().to_string())
            );
            Error::data("`sbatch`", problem, remedy)
        } else {
            Error::io("run", "sbatch")(error)
        }
    })?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    if !output.status.success() {
        let said = if said.is_empty() {
            output.status.to_string()
        } else {
            said.to_owned()
        };
        return Err(refused(script, &said));
    }
    // With several clusters: `<job>;<cluster>`.
    let last = stdout.lines().last().unwrap_or_default();
    let job = last.split(';').next().unwrap_or_default().trim();
    if job.is_empty() || !job.bytes().all(|b| b.is_ascii_digit()) {
        let problem = format!("it printed `{}` and no job number", stdout.trim());
        return Err(refused(script, &problem));
    }
    // Sites greet their users or warn them here.
    if !said.is_empty() {
        crate::cli::speech::note(said);
    }
    Ok(job.to_owned())
}

fn refused(script: &Path, said: &str) -> Error {
    Error::file(
        script,
        format!("sbatch did not take it: {said}"),
        "change the options (`--partition`, `--account`, `--time`, `--mem`, `--sbatch-option`)",
    )
}
