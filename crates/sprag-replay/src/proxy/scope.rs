//! A scope: its own listeners, cursors, counters and latch.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sprag_contract::settings::replay::{Replay, Scheme, Upstream};
use tokio::net::{TcpListener, TcpStream};

use super::account::Closed;
use super::connection_limit::ConnectionLimit;
use super::listeners::{FORWARD_PROXY, Listeners};
use super::{Memory, Passed, Port, ProxyError, Tasks};
use crate::ca::{Authority, Trust};
use crate::cassette::CassetteError;
use crate::counts::{Changed, Counts};
use crate::desk::{Connection, Desk};
use crate::trouble::{Difference, Trouble};
use crate::{environment, http};

/// How long to wait when the system gives no more connections.
const BREATH: Duration = Duration::from_millis(10);

/// One scope of a run. Each side of a pair and each repetition has its own. Dropped, it is closed: its listeners,
/// connections and tasks are gone when the drop returns, and what came of it is in the proxy's
/// [account](crate::Proxy::account).
pub struct Scope {
    context: Arc<Context>,
    closed: Closed,
    env: BTreeMap<String, String>,
    tasks: Tasks,
    runtime: tokio::runtime::Handle,
}

/// What the connections of a scope have in common.
pub(crate) struct Context {
    pub(crate) desk: Desk,
    pub(crate) authority: Arc<Authority>,
    pub(crate) memory: Memory,
    pub(crate) tasks: Tasks,
    pub(crate) passed: Passed,
    /// The settings' ports, by where they listen.
    ports: Vec<(SocketAddr, Arc<Port>)>,
}

/// What a scope is made of, besides its listeners.
pub(super) struct Parts {
    pub(super) desk: Desk,
    pub(super) authority: Arc<Authority>,
    pub(super) passed: Passed,
    pub(super) closed: Closed,
    pub(super) runtime: tokio::runtime::Handle,
}

impl Scope {
    pub(super) fn start(
        parts: Parts,
        settings: &Replay,
        mut listeners: Listeners,
    ) -> Result<Self, ProxyError> {
        let Parts { desk, authority, passed, closed, runtime } = parts;
        let (forward, at) = listeners.take(FORWARD_PROXY)?;
        let mut env = environment::child_environment(at, authority.trust());
        let mut sockets = Vec::new();
        let mut ports = Vec::new();
        for port in &settings.port {
            let (socket, at) = listeners.take(&port.name)?;
            let port = Arc::new(Port::of(port)?);
            env.extend(environment::of_port(&port, at));
            ports.push((at, port.clone()));
            sockets.push((socket, Some(port)));
        }
        sockets.push((forward, None));
        let tasks = Tasks::new(runtime.clone()).map_err(ProxyError::Listen)?;
        let context = Arc::new(Context {
            desk,
            authority,
            memory: Memory::default(),
            tasks: tasks.clone(),
            passed,
            ports,
        });
        let inside = runtime.enter();
        let limit = ConnectionLimit::new();
        for (socket, port) in sockets {
            let listener = TcpListener::from_std(socket).map_err(ProxyError::Listen)?;
            tasks.spawn(accept(listener, port, context.clone(), limit.clone()));
        }
        drop(inside);
        Ok(Self { context, closed, env, tasks, runtime })
    }

