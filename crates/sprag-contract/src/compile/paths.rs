//! Files in Scope and Off Limits: which words of a bullet are paths.

use super::{Compiler, Enforcement, Listed, Scoped, sections::items};
use crate::{
    Scope, Span,
    nearest::nearest,
    scope::{Entry, is_glob, is_within},
    spec::{Document, Kind, Text},
};

/// More entries than a person writes, and a bound on the work.
const MAX_ENTRIES: usize = 2000;

impl Compiler<'_> {
    pub(super) fn scope(&mut self, document: &Document) -> Scoped {
        let mut listed = Vec::new();
        let mut forbidden = Vec::new();
        let mut prose = Vec::new();
        for section in &document.sections {
            match section.kind {
                Kind::Scope => {
                    for item in items(section) {
                        listed.extend(self.entries(item.line, &item.text, true).unwrap_or_default());
                    }
                }
                Kind::OffLimits => {
                    for item in items(section) {
                        match self.entries(item.line, &item.text, false) {
                            Some(found) => forbidden.extend(found),
                            None => prose.push(item),
                        }
                    }
                }
                _ => {}
            }
        }
        if listed.len() + forbidden.len() > MAX_ENTRIES {
            self.error(None, format!("more than {MAX_ENTRIES} paths under Files in Scope and Off Limits"))
                .help = Some("name folders instead of files".to_owned());
            listed.truncate(MAX_ENTRIES);
            forbidden.truncate(MAX_ENTRIES);
        }
        let patterns = |entries: &[Listed]| {
            let mut seen = std::collections::HashSet::new();
            entries.iter().map(|e| e.pattern.clone()).filter(|p| seen.insert(p.clone())).collect()
        };
        let rules =
            Scope { in_scope: patterns(&listed), off_limits: patterns(&forbidden), ..Scope::default() };
        Scoped { rules, listed, forbidden, prose }
    }

    /// The paths of one bullet, and its standing; `None` for a line of Off Limits that is prose.
    fn entries(&mut self, line: u32, text: &Text, in_scope: bool) -> Option<Vec<Listed>> {
        let head = text.without_note();
        let before = self.findings.len();
        let phrase = head.as_str().trim_end_matches('.').to_lowercase();
        if matches!(phrase.as_str(), "none" | "nothing" | "n/a" | "(none)" | "-") {
            return Some(Vec::new());
        }
        if in_scope
            && matches!(
                phrase.as_str(),
                "everything" | "all files" | "anything" | "all" | "the whole repository"
            )
        {
            self.stand(
                line,
                text.as_str(),
                Enforcement::enforced("scope: every path that is not off limits may change"),
            );
            return Some(vec![Listed { pattern: "**".to_owned(), span: head.whole() }]);
        }
        if !in_scope
            && phrase.starts_with("everything ")
                | phrase.starts_with("anything ")
                | phrase.starts_with("all other")
        {
            self.stand(
                line,
                text.as_str(),
                Enforcement::covered("Files in Scope: what it does not name is refused"),
            );
            return Some(Vec::new());
        }
        let mut found = Vec::new();
        for piece in head.split(|_, rest| rest.starts_with([',', ';']).then_some(1)) {
            for path in self.path_of(&piece) {
                if let Some(pattern) = self.pattern(&path) {
                    found.push(Listed { pattern, span: path.whole() });
                }
            }
        }
        if found.is_empty() && !in_scope && self.findings.len() == before {
            return None;
        }
        let standing = match (found.is_empty(), in_scope) {
            (false, true) => Enforcement::enforced("scope: a candidate may change these, and nothing else"),
            (false, false) => Enforcement::enforced("scope: a candidate that touches these is refused"),
            (true, _) => Enforcement::advisory("name a path or a glob, in backticks where it has spaces"),
        };
        if found.is_empty() && in_scope && self.findings.len() == before {
            let finding = self.warning(Some(head.whole()), "no path is found in this line of Files in Scope");
            finding.help =
                Some("write a path or a glob, such as `src/**`, and the note after a dash".to_owned());
        }
        self.stand(line, text.as_str(), standing);
        Some(found)
    }

    /// The words of a piece that are a path: those in backticks, else all of it, else its first word.
    fn path_of(&self, piece: &Text) -> Vec<Text> {
        if !piece.code().is_empty() {
            return piece.code().iter().map(|code| piece.slice(code.clone())).collect();
        }
        let plain = piece.as_str();
        let known = |path: &str| self.env.paths.as_ref().is_some_and(|paths| paths.iter().any(|p| p == path));
        if known(plain) {
            return vec![piece.clone()];
        }
        let note = plain.find(": ").or(plain.find(" (")).unwrap_or(plain.len());
        let piece = piece.slice(0..note);
        let plain = piece.as_str().trim_end_matches(':');
        let first = plain.find(char::is_whitespace).unwrap_or(plain.len());
        let alone = first == plain.len() && !plain.is_empty();
        let path_like =
            |word: &str| word.contains(['/', '*', '\\']) || (word.contains('.') && !word.ends_with('.'));
        if alone || path_like(&plain[..first]) { vec![piece.slice(0..first)] } else { Vec::new() }
    }

    /// A path or glob that can be matched, as it goes into the contract.
    fn pattern(&mut self, path: &Text) -> Option<String> {
        let text = path.as_str();
        let mut refuse = |message: String, help: &str| {
            self.error(Some(path.whole()), message).help = Some(help.to_owned());
            None
        };
        let shown: String = text.chars().take(80).collect();
        if text.contains('<') && text.contains('>') {
            return refuse(format!("`{shown}` is not filled in"), "write a path or a glob");
        }
        if text.starts_with(['/', '~']) || text.split('/').any(|part| part == "..") {
            return refuse(
                format!("`{shown}` leaves the workspace"),
                "write it relative to the top of the repository, without `..`",
            );
        }
        if text.contains('\\') {
            return refuse(
                format!("`{shown}` has a backslash"),
                "separate folders with `/`, on every system",
            );
        }
        if let Err(error) = Entry::new(text) {
            return refuse(error.to_string(), "mend the glob: `*` and `**` and `[ab]` and `{a,b}`");
        }
        let plain = text.strip_prefix("./").unwrap_or(text);
        Some(if plain.is_empty() || plain == "." { "**".to_owned() } else { plain.to_owned() })
    }

    /// Says which entries name nothing that exists.
    pub(super) fn missing_paths(&mut self, scope: &Scoped) {
        let Some(paths) = &self.env.paths else { return };
        let locked = &self.env.locked;
        let copied = self.settings.workspace.copied();
        let is_copied = |path: &str| copied.is_empty() || is_within(path, &copied);
        let entries =
            scope.listed.iter().map(|e| (e, true)).chain(scope.forbidden.iter().map(|e| (e, false)));
        let mut missing = Vec::new();
        for (entry, in_scope) in entries {
            let Ok(pattern) = Entry::new(&entry.pattern) else { continue };
            let own = ["autoresearch.", ".auto"].iter().any(|own| entry.pattern.starts_with(own));
            // What is not copied can be forbidden, and not be changed.
            let here = |path: &&String| !in_scope || is_copied(path);
            if own || paths.iter().chain(locked).filter(here).any(|path| pattern.matches(path)) {
                continue;
            }
            missing.push((entry.span.clone(), entry.pattern.clone(), in_scope));
        }
        for (span, pattern, in_scope) in missing {
            let suggestion = self.suggestion(&pattern, paths);
            if in_scope && !copied.is_empty() && self.missing_in_package(&span, &pattern, paths) {
                continue;
            }
            let what = if is_glob(&pattern) { "matches no file" } else { "does not exist" };
            let harm = if in_scope { "a candidate could only create it" } else { "it protects nothing" };
            let finding = self.warning(Some(span), format!("`{pattern}` {what}: {harm}"));
            finding.help = suggestion;
        }
    }

    /// An entry of the scope that is written from the package, or names what is not copied with it.
    fn missing_in_package(&mut self, span: &Span, pattern: &str, paths: &[String]) -> bool {
        let root = self.settings.workspace.root.clone();
        let matches = |pattern: &str| {
            Entry::new(pattern).is_ok_and(|entry| paths.iter().any(|path| entry.matches(path)))
        };
        let inside = format!("{root}/{pattern}");
        let help = match (matches(&inside), matches(pattern)) {
            (true, _) => {
                format!("paths are written from the top of the repository: did you mean `{inside}`?")
            }
            (false, true) => {
                format!("only `{root}` is copied, and what `include` under `[workspace]` names: add it there")
            }
            (false, false) => return false,
        };
        let message =
            format!("`{pattern}` names nothing of what is copied: a candidate may change nothing there");
        self.error(Some(span.clone()), message).help = Some(help);
        true
    }

    fn suggestion(&self, pattern: &str, paths: &[String]) -> Option<String> {
        if is_glob(pattern) {
            let deeper = format!("**/{pattern}");
            let matcher = Entry::new(&deeper).ok()?;
            let found = paths.iter().any(|path| matcher.matches(path));
            return found.then(|| format!("`*` stays in its folder: did you mean `{deeper}`?"));
        }
        let same_name = paths
            .iter()
            .find(|path| path.ends_with(pattern) && path[..path.len() - pattern.len()].ends_with('/'));
        let near =
            same_name.map(String::as_str).or_else(|| nearest(pattern, paths.iter().map(String::as_str)))?;
        Some(format!("did you mean `{near}`?"))
    }
}
