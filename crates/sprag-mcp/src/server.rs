//! The asynchronous side: answers the protocol, and passes what takes time to the worker.

use std::sync::{Arc, mpsc};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use sprag_measure::process::sanitized;
use sprag_session::GUEST;

use crate::desk::{Answer, Desk, Job, Ticket};
use crate::place::Place;
use crate::tools::{self, Ask, Call};
use crate::worker::Worker;

/// What a model reads of this server before it calls anything.
const INSTRUCTIONS: &str = "\
Sprag measures your edits and keeps only what is really better. begin_experiment gives you a folder: edit there, within the \
scope that the brief names, and nowhere else. submit_experiment has it measured and answers with the verdict; then the same \
folder holds a fresh copy of the best code so far. What you report about numbers is not believed.";

/// Answers the clients of one worker. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    place: Arc<Place>,
    desk: Arc<Desk>,
    jobs: mpsc::Sender<Job>,
}

/// A server, and the worker that it asks.
pub(crate) fn open(place: Place) -> (Server, Worker) {
    let (jobs, asked) = mpsc::channel();
    let (place, desk) = (Arc::new(place), Arc::new(Desk::default()));
    let worker = Worker::new(place.clone(), desk.clone(), asked);
    (Server { place, desk, jobs }, worker)
}

impl Server {
    /// Ends the worker.
    pub(crate) fn close(&self) {
        self.desk.close();
    }

    async fn status(&self) -> Answer {
        let place = self.place.clone();
        let read = tokio::task::spawn_blocking(move || place.status()).await;
        let read = read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(format!("{read}{}", self.desk.status()))
    }

    fn brief(&self) -> Answer {
        self.desk
            .brief()
            .ok_or_else(|| "no experiment is open: begin_experiment answers with its brief".to_owned())
    }

    /// Has the worker do it, and tells its steps to a client that asked for them.
    async fn ask(&self, ask: Ask, context: RequestContext<RoleServer>) -> Answer {
        let ending = || "the server is ending".to_owned();
        let (steps, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (answer, mut answered) = tokio::sync::oneshot::channel();
        let called_off = CallOff(Ticket::default());
        let job = Job { ask, ticket: called_off.0.clone(), steps, answer };
        self.jobs.send(job).map_err(|_| ending())?;
        let progress = context.meta.get_progress_token();
        let mut step = 0.0;
        loop {
            tokio::select! {
                biased;
                answer = &mut answered => return answer.unwrap_or_else(|_| Err(ending())),
                () = context.ct.cancelled() => return Err("called off: what was under way was cut".to_owned()),
                Some(what) = told.recv() => if let Some(token) = &progress {
                    step += 1.0;
                    let told = ProgressNotificationParam::new(token.clone(), step).with_message(what);
                    let _ = context.peer.notify_progress(told).await;
                },
            }
        }
    }
}

/// Calls a job off when nobody waits for it any more.
struct CallOff(Ticket);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("sprag", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let answer = match Call::parse(&request.name, request.arguments, client(&context))? {
            Call::Status => self.status().await,
            Call::Brief => self.brief(),
            Call::Ask(ask) => self.ask(*ask, context).await,
        };
        let block = |text: String| vec![ContentBlock::text(sanitized(text.as_bytes()))];
        Ok(match answer {
            Ok(text) => CallToolResult::success(block(text)),
            Err(text) => CallToolResult::error(block(text)),
        }
        .into())
    }
}

/// What a client calls itself, as rows say it under `agent`.
fn client(context: &RequestContext<RoleServer>) -> String {
    const LONGEST: usize = 64;
    let name = context.client_info().map(|info| format!("{} {}", info.name, info.version));
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    let name: String = sanitized(name.as_bytes()).replace(['\n', '\t'], " ").chars().take(LONGEST).collect();
    format!("{GUEST}{}", name.trim())
}
