//! What is handed to the shell.

use std::borrow::Cow;

/// Words that mean something to the shell itself, and cannot be executed.
const NOT_PROGRAMS: &[&str] = &[
    ".", ":", "!", "{", "alias", "bg", "case", "cd", "command", "eval", "exec", "exit", "export", "fg",
    "for", "function", "hash", "if", "local", "read", "readonly", "return", "select", "set", "shift",
    "source", "time", "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait",
    "while",
];

/// The line with `exec` before it where it is one plain command: then no shell stays in between, whose memory and
/// exit codes would be measured instead of the program's.
pub(super) fn replacing_itself(line: &str) -> Cow<'_, str> {
    let special = |c: char| ";&|<>()`\n$#*?[~".contains(c);
    let first = line.split_whitespace().next().unwrap_or_default();
    let plain = !line.contains(special) && !first.contains('=') && !NOT_PROGRAMS.contains(&first);
    match plain && !first.is_empty() {
        true => Cow::Owned(format!("exec {line}")),
        false => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_command_replaces_the_shell() {
        for line in
            ["./measure.sh", ".venv/bin/python -m app.worker", "python3 -c 'import this'", "env A=1 x"]
        {
            assert_eq!(replacing_itself(line), format!("exec {line}"));
        }
        for line in ["cd x && y", "A=1 x", "cd x", "a; b", "a | b", "exit 3", "", "x $Y", "if x", "a\nb"] {
            assert_eq!(replacing_itself(line), line);
        }
    }
}
