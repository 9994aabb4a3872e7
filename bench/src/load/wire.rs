//! One connection of the load generator, in the clear or under TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::Result;

/// What is read at once, in bytes.
const READ: usize = 32 << 10;

pub(super) struct Wire {
    stream: TcpStream,
    tls: Option<ClientConnection>,
    buffer: Box<[u8]>,
}

impl Wire {
    pub(super) fn connect(at: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Result<Self> {
        let mut stream = TcpStream::connect(at)?;
        stream.set_nodelay(true)?;
        let tls = match tls {
            None => None,
            Some(config) => {
                let mut tls = ClientConnection::new(config, ServerName::try_from("localhost")?)?;
                while tls.is_handshaking() {
                    tls.complete_io(&mut stream)?;
                }
                Some(tls)
            }
        };
        Ok(Self { stream, tls, buffer: vec![0; READ].into() })
    }

    /// From now on [`Self::receive`] comes back at once.
    pub(super) fn stop_waiting(&self) -> Result<()> {
        Ok(self.stream.set_nonblocking(true)?)
    }

    /// Requests are small: there is always room for one on a connection that waits for nothing else.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.tls {
            None => self.stream.write_all(bytes)?,
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                while tls.wants_write() {
                    tls.write_tls(&mut self.stream)?;
                }
            }
        }
        Ok(())
    }

    /// Adds what has come, and says how much it is.
    pub(super) fn receive(&mut self, unread: &mut Vec<u8>) -> Result<usize> {
        let Some(tls) = &mut self.tls else {
            let read = self.stream.read(&mut self.buffer)?;
            unread.extend_from_slice(&self.buffer[..read]);
            return if read == 0 { Err("the server has closed".into()) } else { Ok(read) };
        };
        if tls.read_tls(&mut self.stream)? == 0 {
            return Err("the server has closed".into());
        }
        tls.process_new_packets()?;
        let before = unread.len();
        loop {
            match tls.reader().read(&mut self.buffer) {
                Ok(0) => return Err("the server has closed".into()),
                Ok(read) => unread.extend_from_slice(&self.buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(unread.len() - before),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
