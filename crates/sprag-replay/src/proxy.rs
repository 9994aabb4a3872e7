//! The proxy: for callers that know nothing of async. It owns its threads; each [`Scope`] has listeners, cursors,
//! counters and a latch of its own.

mod account;
mod connection_limit;
mod listeners;
mod memory;
mod passed;
mod port;
mod scope;
mod tasks;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;
use rustix::thread::{CpuSet, sched_setaffinity};
use sprag_contract::settings::replay::{Pace, Replay};
use tokio::runtime::{Handle, Runtime};

pub use account::Account;
use account::Closed;
pub use listeners::{FORWARD_PROXY, Listeners};
pub(crate) use memory::{FULL, Memory, Reserved};
pub(crate) use passed::Passed;
pub(crate) use port::Port;
pub use scope::Scope;
pub(crate) use scope::{Context, serve_port};
pub(crate) use tasks::Tasks;

use crate::ca::{Authority, CaError, Trust};
use crate::cassette::{Cassette, CassetteError, Recorder, Summary};
use crate::desk::{Desk, Source};
use crate::dial::{DialError, Dialer};
use crate::environment;
use crate::rules::{RuleError, Rules};

/// The most threads that answer.
const THREADS: usize = 2;

/// Where the answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// From the outside; they become the cassette.
    Record,
    /// From the cassette; what it does not hold, from the outside, and is added.
    RecordMissing,
    /// From the cassette, and nowhere else.
    Replay,
    /// From the outside; each is compared with the cassette's.
    Verify,
}

/// The proxy of a run. It must outlive its scopes' use, and [`finish`](Self::finish) comes after them.
pub struct Proxy {
    threads: Threads,
    settings: Replay,
    rules: Arc<Rules>,
    authority: Arc<Authority>,
    answers: Answers,
    passed: Passed,
    closed: Closed,
    /// Of the scopes to come.
    pace: Mutex<Pace>,
}

/// What [`Source`]s are made of.
enum Answers {
    Replay(Arc<Cassette>),
    Record { dialer: Arc<Dialer>, recorder: Arc<Recorder>, known: Option<Arc<Cassette>> },
    Verify { dialer: Arc<Dialer>, cassette: Arc<Cassette> },
}

