//! What the model says: JSON, one step a turn.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the model says, turn by turn.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The turns. After the last one the model says that it is done.
    pub steps: Vec<Step>,
    /// Other turns for some conversations. Where several fit, the last one counts.
    #[serde(default)]
    pub conversations: Vec<Conversation>,
    /// What each answer is said to have cost.
    #[serde(default)]
    pub usage: Usage,
    /// Whether requests that offer no tools are answered by the script as well. Agents ask for titles and summaries on the
    /// side; without this they get `ok`.
    #[serde(default)]
    pub toolless: bool,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The text is no script; the error has its line.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The turns of a conversation in which people have said this, and which ones they are: 0 for [`Script::steps`], then
    /// those of [`Script::conversations`].
    pub(crate) fn turns_for(&self, said: &str) -> (usize, &[Step]) {
        match self.conversations.iter().rposition(|about| said.contains(&about.when)) {
            Some(at) => (at + 1, &self.conversations[at].steps),
            None => (0, &self.steps),
        }
    }
}

/// The turns of a conversation that is about something.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// What somebody says in it who is neither the model nor a tool.
    pub when: String,
    /// Its turns.
    pub steps: Vec<Step>,
}

/// One turn of the model: words, then calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// What it says.
    pub text: String,
    /// What it calls.
    pub tools: Vec<Call>,
    /// What goes wrong with the answer.
    pub fault: Option<Fault>,
    /// How often it goes wrong before the answer comes as it should; always without.
    pub times: Option<u32>,
}

impl Step {
    /// A turn of words alone.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// The step with what its calls copy from `latest`, what the model was told last. An argument `"@re:PATTERN"` becomes
    /// the first group of the pattern's last match there: a number where it is one; null where nothing matches.
    #[must_use]
    pub(crate) fn copying_from(mut self, latest: &str) -> Self {
        for call in &mut self.tools {
            copy(&mut call.args, latest);
        }
        self
    }
}

fn copy(value: &mut Value, latest: &str) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| copy(value, latest)),
        Value::Object(map) => map.values_mut().for_each(|value| copy(value, latest)),
        Value::String(text) => {
            if let Some(pattern) = text.strip_prefix("@re:") {
                *value = found(pattern, latest);
            }
        }
        _ => {}
    }
}

fn found(pattern: &str, latest: &str) -> Value {
    let Ok(pattern) = Regex::new(pattern) else { return Value::Null };
    let last = pattern.captures_iter(latest).last();
    let Some(text) = last.and_then(|groups| groups.get(1)).map(|group| group.as_str()) else {
        return Value::Null;
    };
    text.parse::<f64>().map_or_else(|_| text.into(), Value::from)
}

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
    /// The text of the arguments, in place of `args`: what is no JSON, for one.
    pub raw: Option<String>,
}

impl Call {
    pub(crate) fn arguments(&self) -> String {
        self.raw.clone().unwrap_or_else(|| self.args.to_string())
    }
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An HTTP error: 401 for a wrong key, 429 for a rate limit, 500 for an outage.
    Status {
        /// The status.
        code: u16,
        /// What the error says.
        message: String,
    },
    /// The connection is closed after so many pieces of the answer.
    Cut(usize),
    /// The answer is 200, and nothing that the protocol knows.
    Garbage,
    /// So many milliseconds pass before each piece of the answer.
    Slow(u64),
}

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Input that no cache served.
    pub input: u64,
    /// Input that the cache served.
    pub cached: u64,
    /// Output, with the reasoning.
    pub output: u64,
    /// Of the output, what was reasoning.
    pub reasoning: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 1000, cached: 0, output: 50, reasoning: 0 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_argument_is_copied_from_what_was_said_last() {
        let step: Step = serde_json::from_value(json!({
            "tools": [{"tool": "log", "args": {"ms": "@re:ms=([0-9.]+)", "all": ["@re:by (\\w+)", "@re:not there", "as it is"]}}]
        }))
        .unwrap();
        let copied = step.copying_from("METRIC ms=9\nMETRIC ms=4.5 by hand");
        assert_eq!(copied.tools[0].args, json!({"ms": 4.5, "all": ["hand", null, "as it is"]}));
    }

    #[test]
    fn the_last_conversation_that_fits_is_played() {
        let turn = |text: &str| json!([{ "text": text }]);
        let about = |when: &str| json!({ "when": when, "steps": turn(when) });
        let script = json!({ "steps": turn("else"), "conversations": [about("first"), about("second")] });
        let script = Script::parse(&script.to_string()).unwrap();
        for (said, which) in [("nothing", 0), ("after the first", 1), ("after first and second", 2)] {
            let (at, turns) = script.turns_for(said);
            assert_eq!((at, turns[0].text.as_str()), (which, ["else", "first", "second"][which]));
        }
    }

    #[test]
    fn a_slip_in_a_script_is_an_error() {
        assert!(Script::parse(r#"{"steps":[{"txt":"hello"}]}"#).is_err());
        assert!(Script::parse(r#"{"steps":[{"fault":{"cut":2},"times":1},{"fault":"garbage"}]}"#).is_ok());
    }
}
