//! A coding agent as proposer: one process a try, in a copy of the incumbent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};
use sprag_contract::settings::Agent as Settings;
use sprag_measure::process::{self, Invocation, Program, sanitized};
use sprag_measure::{AgentSandbox, Interrupt, Jail, MeasureError};

use crate::adapter::{self, Adapter, Call};
use crate::builtin;
use crate::home::{self, Home};
use crate::leak;
use crate::listener::Secrets;
use crate::login::Login;
use crate::report::Report;
use crate::runner::{self, Errand};
use crate::told::Told;
use crate::{Asked, Blobs, Cut, Failure, GoesOn, Note, Proposal, ProposeError, Proposer, Tells, Usage};

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
    /// Why it does not start in the sandbox, where it starts outside of it.
    pub shut_out: Option<String>,
    /// What installs it.
    pub remedy: &'static str,
}

/// Looks for every agent that Sprag knows, and asks each for its version, in the sandbox too where there is one.
pub fn known(sandbox: Option<&AgentSandbox>) -> Vec<Known> {
    let look = |adapter: Box<dyn Adapter>| {
        let (program, remedy) = adapter.program()?;
        let ask = |sandbox| version_of(&*adapter, program, &[], sandbox, &Interrupt::new());
        let version = ask(None).ok();
        let shut_out = version.as_ref().and(sandbox).and_then(|_| ask(sandbox).err());
        let shut_out = shut_out.map(|error| error.to_string());
        Some(Known { name: adapter.name(), version, shut_out, remedy })
    };
    adapter::all().into_iter().filter_map(look).collect()
}

/// What came of one question.
#[derive(Debug)]
pub struct Answer {
    /// The agent and its version.
    pub agent: String,
    /// Its last words. Data from outside.
    pub words: String,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// What the question cost.
    pub usage: Usage,
}

/// A folder for a call that changes nothing.
struct Place {
    copy: Utf8PathBuf,
    out: Utf8PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Result<Self, MeasureError> {
        let system = |source| MeasureError::System { doing: "make a folder", source };
        let folder = tempfile::tempdir().map_err(system)?;
        let path = folder.path().canonicalize().map_err(system)?;
        let path = Utf8PathBuf::try_from(path).map_err(|error| system(error.into_io_error()))?;
        let (copy, out) = (path.join("copy"), path.join("out"));
        for folder in [&copy, &out] {
            fs::create_dir(folder).map_err(system)?;
        }
        Ok(Self { copy, out, _folder: folder })
    }
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
        let name = match adapter.program() {
            None => adapter.name().to_owned(),
            Some((program, remedy)) => {
                let version =
                    version_of(&*adapter, program, &settings.env, None, interrupt).map_err(|error| {
                        match error {
                            MeasureError::Interrupted => ProposeError::Process(error),
                            other => ProposeError::NotInstalled { program, why: other.to_string(), remedy },
                        }
                    })?;
                format!("{} {version}", adapter.name())
            }
        };
        Ok(Self { adapter, name, settings: settings.clone(), timeout, interrupt: interrupt.clone() })
    }

    fn passed_on(&self) -> BTreeMap<String, String> {
        passed_on(&*self.adapter, &self.settings.env)
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

    fn agents(&self) -> usize {
        1
    }

    fn forget(&mut self, copy: &Utf8Path) {
        home::clear(&home_of(copy));
    }

    fn pick_up(&mut self, out: &Utf8Path, copy: &Utf8Path, counted: &Usage) -> Result<Cut, ProposeError> {
        let secrets = secrets(&*self.adapter, &self.settings, &self.passed_on());
        let counts_later = self.adapter.sums_conversations();
        let Some(told) = runner::told_in(&*self.adapter, out, &secrets)? else {
            // Where it was never called it cost nothing; else nobody knows.
            let usage = if out.exists() { Usage::default() } else { Usage::FREE };
            return Ok(Cut { note: Note { usage, ..Note::default() }, ..Cut::default() });
        };
        let is_over =
            told.is_over && told.failure.is_none() && matches!(leak::find(copy, &secrets), Ok(None));
        let usage = if is_over { told.usage() } else { told.usage_so_far() };
        let sums = told.conversation.is_some() && self.adapter.sums_conversations();
        let usage = if sums { usage.without(counted) } else { usage };
        Ok(Cut { is_over, note: note(copy, &told, usage, &secrets), counts_later })
    }

    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError> {
        let Called { told, secrets, refused } = self.call(asked, &message_of(asked))?;
        let mut usage = told.usage();
        let conversation = asked.goes_on.filter(|on| on.conversation.is_some());
        if let Some(goes_on) = conversation.filter(|_| self.adapter.sums_conversations()) {
            usage = usage.without(goes_on.counted);
        }
        let mut note = note(asked.copy, &told, usage, &secrets);
        if !refused.is_empty() {
            let paths: Vec<&str> = refused.iter().map(|path| path.as_str()).collect();
            note.asi.insert("not_taken_back".to_owned(), paths.into());
        }
        match told.failure {
            None => Ok(match leak::find(asked.copy, &secrets) {
                Ok(None) => Proposal::Edit(note),
                Ok(Some((name, path))) => Proposal::Skipped {
                    note,
                    why: format!("the change holds the value of {name}, in {path}"),
                },
                Err(error) => {
                    Proposal::Skipped { note, why: format!("the change can't be searched for keys: {error}") }
                }
            }),
            Some(failure) if failure.kind.is_infrastructure() => {
                Err(ProposeError::Unavailable { agent: self.name.clone(), failure, note: Box::new(note) })
            }
            Some(failure) => Ok(Proposal::Skipped { note, why: failure.to_string() }),
        }
    }
}

