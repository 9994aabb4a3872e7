//! `sprag replay`: a command whose outside is the cassette.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use serde_json::json;
use sprag_replay::{Mode, Proxy};

use crate::replaying::beside::Network;
use crate::replaying::place::Place;
use crate::replaying::{self, Ended, words};
use crate::{show, watch};

/// The exit code where something was asked that was not recorded, or that is not let through.
const MISSED: u8 = 4;

/// Run a command whose requests to the outside are answered from the cassette, and count them.
///
/// It runs in the repository's folder with your environment, in a network where nothing else is. Exit code 4 where it asked
/// something that was not recorded, or that is not let through, whatever it made of the error; else its own.
///
/// Example: sprag replay -- python3 app.py
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run it in this machine's network: a client that ignores the proxy is not stopped then.
    #[arg(long)]
    open_network: bool,
    #[command(flatten)]
    command: replaying::Command,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let place = Place::find(dir)?;
    let proxy = Proxy::open(&place.replay, &place.root, Mode::Replay, None).into_diagnostic()?;
    let (network, open_because) = network(args.open_network)?;
    if let Some(why) = &open_because {
        show::aside(&format!("a client that ignores the proxy is not stopped: {why}"));
    }
    let interrupt = watch::interrupt()?;
    let Some(Ended { scope, status }) = args.command.run(&place, &proxy, network, &interrupt)? else {
        return Ok(replaying::interrupted());
    };
    let (counts, troubles, unused) = (scope.counts(), scope.troubles(), scope.unused().into_diagnostic()?);
    let of = |name: &str| counts.get(name).copied().unwrap_or(0.0);
    let code = if of("replay_misses") + of("replay_denials") > 0.0 {
        MISSED
    } else if !troubles.is_empty() {
        1
    } else {
        replaying::code(status)
    };
    let json = json!({
        "cassette": place.replay.cassette,
        "network": if network == Network::Empty { "empty" } else { "open" },
        "open_because": open_because,
        "ended": replaying::code(status),
        "exit": code,
        "counts": counts,
        "unused": words::unused_as_json(&unused),
        "troubles": words::troubles_as_json(&troubles),
    });
    let calls = words::calls(&place.replay, &counts) as u64;
    let mut text = format!("replayed {} from {}\n", words::number(calls, "request"), place.replay.cassette);
    text.push_str(&words::counted(&place.replay, &counts, true));
    text.push_str(&words::unused(&unused));
    text.push_str(&words::troubles(&troubles, &counts));
    if of("replay_misses") > 0.0 {
        text.push_str(
            "`sprag record` takes down what is asked now; [[replay.volatile]] says what differs each time\n",
        );
    }
    if code == MISSED {
        text.push_str(&format!(
            "exit code {MISSED}, although the command itself {}\n",
            replaying::how(status)
        ));
    } else if !status.success() {
        text.push_str(&format!("the command {}\n", replaying::how(status)));
    }
    args.command.tell(&json, &text)?;
    Ok(ExitCode::from(code))
}

/// The empty network where there is one, and else why not.
fn network(open: bool) -> miette::Result<(Network, Option<String>)> {
    if open {
        return Ok((Network::Open, Some("--open-network says so".to_owned())));
    }
    Ok(match sprag_sandbox::network(&replaying::launcher()?) {
        Ok(wall) => {
            wall.caveat().into_iter().for_each(show::aside);
            (Network::Empty, None)
        }
        Err(why) => (Network::Open, Some(why.to_string())),
    })
}
