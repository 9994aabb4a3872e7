//! What the agents really printed, read back.

use std::collections::BTreeMap;

use super::*;
use crate::{FailureKind, Usage};

/// What came of a recorded stream.
fn play(adapter: &dyn Adapter, case: &str) -> Told {
    let name = format!("{}/tests/streams/{}.{case}.jsonl", env!("CARGO_MANIFEST_DIR"), adapter.name());
    let stream = std::fs::read_to_string(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut told = Told::default();
    stream.lines().for_each(|line| adapter.read(line, &mut told));
    told
}

fn kind(adapter: &dyn Adapter, case: &str) -> Option<FailureKind> {
    play(adapter, case).failure.map(|failure| failure.kind)
}

fn usage(input: u64, cached: u64, output: u64, reasoning: Option<u64>, usd: Option<f64>) -> Usage {
    Usage { input: Some(input), cached: Some(cached), output: Some(output), reasoning, usd }
}

fn dollars(usage: &Usage) -> Option<f64> {
    usage.usd.map(|usd| (usd * 1e6).round() / 1e6)
}

#[test]
fn a_try_that_ends_well_is_told_with_its_last_words_and_what_it_used() {
    // Each answer was said to have used 1200 tokens of input, 300 from a cache, and 80 of output, 7 of them reasoning.
    // Codex needed two answers, the others four.
    let expected: [(Box<dyn Adapter>, Usage); 4] = [
        // The protocol of Claude's server does not tell reasoning apart.
        (Box::new(Claude), usage(4800, 1200, 320, None, Some(0.02584))),
        (Box::new(Codex), usage(2400, 600, 160, Some(14), None)),
        (Box::new(Pi), usage(4800, 1200, 320, Some(28), Some(0.01956))),
        (Box::new(OpenCode), usage(4800, 1200, 320, Some(28), Some(0.01956))),
    ];
    for (adapter, expected) in expected {
        let told = play(&*adapter, "edit");
        assert!(told.is_over && told.failure.is_none(), "{}: {told:?}", adapter.name());
        assert_eq!(told.words, "Done: closed form.", "{}", adapter.name());
        let usage = Usage { usd: dollars(&told.usage()), ..told.usage() };
        assert_eq!(usage, expected, "{}", adapter.name());
    }
}

#[test]
fn the_model_is_the_one_that_the_agent_names() {
    let model = |adapter: &dyn Adapter| play(adapter, "edit").model;
    assert_eq!(model(&Claude).as_deref(), Some("claude-opus-5-5"));
    assert_eq!(model(&Pi).as_deref(), Some("scripted"));
    assert_eq!((model(&Codex), model(&OpenCode)), (None, None), "they name none");
    let mut told = Told::default();
    told.asks(Some(&"m".repeat(5000)));
    assert_eq!(told.model, None, "a name without end is none");
}

#[test]
fn a_try_of_claude_that_used_up_the_money_is_half_made() {
    let mut told = Told::default();
    let end = r#"{"type":"result","subtype":"error_max_budget_usd","is_error":false,"total_cost_usd":0.4,"modelUsage":{"m":{"inputTokens":9,"outputTokens":9,"cacheReadInputTokens":0}}}"#;
    Claude.read(end, &mut told);
    let failure = told.failure.as_ref().unwrap();
    assert_eq!((failure.kind, failure.said.as_str()), (FailureKind::Model, "error_max_budget_usd"));
    assert_eq!(told.usage().usd, Some(0.4));
}

#[test]
fn what_a_server_refuses_is_told_apart_whatever_the_exit_code() {
    use FailureKind::*;
    for adapter in all() {
        for (case, expected) in
            [("auth", Authentication), ("rate", RateLimit), ("outage", Outage), ("refuse", Model)]
        {
            assert_eq!(kind(&*adapter, case), Some(expected), "{} {case}", adapter.name());
        }
    }
    assert_eq!(play(&Pi, "auth").failure.map(|failure| failure.said), Some("bad key".to_owned()));
}

#[test]
fn an_answer_that_breaks_off_is_an_outage_and_what_it_cost_is_unknown() {
    for adapter in [&Claude as &dyn Adapter, &Codex, &Pi] {
        let told = play(adapter, "cut");
        assert_eq!(
            told.failure.as_ref().map(|failure| failure.kind),
            Some(FailureKind::Outage),
            "{}",
            adapter.name()
        );
        assert_eq!(told.usage(), Usage::default(), "{}", adapter.name());
        assert_eq!(kind(adapter, "garbage"), Some(FailureKind::Outage), "{}", adapter.name());
    }
    // OpenCode goes on and on without a word: nothing but the deadline ends it.
    let told = play(&OpenCode, "garbage");
    assert!(!told.is_over && told.failure.is_none() && told.usage() == Usage::default(), "{told:?}");
}

#[test]
fn what_a_refused_request_used_is_nothing_where_that_is_told() {
    assert_eq!(play(&Claude, "auth").usage(), usage(0, 0, 0, Some(0), Some(0.0)));
    assert_eq!(play(&Pi, "rate").usage(), usage(0, 0, 0, None, Some(0.0)));
    assert_eq!(play(&Codex, "rate").usage(), Usage::default(), "a turn that fails is told without a count");
}

#[test]
fn a_key_that_is_missing_or_refused_ends_the_wait_at_once() {
    // The first of these events is enough: the agents ask again for minutes.
    for (adapter, case, needed) in
        [(&Claude as &dyn Adapter, "auth", 3), (&Codex, "auth", 4), (&Claude, "nokey", 99)]
    {
        let name = format!("{}/tests/streams/{}.{case}.jsonl", env!("CARGO_MANIFEST_DIR"), adapter.name());
        let mut told = Told::default();
        for line in std::fs::read_to_string(name).unwrap().lines().take(needed) {
            adapter.read(line, &mut told);
        }
        assert!(told.is_hopeless(), "{} {case}: {told:?}", adapter.name());
    }
    let said = |told: Told| told.failure.map(|failure| failure.said).unwrap_or_default();
    let mut told = Told::default();
    Codex.read(
        r#"{"type":"error","message":"Reconnecting... 1/5 (unexpected status 401 (Unauthorized))"}"#,
        &mut told,
    );
    assert_eq!(said(told), "unexpected status 401 (Unauthorized)");
    for case in ["rate", "outage", "cut", "refuse"] {
        assert!(!play(&Claude, case).is_hopeless(), "{case} may pass");
    }
    assert_eq!(kind(&Codex, "nokey"), Some(FailureKind::Outage), "its own server could not be reached");
    assert_eq!(kind(&OpenCode, "nokey"), Some(FailureKind::Outage), "it says `server error` and no more");
}

#[test]
fn arguments_that_are_no_json_and_no_edit_are_no_failure() {
    for adapter in all() {
        let told = play(&*adapter, "badcall");
        assert!(
            told.failure.is_none() && told.is_over && told.words == "I give up.",
            "{}: {told:?}",
            adapter.name()
        );
        let told = play(&*adapter, "noedit");
        assert!(told.failure.is_none() && told.is_over, "{}: {told:?}", adapter.name());
        assert_eq!(told.words, "There is nothing left to gain.", "{}", adapter.name());
    }
}

#[test]
fn a_failure_that_was_overcome_is_none() {
    let retry = r#"{"type":"system","subtype":"api_retry","error_status":500,"error":"server_error"}"#;
    let answer = r#"{"type":"assistant","message":{"content":[{"type":"text","text":"here"}]}}"#;
    let mut told = Told::default();
    Claude.read(retry, &mut told);
    assert_eq!(told.failure.as_ref().map(|failure| failure.kind), Some(FailureKind::Outage));
    Claude.read(answer, &mut told);
    assert_eq!((told.failure, told.words.as_str()), (None, "here"));
    let mut told = Told::default();
    Codex.read(r#"{"type":"error","message":"Reconnecting... 1/5 (stream disconnected)"}"#, &mut told);
    Codex.read(r#"{"type":"item.completed","item":{"type":"file_change"}}"#, &mut told);
    assert_eq!(told.failure, None);
}

#[test]
fn hostile_lines_are_harmless() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let lines = [
        "",
        "null",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"result\"}",
        "{\"type\":\"turn.completed\",\"usage\":[]}",
        &deep,
        "{\"type\":\"step_finish\",\"part\":{\"tokens\":{\"input\":-1,\"output\":1e300}}}",
        "\u{1b}[2J\u{0}",
        "{\"type\":\"message_end\",\"message\":{\"role\":\"assistant\",\"content\":\"text\",\"usage\":null}}",
        "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1,\"cached_input_tokens\":18446744073709551615}}",
    ];
    for adapter in all() {
        let mut told = Told::default();
        for _ in 0..2 {
            lines.iter().for_each(|line| adapter.read(line, &mut told));
        }
        let used = told.usage();
        assert!(used.usd.is_none_or(f64::is_finite), "{}: {used:?}", adapter.name());
    }
}

fn argv(adapter: &dyn Adapter, env: &[(&str, &str)]) -> String {
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let call = Call {
        model: Some("m"),
        args: &["--more".to_owned()],
        env: &env,
        copy: Utf8Path::new("/copy"),
        brief: "faster; it's $HOME\n",
        brief_file: Utf8Path::new("/out/brief.md"),
        usd_left: None,
    };
    match adapter.call(&call) {
        Program::Argv(argv) => argv.join(" "),
        Program::Shell(line) => line,
    }
}

#[test]
fn each_is_called_with_the_brief_on_its_standard_input_and_without_a_memory_of_other_tries() {
    insta::assert_snapshot!(argv(&Claude, &[]), @"claude -p --allowedTools Bash Edit Glob Grep Read Write --permission-mode acceptEdits --output-format stream-json --verbose --no-session-persistence --strict-mcp-config --model m --more");
    insta::assert_snapshot!(argv(&Codex, &[]), @r#"codex exec --json --ephemeral --skip-git-repo-check -s workspace-write -c approval_policy="never" -C /copy -m m --more -"#);
    insta::assert_snapshot!(argv(&Pi, &[]), @"pi --mode json -p --no-session --no-extensions --no-skills --no-context-files --no-approve --tools read,edit,write,grep,find,ls,bash --model m --more");
    insta::assert_snapshot!(argv(&OpenCode, &[]), @"opencode run --format json -m m --more");
}

#[test]
fn claude_leaves_a_persons_login_unread_only_where_there_is_a_key() {
    assert!(argv(&Claude, &[("ANTHROPIC_API_KEY", "sk")]).contains(" --bare"));
    assert!(argv(&Claude, &[("CLAUDE_CODE_USE_BEDROCK", "1")]).contains(" --bare"));
    assert!(!argv(&Claude, &[("ANTHROPIC_API_KEY", "")]).contains("--bare"));
    assert!(!argv(&Claude, &[("CLAUDE_CODE_OAUTH_TOKEN", "t")]).contains("--bare"));
}

#[test]
fn what_is_put_into_a_command_line_is_one_word() {
    let none = Default::default();
    insta::assert_snapshot!(argv(&Command::new("aider --message-file {prompt_file}", &none), &[]), @"aider --message-file '/out/brief.md' '--more'");
    insta::assert_snapshot!(argv(&Command::new("echo {prompt}", &none), &[]), @r"
    echo 'faster; it'\''s $HOME
    ' '--more'
    ");
}

#[test]
fn a_command_says_what_it_used_where_the_settings_say() {
    let patterns = sprag_contract::settings::UsagePatterns {
        input: Some("sent ([0-9,]+)".to_owned()),
        usd: Some(r"\$([0-9.]+) session".to_owned()),
        ..Default::default()
    };
    let command = Command::new("x", &patterns);
    let mut told = Told::default();
    for line in ["Tokens: 900 sent", "sent 1,200, $0.10 session", "sent 2,400, $0.25 session", "Done."] {
        command.read(line, &mut told);
    }
    command.ended(Status::Exited(0), &mut told);
    assert_eq!(told.usage(), Usage { input: Some(2400), usd: Some(0.25), ..Usage::default() });
    assert_eq!(told.words, "Done.");
    command.ended(Status::Exited(3), &mut told);
    assert!(!told.is_over);
}

mod hostile {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(Value::from("assistant")),
            Just(Value::from("error")),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let key = prop_oneof![
                Just("usage".to_owned()),
                Just("message".to_owned()),
                Just("part".to_owned()),
                Just("tokens".to_owned()),
                Just("error".to_owned()),
                Just("modelUsage".to_owned()),
                Just("stopReason".to_owned()),
                Just("content".to_owned()),
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_event_makes_a_reader_panic(
            kind in prop::sample::select(vec!["result", "assistant", "system", "error", "turn.completed", "turn.failed", "item.completed", "message_end", "step_finish", "text"]),
            a in value(), b in value(),
        ) {
            let event = json!({
                "type": kind, "usage": &a, "message": &b, "part": &a, "item": &b, "error": &a, "modelUsage": &b,
                "total_cost_usd": &a, "is_error": &b, "subtype": "api_retry",
            });
            for adapter in all() {
                let mut told = Told::default();
                adapter.read(&event.to_string(), &mut told);
                adapter.read(&event.to_string(), &mut told);
                let _ = told.usage();
            }
        }
    }
}
