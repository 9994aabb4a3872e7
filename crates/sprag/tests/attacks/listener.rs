//! Somebody on the outside: a server on the loopback that no measured process must reach, and that knows who did.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Result;

/// Listens until the program ends.
pub(crate) struct Listener {
    pub(crate) port: u16,
    calls: Arc<AtomicUsize>,
}

impl Listener {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = calls.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                seen.fetch_add(1, Ordering::Relaxed);
                // Whoever hangs up early has reached it all the same.
                let _ = answer(stream);
            }
        });
        Ok(Self { port, calls })
    }

    /// How often it was reached since it was asked last.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }
}

/// Answers whatever is asked with what the real service says to one word of five letters.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let _ = stream.read(&mut [0; 4096])?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{\"length\":5}")
}
