//! The pages in `docs/` name what is there: every quirk its tests, every heading about an error a message of the program.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};

/// Groups of `docs/compared.md` and how many quirks each has.
const GROUPS: [(char, usize); 6] = [
    ('A', 16),
    ('B', 16),
    ('C', 6),
    ('D', 11),
    ('E', 13),
    ('F', 9),
];

/// Quirks of which nothing can be shown here.
const WITHOUT_TEST: [&str; 2] = ["B15", "B16"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> Option<String> {
    fs::read_to_string(root().join("docs").join(name)).ok()
}

/// Cells of the table rows that begin with a letter and a number.
fn rows(page: &str) -> Vec<Vec<String>> {
    let is_id = |cell: &str| {
        let mut letters = cell.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_uppercase())
            && letters.clone().next().is_some()
            && letters.all(|digit| digit.is_ascii_digit())
    };
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let tables = page.lines().filter(|line| line.starts_with('|'));
    tables.map(cells).filter(|cells| is_id(&cells[0])).collect()
}

/// Every `file::function` in backquotes.
fn cited(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.split_once(".rs::")).collect()
}

/// Whether a file of this repository has a test of this name.
fn has_test(file: &str, function: &str) -> bool {
    let Ok(code) = fs::read_to_string(root().join(format!("{file}.rs"))) else {
        return false;
    };
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let named = format!("fn {function}(");
    let at = lines.iter().position(|line| line.starts_with(&named));
    at.is_some_and(|at| {
        let before = lines[..at].iter().rev();
        let mut attributes =
            before.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        attributes.any(|line| *line == "#[test]")
    })
}

#[test]
fn every_quirk_has_its_row_and_the_tests_that_it_cites() {
    let page = page("compared.md").unwrap();
    let rows = rows(&page);
    let found: Vec<&str> = rows.iter().map(|cells| cells[0].as_str()).collect();
    let expected: Vec<String> = GROUPS
        .iter()
        .flat_map(|(group, n)| (1..=*n).map(move |number| format!("{group}{number}")))
        .collect();
    assert_eq!(found, expected);
    for cells in &rows {
        let id = &cells[0];
        let columns = if id.starts_with('F') { 5 } else { 6 };
        assert_eq!(cells.len(), columns, "{id} has another number of columns");
        assert!(
            cells.iter().all(|cell| !cell.is_empty()),
            "{id} has an empty cell"
        );
        let without = WITHOUT_TEST.contains(&id.as_str());
        assert_eq!(cited(&cells[columns - 1]).is_empty(), without, "{id}");
    }
    // In the text before the tables, too.
    for (file, function) in cited(&page) {
        assert!(
            has_test(file, function),
            "there is no test `{file}.rs::{function}`"
        );
    }
}

#[test]
fn the_code_cites_quirks_that_are_listed() {
    let page = page("compared.md").unwrap();
    let listed: Vec<String> = rows(&page)
        .into_iter()
        .map(|cells| cells[0].clone())
        .collect();
    let mut n_cited = 0;
    for text in sources() {
        for after in text.split("`docs/compared.md` ").skip(1) {
            let id: String = after
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            assert!(listed.contains(&id), "{id}");
            n_cited += 1;
        }
    }
    assert!(
        n_cited >= 8,
        "only {n_cited} places of the code cite the page"
    );
}

/// Every source of the program, with strings that go over several lines joined.
fn sources() -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    paths
        .iter()
        .map(|path| joined(&fs::read_to_string(path).unwrap()))
        .collect()
}

/// Rust leaves out a backslash at the end of a line, and the spaces that follow.
fn joined(code: &str) -> String {
    let mut pieces = code.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |joined, piece| joined + piece.trim_start())
}

/// The texts of the headings ``## `…` ``: what stands between the `…` that are for anything.
fn messages(page: &str) -> Vec<Vec<&str>> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("## `"));
    let texts = headings.filter_map(|text| text.strip_suffix('`'));
    texts
        .map(|text| {
            text.split('…')
                .filter(|piece| !piece.trim().is_empty())
                .collect()
        })
        .collect()
}

/// A message that was reworded is one that nobody finds on the page.
#[test]
fn headings_about_errors_are_messages_of_the_program() {
    let Some(page) = page("troubleshooting.md") else {
        eprintln!("skipped: there is no docs/troubleshooting.md");
        return;
    };
    let sources = sources();
    let messages = messages(&page);
    assert!(!messages.is_empty(), "no heading is a message");
    for pieces in messages {
        // All pieces of a message are in one file.
        let said = sources
            .iter()
            .any(|code| pieces.iter().all(|piece| code.contains(piece)));
        assert!(said, "no source says {pieces:?}");
    }
}

#[test]
fn strings_over_several_lines_are_joined_as_rust_does() {
    assert_eq!(joined("\"one \\\n        two\""), "\"one two\"");
    assert_eq!(
        messages("# A\n## `has neither … nor …`\n## Other\n"),
        [["has neither ", " nor "]]
    );
    assert_eq!(
        rows("| # | a |\n| --- | --- |\n| A1 | b |\nA2\n"),
        [["A1", "b"]]
    );
    assert!(has_test(
        "tests/docs",
        "strings_over_several_lines_are_joined_as_rust_does"
    ));
    assert!(!has_test("tests/docs", "joined") && !has_test("tests/nothing", "joined"));
}
