//! Stand-ins that do nothing: what they cost is the floor of the `cases` driver.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

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

/// Answers each request on the port with `null` at once. Returns only with an error.
///
/// # Errors
/// When it cannot listen.
pub fn echo_server(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    for stream in listener.incoming().flatten() {
        // One client, which comes again where it was left: what it sends wrong ends its connection.
        let _ = serve(stream);
    }
    Ok(())
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut bodiless = false;
        for number in 0.. {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            bodiless |= number == 0 && line.starts_with("HEAD ");
            match line.split_once(':') {
                _ if line.is_empty() => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap_or(0);
                }
                _ => {}
            }
        }
        io::copy(&mut (&mut reader).take(length), &mut io::sink())?;
        let body = if bodiless { "" } else { "null" };
        writer.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}").as_bytes())?;
    }
}

/// Reads all of `stdin`, and answers `null`.
///
/// # Errors
/// When one of the two ends cannot be read or written.
pub fn echo_once(mut stdin: impl Read, mut stdout: impl Write) -> io::Result<()> {
    io::copy(&mut stdin, &mut io::sink())?;
    writeln!(stdout, "null")?;
    stdout.flush()
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