    /// What the application must be told.
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.clone()
    }

    /// The files that the environment names.
    pub fn trust(&self) -> &Trust {
        self.context.authority.trust()
    }

    /// From now on requests belong to this case; `""` is no case.
    pub fn enter(&self, case: &str) {
        self.context.desk.enter(case);
    }

    /// Counting starts anew: what came before was warm-up. Troubles stay.
    pub fn start_counting(&self) {
        self.context.desk.start_counting();
    }

    /// Waits until what the application has asked for by now is done, counted and taken down; at most 100 ms.
    pub fn settle(&self) {
        self.tasks.settle();
    }

    /// [Settles](Self::settle). Then nothing is done for the application until it is [thawed](Self::thaw): no connection
    /// is accepted, and nothing is read or answered. All scopes share the proxy's threads: who leaves work to them at the
    /// moment of being stopped would take them from those who are timed meanwhile.
    pub fn freeze(&self) {
        self.tasks.freeze();
    }

    /// It goes on where it stood.
    pub fn thaw(&self) {
        self.tasks.thaw();
    }

    /// What was counted since.
    pub fn counts(&self) -> Counts {
        self.context.desk.counts()
    }

    /// What made the scope invalid, in order; empty where nothing did.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.context.desk.troubles()
    }

    /// Which requests were made more often than they were recorded, or less, since counting began.
    ///
    /// # Errors
    /// The cassette cannot be read any more.
    pub fn changed(&self) -> Result<Changed, CassetteError> {
        self.context.desk.changed()
    }

    /// Where the outside answered otherwise than the cassette; only while verifying.
    pub fn differences(&self) -> Vec<Difference> {
        self.context.desk.differences()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // Before the tasks are ended: what is cut off then is not the application's doing.
        self.closed.add(&self.context.desk);
        // Not `block_on`: the caller may be a thread of another runtime.
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        let tasks = self.tasks.clone();
        self.runtime.spawn(async move {
            tasks.end().await;
            let _ = done.send(());
        });
        // An error means that the runtime is gone, and its tasks with it.
        let _ = wait.recv();
    }
}

impl Context {
    /// The port of the settings that listens at an address of this machine. Clients that send everything to the forward
    /// proxy send it there, too, what is meant for the others.
    pub(crate) fn port_at(&self, upstream: &Upstream) -> Option<&Arc<Port>> {
        let here = |(at, _): &&(SocketAddr, _)| at.port() == upstream.port;
        upstream.is_loopback().then(|| self.ports.iter().find(here)).flatten().map(|(_, port)| port)
    }

    /// Makes the scope invalid: something is not let through.
    pub(crate) fn deny(&self, upstream: impl Into<String>, what: impl Into<String>) -> Trouble {
        let trouble = Trouble::Denied { upstream: upstream.into(), what: what.into() };
        self.desk.latch(trouble.clone());
        trouble
    }
}

/// The application's own connections are limited to what this process may open: more is not its doing.
fn not_accepted(error: &io::Error) -> Trouble {
    let what = format!(
        "the proxy could not accept a connection: {error}; let this process open more files, or end what else has many open"
    );
    Trouble::Host { what }
}

async fn accept(
    listener: TcpListener,
    port: Option<Arc<Port>>,
    context: Arc<Context>,
    limit: ConnectionLimit,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The application gave up before it was its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                context.desk.latch(not_accepted(&error));
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Some(place) = limit.take() else {
            context.deny("", format!("more than {} connections at once", limit.most));
            continue;
        };
        // Here, where they are in order.
        let connection = context.desk.connect(port.as_ref().map_or(FORWARD_PROXY, |port| &port.name));
        let (context, port) = (context.clone(), port.clone());
        let tasks = context.tasks.clone();
        tasks.spawn(async move {
            let _place = place;
            // Answers are small and waited for.
            let _ = stream.set_nodelay(true);
            match port {
                Some(port) => serve_port(stream, connection, &port, context).await,
                None => http::serve_proxy(stream, connection, context).await,
            }
        });
    }
}

/// Serves a connection that stands for one to an upstream.
pub(crate) async fn serve_port(
    stream: TcpStream,
    connection: Connection,
    port: &Port,
    context: Arc<Context>,
) {
    match port.upstream.scheme {
        Scheme::Http | Scheme::Https => http::serve_port(stream, connection, port, context).await,
        Scheme::Postgres => crate::postgres::serve(stream, connection, port, &context.memory).await,
        Scheme::Redis => crate::redis::serve(stream, connection, port, &context.memory).await,
        Scheme::Tcp => crate::tcp::serve(stream, connection, port, &context.memory).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_gives_no_more_connections_is_not_held_against_the_application() {
        // EMFILE
        let trouble = not_accepted(&io::Error::from_raw_os_error(24));
        assert!(!trouble.is_the_applications());
        assert!(trouble.to_string().contains("open more files"), "{trouble}");
    }
}
