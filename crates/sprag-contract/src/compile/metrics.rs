//! The Metrics section: one primary, and the controls.

use sprag_judge::{Bound, Direction};

use super::{Compiler, Enforcement, rules::Rules, sections::introduces};
use crate::{
    Control, Primary, Span,
    language::{Names, Reading, Rule, is_metric_name, read},
    settings::{DriverKind, Trust},
    spec::{BlockKind, Document, Kind, Text},
};

/// More metrics than anybody judges by, and a bound on the work.
const MAX_METRICS: usize = 200;

/// Names that mean something else in a row of the ledger.
const RESERVED: [&str; 2] = ["order", "layout"];

/// A metric with the place of its name.
pub(super) struct Named<T> {
    pub(super) metric: T,
    pub(super) span: Span,
    /// The spec says which way is better.
    pub(super) directed: bool,
}

/// A bound written in the Metrics section itself.
pub(super) struct InlineBound {
    pub(super) text: Text,
    pub(super) line: u32,
}

#[derive(Default)]
pub(super) struct Metrics {
    pub(super) primary: Option<Named<Primary>>,
    pub(super) controls: Vec<Named<Control>>,
    pub(super) bounds: Vec<InlineBound>,
    /// The lines that list secondary metrics.
    pub(super) lines: Vec<(u32, String)>,
}

impl Metrics {
    /// Every name with its unit, the primary first.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let primary = self.primary.iter().map(|p| (p.metric.name.clone(), p.metric.unit.clone()));
        primary
            .chain(self.controls.iter().map(|c| (c.metric.metric.clone(), c.metric.unit.clone())))
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Primary,
    Secondary,
}

/// A metric as written: `p95_ms (ms, lower is better)`.
struct Written {
    name: Text,
    unit: String,
    direction: Option<Direction>,
    stochastic: bool,
}

