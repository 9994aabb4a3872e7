//! Members with secrets in what is no JSON as a whole: events, lines, a text that was cut, one that is too deep.

use std::ops::Range;

use super::json::unescaped;

/// A longer name is none of ours.
const LONGEST_NAME: usize = 100;

/// Where the values of secret members stand: texts and numbers, also those in an array. Every quotation mark may begin a
/// name, so that a stray one hides nothing. Takes time in proportion to the text.
pub(super) fn secret_values(text: &[u8], is_secret: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'"', &text[at..]) {
        at += found + 1;
        let Some(length) = text[at..].iter().take(LONGEST_NAME).position(|byte| *byte == b'"') else {
            continue;
        };
        let Some(value) = after(text, at + length + 1, b':') else { continue };
        let name = std::str::from_utf8(&text[at..at + length]).ok().and_then(unescaped);
        if !name.is_some_and(|name| is_secret(&name)) {
            continue;
        }
        let is_list = text.get(value) == Some(&b'[');
        let mut next = if is_list { blank(text, value + 1) } else { value };
        at = next;
        while let Some(end) = end_of_value(text, next) {
            places.push(next..end);
            at = end;
            match after(text, end, b',').filter(|_| is_list) {
                Some(element) => next = element,
                None => break,
            }
        }
    }
    places
}

/// The place behind white space, one byte and white space again.
fn after(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = blank(text, at);
    (text.get(at) == Some(&byte)).then(|| blank(text, at + 1))
}

fn blank(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of a text or a number; a text that does not end, ends with everything.
fn end_of_value(text: &[u8], start: usize) -> Option<usize> {
    let rest = &text[start..];
    match rest.first()? {
        b'"' => {
            let mut escaped = false;
            let end = rest[1..].iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            Some(end.map_or(text.len(), |end| start + end + 2))
        }
        b'-' | b'0'..=b'9' => {
            let of_number = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
            Some(start + rest.iter().take_while(of_number).count())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secret_members_are_found_wherever_they_stand() {
        for (text, found) in [
            (r#"data: {"token" : "a\"b", "x": "y"}"#, &[r#""a\"b""#][..]),
            (r#"5" long {"token":"a"}"#, &[r#""a""#]),
            (r#"{"to\u006ben":-1.5e3}"#, &["-1.5e3"]),
            (r#"{"token":["a", 2,"b"],"token":{"token":"c"}}"#, &[r#""a""#, "2", r#""b""#, r#""c""#]),
            (r#"{"token":"cut of"#, &[r#""cut of"#]),
            (r#"{"token":"cut \"#, &[r#""cut \"#]),
            (r#"{"token":null,"tokens":"a","token""#, &[]),
            (r#"{"token":["#, &[]),
        ] {
            let places = secret_values(text.as_bytes(), |name| name == "token");
            let texts: Vec<&str> = places.iter().map(|place| &text[place.clone()]).collect();
            assert_eq!(texts, found, "{text}");
        }
    }

    proptest! {
        #[test]
        fn places_are_in_order_and_apart(text in proptest::collection::vec(
            prop_oneof![Just(&b"\"t\""[..]), Just(&b":"[..]), Just(&b"["[..]), Just(&b"\\"[..]), Just(&b"\xff"[..]),
                        Just(&b" 1,"[..]), Just(&b"\""[..])], 0..30)) {
            let text = text.concat();
            let places = secret_values(&text, |name| name == "t");
            prop_assert!(places.iter().all(|place| place.start < place.end && place.end <= text.len()));
            prop_assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
