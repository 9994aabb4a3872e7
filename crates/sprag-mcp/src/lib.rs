//! Serves a session to somebody who sits in an agent of their own, over the Model Context Protocol.
//!
//! A worker thread holds the session and measures, blocking as ever; the servers are asynchronous, and only pass requests
//! to it. What stands between the two is the desk (`desk.rs`).

#![forbid(unsafe_code)]

mod answer;
mod desk;
mod http;
mod place;
mod server;
mod stdio;
mod token;
mod tools;
mod worker;

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sprag_measure::Interrupt;

pub use http::Http;
pub use place::Place;
pub use stdio::serve_stdio;
pub use token::{TOKEN, Token};

use crate::server::Server;

/// No request is larger, in bytes.
const MAX_REQUEST: usize = 1 << 20;
/// How often it is looked whether the process is asked to end.
const LOOK: Duration = Duration::from_millis(100);

/// What keeps a server from serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}\n  another address is chosen with --http, and with port 0 a free port"
    )]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Other machines could reach it.
    #[error(
        "{address} can be reached from other machines, and nothing is encrypted: listen on 127.0.0.1, or say --beyond-loopback"
    )]
    BeyondLoopback {
        /// The address.
        address: std::net::SocketAddr,
    },
    /// The token in the environment is none.
    #[error("{TOKEN} must have at least {} characters, all of them visible ASCII", token::SHORTEST)]
    WeakToken,
    /// The client did not keep to the protocol when it introduced itself.
    #[error("the client did not begin as the protocol says: {0}")]
    Handshake(String),
    /// The system gave no threads or no files.
    #[error("failed to start the server: {0}")]
    Start(#[from] io::Error),
}

/// A server with its worker, for as long as a transport serves it.
struct Served {
    server: Server,
    worker: JoinHandle<()>,
    runtime: tokio::runtime::Runtime,
}

impl Served {
    fn start(place: Place) -> io::Result<Self> {
        // Two threads: one that waits for the clients, and one more while a request is written down.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (server, worker) = server::open(place);
        let worker = thread::Builder::new().name("mcp-session".to_owned()).spawn(move || worker.run())?;
        Ok(Self { server, worker, runtime })
    }

    /// What is measured is cut, and the session is given back.
    fn end(self) {
        self.server.close();
        let _ = self.worker.join();
        // A read of standard input cannot be called back.
        self.runtime.shutdown_background();
    }
}

/// Comes back when the process is asked to end.
async fn raised(interrupt: &Interrupt) {
    while !interrupt.is_raised() {
        tokio::time::sleep(LOOK).await;
    }
}
