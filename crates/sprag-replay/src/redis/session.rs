//! What a connection has said about itself, and the commands that say it.
//!
//! They are answered here, in every mode with the same words, so that the application meets the same server while
//! recording and in replay. While there is an upstream, it is told what it has to know. None of them is recorded, and
//! so no password is.

use bytes::Bytes;

use super::resp::Command;

/// The version that the server claims to be.
const VERSION: &str = "7.4.0";

/// The longest name of a client, in bytes: it is kept as long as the connection.
const LONGEST_NAME: usize = 1 << 10;
const NAME_TOO_LONG: &str = "-ERR sprag: the name of a client is longer than 1 KiB\r\n";

/// The state of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// Of RESP: 2 or 3.
    pub(super) protocol: u8,
    /// The number of the database.
    pub(super) database: u32,
    name: Bytes,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// It is asked for. `aside`: it is about the connection and not the application's work.
    Ask { aside: bool },
    /// It is answered here. `tell`: the upstream is told, and may object; then nothing changes.
    Answer { reply: Bytes, after: Session, tell: bool },
    /// It is answered here, and the connection ends.
    Quit { reply: Bytes },
    /// It cannot be recorded, and so the client must not use it.
    Refuse { what: String },
}

impl Default for Session {
    fn default() -> Self {
        Self { protocol: 2, database: 0, name: Bytes::new() }
    }
}

impl Session {
    /// What becomes of a command on this connection.
    pub(super) fn plan(&self, command: &Command) -> Plan {
        let rest = &command.arguments[1..];
        match &command.name()[..] {
            b"HELLO" => self.hello(rest),
            b"AUTH" => match rest.len() {
                1 | 2 => self.told("+OK\r\n", self.clone()),
                _ => self.wrong_count("auth"),
            },
            b"SELECT" => self.select(rest),
            b"PING" => match rest {
                [] => self.says("+PONG\r\n"),
                [text] => self.says(string(text)),
                _ => self.wrong_count("ping"),
            },
            b"CLIENT" => self.client(rest),
            b"RESET" => self.told("+RESET\r\n", Self::default()),
            b"QUIT" => Plan::Quit { reply: "+OK\r\n".into() },
            // Client libraries ask for these when they connect, and keep them.
            b"COMMAND" | b"INFO" => Plan::Ask { aside: true },
            name @ (b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE"
            | b"SUNSUBSCRIBE" | b"MONITOR" | b"SYNC" | b"PSYNC" | b"REPLCONF") => unasked(name),
            _ => Plan::Ask { aside: false },
        }
    }

    /// What is wrong with a command between MULTI and EXEC; `None` where it can wait for EXEC.
    pub(super) fn objection(&self, command: &Command) -> Option<String> {
        match (&command.name()[..], self.plan(command)) {
            (_, Plan::Refuse { what }) => Some(what),
            (name @ (b"HELLO" | b"AUTH" | b"SELECT"), _) => {
                let name = String::from_utf8_lossy(name);
                Some(format!("{name} between MULTI and EXEC cannot be recorded: say it before MULTI"))
            }
            _ => None,
        }
    }

    /// `HELLO [protocol [AUTH user password] [SETNAME name]]`
    fn hello(&self, arguments: &[Bytes]) -> Plan {
        let mut after = self.clone();
        let Some((protocol, mut options)) = arguments.split_first() else {
            return self.says(self.greeting());
        };
        after.protocol = match &protocol[..] {
            b"2" => 2,
            b"3" => 3,
            _ => return self.says("-NOPROTO unsupported protocol version\r\n"),
        };
        loop {
            options = match options {
                [] => return self.told(after.greeting(), after),
                [word, _, _, rest @ ..] if word.eq_ignore_ascii_case(b"AUTH") => rest,
                [word, name, rest @ ..] if word.eq_ignore_ascii_case(b"SETNAME") => {
                    if name.len() > LONGEST_NAME {
                        return self.says(NAME_TOO_LONG);
                    }
                    after = after.named(name);
                    rest
                }
                // Not which one: it may be a password in the wrong place.
                _ => return self.says("-ERR Syntax error in HELLO option\r\n"),
            };
        }
    }

    fn greeting(&self) -> Bytes {
        let protocol = self.protocol;
        let start = if protocol == 3 { "%7" } else { "*14" };
        let pair =
            |key: &str, value: &str| format!("${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len());
        [
            format!("{start}\r\n"),
            pair("server", "redis"),
            pair("version", VERSION),
            format!("$5\r\nproto\r\n:{protocol}\r\n$2\r\nid\r\n:1\r\n"),
            pair("mode", "standalone"),
            pair("role", "master"),
            "$7\r\nmodules\r\n*0\r\n".to_owned(),
        ]
        .concat()
        .into()
    }

    fn select(&self, arguments: &[Bytes]) -> Plan {
        let [number] = arguments else { return self.wrong_count("select") };
        match std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()) {
            Some(database) => self.told("+OK\r\n", Self { database, ..self.clone() }),
            None => self.says("-ERR value is not an integer or out of range\r\n"),
        }
    }

