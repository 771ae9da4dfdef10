//! All orders of steps of several workers on one unit, walked through on a model of the protocol.
//!
//! A worker may crash or be paused before any step. To others a crashed one is dead, and a paused one dead or alive,
//! since they cannot know for how long. The same states are visited once, so that the walk ends.

mod state;

use std::collections::HashMap;

use self::state::{Limits, Publishing, State};

/// What was found on the way.
#[derive(Debug)]
struct Walk {
    states: usize,
    /// The most computations of the unit.
    computations: usize,
    /// Whether it may end with the unit done for those who went home, and not committed.
    loses: bool,
}

/// Walks through everything.
fn walk(limits: Limits) -> Walk {
    let mut places = HashMap::new();
    let mut states = vec![State::new(limits)];
    places.insert(states[0].clone(), 0);
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut ends = Vec::new();
    let (mut most, mut loses) = (0, false);
    let mut at = 0;
    while at < states.len() {
        let state = states[at].clone();
        state.check(limits);
        most = most.max(state.computations);
        let next = state.next(limits);
        if next.is_empty() {
            state.check_end(limits);
            loses |= state.is_lost();
            ends.push(at);
        }
        for state in next {
            let place = *places.entry(state.clone()).or_insert_with(|| {
                states.push(state);
                before.push(Vec::new());
                states.len() - 1
            });
            before[place].push(at);
        }
        at += 1;
    }
    // From everywhere there is a way to an end: nobody waits for ever.
    let mut reached = vec![false; states.len()];
    while let Some(end) = ends.pop() {
        if !std::mem::replace(&mut reached[end], true) {
            ends.extend(&before[end]);
        }
    }
    if let Some(stuck) = reached.iter().position(|reached| !reached) {
        panic!("no way out of {:#?}", states[stuck]);
    }
    Walk {
        states: states.len(),
        computations: most,
        loses,
    }
}

fn limits(workers: usize, crashes: usize, pauses: usize) -> Limits {
    Limits {
        workers,
        crashes,
        pauses,
        publishing: Publishing::Keeps,
    }
}

#[test]
fn two_workers_with_crashes_and_pauses() {
    assert_eq!(walk(limits(2, 0, 0)).computations, 1);
    for (crashes, pauses) in [(1, 0), (2, 0), (0, 1), (0, 2), (1, 1), (2, 1), (1, 2)] {
        let walk = walk(limits(2, crashes, pauses));
        println!("2 workers, {crashes} crashes, {pauses} pauses: {walk:?}");
    }
}

#[test]
fn three_workers_with_one_crash_or_pause() {
    assert_eq!(walk(limits(3, 0, 0)).computations, 1);
    for (crashes, pauses) in [(1, 0), (0, 1)] {
        let walk = walk(limits(3, crashes, pauses));
        println!("3 workers, {crashes} crashes, {pauses} pauses: {walk:?}");
    }
}

/// Why results are published without replacing what is committed: a worker that was paused just before takes the
/// record back, others start again, and if it dies there, the unit is open although all others have gone home.
#[test]
fn publishing_that_replaces_can_lose_a_unit_that_was_done() {
    for publishing in [Publishing::Replaces, Publishing::AsksAndReplaces] {
        for (crashes, pauses) in [(0, 1), (1, 1)] {
            let walk = walk(Limits {
                publishing,
                ..limits(2, crashes, pauses)
            });
            println!("{publishing:?}, {crashes} crashes, {pauses} pauses: {walk:?}");
            assert!(walk.states > 1000 && walk.computations > 2);
            assert_eq!(walk.loses, crashes > 0);
        }
    }
}
