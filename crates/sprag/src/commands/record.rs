//! `sprag record`: what the outside answers a command becomes the cassette.

mod compared;
mod summary;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};
use serde_json::{Value, json};
use sprag_measure::cpus_beside;
use sprag_replay::cassette::{Ambiguous, Cassette, Summary};
use sprag_replay::{Counts, Mode, Proxy, Trouble};

use crate::failed::failed;

use crate::replaying::beside::Network;
use crate::replaying::place::Place;
use crate::replaying::{self, Ended, words};
use crate::{open, show, watch};
use compared::{Before, Compared};
use summary::Contents;

/// Run a command and record what the outside answers it.
///
/// It runs in the repository's folder with your environment. Without a command the benchmark is run once, and where it has
/// cases each exchange belongs to its case. The cassette is replaced at the end, all at once, and only where all ended well
/// and everything that was asked was answered; else what was there stays.
///
/// Example: sprag record -- python3 app.py
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep what the cassette holds, answer from it, and add what it lacks.
    #[arg(long)]
    missing: bool,
    /// Record what the hidden cases ask, into a cassette of their own.
    #[arg(long, conflicts_with = "argv")]
    hidden: bool,
    /// Print JSON; what the command prints goes to standard error then.
    #[arg(long)]
    json: bool,
    /// The command and its arguments; without one the benchmark.
    #[arg(last = true, value_name = "CMD")]
    argv: Vec<OsString>,
}

/// What came of a run beside the proxy.
struct Came {
    proxy: Proxy,
    counts: Counts,
    troubles: Vec<Trouble>,
    /// The exit code of the command, where there was one.
    ended: Option<u8>,
    /// Why it is no recording, and the exit code that this gives.
    refused: Option<(String, u8)>,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let mut place = Place::find(dir)?;
    if args.hidden {
        place = place.on_hidden_cases()?;
    }
    let mode = if args.missing { Mode::RecordMissing } else { Mode::Record };
    let command = replaying::Command { argv: args.argv, json: args.json };
    let came = match command.argv.is_empty() {
        true => of_benchmark(dir, &place, mode, args.hidden)?,
        false => of_command(&command, &place, mode)?,
    };
    let Came { proxy, counts, troubles, ended, refused } = match came {
        Ok(came) => came,
        Err(interrupted) => {
            show::aside("nothing was written");
            return Ok(interrupted);
        }
    };
    let passed = proxy.passed();
    let (why_not, exit) = refused.unzip();
    let exit = exit.unwrap_or(0);
    let mut json = json!({
        "cassette": place.replay.cassette,
        "written": why_not.is_none(),
        "why_not": why_not,
        "ended": ended,
        "exit": exit,
        "counts": counts,
        "passed": passed,
        "troubles": words::troubles_as_json(&troubles),
    });
    let mut text = String::new();
    if let Some(why) = &why_not {
        text.push_str(&words::troubles(&troubles, &counts));
        let _ = writeln!(text, "nothing was written to {}: {}", place.replay.cassette, show::clean(why));
    } else {
        let before = if args.missing { Before::none() } else { Before::keep(&place.cassette()) };
        let summary = proxy.finish().into_diagnostic()?.expect("a proxy that records has a summary");
        let cassette = Cassette::open(&place.cassette()).into_diagnostic()?;
        let contents = Contents::of(&cassette).into_diagnostic()?;
        let compared = before.compare(&cassette);
        text.push_str(&told(&place, &summary, &contents, compared.as_ref()));
        let fields = as_json(&summary, &contents, compared.as_ref());
        if let (Value::Object(json), Value::Object(fields)) = (&mut json, fields) {
            json.extend(fields);
        }
    }
    if !passed.is_empty() {
        text.push_str("let through unrecorded by [[replay.pass]]:\n");
        words::list(&mut text, passed.iter().map(|(host, times)| format!("{host} ({times})")));
    }
    command.tell(&json, &text)?;
    Ok(ExitCode::from(exit))
}

