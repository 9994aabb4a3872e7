//! A whole try, asked by a model that plays a script, in each of the three protocols that most servers speak.

use std::fs;

use serde_json::{Value, json};
use sprag_agent::Usage;
use sprag_scripted_model::{Script, Server};

use super::*;

/// How each protocol is named.
const PROTOCOLS: [&str; 3] = ["openai", "openai_resp", "anthropic"];
const SHORT: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(1)];

/// A folder with a file, and what came of a try in it.
struct Tried {
    copy: tempfile::TempDir,
    ended: Result<(), Failure>,
    events: Vec<Event>,
    server: Server,
}

fn try_with(options: impl FnOnce(&mut Options), script: Value) -> Tried {
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("a.txt"), "one\ntwo\n").unwrap();
    let server = Server::start(Script::parse(&script.to_string()).unwrap()).unwrap();
    let mut told = Options {
        model: "openai::scripted".to_owned(),
        url: Some(format!("{}/v1", server.url())),
        key: None,
        context: 128_000,
        shell: true,
    };
    options(&mut told);
    let mut printed = Vec::new();
    let at = Utf8Path::from_path(copy.path()).unwrap();
    let ended = work(&told, "Make it shorter.".to_owned(), at, &SHORT, &mut Events(Box::new(&mut printed)));
    let lines = String::from_utf8(printed).unwrap();
    let events = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Tried { copy, ended, events, server }
}

fn try_in(protocol: &str, script: Value) -> Tried {
    try_with(|options| options.model = format!("{protocol}::scripted"), script)
}

impl Tried {
    fn file(&self, path: &str) -> String {
        fs::read_to_string(self.copy.path().join(path)).unwrap_or_default()
    }

    fn used(&self) -> Usage {
        let sums = self.events.iter().rev().find_map(|event| match event {
            Event::Used { sum } => Some(sum.clone()),
            _ => None,
        });
        sums.unwrap_or_default()
    }

    fn answers(&self) -> Vec<(bool, &str)> {
        let mut answers = Vec::new();
        for event in &self.events {
            if let Event::Answered { is_error, text } = event {
                answers.push((*is_error, text.as_str()));
            }
        }
        answers
    }

    fn count(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is_it(event)).count()
    }
}

fn kind(tried: &Tried) -> FailureKind {
    tried.ended.as_ref().unwrap_err().kind
}

fn waits(event: &Event) -> bool {
    matches!(event, Event::Waits { .. })
}

#[test]
fn a_model_reads_edits_and_measures_in_each_protocol_and_every_token_is_counted() {
    for protocol in PROTOCOLS {
        let tried = try_in(
            protocol,
            json!({
                "usage": { "input": 900, "cached": 100, "output": 50, "reasoning": 7 },
                "steps": [
                    { "text": "I look.", "tools": [{ "tool": "read", "args": { "path": "a.txt" } }, { "tool": "list", "args": {} }] },
                    { "tools": [{ "tool": "edit", "args": { "path": "a.txt", "old": "two\n", "new": "" } }] },
                    { "tools": [{ "tool": "shell", "args": { "command": "wc -l < a.txt" } }] },
                    { "text": "One line less." },
                ],
            }),
        );
        assert_eq!(tried.ended, Ok(()), "{protocol}");
        assert_eq!(tried.file("a.txt"), "one\n", "{protocol}");
        let answers = tried.answers();
        assert_eq!(answers[0], (false, "1\tone\n2\ttwo\n"), "{protocol}");
        assert_eq!(answers[3], (false, "exit code 0\n--- stdout\n1\n"), "{protocol}");
        // Anthropic's protocol does not tell reasoning apart here.
        let reasoning = (protocol != "anthropic").then_some(28);
        let expected =
            Usage { input: Some(3600), cached: Some(400), output: Some(200), reasoning, usd: None };
        assert_eq!(tried.used(), expected, "{protocol}");
        assert!(tried.events.contains(&Event::Said { text: "One line less.".to_owned() }), "{protocol}");
        let asked = tried.server.asked();
        assert_eq!(asked.len(), 4, "{protocol}");
        assert!(asked.iter().all(|asked| asked.body["stream"] == true), "{protocol}");
        assert_eq!(asked[3].step, Some(3), "{protocol}: what was said before is sent back as it was");
    }
}

#[test]
fn arguments_that_are_no_json_are_answered_so_that_the_model_can_mend_them() {
    for protocol in PROTOCOLS {
        let tried = try_in(
            protocol,
            json!({ "steps": [
                { "tools": [{ "tool": "read", "raw": "{\"path\": " }] },
                { "tools": [{ "tool": "read", "args": { "path": "a.txt" } }] },
                { "text": "mended" },
            ] }),
        );
        assert_eq!(tried.ended, Ok(()), "{protocol}");
        let answers = tried.answers();
        assert!(answers[0].0 && answers[0].1.contains("cannot be read"), "{protocol}: {answers:?}");
        assert!(!answers[1].0, "{protocol}: {answers:?}");
    }
}

#[test]
fn what_passes_is_asked_again_and_costs_nothing() {
    for protocol in PROTOCOLS {
        for code in [429, 500, 529] {
            let fault = json!({ "status": { "code": code, "message": "not now" } });
            let tried =
                try_in(protocol, json!({ "steps": [{ "text": "at last", "fault": fault, "times": 2 }] }));
            assert_eq!(tried.ended, Ok(()), "{protocol} {code}");
            assert_eq!(tried.count(waits), 2, "{protocol} {code}");
            assert_eq!(tried.used().input, Some(1000), "{protocol} {code}");
            assert_eq!(tried.count(|event| *event == Event::BrokeOff), 0);
        }
    }
}

