//! A model server on loopback that plays a script instead of thinking: for testing whoever calls a model, without a key,
//! without money, and with the same answer each time.
//!
//! It speaks OpenAI Chat Completions, OpenAI Responses and Anthropic Messages, streaming and not. Which [`Step`] of the
//! [`Script`] answers a request is read from the request alone: it is the number of turns in which the conversation has
//! called tools, in the turns of the [`Conversation`] that people's words tell it is. So a request that is sent again, and one
//! on the side, disturb nothing.

mod answer;
mod dialect;
mod script;
mod server;

pub use script::{Call, Conversation, Fault, Script, Step, Usage};
pub use server::{Asked, Server};
