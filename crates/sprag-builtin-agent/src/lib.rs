//! Sprag's own coding agent, for whoever has a key or a local model and no agent. Small on purpose: one conversation, a
//! few tools, no memory.
//!
//! It is a process like every other agent: the brief on standard input, the copy as its folder, an event a line on
//! standard output ([`sprag_agent::builtin`]). Its deadline, its end, its transcript and its jail are those of all.

#![forbid(unsafe_code)]

mod conversation;
mod model;
mod tools;
mod turns;

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use camino::Utf8Path;
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
use sprag_agent::builtin::{Event, Options};
use sprag_agent::{Failure, FailureKind};

use model::Model;
use tools::Tools;
use turns::Turns;

/// A longer brief is cut, in bytes.
const MAX_BRIEF: u64 = 4 << 20;

/// How long to wait before a request is sent again, where the server says nothing about it. After the last the try is over,
/// and Sprag waits as `[agent] retry` says.
const WAITS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(30)];

/// The whole process: reads the brief, works in the current folder, prints what it does. The exit code says whether it came
/// to its own end.
pub fn run(options: &str) -> ExitCode {
    // What it runs for the model has the same user, and must not read the key from here.
    // Where that is refused the key is as safe as with any other agent.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // So no later Sprag can find it by its environment; it ends with the one that started it.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut events = Events(Box::new(io::stdout()));
    match try_once(options, &mut events) {
        Ok(()) => {
            events.tell(&Event::Done);
            ExitCode::SUCCESS
        }
        Err(Failure { kind, said }) => {
            events.tell(&Event::Failed { kind, said });
            ExitCode::FAILURE
        }
    }
}

fn try_once(options: &str, events: &mut Events<'_>) -> Result<(), Failure> {
    let options: Options = serde_json::from_str(options).map_err(failed("read its options"))?;
    let mut brief = Vec::new();
    io::stdin().take(MAX_BRIEF).read_to_end(&mut brief).map_err(failed("read the brief"))?;
    let brief = String::from_utf8_lossy(&brief).into_owned();
    work(&options, brief, Utf8Path::new("."), &WAITS, events)
}

/// One try in `copy`.
fn work(
    options: &Options,
    brief: String,
    copy: &Utf8Path,
    waits: &[Duration],
    events: &mut Events<'_>,
) -> Result<(), Failure> {
    let copy = copy.canonicalize_utf8().map_err(failed("find the copy"))?;
    let tools = Tools::open(&copy, options.shell).map_err(failed("open the copy"))?;
    let model = Model::open(options)?;
    Turns::new(model, tools, brief, options.context, waits).run(events)
}

/// What the agent itself cannot do, which no server and no model is to blame for.
fn failed<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(FailureKind::Died, format!("failed to {doing}: {error}"))
}

/// Where events go, each as soon as there is one.
struct Events<'a>(Box<dyn Write + 'a>);

impl Events<'_> {
    fn tell(&mut self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else { return };
        line.push(b'\n');
        // Nobody listens any more: then it is about to be killed.
        let _ = self.0.write_all(&line).and_then(|()| self.0.flush());
    }
}
