//! The server that fixtures are recorded from: as much of HTTP/1.1 and PostgreSQL as the load generator asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::{answer, row};
use crate::Result;

/// The largest request, in bytes.
const LARGEST: usize = 64 << 10;

/// It answers as long as the process lives.
#[derive(Debug, Clone, Copy)]
pub struct Upstream {
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    /// Where it speaks PostgreSQL.
    pub postgres: SocketAddr,
}

impl Upstream {
    /// Starts it on free ports.
    ///
    /// # Errors
    /// There are none.
    pub fn start() -> Result<Self> {
        Ok(Self { http: listen(http)?, postgres: listen(postgres)? })
    }
}

fn listen(serve: fn(TcpStream) -> Result<()>) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let at = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // It ends with an error where the client closes, as all of them do.
            thread::spawn(move || drop(serve(stream)));
        }
    });
    Ok(at)
}

fn http(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut length, mut line) = (0, String::new());
        while reader.by_ref().take(LARGEST as u64).read_line(&mut line)? > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            line.clear();
        }
        if line.is_empty() || length > LARGEST {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked: serde_json::Value = serde_json::from_slice(&body)?;
        let body = answer(asked["nth"].as_u64().ok_or("a request without its number")?.try_into()?);
        let length = body.len();
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: 7f3c\r\ncontent-length";
        stream.write_all(format!("{head}: {length}\r\n\r\n{body}").as_bytes())?;
    }
}

fn postgres(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    read_message(&mut stream)?;
    let mut hello = message(b'R', &[0; 4]);
    hello.extend(message(b'S', b"server_version\x0017.0\0"));
    hello.extend(message(b'S', b"client_encoding\0UTF8\0"));
    hello.extend(message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]));
    hello.extend(message(b'Z', b"I"));
    stream.write_all(&hello)?;
    loop {
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        let asked = read_message(&mut stream)?;
        if kind != *b"Q" {
            return Ok(());
        }
        let nth = std::str::from_utf8(&asked)?.trim_end_matches('\0').rsplit(' ').next().unwrap_or_default();
        let row = row(nth.parse()?);
        // One column: a text without a table.
        let mut answer = message(b'T', b"\0\x01payload\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
        let mut fields = vec![0, 1];
        fields.extend_from_slice(&(row.len() as u32).to_be_bytes());
        fields.extend_from_slice(row.as_bytes());
        answer.extend(message(b'D', &fields));
        answer.extend(message(b'C', b"SELECT 1\0"));
        answer.extend(message(b'Z', b"I"));
        stream.write_all(&answer)?;
    }
}

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&(payload.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(payload);
    message
}

/// What follows a length.
fn read_message(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = (u32::from_be_bytes(length) as usize).saturating_sub(4);
    if length > LARGEST {
        return Err("too long a message".into());
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    Ok(payload)
}
