//! What `init` says it chose, why, and what is left to do.

use std::fmt::Write;

use serde_json::{Value, json};
use sprag_contract::init::{InitAnswers, InitFile, Measured, Topic};
use sprag_contract::settings::Tier;
use sprag_contract::{Compiled, Severity, State};

use crate::show::clean;

/// Everything that was decided.
pub(super) struct Outcome {
    pub(super) answers: InitAnswers,
    pub(super) files: Vec<InitFile>,
    pub(super) notes: Vec<(Topic, String)>,
    pub(super) compiled: Compiled,
    /// There was nobody to ask.
    pub(super) unasked: bool,
}

/// Whether the answer on a topic is the one that was inferred.
pub(super) fn is_kept(topic: Topic, inferred: &InitAnswers, answers: &InitAnswers) -> bool {
    match topic {
        Topic::Measure => inferred.measure == answers.measure,
        Topic::Metric => inferred.metric == answers.metric && inferred.controls == answers.controls,
        Topic::Build => inferred.build == answers.build,
        Topic::Checks => inferred.checks == answers.checks,
        Topic::Inputs => true,
        Topic::Scope => inferred.in_scope == answers.in_scope && inferred.off_limits == answers.off_limits,
    }
}

fn sandbox(tier: Tier) -> &'static str {
    match tier {
        Tier::Enforced => "enforced: no network, and no files but the tree and the system's",
        Tier::Reduced => "reduced: this machine has no namespaces (`sprag doctor`)",
        Tier::None => "none: a candidate runs with your rights, so run only what you would run yourself",
    }
}

impl Outcome {
    /// A few lines for a person.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        if self.unasked {
            out.push_str("there is nobody to ask, so everything was inferred, as with --yes\n");
        }
        let paths: Vec<&str> = self.files.iter().map(|file| file.path).collect();
        let _ = writeln!(out, "wrote {}\n", paths.join(", "));
        for (label, topic, value) in self.choices() {
            let _ = writeln!(out, "{label:<9} {}", clean(&value));
            for (_, why) in self.notes.iter().filter(|(about, _)| Some(*about) == topic) {
                let _ = writeln!(out, "{:9}   because {}", "", clean(why));
            }
        }
        let missing = self.missing();
        if !missing.is_empty() {
            let _ = writeln!(out, "\nstill missing:");
            for what in missing {
                let _ = writeln!(out, "  - {what}");
            }
        }
        out.push_str(
            "\nnext: read .auto/prompt.md, then `sprag check` says how each line of it is understood\n",
        );
        out
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let answers = &self.answers;
        let (measure, command) = match &answers.measure {
            Measured::Timed(command) => ("timed", Some(command)),
            Measured::Prints(command) => ("prints", Some(command)),
            Measured::Unknown => ("unknown", None),
        };
        let note = |(topic, why): &(Topic, String)| json!({ "topic": topic.to_string(), "why": why });
        json!({
            "files": self.files.iter().map(|f| json!({ "path": f.path, "executable": f.executable })).collect::<Vec<_>>(),
            "answers": {
                "measure": measure,
                "command": command,
                "metric": answers.metric.name,
                "unit": answers.metric.unit,
                "direction": answers.metric.direction.word(),
                "controls": self.controls(),
                "build": answers.build,
                "checks": answers.checks,
                "in_scope": answers.in_scope,
                "off_limits": answers.off_limits,
                "read": answers.read,
                "stop": answers.stop,
                "tier": answers.tier,
            },
            "notes": self.notes.iter().map(note).collect::<Vec<_>>(),
            "missing": self.missing(),
            "ready": self.compiled.is_ready() && measure != "unknown",
        })
    }

    fn choices(&self) -> Vec<(&'static str, Option<Topic>, String)> {
        let answers = &self.answers;
        let measure = match &answers.measure {
            Measured::Timed(command) => format!("{command}, timed from outside"),
            Measured::Prints(command) => {
                format!("{command}, which prints METRIC lines itself: self-reported")
            }
            Measured::Unknown => "nothing yet".to_owned(),
        };
        let metric = format!("{}, {} is better", answers.metric.name, answers.metric.direction.word());
        let held = match self.controls().as_slice() {
            [] => metric,
            controls => format!("{metric}; held: {}", controls.join(", ")),
        };
        let scope = match answers.off_limits.is_empty() {
            true => list(&answers.in_scope),
            false => format!("{}; off limits: {}", list(&answers.in_scope), answers.off_limits.join(", ")),
        };
        let or_nothing = |command: &Option<String>| command.clone().unwrap_or_else(|| "nothing".to_owned());
        let mut choices = vec![
            ("measure", Some(Topic::Measure), measure),
            ("metric", Some(Topic::Metric), held),
            ("build", Some(Topic::Build), or_nothing(&answers.build)),
            ("checks", Some(Topic::Checks), or_nothing(&answers.checks)),
            ("scope", Some(Topic::Scope), scope),
            ("stop", None, list(&answers.stop)),
            ("sandbox", None, sandbox(answers.tier).to_owned()),
        ];
        if !answers.read.is_empty() {
            choices.insert(5, ("inputs", Some(Topic::Inputs), list(&answers.read)));
        }
        choices
    }

    fn controls(&self) -> Vec<String> {
        let sentence = |(name, bound): &(String, String)| format!("{name} {bound}").trim().to_owned();
        self.answers.controls.iter().map(sentence).collect()
    }

    /// What a session cannot do without, and what it should not.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.answers.measure == Measured::Unknown {
            missing.push(format!(
                "a benchmark: .auto/measure.sh must run the workload and print `METRIC {}=<number>`",
                self.answers.metric.name
            ));
        }
        for requirement in self.compiled.readiness.missing() {
            if let State::Missing { why, .. } = &requirement.state {
                missing.push(format!("{}: {why}", requirement.what));
            }
        }
        let errors = self.compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        missing.extend(errors.map(|error| error.message.clone()));
        missing
    }
}

fn list(entries: &[String]) -> String {
    if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") }
}
