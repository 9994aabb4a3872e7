//! Any program that edits a folder, by the person's own command line.

use regex::Regex;
use sprag_contract::settings::UsagePatterns;
use sprag_measure::process::{Program, Status};

use super::{Adapter, Call};
use crate::Tells;
use crate::told::Told;

pub(crate) struct Command {
    line: String,
    input: Option<Regex>,
    cached: Option<Regex>,
    output: Option<Regex>,
    reasoning: Option<Regex>,
    usd: Option<Regex>,
}

impl Command {
    pub(crate) fn new(line: &str, usage: &UsagePatterns) -> Self {
        // The settings were refused where one is no pattern.
        let read = |pattern: &Option<String>| pattern.as_deref().and_then(|pattern| Regex::new(pattern).ok());
        Self {
            line: line.to_owned(),
            input: read(&usage.input),
            cached: read(&usage.cached),
            output: read(&usage.output),
            reasoning: read(&usage.reasoning),
            usd: read(&usage.usd),
        }
    }
}

impl Adapter for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// The line is the shell's; what is put in is quoted, so that no word of the brief is one of its own.
    fn call(&self, call: &Call<'_>) -> Program {
        let mut line = self.line.replace("{prompt_file}", &quoted(call.brief_file.as_str()));
        // Last, so that nothing is put into the brief.
        line = line.replace("{prompt}", &quoted(call.brief));
        for more in call.args {
            line.push(' ');
            line.push_str(&quoted(more));
        }
        Program::Shell(line)
    }

    fn reads(&self) -> &'static [&'static str] {
        &[]
    }

    fn tells(&self) -> Tells {
        let tokens = self.input.is_some() && self.cached.is_some() && self.output.is_some();
        Tells { usd: self.usd.is_some(), tokens }
    }

    fn read(&self, line: &str, told: &mut Told) {
        let text = |pattern: &Option<Regex>| {
            let found = pattern.as_ref()?.captures(line)?.get(1)?.as_str().replace(',', "");
            Some(found)
        };
        let mut spent = told.sum();
        let count = |pattern: &Option<Regex>, known: Option<u64>| {
            text(pattern).map_or(known, |found| found.parse().ok())
        };
        spent.input = count(&self.input, spent.input);
        spent.cached = count(&self.cached, spent.cached);
        spent.output = count(&self.output, spent.output);
        spent.reasoning = count(&self.reasoning, spent.reasoning);
        spent.usd = text(&self.usd).map_or(spent.usd, |found| found.parse().ok());
        told.set(spent);
        told.say(line);
    }

    fn ended(&self, status: Status, told: &mut Told) {
        told.is_over = status.is_success();
    }
}

/// One word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
