//! What is said on stderr and printed on stdout. The only place that does either.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;

/// Reports the error that ends the program, with those of its causes that it does not tell itself.
pub fn error(error: &anyhow::Error) {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    note(&format!("bhscore: error: {text}"));
}

/// A line of information.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// What is odd and does not keep the command from going on.
pub fn warning(text: &str) {
    note(&format!("warning: {text}"));
}

/// A result, for people or programs, with a line end.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let (clear, rest) = match text.strip_prefix(CLEAR) {
        Some(rest) => (CLEAR, rest),
        None => ("", text),
    };
    let rest = match stdout.is_terminal() {
        true => harmless(rest),
        false => Cow::Borrowed(rest),
    };
    stdout.write_all(clear.as_bytes())?;
    stdout.write_all(rest.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    Ok(stdout.flush()?)
}

/// What a file says of itself may hold codes that a terminal obeys, or a line that looks like one of ours.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_code = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    match text.contains(is_code) {
        true => Cow::Owned(text.replace(is_code, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// Clears a terminal and begins at its top.
pub const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// Whether what is printed goes to a terminal.
pub fn shows_output() -> bool {
    io::stdout().is_terminal()
}

/// Whether somebody looks at stderr.
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Ends the program on the second Ctrl-C: temporary files stay. The next run removes those beside results; folders in
/// TMPDIR are left to whoever cleans that.
#[allow(clippy::exit)]
pub fn abort() -> ! {
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_given_orders_by_files() {
        assert_eq!(harmless("two\n\tlines, é"), "two\n\tlines, é");
        let name = "a\u{1b}[31m\rbhscore: fine\u{9b}2J";
        assert_eq!(
            harmless(name),
            "a\u{fffd}[31m\u{fffd}bhscore: fine\u{fffd}2J"
        );
    }
}
