//! Runs one agent once: its deadline, the end of its whole process group, and its output line by line as it comes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::format_duration;
use sprag_measure::process::{self, Disk, Ended, Invocation, Program, Status, capped, sanitized};
use sprag_measure::{Interrupt, Jail, MeasureError};

use crate::adapter::Adapter;
use crate::listener::{Listener, Secrets};
use crate::told::Told;
use crate::{Failure, FailureKind};

/// The most that an agent may print, in bytes: a long session with an event for each token stays below.
const OUTPUT_LIMIT: u64 = 512 << 20;

/// The longest reason for a failure, in bytes: it goes into the ledger.
const MAX_SAID: usize = 4096;

/// One run of an agent.
pub(crate) struct Errand<'a> {
    pub(crate) program: Program,
    /// The copy, in which it works.
    pub(crate) copy: &'a Utf8Path,
    /// The whole environment.
    pub(crate) env: BTreeMap<String, String>,
    /// The values in it that nobody must read.
    pub(crate) secrets: Secrets,
    pub(crate) timeout: Duration,
    /// A file with the brief.
    pub(crate) brief: &'a Utf8Path,
    /// Where the transcript goes.
    pub(crate) out: &'a Utf8Path,
    /// What it is locked in.
    pub(crate) jail: Option<Jail>,
    /// Folders besides the copy that it may fill.
    pub(crate) fills: Option<Utf8PathBuf>,
}

impl Errand<'_> {
    /// Runs it to its end, and answers what it told. All that it started is dead then. `transcript.jsonl` and `stderr` in
    /// the folder are what it printed, without secrets.
    ///
    /// # Errors
    /// [`MeasureError`]: an interrupt, a missing program, files that cannot be written. Never what the agent did.
    pub(crate) fn run(self, adapter: &dyn Adapter, interrupt: &Interrupt) -> Result<Told, MeasureError> {
        // What it prints holds whatever it read of its environment. These files have no name, so that nothing of it is left
        // however Sprag ends.
        let (stdout, stderr) = (nameless(self.out)?, nameless(self.out)?);
        let folders = std::iter::once(self.copy.to_owned()).chain(self.fills).collect();
        let invocation = Invocation {
            program: self.program,
            dir: self.copy.to_owned(),
            env: self.env,
            timeout: self.timeout,
            stdout: by_number(&stdout),
            stderr: by_number(&stderr),
            stdin: Some(self.brief.to_owned()),
            cpus: None,
            output_limit: OUTPUT_LIMIT,
            disk: Some(Disk::usual(folders)),
            jail: self.jail,
            replayed: None,
        };
        let transcript = self.out.join("transcript.jsonl");
        let kept = File::create(&transcript).map_err(failed("create", &transcript))?;
        let mut listener = Listener::new(adapter, &invocation.stdout, kept, &self.secrets);
        let ended = process::run_while(&invocation, interrupt, &mut || {
            listener.listen();
            !listener.told().is_hopeless()
        });
        let heard = listener.end().map_err(failed("write", &transcript));
        let told = ended.and_then(|ended| {
            let mut told = heard?;
            adapter.ended(ended.status, &mut told);
            told.words = self.secrets.hidden_in(&sanitized(told.words.as_bytes()));
            if let Some(failure) = verdict(&mut told, &ended, &invocation) {
                let mut said = self.secrets.hidden_in(&sanitized(failure.said.as_bytes()));
                said.truncate(said.floor_char_boundary(MAX_SAID));
                told.fail(Failure { said, ..failure });
            }
            Ok(told)
        });
        let said = self.out.join("stderr");
        let bytes = fs::read(&invocation.stderr).map_err(failed("read", &said))?;
        fs::write(&said, self.secrets.hidden_in_bytes(&bytes)).map_err(failed("write", &said))?;
        told
    }
}

/// What an agent had told when nobody listened any more, by the transcript in the folder `out`; `None` where it was never
/// started.
///
/// # Errors
/// [`MeasureError`]: a file that cannot be read.
pub(crate) fn told_in(
    adapter: &dyn Adapter,
    out: &Utf8Path,
    secrets: &Secrets,
) -> Result<Option<Told>, MeasureError> {
    let transcript = out.join("transcript.jsonl");
    // Whatever it liked may have come to lie here, where nothing held it.
    if !transcript.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() <= OUTPUT_LIMIT) {
        return Ok(None);
    }
    let nowhere = Utf8Path::new("/dev/null");
    let kept = File::options().write(true).open(nowhere).map_err(failed("open", nowhere))?;
    let heard = Listener::new(adapter, &transcript, kept, secrets).end();
    let mut told = heard.map_err(failed("read", &transcript))?;
    told.words = secrets.hidden_in(&sanitized(told.words.as_bytes()));
    Ok(Some(told))
}

