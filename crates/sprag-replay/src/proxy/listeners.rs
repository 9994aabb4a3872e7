//! Where a scope listens: the forward proxy, and one socket for each port of the settings.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use sprag_contract::settings::replay::Replay;

use super::ProxyError;

/// The name of the forward proxy's socket among [`Listeners`]. No port of the settings has it.
pub const FORWARD_PROXY: &str = "";

/// The first port inside of an empty network of a socket for which any does: below those that the kernel gives to outgoing
/// connections, and none that is anybody's habit.
const INSIDE: u16 = 20_001;

/// Listening sockets by name.
#[derive(Debug)]
pub struct Listeners(Vec<(String, TcpListener)>);

impl Listeners {
    /// The sockets that settings ask for: their names, and the port that each must have in an empty network, where one
    /// does not do as well as another.
    pub fn wanted(settings: &Replay) -> Vec<(String, Option<u16>)> {
        let ports = settings.port.iter().map(|port| (port.name.clone(), port.listen));
        [(FORWARD_PROXY.to_owned(), None)].into_iter().chain(ports).collect()
    }

    /// Where they listen in an empty network, in which all ports are free: known before the network is there, so that the
    /// application can be told at its start. See [`Proxy::env_inside`](super::Proxy::env_inside).
    pub fn inside(settings: &Replay) -> Vec<(String, u16)> {
        let taken: Vec<u16> = settings.port.iter().filter_map(|port| port.listen).collect();
        let mut free = (INSIDE..).filter(|port| !taken.contains(port));
        let mut any = || free.next().expect("there are fewer sockets than ports");
        Self::wanted(settings).into_iter().map(|(name, port)| (name, port.unwrap_or_else(&mut any))).collect()
    }

    /// Binds them here, on loopback and on whatever ports are free.
    ///
    /// # Errors
    /// No free port.
    pub fn bind(settings: &Replay) -> Result<Self, ProxyError> {
        let bind = |(name, _)| {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            socket.map(|socket| (name, socket)).map_err(ProxyError::Listen)
        };
        Self::wanted(settings).into_iter().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// Takes sockets that were bound elsewhere, such as in an empty network, which are listening already.
    pub fn from_sockets(sockets: Vec<(String, TcpListener)>) -> Self {
        Self(sockets)
    }

    /// The socket of a name, and where it listens.
    pub(super) fn take(&mut self, name: &str) -> Result<(TcpListener, SocketAddr), ProxyError> {
        let at = self.0.iter().position(|(other, _)| other == name);
        let at = at.ok_or_else(|| ProxyError::Socket { name: name.to_owned() })?;
        let (_, socket) = self.0.swap_remove(at);
        socket.set_nonblocking(true).map_err(ProxyError::Listen)?;
        let address = socket.local_addr().map_err(ProxyError::Listen)?;
        Ok((socket, address))
    }
}
