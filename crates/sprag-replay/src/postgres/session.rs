//! What belongs to one connection: its prepared statements and portals. Their names are its own affair: two drivers call
//! the same statement differently, so that a request is recognised by what it says.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::frame::FrameError;
use super::message::{Format, Message, Sql, Value};
use super::names::{Deallocated, deallocated, declared_cursor};
use crate::LARGEST_BODY;
use crate::proxy::{FULL, Reserved};

/// What a connection may keep, in bytes.
const LARGEST_WEIGHT: usize = 2 * LARGEST_BODY;

/// A statement and the types that were declared for its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: Sql,
    pub(super) types: Vec<u32>,
}

/// A statement with its parameters.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) statement: Arc<Statement>,
    pub(super) values: Vec<Value>,
    pub(super) results: Vec<Format>,
}

/// One execution of a portal.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) portal: Arc<Portal>,
    /// At most so many rows; 0 is all.
    pub(super) limit: u32,
    /// The portal has been executed so often before: this goes on where the last stopped.
    pub(super) before: u32,
}

/// What is to be described.
#[derive(Debug)]
pub(super) enum Described {
    Statement(Arc<Statement>),
    Portal(Arc<Portal>),
}

/// A message, with what its names stand for.
#[derive(Debug)]
pub(super) enum Step {
    Query(Sql),
    Parse(Arc<Statement>),
    Bind(Arc<Portal>),
    Describe(Described),
    Execute(Execution),
    Close,
    Flush,
    Sync,
    Terminate,
    /// It names a statement or a portal that there is not.
    Unknown {
        code: &'static str,
        what: String,
    },
    /// It can't be replayed. What it is, and what to do.
    Refused(String),
}

/// The statements and portals of a connection, by name.
#[derive(Debug, Default)]
pub(super) struct Session {
    statements: HashMap<Vec<u8>, Arc<Statement>>,
    portals: HashMap<Vec<u8>, (Arc<Portal>, u32)>,
    /// The bytes that both hold, about.
    weight: usize,
    /// The same in the scope's account.
    held: Reserved,
}

impl Session {
    /// `held`: where the memory is counted that it takes.
    pub(super) fn new(held: Reserved) -> Self {
        Self { held, ..Self::default() }
    }

    /// Takes the next message. A statement that the server will not accept is kept, too: it is replaced when its name is
    /// used again.
    ///
    /// # Errors
    /// A connection that keeps more than it may.
    pub(super) fn step(&mut self, message: Message) -> Result<Step, FrameError> {
        Ok(match message {
            Message::Query { sql } => match refusal(&sql) {
                Some(refusal) => refusal,
                None => {
                    self.follow(&sql, &[])?;
                    Step::Query(sql)
                }
            },
            Message::Parse { name, sql, types } => match refusal(&sql) {
                Some(refusal) => refusal,
                None => {
                    let statement = Arc::new(Statement { sql, types });
                    self.forget_statement(&name);
                    self.weigh(name.len() + statement.weight())?;
                    self.statements.insert(name.to_vec(), statement.clone());
                    Step::Parse(statement)
                }
            },
            Message::Bind { portal: name, statement, values, results } => {
                match self.statements.get(&statement[..]) {
                    None => no_statement(&statement),
                    Some(statement) => {
                        let statement = statement.clone();
                        Step::Bind(self.keep_portal(&name, Portal { statement, values, results })?)
                    }
                }
            }
            Message::DescribeStatement { name } => match self.statements.get(&name[..]) {
                Some(statement) => Step::Describe(Described::Statement(statement.clone())),
                None => no_statement(&name),
            },
            Message::DescribePortal { name } => match self.portals.get(&name[..]) {
                Some((portal, _)) => Step::Describe(Described::Portal(portal.clone())),
                None => no_portal(&name),
            },
            Message::Execute { portal: name, limit } => match self.portals.get_mut(&name[..]) {
                None => no_portal(&name),
                Some((portal, executions)) => {
                    let execution = Execution { portal: portal.clone(), limit, before: *executions };
                    *executions = executions.saturating_add(1);
                    self.follow(&execution.portal.statement.sql, &execution.portal.statement.types)?;
                    Step::Execute(execution)
                }
            },
            Message::CloseStatement { name } => {
                self.forget_statement(&name);
                Step::Close
            }
            Message::ClosePortal { name } => {
                self.forget_portal(&name);
                Step::Close
            }
            Message::Flush => Step::Flush,
            Message::Sync => Step::Sync,
            Message::Terminate => Step::Terminate,
            Message::Other(what) => Step::Refused(format!("{what} cannot be recorded or replayed")),
        })
    }

