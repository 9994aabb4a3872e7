//! What a candidate may change.

use serde::{Deserialize, Serialize};

/// Paths in scope and off limits. Off limits wins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Paths or globs, relative to the workspace root, with `/`.
    pub in_scope: Vec<String>,
    /// Paths or globs that are refused even where in scope.
    pub off_limits: Vec<String>,
    /// `no new files`
    pub no_new_files: bool,
    /// `at most N changed lines`
    pub max_changed_lines: Option<u32>,
}

/// A compiled [`Scope`].
#[derive(Debug, Clone)]
pub struct ScopeMatcher {}

/// Where a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A candidate may change it.
    InScope,
    /// Named off limits, or always off limits (spec, settings, harness, ledger, goldens, cassette, `.git`).
    OffLimits,
    /// Not named in scope.
    OutOfScope,
}
