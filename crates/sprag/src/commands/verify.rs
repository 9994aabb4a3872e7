//! `sprag verify`: a command against the live outside, compared with the cassette.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use serde_json::{Value, json};
use sprag_replay::{Difference, Mode, Proxy};

use crate::replaying::beside::Network;
use crate::replaying::place::Place;
use crate::replaying::{self, Ended, words};
use crate::watch;

/// Run a command against the real outside, and show where it answers otherwise than the cassette.
///
/// Statuses, bodies and trailers are compared, headers are not. Exit code 1 where anything differs, where something was
/// asked that was not recorded, or where the outside did not answer; else the command's own. Nothing is written.
///
/// Example: sprag verify -- python3 app.py
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: replaying::Command,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let place = Place::find(dir)?;
    let proxy = Proxy::open(&place.replay, &place.root, Mode::Verify, None).into_diagnostic()?;
    let interrupt = watch::interrupt()?;
    let Some(Ended { scope, status }) = args.command.run(&place, &proxy, Network::Open, &interrupt)? else {
        return Ok(replaying::interrupted());
    };
    let (counts, troubles, unused) = (scope.counts(), scope.troubles(), scope.unused().into_diagnostic()?);
    let differences = scope.differences();
    let as_recorded = differences.is_empty() && troubles.is_empty();
    let code = if as_recorded { replaying::code(status) } else { 1 };
    let calls = words::calls(&place.replay, &counts) as u64;
    let json = json!({
        "cassette": place.replay.cassette,
        "ended": replaying::code(status),
        "exit": code,
        "requests": calls,
        "differences": differences.iter().map(difference_as_json).collect::<Value>(),
        "unused": words::unused_as_json(&unused),
        "troubles": words::troubles_as_json(&troubles),
        "passed": proxy.passed(),
    });
    let mut text = String::new();
    let asked = words::number(calls, "request");
    match differences.len() as u64 {
        0 => text.push_str(&format!(
            "{asked} to the outside, and no answer differs from {}\n",
            place.replay.cassette
        )),
        count => {
            let differ = if count == 1 { "differs" } else { "differ" };
            text.push_str(&format!(
                "of {asked} to the outside, {count} {differ} from {}:\n",
                place.replay.cassette
            ));
            words::list(&mut text, differences.iter().map(difference));
        }
    }
    text.push_str(&words::unused(&unused));
    text.push_str(&words::troubles(&troubles, &counts));
    if !status.success() {
        text.push_str(&format!("the command {}\n", replaying::how(status)));
    }
    args.command.tell(&json, &text)?;
    Ok(ExitCode::from(code))
}

fn difference(one: &Difference) -> String {
    format!("{} to {}{}: {}", one.label, one.upstream, words::within(&one.case), one.what)
}

fn difference_as_json(one: &Difference) -> Value {
    json!({ "case": one.case, "upstream": one.upstream, "label": one.label, "what": one.what })
}
