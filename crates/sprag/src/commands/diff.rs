//! `sprag diff N`: what a try changed. Works for every try of the session, kept or not.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};
use serde_json::json;
use sprag_workspace::{Store, TreeId};

use crate::{open, show};

/// Show what a try changed, against the incumbent of its time.
///
/// Example: sprag diff 7 | git apply
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run.
    run: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let reading = open::reading(dir, None)?;
    let run = reading.log.runs().find(|run| run.run == args.run);
    let run = run.ok_or_else(|| miette!(help = "`sprag log` lists them", "there is no run {}", args.run))?;
    let tree = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<TreeId>().ok());
    let (Some(to), Some(from)) = (tree(&run.tree), tree(&run.parent)) else {
        return Err(miette!("run {} has no trees: it is a baseline, or another tool's row", args.run));
    };
    let store = Store::open_or_create(&open::home(dir)?.store()).into_diagnostic()?;
    if store.manifest(&from).and(store.manifest(&to)).is_err() {
        let help =
            "they lie in the state folder of the machine where the session ran; the log alone has no diffs";
        return Err(miette!(help = help, "the trees of run {} are not in {}", args.run, store.dir()));
    }
    let diff = store.diff(&from, &to).into_diagnostic()?;
    if args.json {
        show::json(
            &json!({ "run": args.run, "from": from.to_string(), "to": to.to_string(), "diff": diff }),
        )?;
    } else if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        // A candidate chose these bytes: none of them may steer the terminal.
        show::text(&show::clean(&diff))?;
    } else {
        show::text(&diff)?;
    }
    Ok(ExitCode::SUCCESS)
}
