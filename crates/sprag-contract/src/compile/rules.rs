//! Constraints, phases and stop rules: each sentence gets its standing, and the rules become the contract.

use std::collections::BTreeMap;

use sprag_judge::{Bound, Direction, stop::StopRule};

use super::{
    Compiler, Enforcement, Scoped,
    metrics::{Metrics, Named},
    sections::items,
    wording::how_to_enforce,
};
use crate::{
    Control, Goldens, Phase, Span,
    language::{Names, Reading, read, sentences},
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
pub(super) struct Stated<T> {
    pub(super) value: T,
    pub(super) line: u32,
    pub(super) span: Span,
}

/// What has been read so far. Keys with `None` are the general constraints.
pub(super) struct Reader<'m> {
    pub(super) metrics: &'m Metrics,
    pub(super) names: Vec<(String, String)>,
    pub(super) bounds: BTreeMap<(Option<u32>, String), Stated<Bound>>,
    /// In the order of the spec, for metrics that are not listed.
    pub(super) order: Vec<(Option<u32>, String)>,
    pub(super) hints: BTreeMap<String, Direction>,
    pub(super) goldens: BTreeMap<Option<u32>, Stated<Goldens>>,
    pub(super) advisory: BTreeMap<Option<u32>, Vec<String>>,
    pub(super) phases: BTreeMap<u32, String>,
    pub(super) max_lines: Option<Stated<u32>>,
    pub(super) same_tests: bool,
    pub(super) stop: Vec<StopRule>,
}

impl Reader<'_> {
    /// The rules, as they go into the contract: first the listed metrics, then those that only a bound names.
    fn assemble(self) -> Rules {
        let Reader {
            metrics, bounds, order, hints, goldens, mut advisory, mut phases, same_tests, stop, ..
        } = self;
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

impl Compiler<'_> {
    pub(super) fn rules(&mut self, document: &Document, metrics: &Metrics, scope: &mut Scoped) -> Rules {
        let mut reader = Reader {
            metrics,
            names: self.names(metrics),
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
        for item in std::mem::take(&mut scope.prose) {
            for sentence in sentences(&item.text) {
                self.sentence(item.line, &sentence, None, &mut reader, scope);
            }
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
        let rules = reader.assemble();
        self.secondary_lines(metrics, &rules);
        rules
    }

    /// The metrics of the spec, and those that the proxy counts whether the spec lists them or not.
    fn names(&self, metrics: &Metrics) -> Vec<(String, String)> {
        let mut names = metrics.names();
        if let Some(replay) = &self.settings.replay {
            for name in replay.metrics().into_iter().chain(replay.requests_words()) {
                if !names.iter().any(|(known, _)| *known == name) {
                    names.push((name, String::new()));
                }
            }
        }
        names
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
                Enforcement::advisory(how_to_enforce(text.as_str(), &self.checks_script()))
            }
        }
    }
}

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
