//! `slurm`: sbatch scripts for many workers on one study.

pub mod job;
pub mod quote;
mod script;
mod submit;
mod time;

use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::Error;
use bhscore::io::atomic;
use clap::Args;
use serde_json::json;

use self::script::{Plan, Resources, Script};
use self::time::Limit;
use super::stages::Step;
use super::{Global, Outcome, speech};

/// Folder of the scripts in the study.
const FOLDER: &str = "slurm";
/// Folder of the logs beside the scripts.
const LOGS: &str = "logs";
const SUBMIT: &str = "submit.sh";

/// Options of `slurm`.
#[derive(Args)]
#[command(after_help = "\
The workers are tasks of one array; each takes what no other has done. When all have ended, well or
not, a last job does what dead ones left, and computes the scores. The scripts are meant to be read
and may be changed; `bash slurm/submit.sh` submits them.

In any job of Slurm, --threads and --memory begin with what the job has (SLURM_CPUS_PER_TASK, 90% of
SLURM_MEM_PER_NODE), and `--shard slurm` is the task's place in its array.

Examples:
  bhscore -C study slurm --net pytorch/resnet18 --array 64
  bhscore -C study slurm --net pytorch/resnet18 --partition short --time 4:00:00 --submit
  bhscore -C study slurm --net pytorch/resnet18 --per-stage --time 30 --sbatch-option=--qos=low")]
pub struct SlurmArgs {
    /// Network: its folder <framework>/<network>, or its name in settings.json (repeatable)
    #[arg(long = "net", required = true, value_name = "NET")]
    nets: Vec<String>,
    /// Workers: tasks of the array
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    array: u16,
    /// Only this stage (repeatable) [default: all]
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<Step>,
    /// Cores of a worker
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    cpus: u16,
    /// Memory of a worker; 0 for all of a node
    #[arg(long, default_value = "16G", value_name = "SIZE", value_parser = memory)]
    mem: String,
    /// Longest time of a worker, as sbatch takes it
    #[arg(long, default_value = "24:00:00", value_name = "TIME")]
    time: Limit,
    /// Partition of the cluster
    #[arg(long, value_name = "NAME", value_parser = word)]
    partition: Option<String>,
    /// Account that pays
    #[arg(long, value_name = "NAME", value_parser = word)]
    account: Option<String>,
    /// Any option of sbatch, such as --qos=low (repeatable)
    #[arg(long = "sbatch-option", value_name = "OPTION", allow_hyphen_values = true, value_parser = sbatch_option)]
    options: Vec<String>,
    /// An array for each stage, one after the other: for clusters with short time limits
    #[arg(long)]
    per_stage: bool,
    /// Split the work beforehand instead of taking turns
    #[arg(long)]
    shards: bool,
    /// Do as the original also where that is a defect
    #[arg(long)]
    compat: bool,
    /// Folder of the scripts [default: slurm in the study folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of the logs [default: logs beside the scripts]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// The program that the jobs run; a name alone is looked up on their path [default: this one]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Submit the scripts with sbatch
    #[arg(long)]
    submit: bool,
}

/// Memory as sbatch takes it: a whole number and K, M, G or T.
fn memory(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number && text.len() - digits.len() <= 1 {
        let is_all = digits.bytes().all(|b| b == b'0');
        return Ok(if is_all { "0" } else { text }.to_owned());
    }
    Err("write a whole number and K, M, G or T, such as 16G".to_owned())
}

/// A name of the cluster's.
fn word(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("is not a name".to_owned());
    }
    Ok(quote::directive(text))
}

