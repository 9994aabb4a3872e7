//! What became of the tries of a segment, for proposers that learn from numbers.

use sprag_agent::{History, Past};
use sprag_judge::Status;

use crate::rule;
use crate::session::Session;

impl Session<'_> {
    /// The tries since the segment began. Each was compared with the best code of its time, in pairs: so its level is that
    /// of this code and its effect, and the machine may have been faster or slower meanwhile.
    pub(crate) fn history(&self) -> History<'_> {
        let mut history = History { session: &self.id, ..History::default() };
        for run in self.ledger.log().session().segment().runs().filter(|run| run.is_experiment()) {
            let measured = run.is_keep() || run.status == Status::Discard;
            let evidence =
                run.evidence.as_ref().and_then(|evidence| evidence.get().ok()).filter(|_| measured);
            let level = evidence.and_then(|evidence| Some(history.level + rule::gain(&evidence)?));
            history.tries.push(Past { asi: &run.asi, before: history.level, level });
            if run.is_keep() {
                history.level = level.unwrap_or(history.level);
            }
        }
        history
    }
}
