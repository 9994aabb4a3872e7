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
    clap_complete::generate(args.shell, &mut shown(), "sprag", &mut script);
    show::text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// The command without what no person types.
fn shown() -> clap::Command {
    let whole = Cli::command();
    let commands: Vec<clap::Command> =
        whole.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    let arguments: Vec<clap::Arg> = whole.get_arguments().cloned().collect();
    clap::Command::new("sprag").args(arguments).subcommands(commands)
}