impl Compiler<'_> {
    pub(super) fn metrics(&mut self, document: &Document) -> Metrics {
        let mut metrics = Metrics::default();
        let mut unlabelled: Vec<(u32, Text)> = Vec::new();
        for section in document.sections.iter().filter(|s| s.kind == Kind::Metrics) {
            // The role and depth of a label that has its metrics below it.
            let mut above: Option<(Role, i64)> = None;
            for (at, block) in section.blocks.iter().enumerate() {
                let depth = if let BlockKind::Bullet(columns) = block.kind { columns as i64 } else { -1 };
                if above.is_some_and(|(_, label)| depth <= label) {
                    above = None;
                }
                let (label, rest) = label(&block.text);
                match label.or(above.map(|(role, _)| role)) {
                    Some(role) if rest.as_str().is_empty() => above = Some((role, depth)),
                    Some(role) => self.metric_line(block.line, role, &rest, &mut metrics),
                    None if introduces(block, section.blocks.get(at + 1)) => {}
                    None if block.kind == BlockKind::Row => self.table(block.text.whole()),
                    None => unlabelled.push((block.line, block.text.clone())),
                }
            }
        }
        self.unlabelled(unlabelled, &mut metrics);
        metrics
    }

    fn table(&mut self, span: Span) {
        let repeated = self.findings.iter().any(|d| d.message.starts_with("tables are not read"));
        if !repeated {
            let finding = self.error(Some(span), "tables are not read: these lines would be lost");
            finding.help = Some("write bullets: `- **Primary**: name (unit, lower is better)`".to_owned());
        }
    }

    /// A lone bullet that says which way is better is the primary metric, label or not.
    fn unlabelled(&mut self, lines: Vec<(u32, Text)>, metrics: &mut Metrics) {
        let directed = |text: &Text| written(&text.without_note()).is_some_and(|w| w.direction.is_some());
        let lone = lines.iter().filter(|(_, text)| directed(text)).count() == 1 && metrics.primary.is_none();
        for (line, text) in lines {
            if lone && directed(&text) {
                self.metric_line(line, Role::Primary, &text, metrics);
            } else {
                let how = "start it with `Primary:` or `Secondary:` to make it a metric";
                self.stand(line, text.as_str(), Enforcement::advisory(how));
            }
        }
    }

    fn metric_line(&mut self, line: u32, role: Role, text: &Text, metrics: &mut Metrics) {
        let head = text.without_note();
        let pieces = pieces(&head);
        match role {
            Role::Primary => self.primary(line, &head, &pieces, metrics),
            Role::Secondary => {
                for piece in &pieces {
                    self.secondary(line, piece, metrics);
                }
                metrics.lines.push((line, text.as_str().to_owned()));
            }
        }
    }

    /// The standing of the lines that list secondary metrics: known once the bounds are.
    pub(super) fn secondary_lines(&mut self, metrics: &Metrics, rules: &Rules) {
        let attested = self.settings.measure.driver != DriverKind::Script
            || self.settings.measure.trust != Trust::SelfReported;
        for (line, text) in &metrics.lines {
            let here = |metric: &str| {
                let listed = metrics.controls.iter().find(|c| c.metric.metric == metric);
                listed.is_some_and(|c| c.metric.line == *line)
            };
            let (bounded, free): (Vec<&Control>, Vec<&Control>) =
                rules.controls.iter().filter(|c| here(&c.metric)).partition(|c| c.explicit);
            let by = bounded
                .iter()
                .map(|c| format!("line {} ({})", c.line, c.metric))
                .collect::<Vec<_>>()
                .join(", ");
            let names = free.iter().map(|c| c.metric.as_str()).collect::<Vec<_>>().join(", ");
            let by_proxy = self.settings.counted();
            let counts = |attested: bool| {
                free.iter().any(|c| c.looks_like_count() && (attested || by_proxy.contains(&c.metric)))
            };
            let example = free.iter().find(|c| c.looks_like_count()).or(free.first()).map(|c| c.example());
            let standing = match (free.is_empty(), counts(attested)) {
                (true, _) if by.is_empty() => continue,
                (true, _) => Enforcement::covered(by),
                (false, true) => Enforcement::enforced(
                    "default: counts taken outside of the candidate stay unchanged, and the rest is watched",
                ),
                (false, false) => {
                    let example = example.unwrap_or_default();
                    Enforcement::advisory(format!(
                        "{names}: shown, not judged; bound them under Constraints, as in `{example}`"
                    ))
                }
            };
            self.stand(*line, text, standing);
        }
    }

    fn primary(&mut self, line: u32, head: &Text, pieces: &[Text], metrics: &mut Metrics) {
        if is_placeholder(head.as_str()) {
            let finding = self.error(Some(head.whole()), "the primary metric is not filled in");
            finding.help =
                Some("write its name, unit and direction: `p95_ms (ms, lower is better)`".to_owned());
            return;
        }
        let Some(written) = pieces.first().and_then(written) else { return };
        let Some(name) = self.name(&written.name) else { return };
        let more =
            pieces[1..].iter().find_map(|p| self::written(p).filter(|w| is_metric_name(w.name.as_str())));
        if let Some(second) = more.filter(|w| w.name.as_str().contains('_')) {
            let finding = self.error(Some(second.name.whole()), "a second primary metric");
            finding.help = Some("optimize one number, and list the others as Secondary".to_owned());
        }
        if let Some(first) = &metrics.primary {
            let (span, message) = (first.span.clone(), format!("`{name}` is a second primary metric"));
            let finding = self.error(Some(written.name.whole()), message);
            finding.related = Some((span, "the first one".to_owned()));
            finding.help = Some("optimize one number, and list the others as Secondary".to_owned());
            return;
        }
        if written.direction.is_none() {
            let message = format!("it is not said which way `{name}` is better: lower is assumed");
            let finding = self.warning(Some(written.name.whole()), message);
            finding.help = Some(format!("write `{name} (lower is better)` or `{name} (higher is better)`"));
        }
        let direction = written.direction.unwrap_or_default();
        let way = direction.word();
        let by = format!("the judge: a keep needs {name} {way} beyond the noise");
        self.stand(line, head.as_str(), Enforcement::enforced(by));
        let metric = Primary { name, unit: written.unit, direction, stochastic: written.stochastic };
        let directed = written.direction.is_some();
        metrics.primary = Some(Named { metric, span: written.name.whole(), directed });
    }

    fn secondary(&mut self, line: u32, piece: &Text, metrics: &mut Metrics) {
        if piece.as_str().chars().all(|c| c == '.' || c == '…') || is_nothing(piece.as_str()) {
            return;
        }
        let names = metrics.names();
        if let Reading::Rule(Rule::Bound { metrics: bounded, .. }) = read(piece, &Names { metrics: &names }) {
            for name in bounded {
                let at = piece.as_str().find(&name).unwrap_or(0);
                self.control(line, &piece.slice(at..at + name.len()), String::new(), None, metrics);
            }
            metrics.bounds.push(InlineBound { text: piece.clone(), line });
            return;
        }
        let Some(written) = written(piece) else { return };
        self.control(line, &written.name, written.unit, written.direction, metrics);
    }

    fn control(
        &mut self,
        line: u32,
        name: &Text,
        unit: String,
        direction: Option<Direction>,
        metrics: &mut Metrics,
    ) {
        let span = name.whole();
        let Some(name) = self.name(name) else { return };
        // Requests are no number; how many of them changed is one.
        let name =
            self.settings.replay.as_ref().and_then(|replay| replay.requests_metric(&name)).unwrap_or(name);
        if let Some(twice) = metrics.controls.iter().find(|c| c.metric.metric == name) {
            let related = (twice.span.clone(), "here already".to_owned());
            self.warning(Some(span), format!("`{name}` is listed twice")).related = Some(related);
            return;
        }
        if metrics.controls.len() == MAX_METRICS {
            self.error(Some(span), format!("more than {MAX_METRICS} secondary metrics"));
            return;
        }
        if metrics.controls.len() > MAX_METRICS {
            return;
        }
        let metric = Control {
            metric: name,
            unit,
            direction: direction.unwrap_or_default(),
            bound: Bound::Watched,
            explicit: false,
            line,
        };
        metrics.controls.push(Named { metric, span, directed: direction.is_some() });
    }

    /// A name that a metric can have.
    fn name(&mut self, name: &Text) -> Option<String> {
        let text = name.as_str();
        if is_placeholder(text) {
            let finding = self.error(Some(name.whole()), format!("`{}` is not filled in", short(text)));
            finding.help = Some("write the metric's name".to_owned());
            return None;
        }
        if RESERVED.contains(&text) {
            let finding = self.error(Some(name.whole()), format!("no metric can be called `{text}`"));
            finding.help = Some("the ledger uses this name for something else: choose another".to_owned());
            return None;
        }
        if is_metric_name(text) {
            return Some(text.to_owned());
        }
        let joined: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let finding = self.error(Some(name.whole()), format!("`{}` is no name of a metric", short(text)));
        let example = short(&joined.join("_")).to_lowercase();
        finding.help = Some(match example.is_empty() {
            true => "use letters, digits, `_` and `.`".to_owned(),
            false => {
                format!("use letters, digits, `_` and `.`, as in `METRIC {example}=1`: write `{example}`")
            }
        });
        None
    }
}

