//! The steps of the protocol, and what is on disk between them.

/// Most attempts at the unit; more than any walk needs.
const ATTEMPTS: usize = 6;
const WORKERS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Start,
    /// Refresh, look for the commit.
    Ask,
    CreateFirst,
    /// Count the attempts upwards.
    Count,
    Look,
    LookAtWorker(usize),
    CreateNext,
    Write,
    /// Is the attempt below still there?
    Below,
    AskAgain,
    Compute,
    MineNext,
    MineOwn,
    /// Only where publishing replaces: look for the commit once more, then the old record goes first.
    AskLast,
    TakeBack,
    Publish,
    Commit,
    /// Remove what those before left unfinished.
    Tidy,
    Finish,
    /// Dropped without a commit: the own claim is removed, if it is still the last.
    ReleaseNext,
    ReleaseOwn,
    ReleaseRemove,
    End,
    ListClaims,
    ListWorkers,
    Sweep,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Life {
    Running,
    Paused,
    Crashed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Worker {
    step: Step,
    life: Life,
    attempt: usize,
    /// The last attempt that was counted.
    last: usize,
    /// Its finished, unpublished files.
    temporary: bool,
    /// Listed for the sweep, as bits.
    claims: u8,
    workers: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Claim {
    maker: usize,
    written: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    claims: [Option<Claim>; ATTEMPTS],
    files: [bool; WORKERS],
    output: bool,
    record: bool,
    workers: Vec<Worker>,
    crashes: usize,
    pauses: usize,
    pub computations: usize,
}

/// What may happen, at most.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub workers: usize,
    pub crashes: usize,
    pub pauses: usize,
    pub publishing: Publishing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publishing {
    /// What is there stays.
    Keeps,
    /// It is replaced, and its record is taken back meanwhile.
    Replaces,
    /// The same, unless it is committed.
    AsksAndReplaces,
}

impl State {
    pub fn new(limits: Limits) -> State {
        let worker = Worker {
            step: Step::Start,
            life: Life::Running,
            attempt: 0,
            last: 0,
            temporary: false,
            claims: 0,
            workers: 0,
        };
        State {
            claims: [None; ATTEMPTS],
            files: [false; WORKERS],
            output: false,
            record: false,
            workers: vec![worker; limits.workers],
            crashes: 0,
            pauses: 0,
            computations: 0,
        }
    }

    /// All states that may come next.
    pub fn next(&self, limits: Limits) -> Vec<State> {
        let mut found = Vec::new();
        for at in 0..self.workers.len() {
            let Worker { step, life, .. } = self.workers[at];
            match life {
                Life::Crashed => {}
                Life::Paused => {
                    let mut resumed = self.clone();
                    resumed.workers[at].life = Life::Running;
                    let swept = !self.files[at] && !matches!(step, Step::Start | Step::End);
                    let at_work = !matches!(
                        step,
                        Step::ListClaims | Step::ListWorkers | Step::Sweep | Step::Ended
                    );
                    if swept && at_work {
                        // The next heartbeat makes the file again, sooner or later.
                        let mut revived = resumed.clone();
                        revived.files[at] = true;
                        found.push(revived);
                    }
                    found.push(resumed);
                }
                Life::Running if step == Step::Ended => {}
                Life::Running => {
                    self.step(at, limits, &mut found);
                    if self.crashes < limits.crashes {
                        let mut crashed = self.clone();
                        crashed.workers[at].life = Life::Crashed;
                        crashed.crashes += 1;
                        found.push(crashed);
                    }
                    if self.pauses < limits.pauses {
                        let mut paused = self.clone();
                        paused.workers[at].life = Life::Paused;
                        paused.pauses += 1;
                        found.push(paused);
                    }
                }
            }
        }
        found
    }

    /// What others may take a worker for: dead, alive.
    fn judged(&self, other: usize) -> (bool, bool) {
        match self.workers[other].life {
            _ if !self.files[other] => (true, false),
            Life::Running => (false, true),
            Life::Paused => (true, true),
            Life::Crashed => (true, false),
        }
    }

    fn step(&self, at: usize, limits: Limits, found: &mut Vec<State>) {
        let mut state = self.clone();
        let me = self.workers[at];
        let is_mine = |attempt: usize| self.claims[attempt - 1].is_some_and(|c| c.maker == at);
        let mut go = |mut state: State, step: Step| {
            state.workers[at].step = step;
            found.push(state);
        };
        match me.step {
            Step::Start => {
                state.files[at] = true;
                go(state, Step::Ask);
            }
            Step::Ask => go(
                state,
                if self.record {
                    Step::End
                } else {
                    Step::CreateFirst
                },
            ),
            Step::CreateFirst => {
                if self.claims[0].is_none() {
                    state.claims[0] = Some(Claim {
                        maker: at,
                        written: false,
                    });
                    state.workers[at].attempt = 1;
                    go(state, Step::Write);
                } else {
                    state.workers[at].last = 1;
                    go(state, Step::Count);
                }
            }
            Step::Count => {
                if self.claims[me.last].is_some() {
                    state.workers[at].last += 1;
                    go(state, Step::Count);
                } else {
                    go(state, Step::Look);
                }
            }
            Step::Look => match self.claims[me.last - 1] {
                None => go(state, Step::Ask),
                Some(Claim {
                    maker,
                    written: true,
                }) if maker == at => {
                    // Left when it was taken over, and the last again since the later one was released.
                    state.workers[at].attempt = me.last;
                    go(state, Step::AskAgain);
                }
                Some(Claim {
                    maker,
                    written: true,
                }) => go(state, Step::LookAtWorker(maker)),
                Some(Claim {
                    maker,
                    written: false,
                }) => {
                    // Nobody knows whose it is: it is watched, whatever has become of the maker's file.
                    if self.workers[maker].life != Life::Running {
                        go(state.clone(), Step::CreateNext);
                    }
                    if self.workers[maker].life != Life::Crashed {
                        go(state, Step::Ask);
                    }
                }
            },
            Step::LookAtWorker(other) => {
                let (dead, alive) = self.judged(other);
                if dead {
                    go(state.clone(), Step::CreateNext);
                }
                if alive {
                    go(state, Step::Ask);
                }
            }
            Step::CreateNext => {
                if self.claims[me.last].is_none() {
                    state.claims[me.last] = Some(Claim {
                        maker: at,
                        written: false,
                    });
                    state.workers[at].attempt = me.last + 1;
                    go(state, Step::Write);
                } else {
                    go(state, Step::Ask);
                }
            }
            Step::Write => {
                if is_mine(me.attempt) {
                    state.claims[me.attempt - 1] = Some(Claim {
                        maker: at,
                        written: true,
                    });
                }
                go(
                    state,
                    if me.attempt > 1 {
                        Step::Below
                    } else {
                        Step::AskAgain
                    },
                );
            }
            Step::Below => match self.claims[me.attempt - 2] {
                Some(_) => go(state, Step::AskAgain),
                None => {
                    state.claims[me.attempt - 1] = None;
                    go(state, Step::Ask);
                }
            },
            Step::AskAgain => go(
                state,
                if self.record {
                    Step::ReleaseNext
                } else {
                    Step::Compute
                },
            ),
            Step::Compute => {
                state.computations += 1;
                state.workers[at].temporary = true;
                go(state, Step::MineNext);
            }
            Step::MineNext | Step::MineOwn => {
                let (mine, next) = match me.step {
                    Step::MineNext => (self.claims[me.attempt].is_none(), Step::MineOwn),
                    _ => (
                        is_mine(me.attempt),
                        match limits.publishing {
                            Publishing::Keeps => Step::Publish,
                            Publishing::Replaces => Step::TakeBack,
                            Publishing::AsksAndReplaces => Step::AskLast,
                        },
                    ),
                };
                if mine {
                    go(state, next);
                } else {
                    state.workers[at].temporary = false;
                    go(state, Step::ReleaseNext);
                }
            }
            Step::AskLast if self.record => {
                state.workers[at].temporary = false;
                go(state, Step::ReleaseNext);
            }
            Step::AskLast => go(state, Step::TakeBack),
            Step::TakeBack => {
                state.record = false;
                go(state, Step::Publish);
            }
            // Somebody has removed the file: superseded.
            Step::Publish if !me.temporary => go(state, Step::ReleaseNext),
            Step::Publish => {
                state.output = true;
                state.workers[at].temporary = false;
                go(state, Step::Commit);
            }
            Step::Commit => {
                state.record = true;
                go(state, Step::Tidy);
            }
            Step::Tidy => {
                for claim in self.claims[..me.attempt - 1].iter().flatten() {
                    if claim.maker != at {
                        state.workers[claim.maker].temporary = false;
                    }
                }
                go(state, Step::Finish);
            }
            Step::Finish => {
                state.claims[me.attempt - 1] = None;
                state.workers[at].attempt -= 1;
                go(
                    state,
                    if me.attempt > 1 {
                        Step::Finish
                    } else {
                        Step::End
                    },
                );
            }
            Step::ReleaseNext | Step::ReleaseOwn => {
                let (mine, next) = match me.step {
                    Step::ReleaseNext => (self.claims[me.attempt].is_none(), Step::ReleaseOwn),
                    _ => (is_mine(me.attempt), Step::ReleaseRemove),
                };
                go(state, if mine { next } else { Step::Ask });
            }
            Step::ReleaseRemove => {
                state.claims[me.attempt - 1] = None;
                go(state, Step::Ask);
            }
            Step::End => {
                state.files[at] = false;
                go(state, Step::ListClaims);
            }
            Step::ListClaims => {
                let listed = (0..ATTEMPTS).filter(|&place| self.claims[place].is_some());
                state.workers[at].claims = listed.map(|place| 1 << place).sum();
                go(state, Step::ListWorkers);
            }
            Step::ListWorkers => {
                let others = (0..self.workers.len()).filter(|&other| self.files[other]);
                let judged: Vec<_> = others.map(|other| (other, self.judged(other))).collect();
                if judged.iter().all(|(_, (dead, _))| *dead) {
                    let mut state = state.clone();
                    state.workers[at].workers = judged.iter().map(|(other, _)| 1 << other).sum();
                    go(state, Step::Sweep);
                }
                if judged.iter().any(|(_, (_, alive))| *alive) {
                    go(state, Step::Ended);
                }
            }
            Step::Sweep => {
                if let Some(place) = (0..ATTEMPTS).rev().find(|p| me.claims >> p & 1 == 1) {
                    state.claims[place] = None;
                    state.workers[at].claims &= !(1 << place);
                    go(state, Step::Sweep);
                } else if let Some(other) = (0..WORKERS).find(|w| me.workers >> w & 1 == 1) {
                    state.files[other] = false;
                    state.workers[at].workers &= !(1 << other);
                    go(state, Step::Sweep);
                } else {
                    go(state, Step::Ended);
                }
            }
            Step::Ended => {}
        }
    }

    pub fn check(&self, limits: Limits) {
        assert!(
            !self.record || self.output,
            "a record of nothing: {self:#?}"
        );
        if limits.publishing == Publishing::Keeps {
            let most = 1 + self.crashes + self.pauses;
            assert!(self.computations <= most, "double work: {self:#?}");
        }
    }

    /// Whether a worker went home and the unit is not committed.
    pub fn is_lost(&self) -> bool {
        !self.record && self.workers.iter().any(|worker| worker.step == Step::Ended)
    }

    pub fn check_end(&self, limits: Limits) {
        if limits.publishing == Publishing::Keeps {
            assert!(!self.is_lost(), "ended without the unit: {self:#?}");
        }
        if self.crashes == 0 {
            assert_eq!(self.claims, [None; ATTEMPTS], "{self:#?}");
            assert_eq!(self.files, [false; WORKERS], "{self:#?}");
        }
    }
}
