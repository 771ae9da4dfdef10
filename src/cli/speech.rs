//! What is said on stderr and printed on stdout. The only place that does either.

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
    let _ = writeln!(io::stderr(), "bhscore: error: {text}");
}

/// A line of information.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// What is odd and does not keep the command from going on.
pub fn warning(text: &str) {
    note(&format!("warning: {text}"));
}

/// A result, for people or programs, with a line end.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    Ok(stdout.flush()?)
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
