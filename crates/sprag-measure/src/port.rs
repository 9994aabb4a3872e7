//! Ports on the loopback interface for what Sprag starts.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use crate::MeasureError;

/// How many of the last free ports are not given out again: more than are in use at a time.
const REMEMBERED: usize = 64;

/// The last ports that were given out. Two sides start at once, and neither may get the port of the other.
static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());

/// A port that was free a moment ago. It must be bound before somebody else does; where that race is lost a service
/// does not get ready, and the pair is measured again.
pub(crate) fn free() -> Result<u16, MeasureError> {
    let mut given = GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    loop {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
        let port = listen().map_err(MeasureError::system("find a free port"))?.port();
        if !given.contains(&port) {
            given.push(port);
            let old = given.len().saturating_sub(REMEMBERED);
            given.drain(..old);
            return Ok(port);
        }
    }
}

/// Refuses a port that somebody listens on: what answers there would be measured instead of the candidate.
pub(crate) fn insist_on(port: u16) -> Result<(), MeasureError> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(MeasureError::harness(
            format!("port {port} cannot be used: {error}"),
            "end what listens there, or write `port = \"{port}\"` under serve for a free one",
        )),
    }
}

/// `text` with the port for `{port}`.
pub(crate) fn fill_in(text: &str, port: u16) -> String {
    text.replace("{port}", &port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_out_twice_in_a_row() {
        let mut ports: Vec<u16> = (0..40).map(|_| free().unwrap()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 40);
    }

    #[test]
    fn a_port_in_use_is_refused() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(insist_on(port).unwrap_err().to_string().contains("cannot be used"));
        drop(listener);
        insist_on(port).unwrap();
    }
}
