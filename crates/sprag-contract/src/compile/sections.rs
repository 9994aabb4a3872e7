//! The sections that state no rules: title, objective, how to run, and what this version only tells the agent.

use super::{Compiler, Enforcement};
use crate::settings::DriverKind;
use crate::spec::{Block, BlockKind, Document, Kind, Section, Text};

/// One statement of a section: a bullet, a paragraph, or a line of a code block.
pub(super) struct Item {
    pub(super) line: u32,
    pub(super) text: Text,
}

/// The statements of a section. A bullet that ends in a colon and has bullets below it only introduces them.
pub(super) fn items(section: &Section) -> Vec<Item> {
    let mut items = Vec::new();
    for (at, block) in section.blocks.iter().enumerate() {
        match block.kind {
            BlockKind::Code => items.extend(code_lines(block)),
            _ if introduces(block, section.blocks.get(at + 1)) => {}
            _ if block.text.as_str().trim().is_empty() => {}
            _ => items.push(Item { line: block.line, text: block.text.clone() }),
        }
    }
    items
}

/// Whether a block only introduces the bullets after it.
pub(super) fn introduces(block: &Block, next: Option<&Block>) -> bool {
    let depth = |kind| match kind {
        BlockKind::Bullet(columns) => Some(columns as i64),
        BlockKind::Paragraph => Some(-1),
        _ => None,
    };
    let deeper =
        next.is_some_and(|n| depth(n.kind).unwrap_or(i64::MAX) > depth(block.kind).unwrap_or(i64::MAX));
    block.text.as_str().ends_with(':') && deeper
}

/// The lines of a code block that are no comments.
pub(super) fn code_lines(block: &Block) -> Vec<Item> {
    let text = block.text.as_str();
    let mut items = Vec::new();
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let piece = block.text.slice(at..at + line.len());
        at += line.len();
        if !piece.as_str().is_empty() && !piece.as_str().starts_with('#') {
            items.push(Item { line: block.line + index as u32, text: piece });
        }
    }
    items
}

fn of_kind(document: &Document, kind: Kind) -> impl Iterator<Item = &Section> {
    document.sections.iter().filter(move |section| section.kind == kind)
}

/// The prose under Objective; without such a heading, the words under the title.
pub(super) fn objective(document: &Document) -> String {
    let prose = |sections: &mut dyn Iterator<Item = &Section>| {
        let blocks = sections.flat_map(|s| s.blocks.iter());
        blocks.map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n")
    };
    let named = prose(&mut of_kind(document, Kind::Objective));
    if named.is_empty() {
        prose(&mut document.sections.iter().take(1).filter(|s| s.kind == Kind::Prose))
    } else {
        named
    }
}

/// What the session is called: the title, else the first sentence of the objective, else the file.
pub(super) fn name(document: &Document, objective: &str, file: &str) -> String {
    let title = document.title.as_ref().map(Text::as_str).unwrap_or_default();
    let title = match title.split_once(':') {
        Some((tool, goal)) if matches!(tool.trim().to_lowercase().as_str(), "autoresearch" | "sprag") => {
            goal.trim()
        }
        _ => title.trim(),
    };
    let sentence = objective.split(['.', '\n']).next().unwrap_or_default().trim();
    let name = [title, sentence, file].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    name.chars().take(120).collect()
}

/// Programs that a line without backticks may start with.
const PROGRAMS: [&str; 22] = [
    "bash",
    "sh",
    "zsh",
    "python",
    "python3",
    "uv",
    "poetry",
    "pytest",
    "cargo",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "bun",
    "deno",
    "node",
    "make",
    "just",
    "go",
    "hyperfine",
    "env",
    "time",
];

impl Compiler<'_> {
    /// The command of How to Run: what stands in backticks, a code block, or a line that starts like a command.
    pub(super) fn how_to_run(&mut self, document: &Document) -> Option<String> {
        let mut command = None;
        let mut heading = None;
        for section in of_kind(document, Kind::HowToRun) {
            heading = heading.or(Some(section.heading.whole()));
            for block in &section.blocks {
                if let Some(found) = command_of(block).filter(|_| command.is_none()) {
                    let standing = self.run_standing(&found);
                    self.stand(block.line, block.text.as_str(), standing);
                    command = Some(found);
                }
            }
        }
        if command.is_none()
            && self.settings.run.measure.is_none()
            && self.env.measure.is_none()
            && heading.is_some()
        {
            let finding = self.warning(heading, "no command is found under How to Run");
            finding.help = Some("put it in backticks: `./.auto/measure.sh`".to_owned());
        }
        command
    }

    /// Whether the command of How to Run is what measures.
    fn run_standing(&self, found: &str) -> Enforcement {
        let driver = self.settings.measure.driver;
        match &self.settings.run.measure {
            _ if driver == DriverKind::Cases => Enforcement::covered(
                "driver `cases`, which sends each case itself and does not run this command",
            ),
            Some(other) if other != found => {
                Enforcement::covered(format!("`measure` under `[run]`, which is run instead: `{other}`"))
            }
            _ => {
                let package = match self.settings.workspace.root.as_str() {
                    "." => String::new(),
                    root => format!(", in `{root}`"),
                };
                Enforcement::enforced(format!(
                    "driver `{}`: `{}` is run for every measurement{package}",
                    driver.name(),
                    self.in_package(found)
                ))
            }
        }
    }

    /// Sections that this version reads to the agent, and no more.
    pub(super) fn untold(&mut self, document: &Document) -> Vec<String> {
        let mut told = Vec::new();
        for section in &document.sections {
            let how = match section.kind {
                Kind::Dependencies => {
                    "this version fetches nothing: manifests and lock files that are not in scope stay as they are"
                }
                _ => continue,
            };
            for item in items(section) {
                self.stand(item.line, item.text.as_str(), Enforcement::advisory(how));
                told.push(item.text.as_str().to_owned());
            }
        }
        told
    }
}

fn command_of(block: &Block) -> Option<String> {
    let text = &block.text;
    if block.kind == BlockKind::Code {
        let lines: Vec<String> = code_lines(block)
            .into_iter()
            .map(|item| item.text.as_str().strip_prefix("$ ").unwrap_or(item.text.as_str()).to_owned())
            .collect();
        return (!lines.is_empty()).then(|| lines.join("\n"));
    }
    if let Some(code) = text.code().first() {
        let command = text.as_str()[code.clone()].trim();
        return (!command.is_empty()).then(|| command.to_owned());
    }
    let head = text.without_note();
    let first = head.as_str().split_whitespace().next()?;
    (first.contains('/') || PROGRAMS.contains(&first)).then(|| head.as_str().to_owned())
}