    fn weigh(&mut self, more: usize) -> Result<(), FrameError> {
        self.weight += more;
        if self.weight > LARGEST_WEIGHT {
            return Err(FrameError::protocol(
                "a connection keeps more than 128 MiB of statements and never closes them",
            ));
        }
        match self.held.hold(self.weight) {
            true => Ok(()),
            false => Err(FrameError::protocol(FULL)),
        }
    }

    fn forget_statement(&mut self, name: &[u8]) {
        if let Some(old) = self.statements.remove(name) {
            self.weight -= name.len() + old.weight();
        }
    }

    fn forget_portal(&mut self, name: &[u8]) {
        if let Some((old, _)) = self.portals.remove(name) {
            self.weight -= name.len() + old.weight();
        }
    }

    /// What is said in SQL of statements and portals: DEALLOCATE and DECLARE.
    fn follow(&mut self, sql: &Sql, types: &[u32]) -> Result<(), FrameError> {
        match deallocated(sql) {
            None => {}
            Some(Deallocated::All) => {
                for name in self.statements.keys().cloned().collect::<Vec<_>>() {
                    self.forget_statement(&name);
                }
            }
            Some(Deallocated::One(name)) => self.forget_statement(name.as_bytes()),
        }
        if let Some(name) = declared_cursor(sql) {
            let statement = Arc::new(Statement { sql: sql.clone(), types: types.to_vec() });
            self.keep_portal(name.as_bytes(), Portal { statement, values: Vec::new(), results: Vec::new() })?;
        }
        Ok(())
    }

    fn keep_portal(&mut self, name: &[u8], portal: Portal) -> Result<Arc<Portal>, FrameError> {
        let portal = Arc::new(portal);
        self.forget_portal(name);
        self.weigh(name.len() + portal.weight())?;
        self.portals.insert(name.to_vec(), (portal.clone(), 0));
        Ok(portal)
    }
}

impl Statement {
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.sql.text.len() + 4 * self.types.len()
    }

    /// What is declared for a parameter; 0 where the server is to find out.
    pub(super) fn declared(&self, nth: usize) -> u32 {
        self.types.get(nth).copied().unwrap_or(0)
    }
}

impl Portal {
    pub(super) fn weight(&self) -> usize {
        let values =
            self.values.iter().map(|value| size_of::<Value>() + value.bytes.as_ref().map_or(0, Bytes::len));
        size_of::<Self>() + values.sum::<usize>() + self.results.len() + self.statement.weight()
    }
}

impl Described {
    pub(super) fn statement(&self) -> &Arc<Statement> {
        match self {
            Self::Statement(statement) => statement,
            Self::Portal(portal) => &portal.statement,
        }
    }
}

fn refusal(sql: &Sql) -> Option<Step> {
    let verb = sql.verb();
    let instead = match verb.as_str() {
        "COPY" => "use INSERT, or a [[replay.port]] with a tcp:// upstream",
        "LISTEN" => {
            "notifications come at any time; poll a table, or use a [[replay.port]] with a tcp:// upstream"
        }
        _ => return None,
    };
    Some(Step::Refused(format!("{verb} cannot be recorded or replayed: {instead}")))
}

fn no_statement(name: &[u8]) -> Step {
    let what = format!("prepared statement \"{}\" does not exist", String::from_utf8_lossy(name));
    Step::Unknown { code: super::answer::code::NO_STATEMENT, what }
}

