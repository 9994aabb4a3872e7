//! Constraints, phases and stop rules: each sentence gets its standing, and the rules become the contract.

use std::collections::BTreeMap;

use sprag_judge::{Bound, Direction, stop::StopRule};

use super::{
    Compiler, Enforcement, Scoped,
    metrics::{Metrics, Named},
    sections::items,
};
use crate::{
    Control, Goldens, Phase, Span, Standing,
    language::{Names, Reading, Rule, read, read_stop, sentences},
    spec::{Document, Kind, Section, Text},
};

/// A phase has a number that people count to.
const MAX_PHASE: u32 = 99;

/// The rules of a spec, as they go into the contract.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) controls: Vec<Control>,
    pub(super) goldens: Option<Goldens>,
    pub(super) same_tests: bool,
    pub(super) stop: Vec<StopRule>,
    pub(super) phases: Vec<Phase>,
    pub(super) advisory: Vec<String>,
}

/// A rule with its place, for finding contradictions.
struct Stated<T> {
    value: T,
    line: u32,
    span: Span,
}

/// What has been read so far. Keys with `None` are the general constraints.
struct Reader<'m> {
    metrics: &'m Metrics,
    names: Vec<(String, String)>,
    bounds: BTreeMap<(Option<u32>, String), Stated<Bound>>,
    /// In the order of the spec, for metrics that are not listed.
    order: Vec<(Option<u32>, String)>,
    hints: BTreeMap<String, Direction>,
    goldens: BTreeMap<Option<u32>, Stated<Goldens>>,
    advisory: BTreeMap<Option<u32>, Vec<String>>,
    phases: BTreeMap<u32, String>,
    max_lines: Option<Stated<u32>>,
    same_tests: bool,
    stop: Vec<StopRule>,
}

