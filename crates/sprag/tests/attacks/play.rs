//! The process that plays one attack: it opens the session of the folder it stands in, lets the script loose on a copy,
//! has the copy judged, and says what came of it.
//!
//! A process of its own: some attacks kill or stop whoever measures them.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use camino::Utf8Path;
use sprag_agent::{Note, Usage};
use sprag_measure::Interrupt;
use sprag_session::events::{Event, Observer};
use sprag_session::{Opening, Outcome, Project, Session, StartFrom};

use crate::Result;
use crate::verdict::Said;

/// The exit code of a script for which this machine lacks something.
const CANNOT: i32 = 77;

/// Whose change it is, in the rows.
const AGENT: &str = "attack";

/// Plays `script` as often as the environment says; without one, only measures the baseline.
pub(crate) fn main(script: Option<&OsString>) -> Result<ExitCode> {
    let mut told = Told::default();
    let opening = Opening { fresh: false, baseline: StartFrom::Head };
    let mut session =
        Session::open(Project::open(Utf8Path::new("."))?, &opening, Interrupt::new(), &mut told)?;
    session.calibrate()?;
    let mut said = Said::default();
    if let Some(script) = script {
        let times = std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
        for n in 1..=times {
            said = once(&mut session, Path::new(script), n)?;
            if said.word == "improved" {
                break;
            }
        }
    }
    drop(session);
    if said.detail.is_empty() {
        said.detail = told.why;
    }
    println!("{}", serde_json::to_string(&said)?);
    Ok(ExitCode::SUCCESS)
}

fn once(session: &mut Session<'_>, script: &Path, n: u32) -> Result<Said> {
    let copy = session.baseline_copy()?;
    let mut shell = Command::new("sh");
    shell.arg("-eu").arg(script).current_dir(copy.path()).env("N", n.to_string()).stdin(Stdio::null());
    // What it starts in the background must not hold the stream on which the answer goes out.
    let ended = shell.stdout(Stdio::null()).status()?;
    if ended.code() == Some(CANNOT) {
        return Ok(Said { skipped: true, ..Said::default() });
    }
    if !ended.success() {
        return Err(format!("{} failed: {ended}", script.display()).into());
    }
    let description = std::fs::read_to_string(copy.proposal_dir().join("description"));
    let description = description.unwrap_or_else(|_| "a change".to_owned());
    let note = Note { description, usage: Usage::FREE, ..Note::default() };
    let outcome = match session.experiment(copy.path(), note, AGENT, None) {
        Ok(outcome) => outcome,
        // What is nobody's verdict is told, and decides nothing.
        Err(error) => return Ok(Said { detail: error.to_string(), ..Said::default() }),
    };
    copy.remove()?;
    Ok(match outcome {
        Outcome::NoRow(word) => Said { word, ..Said::default() },
        Outcome::Row { run, .. } => {
            let row = session.log().runs().find(|row| row.run == run);
            let row = row.ok_or("the ledger lacks the row that was just written")?;
            let word = serde_json::to_value(row.reason)?.as_str().unwrap_or_default().to_owned();
            Said { word, detail: row.detail.clone(), skipped: false }
        }
    })
}

/// Keeps why a try came to no row.
#[derive(Default)]
struct Told {
    why: String,
}

impl Observer for Told {
    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::NoRow { why, .. } => self.why = (*why).to_owned(),
            Event::Notice(text) => eprintln!("{text}"),
            _ => {}
        }
    }
}
