//! The one way out of an agent's sandbox: a proxy that opens tunnels to the hosts that the settings name, and to no other.
//!
//! What goes through a tunnel is not looked at: it is encrypted, between the agent and its model.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sprag_contract::settings::Host;

use crate::MeasureError;
use crate::relay::{Held, accept_each, pass, spawn};

/// More of a request is not read, in bytes.
const LONGEST_HEAD: usize = 8 << 10;
/// How long it may take to ask, and how long to reach the host.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many refused hosts are told.
const MOST_TOLD: usize = 20;

/// A proxy on the loopback of this machine. Dropped, it lets nobody through any more.
#[derive(Debug)]
pub(crate) struct Gate {
    listener: TcpListener,
    port: u16,
    refused: Arc<Mutex<Refused>>,
}

/// Hosts that were asked for and are not named.
#[derive(Debug, Default)]
struct Refused {
    seen: Vec<Host>,
    told: usize,
}

impl Gate {
    /// Opens it for these hosts.
    ///
    /// # Errors
    /// No port or no thread is to be had.
    pub(crate) fn open(hosts: Vec<Host>) -> Result<Self, MeasureError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(MeasureError::system("open a port"))?;
        let port = listener.local_addr().map_err(MeasureError::system("ask for a listener's port"))?.port();
        let gate = Self { listener, port, refused: Arc::default() };
        let inside = gate.listener.try_clone().map_err(MeasureError::system("duplicate a listener"))?;
        let (hosts, refused) = (Arc::new(hosts), gate.refused.clone());
        accept_each(inside, move |client, held| {
            let (hosts, refused) = (hosts.clone(), refused.clone());
            // Without a thread for it the connection is closed again.
            let _ = spawn(move || drop(answer(client, held, &hosts, &refused)));
        })?;
        Ok(gate)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Hosts that were asked for and are not named, since the last time.
    pub(crate) fn refused(&self) -> Vec<Host> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let new = refused.seen[refused.told..].to_vec();
        refused.told = refused.seen.len();
        new
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // Wakes the thread that accepts.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
    }
}

/// One connection: what it asks for, and then the tunnel.
fn answer(
    mut client: TcpStream,
    held: Arc<Held>,
    hosts: &[Host],
    refused: &Mutex<Refused>,
) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let Some((host, rest)) = asked(&mut client)? else {
        return refuse(
            &mut client,
            "400 Bad Request",
            "this proxy opens tunnels (CONNECT) and does nothing else",
        );
    };
    if !hosts.contains(&host) {
        let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
        if !refused.seen.contains(&host) && refused.seen.len() < MOST_TOLD {
            refused.seen.push(host);
        }
        drop(refused);
        // Not 403: agents take that for the word of their model's server about their key.
        return refuse(&mut client, "502 Bad Gateway", "[agent] network does not name this host");
    }
    let Some(mut server) = connect(&host) else {
        return refuse(&mut client, "502 Bad Gateway", "the host cannot be reached");
    };
    client.set_read_timeout(None)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    server.write_all(&rest)?;
    pass(client, server, held)
}

fn refuse(client: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let length = why.len() + 1;
    write!(client, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{why}\n")
}

/// The host that a tunnel is asked to, and what was sent behind the request; `None` where it asks for no tunnel.
fn asked(client: &mut TcpStream) -> io::Result<Option<(Host, Vec<u8>)>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let read = client.read(&mut piece)?;
        head.extend_from_slice(&piece[..read]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(end)) => {
                let path = request.path.filter(|_| request.method == Some("CONNECT"));
                let host = path.and_then(|path| path.parse().ok());
                return Ok(host.map(|host| (host, head[end..].to_vec())));
            }
            Ok(httparse::Status::Partial) if read > 0 && head.len() < LONGEST_HEAD => {}
            _ => return Ok(None),
        }
    }
}

fn connect(host: &Host) -> Option<TcpStream> {
    let places = (host.name.as_str(), host.port).to_socket_addrs().ok()?;
    // A name does not lead to this machine, or to what clouds tell machines there, unless it says so itself.
    let says_so = host.name == "localhost" || host.name.parse::<IpAddr>().is_ok();
    let is_near = |ip: IpAddr| match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
    };
    places
        .into_iter()
        .filter(|place| says_so || !is_near(place.ip()))
        .find_map(|place| TcpStream::connect_timeout(&place, PATIENCE).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that answers one connection with what it was sent.
    fn echo() -> Host {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            client.read_to_end(&mut bytes).unwrap();
            client.write_all(&bytes).unwrap();
        });
        Host { name: "localhost".to_owned(), port }
    }

    fn ask(gate: &Gate, request: &str) -> String {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, gate.port())).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_host_that_is_named_is_reached() {
        let host = echo();
        let gate = Gate::open(vec![host.clone()]).unwrap();
        let said = ask(&gate, &format!("CONNECT LocalHost:{} HTTP/1.1\r\n\r\nhello", host.port));
        assert_eq!(said, "HTTP/1.1 200 Connection established\r\n\r\nhello");
        assert_eq!(gate.refused(), []);
    }

    #[test]
    fn another_host_or_another_port_is_refused_and_told_once() {
        let host = echo();
        let gate = Gate::open(vec![host.clone(), "api.example.com".parse().unwrap()]).unwrap();
        for _ in 0..2 {
            for asked in ["api.example.com:80", "example.com:443", "127.0.0.1:22"] {
                let said = ask(&gate, &format!("CONNECT {asked} HTTP/1.1\r\nHost: api.example.com\r\n\r\n"));
                assert!(said.starts_with("HTTP/1.1 502 "), "{said}");
            }
        }
        let told: Vec<String> = gate.refused().iter().map(Host::to_string).collect();
        assert_eq!(told, ["api.example.com:80", "example.com", "127.0.0.1:22"]);
        assert_eq!(gate.refused(), []);
    }

    #[test]
    fn what_asks_for_no_tunnel_is_told_so() {
        let host = echo();
        let gate = Gate::open(vec![host.clone()]).unwrap();
        let plain = format!("GET http://localhost:{}/ HTTP/1.1\r\n\r\n", host.port);
        for request in ["\u{1}\r\n\r\n", "CONNECT a/b:443 HTTP/1.1\r\n\r\n", &plain] {
            assert!(ask(&gate, request).starts_with("HTTP/1.1 400 "), "{request}");
        }
    }
}
