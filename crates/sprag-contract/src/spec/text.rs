//! A line of Markdown without its decoration, which still knows where each of its bytes stood.

use std::ops::Range;

use crate::source::Span;

/// Words as a person reads them: without bold, backticks, links and escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    plain: String,
    /// For each byte of `plain`, its offset in the source.
    at: Vec<u32>,
    /// What stood in backticks, as ranges of `plain`.
    code: Vec<Range<usize>>,
}

impl Text {
    /// Reads pieces of a source as one line; the pieces are joined by a space.
    pub(crate) fn new(source: &str, pieces: &[Span]) -> Self {
        let mut raw = Raw { text: String::new(), at: Vec::new() };
        for piece in pieces {
            if !raw.text.is_empty() {
                raw.text.push(' ');
                raw.at.push(piece.start.saturating_sub(1) as u32);
            }
            raw.text.push_str(&source[piece.clone()]);
            raw.at.extend(piece.clone().map(|i| i as u32));
        }
        Strip { raw: &raw, out: Text::default() }.run()
    }

    /// A piece of a source as it is, decoration and all.
    pub(crate) fn verbatim(source: &str, piece: Span) -> Self {
        let at = piece.clone().map(|i| i as u32).collect();
        Text { plain: source[piece].to_owned(), at, code: Vec::new() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.plain
    }

    /// The place in the source of a range of the plain text.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        let end = range.end.min(self.at.len());
        match (self.at.get(range.start), end.checked_sub(1).and_then(|last| self.at.get(last))) {
            (Some(start), Some(last)) if range.start < end => *start as usize..*last as usize + 1,
            (Some(start), _) => *start as usize..*start as usize,
            _ => self.at.last().map_or(0..0, |last| *last as usize + 1..*last as usize + 1),
        }
    }

    /// The place in the source of all of it.
    pub(crate) fn whole(&self) -> Span {
        self.span(0..self.plain.len())
    }

    /// A part of it, without white space at its ends.
    pub(crate) fn slice(&self, range: Range<usize>) -> Text {
        let part = &self.plain[range.clone()];
        let start = range.start + (part.len() - part.trim_start().len());
        let end = (start + part.trim().len()).max(start);
        let code = self.code.iter().filter(|c| c.start >= start && c.end <= end);
        Text {
            plain: self.plain[start..end].to_owned(),
            at: self.at[start..end].to_vec(),
            code: code.map(|c| c.start - start..c.end - start).collect(),
        }
    }

    /// What stood in backticks.
    pub(crate) fn code(&self) -> &[Range<usize>] {
        &self.code
    }

    pub(crate) fn is_code(&self, at: usize) -> bool {
        // In order and disjoint, so that a long line of backticks stays cheap.
        let next = self.code.partition_point(|c| c.end <= at);
        self.code.get(next).is_some_and(|c| c.start <= at)
    }

    /// The parts between the places where `cut` says so, for bytes outside of backticks and brackets. `cut` gets the
    /// rest of the text from a place on, and answers how many bytes the separator has.
    pub(crate) fn split(&self, cut: impl Fn(&str, &str) -> Option<usize>) -> Vec<Text> {
        let mut parts = Vec::new();
        let (mut start, mut depth, mut skip) = (0, 0_usize, 0);
        for (at, c) in self.plain.char_indices() {
            if at < skip || self.is_code(at) {
                continue;
            }
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > 0 {
                continue;
            }
            if let Some(length) = cut(&self.plain[..at], &self.plain[at..]) {
                parts.push(self.slice(start..at));
                start = at + length;
                skip = start;
            }
        }
        parts.push(self.slice(start..self.plain.len()));
        parts.retain(|part| !part.plain.is_empty());
        parts
    }

    /// The text before a note, as in `core/ — the hot path`; a dash counts only between spaces.
    pub(crate) fn without_note(&self) -> Text {
        let dash = |before: &str, rest: &str| {
            let mark = ["—", "–", "--", "-"].into_iter().find(|mark| rest.starts_with(mark))?;
            let after = &rest[mark.len()..];
            let spaced = before.ends_with(char::is_whitespace) && after.starts_with(char::is_whitespace);
            spaced.then_some(rest.len())
        };
        self.split(dash).into_iter().next().unwrap_or_default()
    }
}

struct Raw {
    text: String,
    at: Vec<u32>,
}

struct Strip<'a> {
    raw: &'a Raw,
    out: Text,
}

