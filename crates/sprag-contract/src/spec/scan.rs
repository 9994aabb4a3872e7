//! Cuts a spec into sections and their bullets, line by line, so that every word keeps its place.

use super::{
    Text,
    heading::{Kind, classify},
};
use crate::source::Span;

/// A spec, cut.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The first heading of the first level, unless it is a section.
    pub(crate) title: Option<Text>,
    pub(crate) sections: Vec<Section>,
    /// A code block that is opened here and closed nowhere.
    pub(crate) unclosed: Option<Span>,
}

/// A heading and what stands under it, down to the next heading.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) kind: Kind,
    /// Whether the heading itself said so; otherwise it is a sub-heading that goes on with the section above.
    pub(crate) named: bool,
    pub(crate) heading: Text,
    pub(crate) line: u32,
    /// The phase that it belongs to.
    pub(crate) phase: Option<u32>,
    pub(crate) blocks: Vec<Block>,
}

/// A bullet, a paragraph or the like.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) line: u32,
    pub(crate) text: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// With its indentation in columns.
    Bullet(usize),
    Paragraph,
    /// All lines of a code block, as they are, with their line ends.
    Code,
    /// A row of a table.
    Row,
}

/// Cuts a spec.
pub(crate) fn scan(source: &str) -> Document {
    let mut scan = Scan {
        source,
        out: Document::default(),
        open: Vec::new(),
        block: None,
        lines: Vec::new(),
        last_comment_end: 0,
    };
    let mut offset = 0;
    for (index, raw) in source.split_inclusive('\n').enumerate() {
        let line = raw.trim_end_matches(['\n', '\r']);
        if line.contains("-->") {
            scan.last_comment_end = index;
        }
        scan.lines.push(Line { number: index as u32 + 1, span: offset..offset + line.len() });
        offset += raw.len();
    }
    scan.run();
    scan.out
}

#[derive(Debug, Clone)]
struct Line {
    number: u32,
    span: Span,
}

/// A block whose last line has not been seen yet.
struct Open {
    kind: BlockKind,
    line: u32,
    pieces: Vec<Span>,
}

