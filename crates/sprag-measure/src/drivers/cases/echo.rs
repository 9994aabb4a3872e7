//! A worker that does nothing: what it costs is the floor of the `cases` driver.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

/// Answers each case with `null` at once. Returns at the end of `stdin`.
///
/// # Errors
/// When one of the two ends cannot be read or written, or a request is no JSON.
pub fn echo_worker(stdin: impl BufRead, mut stdout: impl Write) -> io::Result<()> {
    writeln!(stdout, "{}", json!({ "ready": true }))?;
    stdout.flush()?;
    for line in stdin.lines() {
        let request: Value = serde_json::from_str(&line?)?;
        writeln!(stdout, "{}", json!({ "id": request["id"], "output": null }))?;
        stdout.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_gets_its_answer() {
        let mut out = Vec::new();
        echo_worker(&b"{\"id\":\"a\",\"input\":[1]}\n{\"id\":\"b\",\"input\":2}\n"[..], &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {"ready":true}
        {"id":"a","output":null}
        {"id":"b","output":null}
        "#);
    }
}
