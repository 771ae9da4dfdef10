//! Words as the shell and as sbatch read them.
//!
//! sbatch takes its `#SBATCH` lines apart by itself: blanks end a word, `#` begins a comment, quotes
//! protect. In a log's path it also replaces `%` and a letter.

use std::path::Path;

use bhscore::Error;

/// Characters besides letters and digits that neither the shell nor sbatch takes for something else.
const PLAIN: &str = "_-./:=,@+";

/// A word for the shell: as it is where that is safe, else in single quotes.
pub fn shell(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A word for a `#SBATCH` line: as it is where that is safe, else in double quotes. A backslash alone does not
/// protect a blank (tried with Slurm 22.05), inside quotes it protects quotes.
pub fn directive(word: &str) -> String {
    if word.chars().all(|c| is_plain(c) || c == '%') {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
}

/// The folder in a pattern for log files.
pub fn log_folder(folder: &str) -> String {
    directive(&folder.replace('%', "%%"))
}

/// A path's text, absolute, if it can stand in a script.
///
/// - `what`: whose path it is, in the user's words.
pub fn absolute(what: &str, path: &Path) -> Result<String, Error> {
    let full = std::path::absolute(path).map_err(Error::io("find", path))?;
    let text = full.to_str().filter(|text| !text.contains(['\n', '\r']));
    let text = text.ok_or_else(|| {
        Error::file(
            &full,
            format!("has a line end or bytes that are not text in the path of {what}"),
            "rename it, or make a symbolic link with a plain name",
        )
    })?;
    Ok(text.to_owned())
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || PLAIN.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_shell() {
        assert_eq!(shell("pytorch/resnet18"), "pytorch/resnet18");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell("$HOME `x` *~"), "'$HOME `x` *~'");
    }

    #[test]
    fn words_for_sbatch() {
        assert_eq!(directive("/a_b/c"), "/a_b/c");
        assert_eq!(directive("/a b/c#d"), "\"/a b/c#d\"");
        assert_eq!(directive("it's \"x\""), r#""it's \"x\"""#);
        assert_eq!(directive("Größe"), "\"Größe\"");
        assert_eq!(log_folder("/50%/a"), "/50%%/a");
    }

    #[test]
    fn paths_that_no_script_can_hold() {
        assert!(absolute("it", Path::new("/a\nb")).is_err());
        assert_eq!(absolute("it", Path::new("/a/b c")).unwrap(), "/a/b c");
    }
}