struct Scan<'a> {
    source: &'a str,
    out: Document,
    /// The headings that enclose the present place: level, kind, phase.
    open: Vec<(usize, Kind, Option<u32>)>,
    block: Option<Open>,
    lines: Vec<Line>,
    /// The last line that ends a comment: behind it no end is looked for, so that many openings stay cheap.
    last_comment_end: usize,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut next = self.front_matter();
        while next < self.lines.len() {
            let line = self.lines[next].clone();
            let text = &self.source[line.span.clone()];
            let trimmed = text.trim();
            next += 1;
            if trimmed.is_empty() {
                self.close();
            } else if let Some(fence) = fence(trimmed) {
                self.close();
                next = self.code(&line, fence, next);
            } else if trimmed.starts_with("<!--") {
                self.close();
                next = self.comment(next - 1);
            } else if let Some((level, words)) = atx(text) {
                let start = line.span.start + words.start;
                self.heading(level, start..line.span.start + words.end, line.number);
            } else if let Some(level) = self.setext(trimmed) {
                let open = self.block.take().expect("a setext line underlines a paragraph");
                let last = open.pieces.last().cloned().unwrap_or(0..0);
                self.heading(level, last, open.line);
            } else if is_rule(trimmed) {
                self.close();
            } else if let Some(start) = bullet(text) {
                self.close();
                let depth = text
                    .chars()
                    .take_while(|c| c.is_whitespace())
                    .map(|c| if c == '\t' { 4 } else { 1 })
                    .sum();
                let piece = line.span.start + start..line.span.end;
                self.block =
                    Some(Open { kind: BlockKind::Bullet(depth), line: line.number, pieces: vec![piece] });
            } else if let Some(label) = self.bold_heading(trimmed) {
                let start = line.span.start + text.find(label).unwrap_or(0);
                self.heading(6, start..start + label.len(), line.number);
            } else {
                self.words(&line, trimmed);
            }
        }
        self.close();
    }

    /// A `---` on the first line opens a header for other tools.
    fn front_matter(&self) -> usize {
        let text = |line: &Line| self.source[line.span.clone()].trim_start_matches('\u{feff}').trim_end();
        if self.lines.first().is_none_or(|line| text(line) != "---") {
            return 0;
        }
        self.lines.iter().skip(1).take(200).position(|line| text(line) == "---").map_or(0, |at| at + 2)
    }

    fn words(&mut self, line: &Line, trimmed: &str) {
        let text = &self.source[line.span.clone()];
        let start = line.span.start + (text.len() - text.trim_start().len());
        let piece = start..start + trimmed.len();
        let row = trimmed.starts_with('|');
        match &mut self.block {
            Some(open) if !row && open.kind != BlockKind::Row => open.pieces.push(piece),
            _ => {
                self.close();
                let kind = if row { BlockKind::Row } else { BlockKind::Paragraph };
                self.block = Some(Open { kind, line: line.number, pieces: vec![piece] });
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.block.take() else { return };
        let text = Text::new(self.source, &open.pieces);
        self.push(Block { kind: open.kind, line: open.line, text });
    }

    fn push(&mut self, block: Block) {
        if self.out.sections.is_empty() {
            // Words before the first heading.
            self.out.sections.push(Section {
                kind: Kind::Prose,
                named: false,
                heading: Text::default(),
                line: 1,
                phase: None,
                blocks: Vec::new(),
            });
        }
        if let Some(section) = self.out.sections.last_mut() {
            section.blocks.push(block);
        }
    }

    fn heading(&mut self, level: usize, span: Span, line: u32) {
        self.close();
        let heading = Text::new(self.source, std::slice::from_ref(&span));
        let known = classify(heading.as_str());
        let first = self.out.title.is_none() && self.open.is_empty() && level == 1;
        if first && known.is_none_or(|kind| matches!(kind, Kind::Phase(_))) {
            self.out.title = Some(heading.clone());
            self.section(Kind::Prose, false, heading, line, None);
            return;
        }
        while self.open.last().is_some_and(|(above, ..)| *above >= level) {
            self.open.pop();
        }
        let above = self.open.last().copied();
        let phase = match known {
            Some(Kind::Phase(number)) => Some(number),
            _ => above.and_then(|(_, _, phase)| phase),
        };
        let kind = known.or(above.map(|(_, kind, _)| kind)).unwrap_or(Kind::Prose);
        self.open.push((level, kind, phase));
        self.section(kind, known.is_some(), heading, line, phase);
    }

    fn section(&mut self, kind: Kind, named: bool, heading: Text, line: u32, phase: Option<u32>) {
        self.out.sections.push(Section { kind, named, heading, line, phase, blocks: Vec::new() });
    }

    /// `=====` or `-----` under a paragraph of one line makes it a heading.
    fn setext(&self, trimmed: &str) -> Option<usize> {
        let paragraph = self.block.as_ref().filter(|b| b.kind == BlockKind::Paragraph && b.pieces.len() == 1);
        paragraph?;
        let all = |mark: u8| trimmed.len() >= 3 && trimmed.bytes().all(|b| b == mark);
        if all(b'=') {
            Some(1)
        } else if all(b'-') {
            Some(2)
        } else {
            None
        }
    }

    /// `**Constraints**` or `**Constraints:**` alone on a line, for a section that Sprag knows.
    fn bold_heading<'t>(&self, trimmed: &'t str) -> Option<&'t str> {
        let inside = trimmed.strip_suffix(':').unwrap_or(trimmed).strip_prefix("**")?.strip_suffix("**")?;
        (!inside.contains('*') && classify(inside).is_some()).then_some(inside)
    }

    /// Returns the line after the block.
    fn code(&mut self, opening: &Line, fence: (char, usize), from: usize) -> usize {
        let closes = |line: &Line| {
            let text = self.source[line.span.clone()].trim();
            text.len() >= fence.1 && text.chars().all(|c| c == fence.0)
        };
        let end = self.lines[from..].iter().position(closes).map(|at| from + at);
        if end.is_none() {
            self.out.unclosed = Some(opening.span.clone());
        }
        let last = end.unwrap_or(self.lines.len());
        if from < last {
            let whole = self.lines[from].span.start..self.lines[last - 1].span.end;
            let text = Text::verbatim(self.source, whole);
            self.push(Block { kind: BlockKind::Code, line: self.lines[from].number, text });
        }
        last + 1
    }

    /// Returns the line after the comment; without an end, the comment is one line.
    fn comment(&self, from: usize) -> usize {
        if from > self.last_comment_end {
            return from + 1;
        }
        let ends = |line: &Line| self.source[line.span.clone()].contains("-->");
        self.lines[from..].iter().position(ends).map_or(from + 1, |at| from + at + 1)
    }
}

