//! One file a command. Each has its arguments and a `run` that answers the exit code.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod brief;
pub(crate) mod cassette;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod control;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod golden;
pub(crate) mod ideas;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod log;
#[cfg(feature = "mcp")]
pub(crate) mod mcp;
pub(crate) mod note;
pub(crate) mod phase;
pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod redteam;
pub(crate) mod rejudge;
pub(crate) mod replay;
pub(crate) mod run_session;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod r#try;
pub(crate) mod verify;

use std::process::ExitCode;

use sprag_measure::drivers;

use crate::cli::{Cli, Command, EchoWorker};

/// Runs the command that was given.
pub(crate) fn run(cli: Cli) -> miette::Result<ExitCode> {
    let dir = &cli.directory;
    match cli.command {
        Command::Init(args) => init::run(dir, args),
        Command::Check(args) => check::run(dir, args),
        Command::Run(args) => run_session::run(dir, args),
        Command::Try(args) => r#try::run(dir, args),
        Command::Bench(args) => bench::run(dir, args),
        Command::Brief(args) => brief::run(dir, args),
        Command::Redteam(args) => redteam::run(dir, args),
        Command::Golden(args) => golden::run(dir, args),
        Command::Record(args) => record::run(dir, args),
        Command::Replay(args) => replay::run(dir, args),
        Command::Verify(args) => verify::run(dir, args),
        Command::Cassette(args) => cassette::run(dir, args),
        Command::Status(args) => status::run(dir, args),
        Command::Log(args) => log::run(dir, args),
        Command::Show(args) => show::run(dir, args),
        Command::Plot(args) => plot::run(dir, args),
        Command::Diff(args) => diff::run(dir, args),
        Command::Apply(args) => apply::run(dir, args),
        Command::Audit(args) => audit::run(dir, args),
        Command::Rejudge(args) => rejudge::run(dir, args),
        Command::Note(args) => note::run(dir, args),
        Command::Ideas(args) => ideas::run(dir, args),
        Command::Phase(args) => phase::run(dir, args),
        Command::Pause(args) => control::pause(dir, args),
        Command::Stop(args) => control::stop(dir, args),
        Command::Import(args) => import::run(dir, args),
        Command::Export(args) => export::run(dir, args),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::run(dir, args),
        Command::Demo(args) => demo::run(args),
        Command::Doctor(args) => doctor::run(dir, args),
        Command::Completions(args) => completions::run(args),
        Command::EchoWorker { way } => {
            let (stdin, stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
            let result = match way.unwrap_or(EchoWorker::Stdio) {
                EchoWorker::Stdio => drivers::echo_worker(stdin, stdout),
                EchoWorker::Http { port } => drivers::echo_server(port),
                EchoWorker::Each => drivers::echo_once(stdin, stdout),
            };
            Ok(if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        #[cfg(feature = "builtin-agent")]
        Command::BuiltinAgent { options } => Ok(sprag_builtin_agent::run(&options)),
        Command::Jail { args } => Ok(sprag_sandbox::launch(args)),
    }
}
