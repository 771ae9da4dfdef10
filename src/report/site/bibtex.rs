//! BibTeX entries, each once.

use std::collections::BTreeMap;

use serde::Serialize;

/// The paper that defines the BH score.
pub const BH: &str = "@article{Nonaka2021,
  author = {Nonaka, Soma and Majima, Kei and Aoki, Shuntaro C. and Kamitani, Yukiyasu},
  title = {Brain hierarchy score: {Which} deep neural networks are hierarchically brain-like?},
  journal = {iScience},
  volume = {24},
  number = {9},
  pages = {103013},
  year = {2021},
  doi = {10.1016/j.isci.2021.103013}
}";

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Its key, such as `Majaj2015`.
    pub key: String,
    /// The whole entry.
    pub text: String,
}

/// Key of an entry: what stands between the first brace and the first comma.
pub fn key(entry: &str) -> Option<&str> {
    let (_, after) = entry.split_once('{')?;
    let (key, _) = after.split_once(',')?;
    let key = key.trim();
    (!key.is_empty() && !key.contains(['{', '}', '=', '"'])).then_some(key)
}

/// The entries of a text: each begins with `@` at the start of a line.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let begins = |&(at, _): &(usize, &str)| at > 0 && text[..at].ends_with('\n');
    let starts = text.match_indices('@').filter(begins).map(|(at, _)| at);
    let starts: Vec<usize> = std::iter::once(0).chain(starts).collect();
    let ends: Vec<usize> = starts[1..].iter().copied().chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(from, to)| &text[from..to])
}

/// Entries by key, each once; one without a key goes by its text. Of different entries with the same key the first
/// stays: BibTeX takes no other.
pub fn unique<'a>(entries: impl IntoIterator<Item = &'a str>) -> Vec<Reference> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in entries.into_iter().flat_map(parts) {
        let entry = entry.trim();
        if !entry.is_empty() {
            found.entry(key(entry).unwrap_or(entry)).or_insert(entry);
        }
    }
    let reference = |(key, text): (&str, &str)| Reference {
        key: key.to_owned(),
        text: text.to_owned(),
    };
    found.into_iter().map(reference).collect()
}

/// The entries as a `.bib` file.
pub fn file(references: &[Reference]) -> Vec<u8> {
    let texts: Vec<&str> = references
        .iter()
        .map(|reference| reference.text.as_str())
        .collect();
    match texts.is_empty() {
        true => Vec::new(),
        false => format!("{}\n", texts.join("\n\n")).into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found() {
        assert_eq!(key(BH), Some("Nonaka2021"));
        assert_eq!(key("@book{ a:b-1 ,\n}"), Some("a:b-1"));
        assert_eq!(key("see the paper"), None);
        assert_eq!(key("@article{title = {x}, year = 1}"), None);
    }

    #[test]
    fn several_entries_in_a_text_are_several() {
        let keys: Vec<String> = unique(["@a{x, y={b@c}}\n@a{z, y={1}}\n", "@a{x, y={2}}"])
            .into_iter()
            .map(|reference| reference.key)
            .collect();
        assert_eq!(keys, ["x", "z"]);
    }

    #[test]
    fn entries_are_listed_once_by_key() {
        let references = unique([
            "@a{z, x={1}}",
            " @a{b, x={2}}\n",
            "@a{z, x={3}}",
            "",
            "plain",
        ]);
        let keys: Vec<&str> = references.iter().map(|r| r.key.as_str()).collect();
        assert_eq!(keys, ["b", "plain", "z"]);
        assert_eq!(
            file(&references),
            b"@a{b, x={2}}\n\nplain\n\n@a{z, x={1}}\n"
        );
        assert!(file(&[]).is_empty());
    }
}
