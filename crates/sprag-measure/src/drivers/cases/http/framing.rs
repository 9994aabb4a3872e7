//! Where an HTTP/1 answer ends, found while its bytes come in. Pure.

use crate::drivers::cases::worker::ANSWER;

/// The longest head, the longest line of a chunk's size, and the longest trailer.
const HEAD: usize = 64 << 10;
/// The most header lines.
const HEADERS: usize = 128;

/// One answer, as far as it has come.
pub(super) struct Framing {
    /// To HEAD: whatever the head says, no body follows.
    bodiless: bool,
    /// The head, then the line of a chunk that is being read.
    line: Vec<u8>,
    status: u16,
    body: Vec<u8>,
    closes: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of the body are to come.
    Length(usize),
    ChunkSize,
    Chunk(usize),
    /// The line end after a chunk.
    ChunkEnd,
    /// Lines up to an empty one.
    Trailer,
    /// The body ends with the connection.
    UntilClose,
    Complete,
}

/// What a closed connection means for the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// There was none.
    Nothing,
    /// It ends here.
    Complete,
    /// It was cut; its beginning.
    Half(Vec<u8>),
}

impl Framing {
    pub(super) fn new(bodiless: bool) -> Self {
        Self { bodiless, line: Vec::new(), status: 0, body: Vec::new(), closes: false, state: State::Head }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Whether the connection can serve no other request.
    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    /// What of the answer can be shown while it is not complete.
    pub(super) fn head(&self) -> &[u8] {
        if self.body.is_empty() { &self.line } else { &self.body }
    }

    /// The status in three digits, then the body.
    pub(super) fn into_answer(self) -> Vec<u8> {
        let mut answer = format!("{:03}", self.status).into_bytes();
        answer.extend_from_slice(&self.body);
        answer
    }

    /// The connection was closed.
    pub(super) fn at_end(&mut self) -> AtEnd {
        match self.state {
            State::Complete => AtEnd::Complete,
            State::UntilClose => {
                self.state = State::Complete;
                AtEnd::Complete
            }
            State::Head if self.line.is_empty() => AtEnd::Nothing,
            _ if self.head().is_empty() => AtEnd::Half(format!("HTTP {}", self.status).into_bytes()),
            _ => AtEnd::Half(self.head().to_vec()),
        }
    }

    /// Takes what came in. How many bytes at its end are not of this answer.
    ///
    /// # Errors
    /// What is wrong with the answer, as the rest of a sentence that begins with it.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<usize, String> {
        while !bytes.is_empty() && !self.is_complete() {
            bytes = match self.state {
                State::Head => self.head_bytes(bytes)?,
                State::Length(left) => {
                    let rest = self.take(bytes, left)?;
                    self.state = match left - (bytes.len() - rest.len()) {
                        0 => State::Complete,
                        left => State::Length(left),
                    };
                    rest
                }
                State::UntilClose => self.take(bytes, usize::MAX)?,
                State::Chunk(left) => {
                    let rest = self.take(bytes, left)?;
                    self.state = match left - (bytes.len() - rest.len()) {
                        0 => State::ChunkEnd,
                        left => State::Chunk(left),
                    };
                    rest
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => self.chunk_line(bytes)?,
                State::Complete => bytes,
            };
        }
        Ok(bytes.len())
    }

    /// Moves at most `most` bytes to the body; what is left.
    fn take<'b>(&mut self, bytes: &'b [u8], most: usize) -> Result<&'b [u8], String> {
        let (mine, rest) = bytes.split_at(most.min(bytes.len()));
        if self.body.len() + mine.len() > ANSWER {
            return Err(too_long());
        }
        self.body.extend_from_slice(mine);
        Ok(rest)
    }

    /// Moves bytes up to the end of a line to `line`; what is left, and whether the line is there.
    fn line_bytes<'b>(&mut self, bytes: &'b [u8]) -> Result<(&'b [u8], bool), String> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (mine, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        if self.line.len() + mine.len() > HEAD {
            return Err(format!("has a head of more than {} KiB", HEAD >> 10));
        }
        self.line.extend_from_slice(mine);
        Ok((rest, end.is_some()))
    }

    fn head_bytes<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], String> {
        let (rest, line) = self.line_bytes(bytes)?;
        // A head ends with an empty line; before that there is no need to parse it, unless it is no HTTP at all.
        let begins = self.line.starts_with(b"HTTP/1.") || self.line.len() < 7 && !line;
        if !begins {
            return Err(format!("is no HTTP/1: `{}`", crate::drivers::cases::worker::shown(&self.line)));
        }
        if line && (self.line.ends_with(b"\n\r\n") || self.line.ends_with(b"\n\n")) {
            let line = std::mem::take(&mut self.line);
            self.read_head(&line)?;
        }
        Ok(rest)
    }

    fn read_head(&mut self, head: &[u8]) -> Result<(), String> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err("has an unfinished head".to_owned()),
            Err(error) => return Err(format!("is no HTTP/1: {error}")),
        }
        let status = parsed.code.unwrap_or_default();
        if status == 101 {
            return Err("changes the protocol".to_owned());
        }
        if (100..200).contains(&status) {
            // What is to come is still to come.
            return Ok(());
        }
        self.status = status;
        let values = |name: &'static str| {
            let named = parsed.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| String::from_utf8_lossy(header.value).trim().to_ascii_lowercase())
        };
        let keeps = values("connection").any(|value| has_word(&value, "keep-alive"));
        self.closes = values("connection").any(|value| has_word(&value, "close"))
            || parsed.version == Some(0) && !keeps;
        let encodings: Vec<String> = values("transfer-encoding").collect();
        let mut lengths: Vec<String> = values("content-length").collect();
        lengths.dedup();
        self.state = match (encodings.as_slice(), lengths.as_slice()) {
            _ if self.bodiless || matches!(status, 204 | 304) => State::Complete,
            ([], []) => {
                self.closes = true;
                State::UntilClose
            }
            ([], [length]) => {
                let plain = length.bytes().all(|digit| digit.is_ascii_digit());
                match length.parse::<usize>().ok().filter(|_| plain) {
                    None => return Err(format!("has the length `{}`", short(length))),
                    Some(length) if length > ANSWER => return Err(too_long()),
                    Some(0) => State::Complete,
                    Some(length) => State::Length(length),
                }
            }
            ([], _) => return Err("has several lengths".to_owned()),
            ([encoding], []) if encoding == "chunked" => State::ChunkSize,
            (_, []) => return Err(format!("has the transfer encoding `{}`", short(&encodings.join(", ")))),
            _ => return Err("has a length and a transfer encoding".to_owned()),
        };
        Ok(())
    }

    fn chunk_line<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], String> {
        let (rest, complete) = self.line_bytes(bytes)?;
        if !complete {
            return Ok(rest);
        }
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(&line);
        self.state = match self.state {
            State::ChunkSize => {
                let size = text.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
                let hex = !size.is_empty() && size.iter().all(u8::is_ascii_hexdigit);
                let size = std::str::from_utf8(size).ok().filter(|_| hex);
                match size.map(|size| usize::from_str_radix(size, 16)) {
                    None => return Err("has a chunk without a size".to_owned()),
                    Some(Ok(0)) => State::Trailer,
                    Some(Ok(size)) if size <= ANSWER => State::Chunk(size),
                    Some(_) => return Err(too_long()),
                }
            }
            State::ChunkEnd if text.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err("has a chunk that is longer than it says".to_owned()),
            _ if text.is_empty() => State::Complete,
            _ => State::Trailer,
        };
        Ok(rest)
    }
}

