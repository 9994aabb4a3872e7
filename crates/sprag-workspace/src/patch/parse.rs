//! The parser. It finds out what a patch touches, and keeps each file's part as text; hunks are git's to apply.

use super::quoted::take_path;
use crate::repo_path;

/// More text than this is no patch for a single try.
const MAX_BYTES: usize = 64 << 20;

/// A parsed patch: one part for each file, no file twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// In the order of the text.
    pub files: Vec<FilePatch>,
}

/// What a patch does to one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilePatch {
    /// The path before; none for a new file.
    pub old: Option<String>,
    /// The path after; none for a deleted file.
    pub new: Option<String>,
    /// The name of the bytes before, as written: full or abbreviated. None when the patch does not say.
    pub old_id: Option<String>,
    /// The name of the bytes after.
    pub new_id: Option<String>,
    /// The text, from its first header line to its last hunk.
    pub text: String,
}

impl FilePatch {
    /// The path it is known by: the one after, else the one before.
    pub fn path(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }
}

/// A text is no patch that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the patch: {what}")]
pub struct BadPatch {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Parses a patch. Prose before the first `diff --git` or `---` line is skipped.
///
/// # Errors
/// [`BadPatch`] when there is no file in it, a path leaves the tree or names `.git`, a link or submodule is touched, a
/// file is touched twice, or a hunk does not have the lines that its header announces.
pub fn parse(text: &str) -> Result<Patch, BadPatch> {
    if text.len() > MAX_BYTES {
        return Err(BadPatch { line: 1, what: format!("it has more than {MAX_BYTES} bytes") });
    }
    let mut parser = Parser { lines: text.split_inclusive('\n').collect(), at: 0 };
    let mut files: Vec<FilePatch> = Vec::new();
    while parser.at < parser.lines.len() {
        let (start, line) = (parser.at, parser.peek());
        let file = if line.starts_with("diff --git ") {
            parser.git_file()?
        } else if line.starts_with("--- ")
            && parser.line(1).starts_with("+++ ")
            && parser.line(2).starts_with("@@ -")
        {
            parser.plain_file()?
        } else {
            parser.at += 1;
            continue;
        };
        let fail = |what: String| Err(BadPatch { line: start + 1, what });
        for path in [&file.old, &file.new].into_iter().flatten() {
            if let Some(why) = repo_path::fault(path) {
                return fail(format!("`{}` is not a path inside the tree: {why}", path.escape_debug()));
            }
            let known =
                files.iter().any(|other| [&other.old, &other.new].into_iter().flatten().any(|p| p == path));
            if known {
                return fail(format!("`{path}` is touched a second time"));
            }
        }
        if file.path().is_empty() {
            return fail("it names no file".to_owned());
        }
        files.push(file);
    }
    if files.is_empty() {
        return Err(BadPatch {
            line: 1,
            what: "there is no `diff --git` and no `---` line in it".to_owned(),
        });
    }
    Ok(Patch { files })
}

struct Parser<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn line(&self, ahead: usize) -> &'a str {
        self.lines.get(self.at + ahead).map_or("", |line| line.trim_end_matches('\n'))
    }

    fn peek(&self) -> &'a str {
        self.line(0)
    }

    fn fail<T>(&self, what: impl Into<String>) -> Result<T, BadPatch> {
        Err(BadPatch { line: self.at + 1, what: what.into() })
    }

    fn git_file(&mut self) -> Result<FilePatch, BadPatch> {
        let start = self.at;
        let mut file = FilePatch::default();
        let names = header_names(self.peek().strip_prefix("diff --git ").unwrap_or_default());
        if let Some((old, new)) = names {
            (file.old, file.new) = (Some(old), Some(new));
        }
        self.at += 1;
        while self.at < self.lines.len() {
            let line = self.peek();
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "index" => self.index(&mut file, rest)?,
                "old" | "new" | "deleted" if rest.starts_with("mode ") || rest.starts_with("file mode ") => {
                    match (word, rest.starts_with("file mode ")) {
                        ("new", true) => file.old = None,
                        ("deleted", true) => file.new = None,
                        _ => {}
                    }
                    self.mode(rest.rsplit(' ').next().unwrap_or_default())?;
                }
                "similarity" | "dissimilarity" => {}
                "rename" | "copy" => match (rest.split_once(' '), word) {
                    (Some(("from", path)), "rename") => file.old = Some(self.bare_path(path)?),
                    (Some(("to", path)), "rename") => file.new = Some(self.bare_path(path)?),
                    _ => return self.fail("copies are not supported; write it with `git diff --no-renames`"),
                },
                "---" => {
                    file.old = self.side(rest, "a/")?.filter(|_| file.old.is_some() || names_nothing(&file));
                    self.at += 1;
                    let Some(rest) = self.peek().strip_prefix("+++ ") else {
                        return self.fail("a `+++` line must follow the `---` line");
                    };
                    file.new = self.side(rest, "b/")?;
                }
                "@@" => {
                    self.hunk()?;
                    continue;
                }
                "GIT" if rest == "binary patch" => {
                    self.at += 1;
                    self.binary();
                    continue;
                }
                "Binary" => {
                    return self.fail("the bytes of a binary file are missing; use `git diff --binary`");
                }
                _ => break,
            }
            self.at += 1;
        }
        file.text = self.lines[start..self.at].concat();
        Ok(file)
    }

    fn plain_file(&mut self) -> Result<FilePatch, BadPatch> {
        let start = self.at;
        let old = self.side(self.peek().strip_prefix("--- ").unwrap_or_default(), "a/")?;
        self.at += 1;
        let new = self.side(self.peek().strip_prefix("+++ ").unwrap_or_default(), "b/")?;
        self.at += 1;
        while self.peek().starts_with("@@ -") {
            self.hunk()?;
        }
        let text = self.lines[start..self.at].concat();
        Ok(FilePatch { old, new, text, ..FilePatch::default() })
    }

    /// `<old>..<new>[ <mode>]`
    fn index(&self, file: &mut FilePatch, rest: &str) -> Result<(), BadPatch> {
        let (ids, mode) = rest.split_once(' ').map_or((rest, None), |(ids, mode)| (ids, Some(mode)));
        let is_id =
            |id: &&str| (4..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some((old, new)) = ids.split_once("..").filter(|(old, new)| is_id(old) && is_id(new)) else {
            return self.fail("the `index` line does not name two objects");
        };
        let named = |id: &str| (!id.bytes().all(|byte| byte == b'0')).then(|| id.to_ascii_lowercase());
        (file.old_id, file.new_id) = (named(old), named(new));
        mode.map_or(Ok(()), |mode| self.mode(mode))
    }

    fn mode(&self, mode: &str) -> Result<(), BadPatch> {
        match mode {
            "100644" | "100755" => Ok(()),
            "120000" => self.fail("it touches a symbolic link"),
            "160000" => self.fail("it touches a submodule"),
            _ => self.fail("it has a file mode that is not known"),
        }
    }

    fn bare_path(&self, text: &str) -> Result<String, BadPatch> {
        match take_path(text) {
            Some((path, "")) => Ok(path),
            _ => self.fail("the path cannot be read"),
        }
    }

    /// The path of a `---` or `+++` line, without its prefix; none for `/dev/null`.
    fn side(&self, text: &str, prefix: &str) -> Result<Option<String>, BadPatch> {
        match take_path(text.trim_end_matches('\r')) {
            Some((path, _)) if path == "/dev/null" => Ok(None),
            Some((path, _)) => match path.strip_prefix(prefix) {
                Some(path) => Ok(Some(path.to_owned())),
                None => self.fail(format!("the path must begin with `{prefix}`")),
            },
            None => self.fail("the path cannot be read"),
        }
    }

    /// `@@ -<start>[,<count>] +<start>[,<count>] @@` and as many lines as it announces.
    fn hunk(&mut self) -> Result<(), BadPatch> {
        let mut ranges = self.peek().strip_prefix("@@ -").unwrap_or_default().split(' ');
        let count = |range: Option<&str>| -> Option<u64> {
            let (start, count) = range?.split_once(',').unwrap_or((range?, "1"));
            start.parse::<u64>().ok().and(count.parse().ok())
        };
        let old = count(ranges.next());
        let new = count(ranges.next().and_then(|range| range.strip_prefix('+')));
        let (Some(mut old), Some(mut new)) = (old, new) else {
            return self.fail("the header of the hunk cannot be read");
        };
        self.at += 1;
        while old > 0 || new > 0 {
            let taken = match self.lines.get(self.at).and_then(|line| line.bytes().next()) {
                // Editors strip the blank of an empty line of context.
                Some(b' ' | b'\n') if old > 0 && new > 0 => (1, 1),
                Some(b'-') if old > 0 => (1, 0),
                Some(b'+') if new > 0 => (0, 1),
                Some(b'\\') => (0, 0),
                _ => return self.fail("the hunk has not the lines that its header announces"),
            };
            (old, new) = (old - taken.0, new - taken.1);
            self.at += 1;
        }
        while self.peek().starts_with('\\') {
            self.at += 1;
        }
        Ok(())
    }

    /// The lines of a binary patch: blocks of text, each ended by an empty line.
    fn binary(&mut self) {
        while self.at < self.lines.len() && !self.peek().starts_with("diff --git ") {
            self.at += 1;
        }
    }
}

