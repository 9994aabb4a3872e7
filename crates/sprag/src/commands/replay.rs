//! `sprag replay`: the outside is the cassette.

use std::process::ExitCode;

use camino::Utf8Path;
use serde_json::json;
use sprag_replay::{Account, Mode};

use crate::replaying::beside::Network;
use crate::replaying::place::Place;
use crate::replaying::{self, Ended, Ran, words};
use crate::show;

/// The exit code where something was asked that was not recorded, or that is not let through.
const MISSED: u8 = 4;

/// Run a command whose requests to the outside are answered from the cassette, and count them.
///
/// It runs in the repository's folder with your environment, in a network where nothing else is. Without a command the
/// benchmark is run once, and each of its cases is answered with what was recorded in it. Exit code 4 where something was
/// asked that was not recorded, or that is not let through, whatever was made of the error; else the command's own.
///
/// Example: sprag replay -- python3 app.py
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the command in this machine's network: a client that ignores the proxy is not stopped then.
    #[arg(long, requires = "argv")]
    open_network: bool,
    #[command(flatten)]
    command: replaying::Command,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let place = Place::find(dir)?;
    // Of the benchmark its driver says it, in its notes.
    let of_command = (!args.command.argv.is_empty()).then(|| network(args.open_network)).transpose()?;
    let (network, open_because) = of_command.unwrap_or((Network::Empty, None));
    if let Some(why) = &open_because {
        show::aside(&format!("a client that ignores the proxy is not stopped: {why}"));
    }
    let Some(Ran { account, end, .. }) = args.command.run(dir, &place, Mode::Replay, network)? else {
        return Ok(replaying::interrupted());
    };
    let Account { counts, troubles, unused, .. } = account;
    let of = |name: &str| counts.get(name).copied().unwrap_or(0.0);
    let code = if of("replay_misses") + of("replay_denials") > 0.0 {
        MISSED
    } else if !troubles.is_empty() {
        1
    } else {
        end.code()
    };
    let network = match (&end, network) {
        (Ended::Benchmark { .. }, _) => None,
        (_, Network::Empty) => Some("empty"),
        (_, Network::Open) => Some("open"),
    };
    let json = json!({
        "cassette": place.replay.cassette,
        "network": network,
        "open_because": open_because,
        "ended": end.of_command(),
        "exit": code,
        "counts": counts,
        "unused": words::unused_as_json(&unused),
        "troubles": words::troubles_as_json(&troubles),
        "notes": end.notes(),
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
    text.push_str(&match &end {
        Ended::Command(status) if code == MISSED => {
            format!("exit code {MISSED}, although the command itself {}\n", replaying::how(*status))
        }
        end => words::end(end),
    });
    args.command.tell(&json, &text)?;
    Ok(ExitCode::from(code))
}

/// The empty network where there is one, and else why not.
fn network(open: bool) -> miette::Result<(Network, Option<String>)> {
    if open {
        return Ok((Network::Open, Some("--open-network says so".to_owned())));
    }
    Ok(match sprag_sandbox::network(&crate::jail::launcher()?) {
        Ok(wall) => {
            wall.caveat().into_iter().for_each(show::aside);
            (Network::Empty, None)
        }
        Err(why) => (Network::Open, Some(why.to_string())),
    })
}
