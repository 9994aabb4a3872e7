//! Rules that contradict each other, or what is there.

use sprag_judge::{Direction, stop::StopRule};

use super::{Compiler, Scoped, metrics::Metrics};
use crate::{Span, Standing, Why, nearest::nearest, settings::DriverKind};

impl Compiler<'_> {
    /// The scope against itself, the harness and the files. Whether its patterns can be matched at all.
    pub(super) fn scope_conflicts(&mut self, scope: &Scoped, same_tests: bool) -> bool {
        let Some(matcher) = scope.matcher(&self.env.locked) else { return false };
        let matcher = matcher.with_same_tests(same_tests).within(&self.settings.workspace.copied());
        self.missing_paths(scope);
        let mut left = 0;
        for entry in &scope.listed {
            // Only an entry that is a path as a whole can be wholly forbidden; a glob leaves the rest.
            let folder = entry.pattern.trim_end_matches('/');
            match matcher.why(folder) {
                Why::Locked(own) => {
                    let message =
                        format!("`{}` is part of the harness (`{own}`), and is in scope", entry.pattern);
                    let finding = self.error(Some(entry.span.clone()), message);
                    finding.help = Some(
                        "take it out of Files in Scope: the harness is locked while a session runs"
                            .to_owned(),
                    );
                }
                Why::Test => {
                    let message =
                        format!("`{}` is a test by its name, and `same tests` locks it", entry.pattern);
                    self.error(Some(entry.span.clone()), message).help =
                        Some("take it out of Files in Scope, or remove `same tests`".to_owned());
                }
                Why::Git => {
                    let message = format!("`{}` is a git directory, and is in scope", entry.pattern);
                    self.error(Some(entry.span.clone()), message).help =
                        Some("take it out of Files in Scope".to_owned());
                }
                Why::Forbidden(own) => {
                    let message = format!("`{}` is in scope and off limits", entry.pattern);
                    let other = scope.forbidden.iter().find(|f| f.pattern == own).map(|f| f.span.clone());
                    let finding = self.error(Some(entry.span.clone()), message);
                    finding.related = other.map(|span| (span, "off limits here, which wins".to_owned()));
                    finding.help = Some("take it out of one of the two".to_owned());
                }
                _ => left += 1,
            }
        }
        self.nothing_left(scope, &matcher, left > 0);
        true
    }

    fn nothing_left(&mut self, scope: &Scoped, matcher: &crate::ScopeMatcher, entries_left: bool) {
        let Some(first) = scope.listed.first() else { return };
        let Some(paths) = self.env.paths.as_ref().filter(|_| entries_left) else { return };
        let free = paths.iter().any(|path| matcher.standing(path) == Standing::InScope);
        let listed = paths.iter().any(|path| {
            scope
                .listed
                .iter()
                .any(|e| crate::scope::Entry::new(&e.pattern).is_ok_and(|entry| entry.matches(path)))
        });
        if !free && (listed || scope.rules.no_new_files) {
            let finding = self.error(
                Some(first.span.clone()),
                "nothing is left in scope: Off Limits covers every file of it",
            );
            finding.help = Some("name a file that may change, or make Off Limits narrower".to_owned());
        }
    }

    /// A primary metric that is listed as a control too.
    pub(super) fn primary_as_control(&mut self, metrics: &Metrics) {
        let Some(primary) = &metrics.primary else { return };
        if let Some(control) = metrics.controls.iter().find(|c| c.metric.metric == primary.metric.name) {
            let message = format!("`{}` is the primary metric and a secondary one", primary.metric.name);
            let related = (primary.span.clone(), "primary here".to_owned());
            let finding = self.error(Some(control.span.clone()), message);
            finding.related = Some(related);
            finding.help = Some(
                "a control must be another number than the one that is optimized: remove it here".to_owned(),
            );
        }
    }

    /// A target that names no metric, or that is met the moment the session starts.
    pub(super) fn target(&mut self, rule: &StopRule, span: Span, metrics: &Metrics) {
        let StopRule::Target(target) = rule else { return };
        let names = metrics.names();
        if !names.iter().any(|(name, _)| *name == target.metric) {
            let near =
                nearest(&target.metric, names.iter().map(|(name, _)| name.as_str())).map(str::to_owned);
            let finding = self.error(Some(span), format!("`{}` is no metric of this spec", target.metric));
            finding.help = Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "list it under Metrics, or stop at another number".to_owned(),
            });
            return;
        }
        let Some(primary) = metrics.primary.as_ref().filter(|p| p.metric.name == target.metric) else {
            return;
        };
        let sentence = rule.to_string();
        let upward = sentence.contains('>');
        if upward == (primary.metric.direction == Direction::Higher) {
            return;
        }
        let (way, sign) = if upward { ("lower", "<=") } else { ("higher", ">=") };
        let message =
            format!("`{sentence}` waits for the wrong side: {way} is better for `{}`", target.metric);
        let related = (primary.span.clone(), format!("{way} is better"));
        let finding = self.error(Some(span), message);
        finding.related = Some(related);
        finding.help = Some(format!("write `when {} {sign} {}`", target.metric, target.value));
    }

    /// Metrics that the driver does not give.
    pub(super) fn driver(&mut self, metrics: &Metrics) {
        self.primary_as_control(metrics);
        let driver = self.settings.measure.driver;
        if driver == DriverKind::Script {
            return;
        }
        let given = self.settings.measured();
        let by_proxy = self.settings.counted();
        // What a service counts is known only when it runs.
        let counted = self.settings.service.iter().any(|service| service.counters.is_some());
        let primary = metrics.primary.iter().map(|p| (p.metric.name.clone(), p.span.clone()));
        let controls = metrics.controls.iter().map(|c| (c.metric.metric.clone(), c.span.clone()));
        for (name, span) in primary.chain(controls) {
            let of_a_case = driver == DriverKind::Cases && name.starts_with("case_") && name.ends_with("_ms");
            let read = self.settings.measure.read.contains_key(&name);
            let known = given.contains(&name.as_str()) || by_proxy.contains(&name);
            if counted || of_a_case || read || known {
                continue;
            }
            let message =
                format!("`{name}` is none of the numbers that the driver `{}` gives", driver.name());
            let all = given.iter().copied().chain(by_proxy.iter().map(String::as_str));
            let near = nearest(&name, all).map(|near| format!("did you mean `{near}`?"));
            let finding = self.error(Some(span), message);
            finding.help = near.or(Some(format!("choose one of {}", given.join(", "))));
        }
        let Some(primary) = &metrics.primary else { return };
        let cases = self.env.scored_cases.filter(|count| *count < 100);
        if let Some(count) = cases.filter(|_| primary.metric.name == "p95_ms") {
            let span = primary.span.clone();
            let message = format!(
                "p95_ms rests on {count} cases: with fewer than 100 it is close to the slowest one, and noisy"
            );
            self.warning(Some(span), message).help = Some("add cases, or optimize total_ms".to_owned());
        }
    }
}
