//! Passwords in what the server replies to commands about itself.

use bytes::Bytes;

use super::resp::Command;
use crate::rules::{REDACTED, with_texts};

/// How long a password is as ACL shows it: SHA-256 in hexadecimal.
const HASHED: usize = 64;

/// Whether a setting's value is a secret: `requirepass`, `masterauth`, `tls-key-file-pass`.
pub(super) fn is_secret_setting(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(b"auth") || name.windows(4).any(|part| part == b"pass")
}

/// The reply to commands as it may be written: the passwords of CONFIG GET and ACL are replaced.
pub(super) fn without_secrets(commands: &[Command], reply: Bytes) -> Bytes {
    let any = |name: &[u8], words: &[&[u8]]| {
        commands.iter().any(|command| {
            let word = command.arguments.get(1).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
            command.name() == name && words.contains(&&word[..])
        })
    };
    let mut reply = reply;
    if any(b"CONFIG", &[b"GET"]) {
        // A name, then its value.
        let mut is_value = false;
        reply = with_texts(&reply, |text| match std::mem::take(&mut is_value) {
            true if !text.is_empty() => REDACTED.into(),
            true => Vec::new(),
            false => {
                is_value = is_secret_setting(text);
                text.to_vec()
            }
        });
    }
    if any(b"ACL", &[b"LIST", b"GETUSER"]) {
        reply = with_texts(&reply, |text| {
            let words = text.split(|byte| *byte == b' ').map(|word| match word {
                [b'#' | b'>' | b'<' | b'!', ..] => REDACTED.as_bytes(),
                hash if hash.len() == HASHED && hash.iter().all(u8::is_ascii_hexdigit) => REDACTED.as_bytes(),
                other => other,
            });
            words.collect::<Vec<_>>().join(&b' ')
        });
    }
    if any(b"ACL", &[b"GENPASS"]) {
        reply = with_texts(&reply, |text| if text.is_empty() { Vec::new() } else { REDACTED.into() });
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::super::resp::ReplyEnd;
    use super::*;

    fn kept(lines: &[&str], texts: &[&str], start: &str) -> String {
        let command = |line: &&str| Command {
            raw: Bytes::new(),
            arguments: line.split(' ').map(|word| word.to_owned().into()).collect(),
        };
        let texts = texts.iter().map(|text| format!("${}\r\n{text}\r\n", text.len()));
        let reply: String = [format!("{start}\r\n")].into_iter().chain(texts).collect();
        let commands: Vec<_> = lines.iter().map(command).collect();
        let kept = without_secrets(&commands, reply.into());
        assert_eq!(ReplyEnd::default().find(&kept), Ok(Some(kept.len())), "it is a reply");
        String::from_utf8(kept.to_vec()).unwrap()
    }

    #[test]
    fn passwords_in_replies_are_replaced_and_their_framing_stays() {
        let settings =
            ["maxmemory", "0", "requirepass", "hunter2", "masterauth", "", "tls-auth-clients", "yes"];
        for (line, start) in [("config get *", "*8"), ("CONFIG GET requirepass maxmemory", "%4")] {
            let kept = kept(&[line], &settings, start);
            assert!(!kept.contains("hunter2") && kept.contains("$8\r\nREDACTED\r\n"), "{kept}");
            assert!(
                kept.contains("$0\r\n\r\n") && kept.contains("yes") && kept.contains("$1\r\n0\r\n"),
                "{kept}"
            );
        }
        let hash = "0123456789abcdef".repeat(4);
        let users = format!("user me on #{hash} ~* +@all");
        let list = kept(&["MULTI", "acl list", "EXEC"], &[&users], "*1");
        assert!(!list.contains(&hash) && list.contains("user me on REDACTED ~* +@all"), "{list}");
        assert!(!kept(&["ACL GETUSER me"], &["passwords", &hash], "*2").contains(&hash));
    }

    #[test]
    fn other_replies_stay_as_they_are() {
        let kept = kept(&["LRANGE l 0 -1"], &["requirepass", "hunter2", "#tag"], "*3");
        assert!(kept.contains("hunter2") && kept.contains("#tag"));
    }
}
