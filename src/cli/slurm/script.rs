//! The text of the scripts: one array (or several in a chain), then one job that finishes and computes.
//!
//! A task may be preempted, run again, or run twice at once after its node was lost; the stages take all
//! of that. What the scripts add is that the signal before the end reaches the program (`exec`), that a
//! log survives a second run (`append`), and that the last job starts however the others ended.

use super::job::MEMORY_SHARE;
use super::quote;
use super::time::Limit;
use crate::cli::stages::Step;

/// Everything the scripts are made from; paths are absolute.
pub struct Plan {
    pub program: String,
    pub study: String,
    pub settings: Option<String>,
    /// Folder of the scripts.
    pub folder: String,
    pub logs: String,
    pub nets: Vec<String>,
    /// In the order in which they run.
    pub stages: Vec<Step>,
    /// Whether the workers split the work beforehand.
    pub is_sharded: bool,
    /// An array for each stage.
    pub per_stage: bool,
    pub compat: bool,
    pub n_workers: u16,
    pub resources: Resources,
}

/// What a job asks the cluster for.
pub struct Resources {
    pub cpus: u16,
    /// As sbatch takes it; `0` is all memory of a node.
    pub memory: String,
    pub time: Limit,
    /// Options of sbatch, as they stand in the script.
    pub others: Vec<String>,
}

/// One sbatch script.
pub struct Script {
    pub name: String,
    /// Tasks of an array; `None` for a single job.
    pub n_tasks: Option<u16>,
    pub text: String,
}

impl Script {
    pub fn file_name(&self) -> String {
        format!("{}.sbatch", self.name)
    }
}

impl Plan {
    /// The scripts in the order in which their jobs run.
    pub fn scripts(&self) -> Vec<Script> {
        let mut scripts: Vec<Script> = self
            .groups()
            .into_iter()
            .map(|(name, stages)| self.workers(name, &stages))
            .collect();
        scripts.push(self.finish());
        scripts
    }

    /// Stages that run in one array, with its name.
    fn groups(&self) -> Vec<(&'static str, Vec<Step>)> {
        let one = |stage: &Step| (stage.name(), vec![*stage]);
        if self.per_stage {
            return self.stages.iter().map(one).collect();
        }
        // Parts of `extract` are images, those of the other stages are layers, subjects and ROIs: every
        // worker needs all images of its layers.
        let (first, rest): (Vec<Step>, Vec<Step>) = self
            .stages
            .iter()
            .copied()
            .partition(|stage| self.is_sharded && *stage == Step::Extract);
        let mut groups: Vec<_> = first.iter().map(one).collect();
        if !rest.is_empty() {
            groups.push(("work", rest));
        }
        groups
    }

    fn workers(&self, name: &str, stages: &[Step]) -> Script {
        let mut run = self.run(stages);
        run.push("--no-compute".to_owned());
        if self.is_sharded {
            run.push("--shard slurm".to_owned());
        }
        let how = if self.is_sharded {
            "each does its own part"
        } else {
            "each takes what no other has done"
        };
        let about = format!("Workers: {} tasks, {how}.", self.n_workers);
        Script {
            name: name.to_owned(),
            n_tasks: Some(self.n_workers),
            text: self.script(name, &about, Some(self.n_workers), &run),
        }
    }

    fn finish(&self) -> Script {
        let mut run = self.run(&self.stages);
        let has_scores = self.stages.iter().any(|stage| stage.is_scored());
        let about = if has_scores {
            "Does what the workers left undone, then computes the scores."
        } else {
            run.push("--no-compute".to_owned());
            "Does what the workers left undone."
        };
        Script {
            name: "finish".to_owned(),
            n_tasks: None,
            text: self.script("finish", about, None, &run),
        }
    }

    /// `run` with its options, one group a line.
    fn run(&self, stages: &[Step]) -> Vec<String> {
        let mut words: Vec<String> = self
            .nets
            .iter()
            .map(|net| format!("--net {}", quote::shell(net)))
            .collect();
        if stages != Step::ALL {
            words.extend(
                stages
                    .iter()
                    .map(|stage| format!("--stage {}", stage.name())),
            );
        }
        if let Some(settings) = &self.settings {
            words.push(format!("--settings {}", quote::shell(settings)));
        }
        if self.compat {
            words.push("--compat".to_owned());
        }
        words.push("--threads \"$SLURM_CPUS_PER_TASK\"".to_owned());
        // Of a whole node (0) Slurm does not say how much it has; the program's default does.
        if self.resources.memory != "0" {
            words.push(format!(
                "--memory \"$((SLURM_MEM_PER_NODE * {MEMORY_SHARE} / 100))M\""
            ));
        }
        words
    }

    fn script(&self, name: &str, about: &str, n_tasks: Option<u16>, run: &[String]) -> String {
        let mut text = format!("#!/bin/bash\n# {about} Written by `bhscore slurm`.\n");
        for option in self.directives(name, n_tasks) {
            text.push_str(&format!("#SBATCH {option}\n"));
        }
        let command = format!(
            "exec {} -C {} run",
            quote::shell(&self.program),
            quote::shell(&self.study)
        );
        let lines = [&[command], run].concat();
        text.push_str(
            "set -eu\n# exec: Slurm's signal goes to this process, so the program must be it\n",
        );
        text.push_str(&lines.join(" \\\n    "));
        text.push('\n');
        text
    }

    fn directives(&self, name: &str, n_tasks: Option<u16>) -> Vec<String> {
        let Resources {
            cpus,
            memory,
            time,
            others,
        } = &self.resources;
        let log = if n_tasks.is_some() { "%A_%a" } else { "%j" };
        let mut all = vec![format!("--job-name=bhscore-{name}")];
        all.extend(n_tasks.map(|n_tasks| format!("--array=1-{n_tasks}")));
        all.extend([
            "--ntasks=1".to_owned(),
            format!("--cpus-per-task={cpus}"),
            format!("--mem={memory}"),
            format!("--time={}", time.text()),
            format!("--output={}/%x-{log}.log", quote::log_folder(&self.logs)),
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
            format!("--signal=B:TERM@{}", time.warning()),
        ]);
        all.extend(others.iter().cloned());
        all
    }

    /// The script that submits the others, for those who want to look at them first.
    pub fn submit(&self, scripts: &[Script]) -> String {
        let names: Vec<String> = scripts.iter().map(Script::file_name).collect();
        format!(
            "#!/bin/bash\n\
             # Submits the scripts of this folder: each begins when the one before has ended, well or not.\n\
             # Written by `bhscore slurm`; `bhscore slurm --submit` does the same.\n\
             set -eu\n\
             cd {}\n\
             dependency=()\n\
             for script in {}; do\n\
             \x20   job=$(sbatch --parsable ${{dependency[@]+\"${{dependency[@]}}\"}} \"$script\")\n\
             \x20   job=${{job%%;*}}\n\
             \x20   printf '%s %s\\n' \"$job\" \"$script\"\n\
             \x20   dependency=(\"--dependency=afterany:$job\" --kill-on-invalid-dep=yes)\n\
             done\n",
            quote::shell(&self.folder),
            names.join(" ")
        )
    }
}
