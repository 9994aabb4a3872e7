//! A client that writes its JSON by hand: over pipes, and over a plain socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::repo::Repo;

/// `sprag mcp`, and the pipes to it.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last: u64,
    /// The steps that were told while it waited for answers.
    pub(crate) steps: Vec<String>,
}

impl Client {
    /// Starts the server and introduces itself.
    pub(crate) fn new(repo: &Repo) -> Self {
        let mut command = repo.command(&["mcp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { input: child.stdin.take(), child, output, last: 0, steps: Vec::new() };
        let hello = client.request("initialize", hello());
        assert_eq!(hello["result"]["serverInfo"]["name"], "sprag", "{hello}");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.write_line(&message.to_string());
    }

    pub(crate) fn write_line(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Asks and waits.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
    }

    /// Asks; the answer is [waited for](Self::answer) later.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params }));
        self.last
    }

    pub(crate) fn ask_tool(&mut self, name: &str, arguments: &Value) -> u64 {
        let meta = json!({ "progressToken": "steps" });
        self.ask("tools/call", json!({ "name": name, "arguments": arguments, "_meta": meta }))
    }

    #[track_caller]
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server is gone");
            let message: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if message["method"] == "notifications/progress" {
                self.steps.push(message["params"]["message"].as_str().unwrap().to_owned());
            }
            if message["id"] == id {
                return message;
            }
        }
    }

    /// Calls a tool, which must succeed. Answers its text.
    #[track_caller]
    pub(crate) fn tool(&mut self, name: &str, arguments: Value) -> String {
        let (text, is_error) = self.told(name, arguments);
        assert!(!is_error, "{name}: {text}");
        text
    }

    /// Calls a tool, which must not succeed. Answers why.
    #[track_caller]
    pub(crate) fn refused(&mut self, name: &str, arguments: Value) -> String {
        let (text, is_error) = self.told(name, arguments);
        assert!(is_error, "{name}: {text}");
        text
    }

    #[track_caller]
    fn told(&mut self, name: &str, arguments: Value) -> (String, bool) {
        let id = self.ask_tool(name, &arguments);
        let answer = self.answer(id);
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        (text.to_owned(), result["isError"] == true)
    }

    /// Begins an experiment. Answers its folder.
    #[track_caller]
    pub(crate) fn begin(&mut self) -> PathBuf {
        folder(&self.tool("begin_experiment", json!({})))
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Shuts the pipe, and waits for the server's end.
    pub(crate) fn leave(mut self) -> Option<i32> {
        self.input = None;
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn hello() -> Value {
    let client = json!({ "name": "a test", "version": "1" });
    json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client })
}

/// The folder that an answer names.
#[track_caller]
pub(crate) fn folder(text: &str) -> PathBuf {
    let line = text.lines().find_map(|line| line.strip_prefix("folder: "));
    PathBuf::from(line.unwrap_or_else(|| panic!("no folder in:\n{text}")))
}

/// Posts a request, with more headers if there are some. Answers the status and all that came.
pub(crate) fn post(port: u16, headers: &[&str], body: &Value) -> (u16, String) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut head = format!(
        "POST /mcp HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: application/json, \
         text/event-stream\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        head.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
    }
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    // A server that refuses reads no further.
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    (answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0), answer)
}
