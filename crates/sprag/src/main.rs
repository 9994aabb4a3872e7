//! The `sprag` command: one file a command under `commands/`, views of a running session under `watch/`.
//!
//! No decision is made here. The commands read arguments, call the libraries and show what they answer.

mod cli;
mod commands;
mod curve;
mod demo;
mod failed;
mod jail;
mod needs;
mod open;
mod replaying;
mod show;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(report) => {
            show::aside(&format!("{report:?}"));
            ExitCode::from(1)
        }
    }
}
