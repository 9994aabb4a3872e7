//! `sprag completions`: completions for a shell.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::show;

/// Print completions for a shell.
///
/// Example: sprag completions bash > ~/.local/share/bash-completion/completions/sprag
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn run(args: Args) -> miette::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sprag", &mut script);
    show::text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
