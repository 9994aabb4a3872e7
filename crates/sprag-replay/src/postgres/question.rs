//! A statement in its canonical form: what it is recognised by, and what people read of it in a cassette.
//!
//! ```text
//! postgres://127.0.0.1:5432/app?client_encoding=UTF8
//! SELECT * FROM t WHERE a = $1 AND b = $2 AND c = $3
//! $1 23 binary \x00\x00\x01*
//! $2 25 text two\nlines
//! $3 0 null
//! -- execute 3, results binary text, at most 50, again 1
//! ```
//!
//! Below the SQL, one line for each parameter: the type that the client declared (0: none), the format and the value,
//! escaped. The last line says what is asked and how many parameters there are, so that no SQL can be taken for the rest of another.

use std::fmt::Write as _;

use super::message::{Format, Sql, Value};
use super::names::without_names;
use super::session::{Described, Execution, Portal, Statement};
use crate::escape::escape;

/// A request before the rules have seen it.
#[derive(Debug)]
pub(super) struct Question {
    /// The SQL, by which it is classed and called.
    pub(super) label: String,
    /// What is asked, in the form above without its first line.
    pub(super) text: String,
    /// The size of the SQL and of its parameters, whether or not the SQL was sent anew.
    pub(super) bytes: u64,
    /// It is about the connection: not counted, and found in any case.
    pub(super) aside: bool,
}

impl Question {
    /// The beginning of a connection.
    pub(super) fn connect() -> Self {
        Self { label: "connect".to_owned(), text: "-- connect".to_owned(), bytes: 0, aside: true }
    }

    /// A statement of the simple protocol.
    pub(super) fn query(sql: &Sql) -> Self {
        Self::of(sql, String::new(), "query".to_owned(), 0)
    }

    /// What became of preparing a statement that then was not executed.
    pub(super) fn parse(statement: &Statement) -> Self {
        let Statement { sql, types } = statement;
        Self::of(sql, declared(types), format!("prepare {}", types.len()), 0)
    }

    /// What became of giving a statement its parameters, where it then was not executed.
    pub(super) fn bind(portal: &Portal) -> Self {
        let what = format!("bind {}, results{}", portal.values.len(), formats(&portal.results));
        Self::of(&portal.statement.sql, parameters(portal), what, size(portal))
    }

    pub(super) fn execute(execution: &Execution) -> Self {
        let Execution { portal, limit, before } = execution;
        let mut what = format!("execute {}, results{}", portal.values.len(), formats(&portal.results));
        if *limit > 0 {
            let _ = write!(what, ", at most {limit}");
        }
        if *before > 0 {
            let _ = write!(what, ", again {before}");
        }
        Self::of(&portal.statement.sql, parameters(portal), what, size(portal))
    }

    pub(super) fn describe(described: &Described) -> Self {
        let Statement { sql, types } = &**described.statement();
        let what = match described {
            Described::Statement(_) => format!("describe {}", types.len()),
            Described::Portal(portal) => {
                format!("describe {}, results{}", types.len(), formats(&portal.results))
            }
        };
        Self { aside: true, ..Self::of(sql, declared(types), what, 0) }
    }

    fn of(sql: &Sql, parameters: String, what: String, more_bytes: u64) -> Self {
        let latin = if sql.latin { " (not UTF-8)" } else { "" };
        let text = without_names(&sql.text);
        Self {
            text: format!("{text}\n{parameters}-- {what}{latin}"),
            bytes: text.len() as u64 + more_bytes,
            label: text.into_owned(),
            aside: false,
        }
    }
}

fn declared(types: &[u32]) -> String {
    types.iter().enumerate().map(|(nth, declared)| format!("${} {declared}\n", nth + 1)).collect()
}

fn parameters(portal: &Portal) -> String {
    let mut lines = String::new();
    for (nth, Value { format, bytes }) in portal.values.iter().enumerate() {
        let _ = write!(lines, "${} {} ", nth + 1, portal.statement.declared(nth));
        match bytes {
            None => lines.push_str("null"),
            Some(bytes) => {
                lines.push_str(format.name());
                lines.push(' ');
                escape(bytes, &mut lines);
            }
        }
        lines.push('\n');
    }
    lines
}

fn formats(formats: &[Format]) -> String {
    formats.iter().map(|format| format!(" {}", format.name())).collect()
}

fn size(portal: &Portal) -> u64 {
    portal.values.iter().filter_map(|value| value.bytes.as_ref()).map(|bytes| bytes.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    fn portal(sql: &str, types: &[u32], values: &[(Format, Option<&'static [u8]>)]) -> Arc<Portal> {
        let statement = Arc::new(Statement { sql: Sql::new(sql.as_bytes()), types: types.to_vec() });
        let value = |(format, bytes): &(Format, Option<&'static [u8]>)| Value {
            format: *format,
            bytes: bytes.map(Bytes::from_static),
        };
        Arc::new(Portal {
            statement,
            values: values.iter().map(value).collect(),
            results: vec![Format::Binary, Format::Text],
        })
    }

    #[test]
    fn a_statement_is_read_as_text() {
        let portal = portal(
            "SELECT *\n  FROM t",
            &[23, 25],
            &[
                (Format::Binary, Some(b"\0\0\0\x2a")),
                (Format::Text, Some(b"two\nli\\nes")),
                (Format::Text, None),
                (Format::Binary, Some(b"as text")),
            ],
        );
        let question = Question::execute(&Execution { portal: portal.clone(), limit: 50, before: 1 });
        insta::assert_snapshot!(question.text, @r"
        SELECT *
          FROM t
        $1 23 binary \x00\x00\x00*
        $2 25 text two\nli\\nes
        $3 0 null
        $4 0 binary as text
        -- execute 4, results binary text, at most 50, again 1
        ");
        assert_eq!(question.bytes, 17 + 4 + 10 + 7);
        let described = Question::describe(&Described::Portal(portal));
        assert!(described.text.ends_with("$1 23\n$2 25\n-- describe 2, results binary text"));
        assert!(described.aside);
    }

    #[test]
    fn no_sql_can_be_taken_for_the_parameters_of_another() {
        let one = portal("SELECT $1", &[], &[(Format::Text, Some(b"a"))]);
        let two = portal("SELECT $1\n$1 0 text a", &[], &[]);
        let asked = |portal| Question::execute(&Execution { portal, limit: 0, before: 0 }).text;
        assert_ne!(asked(one), asked(two));
    }
}
