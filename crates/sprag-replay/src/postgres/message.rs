//! What an application says: its messages, read from frames.

use bytes::Bytes;

use super::frame::{Fields, Frame, FrameError};

/// A message of the application.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Query {
        sql: Sql,
    },
    Parse {
        name: Bytes,
        sql: Sql,
        types: Vec<u32>,
    },
    Bind {
        portal: Bytes,
        statement: Bytes,
        values: Vec<Value>,
        results: Vec<Format>,
    },
    DescribeStatement {
        name: Bytes,
    },
    DescribePortal {
        name: Bytes,
    },
    Execute {
        portal: Bytes,
        limit: u32,
    },
    CloseStatement {
        name: Bytes,
    },
    ClosePortal {
        name: Bytes,
    },
    Flush,
    Sync,
    Terminate,
    /// What can be said by the protocol and not be replayed.
    Other(&'static str),
}

/// The text of a statement. What is not UTF-8 is read as Latin-1, and says so, lest two statements look the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) latin: bool,
}

impl Sql {
    pub(super) fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: text.to_owned(), latin: false },
            Err(_) => Self { text: bytes.iter().map(|&byte| char::from(byte)).collect(), latin: true },
        }
    }

    /// Its first word, in capitals: what kind of statement it is.
    pub(super) fn verb(&self) -> String {
        let word = skip_comments(&self.text).split(|c: char| !c.is_ascii_alphabetic()).next();
        word.unwrap_or_default().to_ascii_uppercase()
    }
}

/// Without spaces, semicolons and comments before the first word.
fn skip_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == '(');
        let (comment, end) = match rest.get(..2) {
            Some("--") => ("--", "\n"),
            Some("/*") => ("/*", "*/"),
            _ => return rest,
        };
        let after = &rest[comment.len()..];
        rest = after.find(end).map_or("", |at| &after[at + end.len()..]);
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Binary,
}

impl Format {
    fn of(code: u16) -> Result<Self, FrameError> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(FrameError::protocol(format!("there is no format {code}"))),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// A parameter; without bytes it is null.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) format: Format,
    pub(super) bytes: Option<Bytes>,
}

impl Message {
    pub(super) fn read(frame: &Frame) -> Result<Self, FrameError> {
        let mut fields = Fields(frame.body());
        let message = match frame.tag() {
            b'Q' => Self::Query { sql: Sql::new(&fields.string()?) },
            b'P' => {
                let (name, sql) = (fields.string()?, Sql::new(&fields.string()?));
                let types = (0..fields.u16()?).map(|_| fields.u32()).collect::<Result<_, _>>()?;
                Self::Parse { name, sql, types }
            }
            b'B' => bind(&mut fields)?,
            b'D' | b'C' => match (frame.tag(), fields.u8()?, fields.string()?) {
                (b'D', b'S', name) => Self::DescribeStatement { name },
                (b'D', b'P', name) => Self::DescribePortal { name },
                (_, b'S', name) => Self::CloseStatement { name },
                (_, b'P', name) => Self::ClosePortal { name },
                (_, what, _) => {
                    return Err(FrameError::protocol(format!(
                        "`{}` is no statement and no portal",
                        what.escape_ascii()
                    )));
                }
            },
            b'E' => Self::Execute { portal: fields.string()?, limit: fields.u32()? },
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            // Their bodies do not matter.
            b'F' => return Ok(Self::Other("a function call of the old protocol")),
            b'c' | b'd' | b'f' => return Ok(Self::Other("COPY")),
            _ => return Ok(Self::Other("a password that nobody asked for")),
        };
        fields.end()?;
        Ok(message)
    }
}

fn bind(fields: &mut Fields) -> Result<Message, FrameError> {
    let (portal, statement) = (fields.string()?, fields.string()?);
    let formats = formats(fields)?;
    let count = usize::from(fields.u16()?);
    if !matches!(formats.len(), 0 | 1) && formats.len() != count {
        return Err(FrameError::protocol(format!("{} formats for {count} parameters", formats.len())));
    }
    let format = |nth: usize| match formats[..] {
        [] => Format::Text,
        [all] => all,
        _ => formats[nth],
    };
    let value = |nth| Ok(Value { format: format(nth), bytes: fields.value()? });
    let values = (0..count).map(value).collect::<Result<_, FrameError>>()?;
    Ok(Message::Bind { portal, statement, values, results: self::formats(fields)? })
}

