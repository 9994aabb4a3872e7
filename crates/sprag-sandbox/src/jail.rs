//! Sprag's side of a jail: describe it, spawn its launcher, take its listeners, let the program go.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Pid;

use crate::channel::{Channel, LONGEST, Listening};
use crate::plan::{Address, MOST_LISTENERS, Plan, Refusal, Wall, Word};
use crate::{Backend, Caller, Cgroup, Confinement, CpuClock, Layer, Report, Step, Tier, bubblewrap};

/// Why a jail could not be built, or its program not be started. Never the fault of the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JailError {
    /// The launcher was refused something. [`Lack::of`](crate::Lack::of) says what this machine lacks.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something went wrong between Sprag and its launcher.
    #[error("failed to {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The launcher ended, or said something that it should not.
    #[error("the launcher of the jail {what}; is it the same version of sprag?")]
    Launcher {
        /// What it did.
        what: String,
    },
    /// It stands, and holds less than the self-test did.
    #[error("a sandbox holds less than when it was tried: {layer} ({})", layer.lost())]
    Weaker {
        /// What does not hold any more.
        layer: Layer,
    },
    /// More listeners than one jail can have.
    #[error("a jail has at most {MOST_LISTENERS} listeners, and {count} were asked for")]
    TooManyListeners {
        /// How many.
        count: usize,
    },
}

impl JailError {
    fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { doing, source: source.into() }
    }

    fn launcher(what: impl Into<String>) -> Self {
        Self::Launcher { what: what.into() }
    }
}

/// A description of what a program finds around itself: an empty network, these listeners in it, and whatever else it is
/// confined to. One description serves any number of programs; each gets a network, and all else, of its own.
#[derive(Debug, Clone)]
pub struct Jail {
    launcher: Vec<OsString>,
    listeners: Vec<(String, u16)>,
    call: bool,
    open_network: bool,
    confinement: Option<Confinement>,
    least: Option<Report>,
    backend: Backend,
}

impl Jail {
    /// An empty network. `launcher` is the command that calls [`launch`](crate::launch) with the arguments that follow
    /// it, such as `["/usr/bin/sprag", "__jail"]`.
    pub fn new<S: Into<OsString>>(launcher: impl IntoIterator<Item = S>) -> Self {
        let launcher = launcher.into_iter().map(Into::into).collect();
        Self {
            launcher,
            listeners: Vec::new(),
            call: false,
            open_network: false,
            confinement: None,
            least: None,
            backend: Backend::Own,
        }
    }

    /// The network is that of the machine, and so are the ports of the listeners.
    #[must_use]
    pub fn open_network(self) -> Self {
        Self { open_network: true, ..self }
    }

    /// Whether the network is that of the machine.
    pub fn is_open(&self) -> bool {
        self.open_network
    }

    /// The program is held by more than its network. With [`Tier::Enforced`] the spawned process
    /// starts another one, which becomes the program, and ends as that one does.
    #[must_use]
    pub fn confine(self, confinement: Confinement) -> Self {
        Self { confinement: Some(confinement), ..self }
    }

    /// It is made by the backend that was found. Where it would hold less than was found, the program is not started: see
    /// [`JailError::Weaker`].
    #[must_use]
    pub fn no_weaker_than(self, found: &Report) -> Self {
        Self { least: Some(found.clone()), ..self }.by(found.backend)
    }

