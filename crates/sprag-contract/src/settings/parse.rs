//! Reads the settings, and says where they are wrong.

mod agent;
mod prices;
mod replay;
mod sandbox;

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::{DriverKind, Settings};
use crate::{
    diagnostic::{Diagnostic, Severity},
    nearest::nearest,
    source::{Source, Span},
};

/// A settings file is written by hand: a longer one is a mistake or an attack.
const MAX_BYTES: usize = 256 << 10;

impl Settings {
    /// Reads a settings file. Warnings come with the settings, errors instead of them.
    ///
    /// # Errors
    /// The diagnostics, at least one of them an error, when the text is no TOML, has unknown keys or wrong values,
    /// or asks for what this version does not have.
    pub fn parse(source: &Source) -> Result<(Settings, Vec<Diagnostic>), Vec<Diagnostic>> {
        let shared = Arc::new(source.clone());
        if source.text.len() > MAX_BYTES {
            let message = "the settings are longer than 256 KiB, and were not read";
            return Err(vec![Diagnostic::new(Severity::Error, message, None, &shared)]);
        }
        let mut settings: Settings =
            toml::from_str(&source.text).map_err(|error| vec![unreadable(&error, &shared)])?;
        let mut findings = Findings { source: shared, list: Vec::new() };
        if let Err(misplaced) = settings.workspace.settle() {
            let message = format!("`{}` leaves the repository", misplaced.path);
            findings.add(
                Severity::Error,
                &["workspace", misplaced.key],
                message,
                "write it relative to the top of the repository, with `/`",
            );
        }
        if let Some(replay) = &mut settings.replay {
            match super::normal(&replay.cassette).filter(|path| path != ".") {
                Some(path) => replay.cassette = path,
                None => {
                    let message = format!("`{}` is no folder in the repository", replay.cassette);
                    let help = "write it relative to the top of the repository, with `/`";
                    findings.add(Severity::Error, &["replay", "cassette"], message, help);
                }
            }
        }
        if let Some(cases) = &mut settings.cases {
            let settled = cases.hidden.as_deref().and_then(super::normal);
            cases.hidden = settled.or(cases.hidden.take());
        }
        findings.look_at(&settings);
        if findings.list.iter().any(|d| d.severity == Severity::Error) {
            Err(findings.list)
        } else {
            Ok((settings, findings.list))
        }
    }
}

/// Turns an error of the TOML reader into one with a suggestion.
fn unreadable(error: &toml::de::Error, source: &Arc<Source>) -> Diagnostic {
    let raw = error.message().trim();
    let span = error.span();
    let quoted: Vec<&str> = raw.split('`').skip(1).step_by(2).collect();
    let Some(unknown) =
        quoted.first().filter(|_| raw.starts_with("unknown field") || raw.starts_with("unknown variant"))
    else {
        let finding = Diagnostic::new(Severity::Error, raw.replace('\n', ": "), span, source);
        return match quoted.first().filter(|_| raw.starts_with("missing field")) {
            Some(missing) => finding.help(format!("add `{missing} = …`")),
            None => finding,
        };
    };
    let noun = if raw.starts_with("unknown field") { "key" } else { "value" };
    let allowed = &quoted[1..];
    let help = match nearest(unknown, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if allowed.is_empty() => "nothing is allowed here: remove it".to_owned(),
        None => format!("allowed here: {}", allowed.join(", ")),
    };
    Diagnostic::new(Severity::Error, format!("unknown {noun} `{unknown}`"), span, source).help(help)
}

