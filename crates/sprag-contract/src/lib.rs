//! Compiles a spec and its settings into a contract. Pure: text in, contract and diagnostics out.

mod contract;
mod diagnostic;
mod scope;
pub mod settings;
mod source;

pub use contract::{Contract, Control, Goldens, Phase, Primary};
pub use diagnostic::{Diagnostic, Severity};
pub use scope::{Scope, ScopeMatcher, Standing};
pub use settings::Settings;
pub use source::{Position, Source, Span};
