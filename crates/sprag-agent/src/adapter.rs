//! What is peculiar to each agent: how it is called, what it may read of the environment, and what its events mean.

mod claude;
mod codex;
mod command;
mod opencode;
mod pi;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::Value;
use sprag_measure::process::{Program, Status};

pub(crate) use claude::Claude;
pub(crate) use codex::Codex;
pub(crate) use command::Command;
pub(crate) use opencode::OpenCode;
pub(crate) use pi::Pi;

use crate::Tells;
use crate::told::Told;

/// An agent that is called anew for each try, with the brief on its standard input and the copy as its folder.
pub(crate) trait Adapter: Send {
    /// What rows call it, and what `--agent` calls it.
    fn name(&self) -> &'static str;

    /// The program that is called and how it is installed; `None` where the person's own line says what to call.
    fn program(&self) -> Option<(&'static str, &'static str)>;

    /// What is run.
    fn call(&self, call: &Call<'_>) -> Program;

    /// The environment variables that it reads, besides those of any program.
    fn reads(&self) -> &'static [&'static str];

    /// What is added to its environment.
    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What its events tell of what a try has used. Those of some models may tell less.
    fn tells(&self) -> Tells {
        Tells::ALL
    }

    /// Takes in one line of its output.
    fn read(&self, line: &str, told: &mut Told);

    /// Takes in how its process ended.
    fn ended(&self, _status: Status, _told: &mut Told) {}

    /// Whether a line says nothing that the others do not say: it is left out of the transcript.
    fn is_noise(&self, _line: &str) -> bool {
        false
    }
}

/// What a call is made of.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The model, in the agent's own words.
    pub(crate) model: Option<&'a str>,
    /// The person's own arguments.
    pub(crate) args: &'a [String],
    /// What it will find in its environment.
    pub(crate) env: &'a BTreeMap<String, String>,
    /// The copy that it edits.
    pub(crate) copy: &'a Utf8Path,
    /// The brief.
    pub(crate) brief: &'a str,
    /// The file that the brief is in.
    pub(crate) brief_file: &'a Utf8Path,
    /// The US dollars that are left; `None`: there is no limit.
    pub(crate) usd_left: Option<f64>,
}

impl Call<'_> {
    /// A program with `fixed` arguments, then the model after `flag`, then the person's own.
    fn of(&self, program: &str, fixed: &[&str], flag: &str) -> Vec<String> {
        let mut argv: Vec<String> =
            std::iter::once(&program).chain(fixed).map(|word| (*word).to_owned()).collect();
        argv.extend(self.model.iter().flat_map(|model| [flag.to_owned(), (*model).to_owned()]));
        argv.extend(self.args.iter().cloned());
        argv
    }
}

/// Those that can be looked for.
pub(crate) fn all() -> [Box<dyn Adapter>; 4] {
    [Box::new(Claude), Box::new(Codex), Box::new(Pi), Box::new(OpenCode)]
}

/// A line as an event, and its type; `None` for what is none. Agents print warnings among their events.
fn event(line: &str) -> Option<(String, Value)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let kind = event.get("type")?.as_str()?.to_owned();
    Some((kind, event))
}

/// The text parts of a message, as lines.
fn text_of(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    let texts: Vec<&str> =
        parts.filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n")
}

/// Input that no cache served, where what was written to the cache is counted apart.
fn with_written(input: Option<u64>, written: Option<u64>) -> Option<u64> {
    Some(input?.saturating_add(written.unwrap_or(0)))
}
