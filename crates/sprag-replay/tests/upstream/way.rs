//! A way to a server, which counts who takes it and can be closed.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes on what it hears. Dropped, it is closed.
pub(crate) struct Way {
    /// Where it begins.
    pub(crate) port: u16,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    closed: bool,
    times: usize,
    open: Vec<TcpStream>,
}

impl Way {
    /// To a server on this machine.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Taken::default()));
        let all = taken.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let mut taken = all.lock().unwrap();
                if taken.closed {
                    break;
                }
                taken.times += 1;
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || pass_on(from, to));
                }
                taken.open.push(client);
            }
        });
        Self { port, taken }
    }

    /// How many connections were made by it.
    pub(crate) fn times(&self) -> usize {
        self.taken.lock().unwrap().times
    }

    /// Nobody gets anywhere by it any more.
    pub(crate) fn close(&self) {
        let open = {
            let mut taken = self.taken.lock().unwrap();
            taken.closed = true;
            std::mem::take(&mut taken.open)
        };
        open.iter().for_each(|client| _ = client.shutdown(Shutdown::Both));
        // The first wakes the listener, which ends; from then on none is let in.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            thread::yield_now();
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.close();
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    _ = io::copy(&mut from, &mut to);
    _ = to.shutdown(Shutdown::Write);
}
