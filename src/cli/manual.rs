//! `completions` and `man`: what shells and `man` want to know, made from the options themselves.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use bhscore::Error;
use bhscore::io::atomic;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Global, Outcome, VERSION, speech};

/// Options of `completions`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore completions bash > ~/.local/share/bash-completion/completions/bhscore
  bhscore completions zsh > ~/.zfunc/_bhscore
  bhscore completions fish > ~/.config/fish/completions/bhscore.fish")]
pub struct CompletionsArgs {
    /// Shell that completes commands and options
    #[arg(value_enum)]
    shell: Shell,
}

/// Options of `man`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore man | man -l -
  bhscore man --out ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for the program and one for each command into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn completions(args: &CompletionsArgs) -> Result<Outcome> {
    let mut command = Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "bhscore", &mut script);
    print(&script)
}

pub fn man(global: &Global, args: &ManArgs) -> Result<Outcome> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.out else {
        return print(&page(&command)?);
    };
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut pages = vec![command];
    let mut n_pages = 0;
    while let Some(command) = pages.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name());
        atomic::write(folder.join(format!("{name}.1")), &page(&command)?)?;
        n_pages += 1;
        let inner = command.get_subcommands();
        pages.extend(inner.filter(|inner| inner.get_name() != "help").cloned());
    }
    if !global.quiet {
        speech::note(&format!("{n_pages} pages: {}", folder.display()));
    }
    Ok(Outcome::Complete)
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    let program = format!("bhscore {VERSION}");
    clap_mangen::Man::new(command.clone())
        .source(program)
        .render(&mut page)?;
    Ok(page)
}

/// As it is: `speech::print` would add a line.
fn print(bytes: &[u8]) -> Result<Outcome> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(Outcome::Complete)
}
