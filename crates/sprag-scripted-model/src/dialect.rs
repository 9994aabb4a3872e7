//! The three protocols in which models are asked.

mod chat;
mod messages;
mod responses;

use serde_json::{Value, json};

use crate::{Step, Usage};

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
}

/// What is said in an answer, and what tells it from others.
pub(crate) struct Said<'a> {
    pub(crate) step: &'a Step,
    pub(crate) usage: Usage,
    pub(crate) model: &'a Value,
    /// Counts the answers, so that no two of their ids are the same.
    pub(crate) nth: usize,
}

impl Said<'_> {
    /// An id of this answer, such as of its second call.
    fn id(&self, kind: &str, part: usize) -> String {
        format!("{kind}_{}_{part}", self.nth)
    }
}

impl Dialect {
    /// That of an address; `None` where none is spoken there.
    pub(crate) fn at(path: &str) -> Option<Self> {
        [("/chat/completions", Self::Chat), ("/responses", Self::Responses), ("/messages", Self::Messages)]
            .into_iter()
            .find_map(|(end, dialect)| path.ends_with(end).then_some(dialect))
    }

    /// In how many turns of the conversation the model has called tools.
    pub(crate) fn turns(self, request: &Value) -> usize {
        match self {
            Self::Chat => chat::turns(request),
            Self::Responses => responses::turns(request),
            Self::Messages => messages::turns(request),
        }
    }

    /// All text of what the model was told last: a person's words, or what a tool answered.
    pub(crate) fn latest(self, request: &Value) -> String {
        let list = if self == Self::Responses { "input" } else { "messages" };
        let mut text = String::new();
        if let Some(last) = request[list].as_array().and_then(|list| list.last()) {
            gather(last, &mut text);
        }
        text
    }

    /// All that was said by neither the model nor a tool: a person's words, and the agent's own.
    pub(crate) fn said(self, request: &Value) -> String {
        let list = if self == Self::Responses { "input" } else { "messages" };
        let mut text = String::new();
        let of_people =
            |message: &&Value| matches!(message["role"].as_str(), Some("user" | "system" | "developer"));
        for message in request[list].as_array().into_iter().flatten().filter(of_people) {
            match message["content"].as_array() {
                // What a tool answered stands among what the user says in one of the protocols.
                Some(parts) => {
                    let parts = parts.iter().filter(|part| part["type"] != "tool_result");
                    parts.for_each(|part| gather(part, &mut text));
                }
                None => gather(&message["content"], &mut text),
            }
        }
        text
    }

    /// The names of the tools that the request offers.
    pub(crate) fn tools(self, request: &Value) -> Vec<String> {
        let name = |tool: &Value| {
            let names = [&tool["name"], &tool["function"]["name"], &tool["type"]];
            names.into_iter().find_map(Value::as_str).map(str::to_owned)
        };
        request["tools"].as_array().into_iter().flatten().filter_map(name).collect()
    }

    /// The answer in one piece.
    pub(crate) fn whole(self, said: &Said<'_>) -> Value {
        match self {
            Self::Chat => chat::whole(said),
            Self::Responses => responses::whole(said),
            Self::Messages => messages::whole(said),
        }
    }

    /// The answer as server-sent events.
    pub(crate) fn stream(self, said: &Said<'_>) -> Vec<String> {
        match self {
            Self::Chat => chat::stream(said),
            Self::Responses => responses::stream(said),
            Self::Messages => messages::stream(said),
        }
    }

    /// An error, as each of them writes it.
    pub(crate) fn error(code: u16, message: &str) -> Value {
        let kind = match code {
            401 => "authentication_error",
            429 => "rate_limit_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        json!({ "type": "error", "error": { "type": kind, "message": message } })
    }
}

/// One server-sent event with a name.
fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Every text in a value.
fn gather(value: &Value, text: &mut String) {
    match value {
        Value::String(said) => {
            text.push_str(said);
            text.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|value| gather(value, text)),
        Value::Object(map) => map.values().for_each(|value| gather(value, text)),
        _ => {}
    }
}
