//! Which names may become parts of paths, and which may not.

/// What is wrong with the name of one file or folder; `None` if it can be used.
///
/// A name must stay in its folder on every system that shares it: no separators, no `.` or `..`, and nothing that
/// cannot be seen or typed.
pub fn problem_of_name(name: &str) -> Option<String> {
    let shown = name.escape_debug();
    if name.trim().is_empty() {
        return Some("an empty name; give it one or remove it".to_owned());
    }
    if name == "." || name == ".." {
        return Some(format!(
            "`{shown}` leads out of its folder; use a plain name"
        ));
    }
    if let Some(bad) = name
        .chars()
        .find(|&c| c == '/' || c == '\\' || c.is_control())
    {
        let bad = bad.escape_debug();
        return Some(format!(
            "`{shown}` contains `{bad}`, but becomes a folder's name; use a plain name"
        ));
    }
    None
}

/// What is wrong with a folder below another one; `None` if it can be used.
pub fn problem_of_dir(dir: &str) -> Option<String> {
    if dir.starts_with('/') {
        return Some(format!(
            "`{}` is absolute; give it relative to the feature folder",
            dir.escape_debug()
        ));
    }
    let normalised = normalised(dir);
    normalised.split('/').find_map(problem_of_name)
}

/// A relative folder without empty parts, `.` and a slash at the end.
pub fn normalised(dir: &str) -> String {
    let parts: Vec<&str> = dir
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for good in ["V1", "sub-01", "conv1:relu", "..a", "Inception v3", "层"] {
            assert_eq!(problem_of_name(good), None, "{good}");
        }
        for bad in ["", " ", ".", "..", "a/b", "/a", "a\\b", "a\0", "a\nb"] {
            assert!(problem_of_name(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn folders_are_normalised_and_stay_below() {
        for (dir, expected) in [
            ("./a/b/", "a/b"),
            ("a//b", "a/b"),
            ("a/./b", "a/b"),
            ("a", "a"),
            ("./", ""),
        ] {
            assert_eq!(normalised(dir), expected);
        }
        for bad in ["/a", "../a", "a/../b", "./", "", "a\\b", "a/\0"] {
            assert!(problem_of_dir(bad).is_some(), "{bad:?}");
        }
        assert_eq!(problem_of_dir("./pytorch/alexnet/"), None);
    }
}
