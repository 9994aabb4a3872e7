//! Anthropic Messages.

use serde_json::{Value, json};

use super::{Said, event};

pub(super) fn turns(request: &Value) -> usize {
    let called = |message: &&Value| {
        let mut parts = message["content"].as_array().into_iter().flatten();
        message["role"] == "assistant" && parts.any(|part| part["type"] == "tool_use")
    };
    request["messages"].as_array().into_iter().flatten().filter(called).count()
}

fn usage(said: &Said<'_>, output: u64) -> Value {
    json!({
        "input_tokens": said.usage.input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": said.usage.cached,
        "output_tokens": output,
    })
}

fn stop(said: &Said<'_>) -> &'static str {
    if said.step.tools.is_empty() { "end_turn" } else { "tool_use" }
}

fn message(said: &Said<'_>, content: Value, stop: Value, output: u64) -> Value {
    json!({
        "id": said.id("msg", 0), "type": "message", "role": "assistant", "model": said.model, "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": usage(said, output),
    })
}

pub(super) fn whole(said: &Said<'_>) -> Value {
    let mut content = Vec::new();
    if !said.step.text.is_empty() {
        content.push(json!({ "type": "text", "text": said.step.text }));
    }
    for (at, call) in said.step.tools.iter().enumerate() {
        // Here arguments are a value and no text; what is no JSON can only be a text in their place.
        let input = serde_json::from_str(&call.arguments()).unwrap_or_else(|_| call.arguments().into());
        content.push(tool_use(said, at, input));
    }
    message(said, content.into(), stop(said).into(), said.usage.output)
}

fn tool_use(said: &Said<'_>, at: usize, input: Value) -> Value {
    json!({ "type": "tool_use", "id": said.id("toolu", at), "name": said.step.tools[at].tool, "input": input })
}

pub(super) fn stream(said: &Said<'_>) -> Vec<String> {
    let start = json!({ "type": "message_start", "message": message(said, json!([]), Value::Null, 1) });
    let mut events = vec![event("message_start", &start)];
    let mut block = |start: Value, delta: Value| {
        let index = (events.len() - 1) / 3;
        for (name, key, value) in
            [("content_block_start", "content_block", start), ("content_block_delta", "delta", delta)]
        {
            events.push(event(name, &json!({ "type": name, "index": index, key: value })));
        }
        let name = "content_block_stop";
        events.push(event(name, &json!({ "type": name, "index": index })));
    };
    if !said.step.text.is_empty() {
        let delta = json!({ "type": "text_delta", "text": said.step.text });
        block(json!({ "type": "text", "text": "" }), delta);
    }
    for (at, call) in said.step.tools.iter().enumerate() {
        let delta = json!({ "type": "input_json_delta", "partial_json": call.arguments() });
        block(tool_use(said, at, json!({})), delta);
    }
    let delta = json!({ "stop_reason": stop(said), "stop_sequence": null });
    let last = json!({ "type": "message_delta", "delta": delta, "usage": usage(said, said.usage.output) });
    events.push(event("message_delta", &last));
    events.push(event("message_stop", &json!({ "type": "message_stop" })));
    events
}
