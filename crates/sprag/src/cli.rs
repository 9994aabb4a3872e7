//! The command line, as a person types it.

use clap::{Parser, Subcommand};

use crate::commands;

/// Lets an agent optimize code while nobody watches, and can be trusted in the morning.
///
/// Write what better means in .auto/prompt.md (`sprag init` helps), look at how it is understood (`sprag check`), and
/// let it run (`sprag run`). Every try is measured by Sprag itself and kept only when it is really better.
#[derive(Debug, Parser)]
#[command(name = "sprag", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Work in this directory instead of the current one.
    #[arg(short = 'C', long, global = true, value_name = "DIR", default_value = ".")]
    pub(crate) directory: camino::Utf8PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Args),
    Check(commands::check::Args),
    Run(commands::run_session::Args),
    Try(commands::r#try::Args),
    Bench(commands::bench::Args),
    Brief(commands::brief::Args),
    Redteam(commands::redteam::Args),
    Golden(commands::golden::Args),
    Record(commands::record::Args),
    Replay(commands::replay::Args),
    Verify(commands::verify::Args),
    Cassette(commands::cassette::Args),
    Status(commands::status::Args),
    Log(commands::log::Args),
    Show(commands::show::Args),
    Plot(commands::plot::Args),
    Diff(commands::diff::Args),
    Apply(commands::apply::Args),
    Audit(commands::audit::Args),
    Rejudge(commands::rejudge::Args),
    Note(commands::note::Args),
    Ideas(commands::ideas::Args),
    Phase(commands::phase::Args),
    Pause(commands::control::PauseArgs),
    Stop(commands::control::StopArgs),
    Import(commands::import::Args),
    Export(commands::export::Args),
    #[cfg(feature = "mcp")]
    Mcp(commands::mcp::Args),
    Demo(commands::demo::Args),
    Doctor(commands::doctor::Args),
    Completions(commands::completions::Args),
    /// Answers each case at once: the floor of `driver = "cases"`.
    #[command(name = "__echo-worker", hide = true)]
    EchoWorker {
        #[command(subcommand)]
        way: Option<EchoWorker>,
    },
    /// Is Sprag's own coding agent for one try: the brief on standard input, the copy as its folder.
    #[cfg(feature = "builtin-agent")]
    #[command(name = sprag_agent::builtin::COMMAND, hide = true)]
    BuiltinAgent {
        /// As JSON.
        options: String,
    },
    /// Builds a jail around itself, and becomes the program in it.
    #[command(name = sprag_sandbox::COMMAND, hide = true, disable_help_flag = true)]
    Jail {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<std::ffi::OsString>,
    },
}

/// The way in which a stand-in is asked; line by line without one.
#[derive(Debug, Subcommand)]
pub(crate) enum EchoWorker {
    /// Line by line on standard input and output.
    Stdio,
    /// As an HTTP server.
    Http {
        /// Where it listens.
        port: u16,
    },
    /// One case on standard input.
    Each,
}
