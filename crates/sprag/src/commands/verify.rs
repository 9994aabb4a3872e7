//! `sprag verify`: the live outside, compared with the cassette.

use std::process::ExitCode;

use camino::Utf8Path;
use serde_json::{Value, json};
use sprag_replay::{Account, Difference, Mode};

use crate::replaying::beside::Network;
use crate::replaying::place::Place;
use crate::replaying::{self, Ran, words};

/// Run a command against the real outside, and show where it answers otherwise than the cassette.
///
/// Without a command the benchmark is run once, and each of its cases is compared with what was recorded in it. Statuses,
/// bodies and trailers are compared, headers are not. Exit code 1 where anything differs, where something was asked that was
/// not recorded, or where the outside did not answer; else the command's own. Nothing is written.
///
/// Example: sprag verify -- python3 app.py
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: replaying::Command,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let place = Place::find(dir)?;
    let folder = &place.replay.cassette;
    let Some(Ran { proxy, account, end }) = args.command.run(dir, &place, Mode::Verify, Network::Open)?
    else {
        return Ok(replaying::interrupted());
    };
    let Account { counts, troubles, differences, unused } = account;
    let as_recorded = differences.is_empty() && troubles.is_empty();
    let code = if as_recorded { end.code() } else { 1 };
    let calls = words::calls(&place.replay, &counts) as u64;
    let json = json!({
        "cassette": folder,
        "ended": end.of_command(),
        "exit": code,
        "requests": calls,
        "differences": differences.iter().map(difference_as_json).collect::<Value>(),
        "unused": words::unused_as_json(&unused),
        "troubles": words::troubles_as_json(&troubles),
        "passed": proxy.passed(),
        "notes": end.notes(),
    });
    let mut text = String::new();
    let asked = words::number(calls, "request");
    match differences.len() as u64 {
        0 => text.push_str(&format!("{asked} to the outside, and no answer differs from {folder}\n")),
        count => {
            let differ = if count == 1 { "differs" } else { "differ" };
            text.push_str(&format!("of {asked} to the outside, {count} {differ} from {folder}:\n"));
            words::list(&mut text, differences.iter().map(difference));
        }
    }
    text.push_str(&words::unused(&unused));
    text.push_str(&words::troubles(&troubles, &counts));
    text.push_str(&words::end(&end));
    args.command.tell(&json, &text)?;
    Ok(ExitCode::from(code))
}

fn difference(one: &Difference) -> String {
    format!("{} to {}{}: {}", one.label, one.upstream, words::within(&one.case), one.what)
}

fn difference_as_json(one: &Difference) -> Value {
    json!({ "case": one.case, "upstream": one.upstream, "label": one.label, "what": one.what })
}
