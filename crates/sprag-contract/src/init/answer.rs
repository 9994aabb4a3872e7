//! Whether an answer can stand in a spec as it was given.

use sprag_judge::stop;

use crate::language::{Names, Reading, Rule, is_metric_name, read};
use crate::scope::Entry;
use crate::spec::Text;

/// A metric's name.
///
/// # Errors
/// One sentence that says what a name is.
pub fn check_metric(name: &str) -> Result<(), String> {
    if is_metric_name(name) {
        Ok(())
    } else {
        Err("a name has letters, digits, `_` and `.`, such as p95_ms".to_owned())
    }
}

/// A control as it would stand under Constraints, such as `db_calls unchanged`, or a name alone, which is only
/// watched: its name and its bound.
///
/// # Errors
/// One sentence with the bounds that are understood.
pub fn check_control(sentence: &str) -> Result<(String, String), String> {
    let sentence = sentence.trim();
    let name = sentence.split_whitespace().next().unwrap_or_default();
    check_metric(name)?;
    let bound = sentence[name.len()..].trim();
    let names = [(name.to_owned(), String::new())];
    let text = Text::verbatim(sentence, 0..sentence.len());
    let reading = read(&text, &Names { metrics: &names });
    match reading {
        _ if sentence.contains(char::is_control) => Err("write it on one line".to_owned()),
        _ if bound.is_empty() => Ok((name.to_owned(), String::new())),
        Reading::Rule(Rule::Bound { metrics, .. }) if metrics == [name] => {
            Ok((name.to_owned(), bound.to_owned()))
        }
        _ => Err(format!(
            "`{sentence}` is no bound: write `{name} unchanged`, `{name} within 5%`, `{name} <= 7` or `{name} == 7`"
        )),
    }
}

/// A stop rule.
///
/// # Errors
/// One sentence with examples.
pub fn check_stop(sentence: &str) -> Result<(), String> {
    match stop::parse(sentence.trim()) {
        Some(_) => Ok(()),
        None => Err(format!(
            "`{}` is no stop rule: write `after 5 consecutive discards`, `after 50 experiments` or `after 2 hours`",
            sentence.trim()
        )),
    }
}

/// A path or glob of the repository.
///
/// # Errors
/// One sentence that says why it is none.
pub fn check_path(path: &str) -> Result<(), String> {
    if path.starts_with(['/', '~']) || path.contains('\\') || path.split('/').any(|part| part == "..") {
        return Err(format!("`{path}` leaves the repository: write it relative to its top, with `/`"));
    }
    Entry::new(path).map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_a_name_with_a_bound_that_is_understood() {
        let pair = |name: &str, bound: &str| Ok((name.to_owned(), bound.to_owned()));
        assert_eq!(check_control(" db_calls unchanged "), pair("db_calls", "unchanged"));
        assert_eq!(check_control("calls within 5%"), pair("calls", "within 5%"));
        assert_eq!(check_control("calls"), pair("calls", ""));
        for wrong in ["calls must be nice", "db calls unchanged", "", "a\n## Stop", "calls unchanged\n- x"] {
            assert!(check_control(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_and_stop_rules_are_read_as_the_spec_would_read_them() {
        assert_eq!(check_path("src/**"), Ok(()));
        assert!(check_path("../x").is_err() && check_path("/etc").is_err() && check_path("a[*").is_err());
        assert_eq!(check_stop("after 2 hours"), Ok(()));
        assert!(check_stop("some day").is_err());
    }
}