struct Findings {
    source: Arc<Source>,
    list: Vec<Diagnostic>,
}

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = span_of(&self.source.text, path);
        self.list.push(Diagnostic::new(severity, message, span, &self.source).help(help));
    }

    /// What the shape alone cannot say.
    fn look_at(&mut self, settings: &Settings) {
        if let Err(error) = settings.judge.validate() {
            self.add(
                Severity::Error,
                &["judge", error.key],
                error.to_string(),
                format!("write a value {}", error.allowed),
            );
        }
        self.sandbox(&settings.sandbox, settings.replay.is_some());
        if settings.measure.layout == Some(super::Layout::Sample) {
            self.add(
                Severity::Error,
                &["measure", "layout"],
                "this version does not sample builds",
                "write `layout = \"shuffle\"` to build both sides anew for each pair, or `layout = \"off\"`, which says so in every row and looks for 3 % or more",
            );
        }
        if settings.run.profile.is_some() {
            self.add(
                Severity::Warning,
                &["run", "profile"],
                "this version does not run the profile",
                "keep it for later, or remove it",
            );
        }
        self.agent(&settings.agent);
        self.prices(&settings.prices);
        self.unread_tables();
        if let Some(replay) = &settings.replay {
            self.replay(replay, settings);
        }
        self.cases(settings);
        self.commands(settings);
    }

    fn unread_tables(&mut self) {
        if span_of(&self.source.text, &["memory"]).is_some() {
            let message = "`[memory]` is not read by this version";
            self.add(Severity::Warning, &["memory"], message, "the ledger stays in this repository");
        }
    }

    fn cases(&mut self, settings: &Settings) {
        let driver = settings.measure.driver;
        if driver == DriverKind::Cases && settings.cases.is_none() {
            self.add(
                Severity::Error,
                &["measure", "driver"],
                "the driver is `cases`, and there is no `[cases]`",
                "add `[cases]` with `file` and `serve = { stdio = \"…\" }`",
            );
        }
        let Some(cases) = &settings.cases else { return };
        if driver != DriverKind::Cases {
            let message = format!("`[cases]` is not used: the driver is `{}`", driver.name());
            self.add(Severity::Warning, &["cases"], message, "write `driver = \"cases\"` under `[measure]`");
        }
        if !(1..=1000).contains(&cases.repeat) {
            let message = format!("`repeat = {}` is out of range", cases.repeat);
            self.add(Severity::Error, &["cases", "repeat"], message, "write a number from 1 to 1000");
        }
        if !cases.compare.mask.is_empty() && cases.compare.kind != super::CompareKind::Text {
            self.add(
                Severity::Error,
                &["cases", "compare", "mask"],
                "`mask` is for text",
                "write `kind = \"text\"`, or leave parts of JSON out with `ignore`",
            );
        }
        if let Some((message, help)) = settings.misplaced_hidden_cases() {
            self.add(Severity::Error, &["cases", "hidden"], message, help);
        }
        let tolerance = cases.compare.tolerance;
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            let message = format!("`tolerance = {tolerance}` is no distance");
            self.add(
                Severity::Error,
                &["cases", "compare", "tolerance"],
                message,
                "write 0 or a small positive number",
            );
        }
    }

    fn commands(&mut self, settings: &Settings) {
        let run = &settings.run;
        let commands = [
            ("prepare", &run.prepare),
            ("build", &run.build),
            ("measure", &run.measure),
            ("checks", &run.checks),
            ("profile", &run.profile),
        ];
        for (key, command) in commands {
            if command.as_ref().is_some_and(|c| c.trim().is_empty()) {
                let message = format!("`{key}` is an empty command");
                self.add(Severity::Error, &["run", key], message, "write a command, or remove the key");
            }
        }
        let mut names = std::collections::BTreeSet::new();
        for service in &settings.service {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if service.name.is_empty() || !service.name.chars().all(plain) {
                let message = format!("a service is called `{}`", service.name);
                self.add(
                    Severity::Error,
                    &["service"],
                    message,
                    "use letters, digits and `_`: the worker finds it by that name",
                );
            } else if !names.insert(service.name.to_ascii_uppercase()) {
                let message = format!("two services are called `{}`", service.name);
                self.add(Severity::Error, &["service"], message, "give each a name of its own");
            }
        }
    }
}