/// What was wrong with a run. The events say it; the process's end only where they do not.
fn verdict(told: &mut Told, ended: &Ended, invocation: &Invocation) -> Option<Failure> {
    if let Some(failure) = told.failure.take() {
        return Some(failure);
    }
    match ended.status {
        Status::TimedOut => {
            let limit = format_duration(invocation.timeout);
            Some(Failure::new(FailureKind::Cut, format!("no end within {limit} (`[run] timeout`)")))
        }
        Status::OutputLimit => {
            Some(Failure::new(FailureKind::Cut, format!("it printed more than {} MiB", OUTPUT_LIMIT >> 20)))
        }
        Status::DiskLimit => Some(Failure::new(FailureKind::Cut, ended.describe(invocation))),
        _ if told.is_over => None,
        _ => {
            // Some say that they have no key before the first event, and then not as one.
            let last = capped(&ended.stderr);
            let failure = Failure::of_words(&last);
            let is_telling = failure.kind == FailureKind::Authentication;
            Some(if is_telling {
                failure
            } else {
                Failure::new(FailureKind::Died, ended.describe(invocation))
            })
        }
    }
}

/// A file in the folder's file system, for as long as it is open.
fn nameless(folder: &Utf8Path) -> Result<File, MeasureError> {
    tempfile::tempfile_in(folder).map_err(failed("make a file in", folder))
}

