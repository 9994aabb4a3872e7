//! What came of a recording or a replay, in words and as JSON. Whatever somebody else wrote is cleaned here, before it gets
//! to a terminal.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sprag_contract::settings::Replay;
use sprag_replay::cassette::Unused;
use sprag_replay::{Closest, Counts, OTHER, Trouble, metrics_of_class};

use super::{Ended, miss};
use crate::show::clean;

/// How many troubles are shown whole.
const WHOLE: usize = 3;
/// How many lines a list has before the rest is a number.
const LISTED: usize = 10;

/// How many requests were counted, of whatever class.
pub(crate) fn calls(replay: &Replay, counts: &Counts) -> f64 {
    classes(replay).map(|class| counts.get(class).copied().unwrap_or(0.0)).sum()
}

/// A table of what was counted by class; the last column only where there is a recording to compare with.
pub(crate) fn counted(replay: &Replay, counts: &Counts, against_a_recording: bool) -> String {
    let mut heads = vec!["class", "calls", "items", "bytes", "connections", "changed"];
    heads.truncate(if against_a_recording { 6 } else { 5 });
    let mut rows = vec![heads.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for class in classes(replay) {
        let [calls, others @ ..] =
            metrics_of_class(class).map(|name| counts.get(&name).copied().unwrap_or(0.0));
        if class == OTHER && calls == 0.0 && others[3] == 0.0 {
            continue;
        }
        let mut row = vec![class.to_owned(), calls.to_string()];
        row.extend(others.map(|value| value.to_string()));
        row.truncate(rows[0].len());
        rows.push(row);
    }
    if rows.len() == 1 {
        return String::new();
    }
    table(&rows, 1)
}

fn classes(replay: &Replay) -> impl Iterator<Item = &str> {
    replay.class.iter().map(|class| class.name.as_str()).chain([OTHER])
}

/// Lines of cells, the first `left` columns to the left and the others to the right.
pub(crate) fn table(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let mut text = String::new();
    for row in rows {
        let cell = |(column, cell): (usize, &String)| match column < left {
            true => format!("{cell:width$}", width = widths[column]),
            false => format!("{cell:>width$}", width = widths[column]),
        };
        let line = row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What is listed under a sentence: ten lines, then a number.
pub(crate) fn list(text: &mut String, lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    // One more line is not longer than saying that there is one more.
    let shown = if count <= LISTED + 1 { count } else { LISTED };
    for line in lines.take(shown) {
        let _ = writeln!(text, "  {}", one_line(&line));
    }
    if count > shown {
        let _ = writeln!(text, "  and {} more", count - shown);
    }
}

/// What was recorded and not asked for; nothing where all was.
pub(crate) fn unused(unused: &[Unused]) -> String {
    let answers: u64 = unused.iter().map(|one| u64::from(one.answers)).sum();
    if answers == 0 {
        return String::new();
    }
    let were = if answers == 1 { "was" } else { "were" };
    let mut text = format!("{} {were} not asked for:\n", number(answers, "recorded answer"));
    let line = |one: &Unused| {
        let more = if one.answers == 1 { String::new() } else { format!(", {} of them", one.answers) };
        format!("{} to {}{}{more}", one.label, one.upstream, within(&one.case))
    };
    list(&mut text, unused.iter().map(line));
    text
}

/// What made a run invalid: the first three whole, then a number.
pub(crate) fn troubles(troubles: &[Trouble], counts: &Counts) -> String {
    let mut text = String::new();
    for trouble in troubles.iter().take(WHOLE) {
        match trouble {
            Trouble::Miss(miss) => text.push_str(&miss::told(miss)),
            other => {
                let _ = writeln!(text, "{}", one_line(&other.to_string()));
            }
        }
    }
    let of = |name: &str| counts.get(name).copied().unwrap_or(0.0) as u64;
    let (misses, denials) = (of("replay_misses"), of("replay_denials"));
    let others = troubles.iter().filter(|trouble| !trouble.is_the_applications()).count() as u64;
    let more = (misses + denials + others).saturating_sub(troubles.len().min(WHOLE) as u64);
    if more > 0 {
        let kinds =
            [(misses, "miss", "misses"), (denials, "denial", "denials"), (others, "failure", "failures")];
        let kinds: Vec<String> = (kinds.iter().filter(|(count, ..)| *count > 0))
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        let _ = writeln!(text, "and {more} more: {} in all", kinds.join(", "));
    }
    text
}

/// Remarks of the driver, and that it did not end well; nothing where there is nothing to say.
pub(crate) fn end(end: &Ended) -> String {
    let mut text = String::new();
    let notes = end.notes().iter().map(|note| format!("note: {note}"));
    for line in notes.chain(end.complaint()) {
        let _ = writeln!(text, "{}", clean(&line));
    }
    text
}

/// ` (case a)`; nothing outside of any.
pub(crate) fn within(case: &str) -> String {
    if case.is_empty() { String::new() } else { format!(" (case {case})") }
}

/// `1 request`, `2 requests`.
pub(crate) fn number(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// `1.2 kB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Somebody else's text as one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

pub(crate) fn unused_as_json(unused: &[Unused]) -> Value {
    let one = |one: &Unused| {
        json!({
            "case": one.case, "upstream": one.upstream, "label": one.label, "key": one.key, "answers": one.answers,
        })
    };
    unused.iter().map(one).collect()
}

pub(crate) fn troubles_as_json(troubles: &[Trouble]) -> Value {
    let one = |trouble: &Trouble| match trouble {
        Trouble::Miss(miss) => json!({
            "kind": "miss", "case": miss.case, "upstream": miss.upstream, "label": miss.label, "request": miss.request,
            "closest": miss.closest.as_ref().map(closest_as_json),
        }),
        Trouble::Denied { upstream, what } => json!({ "kind": "denied", "upstream": upstream, "what": what }),
        Trouble::Cassette(error) => json!({ "kind": "cassette", "what": error.to_string() }),
        Trouble::Upstream { upstream, what } => {
            json!({ "kind": "upstream", "upstream": upstream, "what": what })
        }
        Trouble::Host { what } => json!({ "kind": "host", "what": what }),
    };
    troubles.iter().map(one).collect()
}

fn closest_as_json(closest: &Closest) -> Value {
    match closest {
        Closest::UsedUp { answers } => json!({ "kind": "used_up", "answers": answers }),
        Closest::OtherCase(case) => json!({ "kind": "other_case", "case": case }),
        Closest::Alike { label, request } => json!({ "kind": "alike", "label": label, "request": request }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_ends_in_a_number() {
        let told = |count: u32| {
            let mut text = String::new();
            list(&mut text, (0..count).map(|n| n.to_string()).collect::<Vec<_>>().into_iter());
            text.lines().last().unwrap_or_default().trim().to_owned()
        };
        assert_eq!(
            ["", "0", "10", "and 2 more"],
            [told(0), told(1), told(11), told(12)].map(|s| s).each_ref().map(String::as_str)
        );
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!([0, 999, 1_000, 2_500_000].map(size), ["0 B", "999 B", "1.0 kB", "2.5 MB"]);
    }
}
