//! The known names nearest to one that is not known, for the hint of an error message.

/// Most names that a hint lists.
const MOST_NAMES: usize = 3;

/// Longer names, in characters, are near nothing: comparing two of a megabyte would take hours.
const LONGEST: usize = 1000;

/// Up to three of `known` that are near `name`, nearest first; equally near ones in the given order.
///
/// Near is a Levenshtein distance without regard to case of at most a third of the longer name, and at least
/// two, so that one slip in a short name still finds it.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = Vec::new();
    for candidate in known {
        let (a, b) = (name.chars().count(), candidate.chars().count());
        let longer = a.max(b);
        if longer > LONGEST {
            continue;
        }
        let distance = distance(name, candidate);
        if distance <= (longer / 3).max(2) && distance < longer {
            near.push((distance, candidate));
        }
    }
    near.sort_by_key(|&(distance, _)| distance);
    near.truncate(MOST_NAMES);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The names in backticks, separated by commas.
pub fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Least number of characters to insert, delete or replace to turn `a` into `b`, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_edits() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("alpha", "ALPHA", 0),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn nearest_come_first_and_far_ones_not_at_all() {
        let known = ["subjects", "rois", "dnns", "score"];
        assert_eq!(nearest("subject", known), ["subjects"]);
        assert_eq!(nearest("roi", known), ["rois"]);
        assert!(nearest("temperature", known).is_empty());
        assert_eq!(
            nearest("ROI_V5", ["ROI_LO", "ROI_V4", "x"]),
            ["ROI_V4", "ROI_LO"]
        );
        assert!(
            nearest("", ["a"]).is_empty(),
            "nothing in common is not near"
        );
    }
}