fn formats(fields: &mut Fields) -> Result<Vec<Format>, FrameError> {
    (0..fields.u16()?).map(|_| Format::of(fields.u16()?)).collect()
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use postgres_protocol::IsNull;
    use postgres_protocol::message::frontend;
    use proptest::prelude::*;

    use super::super::frame::{FRONTEND, Frames};
    use super::*;

    fn frame(raw: &[u8]) -> Frame {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Frames::new(raw, FRONTEND, Default::default()).next()).unwrap().unwrap()
    }

    /// What somebody else's writer has written.
    fn written(write: impl FnOnce(&mut BytesMut)) -> Frame {
        let mut bytes = BytesMut::new();
        write(&mut bytes);
        frame(&bytes)
    }

    fn bind(buffer: &mut BytesMut, portal: &str, statement: &str, values: &[Option<&str>]) {
        let write = |value: &Option<&str>, buffer: &mut BytesMut| match value {
            Some(value) => {
                buffer.extend_from_slice(value.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        };
        frontend::bind(portal, statement, [], values.iter(), write, [1], buffer).map_err(|_| "bind").unwrap();
    }

    #[test]
    fn messages_are_read_as_another_writer_writes_them() {
        let parse = written(|buffer| frontend::parse("s1", "SELECT $1", [25], buffer).unwrap());
        let read = Message::Parse { name: "s1".into(), sql: Sql::new(b"SELECT $1"), types: vec![25] };
        assert_eq!(Message::read(&parse).unwrap(), read);

        let bound = written(|buffer| bind(buffer, "", "s1", &[Some("a"), None]));
        let text =
            |bytes: Option<&'static str>| Value { format: Format::Text, bytes: bytes.map(Bytes::from) };
        let read = Message::Bind {
            portal: Bytes::new(),
            statement: "s1".into(),
            values: vec![text(Some("a")), text(None)],
            results: vec![Format::Binary],
        };
        assert_eq!(Message::read(&bound).unwrap(), read);

        let execute = written(|buffer| frontend::execute("", 50, buffer).unwrap());
        assert_eq!(Message::read(&execute).unwrap(), Message::Execute { portal: Bytes::new(), limit: 50 });
        let describe = written(|buffer| frontend::describe(b'S', "s1", buffer).unwrap());
        assert_eq!(Message::read(&describe).unwrap(), Message::DescribeStatement { name: "s1".into() });
        let close = written(|buffer| frontend::close(b'P', "p", buffer).unwrap());
        assert_eq!(Message::read(&close).unwrap(), Message::ClosePortal { name: "p".into() });
        let query = written(|buffer| frontend::query("SELECT 1", buffer).unwrap());
        assert_eq!(Message::read(&query).unwrap(), Message::Query { sql: Sql::new(b"SELECT 1") });
    }

    #[test]
    fn the_kind_of_a_statement_is_its_first_word() {
        let verb = |sql: &str| Sql::new(sql.as_bytes()).verb();
        assert_eq!(verb("copy t from stdin"), "COPY");
        assert_eq!(verb(" -- why\n /* so */ (SELECT 1)"), "SELECT");
        assert_eq!(verb("/* never ends"), "");
        assert_eq!(verb("é"), "");
        assert_eq!(verb(""), "");
    }

    #[test]
    fn two_statements_in_different_encodings_do_not_look_the_same() {
        let (utf8, latin) = (Sql::new("SELECT 'é'".as_bytes()), Sql::new(b"SELECT '\xe9'"));
        assert_eq!(utf8.text, latin.text);
        assert_ne!(utf8, latin);
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_are_read_or_refused(
            tag in prop::sample::select(FRONTEND),
            body in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut raw = vec![tag];
            raw.extend((4 + body.len() as u32).to_be_bytes());
            raw.extend(body);
            let _ = Message::read(&frame(&raw));
        }

        #[test]
        fn any_text_has_a_first_word(sql in "\\PC{0,40}") {
            let _ = Sql::new(sql.as_bytes()).verb();
        }
    }
}
