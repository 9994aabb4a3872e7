//! The person's hooks: `before.sh` and `after.sh`, with pi's payloads on stdin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use sprag_ledger::{Entry, Hook};
use sprag_measure::process::{self, Invocation, Program, Status};

use crate::SessionError;
use crate::session::Session;

/// A hook may take this long.
const DEADLINE: Duration = Duration::from_secs(30);
/// This much of what it prints reaches the proposer.
const TOLD: usize = 8 << 10;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before a proposal.
    Before,
    /// After a row.
    After,
}

impl Moment {
    fn name(self) -> &'static str {
        match self {
            Moment::Before => "before",
            Moment::After => "after",
        }
    }
}

impl Session<'_> {
    /// Runs a hook where the person has one. Answers what it printed, for the proposer; a hook that fails is recorded
    /// and stops nothing.
    pub(crate) fn hook(&mut self, moment: Moment) -> Result<String, SessionError> {
        let script = self.project.root.join(&self.project.layout.hooks).join(format!("{}.sh", moment.name()));
        if !script.is_file() {
            return Ok(String::new());
        }
        let dir = self.home.work("hooks");
        fs::create_dir_all(&dir).map_err(|e| SessionError::io("make", &dir, e))?;
        let stdin = dir.join("payload.json");
        let payload = format!("{}\n", self.payload(moment));
        fs::write(&stdin, payload).map_err(|e| SessionError::io("write", &stdin, e))?;
        let (stdout, stderr) = (dir.join("stdout"), dir.join("stderr"));
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let env: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let invocation = Invocation {
            program: Program::Argv(vec![script.into_string()]),
            dir: self.project.root.clone(),
            env,
            timeout: DEADLINE,
            stdout: stdout.clone(),
            stderr,
            stdin: Some(stdin),
            cpus: None,
            output_limit: 1 << 20,
            disk: None,
            jail: None,
            replayed: None,
        };
        let ended = match process::run(&invocation, &self.interrupt) {
            Ok(ended) => ended,
            Err(error) => {
                self.notice(&format!("the {} hook could not run: {error}", moment.name()));
                return Ok(String::new());
            }
        };
        let printed = fs::read(&stdout).unwrap_or_default();
        self.record(Hook {
            stage: moment.name().to_owned(),
            exit_code: match ended.status {
                Status::Exited(code) => Some(code),
                _ => None,
            },
            duration_ms: u64::try_from(ended.wall.as_millis()).unwrap_or(u64::MAX),
            stdout_bytes: printed.len() as u64,
            timed_out: ended.status == Status::TimedOut,
        })?;
        Ok(process::sanitized(&printed[..printed.len().min(TOLD)]))
    }

    fn payload(&self, moment: Moment) -> Value {
        let last = self.ledger.log().records.iter().rev().find_map(|record| match &record.entry {
            Entry::Run(run) => serde_json::to_value(run).ok(),
            _ => None,
        });
        let segment = self.state.segment.as_ref();
        let primary = &self.contract.primary;
        let session = json!({
            "metric_name": primary.name,
            "metric_unit": primary.unit,
            "direction": primary.direction,
            "baseline_metric": segment.and_then(|s| s.origin.baseline.get(&primary.name).copied()),
            "best_metric": segment.and_then(|s| s.incumbent.value),
            "run_count": self.state.last_run,
            "goal": self.contract.name,
        });
        match moment {
            Moment::Before => json!({
                "event": "before", "cwd": self.project.root, "next_run": self.state.last_run + 1,
                "last_run": last, "session": session,
            }),
            Moment::After => {
                json!({ "event": "after", "cwd": self.project.root, "run_entry": last, "session": session })
            }
        }
    }
}
