//! `shell`: a command line, with a deadline. It is where the agent is: in its jail, where it has one.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use genai::chat::Tool;
use serde::Deserialize;
use serde_json::json;
use sprag_measure::process::{self, Ended, Invocation, Program, Status, sanitized};
use sprag_measure::{Interrupt, MeasureError};

use super::{Answered, MAX_ANSWER, tool, without_middle};

/// How long a command may take, in seconds, where nobody says more.
const USUAL: u64 = 120;
/// How long at the most, in seconds.
const LONGEST: u64 = 900;
/// A command that prints more is ended, in bytes.
const MAX_PRINTED: u64 = 16 << 20;

/// What a command finds in its environment: nothing that may hold a key.
const PASSED_ON: [&str; 17] = [
    "CARGO_HOME",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "PATH",
    "RUSTUP_HOME",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
];

/// The shell of one try.
pub(super) struct Shell {
    copy: Utf8PathBuf,
    env: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    command: String,
    #[serde(default)]
    seconds: Option<u64>,
}

pub(super) fn offered() -> Tool {
    tool(
        "shell",
        "Runs a command line by /bin/sh in the folder. All that it started is ended with it.",
        json!({
            "command": { "type": "string" },
            "seconds": { "type": "integer", "description": "how long it may take; 120 without it" },
        }),
        &["command"],
    )
}

impl Shell {
    pub(super) fn new(copy: &Utf8Path) -> Self {
        let found = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
        let mut env: BTreeMap<_, _> = PASSED_ON.into_iter().filter_map(found).collect();
        // By this what is left running is found after all else ended.
        env.insert("PWD".to_owned(), copy.to_string());
        Self { copy: copy.to_owned(), env }
    }

    pub(super) fn run(&self, args: &Args) -> Answered {
        let seconds = args.seconds.unwrap_or(USUAL).clamp(1, LONGEST);
        let printed =
            tempfile::tempdir().map_err(|error| format!("there is no folder for what it prints: {error}"))?;
        let folder =
            Utf8Path::from_path(printed.path()).ok_or("the folder for temporary files is no UTF-8")?;
        let invocation = Invocation {
            program: Program::Shell(args.command.clone()),
            dir: self.copy.clone(),
            env: self.env.clone(),
            timeout: Duration::from_secs(seconds),
            stdout: folder.join("stdout"),
            stderr: folder.join("stderr"),
            stdin: None,
            cpus: None,
            output_limit: MAX_PRINTED,
            // Sprag looks at the disk for the whole try.
            disk: None,
            jail: None,
            replayed: None,
        };
        let ended =
            process::run(&invocation, &Interrupt::new()).map_err(|error: MeasureError| error.to_string())?;
        Ok(told(&ended, seconds))
    }
}

fn told(ended: &Ended, seconds: u64) -> String {
    let how = match ended.status {
        Status::Exited(code) => format!("exit code {code}"),
        Status::Signaled(signal) => format!("killed by signal {signal}"),
        Status::TimedOut => {
            format!("no end within {seconds} s, so it was ended (`seconds`: {LONGEST} at the most)")
        }
        Status::OutputLimit => format!("it printed more than {} MiB, so it was ended", MAX_PRINTED >> 20),
        _ => "it was ended".to_owned(),
    };
    let mut said = format!("{how}\n");
    for (name, path) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        let text = sanitized(&std::fs::read(path).unwrap_or_default());
        if !text.trim().is_empty() {
            said.push_str(&format!("--- {name}\n{}\n", without_middle(text.trim_end(), MAX_ANSWER / 2)));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(command: &str, seconds: Option<u64>) -> (tempfile::TempDir, String) {
        let copy = tempfile::tempdir().unwrap();
        let shell = Shell::new(Utf8Path::from_path(copy.path()).unwrap());
        let said = shell.run(&Args { command: command.to_owned(), seconds }).unwrap();
        (copy, said)
    }

    #[test]
    fn a_command_runs_in_the_folder_and_says_how_it_ended() {
        let (copy, said) = shell("echo made > it; cat it; echo oh >&2; exit 3", None);
        assert_eq!(said, "exit code 3\n--- stdout\nmade\n--- stderr\noh\n");
        assert!(copy.path().join("it").exists());
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let (copy, said) = shell("sleep 600 & echo $! > pid; sleep 600", Some(1));
        assert!(said.starts_with("no end within 1 s"), "{said}");
        let pid = std::fs::read_to_string(copy.path().join("pid")).unwrap();
        assert!(!std::path::Path::new("/proc").join(pid.trim()).exists());
    }

    #[test]
    fn what_it_prints_is_cut_and_moves_no_terminal() {
        let (_copy, said) = shell("head -c 1000000 /dev/zero | tr '\\0' x; printf '\\033[2Jlast'", None);
        assert!(said.len() < MAX_ANSWER && said.contains("bytes are left out") && said.ends_with("xlast\n"));
    }

    #[test]
    fn it_finds_no_key() {
        let (_copy, said) = shell("env | cut -d= -f1 | sort", None);
        let names: Vec<&str> = said.lines().skip(2).collect();
        let own = ["PWD", "SHLVL", "_", "OLDPWD"];
        assert!(
            names
                .iter()
                .all(|name| PASSED_ON.contains(name) || own.contains(name) || name.starts_with("SPRAG")),
            "{names:?}"
        );
    }
}
