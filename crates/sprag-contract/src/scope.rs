//! What a candidate may change.

use globset::{Glob, GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};

/// Paths in scope and off limits. Off limits wins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Paths or globs, relative to the top of the repository, with `/`.
    pub in_scope: Vec<String>,
    /// Paths or globs that are refused even where in scope.
    pub off_limits: Vec<String>,
    /// `no new files`
    pub no_new_files: bool,
    /// `at most N changed lines`
    pub max_changed_lines: Option<u32>,
}

/// Off limits in every contract, whatever the spec says: the spec, the settings, the harness, the log and the ideas,
/// under both of the layouts.
pub const ALWAYS_OFF_LIMITS: [&str; 3] = [".auto", "autoresearch.*", "autoresearch.hooks"];

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

/// A pattern that cannot be matched.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is no path and no glob: {reason}")]
pub struct PatternError {
    /// As it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Which rule decided about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// This entry of Files in Scope.
    Listed(String),
    /// This entry of Off Limits.
    Forbidden(String),
    /// This file or folder of the harness, or of Sprag's own.
    Locked(String),
    /// It is a test by its name, and the tests must stay the same.
    Test,
    /// It is, or lies in, a `.git`.
    Git,
    /// No entry names it.
    Unlisted,
    /// It is no plain path inside the workspace: absolute, empty, or with `..`.
    NotAPath,
}

/// A compiled [`Scope`].
#[derive(Debug, Clone)]
pub struct ScopeMatcher {
    in_scope: Vec<Entry>,
    off_limits: Vec<Entry>,
    locked: Vec<Entry>,
    same_tests: bool,
    copied: Vec<Entry>,
}

impl ScopeMatcher {
    /// Compiles a scope. `locked` are the files and folders of the harness: spec, settings, scripts, cases, goldens,
    /// cassette.
    ///
    /// # Errors
    /// An entry that is neither a path nor a glob.
    pub fn new(scope: &Scope, locked: &[String]) -> Result<Self, PatternError> {
        let compile =
            |patterns: &[String]| patterns.iter().map(|p| Entry::new(p)).collect::<Result<Vec<_>, _>>();
        let mut own = compile(&ALWAYS_OFF_LIMITS.map(str::to_owned))?;
        // A locked path is a name, not a pattern: brackets in it mean themselves.
        own.extend(locked.iter().map(|path| Entry::literal(path)));
        let (in_scope, off_limits) = (compile(&scope.in_scope)?, compile(&scope.off_limits)?);
        Ok(Self { in_scope, off_limits, locked: own, same_tests: false, copied: Vec::new() })
    }

    /// With `same tests`: whatever is a test by its name ([`crate::is_test_path`]) is off limits too, so that none
    /// is changed, added or removed.
    #[must_use]
    pub fn with_same_tests(self, same_tests: bool) -> Self {
        Self { same_tests, ..self }
    }

    /// With a package: what is not copied ([`crate::settings::Workspace::copied`]) is in nobody's scope, as a candidate
    /// cannot see what it would change there.
    #[must_use]
    pub fn within(self, copied: &[String]) -> Self {
        Self { copied: copied.iter().map(|path| Entry::literal(path)).collect(), ..self }
    }

    /// Where a path stands. The path is relative to the top of the repository, with `/`.
    pub fn standing(&self, path: &str) -> Standing {
        match self.why(path) {
            Why::Listed(_) => Standing::InScope,
            Why::Forbidden(_) | Why::Locked(_) | Why::Test | Why::Git => Standing::OffLimits,
            Why::Unlisted | Why::NotAPath => Standing::OutOfScope,
        }
    }

    /// Which rule decides about a path.
    pub fn why(&self, path: &str) -> Why {
        // Some file systems fold case, and there `.GIT` is the repository too.
        if path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
            return Why::Git;
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\0') {
            return Why::NotAPath;
        }
        let first = |entries: &[Entry]| entries.iter().find(|e| e.matches(path)).map(|e| e.written.clone());
        if let Some(entry) = first(&self.locked) {
            Why::Locked(entry)
        } else if let Some(entry) = first(&self.off_limits) {
            Why::Forbidden(entry)
        } else if self.same_tests && crate::is_test_path(path) {
            Why::Test
        } else if !self.copied.is_empty() && !self.copied.iter().any(|entry| entry.matches(path)) {
            Why::Unlisted
        } else if let Some(entry) = first(&self.in_scope) {
            Why::Listed(entry)
        } else {
            Why::Unlisted
        }
    }
}

/// A glob becomes a regular expression: a longer one could be too large to build.
const MAX_PATTERN: usize = 500;

/// One path or glob. A path matches itself and, being a folder, everything in it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    written: String,
    path: String,
    glob: Option<GlobMatcher>,
}

impl Entry {
    pub(crate) fn new(written: &str) -> Result<Self, PatternError> {
        if written.len() > MAX_PATTERN {
            let pattern = written.chars().take(60).chain(['…']).collect();
            return Err(PatternError { pattern, reason: format!("it is longer than {MAX_PATTERN} bytes") });
        }
        let mut entry = Self::literal(written);
        if !is_glob(&entry.path) {
            return Ok(entry);
        }
        let build = |text: &str| -> Result<Glob, globset::Error> {
            GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()
        };
        match build(&entry.path) {
            Ok(glob) => entry.glob = Some(glob.compile_matcher()),
            // `app/[id` is a legal name, if an odd one: with nothing else of a glob in it, it stands for itself.
            Err(_) if !entry.path.contains(['*', '?']) => {}
            Err(error) => {
                return Err(PatternError { pattern: written.to_owned(), reason: error.kind().to_string() });
            }
        }
        Ok(entry)
    }

