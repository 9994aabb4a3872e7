//! What commands print: text on a terminal or in a pipe, or JSON.

use std::io::{self, IsTerminal, Write};

use miette::IntoDiagnostic;
use serde::Serialize;

/// Prints a text, ending in one newline. A reader that went away is no error.
pub(crate) fn text(text: &str) -> miette::Result<()> {
    print(text.trim_end_matches('\n'))
}

/// Prints a line to stderr. Nobody may be reading there any more, and the session goes on all the same.
pub(crate) fn aside(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", line.trim_end_matches('\n'));
}

/// Prints a value as JSON, indented for people on a terminal and one line in a pipe.
pub(crate) fn json(value: &impl Serialize) -> miette::Result<()> {
    let text = if io::stdout().is_terminal() {
        serde_json::to_string_pretty(value).into_diagnostic()?
    } else {
        serde_json::to_string(value).into_diagnostic()?
    };
    print(&text)
}

fn print(text: &str) -> miette::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.into_diagnostic(),
    }
}

/// How wide lines may be: the terminal's width, or 100 in a pipe.
pub(crate) fn width() -> usize {
    let (_, columns) = console::Term::stdout().size();
    if io::stdout().is_terminal() { usize::from(columns).max(40) } else { 100 }
}

/// Whether to colour stdout: a terminal, and no NO_COLOR.
pub(crate) fn coloured() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A text from outside without anything that steers a terminal; its lines stay.
pub(crate) fn clean(text: &str) -> String {
    sprag_measure::process::sanitized(text.as_bytes())
}

/// Whether the reader's locale can show more than ASCII.
pub(crate) fn unicode() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
