//! A process, told apart from every other on this and other machines; whether it has ended.

use std::fs;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use crate::io::record;

/// What a worker's file says of its process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// Name of the machine.
    pub host: String,
    /// Process id, as the process itself sees it.
    pub pid: u32,
    /// Random number of the machine's last start; empty where it cannot be read.
    pub boot: String,
    /// Which numbering of processes `pid` belongs to (containers have their own).
    pub pid_namespace: String,
    /// When the process was started, in the kernel's ticks: process ids are used again.
    pub start: u64,
}

impl Process {
    /// This process.
    pub fn me() -> Process {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let pid_namespace = fs::read_link("/proc/self/ns/pid")
            .map(|link| link.to_string_lossy().into_owned())
            .unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Process {
            host: record::host(),
            pid: std::process::id(),
            boot: boot.trim().to_owned(),
            pid_namespace,
            start: parse_stat(&stat).map_or(0, |(_, start)| start),
        }
    }

    /// Whether `self` is a process of the machine and numbering of `observer`; `None` where unknown.
    ///
    /// `Some(true)`: it has ended for certain. `Some(false)`: it is there, running or stopped.
    pub fn has_ended(&self, observer: &Process) -> Option<bool> {
        // The host as well: machines cloned from one snapshot share the boot's number.
        let comparable = self.host == observer.host
            && !self.boot.is_empty()
            && self.boot == observer.boot
            && !self.pid_namespace.is_empty()
            && self.pid_namespace == observer.pid_namespace
            && self.start != 0;
        if !comparable {
            return None;
        }
        match fs::read_to_string(format!("/proc/{}/stat", self.pid)) {
            Ok(stat) => parse_stat(&stat)
                .map(|(state, start)| start != self.start || matches!(state, 'Z' | 'X' | 'x')),
            // Where `/proc` hides other users' processes, it hides the first process, too.
            Err(error) if is_gone(&error) => fs::read_to_string("/proc/1/stat").ok().map(|_| true),
            Err(_) => None,
        }
    }
}

/// `ESRCH` comes from a process that ends while its file is read.
fn is_gone(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(3)
}

/// State and start of a `/proc/<pid>/stat`: fields 3 and 22. The name before them may hold anything.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_fields_are_found_after_any_name() {
        let stat = "7 (a) R 9 (x) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 1 2";
        assert_eq!(parse_stat(stat), Some(('S', 777)));
        for stat in [
            "",
            "7 (a",
            "7 (a) S 1 2",
            "7 (a) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 x",
        ] {
            assert_eq!(parse_stat(stat), None, "{stat}");
        }
    }

    #[test]
    fn an_ended_process_is_told_from_a_living_one_and_from_its_successor() {
        let me = Process::me();
        assert_eq!(me.has_ended(&me), Some(false));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let (_, start) = parse_stat(&stat).unwrap();
        let process = Process {
            pid: child.id(),
            start,
            ..me.clone()
        };
        assert_eq!(process.has_ended(&me), Some(false));
        let earlier = Process {
            start: start - 1,
            ..process.clone()
        };
        assert_eq!(earlier.has_ended(&me), Some(true));
        child.kill().unwrap();
        // Not waited for: a zombie does no work either.
        while process.has_ended(&me) != Some(true) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(process.has_ended(&me), Some(true));
    }

    #[test]
    fn nothing_is_known_of_other_machines_containers_and_starts() {
        let me = Process::me();
        // The largest process id that Linux gives out is 4194303.
        let gone = Process {
            pid: 4_194_304,
            ..me.clone()
        };
        assert_eq!(gone.has_ended(&me), Some(true));
        for other in [
            Process {
                host: "elsewhere".into(),
                ..gone.clone()
            },
            Process {
                boot: "other".into(),
                ..gone.clone()
            },
            Process {
                boot: String::new(),
                ..gone.clone()
            },
            Process {
                pid_namespace: "pid:[1]".into(),
                ..gone.clone()
            },
            Process {
                start: 0,
                ..gone.clone()
            },
        ] {
            assert_eq!(other.has_ended(&me), None, "{other:?}");
        }
    }
}