/// Where the value under a path of keys stands; a number is the place in an array.
fn span_of(text: &str, path: &[&str]) -> Option<Span> {
    let root = DeTable::parse(text).ok()?;
    let (first, rest) = path.split_first()?;
    let (key, mut value) = root.get_ref().get_key_value(*first)?;
    let mut key = key.span();
    for step in rest {
        match value.get_ref() {
            DeValue::Table(table) => {
                let (inner, under) = table.get_key_value(*step)?;
                (key, value) = (inner.span(), under);
            }
            DeValue::Array(list) => {
                value = list.get(step.parse::<usize>().ok()?)?;
                key = value.span();
            }
            _ => return None,
        }
    }
    // A table's span may be empty or far from its heading; its key is what a person looks for.
    let whole = matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
    Some(if whole { key } else { value.span() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::{Cpus, Reader, Serve};

    fn read(text: &str) -> Result<(Settings, Vec<Diagnostic>), Vec<Diagnostic>> {
        Settings::parse(&Source::new("sprag.toml", text))
    }

    /// Each finding on a line: place, message, help.
    pub(super) fn told(text: &str) -> String {
        let list = match read(text) {
            Ok((_, list)) | Err(list) => list,
        };
        let line = |d: &Diagnostic| {
            let place = d.position().map_or("-".to_owned(), |p| format!("{}:{}", p.line, p.column));
            format!("{place} {} | {}", d.message, d.help.as_deref().unwrap_or("-"))
        };
        list.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_key_is_optional() {
        let (settings, findings) = read("").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(findings, []);
        assert_eq!(settings.run.timeout.propose, Duration::from_secs(1200));
    }

    #[test]
    fn the_whole_tree_is_read_and_survives_the_ledger() {
        let text = r#"
[run]
prepare = "uv sync --frozen"
build = "cargo build --release"
timeout = { build = "1h30m", measure = "90s" }
[workspace]
root = "api"
read = [".venv"]
[measure]
driver = "cases"
trust = "attested"
cpus = "2-5"
layout = "off"
size = { glob = "dist/**/*.js", gzip = true }
[measure.read]
val_bpb = { regex = '^val_bpb:\s+([0-9.]+)' }
p95 = { json = "out.json#/p95" }
[[service]]
name = "upstreams"
command = "python up.py --port {port}"
counters = "http://127.0.0.1:{port}/counts"
[cases]
file = "cases.json"
goldens = "goldens"
serve = { stdio = "python -m worker" }
lifetime = "fresh"
repeat = 3
compare = { tolerance = 1e-9, ignore = ["$.trace_id"] }
[judge]
min_effect = "2%"
[sandbox]
env = ["LANG"]
"#;
        let (settings, findings) = read(text).unwrap();
        assert_eq!(findings, []);
        assert_eq!(settings.run.timeout.build, Duration::from_secs(5400));
        assert_eq!(settings.run.timeout.checks, Duration::from_secs(300));
        assert_eq!(settings.measure.cpus, Some(Cpus::List(vec![2, 3, 4, 5])));
        assert_eq!(settings.measure.read["p95"], Reader::Json("out.json#/p95".to_owned()));
        assert_eq!(settings.cases.as_ref().unwrap().serve, Serve::Stdio("python -m worker".to_owned()));
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    }

    #[test]
    fn unknown_keys_are_errors_with_their_place_and_the_nearest_name() {
        insta::assert_snapshot!(told("[measure]\ndrivr = 'script'\n"), @"2:1 unknown key `drivr` | did you mean `driver`?");
        insta::assert_snapshot!(told("[judge]\nmax_pair = 3\n"), @"2:1 unknown key `max_pair` | did you mean `max_pairs`?");
        insta::assert_snapshot!(told("[mesure]\n"), @"1:2 unknown key `mesure` | did you mean `measure`?");
        insta::assert_snapshot!(told("[measure]\ndriver = 'scripts'\n"), @"2:10 unknown value `scripts` | did you mean `script`?");
        insta::assert_snapshot!(told("[run]\ntimeout = { measure = \"5 parsecs\" }\n"), @r#"2:23 `5 parsecs` is no duration: write a number with its unit, such as "90s", "10m" or "1h30m" | -"#);
        insta::assert_snapshot!(told("[run\n"), @"1:5 unclosed table, expected `]` | -");
    }

    #[test]
    fn what_this_version_lacks_is_said_and_not_dropped() {
        insta::assert_snapshot!(told("[memory]\nurl = 'x'\n"), @"1:2 `[memory]` is not read by this version | the ledger stays in this repository");
        insta::assert_snapshot!(told("[measure]\nlayout = 'sample'\n"), @r#"2:10 this version does not sample builds | write `layout = "shuffle"` to build both sides anew for each pair, or `layout = "off"`, which says so in every row and looks for 3 % or more"#);
        insta::assert_snapshot!(told("[measure]\ndriver = 'cases'\n[judge]\nalpha = 7\n[run]\nbuild = ' '\n"), @r#"
        4:9 [judge] alpha = 7 is out of range: it must be above 0 and at most 0.5 | write a value above 0 and at most 0.5
        2:10 the driver is `cases`, and there is no `[cases]` | add `[cases]` with `file` and `serve = { stdio = "…" }`
        6:9 `build` is an empty command | write a command, or remove the key
        "#);
    }
}
