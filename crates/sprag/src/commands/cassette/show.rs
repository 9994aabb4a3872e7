//! `sprag cassette show`: exchanges in one line each, or whole.

use std::fmt::Write as _;
use std::process::ExitCode;

use miette::{IntoDiagnostic, miette};
use serde_json::{Value, json};
use sprag_replay::cassette::{self, Cassette, Shown, Which};
use sprag_replay::{Answer, Key};

use crate::replaying::words;
use crate::show::{clean, json as print_json, text as print_text};

/// How much of a body is shown, in bytes.
const SHOWN: usize = 8 << 10;

pub(super) fn run(cassette: &Cassette, which: Option<&str>, json: bool) -> miette::Result<ExitCode> {
    let Some(which) = which else { return each(cassette, json) };
    let chosen = match (which.parse::<u32>(), Key::try_from(which.to_owned())) {
        (_, Ok(key)) => Which::Key(key),
        (Ok(line), _) => Which::Line(line),
        _ => return Err(miette!("`{which}` is neither a number nor a key of 32 hex digits")),
    };
    let shown: Vec<Shown> = cassette::show(cassette, chosen).collect::<Result<_, _>>().into_diagnostic()?;
    if shown.is_empty() {
        let help = "`sprag cassette show` lists the exchanges with their numbers";
        return Err(miette!(help = help, "there is no exchange {which} in {}", cassette.dir()));
    }
    if json {
        print_json(&shown.iter().map(whole_as_json).collect::<Value>())?;
    } else {
        print_text(&shown.iter().map(whole).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each exchange.
fn each(cassette: &Cassette, json: bool) -> miette::Result<ExitCode> {
    let mut rows = vec![["", "case", "class", "answer", "request"].map(str::to_owned).to_vec()];
    let mut objects = Vec::new();
    for shown in cassette::show(cassette, Which::All) {
        let shown = shown.into_diagnostic()?;
        if json {
            objects.push(head_as_json(&shown));
            continue;
        }
        let named = |name: &str| if name.is_empty() { "-".to_owned() } else { words::one_line(name) };
        let request = words::one_line(&format!("{} to {}", shown.label, shown.upstream));
        let class = named(shown.class.as_deref().unwrap_or_default());
        rows.push(vec![
            shown.line.to_string(),
            named(&shown.case),
            class,
            kind(&shown.played.answer),
            request,
        ]);
    }
    match json {
        true => print_json(&objects)?,
        false => print_text(&words::table(&rows, 5))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An answer in a word or two.
fn kind(answer: &Answer) -> String {
    let (word, size) = match answer {
        Answer::Http(http) => (http.status.to_string(), http.body.bytes.len()),
        Answer::Postgres(postgres) => ("rows".to_owned(), postgres.messages.len()),
        Answer::Redis(reply) => ("reply".to_owned(), reply.len()),
        Answer::Tcp(tcp) => ("bytes".to_owned(), tcp.bytes.len()),
    };
    format!("{word}, {}", words::size(size as u64))
}

fn whole(shown: &Shown) -> String {
    let Shown { line, case, key, ordinal, class, upstream, canonical, played, .. } = shown;
    let mut text = format!("exchange {line}: answer {} to {key}\n", ordinal + 1);
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9} {}", words::one_line(value));
    };
    field("upstream", upstream);
    if !case.is_empty() {
        field("case", case);
    }
    if let Some(class) = class {
        field("class", class);
    }
    if let Some(timing) = &played.timing {
        let ms = |us: u64| us as f64 / 1e3;
        field(
            "took",
            &format!("{:.1} ms to the first byte, {:.1} ms in all", ms(timing.first_us), ms(timing.last_us)),
        );
    }
    let _ = writeln!(text, "request, as it is recognised\n{}", block(canonical));
    match &played.answer {
        Answer::Http(http) => {
            let _ = writeln!(text, "answer {}", http.status);
            for (name, value) in &http.headers {
                let _ = writeln!(text, "  {}", words::one_line(&format!("{name}: {value}")));
            }
            if !http.body.bytes.is_empty() {
                let _ = writeln!(text, "\n{}", block(&http.body.bytes));
            }
            for (name, value) in &http.trailers {
                let _ = writeln!(text, "  trailer {}", words::one_line(&format!("{name}: {value}")));
            }
        }
        Answer::Postgres(postgres) => {
            let state = char::from(postgres.state);
            let _ = writeln!(text, "answer, transaction state {state}\n{}", block(&postgres.messages));
        }
        Answer::Redis(reply) => {
            let _ = writeln!(text, "answer\n{}", block(reply));
        }
        Answer::Tcp(tcp) => {
            let closes = if tcp.closes { ", then it closes the connection" } else { "" };
            let _ = writeln!(text, "answer{closes}\n{}", block(&tcp.bytes));
        }
    }
    text
}

/// Bytes for people, indented: text as it is, anything else with what is readable in it.
fn block(bytes: &[u8]) -> String {
    let part = &bytes[..bytes.len().min(SHOWN)];
    let readable = clean(&String::from_utf8_lossy(part));
    let mut text: String =
        readable.lines().map(|line| format!("{}\n", format!("  {line}").trim_end())).collect();
    if part.len() < bytes.len() {
        let all = words::size(bytes.len() as u64);
        let _ = writeln!(text, "  … {all} in all; --json has the rest");
    }
    text.pop();
    text
}

fn head_as_json(shown: &Shown) -> Value {
    let Shown { line, case, key, ordinal, class, upstream, label, .. } = shown;
    json!({
        "line": line, "case": case, "key": key, "ordinal": ordinal, "class": class, "upstream": upstream, "label": label,
    })
}

fn whole_as_json(shown: &Shown) -> Value {
    let mut value = head_as_json(shown);
    let answer = match &shown.played.answer {
        Answer::Http(http) => json!({ "http": {
            "status": http.status, "headers": http.headers, "body": bytes(&http.body.bytes), "trailers": http.trailers,
        } }),
        Answer::Postgres(postgres) => json!({ "postgres": {
            "messages": bytes(&postgres.messages), "state": char::from(postgres.state),
        } }),
        Answer::Redis(reply) => json!({ "redis": bytes(reply) }),
        Answer::Tcp(tcp) => json!({ "tcp": {
            "bytes": bytes(&tcp.bytes), "closes": tcp.closes, "next": bytes(&tcp.next),
        } }),
    };
    let more =
        json!({ "canonical": bytes(&shown.canonical), "answer": answer, "timing": shown.played.timing });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

/// As in the cassette: text, or a character for each byte.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "latin1": bytes.iter().copied().map(char::from).collect::<String>() }),
    }
}
