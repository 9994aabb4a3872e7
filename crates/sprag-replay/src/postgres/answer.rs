//! What a server says: its messages, written and looked into.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{Fields, messages};

/// The states of a transaction, as ReadyForQuery says them: none, one under way, one that has failed.
pub(super) const IDLE: u8 = b'I';
pub(super) const IN_TRANSACTION: u8 = b'T';
pub(super) const FAILED: u8 = b'E';

/// Our own codes of errors, of PostgreSQL's list.
pub(super) mod code {
    pub(in super::super) const NO_STATEMENT: &str = "26000";
    pub(in super::super) const NO_PORTAL: &str = "34000";
    pub(in super::super) const NOT_SUPPORTED: &str = "0A000";
    pub(in super::super) const CONNECTION_FAILURE: &str = "08006";
    pub(in super::super) const SYSTEM_ERROR: &str = "58000";
}

/// Appends one message.
pub(super) fn put(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    let at = out.len();
    out.put_u32(0);
    body(out);
    // No answer comes near 4 GB: bodies are limited, and our own texts are short.
    let length = u32::try_from(out.len() - at).expect("a message of less than 4 GB");
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

pub(super) fn put_empty(out: &mut BytesMut, tag: u8) {
    put(out, tag, |_| {});
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.extend(text.bytes().filter(|&byte| byte != 0));
    out.put_u8(0);
}

pub(super) fn put_ready(out: &mut BytesMut, state: u8) {
    put(out, b'Z', |out| out.put_u8(state));
}

pub(super) fn put_complete(out: &mut BytesMut, command: &str) {
    put(out, b'C', |out| put_text(out, command));
}

pub(super) fn put_parameter(out: &mut BytesMut, name: &str, value: &str) {
    put(out, b'S', |out| {
        put_text(out, name);
        put_text(out, value);
    });
}

/// An error. `severity`: `ERROR`, or `FATAL` where the connection ends with it.
pub(super) fn put_error(out: &mut BytesMut, severity: &str, code: &str, message: &str) {
    put(out, b'E', |out| {
        for (field, text) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', message)] {
            out.put_u8(field);
            put_text(out, text);
        }
        out.put_u8(0);
    });
}

/// Whether there is an error among the messages.
pub(super) fn fails(answer: &[u8]) -> bool {
    messages(answer).any(|(tag, _)| tag == b'E')
}

/// The words of an error, for people.
pub(super) fn message_of(error: Bytes) -> String {
    let mut fields = Fields(error);
    while let Ok(field @ 1..) = fields.u8() {
        let Ok(text) = fields.string() else { break };
        if field == b'M' {
            return String::from_utf8_lossy(&text).into_owned();
        }
    }
    "an error without words".to_owned()
}

/// The state of the transaction after an answer that was recorded with one. Only what begins or ends a transaction
/// changes it, and an error within one; else it stays as it is here, which need not be as it was then.
pub(super) fn state_after(before: u8, answer: &[u8], recorded: u8) -> u8 {
    if recorded == before {
        return before;
    }
    let mut state = before;
    for (tag, body) in messages(answer) {
        match tag {
            b'C' if command(body).is_some() => return recorded,
            b'E' if before != IDLE => state = FAILED,
            _ => {}
        }
    }
    state
}

/// The same where the server has not said the state, as it does only at the end of a pipeline.
pub(super) fn state_by_text(before: u8, sql: &str, answer: &[u8]) -> u8 {
    let mut state = before;
    for (tag, body) in messages(answer) {
        match (tag, command(body)) {
            (b'C', Some(Command::Begins)) => state = IN_TRANSACTION,
            // ROLLBACK TO a savepoint, COMMIT AND CHAIN.
            (b'C', Some(Command::Ends)) => {
                let stays = sql.split_whitespace().any(|word| {
                    word.eq_ignore_ascii_case("to")
                        || word.trim_end_matches(';').eq_ignore_ascii_case("chain")
                });
                state = if stays { IN_TRANSACTION } else { IDLE };
            }
            (b'E', _) if before != IDLE => state = FAILED,
            _ => {}
        }
    }
    state
}

enum Command {
    Begins,
    Ends,
}

/// What a completed command does to the transaction; `None` where it does nothing.
fn command(complete: &[u8]) -> Option<Command> {
    match complete.strip_suffix(b"\0")? {
        b"BEGIN" | b"START TRANSACTION" => Some(Command::Begins),
        b"COMMIT" | b"ROLLBACK" | b"PREPARE TRANSACTION" => Some(Command::Ends),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(commands: &[&str]) -> Bytes {
        let mut out = BytesMut::new();
        commands.iter().for_each(|command| put_complete(&mut out, command));
        out.freeze()
    }

    fn failed() -> Bytes {
        let mut out = BytesMut::new();
        put_error(&mut out, "ERROR", code::SYSTEM_ERROR, "no\0 disk");
        out.freeze()
    }

    #[test]
    fn only_what_begins_or_ends_a_transaction_takes_the_state_that_was_recorded() {
        assert_eq!(state_after(IDLE, &completed(&["BEGIN"]), IN_TRANSACTION), IN_TRANSACTION);
        assert_eq!(state_after(IN_TRANSACTION, &completed(&["SELECT 1"]), IDLE), IN_TRANSACTION);
        assert_eq!(state_after(IDLE, &completed(&["SELECT 1"]), IN_TRANSACTION), IDLE);
        assert_eq!(state_after(FAILED, &completed(&["ROLLBACK"]), IN_TRANSACTION), IN_TRANSACTION);
        assert_eq!(state_after(IN_TRANSACTION, &failed(), IDLE), FAILED);
        assert_eq!(state_after(IDLE, &failed(), FAILED), IDLE);
    }

    #[test]
    fn within_a_pipeline_the_state_follows_the_commands() {
        let after = |before, sql: &str, command: &str| state_by_text(before, sql, &completed(&[command]));
        assert_eq!(after(IDLE, "begin", "BEGIN"), IN_TRANSACTION);
        assert_eq!(after(IN_TRANSACTION, "COMMIT", "COMMIT"), IDLE);
        assert_eq!(after(FAILED, "ROLLBACK TO SAVEPOINT a", "ROLLBACK"), IN_TRANSACTION);
        assert_eq!(after(IN_TRANSACTION, "COMMIT AND CHAIN;", "COMMIT"), IN_TRANSACTION);
        assert_eq!(state_by_text(IN_TRANSACTION, "SELECT 1/0", &failed()), FAILED);
        assert_eq!(state_by_text(IDLE, "SELECT 1/0", &failed()), IDLE);
    }

    #[test]
    fn an_error_keeps_its_words_and_no_zero_byte() {
        assert_eq!(message_of(failed().slice(5..)), "no disk");
        assert!(fails(&failed()) && !fails(&completed(&["SELECT 1"])));
        assert_eq!(message_of(Bytes::from("Sx")), "an error without words");
    }
}
