//! OpenAI Responses.

use serde_json::{Value, json};

use super::{Said, event};

/// Calls that stand side by side are of one turn.
pub(super) fn turns(request: &Value) -> usize {
    let called = |item: &Value| {
        let kind = item["type"].as_str().unwrap_or_default();
        matches!(kind, "function_call" | "custom_tool_call" | "local_shell_call")
    };
    let items = request["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    let begins = |at: &usize| called(&items[*at]) && !(*at > 0 && called(&items[*at - 1]));
    (0..items.len()).filter(begins).count()
}

fn items(said: &Said<'_>) -> Vec<Value> {
    let mut items = Vec::new();
    if !said.step.text.is_empty() || said.step.tools.is_empty() {
        let content = json!([{ "type": "output_text", "text": said.step.text, "annotations": [] }]);
        items.push(json!({
            "type": "message", "id": said.id("msg", 0), "role": "assistant", "status": "completed", "content": content,
        }));
    }
    for (at, call) in said.step.tools.iter().enumerate() {
        // A tool of a namespace is written `namespace.name`: no name has a dot in it.
        let (namespace, name) =
            call.tool.split_once('.').map_or((None, call.tool.as_str()), |(n, t)| (Some(n), t));
        let mut item = json!({
            "type": "function_call", "id": said.id("fc", at), "call_id": said.id("call", at), "name": name,
            "arguments": call.arguments(), "status": "completed",
        });
        if let Some(namespace) = namespace {
            item["namespace"] = namespace.into();
        }
        items.push(item);
    }
    items
}

fn response(said: &Said<'_>, status: &str, output: Vec<Value>) -> Value {
    json!({
        "id": said.id("resp", 0), "object": "response", "created_at": 1, "model": said.model, "status": status,
        "output": output,
    })
}

pub(super) fn whole(said: &Said<'_>) -> Value {
    let used = said.usage;
    let input = used.input + used.cached;
    let mut whole = response(said, "completed", items(said));
    whole["usage"] = json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": used.cached },
        "output_tokens": used.output,
        "output_tokens_details": { "reasoning_tokens": used.reasoning },
        "total_tokens": input + used.output,
    });
    whole
}

pub(super) fn stream(said: &Said<'_>) -> Vec<String> {
    let mut events: Vec<(&str, Value)> =
        vec![("response.created", json!({ "response": response(said, "in_progress", Vec::new()) }))];
    for (at, item) in items(said).into_iter().enumerate() {
        let mut begun = item.clone();
        let (id, text) = (&item["id"], &item["content"][0]["text"]);
        let is_call = item["type"] == "function_call";
        *(if is_call { &mut begun["arguments"] } else { &mut begun["content"] }) =
            if is_call { "".into() } else { json!([]) };
        events.push(("response.output_item.added", json!({ "output_index": at, "item": begun })));
        if is_call {
            let place = json!({ "output_index": at, "item_id": id });
            let (mut delta, mut done) = (place.clone(), place);
            delta["delta"] = item["arguments"].clone();
            done["arguments"] = item["arguments"].clone();
            events.push(("response.function_call_arguments.delta", delta));
            events.push(("response.function_call_arguments.done", done));
        } else {
            let place = json!({ "output_index": at, "content_index": 0, "item_id": id });
            let (mut part, mut delta, mut done) = (place.clone(), place.clone(), place);
            part["part"] = json!({ "type": "output_text", "text": "", "annotations": [] });
            delta["delta"] = text.clone();
            done["text"] = text.clone();
            events.push(("response.content_part.added", part));
            events.push(("response.output_text.delta", delta));
            events.push(("response.output_text.done", done));
        }
        events.push(("response.output_item.done", json!({ "output_index": at, "item": item })));
    }
    events.push(("response.completed", json!({ "response": whole(said) })));
    let numbered = events.into_iter().enumerate().map(|(at, (name, mut data))| {
        data["type"] = name.into();
        data["sequence_number"] = at.into();
        event(name, &data)
    });
    numbered.collect()
}
