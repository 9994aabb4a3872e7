//! OpenAI Chat Completions.

use serde_json::{Value, json};

use super::Said;

pub(super) fn turns(request: &Value) -> usize {
    let called = |message: &&Value| {
        message["role"] == "assistant"
            && message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty())
    };
    request["messages"].as_array().into_iter().flatten().filter(called).count()
}

fn usage(said: &Said<'_>) -> Value {
    let used = said.usage;
    let input = used.input + used.cached;
    json!({
        "prompt_tokens": input,
        "completion_tokens": used.output,
        "total_tokens": input + used.output,
        "prompt_tokens_details": { "cached_tokens": used.cached },
        "completion_tokens_details": { "reasoning_tokens": used.reasoning },
    })
}

fn finish(said: &Said<'_>) -> &'static str {
    if said.step.tools.is_empty() { "stop" } else { "tool_calls" }
}

fn head(said: &Said<'_>, object: &str) -> Value {
    json!({ "id": said.id("chatcmpl", 0), "object": object, "created": 1, "model": said.model })
}

fn with(mut head: Value, key: &str, value: Value) -> Value {
    head[key] = value;
    head
}

pub(super) fn whole(said: &Said<'_>) -> Value {
    let calls = said.step.tools.iter().enumerate().map(|(at, call)| {
        let function = json!({ "name": call.tool, "arguments": call.arguments() });
        json!({ "id": said.id("call", at), "type": "function", "function": function })
    });
    let calls: Vec<Value> = calls.collect();
    let mut message = json!({ "role": "assistant", "content": said.step.text });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let choice = json!([{ "index": 0, "message": message, "finish_reason": finish(said) }]);
    with(with(head(said, "chat.completion"), "choices", choice), "usage", usage(said))
}

pub(super) fn stream(said: &Said<'_>) -> Vec<String> {
    let chunk = |choices: Value| with(head(said, "chat.completion.chunk"), "choices", choices);
    let change =
        |delta: Value, finish: Value| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": finish }]));
    let mut chunks = vec![change(json!({ "role": "assistant", "content": "" }), Value::Null)];
    if !said.step.text.is_empty() {
        chunks.push(change(json!({ "content": said.step.text }), Value::Null));
    }
    for (at, call) in said.step.tools.iter().enumerate() {
        let function = json!({ "name": call.tool, "arguments": "" });
        let begun =
            json!({ "index": at, "id": said.id("call", at), "type": "function", "function": function });
        chunks.push(change(json!({ "tool_calls": [begun] }), Value::Null));
        let more = json!({ "index": at, "function": { "arguments": call.arguments() } });
        chunks.push(change(json!({ "tool_calls": [more] }), Value::Null));
    }
    chunks.push(change(json!({}), finish(said).into()));
    chunks.push(with(chunk(json!([])), "usage", usage(said)));
    let mut events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    events.push("data: [DONE]\n\n".to_owned());
    events
}
