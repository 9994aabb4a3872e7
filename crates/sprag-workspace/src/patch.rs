//! Unified diffs, as `git diff --full-index` writes them: parsing, and application to a directory.

mod apply;
mod parse;
mod quoted;

pub use apply::{Outcome, apply_to};
pub use parse::{BadPatch, FilePatch, Patch, parse};
