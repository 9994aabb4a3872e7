//! `sprag demo`: the main job on the bundled example, with no key and no server.

use std::process::ExitCode;

use camino::Utf8PathBuf;

use crate::demo;

/// Watch the loop make a real program many times faster, and refuse the cheats on the way.
///
/// Copies the bundled example to a new folder, prepares Python in it, and plays a recorded list of proposals. No
/// verdict is scripted: everything is measured here. Needs Python 3.11 or later and, for pandas, the network once.
///
/// Example: sprag demo --dir /tmp/thematic
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The new folder; without it, one in the temporary directory.
    #[arg(long, value_name = "PATH")]
    dir: Option<Utf8PathBuf>,
    /// Instead: edits that do nothing, and how many of them each rule would have kept on this machine.
    #[arg(long)]
    noop: bool,
    /// How many edits that do nothing.
    #[arg(long, value_name = "N", default_value_t = 100, requires = "noop", value_parser = clap::value_parser!(u32).range(1..=100))]
    edits: u32,
}

pub(crate) fn run(args: Args) -> miette::Result<ExitCode> {
    if args.noop { demo::noop::run(args.dir, args.edits) } else { demo::thematic::run(args.dir) }
}
