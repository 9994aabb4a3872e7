//! Two texts, line by line.

use std::borrow::Cow;

use regex::bytes::{NoExpand, Regex};

use super::{Difference, capped};

pub(super) fn compare(golden: &[u8], output: &[u8], masks: &[Regex]) -> Result<(), Difference> {
    let output = decoded(output);
    let mark = mark(golden, &output);
    let (golden, output) = (masked(golden, masks, &mark), masked(&output, masks, &mark));
    let (mut golden, mut output) = (lines(&golden), lines(&output));
    for number in 1.. {
        match (golden.next(), output.next()) {
            (None, None) => break,
            (expected, got) if expected == got => {}
            (expected, got) => {
                let shown = |line: Option<&[u8]>| line.map_or_else(|| "the end".to_owned(), capped);
                return Err(Difference {
                    path: format!("line {number}"),
                    expected: shown(expected),
                    got: shown(got),
                });
            }
        }
    }
    Ok(())
}

/// What is in an output that is a JSON string, as a worker answers text.
pub(super) fn decoded(output: &[u8]) -> Cow<'_, [u8]> {
    match serde_json::from_slice::<String>(output) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(output),
    }
}

/// What stands for a match: it begins with more `<` than stand together in either text, so that nobody can write it
/// instead of what a mask wants to see.
fn mark(golden: &[u8], output: &[u8]) -> String {
    let runs = |text: &[u8]| text.split(|&byte| byte != b'<').map(<[u8]>::len).max().unwrap_or(0);
    format!("{}masked>", "<".repeat(1 + runs(golden).max(runs(output))))
}

fn masked<'t>(text: &'t [u8], masks: &[Regex], mark: &str) -> Cow<'t, [u8]> {
    masks.iter().fold(Cow::Borrowed(text), |text, mask| {
        match mask.replace_all(&text, NoExpand(mark.as_bytes())) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => Cow::Owned(masked),
        }
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(golden: &str, output: &str, masks: &[&str]) -> Result<(), String> {
        let masks: Vec<Regex> = masks.iter().map(|mask| Regex::new(mask).unwrap()).collect();
        compare(golden.as_bytes(), output.as_bytes(), &masks).map_err(|difference| difference.to_string())
    }

    #[test]
    fn text_forgives_line_endings_and_nothing_else() {
        assert_eq!(text("a\nb\n", "a\r\nb", &[]), Ok(()));
        assert_eq!(text("a\nb\n", r#""a\nb""#, &[]), Ok(()));
        let told = |golden, output| text(golden, output, &[]).unwrap_err();
        assert_eq!(told("a\nb", "a\nc"), "at line 2: the golden has `b`, the output `c`");
        assert_eq!(told("a", "a\nb"), "at line 2: the golden has the end, the output `b`");
        assert!(text("a", "a ", &[]).is_err());
    }

    #[test]
    fn what_a_mask_matches_counts_as_equal_and_must_be_there() {
        let masks = [r"took \d+ ms", r"(?m)^id: .*$"];
        assert_eq!(text("took 3 ms\nid: a", "took 41 ms\nid: bcd", &masks), Ok(()));
        assert_eq!(
            text("took 3 ms", "took no ms", &masks).unwrap_err(),
            "at line 1: the golden has `<masked>`, the output `took no ms`"
        );
        // What stands for a match in a message is not accepted in place of one.
        assert_eq!(
            text("took 3 ms", "<masked>", &masks).unwrap_err(),
            "at line 1: the golden has `<<masked>`, the output `<masked>`"
        );
        assert_eq!(text("costs $1", "costs $2", &[r"\$\d"]), Ok(()));
    }
}