    fn client(&self, arguments: &[Bytes]) -> Plan {
        let Some((word, rest)) = arguments.split_first() else { return self.wrong_count("client") };
        match (&word.to_ascii_uppercase()[..], rest) {
            (b"SETNAME", [name]) if name.len() > LONGEST_NAME => self.says(NAME_TOO_LONG),
            (b"SETNAME", [name]) => {
                Plan::Answer { reply: "+OK\r\n".into(), after: self.named(name), tell: false }
            }
            (b"GETNAME", []) if self.name.is_empty() && self.protocol == 3 => self.says("_\r\n"),
            (b"GETNAME", []) if self.name.is_empty() => self.says("$-1\r\n"),
            (b"GETNAME", []) => self.says(string(&self.name)),
            (b"SETINFO", [_, _]) | (b"NO-EVICT" | b"NO-TOUCH", [_]) => self.says("+OK\r\n"),
            (b"ID", []) => self.says(":1\r\n"),
            (word @ (b"TRACKING" | b"CACHING" | b"REPLY"), _) => unasked(&[b"CLIENT ", word].concat()),
            (b"LIST" | b"INFO" | b"KILL" | b"PAUSE" | b"UNPAUSE" | b"UNBLOCK", _) => {
                Plan::Ask { aside: false }
            }
            // As an older Redis says it; libraries that try something new go on without.
            _ => self.says("-ERR unknown subcommand or wrong number of arguments. Try CLIENT HELP.\r\n"),
        }
    }

    /// The name is copied: it would keep all of the command that it came in.
    fn named(&self, name: &Bytes) -> Self {
        Self { name: Bytes::copy_from_slice(name), ..self.clone() }
    }

    fn says(&self, reply: impl Into<Bytes>) -> Plan {
        Plan::Answer { reply: reply.into(), after: self.clone(), tell: false }
    }

    fn told(&self, reply: impl Into<Bytes>, after: Self) -> Plan {
        Plan::Answer { reply: reply.into(), after, tell: true }
    }

    fn wrong_count(&self, name: &str) -> Plan {
        self.says(format!("-ERR wrong number of arguments for '{name}' command\r\n"))
    }
}

/// For commands after which replies no longer follow commands one by one.
fn unasked(name: &[u8]) -> Plan {
    let name = String::from_utf8_lossy(name);
    let what = format!(
        "after {name} replies do not follow commands one by one, so it cannot be recorded as Redis: give this upstream \
         a port as tcp://, which plays whole connections as a strict script"
    );
    Plan::Refuse { what }
}

/// A bulk string.
fn string(bytes: &[u8]) -> Bytes {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::super::resp::ReplyEnd;
    use super::*;

    fn plan(session: &Session, line: &str) -> Plan {
        let arguments = line.split(' ').map(|word| word.to_owned().into()).collect();
        session.plan(&Command { raw: Bytes::new(), arguments })
    }

    #[test]
    fn every_reply_is_one_reply() {
        let connecting = "HELLO/HELLO 2/hello 3 AUTH me pw SETNAME x/HELLO 4/HELLO 3 AUTH me/AUTH pw/AUTH/SELECT 1/SELECT x";
        let client =
            "CLIENT/CLIENT ID/CLIENT GETNAME/CLIENT SETNAME x/CLIENT SETINFO LIB-NAME x/CLIENT NEWEST ON";
        let lines = [connecting, client, "PING/PING a/PING a b/RESET/QUIT"];
        for line in lines.iter().flat_map(|lines| lines.split('/')) {
            let (Plan::Answer { reply, .. } | Plan::Quit { reply }) = plan(&Session::default(), line) else {
                panic!("{line}")
            };
            assert_eq!(ReplyEnd::default().find(&reply), Ok(Some(reply.len())), "{line}");
        }
    }

    #[test]
    fn hello_and_select_are_remembered_and_told() {
        let Plan::Answer { after, tell: true, .. } =
            plan(&Session::default(), "HELLO 3 AUTH me pw SETNAME x")
        else {
            panic!()
        };
        assert_eq!((after.protocol, &after.name[..]), (3, &b"x"[..]));
        let Plan::Answer { after, tell: true, .. } = plan(&after, "SELECT 7") else { panic!() };
        assert_eq!(after.database, 7);
        let Plan::Answer { reply, .. } = plan(&after, "CLIENT GETNAME") else { panic!() };
        assert_eq!(&reply[..], b"$1\r\nx\r\n");
        let Plan::Answer { after, .. } = plan(&after, "RESET") else { panic!() };
        assert_eq!(after, Session::default());
    }

    #[test]
    fn a_name_is_not_longer_than_a_kibibyte() {
        for (length, is_kept) in [(1 << 10, true), ((1 << 10) + 1, false)] {
            let name = "x".repeat(length);
            for line in [format!("CLIENT SETNAME {name}"), format!("HELLO 3 SETNAME {name}")] {
                let Plan::Answer { reply, after, .. } = plan(&Session::default(), &line) else { panic!() };
                assert_eq!((after.name == name, reply != NAME_TOO_LONG), (is_kept, is_kept));
            }
        }
    }

    #[test]
    fn what_makes_redis_speak_unasked_is_refused() {
        for line in ["subscribe a", "MONITOR", "CLIENT TRACKING ON", "CLIENT REPLY OFF"] {
            assert!(matches!(plan(&Session::default(), line), Plan::Refuse { .. }), "{line}");
        }
        let inside = |line: &str| {
            let arguments = line.split(' ').map(|word| word.to_owned().into()).collect();
            Session::default().objection(&Command { raw: Bytes::new(), arguments }).is_some()
        };
        assert!(inside("SELECT 1") && inside("AUTH pw") && inside("SUBSCRIBE a"));
        assert!(!inside("SET a b") && !inside("PING"));
    }
}
