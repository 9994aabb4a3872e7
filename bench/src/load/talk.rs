//! The protocols of the load generator, as far as a client needs them that knows what it is answered.

use memchr::memmem;

use super::wire::Wire;
use crate::Result;

/// The preface of HTTP/2, the settings (a window of 2^31 - 1 for each stream), and the same window for the connection.
const HTTP2_OPEN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff\
    \0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";
const HTTP2_ACKNOWLEDGED: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";
/// The head of a frame: three bytes of length, type, flags, four bytes of stream.
const FRAME: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const RESET: u8 = 3;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const JSON: &str = "application/json";

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// One request after the other.
    Http1,
    /// One stream at a time.
    Http2,
    /// Statements of the simple protocol.
    Postgres,
}

impl Talk {
    /// A request over HTTP, without a body a GET and else a POST of JSON; or a statement, which is the body.
    pub fn request(self, host: &str, path: &str, body: &str) -> Vec<u8> {
        match self {
            Self::Http1 if body.is_empty() => {
                format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\n\r\n").into()
            }
            Self::Http1 => format!(
                "POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into(),
            Self::Http2 => {
                let mut fields = vec![if body.is_empty() { 0x82 } else { 0x83 }, 0x86];
                let length = body.len().to_string();
                // Literals that are not indexed, their names from the table that everybody has.
                let named: [(&[u8], &str); 5] = [
                    (&[0x04], path),
                    (&[0x01], host),
                    (&[0x0f, 4], "*/*"),
                    (&[0x0f, 16], JSON),
                    (&[0x0f, 13], &length),
                ];
                for (name, value) in named {
                    fields.extend_from_slice(name);
                    fields.push(value.len() as u8);
                    fields.extend_from_slice(value.as_bytes());
                }
                let mut request = frame(HEADERS, END_HEADERS, &fields);
                request.extend(frame(DATA, END_STREAM, body.as_bytes()));
                request
            }
            Self::Postgres => {
                let mut request = vec![b'Q'];
                request.extend_from_slice(&(body.len() as u32 + 5).to_be_bytes());
                request.extend_from_slice(body.as_bytes());
                request.push(0);
                request
            }
        }
    }
}

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags, 0, 0, 0, 0]);
    frame.extend_from_slice(payload);
    frame
}

/// What one connection remembers.
pub(super) struct Session {
    talk: Talk,
    stream: u32,
    request: Vec<u8>,
    /// Of HTTP/2: what the stream under way has brought.
    body: Vec<u8>,
}

impl Session {
    pub(super) fn new(talk: Talk) -> Self {
        Self { talk, stream: 1, request: Vec::new(), body: Vec::new() }
    }

    /// What comes before the first request; the connection still waits.
    pub(super) fn open(&mut self, wire: &mut Wire, unread: &mut Vec<u8>) -> Result<()> {
        match self.talk {
            Talk::Http1 => Ok(()),
            Talk::Http2 => wire.send(HTTP2_OPEN),
            Talk::Postgres => {
                wire.send(b"\0\0\0\x23\0\x03\0\0user\0bench\0database\0bench\0\0")?;
                while !postgres_ready(unread, &[])? {
                    wire.receive(unread)?;
                }
                unread.clear();
                Ok(())
            }
        }
    }

    /// A request as it is sent now.
    pub(super) fn request<'a>(&'a mut self, prebuilt: &'a [u8]) -> &'a [u8] {
        if self.talk != Talk::Http2 {
            return prebuilt;
        }
        self.request.clear();
        self.request.extend_from_slice(prebuilt);
        let stream = self.stream.to_be_bytes();
        let mut at = 0;
        while let Some((length, _, _)) = head(&self.request[at..]) {
            self.request[at + 5..at + FRAME].copy_from_slice(&stream);
            at += FRAME + length;
        }
        self.stream += 2;
        &self.request
    }

    /// Whether the answer is complete; it is taken out of `unread` then.
    pub(super) fn answered(&mut self, wire: &mut Wire, unread: &mut Vec<u8>, answer: &[u8]) -> Result<bool> {
        let complete = match self.talk {
            Talk::Http1 => http1_answered(unread, answer)?,
            Talk::Http2 => return self.http2_answered(wire, unread, answer),
            Talk::Postgres => postgres_ready(unread, answer)?,
        };
        if complete {
            unread.clear();
        }
        Ok(complete)
    }

    fn http2_answered(&mut self, wire: &mut Wire, unread: &mut Vec<u8>, answer: &[u8]) -> Result<bool> {
        let (mut at, mut complete) = (0, false);
        while let Some((length, kind, flags)) = head(&unread[at..]) {
            let Some(payload) = unread.get(at + FRAME..at + FRAME + length) else { break };
            match kind {
                // `:status 200`, from the table that everybody has.
                HEADERS if payload.first() != Some(&0x88) => {
                    return Err("an answer over HTTP/2 is not 200".into());
                }
                RESET | GOAWAY => return Err("a stream of HTTP/2 was ended".into()),
                SETTINGS if flags == 0 => wire.send(HTTP2_ACKNOWLEDGED)?,
                DATA => self.body.extend_from_slice(payload),
                _ => {}
            }
            complete |= matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0;
            at += FRAME + length;
        }
        unread.drain(..at);
        if complete {
            expect(&self.body, answer)?;
            self.body.clear();
        }
        Ok(complete)
    }
}

/// Length, type and flags of a frame of HTTP/2.
fn head(bytes: &[u8]) -> Option<(usize, u8, u8)> {
    let [a, b, c, kind, flags, ..] = *bytes.first_chunk::<FRAME>()?;
    Some((u32::from_be_bytes([0, a, b, c]) as usize, kind, flags))
}

fn http1_answered(unread: &[u8], answer: &[u8]) -> Result<bool> {
    let Some(end) = memmem::find(unread, b"\r\n\r\n") else { return Ok(false) };
    let (head, body) = (&unread[..end], &unread[end + 4..]);
    if !head.starts_with(b"HTTP/1.1 200") {
        return Err(format!("not answered: {}", String::from_utf8_lossy(unread)).into());
    }
    let length = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    let length = length.and_then(|text| std::str::from_utf8(text).ok()?.trim().parse::<usize>().ok());
    let length = length.ok_or("an answer without its length")?;
    if body.len() < length {
        return Ok(false);
    }
    expect(body, answer).map(|()| true)
}

fn postgres_ready(unread: &[u8], answer: &[u8]) -> Result<bool> {
    let mut at = 0;
    while let Some([kind, length @ ..]) = unread[at..].first_chunk::<5>() {
        let end = at + 1 + u32::from_be_bytes(*length) as usize;
        match kind {
            b'E' => return Err(format!("refused: {}", String::from_utf8_lossy(unread)).into()),
            b'Z' if end <= unread.len() => return expect(unread, answer).map(|()| true),
            _ if end > unread.len() => break,
            _ => at = end,
        }
    }
    Ok(false)
}

fn expect(answered: &[u8], answer: &[u8]) -> Result<()> {
    match memmem::find(answered, answer) {
        Some(_) => Ok(()),
        None => Err(format!("another answer: {}", String::from_utf8_lossy(answered)).into()),
    }
}
