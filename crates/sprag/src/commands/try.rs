//! `sprag try`: a person's own change, judged like any other; for CI by exit code.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use serde_json::json;
use sprag_session::{Opening, Outcome, Session, StartFrom};

use crate::failed::failed;
use crate::{open, show, watch};

/// Judge the working tree, or each commit of a branch, against the incumbent.
///
/// Exit codes: 0 kept; 10 no gain or regression; 11 scope, outputs, controls or checks; 12 build, crash, timeout,
/// protocol or metric; 13 inconclusive; 14 nothing to judge.
///
/// Example: sprag try --base main --message "vectorized the scoring loop"
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Judge against this revision, in a session of its own that leaves the current one alone.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Judge every commit of a range, oldest first, each on top of what was kept before it.
    #[arg(long, value_name = "A..B", conflicts_with_all = ["base", "from"])]
    each: Option<String>,
    /// Judge a discarded try of the session again.
    #[arg(long, value_name = "N", conflicts_with = "base")]
    from: Option<u64>,
    /// What was changed, in one line.
    #[arg(short, long, value_name = "TEXT", default_value = "A person's change")]
    message: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The exit code where there was nothing to judge.
const NOTHING_JUDGED: u8 = 14;

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let project = open::project(dir)?;
    let range = args.each.as_deref().map(|range| range.split_once("..").map_or(range, |(from, _)| from));
    let base = args.base.as_deref().or(range);
    let base = base.map(|rev| project.repo.resolve(rev)).transpose().into_diagnostic()?;
    let opening = Opening { fresh: false, baseline: base.map_or(StartFrom::Head, StartFrom::Beside) };
    let mut view = watch::view();
    let judged = Session::open(project, &opening, watch::interrupt()?, &mut *view).and_then(|mut session| {
        let outcomes = match (&args.each, args.from) {
            (Some(range), _) => session.try_each(range)?,
            (None, Some(run)) => vec![session.try_again(run)?],
            (None, None) => vec![session.try_working_tree(&args.message)?],
        };
        Ok((session.id().to_owned(), outcomes))
    });
    drop(view);
    let (session, outcomes) = match judged {
        Ok(judged) => judged,
        Err(error) => return failed(error),
    };
    let highest = outcomes.iter().map(code).max().unwrap_or(NOTHING_JUDGED);
    if args.json {
        let outcomes: Vec<_> = outcomes.iter().map(told).collect();
        show::json(&json!({ "session": session, "outcomes": outcomes, "exit": highest }))?;
    }
    Ok(ExitCode::from(highest))
}

fn told(outcome: &Outcome) -> serde_json::Value {
    match outcome {
        Outcome::Row { run, reason } => {
            json!({ "run": run, "status": reason.status(), "reason": reason, "exit": reason.exit_code() })
        }
        Outcome::NoRow(word) => json!({ "event": word, "exit": NOTHING_JUDGED }),
    }
}

fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Row { reason, .. } => reason.exit_code(),
        Outcome::NoRow(_) => NOTHING_JUDGED,
    }
}