/// An option is taken as it is: its quotes are for sbatch.
fn sbatch_option(text: &str) -> Result<String, String> {
    if !text.starts_with('-') || text.contains(char::is_control) {
        return Err(
            "write one option with its dashes, such as `--sbatch-option=--qos=low`".to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// `typed`: the global options as they were typed, without what the present job has.
pub fn run(typed: &Global, args: &SlurmArgs) -> Result<Outcome> {
    if typed.threads.is_some() || typed.memory.is_some() {
        let problem = "are for a program that computes, and `slurm` computes nothing";
        let remedy = "give the workers' `--cpus` and `--mem`";
        return Err(Error::data("`--threads` and `--memory`", problem, remedy).into());
    }
    let plan = plan(typed, args)?;
    let scripts = plan.scripts();
    let folder = PathBuf::from(&plan.folder);
    write(&plan, &folder, &scripts)?;
    let jobs = if args.submit {
        Some(submit::all(&folder, &scripts)?)
    } else {
        None
    };
    if typed.json {
        let value = as_json(&plan, &folder, &scripts, jobs.as_deref());
        speech::print(&value.to_string())?;
    } else {
        speech::print(&as_text(&folder, &scripts, jobs.as_deref()))?;
    }
    if !typed.quiet {
        speech::note(&advice(&plan, &folder, args.submit));
    }
    Ok(Outcome::Complete)
}

fn plan(typed: &Global, args: &SlurmArgs) -> Result<Plan> {
    let settings = typed.read_settings()?;
    // A wrong name is better told now than by every task.
    let nets = args
        .nets
        .iter()
        .map(|net| Ok(settings.network(net)?.dir.clone()))
        .collect::<Result<Vec<_>>>()?;
    let folder = args.out.clone().unwrap_or_else(|| typed.study.join(FOLDER));
    let logs = args.logs.clone().unwrap_or_else(|| folder.join(LOGS));
    let logs = quote::absolute("the logs", &logs)?;
    if logs.contains('\\') {
        let problem = "has a backslash, which sbatch does not allow in the path of a log";
        return Err(Error::file(logs, problem, "give another folder with `--logs`").into());
    }
    let program = match &args.program {
        // A name alone is for the nodes' own path.
        Some(name) if name.components().count() == 1 => name.display().to_string(),
        Some(path) => quote::absolute("the program", path)?,
        None => {
            let path = std::env::current_exe().map_err(Error::io("find", "bhscore"))?;
            quote::absolute("the program", &path)?
        }
    };
    let settings = typed.settings.as_deref();
    let named = [("partition", &args.partition), ("account", &args.account)];
    let others = named
        .into_iter()
        .filter_map(|(option, name)| Some(format!("--{option}={}", name.as_ref()?)))
        .chain(args.options.iter().cloned())
        .collect();
    Ok(Plan {
        program,
        study: quote::absolute("the study", &typed.study)?,
        settings: settings
            .map(|path| quote::absolute("the settings", path))
            .transpose()?,
        folder: quote::absolute("the scripts", &folder)?,
        logs,
        nets,
        stages: Step::ALL
            .into_iter()
            .filter(|step| args.stages.is_empty() || args.stages.contains(step))
            .collect(),
        is_sharded: args.shards,
        per_stage: args.per_stage,
        compat: args.compat,
        n_workers: args.array,
        resources: Resources {
            cpus: args.cpus,
            memory: args.mem.clone(),
            time: args.time.clone(),
            others,
        },
    })
}

/// Writes the scripts, and makes the folder of the logs: without it Slurm's jobs fail without a word.
fn write(plan: &Plan, folder: &Path, scripts: &[Script]) -> Result<()> {
    std::fs::create_dir_all(&plan.logs).map_err(Error::io("create", &plan.logs))?;
    for script in scripts {
        atomic::write(folder.join(script.file_name()), script.text.as_bytes())?;
    }
    atomic::write(folder.join(SUBMIT), plan.submit(scripts).as_bytes())?;
    Ok(())
}

/// A line per script: its job, if it has one, and its path.
fn as_text(folder: &Path, scripts: &[Script], jobs: Option<&[String]>) -> String {
    let line = |(place, script): (usize, &Script)| {
        let path = folder.join(script.file_name());
        match jobs.and_then(|jobs| jobs.get(place)) {
            Some(job) => format!("{job}  {}", path.display()),
            None => path.display().to_string(),
        }
    };
    let lines: Vec<String> = scripts.iter().enumerate().map(line).collect();
    lines.join("\n")
}

fn as_json(
    plan: &Plan,
    folder: &Path,
    scripts: &[Script],
    jobs: Option<&[String]>,
) -> serde_json::Value {
    let job = |place: usize| jobs.and_then(|jobs| jobs.get(place));
    let all: Vec<_> = scripts
        .iter()
        .enumerate()
        .map(|(place, script)| {
            json!({
                "name": script.name,
                "script": folder.join(script.file_name()),
                "tasks": script.n_tasks.unwrap_or(1),
                "after": place.checked_sub(1).map(|before| &scripts[before].name),
                "job_id": job(place),
            })
        })
        .collect();
    json!({ "jobs": all, "logs": plan.logs, "submit": folder.join(SUBMIT) })
}

fn advice(plan: &Plan, folder: &Path, is_submitted: bool) -> String {
    if is_submitted {
        format!("logs: {}", plan.logs)
    } else {
        let path = folder.join(SUBMIT).display().to_string();
        format!("submit them with `bash {}`", quote::shell(&path))
    }
}
