//! Sprag's own agent as a process like any other: what it is started with, and what it prints. It is this very program,
//! started again with [`COMMAND`]; what it does stands in `sprag-builtin-agent`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FailureKind, Usage};

/// The hidden command of `sprag` that is the agent. Its one argument is [`Options`] as JSON.
pub const COMMAND: &str = "__agent";

/// The window of a model of which nobody says how much it takes in, in tokens.
pub const USUAL_CONTEXT: u64 = 128_000;

/// Where the best known providers' keys are looked for, where no name is given.
pub const KEYS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "COHERE_API_KEY",
    "DEEPSEEK_API_KEY",
    "FIREWORKS_API_KEY",
    "GEMINI_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "MOONSHOT_API_KEY",
    "OPENAI_API_KEY",
    "OPEN_ROUTER_API_KEY",
    "TOGETHER_API_KEY",
    "XAI_API_KEY",
    "ZAI_API_KEY",
];

/// What it is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The model, as genai names it.
    pub model: String,
    /// Where it is served; without it at the provider's own address.
    pub url: Option<String>,
    /// The variable that holds the key; without it the provider's own.
    pub key: Option<String>,
    /// The most that the model takes in, in tokens.
    pub context: u64,
    /// Whether it has a shell.
    pub shell: bool,
}

/// What it prints, one a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The model said something.
    Said {
        /// What.
        text: String,
    },
    /// The model called a tool.
    Called {
        /// Which.
        tool: String,
        /// With what.
        arguments: Value,
    },
    /// What the tool answered.
    Answered {
        /// Whether it could not do as it was told.
        is_error: bool,
        /// The answer.
        text: String,
    },
    /// What all answers so far have used.
    Used {
        /// The sum.
        sum: Usage,
    },
    /// An answer broke off: it was paid for, and nobody knows how much.
    BrokeOff,
    /// A request failed, and is sent again.
    Waits {
        /// How long after.
        wait: Duration,
        /// What kind of failure it was.
        kind: FailureKind,
        /// What the server said.
        said: String,
    },
    /// The conversation grew too long for the model's window.
    Shortened {
        /// Of so many answers of tools only the beginning is left.
        answers: usize,
        /// So many of the oldest turns were left out.
        turns: usize,
    },
    /// The try is over.
    Done,
    /// The try came to nothing.
    Failed {
        /// What kind of failure it is.
        kind: FailureKind,
        /// What was said about it.
        said: String,
    },
}
