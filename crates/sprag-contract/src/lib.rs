//! Compiles a spec and its settings into a contract. Pure: text in, contract and diagnostics out.

mod compile;
mod contract;
mod diagnostic;
pub mod init;
pub mod json_path;
mod knob;
mod language;
pub mod locate;
mod measuring;
mod nearest;
mod readiness;
mod report;
mod scope;
pub mod settings;
mod source;
mod spec;
mod tests_by_name;

pub use compile::{Compiled, Enforcement, LineStanding, Surroundings, compile};
pub use contract::{Contract, Control, Goldens, Phase, Primary, Rules};
pub use diagnostic::{Diagnostic, Severity};
pub use knob::{Domain, Knob};
pub use measuring::Measuring;
pub use readiness::{Readiness, Requirement, State};
pub use report::{Look, Plain, Tone, report, report_as, report_diagnostic};
pub use scope::{ALWAYS_OFF_LIMITS, PatternError, Scope, ScopeMatcher, Standing, Why};
pub use settings::Settings;
pub use source::{Position, Source, Span};
pub use tests_by_name::is_test_path;
