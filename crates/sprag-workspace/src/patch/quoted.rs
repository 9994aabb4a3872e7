//! Paths as git writes them in a diff: quoted like a C string when they have unusual bytes.

/// Reads one path from the start of the text: a quoted one, or one that ends at a tab or at the end. Returns the
/// path and what follows; none when the quoting is broken or the path is not UTF-8.
pub(super) fn take_path(text: &str) -> Option<(String, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => take_quoted(quoted),
        None => {
            let end = text.find('\t').unwrap_or(text.len());
            Some((text[..end].to_owned(), &text[end..]))
        }
    }
}

fn take_quoted(text: &str) -> Option<(String, &str)> {
    let bytes = text.as_bytes();
    let (mut path, mut at) = (Vec::new(), 0);
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((String::from_utf8(path).ok()?, &text[at + 1..])),
            b'\\' => {
                let escape = *bytes.get(at + 1)?;
                at += 2;
                path.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'"' | b'\\' => escape,
                    b'0'..=b'3' => {
                        let octal = std::str::from_utf8(bytes.get(at - 1..at + 2)?).ok()?;
                        at += 2;
                        u8::from_str_radix(octal, 8).ok()?
                    }
                    _ => return None,
                });
            }
            byte => {
                path.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_paths_come_back_as_they_were_and_broken_ones_do_not() {
        let taken = |text| take_path(text).map(|(path, rest)| (path, rest.to_owned()));
        assert_eq!(
            taken("\"a/caf\\303\\251\\t.txt\" rest"),
            Some(("a/café\t.txt".to_owned(), " rest".to_owned()))
        );
        assert_eq!(taken("a/b c\t2026"), Some(("a/b c".to_owned(), "\t2026".to_owned())));
        for broken in ["\"a", "\"\\", "\"\\9\"", "\"\\37\"", "\"\\377\""] {
            assert_eq!(taken(broken), None, "{broken}");
        }
    }
}