#[test]
fn what_does_not_pass_here_is_told_by_its_kind() {
    use FailureKind::*;
    for protocol in PROTOCOLS {
        for (code, expected, times) in [
            (401, Authentication, 1),
            (403, Authentication, 1),
            (400, Model, 1),
            (429, RateLimit, 3),
            (503, Outage, 3),
        ] {
            let fault = json!({ "status": { "code": code, "message": "the reason" } });
            let tried = try_in(protocol, json!({ "steps": [{ "fault": fault }] }));
            assert_eq!(kind(&tried), expected, "{protocol} {code}");
            assert_eq!(tried.ended.as_ref().unwrap_err().said, "the reason", "{protocol} {code}");
            assert_eq!(tried.server.asked().len(), times, "{protocol} {code}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again_and_its_cost_is_unknown() {
    for protocol in PROTOCOLS {
        // By then the first words came, and no end.
        let pieces = if protocol == "openai" { 2 } else { 4 };
        let script = json!({ "steps": [{ "text": "words", "fault": { "cut": pieces }, "times": 1 }] });
        let tried = try_in(protocol, script);
        assert_eq!(tried.ended, Ok(()), "{protocol}");
        let broke = (tried.count(waits), tried.count(|event| *event == Event::BrokeOff));
        assert_eq!(broke, (1, 1), "{protocol}: {:?}", tried.events);
    }
}

#[test]
fn what_is_no_answer_is_an_outage_and_a_slow_one_is_waited_for() {
    for protocol in PROTOCOLS {
        let tried = try_in(protocol, json!({ "steps": [{ "text": "x", "fault": "garbage" }] }));
        assert_eq!(kind(&tried), FailureKind::Outage, "{protocol}: {:?}", tried.events);
        let tried = try_in(protocol, json!({ "steps": [{ "text": "x", "fault": { "slow": 5 } }] }));
        assert_eq!(tried.ended, Ok(()), "{protocol}");
    }
    let gone =
        try_with(|options| options.url = Some("http://127.0.0.1:1/v1".to_owned()), json!({ "steps": [] }));
    assert_eq!((kind(&gone), gone.count(waits)), (FailureKind::Outage, 2));
}

#[test]
fn a_key_comes_from_the_variable_that_is_named_and_from_no_other() {
    // Cargo sets it for tests.
    let with_key =
        try_with(|options| options.key = Some("CARGO_PKG_NAME".to_owned()), json!({ "steps": [] }));
    assert_eq!(with_key.server.asked()[0].key.as_deref(), Some("sprag-builtin-agent"));
    let none = try_with(|options| options.model = "scripted".to_owned(), json!({ "steps": [] }));
    assert_eq!(
        none.server.asked()[0].key.as_deref(),
        Some("none"),
        "no provider's key goes to another address"
    );
    assert_eq!(none.server.asked()[0].path, "/v1/chat/completions");
    let missing =
        try_with(|options| options.key = Some("SPRAG_NO_SUCH_KEY".to_owned()), json!({ "steps": [] }));
    assert_eq!(kind(&missing), FailureKind::Authentication);
    assert!(missing.ended.unwrap_err().said.contains("SPRAG_NO_SUCH_KEY"));
}

#[test]
fn the_same_call_again_and_again_is_told_and_then_ended() {
    let step = json!({ "tools": [{ "tool": "read", "args": { "path": "nothing" } }] });
    let tried = try_in("openai", json!({ "steps": vec![step; 20] }));
    assert_eq!(kind(&tried), FailureKind::Model);
    assert_eq!(tried.answers().len(), 6);
    let last = tried.server.asked().pop().unwrap().body.to_string();
    assert!(last.contains("do something else"), "{last}");
}

#[test]
fn a_conversation_stays_within_the_window_and_the_server_is_asked_on() {
    let step = |n: usize| json!({ "tools": [{ "tool": "read", "args": { "path": "big.txt", "from": n, "lines": 200 } }] });
    let write = json!({ "tools": [{ "tool": "shell", "args": { "command": "seq 1 100000 > big.txt" } }] });
    let mut steps = vec![write];
    steps.extend((1..=14).map(|n| step(n * 200)));
    for protocol in PROTOCOLS {
        let tried = try_with(
            |options| {
                options.context = 8_000;
                options.model = format!("{protocol}::scripted");
            },
            json!({ "steps": steps.clone() }),
        );
        assert_eq!(tried.ended, Ok(()), "{protocol}");
        assert!(tried.count(|event| matches!(event, Event::Shortened { .. })) > 0, "{protocol}");
        for asked in tried.server.asked() {
            let bytes = asked.body.to_string().len();
            assert!(bytes < 8_000 * 4, "{protocol}: {bytes} bytes");
            assert!(asked.body.to_string().contains("Make it shorter."), "{protocol}: the brief stays");
        }
    }
}

#[test]
fn without_a_shell_none_is_offered() {
    let tried = try_with(|options| options.shell = false, json!({ "steps": [] }));
    assert_eq!(tried.server.asked()[0].tools, ["read", "list", "grep", "edit", "write"]);
}
