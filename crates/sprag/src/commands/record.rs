//! `sprag record`: what the outside answers becomes the cassette.

mod compared;
mod summary;

use std::fmt::Write as _;
use std::process::ExitCode;

use camino::Utf8Path;
use miette::{IntoDiagnostic, WrapErr};
use serde_json::{Value, json};
use sprag_replay::cassette::{Ambiguous, Cassette, Summary};
use sprag_replay::{Counts, Mode, Trouble};

use crate::replaying::beside::Network;
use crate::replaying::place::Place;
use crate::replaying::{self, Ended, Ran, words};
use crate::show;
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
    /// Let what a command asks take the place of what the cases of a benchmark asked.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    command: replaying::Command,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let Args { missing, hidden, force, command } = args;
    let place = Place::find(dir)?;
    let place = if hidden { place.on_hidden_cases()? } else { place };
    let folder = &place.replay.cassette;
    // The benchmark records its cases again.
    let replaces = !command.argv.is_empty() && !missing && !force;
    let cases = if replaces { recorded_cases(&place) } else { 0 };
    if cases > 0 {
        show::aside(&would_take_the_place(folder, cases));
        return Ok(ExitCode::from(2));
    }
    let mode = if missing { Mode::RecordMissing } else { Mode::Record };
    let Some(Ran { proxy, account, end }) = command.run(dir, &place, mode, Network::Open)? else {
        let code = replaying::interrupted();
        show::aside(&format!("nothing was written to {folder}"));
        return Ok(code);
    };
    let (counts, troubles) = (account.counts, account.troubles);
    let passed = proxy.passed();
    let (why_not, exit) = refused(&place, &counts, &troubles, &end).unzip();
    let exit = exit.unwrap_or(0);
    let mut json = json!({
        "cassette": folder,
        "written": why_not.is_none(),
        "why_not": why_not,
        "ended": end.of_command(),
        "exit": exit,
        "counts": counts,
        "passed": passed,
        "troubles": words::troubles_as_json(&troubles),
    });
    let mut text = String::new();
    if let Some(why) = &why_not {
        text.push_str(&words::troubles(&troubles, &counts));
        let _ = writeln!(text, "nothing was written to {folder}: {}", show::clean(why));
    } else {
        let before = if missing { Before::none() } else { Before::keep(&place.cassette()) };
        let finished = proxy.finish().into_diagnostic();
        let summary = finished.wrap_err_with(|| format!("nothing was written to {folder}"))?;
        let summary = summary.expect("a proxy that records has a summary");
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

/// How many cases the cassette knows; none where there is none, or it cannot be read and is worth nothing.
fn recorded_cases(place: &Place) -> u64 {
    let cases = |cassette: Cassette| cassette.cases().iter().filter(|case| !case.is_empty()).count() as u64;
    Cassette::open(&place.cassette()).map_or(0, cases)
}

fn would_take_the_place(folder: &str, cases: u64) -> String {
    format!(
        "error: {folder} holds what {} of a benchmark asked, and what this command asks would take its place\n  \
           sprag record                   records the benchmark again\n  \
           sprag record --missing -- CMD  keeps what is there, and adds what it lacks\n  \
           sprag record --force -- CMD    replaces it all the same",
        words::number(cases, "case")
    )
}

/// Why it is no recording, and the exit code that this gives.
fn refused(place: &Place, counts: &Counts, troubles: &[Trouble], end: &Ended) -> Option<(String, u8)> {
    if troubles.iter().any(|trouble| matches!(trouble, Trouble::Upstream { .. })) {
        let why = "not everything that was asked was answered; see that what is named above is up and can be reached, and \
                   record again";
        return Some((why.to_owned(), 1));
    }
    if !troubles.is_empty() {
        let why = "not everything that was asked could be answered and recorded; mend what is told above, and record again";
        return Some((why.to_owned(), 1));
    }
    if let Some(complaint) = end.complaint() {
        let why = match end {
            Ended::Command(_) => format!(
                "{complaint}, and half a recording is none; where that is how it ends well, record `sh -c '…; true'`"
            ),
            Ended::Benchmark { .. } => complaint,
        };
        return Some((why, end.code()));
    }
    nothing_asked(place, counts)
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
