//! Runs one command in a process group of its own, with a deadline, from outside.

mod descendants;
mod disk;
mod group;
mod output;
mod run;
mod shell;
mod strays;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use sprag_contract::settings::Bytes;
use sprag_sandbox::Jail;

use crate::{CpuSet, Replayed};

pub use disk::Disk;
pub(crate) use disk::Watch;
pub(crate) use group::{Exit, Group, Streams, timespec};
pub use output::{capped, sanitized};
pub(crate) use run::{length, output_file};
pub use run::{run, run_while};
pub use strays::end_strays;
pub(crate) use usage::Usage;

/// How much a command may print to each of its streams when nobody says otherwise.
pub const OUTPUT_LIMIT: u64 = 64 << 20;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// `/bin/sh -c LINE`: what people write in settings and specs.
    Shell(String),
    /// A program and its arguments, without a shell.
    Argv(Vec<String>),
}

/// One command and everything around it.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// What is run.
    pub program: Program,
    /// The working directory.
    pub dir: Utf8PathBuf,
    /// The whole environment: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// After this long the whole group is killed.
    pub timeout: Duration,
    /// Where stdout goes, whole.
    pub stdout: Utf8PathBuf,
    /// Where stderr goes, whole.
    pub stderr: Utf8PathBuf,
    /// A file to read from; without it stdin is empty.
    pub stdin: Option<Utf8PathBuf>,
    /// Where it may run; without it wherever Sprag may.
    pub cpus: Option<CpuSet>,
    /// The most bytes in each of the two files. Past it the group is killed and the file is cut to this length.
    pub output_limit: u64,
    /// The most that it may leave on the disk. Past it the group is killed, and what is new there is removed.
    /// Without it nobody looks.
    pub disk: Option<Disk>,
    /// What it is locked in. Without it it has the rights and the network that Sprag has.
    pub jail: Option<Jail>,
    /// What answers at the jail's listeners.
    pub replayed: Option<Arc<Replayed>>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal, not sent by Sprag.
    Signaled(i32),
    /// Killed at the deadline.
    TimedOut,
    /// Killed because it printed too much.
    OutputLimit,
    /// Killed because it left too much on the disk.
    DiskLimit,
    /// Something of it was killed by the kernel, because together they used more memory than this.
    MemoryLimit {
        /// In bytes.
        most: u64,
    },
    /// Killed because nobody wanted it any more.
    CalledOff,
}

impl Status {
    /// Exit code 0.
    pub fn is_success(self) -> bool {
        self == Status::Exited(0)
    }
}

/// What one command cost and left.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How it ended.
    pub status: Status,
    /// From before the start to the end of the leading process, by the monotonic clock.
    pub wall: Duration,
    /// User and system time of the process and of the children it waited for, and of what it left behind in its
    /// group. A child whose parent ignores SIGCHLD is not in it: the kernel drops that time.
    pub cpu: Duration,
    /// The largest resident set of any one of these processes, in bytes. The kernel counts the moment before `exec`
    /// too, so it is never below Sprag's own.
    pub peak_rss: u64,
    /// Processes that were still alive after the leading one had ended, and were killed.
    pub leftovers: usize,
    /// Where stdout is.
    pub stdout: Utf8PathBuf,
    /// Where stderr is.
    pub stderr: Utf8PathBuf,
}

/// In words.
pub(crate) fn over_memory(most: u64) -> String {
    format!("used more than the {} that [sandbox] memory allows", Bytes(most))
}

impl Ended {
    /// How it ended, in words, with the last lines that it printed: for a finding.
    pub fn describe(&self, invocation: &Invocation) -> String {
        let how = match self.status {
            Status::Exited(code) => format!("exit code {code}"),
            Status::Signaled(signal) => format!("killed by signal {signal}"),
            Status::TimedOut => format!("no end within {:?}", invocation.timeout),
            Status::CalledOff => "called off".to_owned(),
            Status::OutputLimit => {
                format!("printed more than {} MiB and was killed", invocation.output_limit >> 20)
            }
            Status::DiskLimit => match &invocation.disk {
                Some(disk) => format!("{disk} and was killed"),
                None => "left too much on the disk and was killed".to_owned(),
            },
            Status::MemoryLimit { most } => over_memory(most),
        };
        let printed = [capped(&self.stderr), capped(&self.stdout)].into_iter().find(|text| !text.is_empty());
        match printed {
            Some(text) => format!("{how}; its last lines:\n{text}"),
            None => format!("{how}; it printed nothing"),
        }
    }
}
