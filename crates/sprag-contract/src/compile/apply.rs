//! One rule at a time: what it adds to the contract, what it contradicts, and how it stands.

use sprag_judge::{Bound, Direction};

use super::{
    Compiler, Enforcement, Scoped,
    rules::{Reader, Stated},
    wording::describe,
};
use crate::{Goldens, Span, Standing, language::Rule, spec::Text};

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

/// Where a rule stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    line: u32,
    span: &'a Span,
    phase: Option<u32>,
}

impl Compiler<'_> {
    pub(super) fn rule(
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
                    let next =
                        self.bound(Place { line, span: &span, phase }, metric, bound, direction, reader);
                    standing = standing.or(Some(next));
                }
                standing.unwrap_or_else(|| Enforcement::advisory("name a metric"))
            }
            Rule::Goldens(goldens) => self.goldens(line, span, goldens, phase, reader),
            Rule::NoNewFiles => {
                scope.rules.no_new_files = true;
                Enforcement::enforced("scope: a candidate with a new file is refused")
            }
            Rule::MaxChangedLines(count) => self.max_lines(line, span, count, reader, scope),
            Rule::ChecksPass => match self.settings.run.checks.clone() {
                Some(command) => Enforcement::enforced(format!("checks: `{command}` must exit 0")),
                None => {
                    let finding = self.error(Some(span), "checks must pass, and there are none");
                    finding.help = Some("write .auto/checks.sh, or set `checks` under `[run]`".to_owned());
                    Enforcement::advisory(format!(
                        "write {}: a candidate is refused unless it exits 0",
                        self.checks_script()
                    ))
                }
            },
            Rule::TestsPass => match &self.settings.run.checks {
                Some(command) => {
                    Enforcement::covered(format!("the checks, as far as `{command}` runs the tests"))
                }
                None => {
                    reader.advisory.entry(phase).or_default().push(text.as_str().to_owned());
                    Enforcement::advisory(format!(
                        "run the tests in {}: a candidate is refused unless it exits 0",
                        self.checks_script()
                    ))
                }
            },
            Rule::SameTests => {
                reader.same_tests = true;
                Enforcement::enforced(
                    "scope: a candidate that changes, adds or removes a test file is refused; tests inside of other files are not seen",
                )
            }
            Rule::HarnessLocked => Enforcement::covered(
                "the lock on the harness, and Files in Scope: what it does not name is refused",
            ),
            Rule::ScopeOnly => Enforcement::covered("Files in Scope: what it does not name is refused"),
            Rule::Untouched(paths) => self.untouched(&span, &paths, scope),
            Rule::NoNewDependencies => self.dependencies(text, phase, reader, scope),
            Rule::Stop(rule) => {
                self.target(&rule, span, reader.metrics);
                let by = format!("stop rule: {rule}");
                if !reader.stop.contains(&rule) {
                    reader.stop.push(rule);
                }
                Enforcement::enforced(by)
            }
        }
    }

    fn bound(
        &mut self,
        Place { line, span, phase }: Place<'_>,
        metric: String,
        bound: Bound,
        direction: Option<Direction>,
        reader: &mut Reader<'_>,
    ) -> Enforcement {
        let requests = self.settings.replay.as_ref().and_then(|replay| replay.requests_metric(&metric));
        let (metric, bound) = match (requests, bound) {
            (None, bound) => (metric, bound),
            (Some(changed), Bound::Unchanged) => (changed, Bound::Equals { value: 0.0 }),
            (Some(changed), Bound::Watched) => (changed, Bound::Watched),
            (Some(_), _) => {
                let help = format!(
                    "write `{metric} exact`, or bound their number: `{}_calls == 7`",
                    metric.trim_end_matches("_requests")
                );
                let message = format!("`{metric}` are requests, and no number");
                self.error(Some(span.clone()), message).help = Some(help.clone());
                return Enforcement::advisory(help);
            }
        };
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
    pub(super) fn direction(
        &mut self,
        metric: &str,
        hint: Option<Direction>,
        span: &Span,
        reader: &mut Reader<'_>,
    ) {
        let Some(hint) = hint else { return };
        let listed = reader.metrics.controls.iter().find(|c| c.metric.metric == metric);
        match listed.filter(|c| c.directed && c.metric.direction != hint) {
            Some(control) => {
                let way = control.metric.direction.word();
                let verb = match control.metric.direction {
                    Direction::Lower => "increase",
                    Direction::Higher => "decrease",
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

    pub(super) fn goldens(
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
        if let Some(cases) = self.settings.compared_cases() {
            let golden = if cases.goldens.is_some() { "its golden" } else { "the baseline's" };
            let hidden = self.settings.hidden_cases();
            let hidden =
                hidden.map(|folder| format!("; and before a keep those of the hidden cases in {folder}"));
            let hidden = hidden.unwrap_or_default();
            return Enforcement::enforced(format!("{rule}: every output is compared with {golden}{hidden}"));
        }
        match &self.settings.run.checks {
            Some(command) => {
                Enforcement::enforced(format!("{rule}, as far as `{command}` compares the outputs"))
            }
            None => Enforcement::advisory(format!(
                "give Sprag the goldens (`[cases]` in the settings), or compare the outputs in {}",
                self.checks_script()
            )),
        }
    }

    /// The settings' goldens are compared even where the spec does not speak of them.
    pub(super) fn golden_settings(&mut self, reader: &mut Reader<'_>) {
        let Some(cases) = self.settings.compared_cases() else { return };
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

    pub(super) fn max_lines(
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
        Enforcement::enforced(format!("scope: a candidate that changes more than {count} lines is refused"))
    }

    /// "Do not edit these": off limits, unless they are already.
    pub(super) fn untouched(&mut self, span: &Span, paths: &[String], scope: &mut Scoped) -> Enforcement {
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
            true => Enforcement::enforced("scope: a candidate that touches these is refused"),
            false => Enforcement::covered("Off Limits"),
        }
    }

    pub(super) fn dependencies(
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
}
