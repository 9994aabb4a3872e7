//! Sprag's own agent: this very program, started again.

use sprag_contract::settings::Agent as Settings;
use sprag_measure::process::Program;

use super::{Adapter, Call};
use crate::builtin::{COMMAND, Event, KEYS, Options, USUAL_CONTEXT};
use crate::told::Told;
use crate::{Failure, Tells};

pub(crate) struct Builtin {
    program: String,
    options: Options,
}

impl Builtin {
    /// Without a model the process says that there is none of that name.
    pub(crate) fn new(settings: &Settings) -> Self {
        let exe = std::env::current_exe().ok().and_then(|exe| exe.into_os_string().into_string().ok());
        Self {
            // Until it has become another program, a process that Sprag starts is Sprag.
            program: exe.unwrap_or_else(|| "/proc/self/exe".to_owned()),
            options: Options {
                model: settings.model.clone().unwrap_or_default(),
                url: settings.url.clone(),
                key: settings.key.clone(),
                context: settings.context.unwrap_or(USUAL_CONTEXT),
                shell: settings.shell.unwrap_or(false),
            },
        }
    }
}

impl Adapter for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    fn call(&self, _call: &Call<'_>) -> Program {
        let options = serde_json::to_string(&self.options).expect("texts and numbers become JSON");
        Program::Argv(vec![self.program.clone(), COMMAND.to_owned(), options])
    }

    fn reads(&self) -> &'static [&'static str] {
        KEYS
    }

    fn tells(&self) -> Tells {
        Tells { usd: false, tokens: true }
    }

    fn read(&self, line: &str, told: &mut Told) {
        // What is no event, such as a panic's words, says nothing; without an end it is told as a death.
        let Ok(event) = serde_json::from_str(line) else { return };
        match event {
            Event::Said { text } => told.say(&text),
            Event::Called { .. } | Event::Answered { .. } => told.say(""),
            Event::Used { sum } => told.set(sum),
            Event::BrokeOff => told.lose_count(),
            Event::Waits { kind, said, .. } => told.fail(Failure::new(kind, said)),
            Event::Shortened { .. } => {}
            Event::Done => told.is_over = true,
            Event::Failed { kind, said } => {
                told.is_over = true;
                told.fail(Failure::new(kind, said));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{FailureKind, Usage};

    fn told(events: &[Event]) -> Told {
        let adapter = Builtin::new(&Settings::default());
        let mut told = Told::default();
        for event in events {
            adapter.read(&serde_json::to_string(event).unwrap(), &mut told);
        }
        told
    }

    fn used(input: u64) -> Event {
        Event::Used { sum: Usage { input: Some(input), ..Usage::default() } }
    }

    fn waits(kind: FailureKind) -> Event {
        Event::Waits { wait: Duration::from_millis(500), kind, said: "slow down".to_owned() }
    }

    #[test]
    fn a_wait_that_was_worth_it_is_overcome_and_the_last_sum_counts() {
        let said = Event::Said { text: "done".to_owned() };
        let told = told(&[used(5), waits(FailureKind::RateLimit), used(8), said, Event::Done]);
        assert_eq!((told.failure.as_ref(), told.words.as_str(), told.usage().input), (None, "done", Some(8)));
    }

    #[test]
    fn an_answer_that_broke_off_leaves_the_cost_unknown() {
        assert_eq!(told(&[used(5), Event::BrokeOff, used(8), Event::Done]).usage(), Usage::default());
    }

    #[test]
    fn a_failure_is_of_the_kind_that_the_process_says() {
        let failed = Event::Failed { kind: FailureKind::Authentication, said: "no key".to_owned() };
        let told = told(&[used(5), failed]);
        assert!(told.is_over && told.is_hopeless() && told.usage().input == Some(5), "{told:?}");
    }

    #[test]
    fn a_line_that_is_no_event_says_nothing() {
        let adapter = Builtin::new(&Settings::default());
        let mut told = Told::default();
        for line in ["thread 'main' panicked", "{}", "[1]", "{\"type\":\"sang\"}"] {
            adapter.read(line, &mut told);
        }
        assert!(!told.is_over && told.failure.is_none() && told.words.is_empty());
    }
}
