//! The server: a thread of its own, a port of loopback, and a log of what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::answer::Answer;
use crate::dialect::{Dialect, Said};
use crate::{Fault, Script, Step};

/// The longest request that is read, in bytes.
const MAX_REQUEST: usize = 64 << 20;

/// One request, as it came.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The path, without its query.
    pub path: String,
    /// The header that the key came in; `None` without a key.
    pub key_in: Option<&'static str>,
    /// The key. It is in no log.
    #[serde(skip)]
    pub key: Option<String>,
    /// Which turns answered: 0 for [`Script::steps`], then those of [`Script::conversations`].
    pub conversation: usize,
    /// The step that answered; `None` for what no script answers.
    pub step: Option<usize>,
    /// The tools that were offered.
    pub tools: Vec<String>,
    /// The body: JSON, or null.
    pub body: Value,
}

/// A running server. Dropped, it is gone, with all its connections.
#[derive(Debug)]
pub struct Server {
    at: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct Shared {
    script: Script,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    /// How often the fault of each step has struck.
    struck: BTreeMap<(usize, usize), u32>,
    /// Where each request is written, one a line.
    log: Option<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("script", &self.script).finish_non_exhaustive()
    }
}

impl Server {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// No port, or no thread.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_at(0, script, None)
    }

    /// Starts it on this port of loopback; each request is written to `log`, as JSON on a line.
    ///
    /// # Errors
    /// The port is taken, or there is no thread.
    pub fn start_at(port: u16, script: Script, log: Option<Box<dyn Write + Send>>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
        let at = listener.local_addr()?;
        let state = State { log, ..State::default() };
        let shared = Arc::new(Shared { script, state: Mutex::new(state) });
        runtime.spawn(accept(listener, shared.clone()));
        Ok(Self { at, shared, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:PORT`. The OpenAI protocols are spoken below `/v1`, and anywhere else.
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not waited for: it may be dropped on a thread that must not block.
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // It ends where no connection can be taken any more: whoever asks then sees it.
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(shared.answer(request).await) }
            });
            // A connection that ends badly is the client's doing, or the script's.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let body = Limited::new(body, MAX_REQUEST).collect().await.map(|body| body.to_bytes());
        let body: Value = body.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let (key_in, key) = key(&head.headers).unzip();
        let dialect = Dialect::at(&path).filter(|_| head.method == Method::POST);
        let tools = dialect.map(|dialect| dialect.tools(&body)).unwrap_or_default();
        let turn = dialect.filter(|_| body.is_object()).map(|dialect| (dialect, dialect.turns(&body)));
        let step = turn.map(|(_, turn)| turn).filter(|_| self.script.toolless || !tools.is_empty());
        let said = dialect.map(|dialect| dialect.said(&body)).unwrap_or_default();
        let (conversation, steps) = self.script.turns_for(&said);
        let asked = Asked { path: path.clone(), key_in, key, conversation, step, tools, body };
        let (fault, nth) = self.state().take(asked.clone(), step.and_then(|step| steps.get(step)));
        let Some((dialect, turn)) = turn else { return aside(&head.method, &path) };
        let said = match step {
            None => Step::text("ok"),
            Some(_) => steps.get(turn).cloned().unwrap_or_else(|| Step::text("All done.")),
        };
        let said = said.copying_from(&dialect.latest(&asked.body));
        let said = Said { step: &said, usage: self.script.usage, model: &asked.body["model"], nth };
        respond(dialect, &said, asked.body["stream"] == true, fault)
    }
}

impl State {
    /// Writes the request down. Answers what goes wrong with this one, and how many there were.
    fn take(&mut self, asked: Asked, step: Option<&Step>) -> (Option<Fault>, usize) {
        if let Some(log) = &mut self.log {
            // A log that cannot be written is missed by whoever reads it.
            let _ = serde_json::to_writer(&mut *log, &asked).map_err(io::Error::from).and_then(|()| {
                log.write_all(b"\n")?;
                log.flush()
            });
        }
        let at = asked.step.map(|step| (asked.conversation, step));
        let struck = at.map(|at| self.struck.entry(at).or_default());
        self.asked.push(asked);
        let fault = step.zip(struck).and_then(|(step, struck)| {
            *struck += 1;
            step.fault.clone().filter(|_| step.times.is_none_or(|times| *struck <= times))
        });
        (fault, self.asked.len())
    }
}

/// The header that a key came in, and the key.
fn key(headers: &HeaderMap) -> Option<(&'static str, String)> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = || Some(("authorization", text("authorization")?.strip_prefix("Bearer ")?.to_owned()));
    text("x-api-key").map(|key| ("x-api-key", key.to_owned())).or_else(bearer)
}

/// What is asked beside the conversation.
fn aside(method: &Method, path: &str) -> Response<Answer> {
    if method == Method::HEAD {
        return Response::new(Answer::new([]));
    }
    if path.ends_with("/count_tokens") {
        return json_response(200, &json!({ "input_tokens": 10 }));
    }
    if path.ends_with("/models") {
        let model =
            json!({ "id": "scripted", "object": "model", "type": "model", "display_name": "scripted" });
        return json_response(200, &json!({ "object": "list", "data": [model], "models": [] }));
    }
    json_response(404, &Dialect::error(404, "nothing is spoken here"))
}

fn respond(dialect: Dialect, said: &Said<'_>, streams: bool, fault: Option<Fault>) -> Response<Answer> {
    let (pause, cut) = match fault {
        Some(Fault::Status { code, message }) => return json_response(code, &Dialect::error(code, &message)),
        Some(Fault::Garbage) => {
            return response(200, "text/html", Answer::new(["<html>\0\u{1b}[2J".to_owned()]));
        }
        Some(Fault::Slow(millis)) => (Duration::from_millis(millis), None),
        Some(Fault::Cut(pieces)) => (Duration::ZERO, Some(pieces)),
        None => (Duration::ZERO, None),
    };
    let pieces = if streams { dialect.stream(said) } else { vec![dialect.whole(said).to_string()] };
    let answer = Answer::new(pieces).pausing(pause);
    let answer = match cut {
        Some(pieces) => answer.cut_after(pieces),
        None => answer,
    };
    response(200, if streams { "text/event-stream" } else { "application/json" }, answer)
}

fn json_response(code: u16, body: &Value) -> Response<Answer> {
    response(code, "application/json", Answer::new([body.to_string()]))
}

fn response(code: u16, kind: &str, body: Answer) -> Response<Answer> {
    let built = Response::builder().status(code).header(CONTENT_TYPE, kind).body(body);
    // A script may name a status that there is not.
    built.unwrap_or_else(|_| Response::new(Answer::new([])))
}
