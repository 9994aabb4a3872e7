//! What a command is recognised by: text, one argument a line.
//!
//! ```text
//! redis://127.0.0.1:6379/0 RESP2
//! SET
//!   greeting
//!   hello, \xff
//! ```
//! A transaction is one request, from its MULTI to its EXEC or DISCARD; the names of its commands stand at the margin.
//! Passwords in commands that carry some are replaced before anything else sees them.

use std::borrow::Cow;

use super::resp::Command;
use super::secret::is_secret_setting;
use super::session::Session;
use crate::escape::{cut, escape};
use crate::rules::REDACTED;

/// The longest label, in characters.
const LABEL: usize = 200;

/// The canonical form of commands that are sent together, and how they are called on one line.
pub(super) fn canonical(upstream: &str, session: &Session, commands: &[Command]) -> (String, String) {
    let mut text = format!("{upstream}/{} RESP{}\n", session.database, session.protocol);
    let mut label = String::new();
    for command in commands {
        if !label.is_empty() {
            label.push_str("; ");
        }
        for (nth, argument) in without_secrets(command).iter().enumerate() {
            let mut line = String::new();
            escape(argument, &mut line);
            if nth > 0 {
                text.push_str("  ");
                label.push(' ');
            }
            text.push_str(&line);
            text.push('\n');
            // A label is short, and a transaction may be long.
            if label.len() <= 4 * LABEL {
                label.push_str(&cut(&line, LABEL));
            }
        }
    }
    (text, cut(&label, LABEL))
}

/// The arguments, the name in upper case.
fn without_secrets(command: &Command) -> Vec<Cow<'_, [u8]>> {
    let name = command.name();
    let mut shown: Vec<Cow<'_, [u8]>> =
        command.arguments.iter().map(|argument| Cow::Borrowed(&argument[..])).collect();
    let is = |nth: usize, word: &[u8]| {
        command.arguments.get(nth).is_some_and(|argument| argument.eq_ignore_ascii_case(word))
    };
    let mut redact = |nth: usize| {
        if let Some(argument) = shown.get_mut(nth) {
            *argument = Cow::Borrowed(REDACTED.as_bytes());
        }
    };
    let count = command.arguments.len();
    match &name[..] {
        b"CONFIG" if is(1, b"SET") => {
            let secret = |nth: &usize| is_secret_setting(&command.arguments[*nth]);
            (2..count).step_by(2).filter(secret).for_each(|nth| redact(nth + 1));
        }
        // >password, <password, #hash, !hash
        b"ACL" if is(1, b"SETUSER") => (3..count)
            .filter(|nth| command.arguments[*nth].first().is_some_and(|first| b"><#!".contains(first)))
            .for_each(&mut redact),
        b"MIGRATE" => match (0..count).find(|nth| is(*nth, b"AUTH") || is(*nth, b"AUTH2")) {
            Some(nth) if is(nth, b"AUTH2") => (nth + 1..nth + 3).for_each(&mut redact),
            Some(nth) => redact(nth + 1),
            None => {}
        },
        _ => {}
    }
    shown[0] = Cow::Owned(name);
    shown
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    pub(super) fn command(arguments: &[&[u8]]) -> Command {
        Command {
            raw: arguments.concat().into(),
            arguments: arguments.iter().map(|argument| argument.to_vec().into()).collect(),
        }
    }

    fn of_text(line: &str) -> Command {
        command(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn text(commands: &[Command]) -> String {
        canonical("redis://db:6379", &Session::default(), commands).0
    }

    #[test]
    fn an_argument_is_a_line_and_a_command_starts_at_the_margin() {
        let commands = [of_text("multi"), command(&[b"set", b"a\nb", b"\xff\x00", b""]), of_text("exec")];
        let (text, label) = canonical("redis://db:6379", &Session::default(), &commands);
        insta::assert_snapshot!(text, @r"
        redis://db:6379/0 RESP2
        MULTI
        SET
          a\nb
          \xff\x00
          
        EXEC
        ");
        assert_eq!(label, r"MULTI; SET a\nb \xff\x00 ; EXEC");
    }

    #[test]
    fn passwords_in_commands_are_not_shown() {
        let commands = [
            of_text("config set requirepass hunter2 maxmemory 1 masterauth hunter2"),
            of_text("acl setuser me on >hunter2 <hunter2 ~* +@all"),
            of_text("migrate h 1 k 0 9 AUTH hunter2"),
            of_text("migrate h 1 k 0 9 AUTH2 me hunter2 KEYS a"),
            of_text("migrate h 1 k 0 9 AUTH"),
        ];
        let (text, label) = canonical("redis://db:6379", &Session::default(), &commands);
        assert!(!text.contains("hunter2") && !label.contains("hunter2"), "{text}\n{label}");
        assert!(text.contains("maxmemory\n  1\n") && text.contains("~*") && text.contains("KEYS\n  a\n"));
    }

    #[test]
    fn a_label_is_one_short_line() {
        let long = "x".repeat(10_000);
        let (_, label) = canonical("redis://db:6379", &Session::default(), &vec![of_text(&long); 1_000]);
        assert_eq!(label.chars().count(), LABEL + 1);
    }

    proptest! {
        #[test]
        fn different_requests_have_different_texts(
            one in vec(vec("[ab \n]{0,3}", 1..4), 1..4),
            other in vec(vec("[ab \n]{0,3}", 1..4), 1..4),
        ) {
            let commands = |request: &[Vec<String>]| -> Vec<Command> {
                let arguments = |command: &Vec<String>| command.iter().map(|a| a.clone().into()).collect();
                // A name is not empty and is no argument: Redis knows none that starts with a blank.
                let named = |command: &Vec<String>| Command {
                    raw: Default::default(),
                    arguments: [vec!["X".into()], arguments(command)].concat(),
                };
                request.iter().map(named).collect()
            };
            prop_assert_eq!(text(&commands(&one)) == text(&commands(&other)), one == other);
        }
    }
}