/// Whether the headers so far have said nothing: a new file has said that there is no old path.
fn names_nothing(file: &FilePatch) -> bool {
    file.old.is_none() && file.new.is_none()
}

/// The two names of a `diff --git` line. Unquoted names with blanks can only be told apart when they are the same,
/// and where they differ, other lines name them.
fn header_names(text: &str) -> Option<(String, String)> {
    let text = text.trim_end_matches('\r');
    if text.starts_with('"') || text.ends_with('"') {
        let (old, rest) = if text.starts_with('"') {
            take_path(text)?
        } else {
            let (old, _) = text.split_once(" \"")?;
            (old.to_owned(), &text[old.len()..])
        };
        let (new, _) = take_path(rest.strip_prefix(' ')?)?;
        return Some((old.strip_prefix("a/")?.to_owned(), new.strip_prefix("b/")?.to_owned()));
    }
    let rest = text.strip_prefix("a/")?;
    let same = rest.len().checked_sub(3).filter(|both| both % 2 == 0).map(|both| both / 2);
    if let Some(half) = same
        && let (Some(old), Some(new)) =
            (rest.get(..half), rest.get(half..).and_then(|new| new.strip_prefix(" b/")))
        && old == new
    {
        return Some((old.to_owned(), new.to_owned()));
    }
    let (old, new) = rest.split_once(" b/")?;
    Some((old.to_owned(), new.to_owned()))
}
