//! Compiles a spec and its settings into a contract. Pure: text in, contract and diagnostics out.

mod contract;
mod scope;
mod settings;

pub use contract::{Contract, Control, Goldens, Phase, Primary};
pub use scope::{Scope, ScopeMatcher, Standing};
pub use settings::Settings;
