//! Names of models and benchmarks as names of files: safe anywhere, each different.

use std::collections::{BTreeSet, HashMap};

/// Longest part of a name that is kept.
const LONGEST: usize = 80;

/// What is left of a name: letters, digits, `.`, `_` and `-` of ASCII, `-` for everything else, no dots in front.
pub fn plain(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() || letter == '_' => text.push(letter),
            '.' if !text.is_empty() && !text.ends_with(['.', '-']) => text.push('.'),
            _ if text.is_empty() || text.ends_with('-') => {}
            _ => text.push('-'),
        }
        if text.len() == LONGEST {
            break;
        }
    }
    let text = text.trim_end_matches(['-', '.']);
    match text {
        "" => "unnamed".to_owned(),
        text => text.to_owned(),
    }
}

/// Names of files for names, in the same order; a number is added to what some file system would take for the same.
pub fn slugs<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    // The number to try next, so that a thousand equal names do not try each other's.
    let mut numbers = HashMap::new();
    let mut unique = |name: &str| {
        let stem = plain(name);
        let mut slug = stem.clone();
        let number = numbers.entry(stem.to_lowercase()).or_insert(2);
        while !taken.insert(slug.to_lowercase()) {
            slug = format!("{stem}-{number}");
            *number += 1;
        }
        slug
    };
    names.into_iter().map(&mut unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_plain() {
        for (name, expected) in [
            ("pytorch/alexnet", "pytorch-alexnet"),
            ("<script>alert(1)</script>", "script-alert-1-script"),
            ("..", "unnamed"),
            ("../../etc/passwd", "etc-passwd"),
            (".hidden", "hidden"),
            ("a b\tc\n", "a-b-c"),
            ("resnet-50x2_untrained", "resnet-50x2_untrained"),
            ("", "unnamed"),
            ("漢字", "unnamed"),
            ("x.V4-pls v2.", "x.V4-pls-v2"),
        ] {
            assert_eq!(plain(name), expected);
        }
        assert_eq!(plain(&"a".repeat(300)).len(), LONGEST);
    }

    #[test]
    fn no_two_are_the_same_on_any_file_system() {
        let names = ["a/b", "a b", "A-B", "a-b-2", "..", "."];
        let expected = ["a-b", "a-b-2", "A-B-3", "a-b-2-2", "unnamed", "unnamed-2"];
        assert_eq!(slugs(names), expected);
    }
}