/// What it is told: all, or only what is new in a conversation.
fn message_of<'a>(asked: &Asked<'a>) -> Cow<'a, str> {
    match asked.goes_on {
        None => asked.brief.into(),
        Some(GoesOn { conversation: Some(_), message, .. }) => message.into(),
        Some(GoesOn { conversation: None, message, .. }) => format!("{}\n{message}", asked.brief).into(),
    }
}

/// What is handed over beside the copy.
fn note(copy: &Utf8Path, told: &Told, usage: Usage, secrets: &Secrets) -> Note {
    let report = Report::read(copy);
    let said = report.description.map(|text| secrets.hidden_in(&sanitized(text.as_bytes())));
    Note {
        id: None,
        description: said.unwrap_or_else(|| last_line(&told.words)),
        asi: match secrets.hidden_in_json(report.asi.into()) {
            Value::Object(asi) => asi,
            _ => Map::new(),
        },
        usage,
        conversation: told.conversation.clone().filter(|name| !secrets.are_in(name.as_bytes())),
        model: told.model.as_ref().map(|model| secrets.hidden_in(&sanitized(model.as_bytes()))),
    }
}

/// Nobody who is asked for a word needs a blob.
struct NoBlobs;

impl Blobs for NoBlobs {
    fn blob(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// What became of one call.
struct Called {
    told: Told,
    secrets: Secrets,
    /// Logins that it changed otherwise than by renewing them.
    refused: Vec<Utf8PathBuf>,
}

impl Agent {
    /// Asks it for one word, in a folder of no meaning.
    pub(crate) fn ask(self, sandbox: Option<&AgentSandbox>) -> Result<Answer, ProposeError> {
        let place = Place::new()?;
        let question = "Answer with one word: ready. Read nothing, change nothing, and call no tools.\n";
        let asked = Asked {
            brief: question,
            goes_on: None,
            copy: &place.copy,
            out: &place.out,
            sandbox,
            blobs: &NoBlobs,
            usd_left: None,
        };
        let Called { told, .. } = self.call(&asked, question)?;
        let usage = told.usage();
        Ok(Answer { agent: self.name, words: last_line(&told.words), failure: told.failure, usage })
    }

    /// Calls it once, in the copy and in the sandbox. What it printed goes into the folder `out`.
    fn call(&self, asked: &Asked<'_>, brief: &str) -> Result<Called, ProposeError> {
        let Asked { copy, out, sandbox, usd_left, goes_on, .. } = *asked;
        let brief_file = out.join("brief.md");
        fs::create_dir_all(out).and_then(|()| fs::write(&brief_file, brief)).map_err(|source| {
            ProposeError::Process(MeasureError::File { doing: "write", path: brief_file.clone(), source })
        })?;
        let mut env = self.passed_on();
        env.extend(self.adapter.sets().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        // By this what a Sprag that was killed left running is found, too.
        env.insert("PWD".to_owned(), copy.to_string());
        // A shell that goes elsewhere has another PWD.
        env.insert("SPRAG_COPY".to_owned(), copy.to_string());
        let secrets = secrets(&*self.adapter, &self.settings, &env);
        let held = sandbox.map(|sandbox| {
            hold(
                &*self.adapter,
                sandbox,
                copy,
                std::slice::from_ref(&brief_file),
                &mut env,
                goes_on.is_some(),
            )
        });
        let (home, jail): (Option<Home>, _) = held.transpose()?.unzip();
        let lent = home.iter().flat_map(|home: &Home| &home.logins);
        let secrets = secrets.with(lent.flat_map(Login::secrets));
        let call = Call {
            model: self.settings.model.as_deref(),
            args: &self.settings.args,
            env: &env,
            is_held: sandbox.is_some(),
            copy,
            conversation: goes_on.and_then(|goes_on| goes_on.conversation),
            brief,
            brief_file: &brief_file,
            usd_left,
        };
        let program = self.adapter.call(&call);
        let errand = Errand {
            program,
            copy,
            env,
            secrets: secrets.clone(),
            timeout: self.timeout,
            brief: &brief_file,
            out,
            jail,
            fills: home.as_ref().map(|home: &Home| home.dir().to_owned()),
        };
        let told = errand.run(&*self.adapter, &self.interrupt);
        let refused = home.map(Home::end).unwrap_or_default();
        Ok(Called { told: told?, secrets, refused })
    }
}

/// Where the home of a turn in a copy is.
fn home_of(copy: &Utf8Path) -> Utf8PathBuf {
    format!("{copy}-home").into()
}

/// Makes the home that an agent finds, and the jail around both it and the copy. `read` is there inside besides.
fn hold(
    adapter: &dyn Adapter,
    sandbox: &AgentSandbox,
    copy: &Utf8Path,
    read: &[Utf8PathBuf],
    env: &mut BTreeMap<String, String>,
    goes_on: bool,
) -> Result<(Home, Jail), MeasureError> {
    let home = Home::make(&home_of(copy), adapter.keeps(), sandbox, env, goes_on)?;
    env.extend(sandbox.variables());
    let read = [&home.read[..], read].concat();
    let write = [&home.write[..], &[copy.to_owned()]].concat();
    let jail = sandbox.jail(adapter.program().map(|(program, _)| program), &read, &write);
    Ok((home, jail))
}

/// The values in an agent's environment that nobody must read.
fn secrets(adapter: &dyn Adapter, settings: &Settings, env: &BTreeMap<String, String>) -> Secrets {
    let known = adapter.reads().iter().chain(ALWAYS_PASSED).copied().filter(|name| is_secret(name));
    Secrets::of(env, settings.env.iter().map(String::as_str).chain(known))
}

/// The keys in Sprag's own environment, for a change that somebody else hands in.
#[derive(Debug)]
pub struct Keys(Secrets);

impl Keys {
    /// Of all agents that Sprag knows, and those whose variables `more` names.
    pub fn of_environment(more: &[String]) -> Self {
        let adapters = adapter::all();
        let reads =
            adapters.iter().flat_map(|adapter| adapter.reads()).chain(builtin::KEYS).chain(ALWAYS_PASSED);
        let names: Vec<&str> = reads.copied().filter(|name| is_secret(name)).collect();
        let names = names.into_iter().chain(more.iter().map(String::as_str));
        let set = names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        Self(Secrets::default().with(set))
    }

    /// The first of them that a file of the copy holds, and which.
    ///
    /// # Errors
    /// The copy cannot be read. Then nobody knows.
    pub fn found_in(&self, copy: &Utf8Path) -> io::Result<Option<(String, Utf8PathBuf)>> {
        leak::find(copy, &self.0)
    }

    /// What somebody says, with names in the place of keys.
    #[must_use]
    pub fn hidden_in(&self, note: Note) -> Note {
        let asi = match self.0.hidden_in_json(note.asi.into()) {
            Value::Object(asi) => asi,
            _ => Map::new(),
        };
        Note { description: self.0.hidden_in(&note.description), asi, ..note }
    }
}

/// Whether nobody must read what a variable holds, by its name.
fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    name != "NO_PROXY" && SECRET_NAMES.iter().any(|part| name.contains(part))
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

/// The version that a program says, in the sandbox where there is one.
fn version_of(
    adapter: &dyn Adapter,
    program: &str,
    more: &[String],
    sandbox: Option<&AgentSandbox>,
    interrupt: &Interrupt,
) -> Result<String, MeasureError> {
    let Place { copy, out, _folder } = Place::new()?;
    let mut env = passed_on(adapter, more);
    let held = sandbox.map(|sandbox| hold(adapter, sandbox, &copy, &[], &mut env, false));
    let (home, jail) = held.transpose()?.unzip();
    let invocation = Invocation {
        program: Program::Argv(vec![program.to_owned(), "--version".to_owned()]),
        dir: copy,
        env,
        timeout: VERSION_TIMEOUT,
        stdout: out.join("stdout"),
        stderr: out.join("stderr"),
        stdin: None,
        cpus: None,
        output_limit: 64 << 10,
        disk: None,
        jail,
        replayed: None,
    };
    let ended = process::run(&invocation, interrupt);
    home.map(Home::end);
    let ended = ended?;
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
