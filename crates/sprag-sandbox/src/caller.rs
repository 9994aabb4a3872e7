//! Connections from outside to what a program listens on in its empty network.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::channel::timespec;

/// Connects into one empty network. A socket belongs to the network that it was made in, so these were made there; each
/// is used again and again.
#[derive(Debug)]
pub struct Caller {
    /// Of IPv4, and of IPv6 where there is one.
    sockets: Vec<OwnedFd>,
}

impl Caller {
    pub(crate) fn new(sockets: Vec<OwnedFd>) -> Self {
        Self { sockets }
    }

    /// Connects to a port of the loopback inside, by IPv4 or else by IPv6. What was connected before is cut off.
    ///
    /// # Errors
    /// Nobody listens there, or does not answer within `patience`.
    pub fn connect(&self, port: u16, patience: Duration) -> io::Result<TcpStream> {
        let places = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), (Ipv6Addr::LOCALHOST, port).into()];
        let mut first = None;
        for (socket, place) in self.sockets.iter().zip(places) {
            match connect(socket, place, patience) {
                Ok(stream) => return Ok(stream),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

fn connect(socket: &OwnedFd, place: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    // Linux makes a stream socket anew where it is connected to nowhere.
    rustix::net::connect_unspec(socket)?;
    let stream = TcpStream::from(socket.try_clone()?);
    stream.set_nonblocking(true)?;
    match rustix::net::connect(socket, &place) {
        Ok(()) => {}
        Err(Errno::INPROGRESS) => wait(socket, Instant::now() + patience)?,
        Err(error) => return Err(error.into()),
    }
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn wait(socket: &OwnedFd, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(rustix::net::sockopt::socket_error(socket)??),
            Err(error) => return Err(error.into()),
        }
    }
}
