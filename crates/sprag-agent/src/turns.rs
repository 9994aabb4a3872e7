//! Several agents that take turns. Who is next is asked of them by the session, which knows it from the ledger.

use camino::Utf8Path;

use crate::{Asked, Cut, Failure, Proposal, ProposeError, Proposer, Tells, Usage, is_same_agent};

/// So many tries of others one rests that could not reach its model.
const REST: u32 = 5;

/// Several agents, one of which proposes.
pub(crate) struct Turns {
    agents: Vec<Seat>,
    /// Whose turn it is.
    up: usize,
}

struct Seat {
    agent: Box<dyn Proposer>,
    name: String,
    resting: Option<Resting>,
}

/// Why one is passed over, and for how many more tries.
struct Resting {
    failure: Failure,
    tries: u32,
}

impl Turns {
    /// Two that would be called the same get numbers.
    pub(crate) fn of(agents: Vec<Box<dyn Proposer>>) -> Self {
        let mut seats: Vec<Seat> = Vec::new();
        for agent in agents {
            let like = |seat: &&Seat| seat.agent.name() == agent.name();
            let name = match seats.iter().filter(like).count() {
                0 => agent.name().to_owned(),
                n => format!("{}#{}", agent.name(), n + 1),
            };
            seats.push(Seat { agent, name, resting: None });
        }
        Self { agents: seats, up: 0 }
    }

    fn at(&self, name: &str) -> Option<usize> {
        let exactly = self.agents.iter().position(|seat| seat.name == name);
        exactly.or_else(|| self.agents.iter().position(|seat| is_same_agent(&seat.name, name)))
    }

    /// The first one from `at` on, around the table, that does not rest.
    fn awake_from(&self, at: usize) -> Option<usize> {
        let n = self.agents.len();
        (at..at + n).map(|at| at % n).find(|at| self.agents[*at].resting.is_none())
    }
}

impl Proposer for Turns {
    fn name(&self) -> &str {
        &self.agents[self.up].name
    }

    /// What each of them tells.
    fn tells(&self) -> Option<Tells> {
        let all = self.agents.iter().filter_map(|seat| seat.agent.tells());
        all.reduce(|a, b| Tells { usd: a.usd && b.usd, tokens: a.tokens && b.tokens })
    }

    fn resume(&mut self, _done: &[String]) {}

    fn agents(&self) -> usize {
        self.agents.len()
    }

    fn be(&mut self, name: &str) -> bool {
        let Some(at) = self.at(name) else { return false };
        self.up = self.awake_from(at).unwrap_or(at);
        self.up == at
    }

    fn after(&self, name: &str) -> Option<String> {
        let at = self.at(name)?;
        let next = self.awake_from(at + 1).filter(|next| *next != at)?;
        Some(self.agents[next].name.clone())
    }

    fn rest(&mut self, failure: Failure) -> Result<(), Failure> {
        self.agents[self.up].resting = Some(Resting { failure, tries: REST });
        if let Some(next) = self.awake_from(self.up) {
            self.up = next;
            return Ok(());
        }
        // Nobody is left: those for whom waiting helps are asked again after it.
        let passes = |seat: &&Seat| seat.resting.as_ref().is_some_and(|rest| rest.failure.kind.passes());
        let told = self.agents.iter().find(passes).unwrap_or(&self.agents[self.up]);
        let failure = told.resting.as_ref().map(|rest| rest.failure.clone()).expect("each of them rests");
        for seat in &mut self.agents {
            seat.resting.take_if(|rest| rest.failure.kind.passes());
        }
        self.up = self.awake_from(self.up).unwrap_or(self.up);
        Err(failure)
    }

    fn forget(&mut self, copy: &Utf8Path) {
        self.agents[self.up].agent.forget(copy);
    }

    fn pick_up(&mut self, out: &Utf8Path, copy: &Utf8Path, counted: &Usage) -> Result<Cut, ProposeError> {
        self.agents[self.up].agent.pick_up(out, copy, counted)
    }

    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError> {
        for seat in &mut self.agents {
            // A key that is not accepted stays so.
            if let Some(rest) = seat.resting.as_mut().filter(|rest| rest.failure.kind.passes()) {
                rest.tries = rest.tries.saturating_sub(1);
            }
            seat.resting.take_if(|rest| rest.tries == 0);
        }
        let seat = &mut self.agents[self.up];
        let answer = seat.agent.propose(asked);
        answer.map_err(|error| match error {
            ProposeError::Unavailable { failure, note, .. } => {
                ProposeError::Unavailable { agent: seat.name.clone(), failure, note }
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FailureKind;

    struct Named(&'static str);

    impl Proposer for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn resume(&mut self, _done: &[String]) {}

        fn propose(&mut self, _asked: &Asked<'_>) -> Result<Proposal, ProposeError> {
            Ok(Proposal::Exhausted)
        }
    }

    fn turns(names: &[&'static str]) -> Turns {
        Turns::of(names.iter().map(|name| Box::new(Named(name)) as Box<dyn Proposer>).collect())
    }

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "no")
    }

    #[test]
    fn the_next_one_is_the_next_that_is_named_and_after_the_last_comes_the_first() {
        let mut turns = turns(&["claude 2.1", "codex 0.1", "command", "command"]);
        assert_eq!(turns.after("claude 2.1").as_deref(), Some("codex 0.1"));
        assert_eq!(turns.after("claude 2.0").as_deref(), Some("codex 0.1"), "another version of it");
        assert_eq!(turns.after("command").as_deref(), Some("command#2"), "two of a name are told apart");
        assert_eq!(turns.after("command#2").as_deref(), Some("claude 2.1"));
        assert_eq!(turns.after("person"), None);
        assert!(turns.be("command#2") && !turns.be("person"));
        assert_eq!(turns.name(), "command#2");
    }

    #[test]
    fn one_that_cannot_work_is_passed_over_while_others_can() {
        let mut turns = turns(&["claude", "codex", "pi"]);
        assert_eq!(turns.rest(failure(FailureKind::Authentication)), Ok(()));
        assert_eq!(turns.name(), "codex");
        assert!(!turns.be("claude"));
        assert_eq!(turns.name(), "codex");
        assert_eq!(turns.after("pi").as_deref(), Some("codex"));
        assert_eq!(turns.rest(failure(FailureKind::RateLimit)), Ok(()));
        assert_eq!(turns.after("pi"), None, "nobody else");
        // It is waited for the one for which waiting helps, and that one is asked again.
        let told = turns.rest(failure(FailureKind::Authentication)).unwrap_err();
        assert_eq!((told.kind, turns.name()), (FailureKind::RateLimit, "codex"));
        let told = turns.rest(failure(FailureKind::Authentication)).unwrap_err();
        assert_eq!(told.kind, FailureKind::Authentication, "now nobody's failure passes");
    }
}
