//! The loop of one try: ask, do what is called for, ask again, until the model calls for nothing more.

use std::time::Duration;

use genai::chat::{ToolCall, ToolResponse};
use sprag_agent::builtin::Event;
use sprag_agent::{Failure, FailureKind, Usage};

use crate::Events;
use crate::conversation::Conversation;
use crate::model::{Answer, Model, Trouble};
use crate::tools::Tools;

/// More answers of the model in one try are given up.
const MOST_TURNS: usize = 200;
/// The same calls so often in a row that came to the same are told to the model.
const SAME_TOLD: usize = 3;
/// And so often, they end the try.
const SAME_MOST: usize = 6;
/// A longer wait that a server asks for is left to the session.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

const SYSTEM: &str = "\
You are a coding agent that works alone in a folder, a copy of a repository, by calling tools. Paths are relative to that folder. \
Look before you edit. Do what the brief asks, make the change whole, and when you are done answer in one line what you changed, \
without calling a tool. Nobody answers questions.";

/// One try.
pub(crate) struct Turns<'a> {
    model: Model,
    tools: Tools,
    talk: Conversation,
    waits: &'a [Duration],
    sum: Option<Usage>,
    same: Same,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(
        model: Model,
        tools: Tools,
        brief: String,
        context: u64,
        waits: &'a [Duration],
    ) -> Self {
        let talk = Conversation::new(SYSTEM, brief, tools.offered(), context);
        Self { model, tools, talk, waits, sum: None, same: Same::default() }
    }

    /// # Errors
    /// Why the try came to nothing.
    pub(crate) fn run(mut self, events: &mut Events<'_>) -> Result<(), Failure> {
        for _ in 0..MOST_TURNS {
            if let Some(taken) = self.talk.fit()? {
                events.tell(&Event::Shortened { answers: taken.answers, turns: taken.turns });
            }
            let answer = self.ask(events)?;
            let sum = plus(self.sum.take(), answer.usage);
            events.tell(&Event::Used { sum: sum.clone() });
            self.sum = Some(sum);
            if !answer.text.trim().is_empty() {
                events.tell(&Event::Said { text: answer.text });
            }
            if answer.is_withheld {
                let said = "the server withheld the answer, as one that must not be given";
                return Err(Failure::new(FailureKind::Model, said));
            }
            if answer.calls.is_empty() {
                return Ok(());
            }
            let results = self.call(&answer.calls, events);
            let times = self.same.times(&answer.calls, &results);
            if times >= SAME_MOST {
                let said = format!("the same calls {times} times in a row, which each time came to the same");
                return Err(Failure::new(FailureKind::Model, said));
            }
            self.talk.add(answer.message, told_of(results, times));
        }
        Err(Failure::new(FailureKind::Model, format!("no end within {MOST_TURNS} turns")))
    }

    /// Asks until there is an answer, or waiting for one is pointless here.
    fn ask(&self, events: &mut Events<'_>) -> Result<Answer, Failure> {
        let mut waits = self.waits.iter();
        loop {
            let request = self.talk.request(self.model.marks_what_is_cached());
            let Trouble { failure, wait: asked_for, has_begun } = match self.model.ask(request) {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            if has_begun {
                events.tell(&Event::BrokeOff);
            }
            let next = waits.next().filter(|_| failure.kind.passes());
            let Some(wait) = next.map(|wait| asked_for.unwrap_or(*wait)).filter(|wait| *wait <= LONGEST_WAIT)
            else {
                return Err(failure);
            };
            events.tell(&Event::Waits { wait, kind: failure.kind, said: failure.said });
            std::thread::sleep(wait);
        }
    }

    fn call(&self, calls: &[ToolCall], events: &mut Events<'_>) -> Vec<ToolResponse> {
        let answer = |call: &ToolCall| {
            events.tell(&Event::Called { tool: call.fn_name.clone(), arguments: call.fn_arguments.clone() });
            let (is_error, text) = match self.tools.call(&call.fn_name, &call.fn_arguments) {
                Ok(text) => (false, text),
                Err(why) => (true, format!("error: {why}")),
            };
            events.tell(&Event::Answered { is_error, text: text.clone() });
            ToolResponse::from_tool_call(call, text)
        };
        calls.iter().map(answer).collect()
    }
}

/// The last calls and what they came to.
#[derive(Default)]
struct Same {
    last: Vec<(String, String, String)>,
    times: usize,
}

impl Same {
    /// How often in a row there were these calls with these results.
    fn times(&mut self, calls: &[ToolCall], results: &[ToolResponse]) -> usize {
        let now: Vec<_> = calls
            .iter()
            .zip(results)
            .map(|(call, result)| {
                (call.fn_name.clone(), call.fn_arguments.to_string(), result.content.clone())
            })
            .collect();
        self.times = if now == self.last { self.times + 1 } else { 1 };
        self.last = now;
        self.times
    }
}

fn told_of(mut results: Vec<ToolResponse>, times: usize) -> Vec<ToolResponse> {
    if times >= SAME_TOLD
        && let Some(last) = results.last_mut()
    {
        last.content.push_str(&format!("\n(the same call {times} times in a row: do something else)"));
    }
    results
}

/// The sum; what one answer does not tell is unknown in it, but for reasoning, which servers tell only where there was some.
fn plus(sum: Option<Usage>, answer: Usage) -> Usage {
    let Some(sum) = sum else { return answer };
    let both = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
    let reasoning = [sum.reasoning, answer.reasoning];
    Usage {
        input: both(sum.input, answer.input),
        cached: both(sum.cached, answer.cached),
        output: both(sum.output, answer.output),
        reasoning: reasoning.into_iter().flatten().reduce(u64::saturating_add),
        usd: None,
    }
}