fn short(text: &str) -> String {
    let mut out: String = text.chars().take(60).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

fn is_placeholder(text: &str) -> bool {
    let angle = text.find('<').is_some_and(|at| text[at..].contains('>'));
    let lower = text.to_lowercase();
    angle
        || lower.contains("lower/higher")
        || lower.contains("higher/lower")
        || lower.contains("lower|higher")
}

fn is_nothing(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "none" | "n/a" | "-" | "tbd")
}

/// `Primary metric: …` without its label.
fn label(text: &Text) -> (Option<Role>, Text) {
    let plain = text.as_str();
    let end = plain.find(|c: char| !(c.is_alphabetic() || c == ' ')).unwrap_or(plain.len());
    let words = plain[..end].trim().to_lowercase();
    let mut parts = words.splitn(2, ' ');
    let role = match parts.next().unwrap_or_default() {
        "primary" => Some(Role::Primary),
        "secondary" | "secondaries" | "control" | "controls" | "guard" | "guards" | "monitor" => {
            Some(Role::Secondary)
        }
        _ => None,
    };
    let rest = plain[end..].trim_start();
    let after = rest.strip_prefix([':', '=', '—', '–']).or(rest.is_empty().then_some(""));
    let noun = matches!(parts.next(), None | Some("metric" | "metrics" | "target" | "s"));
    match (role.filter(|_| noun), after) {
        (Some(role), Some(after)) => (Some(role), text.slice(plain.len() - after.len()..plain.len())),
        _ => (None, text.clone()),
    }
}