fn too_long() -> String {
    format!("has more than {} MiB", ANSWER >> 20)
}

/// Whether a list of words, separated by commas, has this one.
fn has_word(list: &str, word: &str) -> bool {
    list.split(',').any(|item| item.trim() == word)
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Status and body, what is left over, and whether the connection is of no more use.
    fn whole(text: &str) -> Result<(String, usize, bool), String> {
        let mut framing = Framing::new(false);
        let left = framing.feed(text.as_bytes())?;
        if !framing.is_complete() {
            return Err(format!("{:?}", framing.at_end()));
        }
        let closes = framing.closes();
        Ok((String::from_utf8_lossy(&framing.into_answer()).into_owned(), left, closes))
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let ok = |body: &str, left, closes| Ok((body.to_owned(), left, closes));
        assert_eq!(whole("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), ok("200abc", 0, false));
        assert_eq!(whole("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), ok("200abc", 3, false));
        assert_eq!(whole("HTTP/1.1 204 None\r\nConnection: Close\r\n\r\n"), ok("204", 0, true));
        assert_eq!(whole("HTTP/1.0 404 \nContent-Length: 0\n\n"), ok("404", 0, true));
        assert_eq!(
            whole("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 x\r\nContent-Length: 1\r\n\r\ny"),
            ok("201y", 0, false)
        );
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
        assert_eq!(whole(chunked), ok("200abc0123456789", 0, false));
        let mut head = Framing::new(true);
        assert_eq!(head.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"), Ok(0));
        assert!(head.is_complete());
        let mut open = Framing::new(false);
        open.feed(b"HTTP/1.1 200 OK\r\n\r\nab").unwrap();
        assert_eq!((open.is_complete(), open.at_end(), open.is_complete()), (false, AtEnd::Complete, true));
    }

    #[test]
    fn what_is_wrong_with_an_answer_is_said() {
        let headed = |headers: &str| whole(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n"));
        let told = [
            whole("hello\r\n"),
            whole("HTTP/2 200\r\n\r\n"),
            whole("HTTP/1.1 abc\r\n\r\n"),
            whole("HTTP/1.1 101 Switching\r\n\r\n"),
            whole(&format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(70_000))),
            headed("Content-Length: -1"),
            headed("Content-Length: 1\r\nContent-Length: 2"),
            headed("Content-Length: 1073741824"),
            headed("Content-Length: 99999999999999999999999"),
            headed("Content-Length: 1\r\nTransfer-Encoding: chunked"),
            headed("Transfer-Encoding: gzip, chunked"),
            whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n"),
            whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"),
            whole(""),
            whole("HTTP/1.1 2"),
            whole("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        ];
        let told: Vec<String> = told.into_iter().map(Result::unwrap_err).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        is no HTTP/1: `hello`
        is no HTTP/1: `HTTP/2 200`
        is no HTTP/1: invalid response status
        changes the protocol
        has a head of more than 64 KiB
        has the length `-1`
        has several lengths
        has more than 32 MiB
        has the length `99999999999999999999999`
        has a length and a transfer encoding
        has the transfer encoding `gzip, chunked`
        has a chunk without a size
        has more than 32 MiB
        has a chunk that is longer than it says
        Nothing
        Half([72, 84, 84, 80, 47, 49, 46, 49, 32, 50])
        Half([72, 84, 84, 80, 32, 50, 48, 48])
        ");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text in r"(HTTP/1\.[01] [0-9]{3} x\r\n)?((Content-Length: [0-9]{0,3}|Transfer-Encoding: chunked|x: y)\r\n){0,3}(\r\n)?([0-9a-f;]{0,3}\r?\n?[a-z]{0,20}\r?\n?){0,4}") {
            let mut framing = Framing::new(false);
            let _ = framing.feed(text.as_bytes());
            let _ = framing.at_end();
        }

        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(cuts in proptest::collection::vec(1_usize..20, 1..20)) {
            let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\nrest";
            let mut framing = Framing::new(false);
            let mut rest = text.as_slice();
            let mut left = 0;
            for cut in cuts.iter().cycle() {
                if rest.is_empty() || framing.is_complete() { break; }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                left = framing.feed(piece).unwrap();
                rest = after;
            }
            prop_assert_eq!(left + rest.len(), 4);
            prop_assert_eq!(framing.into_answer(), b"200abc0123456789abcdef".to_vec());
        }
    }
}
