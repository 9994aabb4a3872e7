//! One request to the model, and what became of it. All that is async is behind [`Model::ask`].

use std::time::Duration;

use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{
    CacheControl, ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, ContentPart, StreamEnd, ToolCall,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use reqwest::header::HeaderMap;
use serde_json::json;
use sprag_agent::builtin::Options;
use sprag_agent::{Failure, FailureKind, Usage};

use crate::failed;

/// How long a server may take to begin an answer, and to go on with it. A local one reads the whole conversation first.
const PATIENCE: Duration = Duration::from_secs(300);

/// An answer of more bytes is given up.
const MAX_ANSWER: usize = 8 << 20;

/// A model and the way to it.
pub(crate) struct Model {
    client: Client,
    target: ServiceTarget,
    options: ChatOptions,
    runtime: tokio::runtime::Runtime,
}

/// What the model answered.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    /// The answer as it goes back to the server in the next request.
    pub(crate) message: ChatMessage,
    pub(crate) usage: Usage,
    /// It was not allowed to say it.
    pub(crate) is_withheld: bool,
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) failure: Failure,
    /// The server said how long to wait.
    pub(crate) wait: Option<Duration>,
    /// The answer had begun: it was paid for.
    pub(crate) has_begun: bool,
}

impl Model {
    /// # Errors
    /// No model of that name, or no way to trust a server.
    pub(crate) fn open(options: &Options) -> Result<Self, Failure> {
        // Where one is installed already it is this one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(30))
            // A key goes to the address that the person named, and to no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(failed("make a client of HTTP"))?;
        let client = Client::builder().with_reqwest(http).build().map_err(failed("make a client"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed("start a runtime"))?;
        let target = runtime.block_on(target(&client, options))?;
        let mut chat = ChatOptions::default()
            .with_capture_usage(true)
            .with_capture_content(true)
            .with_capture_tool_calls(true)
            .with_capture_reasoning_content(true)
            .with_stream_header_timeout(PATIENCE)
            .with_stream_read_timeout(PATIENCE);
        if target.model.adapter_kind == AdapterKind::Anthropic {
            // The others cache by themselves.
            chat = chat.with_cache_control(CacheControl::Ephemeral);
        }
        Ok(Self { client, target, options: chat, runtime })
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`Trouble`]: the server refused it, the answer broke off, or it is none.
    pub(crate) fn ask(&self, request: ChatRequest) -> Result<Answer, Trouble> {
        self.runtime.block_on(self.listen(request))
    }

    async fn listen(&self, request: ChatRequest) -> Result<Answer, Trouble> {
        let asked = self.client.exec_chat_stream(self.target.clone(), request, Some(&self.options)).await;
        let mut stream = asked.map_err(|error| trouble(&error, false))?.stream;
        let mut bytes = 0;
        while let Some(event) = stream.next().await {
            match event.map_err(|error| trouble(&error, bytes > 0))? {
                ChatStreamEvent::Chunk(chunk)
                | ChatStreamEvent::ReasoningChunk(chunk)
                | ChatStreamEvent::ThoughtSignatureChunk(chunk) => bytes += chunk.content.len().max(1),
                // Each chunk holds all of the arguments so far.
                ChatStreamEvent::ToolCallChunk(chunk) => bytes = bytes.max(chunk.tool_call.size()).max(1),
                ChatStreamEvent::End(end) if is_whole(&end) => return Ok(Answer::of(end)),
                ChatStreamEvent::Start | ChatStreamEvent::End(_) | ChatStreamEvent::Heartbeat => {}
            }
            if bytes > MAX_ANSWER {
                let said = format!("an answer of more than {} MiB", MAX_ANSWER >> 20);
                return Err(Trouble {
                    failure: Failure::new(FailureKind::Model, said),
                    wait: None,
                    has_begun: true,
                });
            }
        }
        let said = if bytes > 0 { "the answer broke off" } else { "what came is no answer" };
        Err(Trouble { failure: Failure::new(FailureKind::Outage, said), wait: None, has_begun: bytes > 0 })
    }

    /// Whether a server caches only what it is told to.
    pub(crate) fn marks_what_is_cached(&self) -> bool {
        self.options.cache_control.is_some()
    }
}

/// Where the model is served. With an address alone it speaks OpenAI Chat Completions, as all local servers do; a name before
/// `::` says another protocol.
async fn target(client: &Client, options: &Options) -> Result<ServiceTarget, Failure> {
    let known = client.resolve_service_target(options.model.as_str()).await;
    let mut target = known.map_err(failed("find the model"))?;
    if let Some(url) = &options.url {
        if !options.model.contains("::") {
            target.model = ModelIden::new(AdapterKind::OpenAI, options.model.as_str());
        }
        target.endpoint = Endpoint::from_owned(format!("{}/", url.trim_end_matches('/')));
        // Servers without a key ask for none; the protocol has no room for its absence, and no provider's key goes there.
        target.auth = AuthData::from_single("none");
    }
    if let Some(name) = &options.key {
        target.auth = AuthData::from_env(name);
    }
    Ok(target)
}

/// Some streams are said to have ended where the connection did.
fn is_whole(end: &StreamEnd) -> bool {
    end.captured_stop_reason.is_some() || end.captured_usage.is_some()
}

impl Answer {
    fn of(end: StreamEnd) -> Self {
        use genai::chat::StopReason;
        let usage = used(end.captured_usage.as_ref());
        let is_withheld = matches!(end.captured_stop_reason, Some(StopReason::ContentFilter(_)));
        let mut content = end.captured_content.unwrap_or_default();
        if !content.contains_reasoning_content()
            && let Some(reasoning) = end.captured_reasoning_content
        {
            content.push(ContentPart::ReasoningContent(reasoning));
        }
        let text = content.texts().join("\n");
        let calls: Vec<ToolCall> = content.tool_calls().into_iter().cloned().collect();
        let sent_back = content.into_parts().into_iter().map(|part| match part {
            ContentPart::ToolCall(call) => ContentPart::ToolCall(with_object(call)),
            other => other,
        });
        let message = ChatMessage::assistant(sent_back.collect::<Vec<_>>());
        Self { text, calls, message, usage, is_withheld }
    }
}

/// Arguments that are no object are refused by servers when they come back, though the model wrote them.
fn with_object(mut call: ToolCall) -> ToolCall {
    if !call.fn_arguments.is_object() {
        call.fn_arguments = json!({ "unreadable": call.fn_arguments });
    }
    call
}

/// What went wrong. genai hands on what happens within a stream inside of another error.
fn trouble(error: &genai::Error, has_begun: bool) -> Trouble {
    use genai::{Error, resolver};
    let inner = match error {
        Error::WebStream { error: inner, .. } => inner.downcast_ref().unwrap_or(error),
        other => other,
    };
    let status = inner.status().map(|status| u64::from(status.as_u16()));
    let failure = match inner {
        Error::HttpError { body, .. } => Failure::of(status, body),
        _ if status.is_some() => Failure::of(status, &inner.to_string()),
        // An error in the place of an answer, or in the middle of it.
        Error::ChatResponse { body, .. } => Failure::of_words(&body.to_string()),
        Error::Resolver { resolver_error: resolver::Error::ApiKeyEnvNotFound { env_name }, .. } => {
            Failure::new(FailureKind::Authentication, format!("there is no {env_name} in the environment"))
        }
        Error::WebStream { error, .. } => Failure::new(FailureKind::Outage, chain(&**error)),
        Error::StreamParse { serde_error, .. } => Failure::new(FailureKind::Outage, serde_error.to_string()),
        Error::WebModelCall { webc_error, .. } => Failure::new(FailureKind::Outage, chain(webc_error)),
        other => Failure::new(FailureKind::Model, other.to_string()),
    };
    Trouble { failure, wait: inner.headers().and_then(wait_of), has_begun }
}

/// An error and its reasons, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let reasons = std::iter::successors(Some(error), |error| error.source());
    reasons.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How long a server asks to wait. A date in its place is passed over.
fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1e3).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// What an answer has used. genai does not tell apart what a server left out and what it said was 0: what no cache is said to
/// have served was served by none.
fn used(usage: Option<&genai::chat::Usage>) -> Usage {
    let Some(usage) = usage else { return Usage::default() };
    let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok());
    let details = usage.prompt_tokens_details.as_ref();
    let cached = tokens(details.and_then(|details| details.cached_tokens)).unwrap_or(0);
    let all = tokens(usage.prompt_tokens);
    let reasoning = usage.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens);
    Usage {
        input: all.map(|all| all.saturating_sub(cached)),
        cached: all.map(|_| cached),
        output: tokens(usage.completion_tokens),
        reasoning: tokens(reasoning),
        usd: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_server_says_how_long_to_wait_in_one_of_three_ways() {
        let wait = |name: &'static str, value: &str| {
            wait_of(&[(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect())
        };
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        for odd in ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "1e300"] {
            assert_eq!(wait("retry-after", odd), None, "{odd}");
        }
    }

    #[test]
    fn every_variable_that_is_passed_on_is_a_providers() {
        for key in sprag_agent::builtin::KEYS {
            let kinds = AdapterKind::all().iter();
            assert!(kinds.filter_map(AdapterKind::default_key_env_name).any(|name| name == *key), "{key}");
        }
    }

    #[test]
    fn arguments_that_are_no_object_go_back_as_one() {
        let call = |fn_arguments: Value| ToolCall {
            call_id: "1".to_owned(),
            fn_name: "read".to_owned(),
            fn_arguments,
            thought_signatures: None,
        };
        let sent_back = |arguments| with_object(call(arguments)).fn_arguments;
        assert_eq!(sent_back(json!({ "path": "a" })), json!({ "path": "a" }));
        assert_eq!(sent_back("{\"path\": ".into()), json!({ "unreadable": "{\"path\": " }));
    }
}