    /// Its namespaces are made by this backend, or it is refused. [`Jail::no_weaker_than`] says it, too.
    #[must_use]
    pub fn by(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// Adds a listener on 127.0.0.1 inside. In a network of its own every port is free, those below 1024 too, so the
    /// port can be told to the program beforehand; with 0 the kernel picks one.
    #[must_use]
    pub fn listen(mut self, name: impl Into<String>, port: u16) -> Self {
        self.listeners.push((name.into(), port));
        self
    }

    /// Sprag will connect to what the program listens on: see [`Ready::take_caller`].
    #[must_use]
    pub fn call(self) -> Self {
        Self { call: true, ..self }
    }

    /// A weaker tier has no namespaces that anybody would have to make.
    fn is_by_bubblewrap(&self) -> bool {
        let enforced = self.confinement.as_ref().is_some_and(|it| it.tier == Tier::Enforced);
        enforced && self.backend == Backend::Bubblewrap
    }

    /// The command to spawn instead of `argv`, once, and the door through which its listeners come.
    ///
    /// Working directory, environment, streams, process group and CPUs of the spawned process are those of the program.
    ///
    /// # Errors
    /// [`JailError`] where there are too many listeners or no more descriptors, or bubblewrap is not installed.
    pub fn prepare<S: AsRef<OsStr>>(&self, argv: &[S]) -> Result<(Vec<OsString>, Door), JailError> {
        if self.listeners.len() > MOST_LISTENERS {
            return Err(JailError::TooManyListeners { count: self.listeners.len() });
        }
        let listening = Listening::open().map_err(JailError::system("wait for a launcher"))?;
        let plan = Plan {
            listen: self.listeners.iter().map(|(_, port)| *port).collect(),
            call: self.call,
            open_network: self.open_network,
            confinement: self.confinement.clone(),
            bubblewrap: if self.is_by_bubblewrap() { Some(bubblewrap::find()?) } else { None },
        };
        let text = |written: serde_json::Result<String>| written.map_err(JailError::system("write a plan"));
        if text(serde_json::to_string(&plan))?.len() > LONGEST - 1000 {
            return Err(JailError::system("tell a launcher so many paths")(Errno::MSGSIZE));
        }
        let address = text(serde_json::to_string(&Address::Door(listening.name.clone())))?;
        let mut command = self.launcher.clone();
        command.push(address.into());
        command.extend(argv.iter().map(|arg| arg.as_ref().to_owned()));
        let names = self.listeners.iter().map(|(name, _)| name.clone()).collect();
        Ok((command, Door { listening, names, plan, least: self.least.clone() }))
    }
}

/// Where Sprag waits for one launcher.
#[derive(Debug)]
pub struct Door {
    listening: Listening,
    names: Vec<String>,
    plan: Plan,
    least: Option<Report>,
}

impl Door {
    /// Waits at most `patience` until the launcher has built the jail. `child` is the process that was spawned from
    /// the prepared command; it has not been waited for.
    ///
    /// # Errors
    /// [`JailError::Refused`] where the system does not allow the jail. The child ends by itself then, but for one that
    /// is too late or out of order: end it.
    pub fn open(self, child: &Child, patience: Duration) -> Result<Ready, JailError> {
        let deadline = Instant::now() + patience;
        // Before the channel: it is dropped after it, when a launcher that nobody needs has ended.
        let (group, unlimited) = match &self.plan.confinement {
            Some(confinement) => Cgroup::around(Pid::from_child(child), &confinement.limits),
            None => Default::default(),
        };
        let channel = (self.listening.accept(Pid::from_child(child), deadline))
            .map_err(JailError::system("hear from the launcher of a jail"))?
            .ok_or_else(|| JailError::launcher("ended before it said anything"))?;
        let (call, open_network) = (self.plan.call, self.plan.open_network);
        let told = channel.send(&Word::Build(self.plan), &[]);
        told.map_err(JailError::system("tell the launcher of a jail what to build"))?;
        let (wall, clock, mut lost, mut sockets) = match next_word(&channel, deadline)? {
            Some((Word::Ready { wall, clock, lost }, sockets)) => (wall, clock, lost, sockets),
            Some((Word::Refused(refusal), _)) => return Err(refusal.into()),
            Some((word, _)) => return Err(JailError::launcher(format!("said {word:?}"))),
            None => return Err(JailError::launcher("ended while it built the jail")),
        };
        let clock = if clock { sockets.pop().map(CpuClock::of_event) } else { group.clock() };
        lost.retain(|refusal| match refusal.step {
            Step::Clock => clock.is_none(),
            Step::Processes => !group.limits_processes(),
            _ => true,
        });
        lost.extend(unlimited);
        if let Some(layer) = self.least.and_then(|least| least.loses(wall, open_network, &lost)) {
            return Err(JailError::Weaker { layer });
        }
        let callers = if call { 1..=2 } else { 0..=0 };
        if !sockets.len().checked_sub(self.names.len()).is_some_and(|more| callers.contains(&more)) {
            return Err(JailError::launcher(format!("handed out {} sockets", sockets.len())));
        }
        let callers = sockets.split_off(self.names.len());
        let listeners = sockets.into_iter().map(TcpListener::from);
        Ok(Ready {
            channel,
            wall,
            lost,
            listeners: self.names.into_iter().zip(listeners).collect(),
            caller: call.then(|| Caller::new(callers)),
            clock,
            patience,
            group,
        })
    }
}

/// A jail that stands, with a launcher inside that waits. Dropped, the launcher ends without having started anything.
#[derive(Debug)]
pub struct Ready {
    channel: Channel,
    wall: Wall,
    lost: Vec<Refusal>,
    listeners: Vec<(String, TcpListener)>,
    caller: Option<Caller>,
    clock: Option<CpuClock>,
    patience: Duration,
    /// The last one: the launcher ends when the channel is closed.
    group: Cgroup,
}

impl Ready {
    /// Whom its network holds.
    pub fn wall(&self) -> Wall {
        self.wall
    }

    /// What the system refused and the jail stands without: the clock, Landlock where namespaces hold the program, and
    /// the limits of processes and of memory.
    pub fn lost(&self) -> &[Refusal] {
        &self.lost
    }

    /// The listeners, by name, in the order in which they were asked for. They listen already: what connects before
    /// somebody accepts has to wait, and is not refused. A second call gives none.
    pub fn take_listeners(&mut self) -> Vec<(String, TcpListener)> {
        std::mem::take(&mut self.listeners)
    }

    /// The way to what the program listens on, where [`Jail::call`] asked for it. A second call gives none.
    pub fn take_caller(&mut self) -> Option<Caller> {
        self.caller.take()
    }

    /// The program's CPU time, where it is confined and this machine can count it. A second call gives none.
    pub fn take_clock(&mut self) -> Option<CpuClock> {
        self.clock.take()
    }

    /// Lets the launcher become the program, and comes back once it has. A clock that starts just before measures the
    /// program without the building of its jail. All that runs in the jail runs in the group, and no longer than that is
    /// held.
    ///
    /// # Errors
    /// [`JailError::Refused`] with [`Step::Program`] where the program can't be executed.
    pub fn go(self) -> Result<Cgroup, JailError> {
        let gone = JailError::system("let a jailed program start");
        self.channel.send(&Word::Go, &[]).map_err(gone)?;
        match next_word(&self.channel, Instant::now() + self.patience)? {
            // The exec closed its end.
            None => Ok(self.group),
            Some((Word::Refused(refusal), _)) => Err(refusal.into()),
            Some((word, _)) => Err(JailError::launcher(format!("said {word:?} when it should start"))),
        }
    }
}

fn next_word(channel: &Channel, deadline: Instant) -> Result<Option<(Word, Vec<OwnedFd>)>, JailError> {
    channel.receive_by(deadline).map_err(JailError::system("hear from the launcher of a jail"))
}
