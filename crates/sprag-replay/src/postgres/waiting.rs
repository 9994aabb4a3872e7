//! What a client has asked and not been answered: whether it succeeds shows with the execution that follows.

use std::sync::Arc;

use super::frame::FrameError;
use super::session::{Described, Portal, Statement};
use crate::proxy::{FULL, Reserved};

/// Messages in their order, and the memory that they take. The session may have forgotten what they are about: a name can
/// be given to another statement before anything is answered.
pub(super) struct Waiting {
    pub(super) messages: Vec<Held>,
    /// Given back when all of them are dropped.
    pub(super) memory: Reserved,
}

pub(super) enum Held {
    Parse(Arc<Statement>),
    Bind(Arc<Portal>),
    Describe(Described),
    Close,
}

impl Waiting {
    /// Of nothing yet. `memory`: where it is counted what they take.
    pub(super) fn new(memory: Reserved) -> Self {
        Self { messages: Vec::new(), memory }
    }

    /// One more.
    ///
    /// # Errors
    /// There is no more memory for it.
    pub(super) fn push(&mut self, held: Held) -> Result<(), FrameError> {
        let fits = self.memory.add(held.weight());
        self.messages.push(held);
        if fits { Ok(()) } else { Err(FrameError::protocol(FULL)) }
    }
}

impl Held {
    pub(super) fn parses(&self, portal: &Portal) -> bool {
        matches!(self, Self::Parse(statement) if Arc::ptr_eq(statement, &portal.statement))
    }

    pub(super) fn binds(&self, portal: &Arc<Portal>) -> bool {
        matches!(self, Self::Bind(bound) if Arc::ptr_eq(bound, portal))
    }

    /// The bytes that it keeps, about; as if nobody else kept them.
    fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Parse(statement) | Self::Describe(Described::Statement(statement)) => {
                    statement.weight()
                }
                Self::Bind(portal) | Self::Describe(Described::Portal(portal)) => portal.weight(),
                Self::Close => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::message::{Message, Sql};
    use crate::postgres::session::{Session, Step};
    use crate::proxy::Memory;

    #[test]
    fn statements_that_wait_are_within_the_memory_of_the_scope_though_their_name_has_gone_to_others() {
        const LEFT: usize = 20_000;
        let memory = Memory::with_left(LEFT);
        let mut session = Session::new(memory.reserve());
        let mut waiting = Waiting::new(memory.reserve());
        let mut parse = || {
            let sql = Sql::new(&b" ".repeat(1_000));
            let Ok(Step::Parse(statement)) =
                session.step(Message::Parse { name: "".into(), sql, types: vec![] })
            else {
                panic!("a statement is taken again and again")
            };
            waiting.push(Held::Parse(statement))
        };
        let failed = (0..100).find_map(|_| parse().err()).unwrap();
        assert_eq!(failed.to_string(), FULL);
        drop((waiting, session));
        assert!(memory.reserve().add(LEFT));
    }
}