/// The mark and length of a code fence.
fn fence(trimmed: &str) -> Option<(char, usize)> {
    let mark = trimmed.chars().next().filter(|c| *c == '`' || *c == '~')?;
    let length = trimmed.chars().take_while(|c| *c == mark).count();
    let rest = &trimmed[length..];
    (length >= 3 && !(mark == '`' && rest.contains('`'))).then_some((mark, length))
}

/// Level and words of a `## heading`.
fn atx(line: &str) -> Option<(usize, Span)> {
    let line_start = line.trim_start_matches('\u{feff}');
    let indent = line_start.len() - line_start.trim_start_matches(' ').len();
    let body = line_start.trim_start();
    let level = body.bytes().take_while(|b| *b == b'#').count();
    let rest = body.get(level..)?;
    let spaced = rest.is_empty() || rest.starts_with([' ', '\t']);
    if !(1..=6).contains(&level) || indent > 3 || !spaced {
        return None;
    }
    let words = rest.trim();
    let closed = words.trim_end_matches('#');
    let words = if closed.is_empty() || closed.ends_with(' ') { closed.trim_end() } else { words };
    let start = line.len() - rest.len() + (rest.len() - rest.trim_start().len());
    Some((level, start..start + words.len()))
}

/// `---` and its like between paragraphs.
fn is_rule(trimmed: &str) -> bool {
    let marks: Vec<char> = trimmed.chars().filter(|c| *c != ' ').take(100).collect();
    marks.len() >= 3
        && ['-', '*', '_'].iter().any(|mark| marks.iter().all(|c| c == mark))
        && trimmed.len() < 100
}

/// Where the words of a bullet start: after `-`, `*`, `+`, `•`, `1.` or `1)`, and a check box.
fn bullet(line: &str) -> Option<usize> {
    let body = line.trim_start();
    let mark = match body.chars().next()? {
        c @ ('-' | '*' | '+' | '•') => c.len_utf8(),
        c if c.is_ascii_digit() => {
            let digits = body.bytes().take_while(u8::is_ascii_digit).count();
            (digits <= 9 && body[digits..].starts_with(['.', ')'])).then_some(digits + 1)?
        }
        _ => return None,
    };
    let rest = &body[mark..];
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut words = rest.trim_start();
    for check in ["[ ] ", "[x] ", "[X] "] {
        words = words.strip_prefix(check).unwrap_or(words);
    }
    Some(line.len() - words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> String {
        let document = scan(text);
        let mut out = String::new();
        for section in &document.sections {
            out.push_str(&format!(
                "{:?} {:?} phase {:?}\n",
                section.kind,
                section.heading.as_str(),
                section.phase
            ));
            for block in &section.blocks {
                out.push_str(&format!("  {}: {:?} {:?}\n", block.line, block.kind, block.text.as_str()));
            }
        }
        out
    }

    #[test]
    fn sections_bullets_and_their_lines_are_found_in_all_shapes() {
        let text = "\u{feff}# Autoresearch: faster\r\n\r\n## Objective ##\r\nLess\r\ntime.\r\n\r\nConstraints\r\n---\r\n* one\r\n  goes on\r\n\t- two\r\n1. three\r\n- [ ] four\r\n\r\n```sh\r\n## not a heading\r\n```\r\n<!-- - five\r\n- six -->\r\n## Phase 2: relaxed\r\n### Constraints\r\n- seven\r\n### Remarks\r\n- eight\r\n**Stop**\r\n- nine\r\n";
        insta::assert_snapshot!(outline(text), @r###"
        Prose "Autoresearch: faster" phase None
        Objective "Objective" phase None
          4: Paragraph "Less time."
        Constraints "Constraints" phase None
          9: Bullet(0) "one goes on"
          11: Bullet(4) "two"
          12: Bullet(0) "three"
          13: Bullet(0) "four"
          16: Code "## not a heading"
        Phase(2) "Phase 2: relaxed" phase Some(2)
        Constraints "Constraints" phase Some(2)
          22: Bullet(0) "seven"
        Phase(2) "Remarks" phase Some(2)
          24: Bullet(0) "eight"
        Stop "Stop" phase Some(2)
          26: Bullet(0) "nine"
        "###);
    }

    #[test]
    fn an_unclosed_code_block_is_noticed() {
        assert!(scan("## Stop\n```\n- a\n").unclosed.is_some());
        assert!(scan("## Stop\n```\n- a\n```").unclosed.is_none());
    }
}