/// The metrics of a list; `and` separates like a comma.
fn pieces(text: &Text) -> Vec<Text> {
    let cut = |before: &str, rest: &str| {
        if rest.starts_with([',', ';']) {
            return Some(1);
        }
        let word = rest.strip_prefix("and ").or(rest.strip_prefix("& "))?;
        before.ends_with(char::is_whitespace).then_some(rest.len() - word.len())
    };
    // Backticks around a whole list do not make it one name.
    let inside = |piece: Text| {
        let list = piece.as_str().contains(',') && !piece.as_str().contains('(');
        let parts: Vec<Text> = if !list {
            return vec![piece];
        } else {
            let mut at = 0;
            piece
                .as_str()
                .split_inclusive(',')
                .map(|part| {
                    let range = at..at + part.trim_end_matches(',').len();
                    at += part.len();
                    piece.slice(range)
                })
                .collect()
        };
        parts
    };
    let mut pieces: Vec<Text> = text.split(cut).into_iter().flat_map(inside).collect();
    if let Some(last) = pieces.last_mut()
        && last.as_str().ends_with('.')
        && !last.as_str().trim_end_matches('.').is_empty()
    {
        *last = last.slice(0..last.as_str().trim_end_matches('.').len());
    }
    pieces.retain(|p| !p.as_str().is_empty());
    pieces
}

/// Reads `name (unit, direction)`; a note after a colon is dropped.
fn written(piece: &Text) -> Option<Written> {
    let plain = piece.as_str();
    let end = plain.find(['(', ':']).unwrap_or(plain.len());
    let name = piece.slice(0..end);
    if name.as_str().is_empty() {
        return None;
    }
    let attributes = match plain[end..].strip_prefix('(') {
        Some(rest) => rest.split(')').next().unwrap_or_default(),
        None => "",
    };
    let mut out = Written { name, unit: String::new(), direction: None, stochastic: false };
    for attribute in attributes.split([',', ';']).map(str::trim).filter(|a| !a.is_empty()) {
        match direction(attribute) {
            Some(direction) => out.direction = Some(direction),
            None if matches!(attribute.to_lowercase().as_str(), "stochastic" | "seeded") => {
                out.stochastic = true
            }
            None if out.unit.is_empty() && attribute.chars().count() <= 16 => out.unit = attribute.to_owned(),
            None => {}
        }
    }
    Some(out)
}

fn direction(attribute: &str) -> Option<Direction> {
    let lower = attribute.to_lowercase();
    match lower.strip_suffix(" is better").or(lower.strip_suffix(" better")).unwrap_or(&lower).trim() {
        "lower" | "smaller" | "less" | "fewer" | "minimize" | "minimise" | "↓" => Some(Direction::Lower),
        "higher" | "larger" | "bigger" | "more" | "maximize" | "maximise" | "greater" | "↑" => {
            Some(Direction::Higher)
        }
        _ => None,
    }
}