    fn literal(written: &str) -> Self {
        let path = written.strip_prefix("./").unwrap_or(written).trim_end_matches('/');
        let path = if path == "." { "" } else { path };
        Self { written: written.to_owned(), path: path.to_owned(), glob: None }
    }

    /// Brackets are matched both ways: as a class of a glob, and as themselves, as in `app/[id]/page.tsx`.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let inside = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.path.is_empty()
            || path.strip_prefix(self.path.as_str()).is_some_and(inside)
            || self.glob.as_ref().is_some_and(|glob| glob.is_match(path) || self.matches_parent(glob, path))
    }

    /// A glob that matches a folder means its contents too, like a path.
    fn matches_parent(&self, glob: &GlobMatcher, path: &str) -> bool {
        // `src/*.rs` would otherwise reach into a folder that happens to be called `x.rs`: harmless for off limits,
        // and in scope such a folder is the candidate's own doing; so only names without an extension count.
        let last = self.path.rsplit('/').next().unwrap_or_default();
        if last.contains('.') || last == "*" {
            return false;
        }
        path.match_indices('/').any(|(at, _)| glob.is_match(&path[..at]))
    }
}

/// Whether a path is one of these files or folders, or lies in one.
pub(crate) fn is_within(path: &str, places: &[String]) -> bool {
    places.iter().any(|place| Entry::literal(place).matches(path))
}

/// Whether a pattern has anything of a glob in it.
pub(crate) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(in_scope: &[&str], off_limits: &[&str], locked: &[&str]) -> ScopeMatcher {
        let own = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let scope = Scope { in_scope: own(in_scope), off_limits: own(off_limits), ..Scope::default() };
        ScopeMatcher::new(&scope, &own(locked)).unwrap()
    }

    #[test]
    fn a_folder_means_its_contents_and_off_limits_wins() {
        let m = matcher(&["core/", "./lib"], &["core/generated/**"], &["core/bench.py"]);
        assert_eq!(m.standing("core/scoring.py"), Standing::InScope);
        assert_eq!(m.standing("core/deep/er.py"), Standing::InScope);
        assert_eq!(m.standing("lib/a"), Standing::InScope);
        assert_eq!(m.standing("core/generated/x.py"), Standing::OffLimits);
        assert_eq!(m.standing("core/bench.py"), Standing::OffLimits);
        assert_eq!(m.standing("core2/scoring.py"), Standing::OutOfScope);
        assert_eq!(m.why("core/bench.py"), Why::Locked("core/bench.py".to_owned()));
        assert_eq!(m.why("core/generated/x.py"), Why::Forbidden("core/generated/**".to_owned()));
        assert_eq!(m.why("core/a.py"), Why::Listed("core/".to_owned()));
    }

    #[test]
    fn harness_ledger_and_git_are_off_limits_though_everything_is_in_scope() {
        let m = matcher(&["**"], &[], &["bench/run.sh", "app/[id]/golden"]);
        for path in [
            ".auto/prompt.md",
            ".auto/hooks/before.sh",
            "autoresearch.md",
            "autoresearch.jsonl",
            "autoresearch.hooks/after.sh",
            "bench/run.sh",
            "app/[id]/golden/1.json",
            ".git",
            ".git/config",
            "vendor/.git/hooks/x",
            "a/.GIT/config",
        ] {
            assert_eq!(m.standing(path), Standing::OffLimits, "{path}");
        }
        assert_eq!(m.standing("src/autoresearch.rs"), Standing::InScope);
        assert_eq!(m.standing(".github/workflows/ci.yml"), Standing::InScope);
    }

    #[test]
    fn the_tests_are_off_limits_when_they_must_stay_the_same() {
        let m = matcher(&["**"], &[], &[]);
        assert_eq!(m.standing("src/a_test.go"), Standing::InScope);
        let m = m.with_same_tests(true);
        assert_eq!(m.why("src/a_test.go"), Why::Test);
        assert_eq!(m.standing("tests/new.rs"), Standing::OffLimits);
        assert_eq!(m.standing("src/a.go"), Standing::InScope);
    }

    #[test]
    fn what_is_no_plain_path_is_never_in_scope() {
        let m = matcher(&["**", "."], &[], &[]);
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\0b"] {
            assert_eq!(m.standing(path), Standing::OutOfScope, "{path}");
        }
    }

    #[test]
    fn a_star_stays_in_its_folder_and_brackets_match_both_ways() {
        let m = matcher(&["src/*.rs", "app/[id]/page.tsx", "tests/fix*", "odd[name"], &[], &[]);
        assert_eq!(m.standing("src/a.rs"), Standing::InScope);
        assert_eq!(m.standing("src/deep/a.rs"), Standing::OutOfScope);
        assert_eq!(m.standing("app/[id]/page.tsx"), Standing::InScope);
        assert_eq!(m.standing("tests/fixtures/a/b"), Standing::InScope);
        assert_eq!(m.standing("odd[name"), Standing::InScope);
        for wrong in ["src/[*".to_owned(), "*a".repeat(300)] {
            let scope = Scope { in_scope: vec![wrong], ..Scope::default() };
            assert!(ScopeMatcher::new(&scope, &[]).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_is_matched_or_refused(pattern in "[a-z*?\\[\\]{},!/.^\\\\-]{0,60}", path in "[a-z/.]{0,12}") {
            if let Ok(entry) = Entry::new(&pattern) {
                entry.matches(&path);
            }
        }
    }
}
