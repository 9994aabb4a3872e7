//! What `sprag init` writes: a spec, a benchmark, checks and settings, from answers that are asked or inferred.

mod answer;
mod facts;
mod infer;
mod texts;

use std::fmt;

use sprag_judge::Direction;

use crate::settings::Tier;

pub use answer::{check_control, check_metric, check_path, check_stop};
pub use facts::RepoFacts;
pub use infer::infer;

/// Everything that the generated files depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitAnswers {
    /// What the person wants, in their words.
    pub goal: String,
    /// The primary metric.
    pub metric: MetricAnswer,
    /// Secondary metrics with their bound, such as `("db_calls", "unchanged")`; an empty bound is watched.
    pub controls: Vec<(String, String)>,
    /// Paths or globs that may change.
    pub in_scope: Vec<String>,
    /// Paths or globs that may not.
    pub off_limits: Vec<String>,
    /// Folders that git does not know and the code needs: `[workspace] read`.
    pub read: Vec<String>,
    /// Builds before measuring.
    pub build: Option<String>,
    /// Measures: prints the metric, or is timed as a whole.
    pub measure: Measured,
    /// Exits 0 only when the code is right.
    pub checks: Option<String>,
    /// Stop rules, as sentences.
    pub stop: Vec<String>,
    /// How far what is run is locked in.
    pub tier: Tier,
}

/// The primary metric as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricAnswer {
    /// Its name.
    pub name: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
}

impl MetricAnswer {
    /// What Sprag observes of a command that is timed.
    pub fn wall_time() -> Self {
        Self { name: "wall_ms".to_owned(), unit: "ms".to_owned(), direction: Direction::Lower }
    }
}

/// Where the number comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measured {
    /// This command prints `METRIC name=value` itself; its numbers are self-reported.
    Prints(String),
    /// Sprag times this command from outside, and takes its CPU time and peak memory: observed.
    Timed(String),
    /// Nobody knows yet: the script says so, and fails.
    Unknown,
}

impl Default for InitAnswers {
    fn default() -> Self {
        Self {
            goal: String::new(),
            metric: MetricAnswer {
                name: "total_ms".to_owned(),
                unit: "ms".to_owned(),
                direction: Direction::Lower,
            },
            controls: Vec::new(),
            in_scope: Vec::new(),
            off_limits: Vec::new(),
            read: Vec::new(),
            build: None,
            measure: Measured::Unknown,
            checks: None,
            stop: vec!["after 5 consecutive discards".to_owned(), "after 50 experiments".to_owned()],
            tier: Tier::None,
        }
    }
}

/// A file to be written, relative to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFile {
    /// Where.
    pub path: &'static str,
    /// What.
    pub text: String,
    /// It must be executable.
    pub executable: bool,
}

/// Which answer a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// How the number is measured.
    Measure,
    /// Which number it is.
    Metric,
    /// What is built before.
    Build,
    /// What checks the code.
    Checks,
    /// What may change.
    Scope,
    /// What is needed besides the tree.
    Inputs,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Topic::Measure => "measure",
            Topic::Metric => "metric",
            Topic::Build => "build",
            Topic::Checks => "checks",
            Topic::Scope => "scope",
            Topic::Inputs => "inputs",
        })
    }
}

