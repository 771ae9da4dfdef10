//! The end of a run: removes what dead workers left.

use super::folder;
use super::holder::{Judge, Life, Ticket};
use super::unit_name;
use crate::error::Result;

/// Removes what a worker, named second, may have left unfinished of a unit; no worker where the claim is damaged.
pub type Tidy<'a> = dyn FnMut(&str, Option<&str>) -> Result<()> + 'a;

/// Removes all claims and workers' files if no worker lives; returns how many. `tidy` is told unit and worker of each
/// claim before that is removed.
///
/// The claims are listed *before* the workers: who makes a claim is known as a worker already, so that claims of the
/// first list whose makers are not in the second are nobody's.
pub(super) fn sweep(judge: &Judge, tidy: &mut Tidy) -> Result<usize> {
    let folder = &judge.folder;
    folder::refresh(&folder.units)?;
    let listed = folder::list(&folder.units)?;
    let mut claims: Vec<_> = listed
        .iter()
        .filter_map(|file| unit_name::parse(file))
        .collect();
    claims.sort();
    folder::refresh(&folder.workers)?;
    let mut workers = folder::list(&folder.workers)?;
    workers.retain(|name| is_worker(name));
    for worker in &workers {
        if judge.life(worker)? != Life::Dead {
            return Ok(0);
        }
    }
    let mut n_removed = 0;
    // Backwards, so that of one unit the last attempt goes first.
    for (name, attempt) in claims.iter().rev() {
        let path = folder.units.join(name.file(*attempt));
        let ticket = folder::read(&path)?.and_then(|bytes| Ticket::parse(&bytes));
        match (ticket, name.unit()) {
            (Some((ticket, _)), _) => tidy(&ticket.unit, Some(&ticket.worker))?,
            (None, Some(unit)) => tidy(&unit, None)?,
            (None, None) => {}
        }
        n_removed += usize::from(folder::remove(&path)?);
    }
    for worker in workers {
        n_removed += usize::from(folder::remove(&folder.workers.join(worker))?);
    }
    folder.unmake();
    Ok(n_removed)
}

/// Whether a file is called as a worker, `<host>-<pid>-<random>`; other files are not ours to remove.
fn is_worker(name: &str) -> bool {
    let mut parts = name.rsplitn(3, '-');
    let random = parts.next().unwrap_or_default();
    let pid = parts.next().unwrap_or_default();
    let is_random = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_random && pid.parse::<u32>().is_ok() && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_called_as_a_worker_is_not_ours() {
        assert!(is_worker(&crate::io::atomic::unique_owner()));
        assert!(is_worker("my-host-12-0123456789abcdef"));
        for other in [
            "thesis.docx",
            "a-b-c",
            "host-12-0123456789abcdeg",
            "12-0123456789abcdef",
            "host-x-0123456789abcdef",
        ] {
            assert!(!is_worker(other), "{other}");
        }
    }
}