/// The path by which this process opens such a file once more.
fn by_number(file: &File) -> Utf8PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn failed(doing: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> MeasureError {
    let path = path.to_owned();
    move |source| MeasureError::File { doing, path, source }
}

#[cfg(test)]
mod tests {
    use sprag_contract::settings::UsagePatterns;

    use super::*;
    use crate::adapter::{Claude, Codex, Command};

    /// Runs a line of the shell as the agent. Answers what it told, and its transcript.
    fn run(adapter: &dyn Adapter, line: &str, timeout: Duration) -> (Told, String) {
        let keep = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(keep.path()).unwrap();
        fs::write(dir.join("brief.md"), "make it faster").unwrap();
        let env: BTreeMap<String, String> =
            [("PATH", std::env::var("PATH").unwrap().as_str()), ("MY_KEY", "sk-123456")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let errand = Errand {
            program: Program::Shell(line.to_owned()),
            copy: dir,
            secrets: Secrets::of(&env, ["MY_KEY"]),
            env,
            timeout,
            brief: &dir.join("brief.md"),
            out: dir,
            jail: None,
            fills: None,
        };
        let told = errand.run(adapter, &Interrupt::new()).unwrap();
        let stderr = fs::read_to_string(dir.join("stderr")).unwrap_or_default();
        (told, format!("{}{stderr}", fs::read_to_string(dir.join("transcript.jsonl")).unwrap()))
    }

    fn command() -> Command {
        Command::new("", &UsagePatterns::default())
    }

    fn failure(told: &Told) -> (FailureKind, &str) {
        let failure = told.failure.as_ref().unwrap();
        (failure.kind, failure.said.as_str())
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn the_brief_comes_on_standard_input_and_the_last_line_is_the_word() {
        let (told, transcript) = run(&command(), "cat; echo; echo done", LONG);
        assert_eq!((told.failure.as_ref(), told.words.as_str()), (None, "done"));
        assert_eq!(transcript, "make it faster\ndone\n");
    }

    #[test]
    fn the_deadline_ends_it_and_all_that_it_started() {
        let (told, transcript) =
            run(&command(), "sleep 600 & echo $!; sleep 600", Duration::from_millis(500));
        assert_eq!(failure(&told), (FailureKind::Cut, "no end within 500ms (`[run] timeout`)"));
        let child = transcript.trim();
        assert!(!Utf8Path::new("/proc").join(child).exists(), "{child} lives");
    }

    #[test]
    fn a_key_that_is_not_accepted_ends_it_before_its_deadline() {
        let retry =
            r#"{"type":"system","subtype":"api_retry","error_status":401,"error":"authentication_failed"}"#;
        let (told, _) = run(&Claude, &format!("echo '{retry}'; sleep 600"), LONG);
        assert_eq!(failure(&told), (FailureKind::Authentication, "authentication_failed"));
    }

    #[test]
    fn an_end_without_a_word_is_told_with_what_it_printed() {
        let (told, _) = run(&command(), "echo half; echo 'no such file' >&2; exit 3", LONG);
        let (kind, said) = failure(&told);
        assert!(
            kind == FailureKind::Died && said.contains("exit code 3") && said.contains("no such file"),
            "{said}"
        );
        let (told, _) = run(&Codex, "true", LONG);
        assert_eq!(failure(&told).0, FailureKind::Died, "exit code 0 is no answer");
        let (told, _) = run(&Claude, "echo 'No API key found for the selected model.' >&2; exit 1", LONG);
        assert_eq!(failure(&told).0, FailureKind::Authentication);
    }

    #[test]
    fn a_good_end_counts_whatever_the_exit_code() {
        let done = r#"{"type":"turn.completed","usage":{"input_tokens":5,"cached_input_tokens":2,"output_tokens":1}}"#;
        let (told, _) = run(&Codex, &format!("echo '{done}'; exit 1"), LONG);
        assert_eq!((told.failure.as_ref(), told.usage().input), (None, Some(3)));
    }

    #[test]
    fn a_key_is_in_no_file_and_no_word() {
        let line = "echo \"key: $MY_KEY\"; echo \"$MY_KEY\" >&2";
        let (told, transcript) = run(&command(), line, LONG);
        assert_eq!(told.words, "key: [MY_KEY]");
        assert_eq!(transcript, "key: [MY_KEY]\n[MY_KEY]\n");
        let (told, _) = run(&command(), &format!("{line}; exit 1"), LONG);
        assert!(!failure(&told).1.contains("sk-123456"), "{told:?}");
    }

    #[test]
    fn what_it_prints_has_no_name_before_its_keys_are_taken_out() {
        let (_, transcript) = run(&command(), "echo $MY_KEY; echo $MY_KEY >&2; ls", LONG);
        assert_eq!(transcript, "[MY_KEY]\nbrief.md\ntranscript.jsonl\n[MY_KEY]\n");
    }

    #[test]
    fn a_message_and_a_line_without_end_are_cut() {
        let message =
            r#"printf '{"type":"error","message":"'; head -c 1000000 /dev/zero | tr '\0' x; echo '"}'"#;
        let (told, _) = run(&Codex, message, LONG);
        assert_eq!(failure(&told).1.len(), MAX_SAID);
        let line = "head -c 40000000 /dev/zero | tr '\\0' x; echo; echo done";
        let (told, transcript) = run(&command(), line, LONG);
        assert_eq!((told.words.as_str(), transcript.as_str()), ("done", "done\n"));
    }

    #[test]
    fn what_was_printed_before_sprag_was_killed_is_heard_and_its_secrets_are_hidden() {
        let keep = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(keep.path()).unwrap();
        let env = [("MY_KEY".to_owned(), "sk-123456".to_owned())].into();
        let secrets = Secrets::of(&env, ["MY_KEY"]);
        let heard = || told_in(&Codex, dir, &secrets).unwrap();
        assert!(heard().is_none(), "it was never started");
        let events = "{\"type\":\"thread.started\",\"thread_id\":\"t-1\"}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"sk-123456\"}}\n{\"type\":\"turn";
        let transcript = dir.join("transcript.jsonl");
        fs::write(&transcript, events).unwrap();
        let told = heard().unwrap();
        assert_eq!(
            (told.conversation.as_deref(), told.words.as_str(), told.is_over),
            (Some("t-1"), "[MY_KEY]", false)
        );
        fs::remove_file(&transcript).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &transcript).unwrap();
        assert!(heard().is_none(), "a link is not followed");
    }

    #[test]
    fn bytes_that_move_a_terminal_or_are_no_text_are_harmless() {
        let (told, transcript) =
            run(&command(), r"printf '\033[2J\377 ok\033]0;x\007\n'; printf 'no newline'", LONG);
        assert_eq!(told.words, "no newline");
        assert!(transcript.ends_with("no newline\n"));
        let (told, _) = run(&command(), r"printf '\033[2J\377 ok\n'", LONG);
        assert_eq!(told.words, "\u{fffd} ok");
    }
}