/// The files for these answers. Nothing is run and nothing is written here.
pub fn init_files(answers: &InitAnswers) -> Vec<InitFile> {
    let file = |path, text, executable| InitFile { path, text, executable };
    let mut files = vec![
        file(".auto/prompt.md", texts::spec(answers), false),
        file(".auto/measure.sh", texts::measure(answers), true),
    ];
    if let Some(checks) = &answers.checks {
        files.push(file(".auto/checks.sh", texts::checks(checks), true));
    }
    files.push(file(".auto/sprag.toml", texts::settings(answers), false));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, State, Surroundings, compile};

    fn compiled(answers: &InitAnswers) -> crate::Compiled {
        let files = init_files(answers);
        let text = |path: &str| files.iter().find(|f| f.path == path).map(|f| f.text.clone());
        let env = Surroundings {
            measure: Some(".auto/measure.sh".to_owned()),
            checks: text(".auto/checks.sh").map(|_| ".auto/checks.sh".to_owned()),
            ..Surroundings::default()
        };
        let spec = Source::new(".auto/prompt.md", text(".auto/prompt.md").unwrap());
        let settings = Source::new(".auto/sprag.toml", text(".auto/sprag.toml").unwrap());
        compile(&spec, Some(&settings), &env)
    }

    #[test]
    fn full_answers_make_a_spec_that_is_ready() {
        let answers = InitAnswers {
            goal: "make parsing faster".to_owned(),
            metric: MetricAnswer::wall_time(),
            controls: vec![
                ("peak_rss_mb".to_owned(), "within 10%".to_owned()),
                ("cpu_ms".to_owned(), String::new()),
            ],
            in_scope: vec!["src/**".to_owned()],
            off_limits: vec!["tests/**".to_owned()],
            build: Some("cargo build --release".to_owned()),
            measure: Measured::Timed("./target/release/parse data/big.txt".to_owned()),
            checks: Some("cargo test --offline".to_owned()),
            ..InitAnswers::default()
        };
        let compiled = compiled(&answers);
        assert_eq!(compiled.diagnostics, []);
        assert!(compiled.is_ready());
        let missing: Vec<_> = compiled.readiness.missing().map(|r| r.what).collect();
        assert_eq!(missing, Vec::<&str>::new());
        let contract = compiled.contract.unwrap();
        assert_eq!(contract.name, "make parsing faster");
        assert_eq!(contract.settings.run.build.as_deref(), Some("cargo build --release"));
        let all: Vec<String> =
            init_files(&answers).iter().map(|f| format!("--- {}\n{}", f.path, f.text)).collect();
        insta::assert_snapshot!(all.join(""), @r#"
        --- .auto/prompt.md
        # Autoresearch: make parsing faster

        ## Objective
        make parsing faster.

        ## Metrics
        - **Primary**: wall_ms (ms, lower is better)
        - **Secondary**: peak_rss_mb, cpu_ms

        ## How to Run
        `./.auto/measure.sh` — timed from outside.

        ## Files in Scope
        - src/**

        ## Off Limits
        - tests/**

        ## Constraints
        - peak_rss_mb within 10%
        - checks must pass

        ## Stop
        - after 5 consecutive discards
        - after 50 experiments

        ## What's Been Tried
        --- .auto/measure.sh
        #!/usr/bin/env bash
        # The workload. Sprag takes its wall time, CPU time and peak memory from outside. Locked while a session runs.
        set -euo pipefail
        cd "$(dirname "$0")/.."

        ./target/release/parse data/big.txt
        --- .auto/checks.sh
        #!/usr/bin/env bash
        # Correctness: exits 0 only when the code is right. Locked while a session runs.
        set -euo pipefail
        cd "$(dirname "$0")/.."

        cargo test --offline
        --- .auto/sprag.toml
        # Settings of Sprag. Every key is optional; `sprag check` names the ones it does not know.

        [run]
        build = "cargo build --release"
        # timeout = { build = "10m", measure = "5m", checks = "5m", propose = "20m" }

        [measure]
        driver = "command"          # wall_ms, cpu_ms and peak_rss_mb, taken by Sprag

        [sandbox]
        tier = "none"               # this machine has no sandbox (see `sprag doctor`): run only what you would run yourself

        [judge]
        mode = "paired"
        min_effect = "1%"
        "#);
    }

    #[test]
    fn no_answers_make_a_spec_that_lists_what_is_missing() {
        let compiled = compiled(&InitAnswers::default());
        assert!(!compiled.is_ready());
        let missing: Vec<_> = compiled.readiness.missing().map(|r| r.what).collect();
        assert!(missing.contains(&"a bounded scope"), "{missing:?}");
        assert!(matches!(compiled.readiness.requirements[0].state, State::Present(_)));
    }

    #[test]
    fn answers_cannot_break_out_of_their_place() {
        let answers = InitAnswers {
            goal: "fast\n## Stop\n- after 1 experiments\n\"\"\"".to_owned(),
            in_scope: vec!["a.rs".to_owned()],
            build: Some("echo \"hi\" 'there' \\\n&& true".to_owned()),
            ..InitAnswers::default()
        };
        let contract = compiled(&answers).contract.unwrap();
        assert_eq!(contract.stop.len(), 2);
        assert_eq!(contract.settings.run.build, answers.build);
    }
}
