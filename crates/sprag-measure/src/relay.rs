//! Passes connections out of an empty network on to the services of the harness, which listen outside of it.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use crate::MeasureError;

/// What a listener inside is called that stands for a service outside, before the service's own name.
pub(crate) const SERVICE: &str = "service ";

/// More connections at a time are closed at once: each costs Sprag threads and descriptors, and the code inside is not
/// trusted.
const MOST: usize = 256;

/// One service, seen from inside. Dropped, nobody is let through any more; who came through stays until one end goes.
#[derive(Debug)]
pub(crate) struct Relay(TcpListener);

impl Relay {
    /// Answers at `inside` for the service on the same port of this machine's loopback.
    ///
    /// # Errors
    /// No descriptor or no thread is to be had.
    pub(crate) fn start(inside: TcpListener) -> Result<Self, MeasureError> {
        let relay = inside.try_clone().map_err(MeasureError::system("duplicate a listener"))?;
        let port = inside.local_addr().map_err(MeasureError::system("ask for a listener's port"))?.port();
        accept_each(inside, move |client, held| {
            // A service that does not answer is seen as that: the connection is closed again.
            let Ok(service) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
            // Without a thread for it, too.
            let _ = pass(client, service, held);
        })?;
        Ok(Self(relay))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Wakes the thread that accepts. It fails only where the listener is gone already.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }
}

/// Starts a thread that gives each connection to `serve`, until the listener is shut down. Of too many at a time the last
/// are closed.
pub(crate) fn accept_each(
    listener: TcpListener,
    serve: impl Fn(TcpStream, Arc<Held>) + Send + 'static,
) -> Result<(), MeasureError> {
    let accept = move || {
        let open = Arc::new(AtomicUsize::new(0));
        loop {
            let client = match listener.accept() {
                Ok((client, _)) => client,
                // It was shut down.
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => return,
                // No descriptor is free; one may be later.
                Err(_) => {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                }
            };
            let held = Held::one_more(&open);
            if open.load(Ordering::Relaxed) <= MOST {
                serve(client, held);
            }
        }
    };
    spawn(accept).map_err(MeasureError::system("start a thread"))
}

/// One connection among those that are open. Dropped, it is closed.
pub(crate) struct Held(Arc<AtomicUsize>);

impl Held {
    fn one_more(open: &Arc<AtomicUsize>) -> Arc<Self> {
        open.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self(open.clone()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Both ways, until both have ended.
pub(crate) fn pass(client: TcpStream, service: TcpStream, held: Arc<Held>) -> io::Result<()> {
    // As a direct connection would, small answers go at once.
    client.set_nodelay(true)?;
    service.set_nodelay(true)?;
    let (client_again, service_again) = (client.try_clone()?, service.try_clone()?);
    let held_too = held.clone();
    spawn(move || {
        one_way(&client, &service);
        drop(held);
    })?;
    spawn(move || {
        one_way(&service_again, &client_again);
        drop(held_too);
    })
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream) {
    // Either end may go at any time; then the other learns of it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

pub(crate) fn spawn(act: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("relay".to_owned()).stack_size(128 << 10).spawn(act).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::Duration;

    use super::*;

    /// A listener at another address of the loopback stands for one in another network.
    fn service_and_inside() -> (TcpListener, TcpListener) {
        let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = service.local_addr().unwrap().port();
        let inside = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).unwrap();
        (service, inside)
    }

    #[test]
    fn bytes_go_both_ways_and_an_end_is_passed_on() {
        let (service, inside) = service_and_inside();
        let at = inside.local_addr().unwrap();
        let _relay = Relay::start(inside).unwrap();
        let mut client = TcpStream::connect(at).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let (mut served, _) = service.accept().unwrap();
        client.write_all(b"ask").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut asked = String::new();
        served.read_to_string(&mut asked).unwrap();
        served.write_all(b"answer").unwrap();
        drop(served);
        let mut answered = String::new();
        client.read_to_string(&mut answered).unwrap();
        assert_eq!((asked.as_str(), answered.as_str()), ("ask", "answer"));
    }

    #[test]
    fn more_connections_than_are_allowed_are_closed_and_later_ones_get_through() {
        let (service, inside) = service_and_inside();
        let at = inside.local_addr().unwrap();
        let _relay = Relay::start(inside).unwrap();
        let clients: Vec<TcpStream> = (0..MOST).map(|_| TcpStream::connect(at).unwrap()).collect();
        let served: Vec<TcpStream> = (0..MOST).map(|_| service.accept().unwrap().0).collect();
        let mut surplus = TcpStream::connect(at).unwrap();
        surplus.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        assert!(matches!(surplus.read(&mut [0]), Ok(0) | Err(_)), "it was let through");
        drop((clients, served));
        let through = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            let mut client = TcpStream::connect(at).unwrap();
            client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            // Closed at once, or waiting for an answer.
            client.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        });
        assert!(through, "nobody is let through any more");
    }

    #[test]
    fn once_dropped_nobody_is_let_through() {
        let (_service, inside) = service_and_inside();
        let at = inside.local_addr().unwrap();
        drop(Relay::start(inside).unwrap());
        let refused = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            TcpStream::connect(at).is_err()
        });
        assert!(refused, "connections are accepted still");
    }
}