impl Strip<'_> {
    fn run(mut self) -> Text {
        let text = &self.raw.text;
        let mut at = 0;
        // The closing marks of bold, emphasis and links that were opened: where, and how many bytes.
        let mut closing: Vec<(usize, usize)> = Vec::new();
        while at < text.len() {
            if let Some(found) = closing.iter().position(|(place, _)| *place == at) {
                at += closing.swap_remove(found).1;
                continue;
            }
            let rest = &text[at..];
            let c = rest.chars().next().expect("inside of the text");
            match c {
                '`' => at = self.backticks(at),
                '\\' if rest[1..].starts_with(['_', '*', '[', ']', '<', '>', '#', '`', '~', '|']) => {
                    at += 1;
                    at = self.keep(at);
                }
                '*' => match emphasis(text, at) {
                    Some((width, end)) => {
                        closing.push((end, width));
                        at += width;
                    }
                    None => at = self.keep(at),
                },
                '[' => match link(text, at) {
                    Some((close, length)) => {
                        closing.push((close, length));
                        at += 1;
                    }
                    None => at = self.keep(at),
                },
                _ => at = self.keep(at),
            }
        }
        self.out
    }

    fn keep(&mut self, at: usize) -> usize {
        let c = self.raw.text[at..].chars().next().expect("inside of the text");
        self.out.plain.push(c);
        self.out.at.extend_from_slice(&self.raw.at[at..at + c.len_utf8()]);
        at + c.len_utf8()
    }

    /// A run of backticks opens code where an equal run closes it, and is itself otherwise.
    fn backticks(&mut self, at: usize) -> usize {
        let text = &self.raw.text;
        let width = text[at..].bytes().take_while(|b| *b == b'`').count();
        let inside = at + width;
        let fence = &text[at..inside];
        let close = text[inside..]
            .match_indices(fence)
            .map(|(i, _)| inside + i)
            .find(|i| !text[i + width..].starts_with('`') && (*i == inside || !text[..*i].ends_with('`')));
        let Some(close) = close else {
            // Nothing closes it: the marks are dropped, as a person would overlook them.
            return inside;
        };
        let start = self.out.plain.len();
        self.out.plain.push_str(&text[inside..close]);
        self.out.at.extend_from_slice(&self.raw.at[inside..close]);
        if close > inside {
            self.out.code.push(start..self.out.plain.len());
        }
        close + width
    }
}

/// How far a closing mark is looked for: far more than a label has, and a bound on the work.
const REACH: usize = 400;

fn within_reach(text: &str, from: usize) -> &str {
    let mut end = (from + REACH).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[from..end]
}

/// Bold, or an emphasized label before a colon. Stars of a glob touch a slash, a dot or another star, or close
/// nothing: they stay.
fn emphasis(text: &str, at: usize) -> Option<(usize, usize)> {
    let width = if text[at..].starts_with("**") { 2 } else { 1 };
    let mark = &text[at..at + width];
    let free = at == 0 || text[..at].ends_with([' ', '\t', '(', '"']);
    let inside = at + width;
    let opens = text[inside..].starts_with(|c: char| c.is_alphanumeric() || c == '`');
    if !free || !opens {
        return None;
    }
    within_reach(text, inside).match_indices(mark).map(|(i, _)| inside + i).find_map(|end| {
        let after = text[end + width..].chars().next();
        let before = text[..end].chars().next_back()?;
        let tight = !before.is_whitespace() && before != '/' && before != '*';
        let ends = match width {
            2 => after.is_none_or(|c| c.is_whitespace() || ":,.;)!?\"—–".contains(c)),
            _ => after == Some(':') || (before == ':' && after.is_none_or(char::is_whitespace)),
        };
        (tight && ends).then_some((width, end))
    })
}

/// `[words](target)`: where the words end, and how long the rest is.
fn link(text: &str, at: usize) -> Option<(usize, usize)> {
    let free = at == 0 || text[..at].ends_with([' ', '\t', '(']);
    let near = within_reach(text, at);
    let close = near.find("](").filter(|_| free)?;
    let end = near[close..].find(')')?;
    Some((at + close, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> String {
        Text::new(line, std::slice::from_ref(&(0..line.len()))).plain
    }

    #[test]
    fn decoration_goes_and_globs_stay() {
        for (line, expected) in [
            ("**Primary**: p95_ms (ms)", "Primary: p95_ms (ms)"),
            ("**Primary:** `p95_ms`", "Primary: p95_ms"),
            ("*Secondary*: x", "Secondary: x"),
            ("benchmark/replay/fixtures/**", "benchmark/replay/fixtures/**"),
            ("**/*.rs, **/*.py", "**/*.rs, **/*.py"),
            ("`**/gen/**` and *.lock", "**/gen/** and *.lock"),
            ("*test*", "*test*"),
            ("**core/a.py**, x", "core/a.py, x"),
            ("p50\\_ms", "p50_ms"),
            ("core\\scoring.py", "core\\scoring.py"),
            ("[core/a.py](core/a.py) — hot", "core/a.py — hot"),
            ("app/[id]/page.tsx", "app/[id]/page.tsx"),
            ("__init__.py", "__init__.py"),
            ("open `tick", "open tick"),
            ("``a ` b``", "a ` b"),
        ] {
            assert_eq!(plain(line), expected, "{line}");
        }
    }

    #[test]
    fn places_lead_back_to_the_source() {
        let line = "- **Primary**: `p95_ms` — x";
        let text = Text::new(line, std::slice::from_ref(&(2..line.len())));
        let at = text.as_str().find("p95_ms").unwrap();
        assert_eq!(&line[text.span(at..at + 6)], "p95_ms");
        assert_eq!(text.without_note().as_str(), "Primary: p95_ms");
        assert_eq!(&line[text.slice(0..7).whole()], "Primary");
    }
}
