//! What is under way to the outside while recording or verifying.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{Desk, Source};
use crate::cassette::Played;
use crate::exchange::{Answer, Asked, Timing};
use crate::trouble::{Difference, Trouble};

/// How many differences of a scope are kept.
const DIFFERENCES: usize = 10_000;

/// The right to send one request to the outside, and the duty to say what came of it. In replay there is none.
pub(crate) struct Ticket {
    desk: Desk,
    asked: Asked,
    case: Arc<str>,
    expected: Option<Arc<Played>>,
    /// It was said what came of it.
    settled: bool,
    /// When the request was complete.
    pub(crate) since: Instant,
}

impl Ticket {
    pub(super) fn new(desk: &Desk, asked: Asked, case: Arc<str>, expected: Option<Arc<Played>>) -> Self {
        Self { desk: desk.clone(), asked, case, expected, settled: false, since: Instant::now() }
    }

    /// The outside has answered.
    pub(crate) fn answered(mut self, answer: Answer, timing: Timing) {
        self.settled = true;
        match &self.desk.0.source {
            Source::Replay(_) => {}
            Source::Record { recorder, .. } => recorder.record(&self.case, &self.asked, answer, timing),
            Source::Verify { .. } => {
                let difference = match &self.expected {
                    None => Some(Difference::unknown(&self.case, &self.asked)),
                    Some(expected) => {
                        let live = self.desk.0.rules.redact_answer(self.asked.class, answer);
                        Difference::between(&self.case, &self.asked, &expected.answer, &live)
                    }
                };
                let mut differences = self.desk.0.differences.lock().unwrap_or_else(PoisonError::into_inner);
                let room = DIFFERENCES.saturating_sub(differences.len());
                differences.extend(difference.into_iter().take(room));
            }
        }
    }

    /// The outside did not answer, and why. Nothing is recorded, and the scope is latched: what the application makes of
    /// an upstream that is down is no recording.
    pub(crate) fn failed(mut self, why: String) -> Trouble {
        self.settled = true;
        self.fail(why)
    }

    fn fail(&self, what: String) -> Trouble {
        let trouble = Trouble::Upstream { upstream: self.asked.upstream.clone(), what };
        self.desk.latch(trouble.clone());
        trouble
    }
}

/// A request of which nothing is known but that it was made would be a miss in every replay: it is said now.
impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            self.fail(format!("the application left {} before there was an answer", self.asked.label));
        }
    }
}

#[cfg(test)]
mod tests {
    use sprag_contract::settings::replay::{Pace, Replay};

    use super::*;
    use crate::Rules;
    use crate::cassette::Recorder;
    use crate::desk::Reply;
    use crate::dial::Dialer;
    use crate::exchange::TcpAnswer;

    #[test]
    fn an_answer_that_nobody_waited_for_is_missing_in_a_recording() {
        let folder = tempfile::tempdir().unwrap();
        let settings: Replay = toml::from_str("cassette = 'x'").unwrap();
        let rules = Arc::new(Rules::compile(&settings).unwrap());
        let dir = camino::Utf8Path::from_path(folder.path()).unwrap().join("x");
        let recorder = Arc::new(Recorder::create(&dir, rules.clone(), None).unwrap());
        let dialer = Arc::new(Dialer::new(None).unwrap());
        let desk = Desk::new(rules.clone(), Source::Record { dialer, recorder, known: None }, Pace::Instant);
        let connection = desk.connect("db");
        let ticket = || match connection.ask(rules.statement("tcp://db:1", "db", "hello", "hello", 5)) {
            Reply::Forward(ticket) => ticket,
            _ => panic!("there is a way to the outside"),
        };
        ticket().answered(Answer::Tcp(TcpAnswer::default()), Timing::default());
        assert_eq!(desk.troubles(), []);
        drop(ticket());
        let told = desk.troubles()[0].to_string();
        assert!(told.contains("the application left hello before there was an answer"), "{told}");
    }
}
