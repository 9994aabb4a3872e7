//! The replay harness: a proxy that records what an application says to the outside, then plays the answers back at once
//! and always the same, and counts the calls where the application cannot reach.
//!
//! Way of one request: a front end (`http`, `postgres`, `redis`, `tcp`) reads it whole; `rules` turn it into
//! its canonical form, redacted; the `desk` of its scope looks the key up in the [`cassette`], or sends it on and takes
//! the answer down, according to the [`Mode`]. What is not found latches the scope: an application that swallows the
//! error has failed all the same.
//!
//! In each front end `play` answers from the cassette, and `live` asks the outside, while recording and verifying.

mod ca;
pub mod cassette;
mod counts;
mod desk;
mod dial;
mod environment;
mod escape;
mod exchange;
mod http;
mod postgres;
mod proxy;
mod redis;
mod rules;
mod tcp;
mod trouble;

pub use ca::{CaError, Trust};
pub use cassette::CassetteError;
pub use counts::{Changed, Counts, OTHER, Surplus, metrics_of_class};
pub use dial::DialError;
pub use exchange::{Answer, Asked, Body, HttpAnswer, Key, LARGEST_BODY, PostgresAnswer, TcpAnswer, Timing};
pub use proxy::{Account, FORWARD_PROXY, Listeners, Mode, Proxy, ProxyError, Scope};
pub use rules::{Class, REDACTED, Repeat, RuleError, Rules};
pub use trouble::{Closest, Difference, Miss, Trouble};
