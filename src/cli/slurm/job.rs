//! What Slurm tells a program that runs inside a job: cores, memory, place in the array.
//!
//! Slurm's variables are defaults only: what is typed on the command line wins.

use bhscore::Error;
use bhscore::study::memory::Memory;
use bhscore::work::Shard;

/// Words that `--shard` takes instead of i/n.
const FROM_SLURM: [&str; 2] = ["slurm", "auto"];

/// Share of a job's memory that working arrays may take, in percent. The rest is for the program
/// itself, its threads' stacks and files on their way to the disk, which some clusters count, too.
pub const MEMORY_SHARE: u64 = 90;

type Result<T> = std::result::Result<T, Error>;

/// Cores of a task, if this is one that says so (`SLURM_CPUS_PER_TASK`, set by `--cpus-per-task`).
pub fn threads() -> Result<Option<u16>> {
    threads_of(&from_environment)
}

/// What working arrays may take of the job's memory, if it has a bound.
pub fn memory() -> Result<Option<Memory>> {
    memory_of(&from_environment)
}

/// `--shard`: i/n, or a word for this task's place in its array.
pub fn shard(text: &str) -> Result<Shard> {
    if FROM_SLURM.contains(&text) {
        shard_of(text, &from_environment)
    } else {
        text.parse()
    }
}

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number<T: std::str::FromStr>(name: &str, value: &str, remedy: &str) -> Result<T> {
    value.trim().parse().map_err(|_| {
        Error::data(
            format!("environment variable `{name}={value}`"),
            "is not a number that Slurm would give",
            remedy,
        )
    })
}

fn threads_of(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<u16>> {
    let name = "SLURM_CPUS_PER_TASK";
    let remedy = "unset it, or give `--threads`";
    match get(name) {
        None => Ok(None),
        Some(value) => match number(name, &value, remedy)? {
            // As without a job: all cores.
            0 => Ok(None),
            threads => Ok(Some(threads)),
        },
    }
}

/// `SLURM_MEM_PER_NODE` (from `--mem`), or `SLURM_MEM_PER_CPU` times the task's cores; both are in MB.
/// Slurm writes 0 for a job that may take the whole node: that is no bound.
fn memory_of(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<Memory>> {
    let remedy = "unset it, or give `--memory`";
    let read = |name: &str| -> Result<Option<u64>> {
        get(name)
            .map(|value| number(name, &value, remedy))
            .transpose()
    };
    let megabytes = match read("SLURM_MEM_PER_NODE")? {
        Some(megabytes) => megabytes,
        None => match read("SLURM_MEM_PER_CPU")? {
            Some(per_cpu) => per_cpu.saturating_mul(threads_of(get)?.unwrap_or(1).into()),
            None => 0,
        },
    };
    let bytes = megabytes.saturating_mul(1 << 20) / 100 * MEMORY_SHARE;
    Ok((bytes > 0).then_some(Memory { bytes }))
}

/// The task's place in its array, as part i of n.
fn shard_of(text: &str, get: &dyn Fn(&str) -> Option<String>) -> Result<Shard> {
    let wrong = |problem: String| {
        let remedy = "submit an array (`sbatch --array=1-8`, `bhscore slurm --shards`), or write `--shard 2/3`";
        Error::data(format!("shard `{text}`"), problem, remedy)
    };
    let read = |name: &str| -> Result<usize> {
        let value = get(name).ok_or_else(|| {
            wrong(format!(
                "`{name}` is not set, so this is not a task of a Slurm array"
            ))
        })?;
        number(name, &value, "write the part as `--shard 2/3`")
    };
    let (id, count) = (
        read("SLURM_ARRAY_TASK_ID")?,
        read("SLURM_ARRAY_TASK_COUNT")?,
    );
    let first = read("SLURM_ARRAY_TASK_MIN")?;
    // `--array=1-9:2` counts in steps; a list (`--array=1,5,6`) has no step that fits.
    let step = match get("SLURM_ARRAY_TASK_STEP") {
        Some(_) => read("SLURM_ARRAY_TASK_STEP")?.max(1),
        None => 1,
    };
    let offset = id.checked_sub(first);
    let place = offset.filter(|offset| offset % step == 0 && offset / step < count);
    let place = place.ok_or_else(|| {
        wrong(format!(
            "task {id} has no place among {count} that begin with {first} in steps of {step}"
        ))
    })?;
    format!("{}/{count}", place / step + 1).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| (format!("SLURM_{name}"), (*value).to_owned()))
            .collect();
        move |wanted| {
            let found = pairs.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        }
    }

    #[test]
    fn cores_and_memory_of_a_job() {
        let threads = |pairs: &[_]| threads_of(&variables(pairs));
        assert_eq!(threads(&[]).unwrap(), None);
        assert_eq!(threads(&[("CPUS_PER_TASK", "6")]).unwrap(), Some(6));
        assert!(threads(&[("CPUS_PER_TASK", "4(x2)")]).is_err());
        let megabytes = |pairs: &[_]| {
            let memory = memory_of(&variables(pairs)).unwrap();
            memory.map(|memory| memory.bytes >> 20)
        };
        assert_eq!(megabytes(&[]), None);
        assert_eq!(megabytes(&[("MEM_PER_NODE", "16000")]), Some(14400));
        assert_eq!(megabytes(&[("MEM_PER_NODE", "0")]), None);
        assert_eq!(
            megabytes(&[("MEM_PER_CPU", "1000"), ("CPUS_PER_TASK", "4")]),
            Some(3600)
        );
        assert!(memory_of(&variables(&[("MEM_PER_NODE", "16G")])).is_err());
    }

    #[test]
    fn places_in_arrays_of_all_kinds() {
        let shard = |id: &str, count: &str, min: &str, step: &str| {
            let mut pairs = vec![
                ("ARRAY_TASK_ID", id),
                ("ARRAY_TASK_COUNT", count),
                ("ARRAY_TASK_MIN", min),
            ];
            pairs.extend(Some(("ARRAY_TASK_STEP", step)).filter(|_| !step.is_empty()));
            shard_of("slurm", &variables(&pairs))
        };
        let part = |text: &str| text.parse::<Shard>().unwrap();
        assert_eq!(shard("1", "8", "1", "").unwrap(), part("1/8"));
        assert_eq!(shard("0", "8", "0", "1").unwrap(), part("1/8"));
        assert_eq!(shard("7", "8", "0", "1").unwrap(), part("8/8"));
        assert_eq!(shard("9", "5", "1", "2").unwrap(), part("5/5"));
        for (id, min, step) in [("6", "1", "1"), ("0", "1", "1"), ("4", "1", "2")] {
            assert!(shard(id, "5", min, step).is_err());
        }
        let text = shard_of("auto", &variables(&[])).unwrap_err().to_string();
        assert!(text.contains("`SLURM_ARRAY_TASK_ID` is not set"), "{text}");
    }
}