impl Compiler<'_> {
    pub(super) fn rules(&mut self, document: &Document, metrics: &Metrics, scope: &mut Scoped) -> Rules {
        let mut reader = Reader {
            metrics,
            names: metrics.names(),
            bounds: BTreeMap::new(),
            order: Vec::new(),
            hints: BTreeMap::new(),
            goldens: BTreeMap::new(),
            advisory: BTreeMap::new(),
            phases: BTreeMap::new(),
            max_lines: None,
            same_tests: false,
            stop: Vec::new(),
        };
        for bound in &metrics.bounds {
            self.sentence(bound.line, &bound.text, None, &mut reader, scope);
        }
        for section in &document.sections {
            self.phase_heading(section, &mut reader);
            match section.kind {
                Kind::Constraints | Kind::Phase(_) => self.constraints(section, &mut reader, scope),
                Kind::Stop => self.stop_section(section, &mut reader),
                Kind::Metrics | Kind::Scope | Kind::OffLimits if section.phase.is_some() && section.named => {
                    let message = "this section holds for every phase, though it stands under one";
                    self.warning(Some(section.heading.whole()), message).help = Some(
                        "only Constraints can differ between phases: move it above the phases".to_owned(),
                    );
                }
                _ => {}
            }
        }
        if let Some(rule) =
            self.env.max_iterations.and_then(|n| sprag_judge::stop::parse(&format!("after {n} experiments")))
        {
            reader.stop.push(rule);
        }
        self.golden_settings(&mut reader);
        self.assemble(reader)
    }

    fn phase_heading(&mut self, section: &Section, reader: &mut Reader<'_>) {
        let (Kind::Phase(number), true) = (section.kind, section.named) else { return };
        if !(1..=MAX_PHASE).contains(&number) {
            let message = format!("there is no phase {number}: phases are 1, 2, …");
            self.error(Some(section.heading.whole()), message);
            return;
        }
        let words = section.heading.as_str();
        let title =
            words.find(char::is_numeric).map_or("", |at| words[at..].trim_start_matches(char::is_numeric));
        let title =
            title.trim_start_matches([' ', ':', '-', '–', '—', '.', '(']).trim_end_matches(')').trim();
        if reader.phases.insert(number, title.to_owned()).is_some_and(|before| !before.is_empty()) {
            self.error(Some(section.heading.whole()), format!("phase {number} is there twice"));
        }
    }

    fn constraints(&mut self, section: &Section, reader: &mut Reader<'_>, scope: &mut Scoped) {
        let phase = section.phase.filter(|n| (1..=MAX_PHASE).contains(n));
        for item in items(section) {
            let before = self.standing.len();
            for sentence in sentences(&item.text) {
                self.sentence(item.line, &sentence, phase, reader, scope);
            }
            // One line with one standing is shown as one.
            if let [first, rest @ ..] = &self.standing[before..]
                && !rest.is_empty()
                && rest.iter().all(|other| other.standing == first.standing)
            {
                self.standing.truncate(before + 1);
                self.standing[before].text = item.text.as_str().to_owned();
            }
        }
    }

    fn sentence(
        &mut self,
        line: u32,
        text: &Text,
        phase: Option<u32>,
        reader: &mut Reader<'_>,
        scope: &mut Scoped,
    ) {
        let (named, body) = phase_prefix(text);
        let phase = named.or(phase);
        if let Some(number) = named {
            reader.phases.entry(number).or_default();
        }
        let names = Names { metrics: &reader.names };
        let mut readings = vec![(body.clone(), read(&body, &names))];
        if matches!(readings[0].1, Reading::Advice | Reading::Unclear(_)) {
            // Several rules in a row, when each of them is one.
            let parts = body.split(|_, rest| {
                [", and ", ", ", " and "].into_iter().find(|joint| rest.starts_with(joint)).map(str::len)
            });
            let each: Vec<_> = parts.into_iter().map(|part| (part.clone(), read(&part, &names))).collect();
            if each.len() > 1 && each.iter().all(|(_, reading)| matches!(reading, Reading::Rule(_))) {
                readings = each;
            }
        }
        let alone = readings.len() == 1;
        for (part, reading) in readings {
            let standing = self.reading(line, &part, reading, phase, reader, scope);
            self.stand(line, if alone { text.as_str() } else { part.as_str() }, standing);
        }
    }

    fn reading(
        &mut self,
        line: u32,
        text: &Text,
        reading: Reading,
        phase: Option<u32>,
        reader: &mut Reader<'_>,
        scope: &mut Scoped,
    ) -> Enforcement {
        match reading {
            Reading::Rule(rule) => self.rule(line, text, rule, phase, reader, scope),
            Reading::Near(meant) => {
                let finding = self
                    .error(Some(text.whole()), "this is almost a rule, and would not be enforced as it is");
                finding.help = Some(format!("did you mean `{meant}`? Otherwise say it in other words"));
                Enforcement::advisory(format!("write `{meant}`"))
            }
            Reading::Unclear(metric) => {
                let message = format!("this names `{metric}`, and says something that is not enforced");
                let help = format!(
                    "bounds read: `{metric} == 7`, `{metric} unchanged`, `{metric} <= 7`, `{metric} within 5%`"
                );
                self.warning(Some(text.whole()), message).help = Some(help.clone());
                reader.advisory.entry(phase).or_default().push(text.as_str().to_owned());
                Enforcement::advisory(help)
            }
            Reading::Advice => {
                reader.advisory.entry(phase).or_default().push(text.as_str().to_owned());
                Enforcement::advisory(how_to_enforce(text.as_str()))
            }
        }
    }

    fn rule(
        &mut self,
        line: u32,
        text: &Text,
        rule: Rule,
        phase: Option<u32>,
        reader: &mut Reader<'_>,
        scope: &mut Scoped,
    ) -> Enforcement {
        let span = text.whole();
        let whole_session =
            matches!(rule, Rule::NoNewFiles | Rule::MaxChangedLines(_) | Rule::SameTests | Rule::Stop(_));
        if whole_session && phase.is_some() {
            self.warning(Some(span.clone()), "this holds in every phase, though it stands under one").help =
                Some("only bounds on metrics and goldens can differ between phases".to_owned());
        }
        match rule {
            Rule::Bound { metrics, bound, direction } => {
                let mut standing = None;
                for metric in metrics {
                    let next = self.bound(line, &span, metric, bound, direction, phase, reader);
                    standing = standing.or(Some(next));
                }
                standing.unwrap_or_else(|| Enforcement::advisory("name a metric"))
            }
            Rule::Goldens(goldens) => self.goldens(line, span, goldens, phase, reader),
            Rule::NoNewFiles => {
                scope.rules.no_new_files = true;
                Enforcement::enforced("a candidate with a new file is refused")
            }
            Rule::MaxChangedLines(count) => self.max_lines(line, span, count, reader, scope),
            Rule::ChecksPass => match self.settings.run.checks.clone() {
                Some(command) => Enforcement::enforced(format!("`{command}` must exit 0")),
                None => {
                    let finding = self.error(Some(span), "checks must pass, and there are none");
                    finding.help = Some("write .auto/checks.sh, or set `checks` under `[run]`".to_owned());
                    Enforcement::advisory("write .auto/checks.sh: a candidate is refused unless it exits 0")
                }
            },
            Rule::TestsPass => match &self.settings.run.checks {
                Some(command) => {
                    Enforcement::covered(format!("the checks, as far as `{command}` runs the tests"))
                }
                None => {
                    reader.advisory.entry(phase).or_default().push(text.as_str().to_owned());
                    Enforcement::advisory(
                        "run the tests in .auto/checks.sh: a candidate is refused unless it exits 0",
                    )
                }
            },
            Rule::SameTests => {
                reader.same_tests = true;
                Enforcement::enforced("a candidate that changes or removes a test file is refused")
            }
            Rule::HarnessLocked => {
                Enforcement::covered("off limits: the harness is locked, and what is not in scope is refused")
            }
            Rule::ScopeOnly => Enforcement::covered("Files in Scope: what it does not name is refused"),
            Rule::Untouched(paths) => self.untouched(&span, &paths, scope),
            Rule::NoNewDependencies => self.dependencies(text, phase, reader, scope),
            Rule::Stop(rule) => {
                self.target(&rule, span, reader.metrics);
                let by = format!("the session stops {rule}");
                reader.stop.push(rule);
                Enforcement::enforced(by)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn bound(
        &mut self,
        line: u32,
        span: &Span,
        metric: String,
        bound: Bound,
        direction: Option<Direction>,
        phase: Option<u32>,
        reader: &mut Reader<'_>,
    ) -> Enforcement {
        if let Some(primary) = reader.metrics.primary.as_ref().filter(|p| p.metric.name == metric) {
            let related = (primary.span.clone(), "the primary metric".to_owned());
            let help = match bound {
                Bound::AtMost { value } => {
                    format!("to stop there, write `when {metric} <= {value}` under Stop")
                }
                Bound::AtLeast { value } => {
                    format!("to stop there, write `when {metric} >= {value}` under Stop")
                }
                _ => "bound another metric, or remove this line".to_owned(),
            };
            let finding = self
                .error(Some(span.clone()), format!("`{metric}` is optimized, so it cannot be a control too"));
            finding.related = Some(related);
            finding.help = Some(help.clone());
            return Enforcement::advisory(help);
        }
        self.direction(&metric, direction, span, reader);
        let key = (phase, metric.clone());
        if let Some(first) = reader.bounds.get(&key) {
            if first.value == bound {
                return Enforcement::covered(format!("line {}", first.line));
            }
            let related = (first.span.clone(), "the first one".to_owned());
            let line = first.line;
            let finding = self.error(Some(span.clone()), format!("a second, different bound on `{metric}`"));
            finding.related = Some(related);
            finding.help = Some("keep one of the two".to_owned());
            return Enforcement::advisory(format!("it contradicts line {line}: keep one of the two"));
        }
        let listed = reader.names.iter().any(|(name, _)| *name == metric);
        if !listed && !reader.order.iter().any(|(_, name)| *name == metric) {
            let message = format!("`{metric}` is not listed under Metrics: it becomes a control");
            self.warning(Some(span.clone()), message).help = Some(
                "the harness must give this number in every run; list it as Secondary to say that it does"
                    .to_owned(),
            );
        }
        reader.order.push(key.clone());
        reader.bounds.insert(key, Stated { value: bound, line, span: span.clone() });
        Enforcement::enforced(describe(&metric, bound))
    }

    /// "Must not increase" takes for granted that lower is better.
    fn direction(&mut self, metric: &str, hint: Option<Direction>, span: &Span, reader: &mut Reader<'_>) {
        let Some(hint) = hint else { return };
        let listed = reader.metrics.controls.iter().find(|c| c.metric.metric == metric);
        match listed.filter(|c| c.directed && c.metric.direction != hint) {
            Some(control) => {
                let (way, verb) = match control.metric.direction {
                    Direction::Lower => ("lower", "increase"),
                    Direction::Higher => ("higher", "decrease"),
                };
                let related = (control.span.clone(), format!("{way} is better"));
                let finding = self.error(
                    Some(span.clone()),
                    format!("this forbids what is better: {way} is better for `{metric}`"),
                );
                finding.related = Some(related);
                finding.help = Some(format!("write `{metric} must not {verb}`"));
            }
            None => {
                reader.hints.insert(metric.to_owned(), hint);
            }
        }
    }

    fn goldens(
        &mut self,
        line: u32,
        span: Span,
        goldens: Goldens,
        phase: Option<u32>,
        reader: &mut Reader<'_>,
    ) -> Enforcement {
        if let Some(first) = reader.goldens.get(&phase) {
            if first.value != goldens {
                let related = (first.span.clone(), "the first one".to_owned());
                let finding = self.error(Some(span), "a second, different rule for the goldens");
                finding.related = Some(related);
                finding.help = Some("keep one of the two".to_owned());
            }
        } else {
            reader.goldens.insert(phase, Stated { value: goldens, line, span });
        }
        let rule = match goldens {
            Goldens::Exact => "goldens exact".to_owned(),
            Goldens::Within { tolerance } => format!("goldens within {tolerance:e}"),
        };
        if self.settings.cases.as_ref().is_some_and(|cases| cases.goldens.is_some()) {
            return Enforcement::enforced(format!("{rule}: Sprag compares every output with its golden"));
        }
        match &self.settings.run.checks {
            Some(command) => {
                Enforcement::enforced(format!("{rule}, as far as `{command}` compares the outputs"))
            }
            None => Enforcement::advisory(
                "give Sprag the goldens (`[cases]` in the settings), or compare the outputs in .auto/checks.sh",
            ),
        }
    }

    /// The settings' goldens are compared even where the spec does not speak of them.
    fn golden_settings(&mut self, reader: &mut Reader<'_>) {
        let Some(cases) = self.settings.cases.as_ref().filter(|cases| cases.goldens.is_some()) else {
            return;
        };
        let tolerance = cases.compare.tolerance;
        let of_settings = if tolerance > 0.0 { Goldens::Within { tolerance } } else { Goldens::Exact };
        match reader.goldens.get(&None) {
            Some(stated) if tolerance > 0.0 && stated.value != of_settings => {
                let span = stated.span.clone();
                let message =
                    format!("the settings say `tolerance = {tolerance:e}`, and the spec says something else");
                self.error(Some(span), message).help = Some("say it in one of the two".to_owned());
            }
            Some(_) => {}
            None => {
                reader.goldens.insert(None, Stated { value: of_settings, line: 0, span: 0..0 });
            }
        }
    }

    fn max_lines(
        &mut self,
        line: u32,
        span: Span,
        count: u32,
        reader: &mut Reader<'_>,
        scope: &mut Scoped,
    ) -> Enforcement {
        if let Some(first) = reader.max_lines.as_ref().filter(|first| first.value != count) {
            let related = (first.span.clone(), "the first one".to_owned());
            let finding = self.error(Some(span), "a second, different limit on changed lines");
            finding.related = Some(related);
            finding.help = Some("keep one of the two".to_owned());
        } else {
            reader.max_lines = Some(Stated { value: count, line, span });
            scope.rules.max_changed_lines = Some(count);
        }
        Enforcement::enforced(format!("a candidate that changes more than {count} lines is refused"))
    }

    /// "Do not edit these": off limits, unless they are already.
    fn untouched(&mut self, span: &Span, paths: &[String], scope: &mut Scoped) -> Enforcement {
        let Some(matcher) = scope.matcher(&self.env.locked) else {
            return Enforcement::covered("Off Limits");
        };
        let mut added = false;
        for path in paths {
            match matcher.standing(path.trim_end_matches('/')) {
                Standing::InScope if scope.listed.iter().any(|e| e.pattern == *path) => {
                    let other = scope.listed.iter().find(|e| e.pattern == *path).map(|e| e.span.clone());
                    let finding = self
                        .error(Some(span.clone()), format!("`{path}` is in scope, and must not be edited"));
                    finding.related = other.map(|span| (span, "in scope here".to_owned()));
                    finding.help = Some("keep one of the two".to_owned());
                }
                Standing::OffLimits => {}
                // Named by no one, or by a glob of the scope, or a glob itself: to forbid it costs nothing.
                _ if crate::scope::Entry::new(path).is_ok() => {
                    scope.rules.off_limits.push(path.clone());
                    added = true;
                }
                _ => {}
            }
        }
        match added {
            true => Enforcement::enforced("off limits: a candidate that touches these is refused"),
            false => Enforcement::covered("Off Limits"),
        }
    }

    fn dependencies(
        &mut self,
        text: &Text,
        phase: Option<u32>,
        reader: &mut Reader<'_>,
        scope: &Scoped,
    ) -> Enforcement {
        let matcher = scope.matcher(&self.env.locked);
        let open = self.env.paths.iter().flatten().find(|path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            MANIFESTS.contains(&name)
                && matcher.as_ref().is_some_and(|m| m.standing(path) == Standing::InScope)
        });
        match (open, &self.env.paths) {
            (None, Some(_)) => Enforcement::covered("Files in Scope: no manifest is in it"),
            (open, _) => {
                let manifest = open.map_or("the manifests", String::as_str);
                let how = format!("put {manifest} under Off Limits: a candidate that touches it is refused");
                reader.advisory.entry(phase).or_default().push(text.as_str().to_owned());
                Enforcement::advisory(how)
            }
        }
    }

    fn stop_section(&mut self, section: &Section, reader: &mut Reader<'_>) {
        if section.phase.is_some() && section.named {
            self.warning(
                Some(section.heading.whole()),
                "stop rules hold in every phase, though they stand under one",
            )
            .help = Some("move Stop above the phases".to_owned());
        }
        for item in items(section) {
            for sentence in sentences(&item.text) {
                self.stop_sentence(item.line, &sentence, reader);
            }
        }
    }

    fn stop_sentence(&mut self, line: u32, sentence: &Text, reader: &mut Reader<'_>) {
        let names = Names { metrics: &reader.names };
        let parts = sentence.split(|_, rest| {
            [", or ", " or ", ", "].into_iter().find(|joint| rest.starts_with(joint)).map(str::len)
        });
        let each = |part: &Text| read_stop(part, &names);
        let whole = each(sentence);
        let readings = match whole {
            Ok(None) if parts.len() > 1 => parts.iter().map(|part| (part.clone(), each(part))).collect(),
            whole => vec![(sentence.clone(), whole)],
        };
        for (part, reading) in readings {
            let standing = match reading {
                Ok(Some(rule)) => {
                    self.target(&rule, part.whole(), reader.metrics);
                    let by = format!("the session stops {rule}");
                    let twice = reader.stop.contains(&rule);
                    if !twice {
                        reader.stop.push(rule);
                    }
                    Enforcement::enforced(by)
                }
                Ok(None) => {
                    self.warning(Some(part.whole()), "this stops nothing: it is no stop rule").help =
                        Some(STOP_HELP.to_owned());
                    reader.advisory.entry(None).or_default().push(part.as_str().to_owned());
                    Enforcement::advisory(STOP_HELP)
                }
                Err(meant) => {
                    let finding = self.error(
                        Some(part.whole()),
                        "this is almost a stop rule, and would stop nothing as it is",
                    );
                    finding.help = Some(format!("did you mean `{meant}`?"));
                    Enforcement::advisory(format!("write `{meant}`"))
                }
            };
            self.stand(line, part.as_str(), standing);
        }
    }

    fn assemble(&mut self, reader: Reader<'_>) -> Rules {
        let Reader {
            metrics, bounds, order, hints, goldens, mut advisory, mut phases, same_tests, stop, ..
        } = reader;
        let control = |phase: Option<u32>, metric: &str| -> Option<Control> {
            let listed = metrics
                .controls
                .iter()
                .find(|c| c.metric.metric == metric)
                .map(|c: &Named<Control>| &c.metric);
            let stated = bounds.get(&(phase, metric.to_owned()));
            if listed.is_none() && stated.is_none() {
                return None;
            }
            let direction = hints.get(metric).copied().or(listed.map(|c| c.direction)).unwrap_or_default();
            Some(Control {
                metric: metric.to_owned(),
                unit: listed.map(|c| c.unit.clone()).unwrap_or_default(),
                direction,
                bound: stated.map_or(Bound::Watched, |s| s.value),
                explicit: stated.is_some(),
                line: stated.map(|s| s.line).or(listed.map(|c| c.line)).unwrap_or(0),
            })
        };
        let of_phase = |wanted: Option<u32>| -> Vec<String> {
            let names = order.iter().filter(|(phase, _)| *phase == wanted).map(|(_, name)| name.clone());
            names.collect()
        };
        let mut general: Vec<String> = metrics.controls.iter().map(|c| c.metric.metric.clone()).collect();
        for name in of_phase(None) {
            if !general.contains(&name) {
                general.push(name);
            }
        }
        phases.entry(1).or_default();
        let phases = phases
            .into_iter()
            .map(|(number, title)| Phase {
                number,
                title,
                controls: of_phase(Some(number))
                    .iter()
                    .filter_map(|name| control(Some(number), name))
                    .collect(),
                goldens: goldens.get(&Some(number)).map(|s| s.value),
                advisory: advisory.remove(&Some(number)).unwrap_or_default(),
            })
            .collect();
        Rules {
            controls: general.iter().filter_map(|name| control(None, name)).collect(),
            goldens: goldens.get(&None).map(|s| s.value),
            same_tests,
            stop,
            phases,
            advisory: advisory.remove(&None).unwrap_or_default(),
        }
    }
}

const STOP_HELP: &str = "stop rules read: `after 5 consecutive discards`, `after 50 experiments`, `after 2 hours`, `at $25`, `when p95_ms <= 30`";

/// Files that say which dependencies there are.
const MANIFESTS: [&str; 16] = [
    "Cargo.toml",
    "Cargo.lock",
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "requirements.txt",
    "Pipfile",
    "go.mod",
    "go.sum",
    "Gemfile",
    "pom.xml",
    "setup.py",
];

/// `Phase 1 is exact parity only`: the number, and the words after it.
fn phase_prefix(text: &Text) -> (Option<u32>, Text) {
    let plain = text.as_str();
    let lower = plain.to_ascii_lowercase();
    let mut rest = lower.as_str();
    for word in ["in ", "during ", "for "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let Some(after) = rest.strip_prefix("phase ") else { return (None, text.clone()) };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let number = after[..digits].parse().ok().filter(|n| (1..=MAX_PHASE).contains(n));
    let mut body = after[digits..].trim_start_matches([',', ':', ' ']);
    for word in ["is ", "means ", "requires ", "— ", "– ", "- "] {
        body = body.strip_prefix(word).unwrap_or(body);
    }
    match number {
        Some(number) if !body.is_empty() => (Some(number), text.slice(plain.len() - body.len()..plain.len())),
        _ => (None, text.clone()),
    }
}

/// What is checked for every candidate, in words.
fn describe(metric: &str, bound: Bound) -> String {
    match bound {
        Bound::Equals { value } => format!("{metric} must be {value} in every run"),
        Bound::Unchanged => format!("{metric} must equal the baseline's in every run"),
        Bound::AtMost { value } => format!("{metric} must be at most {value}"),
        Bound::AtLeast { value } => format!("{metric} must be at least {value}"),
        Bound::NotWorse => format!("{metric} must not be worse than the baseline's"),
        Bound::Within { margin, hard } => {
            let proof = if hard { "it must be shown to be" } else { "it must not be seen to be otherwise" };
            format!("{metric} at most {}% worse than the baseline; {proof}", (margin * 1e8).round() / 1e6)
        }
        Bound::Watched => format!("{metric} is shown, and not judged"),
    }
}

/// How a sentence that is no rule could become one.
fn how_to_enforce(text: &str) -> String {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let how = if has(&["public api", "api change", "interface", "signature"]) {
        "compare the public API with the baseline's in .auto/checks.sh, which must exit 0"
    } else if has(&["cheat", "hardcode", "hard-code", "special-case", "special case", "overfit"]) {
        "judge by cases that the agent never sees: `hidden` under `[cases]` in the settings"
    } else if has(&["network", "internet", "download"]) {
        "bound a count of requests, such as `api_calls unchanged`; this version has no sandbox"
    } else if has(&["memory", "rss", "ram"]) {
        "bound a metric: `peak_rss_mb <= 512`"
    } else if has(&["golden", "output", "result", "response"]) {
        "say it as `goldens exact` or `goldens within 1e-9`"
    } else {
        "say it as a bound on a metric, or test it in .auto/checks.sh, which must exit 0"
    };
    how.to_owned()
}
