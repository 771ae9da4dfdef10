//! Names of layers and networks that fit beside an axis and stay all different.

use std::collections::BTreeSet;

use super::font;
use super::style::Style;

/// Longest name in letters beyond which its middle is left out.
const LONGEST: usize = 40;

/// Least letters of a shortened name, however narrow the room.
const SHORTEST: usize = 6;

/// Letters kept at the start of a shortened name, as a share; the end tells layers apart best.
const KEPT_START: f64 = 0.125;

/// What separates the parts of a layer's name.
const SEPARATORS: [char; 3] = [':', '/', '.'];

/// Names no wider than `room` and still all different: where one is too long, a start that all share
/// goes first, then the middle; if that makes two alike, all are numbered.
pub fn short_names(names: &[&str], room: i32, style: Style) -> Vec<String> {
    let fits = |names: &[String]| {
        font::widest(names.iter().map(String::as_str), style) <= room
            && names.iter().all(|name| name.chars().count() <= LONGEST)
    };
    let whole: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    if fits(&whole) {
        return whole;
    }
    let shared = shared_start(names);
    let rests: Vec<&str> = names.iter().map(|name| &name[shared..]).collect();
    let mut short = Vec::new();
    for longest in (SHORTEST..=LONGEST).rev() {
        short = distinct(&rests, longest);
        if fits(&short) {
            break;
        }
    }
    short
}

/// Names of at most `longest` letters; numbered where two would be alike.
fn distinct(names: &[&str], longest: usize) -> Vec<String> {
    let short: Vec<String> = names.iter().map(|name| shorten(name, longest)).collect();
    if short.iter().collect::<BTreeSet<_>>().len() == short.len() {
        return short;
    }
    let digits = names.len().to_string().len();
    let numbered = |(i, name): (usize, &&str)| {
        let rest = longest.saturating_sub(digits + 1).max(2);
        format!("{} {}", i + 1, shorten(name, rest))
    };
    names.iter().enumerate().map(numbered).collect()
}

/// Bytes up to the last separator that all names have in common.
fn shared_start(names: &[&str]) -> usize {
    let Some((first, others)) = names.split_first() else {
        return 0;
    };
    if others.is_empty() {
        return 0;
    }
    let mut ends = first
        .match_indices(SEPARATORS)
        .map(|(at, separator)| at + separator.len());
    ends.rfind(|&end| others.iter().all(|name| name.starts_with(&first[..end])))
        .unwrap_or(0)
}

/// A name with some of its letters left out where it is wider than `room`.
pub fn fitted(name: &str, room: i32, style: Style) -> String {
    let n_letters = name.chars().count();
    (2..=n_letters)
        .rev()
        .map(|longest| shorten(name, longest))
        .find(|short| font::width(short, style) <= room)
        .unwrap_or_else(|| shorten(name, 2))
}

/// A name with some of its letters left out where it has more than `longest`.
fn shorten(name: &str, longest: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= longest {
        return name.to_owned();
    }
    let head = (longest as f64 * KEPT_START) as usize;
    let tail = longest.saturating_sub(head + 1);
    letters[..head]
        .iter()
        .chain(&['…'])
        .chain(&letters[letters.len() - tail..])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::style::SMALL;
    use super::*;

    #[test]
    fn long_names_lose_what_tells_least() {
        let unit = |n: u32| format!("resnet_v2_101:block3:unit_{n}:bottleneck_v2");
        let (a, b) = (unit(10), unit(11));
        let alike = short_names(&[&a, &b], 600, SMALL);
        assert_eq!(alike, ["unit_10:bottleneck_v2", "unit_11:bottleneck_v2"]);
        let mixed = short_names(&["conv1_abs", &a, &b], 600, SMALL);
        assert_eq!(mixed[0], "conv1_abs");
        assert!(
            mixed[1].ends_with(":unit_10:bottleneck_v2") && mixed[1].contains('…'),
            "{mixed:?}"
        );
    }

    #[test]
    fn short_names_stay_whole() {
        let names = ["a:conv1", "a:conv2"];
        assert_eq!(short_names(&names, 600, SMALL), names);
        assert_eq!(short_names(&["a:conv1"], 600, SMALL), ["a:conv1"]);
    }

    #[test]
    fn names_that_differ_only_in_the_middle_are_numbered() {
        let name = |n: u32| format!("start_of_name_{n}_and_a_very_very_long_end_of_the_name");
        let names = [name(1), name(2)];
        let short = short_names(&names.each_ref().map(String::as_str), 600, SMALL);
        assert!(
            short[0].starts_with("1 ") && short[1].starts_with("2 "),
            "{short:?}"
        );
    }

    #[test]
    fn wide_letters_fit_as_well() {
        let wide = "W".repeat(40);
        let short = short_names(&[&wide, "conv"], 500, SMALL);
        assert!(font::width(&short[0], SMALL) <= 500, "{short:?}");
        assert!(font::width(&fitted(&wide, 90, SMALL), SMALL) <= 90);
        assert_eq!(fitted("V1", 90, SMALL), "V1");
    }
}