fn no_portal(name: &[u8]) -> Step {
    let what = format!("portal \"{}\" does not exist", String::from_utf8_lossy(name));
    Step::Unknown { code: super::answer::code::NO_PORTAL, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Memory;

    fn parse(name: &'static str, sql: &str) -> Message {
        Message::Parse { name: name.into(), sql: Sql::new(sql.as_bytes()), types: vec![] }
    }

    fn bind(portal: &'static str, statement: &'static str) -> Message {
        Message::Bind { portal: portal.into(), statement: statement.into(), values: vec![], results: vec![] }
    }

    fn execute(portal: &'static str) -> Message {
        Message::Execute { portal: portal.into(), limit: 2 }
    }

    #[test]
    fn names_stand_for_what_was_last_given_to_them() {
        let mut session = Session::default();
        session.step(parse("", "SELECT 1")).unwrap();
        session.step(bind("p", "")).unwrap();
        session.step(parse("", "SELECT 2")).unwrap();
        for before in 0..2 {
            let Ok(Step::Execute(execution)) = session.step(execute("p")) else {
                panic!("there is the portal")
            };
            assert_eq!(
                (execution.portal.statement.sql.text.as_str(), execution.before),
                ("SELECT 1", before)
            );
        }
        session.step(Message::ClosePortal { name: "p".into() }).unwrap();
        assert!(matches!(session.step(execute("p")), Ok(Step::Unknown { code: "34000", .. })));
        assert!(matches!(session.step(bind("", "s")), Ok(Step::Unknown { code: "26000", .. })));
    }

    #[test]
    fn statements_are_closed_by_message_and_by_sql() {
        let mut session = Session::default();
        for name in ["a", "B", "c"] {
            session.step(parse(name, "SELECT 1")).unwrap();
        }
        session.step(Message::CloseStatement { name: "a".into() }).unwrap();
        session.step(Message::Query { sql: Sql::new(b"DEALLOCATE \"B\";") }).unwrap();
        assert_eq!(session.statements.len(), 1);
        session.step(Message::Query { sql: Sql::new(b"deallocate prepare all") }).unwrap();
        assert_eq!((session.statements.len(), session.weight), (0, 0));
    }

    #[test]
    fn what_needs_a_conversation_of_its_own_is_refused() {
        for sql in ["COPY t FROM STDIN", "listen x", "-- so\ncopy (select 1) to stdout"] {
            assert!(matches!(Session::default().step(parse("", sql)), Ok(Step::Refused(_))), "{sql}");
        }
        assert!(matches!(Session::default().step(parse("", "UNLISTEN *")), Ok(Step::Parse(_))));
    }

    #[test]
    fn a_connection_cannot_keep_statements_without_end() {
        let mut session = Session { weight: LARGEST_WEIGHT - 1_000, ..Session::default() };
        for _ in 0..100 {
            session.step(parse("a", "SELECT 1")).unwrap();
        }
        assert!((0..100).any(|n| {
            let name = n.to_string().into();
            session.step(Message::Parse { name, sql: Sql::new(b"SELECT 1"), types: vec![] }).is_err()
        }));
    }

    #[test]
    fn statements_are_kept_within_the_memory_of_the_scope() {
        let memory = Memory::with_left(4_000);
        let mut session = Session::new(memory.reserve());
        for _ in 0..100 {
            session.step(parse("a", "SELECT 1")).unwrap();
        }
        let failed = session.step(parse("b", &" ".repeat(4_000))).unwrap_err();
        assert_eq!(failed.to_string(), FULL);
        drop(session);
        assert!(memory.reserve().add(4_000));
    }

    #[test]
    fn a_cursor_that_sql_has_declared_can_be_described() {
        let mut session = Session::default();
        session.step(Message::Query { sql: Sql::new(b"DECLARE \"Some\" CURSOR FOR SELECT 1") }).unwrap();
        let described = session.step(Message::DescribePortal { name: "Some".into() });
        assert!(matches!(described, Ok(Step::Describe(Described::Portal(_)))), "{described:?}");
        session.step(parse("", "declare other no scroll cursor for select 2")).unwrap();
        session.step(bind("", "")).unwrap();
        assert!(matches!(session.step(execute("other")), Ok(Step::Unknown { .. })), "not yet");
        session.step(execute("")).unwrap();
        assert!(matches!(
            session.step(Message::DescribePortal { name: "other".into() }),
            Ok(Step::Describe(_))
        ));
    }
}