/// Runs a person's command; the exit code where it was interrupted.
fn of_command(
    command: &replaying::Command,
    place: &Place,
    mode: Mode,
) -> miette::Result<Result<Came, ExitCode>> {
    let proxy = Proxy::open(&place.replay, &place.root, mode, None).into_diagnostic()?;
    let interrupt = watch::interrupt()?;
    let Some(Ended { scope, status }) = command.run(place, &proxy, Network::Open, &interrupt)? else {
        return Ok(Err(replaying::interrupted()));
    };
    let (counts, troubles) = (scope.counts(), scope.troubles());
    let refused = if !troubles.is_empty() {
        Some(("not everything that was asked could be answered and recorded; mend what is told above, and record again".to_owned(), 1))
    } else if !status.success() {
        let why = format!(
            "the command {}, and half a recording is none; where that is how it ends well, record `sh -c '…; true'`",
            replaying::how(status)
        );
        Some((why, replaying::code(status)))
    } else {
        nothing_asked(place, &counts)
    };
    Ok(Ok(Came { proxy, counts, troubles, ended: Some(replaying::code(status)), refused }))
}

/// Runs the benchmark once, as a session would; the exit code where it was interrupted.
fn of_benchmark(
    dir: &Utf8Path,
    place: &Place,
    mode: Mode,
    hidden: bool,
) -> miette::Result<Result<Came, ExitCode>> {
    let mut project = open::project(dir)?;
    if hidden {
        project = project.on_hidden_cases().into_diagnostic()?;
    }
    let cpus = cpus_beside(&project.contract().into_diagnostic()?.settings).into_diagnostic()?;
    let proxy = Proxy::open(&place.replay, &place.root, mode, cpus.as_deref()).into_diagnostic()?;
    let proxy = Arc::new(proxy);
    let interrupt = watch::interrupt()?;
    let mut view = watch::view();
    let recorded = sprag_session::record(project, proxy.clone(), &interrupt, &mut *view);
    drop(view);
    let bench = match recorded {
        Ok(bench) => bench,
        Err(error) => return failed(error).map(Err),
    };
    let proxy = Arc::into_inner(proxy).ok_or_else(|| miette!("the recording is still in use"))?;
    let counted = place.replay.metrics();
    let counts: Counts = bench.metrics.into_iter().filter(|(name, _)| counted.contains(name)).collect();
    let refused = match bench.findings.first() {
        Some(finding) => Some((format!("the benchmark failed: {}", finding.detail), 1)),
        None => nothing_asked(place, &counts),
    };
    Ok(Ok(Came { proxy, counts, troubles: Vec::new(), ended: None, refused }))
}

fn nothing_asked(place: &Place, counts: &Counts) -> Option<(String, u8)> {
    let why = "nothing was asked of the outside; a client that ignores HTTP_PROXY needs a [[replay.port]], and its address \
               from the environment";
    (words::calls(&place.replay, counts) == 0.0).then(|| (why.to_owned(), 1))
}

fn told(place: &Place, summary: &Summary, contents: &Contents, compared: Option<&Compared>) -> String {
    let Summary { interactions, added, cases, ambiguous, .. } = summary;
    let new = if added < interactions { format!(", {added} of them new") } else { String::new() };
    // What is asked outside of any case is a case, too, but nobody calls it one.
    let of_cases = if *cases > 1 { format!(" of {cases} cases") } else { String::new() };
    let folder = &place.replay.cassette;
    let mut text =
        format!("recorded {}{of_cases} into {folder}{new}\n", words::number(*interactions, "exchange"));
    text.push_str(&contents.told());
    if !ambiguous.is_empty() {
        let were = if ambiguous.len() == 1 { "was" } else { "were" };
        let requests = words::number(ambiguous.len() as u64, "request");
        let _ = writeln!(
            text,
            "{requests} {were} answered in more than one way, or differed in a masked key or token alone; replay gives the \
             answers in their order, so where they are asked at the same time, who gets which is chance:"
        );
        let line = |one: &Ambiguous| {
            format!("{}, {}{}", one.label, words::number(one.times.into(), "time"), words::within(&one.case))
        };
        words::list(&mut text, ambiguous.iter().map(line));
    }
    if let Some(compared) = compared {
        text.push_str(&compared.told());
    }
    text
}

fn as_json(summary: &Summary, contents: &Contents, compared: Option<&Compared>) -> Value {
    let ambiguous = summary
        .ambiguous
        .iter()
        .map(|one| json!({ "case": one.case, "label": one.label, "key": one.key, "times": one.times }));
    json!({
        "exchanges": summary.interactions,
        "added": summary.added,
        "cases": summary.cases,
        "seal": summary.seal,
        "contents": contents.as_json(),
        "redacted": contents.redacted,
        "ambiguous": ambiguous.collect::<Value>(),
        "compared": compared.map(Compared::as_json),
    })
}
