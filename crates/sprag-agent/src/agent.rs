//! A coding agent as proposer: one process a try, in a copy of the incumbent.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::Agent as Settings;
use sprag_measure::process::{self, Invocation, Program, sanitized};
use sprag_measure::{Interrupt, MeasureError};

use crate::adapter::{self, Adapter, Call};
use crate::listener::Secrets;
use crate::report::Report;
use crate::runner::Errand;
use crate::{Asked, Note, Proposal, ProposeError, Proposer, Tells};

/// What any program may need. All else is named by the adapter or by the settings.
const ALWAYS_PASSED: &[&str] = &[
    "ALL_PROXY",
    "CARGO_HOME",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "PATH",
    "RUSTUP_HOME",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// What is in the names of variables whose values nobody must read: of keys, of settings as text, and of proxies, whose
/// addresses may hold a password.
const SECRET_NAMES: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CONFIG_CONTENT", "PROXY"];
/// How long a program may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// The end of each brief: what is expected of an agent, whichever it is.
const TASK: &str = "
## What to do now
Make one change that should improve the primary metric, by editing the files of this folder that are in scope. Make it whole:
nobody answers questions. Do not commit. What you measure yourself decides nothing: Sprag measures what you leave here.
At the end write the file .sprag/proposal.json: {\"description\": \"what you changed, in one line\", \"hypothesis\": \"why it should help\"}
";

/// A coding agent. It is called anew for each try, so that no try inherits what another one believed.
pub(crate) struct Agent {
    adapter: Box<dyn Adapter>,
    name: String,
    settings: Settings,
    timeout: Duration,
    interrupt: Interrupt,
}

/// An agent that Sprag knows, and whether it is here.
#[derive(Debug)]
pub struct Known {
    /// As `--agent` names it.
    pub name: &'static str,
    /// Its version; `None` where it is not installed.
    pub version: Option<String>,
    /// What installs it.
    pub remedy: &'static str,
}

/// Looks for every agent that Sprag knows.
pub fn known() -> Vec<Known> {
    let look = |adapter: Box<dyn Adapter>| {
        let (program, remedy) = adapter.program()?;
        let version = version_of(program, &passed_on(&*adapter, &[]), &Interrupt::new()).ok();
        Some(Known { name: adapter.name(), version, remedy })
    };
    adapter::all().into_iter().filter_map(look).collect()
}

impl Agent {
    /// Opens it, where it is installed. `timeout` is that of one try.
    ///
    /// # Errors
    /// [`ProposeError::NotInstalled`]; an interrupt.
    pub(crate) fn open(
        adapter: Box<dyn Adapter>,
        settings: &Settings,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<Self, ProposeError> {
        let env = passed_on(&*adapter, &settings.env);
        let name = match adapter.program() {
            None => adapter.name().to_owned(),
            Some((program, remedy)) => {
                let version = version_of(program, &env, interrupt).map_err(|error| match error {
                    MeasureError::Interrupted => ProposeError::Process(error),
                    other => ProposeError::NotInstalled { program, why: other.to_string(), remedy },
                })?;
                format!("{} {version}", adapter.name())
            }
        };
        Ok(Self { adapter, name, settings: settings.clone(), timeout, interrupt: interrupt.clone() })
    }
}

impl Proposer for Agent {
    fn name(&self) -> &str {
        &self.name
    }

    fn tells(&self) -> Option<Tells> {
        Some(self.adapter.tells())
    }

    /// An agent goes on by the brief alone.
    fn resume(&mut self, _done: &[String]) {}

    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError> {
        let Asked { copy, out, .. } = *asked;
        let brief = format!("{}{TASK}", asked.brief);
        let brief_file = out.join("brief.md");
        fs::create_dir_all(out).and_then(|()| fs::write(&brief_file, &brief)).map_err(|source| {
            ProposeError::Process(MeasureError::File { doing: "write", path: brief_file.clone(), source })
        })?;
        let mut env = passed_on(&*self.adapter, &self.settings.env);
        env.extend(self.adapter.sets().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        // By this what a Sprag that was killed left running is found, too.
        env.insert("PWD".to_owned(), copy.to_string());
        let call = Call {
            model: self.settings.model.as_deref(),
            args: &self.settings.args,
            env: &env,
            copy,
            brief: &brief,
            brief_file: &brief_file,
            usd_left: asked.usd_left,
        };
        let program = self.adapter.call(&call);
        let named = self.settings.env.iter().map(String::as_str);
        let keys = self.adapter.reads().iter().chain(ALWAYS_PASSED).copied();
        let is_secret = |name: &str| SECRET_NAMES.iter().any(|part| name.to_uppercase().contains(part));
        let keys = keys.filter(|name| is_secret(name) && !name.eq_ignore_ascii_case("no_proxy"));
        let secrets = Secrets::of(&env, named.chain(keys));
        let errand = Errand {
            program,
            copy,
            env,
            secrets: secrets.clone(),
            timeout: self.timeout,
            brief: &brief_file,
            out,
        };
        let told = errand.run(&*self.adapter, &self.interrupt)?;
        let report = Report::read(copy);
        let said = report.description.map(|text| secrets.hidden_in(&sanitized(text.as_bytes())));
        let note = Note {
            id: None,
            description: said.unwrap_or_else(|| last_line(&told.words)),
            asi: secrets.hidden_in_asi(report.asi),
            usage: told.usage(),
            model: told.model.map(|model| secrets.hidden_in(&sanitized(model.as_bytes()))),
        };
        match told.failure {
            None => Ok(Proposal::Edit(note)),
            Some(failure) if failure.kind.is_infrastructure() => {
                Err(ProposeError::Unavailable { agent: self.name.clone(), failure, note: Box::new(note) })
            }
            Some(failure) => Ok(Proposal::Skipped { note, why: failure.to_string() }),
        }
    }
}

impl Secrets {
    fn hidden_in_asi(
        &self,
        asi: serde_json::Map<String, serde_json::Value>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let text = serde_json::Value::Object(asi.clone()).to_string();
        if !self.are_in(text.as_bytes()) {
            return asi;
        }
        // A secret with characters that JSON escapes leaves text that cannot be read back: then nothing is kept.
        serde_json::from_str(&self.hidden_in(&text)).unwrap_or_default()
    }
}

/// What becomes the description where there is no other: the last line that is more than white space.
fn last_line(words: &str) -> String {
    words.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(without a word)").to_owned()
}

/// The environment of an agent: cleared, then an allow-list.
fn passed_on(adapter: &dyn Adapter, more: &[String]) -> BTreeMap<String, String> {
    let names = ALWAYS_PASSED.iter().chain(adapter.reads()).copied().chain(more.iter().map(String::as_str));
    names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
}

/// The version that a program says.
fn version_of(
    program: &str,
    env: &BTreeMap<String, String>,
    interrupt: &Interrupt,
) -> Result<String, MeasureError> {
    let system = |doing: &'static str| move |source| MeasureError::System { doing, source };
    let folder = tempfile::tempdir().map_err(system("make a folder"))?;
    let dir =
        Utf8PathBuf::try_from(folder.path().to_owned()).unwrap_or_else(|_| Utf8Path::new("/").to_owned());
    let invocation = Invocation {
        program: Program::Argv(vec![program.to_owned(), "--version".to_owned()]),
        dir: dir.clone(),
        env: env.clone(),
        timeout: VERSION_TIMEOUT,
        stdout: dir.join("stdout"),
        stderr: dir.join("stderr"),
        stdin: None,
        cpus: None,
        output_limit: 64 << 10,
        disk: None,
        jail: None,
        replayed: None,
    };
    let ended = process::run(&invocation, interrupt)?;
    let said = sanitized(&fs::read(&ended.stdout).unwrap_or_default());
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    match said.split_whitespace().find(is_version).filter(|_| ended.status.is_success()) {
        Some(version) => Ok(version.chars().take(40).collect()),
        None => Err(MeasureError::Harness {
            what: format!("`{program} --version` says no version: {}", ended.describe(&invocation)),
            remedy: "install it anew".to_owned(),
        }),
    }
}