/// Why there is no proxy, or no scope.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The cassette cannot be read or written.
    #[error(transparent)]
    Cassette(#[from] CassetteError),
    /// The settings' rules.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// The local authority.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The way to the outside.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// Its threads.
    #[error("cannot start the proxy's threads: {0}")]
    Threads(#[source] io::Error),
    /// Its CPUs.
    #[error("cannot keep the proxy to CPUs {cpus:?}: {source}")]
    Cpus {
        /// Which were asked for.
        cpus: Vec<usize>,
        /// Why not.
        source: io::Error,
    },
    /// A listener.
    #[error("cannot listen on loopback: {0}")]
    Listen(#[source] io::Error),
    /// A socket that the settings ask for was not handed over.
    #[error("no socket for {}", if name.is_empty() { "the forward proxy" } else { name.as_str() })]
    Socket {
        /// The port's name; empty for the forward proxy.
        name: String,
    },
    /// A port's upstream. The settings' own diagnostics say it with its place.
    #[error("[[replay.port]] {name}: {what}")]
    Port {
        /// The port's name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// A recording is finished when nothing is recorded any more.
    #[error("the recording cannot be finished: a scope is still open")]
    Open,
}

impl Proxy {
    /// Loads the cassette, or starts one, in a folder that the settings name relative to `root`. Its threads keep to
    /// `cpus`, where given: one thread for each, up to two; without them one, anywhere.
    ///
    /// # Errors
    /// A cassette that cannot be read or made, rules that are none, CPUs that there are not.
    pub fn open(
        settings: &Replay,
        root: &Utf8Path,
        mode: Mode,
        cpus: Option<&[usize]>,
    ) -> Result<Self, ProxyError> {
        let rules = Arc::new(Rules::compile(settings)?);
        let folder = root.join(&settings.cassette);
        let dialer = || -> Result<_, ProxyError> {
            let roots = settings.roots.as_ref().map(|roots| root.join(roots));
            Ok(Arc::new(Dialer::new(roots.as_deref())?))
        };
        let under_rules = |cassette: Cassette| -> Result<_, CassetteError> {
            cassette.check_rules(&rules)?;
            Ok(Arc::new(cassette))
        };
        let cassette = || under_rules(Cassette::open(&folder)?);
        let answers = match mode {
            // What is answered may write into the folder.
            Mode::Replay => Answers::Replay(under_rules(Cassette::open_copy(&folder)?)?),
            Mode::Verify => Answers::Verify { dialer: dialer()?, cassette: cassette()? },
            Mode::Record => {
                let recorder = Recorder::create(&folder, rules.clone(), None)?;
                Answers::Record { dialer: dialer()?, recorder: Arc::new(recorder), known: None }
            }
            Mode::RecordMissing => {
                let known = folder.exists().then(cassette).transpose()?;
                let recorder = Recorder::create(&folder, rules.clone(), known.as_deref())?;
                Answers::Record { dialer: dialer()?, recorder: Arc::new(recorder), known }
            }
        };
        Ok(Self {
            threads: Threads::start(cpus)?,
            settings: settings.clone(),
            pace: Mutex::new(settings.timing),
            rules,
            authority: Arc::new(Authority::new()?),
            answers,
            passed: Passed::default(),
            closed: Closed::default(),
        })
    }

    /// The settings that it was opened with.
    pub fn settings(&self) -> &Replay {
        &self.settings
    }

    /// Scopes that start from now on answer at this pace.
    pub fn set_pace(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
    }

    /// Whether the cassette that is played knows how long answers took.
    pub fn has_timings(&self) -> bool {
        matches!(&self.answers, Answers::Replay(cassette) if cassette.has_timings())
    }

    /// What the application must trust; the files are there as long as the proxy or one of its scopes.
    pub fn trust(&self) -> &Trust {
        self.authority.trust()
    }

    /// What an application must be told whose scope will listen [inside](Listeners::inside) of an empty network: the same
    /// that the scope says once it is there.
    ///
    /// # Errors
    /// An upstream of the settings that is none.
    pub fn env_inside(&self) -> Result<BTreeMap<String, String>, ProxyError> {
        let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let inside = Listeners::inside(&self.settings);
        let mut env = BTreeMap::new();
        for (name, number) in inside {
            match self.settings.port.iter().find(|port| port.name == name) {
                None => env.extend(environment::child_environment(at(number), self.trust())),
                Some(port) => env.extend(environment::of_port(&Port::of(port)?, at(number))),
            }
        }
        Ok(env)
    }

    /// Starts a scope at its own listeners.
    ///
    /// # Errors
    /// A socket that is missing or cannot be used.
    pub fn scope(&self, listeners: Listeners) -> Result<Scope, ProxyError> {
        let source = match &self.answers {
            Answers::Replay(cassette) => Source::Replay(cassette.clone()),
            Answers::Verify { dialer, cassette } => {
                Source::Verify { dialer: dialer.clone(), cassette: cassette.clone() }
            }
            Answers::Record { dialer, recorder, known } => {
                Source::Record { dialer: dialer.clone(), recorder: recorder.clone(), known: known.clone() }
            }
        };
        let parts = scope::Parts {
            desk: Desk::new(
                self.rules.clone(),
                source,
                *self.pace.lock().unwrap_or_else(PoisonError::into_inner),
            ),
            authority: self.authority.clone(),
            passed: self.passed.clone(),
            closed: self.closed.clone(),
            runtime: self.threads.handle(),
        };
        Scope::start(parts, &self.settings, listeners)
    }

    /// What came of the scopes that were closed, together.
    ///
    /// # Errors
    /// The cassette cannot be read any more.
    pub fn account(&self) -> Result<Account, ProxyError> {
        let cassette = match &self.answers {
            Answers::Replay(cassette) | Answers::Verify { cassette, .. } => Some(cassette),
            Answers::Record { known, .. } => known.as_ref(),
        };
        Ok(self.closed.account(cassette.map(Arc::as_ref))?)
    }

    /// How often something was let through by `[[replay.pass]]`, unrecorded, by host.
    pub fn passed(&self) -> BTreeMap<String, u64> {
        self.passed.hosts()
    }

    /// Writes a recording; `None` in the modes that write nothing.
    ///
    /// # Errors
    /// A scope that is still open, or a disk that is full.
    pub fn finish(self) -> Result<Option<Summary>, ProxyError> {
        match self.answers {
            Answers::Record { recorder, .. } => {
                let recorder = Arc::into_inner(recorder).ok_or(ProxyError::Open)?;
                Ok(Some(recorder.finish()?))
            }
            _ => Ok(None),
        }
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("cassette", &self.settings.cassette).finish_non_exhaustive()
    }
}

/// The runtime. Dropped, it waits for nobody: scopes have ended their tasks.
struct Threads(Option<Runtime>);

impl Threads {
    fn handle(&self) -> Handle {
        self.0.as_ref().expect("it is taken when dropped").handle().clone()
    }

    fn start(cpus: Option<&[usize]>) -> Result<Self, ProxyError> {
        let allowed = cpus.map(|cpus| {
            let mut set = CpuSet::new();
            cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU).for_each(|cpu| set.set(*cpu));
            set
        });
        if let Some((set, cpus)) = allowed.zip(cpus) {
            // Tried on a thread that ends, so that the error is not one of a thread nobody waits for.
            let tried = std::thread::spawn(move || sched_setaffinity(None, &set)).join();
            let tried = tried.unwrap_or(Err(rustix::io::Errno::INVAL));
            tried.map_err(|error| ProxyError::Cpus { cpus: cpus.to_vec(), source: error.into() })?;
        }
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime
            .worker_threads(cpus.map_or(1, <[usize]>::len).clamp(1, THREADS))
            .thread_name("sprag-replay")
            .enable_all();
        if let Some(set) = allowed {
            runtime.on_thread_start(move || {
                // It worked a moment ago; should a CPU have gone since, the thread runs anywhere.
                let _ = sched_setaffinity(None, &set);
            });
        }
        let runtime = runtime.build().map_err(ProxyError::Threads)?;
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A plain drop would panic on a thread of another runtime.
            runtime.shutdown_background();
        }
    }
}
