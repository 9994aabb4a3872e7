//! The server, as a client sees it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

use serde_json::{Value, json};
use sprag_scripted_model::{Script, Server};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";

fn serve(script: Value) -> Server {
    Server::start(Script::parse(&script.to_string()).unwrap()).unwrap()
}

/// Status and text of an answer; `Err` where the connection ended before it did.
fn ask(server: &Server, path: &str, body: &Value) -> Result<(u16, String), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("{}{path}", server.url())).header("authorization", "Bearer secret");
    let mut response = request.send(body.to_string())?;
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}

fn json_of(server: &Server, path: &str, body: &Value) -> Value {
    serde_json::from_str(&ask(server, path, body).unwrap().1).unwrap()
}

/// The data of the events of a stream.
fn events(server: &Server, path: &str, body: &Value) -> Vec<String> {
    let (_, text) = ask(server, path, body).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// The beginning of a conversation, with one tool to call.
fn begin(list: &str, stream: bool) -> Value {
    json!({ "model": "m", "stream": stream, "tools": [{ "name": "read" }], list: [{ "role": "user", "content": "go" }] })
}

fn two_turns() -> Value {
    json!({
        "usage": { "input": 10, "cached": 3, "output": 5, "reasoning": 2 },
        "steps": [
            { "text": "I look.", "tools": [{ "tool": "read", "args": { "path": "a" } }] },
            { "tools": [{ "tool": "log", "args": { "ms": "@re:ms=([0-9.]+)" } }] },
        ],
    })
}

#[test]
fn what_people_say_picks_the_turns_and_what_a_tool_or_the_model_says_does_not() {
    let about = json!([{ "when": "second", "steps": [{ "text": "two" }] }]);
    let server = serve(json!({ "steps": [{ "text": "one" }], "conversations": about, "toolless": true }));
    let asked = |path: &str, list: &str, messages: Value| {
        json_of(&server, path, &json!({ "model": "m", list: messages }));
        server.asked().pop().unwrap().conversation
    };
    let user = |text: &str| json!({ "role": "user", "content": text });
    let model = json!({ "role": "assistant", "content": "the second" });
    for (path, list) in [(CHAT, "messages"), (RESPONSES, "input"), (MESSAGES, "messages")] {
        assert_eq!(asked(path, list, json!([user("the first"), model])), 0, "{path}");
        assert_eq!(asked(path, list, json!([user("the second"), model])), 1, "{path}");
    }
    let result = json!([{ "type": "tool_result", "content": "the second" }]);
    assert_eq!(asked(MESSAGES, "messages", json!([user("go"), { "role": "user", "content": result }])), 0);
    assert_eq!(asked(CHAT, "messages", json!([user("go"), { "role": "tool", "content": "the second" }])), 0);
    let result = json!({ "type": "function_call_output", "output": "the second" });
    assert_eq!(asked(RESPONSES, "input", json!([user("go"), result])), 0);
    let parts = json!([{ "type": "input_text", "text": "the second" }]);
    assert_eq!(asked(RESPONSES, "input", json!([{ "role": "user", "content": parts }])), 1);
}

#[test]
fn each_protocol_says_the_same_and_counts_the_same() {
    let server = serve(two_turns());
    let chat = json_of(&server, CHAT, &begin("messages", false));
    assert_eq!(chat["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], r#"{"path":"a"}"#);
    assert_eq!(chat["usage"]["prompt_tokens"], 13, "what a cache served is part of it here");
    let responses = json_of(&server, RESPONSES, &begin("input", false));
    assert_eq!(responses["output"][1]["arguments"], r#"{"path":"a"}"#);
    assert_eq!(responses["usage"]["output_tokens_details"]["reasoning_tokens"], 2);
    let messages = json_of(&server, MESSAGES, &begin("messages", false));
    assert_eq!(messages["content"][1]["input"], json!({ "path": "a" }));
    assert_eq!(messages["usage"]["input_tokens"], 10, "and here it is not");
    for (path, list) in [(CHAT, "messages"), (RESPONSES, "input"), (MESSAGES, "messages")] {
        let said = events(&server, path, &begin(list, true)).join("\n");
        assert!(said.contains("I look.") && said.contains(r#"{\"path\":\"a\"}"#), "{path}: {said}");
    }
}

#[test]
fn the_turns_of_the_conversation_choose_the_step_and_its_last_words_are_copied() {
    let server = serve(two_turns());
    let spoken = json!({ "role": "assistant", "content": "", "tool_calls": [{ "id": "1" }] });
    let measured = json!({ "role": "tool", "tool_call_id": "1", "content": "METRIC ms=9\nMETRIC ms=4.5" });
    let mut chat = begin("messages", false);
    chat["messages"].as_array_mut().unwrap().extend([spoken, measured]);
    for _ in 0..2 {
        let again = json_of(&server, CHAT, &chat);
        let call = &again["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!((&call["name"], &call["arguments"]), (&json!("log"), &json!(r#"{"ms":4.5}"#)));
    }
    let mut responses = begin("input", false);
    let call = json!({ "type": "function_call", "name": "read", "arguments": "{}" });
    let told = json!({ "type": "function_call_output", "output": "ms=7" });
    // Two calls side by side are one turn.
    responses["input"].as_array_mut().unwrap().extend([call.clone(), call, told]);
    assert_eq!(json_of(&server, RESPONSES, &responses)["output"][0]["arguments"], r#"{"ms":7.0}"#);
    let mut messages = begin("messages", false);
    let used = json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": "1" }] });
    let result = json!({ "role": "user", "content": [{ "type": "tool_result", "content": "ms=2" }] });
    messages["messages"].as_array_mut().unwrap().extend([used.clone(), result.clone()]);
    assert_eq!(json_of(&server, MESSAGES, &messages)["content"][0]["input"], json!({ "ms": 2.0 }));
    messages["messages"].as_array_mut().unwrap().extend([used, result]);
    assert_eq!(json_of(&server, MESSAGES, &messages)["content"][0]["text"], "All done.");
    let steps: Vec<Option<usize>> = server.asked().iter().map(|asked| asked.step).collect();
    assert_eq!(steps, [Some(1), Some(1), Some(1), Some(1), Some(2)]);
}

#[test]
fn what_is_asked_on_the_side_takes_no_step() {
    let server = serve(two_turns());
    let mut title = begin("messages", false);
    title["tools"] = json!([]);
    assert_eq!(json_of(&server, CHAT, &title)["choices"][0]["message"]["content"], "ok");
    assert_eq!(json_of(&server, "/v1/messages/count_tokens", &title), json!({ "input_tokens": 10 }));
    assert_eq!(ask(&server, "/v1/nothing", &title).unwrap().0, 404);
    assert_eq!(ask(&server, CHAT, &json!("no object")).unwrap().0, 404);
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.step.is_none()));
    assert_eq!(asked[0].key.as_deref(), Some("secret"));
    assert!(!serde_json::to_string(&asked).unwrap().contains("secret"), "a key stands in no log");
}

#[test]
fn an_error_strikes_so_often_and_then_the_answer_comes() {
    for code in [401, 429, 500] {
        let fault = json!({ "status": { "code": code, "message": "not now" } });
        let server = serve(json!({ "steps": [{ "text": "at last", "fault": fault, "times": 2 }] }));
        let statuses = [(); 3].map(|()| ask(&server, MESSAGES, &begin("messages", true)).unwrap());
        assert_eq!(statuses.each_ref().map(|(status, _)| *status), [code, code, 200]);
        assert!(statuses[0].1.contains("not now") && statuses[2].1.contains("at last"));
    }
}

#[test]
fn an_answer_can_be_cut_slow_and_garbage() {
    let step = |fault: Value| serve(json!({ "steps": [{ "text": "words", "fault": fault }] }));
    for (path, list) in [(CHAT, "messages"), (RESPONSES, "input"), (MESSAGES, "messages")] {
        let cut = step(json!({ "cut": 2 }));
        assert!(
            ask(&cut, path, &begin(list, true)).is_err(),
            "{path}: the connection ends before the answer"
        );
        let slow = step(json!({ "slow": 1 }));
        assert!(events(&slow, path, &begin(list, true)).join("").contains("words"));
        let garbage = step(json!("garbage"));
        let (status, text) = ask(&garbage, path, &begin(list, true)).unwrap();
        assert!(status == 200 && serde_json::from_str::<Value>(&text).is_err());
    }
}

#[test]
fn arguments_can_be_no_json() {
    let server = serve(json!({ "steps": [{ "tools": [{ "tool": "read", "raw": "{\"path\": " }] }] }));
    for (path, list) in [(CHAT, "messages"), (RESPONSES, "input"), (MESSAGES, "messages")] {
        for stream in [true, false] {
            let (status, text) = ask(&server, path, &begin(list, stream)).unwrap();
            assert!(status == 200 && text.contains(r#"{\"path\": "#), "{path}: {text}");
        }
    }
}

#[test]
fn a_dropped_server_answers_nobody() {
    let server = serve(two_turns());
    let at = format!("{}{CHAT}", server.url());
    ask(&server, CHAT, &begin("messages", false)).unwrap();
    drop(server);
    assert!(ureq::post(&at).send("{}").is_err());
}
