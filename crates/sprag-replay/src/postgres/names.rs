//! Names in SQL that are the connection's own affair. Drivers make them up, from counters and thread ids, and which they are
//! changes nothing of an answer.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::message::Sql;

/// The names that asyncpg gives to portals and savepoints, with a number that counts them all.
static COUNTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(__asyncpg_[a-z]+)_[0-9a-f]+__").expect("an expression of ours"));

/// Which statements are closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deallocated {
    All,
    One(String),
}

impl Deallocated {
    /// As the server says it is done.
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::All => "DEALLOCATE ALL",
            Self::One(_) => "DEALLOCATE",
        }
    }
}

/// Whether a statement does nothing but close prepared ones. Drivers do so when their own cache is full: it belongs to the
/// connection, and which case it falls into is chance.
pub(super) fn deallocated(sql: &Sql) -> Option<Deallocated> {
    let mut words = sql.text.trim().trim_end_matches(';').split_whitespace().peekable();
    words.next().filter(|word| word.eq_ignore_ascii_case("DEALLOCATE"))?;
    words.next_if(|word| word.eq_ignore_ascii_case("PREPARE"));
    let name = words.next().filter(|name| !name.contains(';'))?;
    if words.next().is_some() {
        return None;
    }
    Some(if name.eq_ignore_ascii_case("ALL") { Deallocated::All } else { Deallocated::One(meant(name)) })
}

/// The cursor that a statement declares: it can be described as a portal of the protocol.
pub(super) fn declared_cursor(sql: &Sql) -> Option<String> {
    if sql.verb() != "DECLARE" {
        return None;
    }
    let mut words = sql.text.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("DECLARE"));
    words.nth(1).map(meant)
}

/// What a name in SQL means: quotes keep it as it is.
fn meant(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_ascii_lowercase(),
    }
}

/// A statement without such names, as far as they are known to be made up.
pub(super) fn without_names(sql: &str) -> Cow<'_, str> {
    match without_savepoints(sql) {
        Some(text) => text.into(),
        None => COUNTED.replace_all(sql, "${1}__"),
    }
}

/// A text that does nothing but set, release or go back to savepoints, without their names; `None` for any other.
fn without_savepoints(sql: &str) -> Option<String> {
    let parts = sql.split(';').map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.map(savepoint).collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn savepoint(part: &str) -> Option<&'static str> {
    let words: Vec<String> = part.split_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["SAVEPOINT", _] => Some("SAVEPOINT"),
        ["RELEASE", _] | ["RELEASE", "SAVEPOINT", _] => Some("RELEASE SAVEPOINT"),
        ["ROLLBACK", "TO", _]
        | ["ROLLBACK", "TO", "SAVEPOINT", _]
        | ["ROLLBACK", "WORK" | "TRANSACTION", "TO", _]
        | ["ROLLBACK", "WORK" | "TRANSACTION", "TO", "SAVEPOINT", _] => Some("ROLLBACK TO SAVEPOINT"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_prepared_statements_is_known() {
        let known = |sql: &str| deallocated(&Sql::new(sql.as_bytes()));
        assert_eq!(known("DEALLOCATE ALL"), Some(Deallocated::All));
        assert_eq!(known("deallocate prepare \"a\"\"B\" ;"), Some(Deallocated::One("a\"B".to_owned())));
        assert_eq!(known("DEALLOCATE X"), Some(Deallocated::One("x".to_owned())));
        for other in ["DEALLOCATE x; DROP TABLE t", "DEALLOCATE x;DROP", "SELECT 1", "", "DEALLOCATE"] {
            assert_eq!(known(other), None, "{other}");
        }
    }

    #[test]
    fn the_portals_of_asyncpg_are_not_counted() {
        assert_eq!(
            without_names("MOVE FORWARD 3 __asyncpg_portal_1f__"),
            "MOVE FORWARD 3 __asyncpg_portal__"
        );
        assert_eq!(without_names("SAVEPOINT a"), "SAVEPOINT");
        assert_eq!(without_names("SELECT '__asyncpg_'"), "SELECT '__asyncpg_'");
    }

    #[test]
    fn savepoints_are_the_same_whatever_they_are_called() {
        let back = Some("ROLLBACK TO SAVEPOINT; RELEASE SAVEPOINT".to_owned());
        assert_eq!(without_savepoints("ROLLBACK TO \"_pg3_1\"; RELEASE \"_pg3_1\""), back);
        assert_eq!(without_savepoints("rollback transaction to savepoint a;\nrelease savepoint a;"), back);
        assert_eq!(without_savepoints("SAVEPOINT __asyncpg_savepoint_1f__;"), Some("SAVEPOINT".to_owned()));
        for other in ["ROLLBACK", "SAVEPOINT a; SELECT 1", "", "SELECT ';'"] {
            assert_eq!(without_savepoints(other), None, "{other}");
        }
    }
}
