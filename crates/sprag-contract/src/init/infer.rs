//! Guesses the answers from what a repository looks like, and says why.

use super::facts::is_script;
use super::{InitAnswers, Measured, MetricAnswer, RepoFacts, Topic};

/// Answers with a note why, one for each guess.
pub fn infer(facts: &RepoFacts) -> (InitAnswers, Vec<(Topic, String)>) {
    let mut guess = Guess { facts, answers: InitAnswers::default(), notes: Vec::new() };
    if facts.cargo {
        guess.rust();
    } else if !facts.npm_scripts.is_empty() || guess.has("package.json") {
        guess.node();
    } else if facts.python {
        guess.python();
    } else if facts.go {
        guess.go();
    }
    guess.script();
    guess.metric();
    guess.scope();
    guess.inputs();
    (guess.answers, guess.notes)
}

struct Guess<'a> {
    facts: &'a RepoFacts,
    answers: InitAnswers,
    notes: Vec<(Topic, String)>,
}

impl Guess<'_> {
    fn has(&self, path: &str) -> bool {
        self.facts.files.iter().any(|file| file == path)
    }

    fn has_folder(&self, folder: &str) -> bool {
        self.facts
            .files
            .iter()
            .any(|file| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    }

    fn note(&mut self, topic: Topic, why: impl Into<String>) {
        self.notes.push((topic, why.into()));
    }

    fn rust(&mut self) {
        self.answers.build = Some("cargo build --release --offline".to_owned());
        self.note(Topic::Build, "there is a Cargo.toml");
        self.answers.checks = Some("cargo test --offline --quiet".to_owned());
        self.note(Topic::Checks, "cargo packages have `cargo test`");
        if let [binary] = self.facts.cargo_binaries.as_slice() {
            // Named, so that a package with a library too has one target to relink for each pair.
            self.answers.build =
                Some(format!("cargo build --release --offline --bin {}", shell_word(binary)));
            self.answers.measure = Measured::Timed(format!("./target/release/{binary}"));
            self.note(Topic::Measure, format!("`{binary}` is the only binary: give it a workload"));
        } else if let Some(bench) = self.facts.cargo_benches.first() {
            self.answers.measure = Measured::Timed(format!("cargo bench --offline --bench {bench}"));
            self.note(Topic::Measure, format!("`{bench}` is a cargo benchmark: timed as a whole"));
        }
    }

    fn node(&mut self) {
        let script = |wanted: &[&str]| {
            self.facts
                .npm_scripts
                .iter()
                .map(|(name, _)| name)
                .find(|name| wanted.contains(&name.as_str()))
                .cloned()
        };
        let (build, test, bench) =
            (script(&["build"]), script(&["test"]), script(&["bench", "benchmark", "perf"]));
        if let Some(name) = build {
            self.answers.build = Some(format!("npm run {name}"));
            self.note(Topic::Build, format!("package.json has a script `{name}`"));
        }
        if let Some(name) = test {
            self.answers.checks = Some("npm test --silent".to_owned());
            self.note(Topic::Checks, format!("package.json has a script `{name}`"));
        }
        if let Some(name) = bench {
            self.answers.measure = Measured::Timed(format!("npm run --silent {name}"));
            self.note(Topic::Measure, format!("package.json has a script `{name}`: timed as a whole"));
        }
    }

    fn python(&mut self) {
        let venv = self.facts.inputs.iter().find(|folder| folder.ends_with("venv"));
        let python = venv.map_or_else(|| "python3".to_owned(), |venv| format!("{venv}/bin/python"));
        if self.facts.files.iter().any(|file| file.ends_with(".py") && crate::is_test_path(file)) {
            self.answers.checks = Some(format!("{python} -m pytest -q"));
            self.note(Topic::Checks, "there are tests");
        }
        let bench = self.facts.files.iter().find(|file| {
            let name = file.rsplit('/').next().unwrap_or_default();
            name.ends_with(".py") && (name.starts_with("bench") || file.starts_with("bench"))
        });
        let scripts: Vec<&String> = self.facts.files.iter().filter(|file| is_script(file)).collect();
        let (file, why) = match (bench, scripts.as_slice()) {
            (Some(bench), _) => (bench.clone(), "looks like a benchmark: timed as a whole"),
            (None, [only]) => ((*only).clone(), "is the only script at the top: timed as a whole"),
            _ => return,
        };
        self.answers.measure = Measured::Timed(format!("{python} {}", shell_word(&file)));
        self.note(Topic::Measure, format!("`{file}` {why}"));
    }

    fn go(&mut self) {
        self.answers.build = Some("go build ./...".to_owned());
        self.note(Topic::Build, "there is a go.mod");
        self.answers.checks = Some("go test ./...".to_owned());
        self.note(Topic::Checks, "go modules have `go test`");
    }

    /// A benchmark script of the repository's own says more than a convention.
    fn script(&mut self) {
        let known = ["bench.sh", "benchmark.sh", "scripts/bench.sh", "scripts/benchmark.sh"];
        if let Some(path) = known.into_iter().find(|path| self.has(path)) {
            self.answers.measure = Measured::Timed(format!("bash {path}"));
            self.note(
                Topic::Measure,
                format!("`{path}` is there: timed as a whole; if it prints METRIC lines, say so"),
            );
        }
    }

    /// A command that is timed is measured by Sprag itself, from outside: that is worth more than what a script says.
    fn metric(&mut self) {
        if matches!(self.answers.measure, Measured::Timed(_)) {
            self.answers.metric = MetricAnswer::wall_time();
            self.answers.controls = vec![("peak_rss_mb".to_owned(), "within 10%".to_owned())];
            self.note(
                Topic::Metric,
                "Sprag times the command itself, and holds its peak memory as a control",
            );
        }
    }

    fn inputs(&mut self) {
        if self.facts.inputs.is_empty() {
            return;
        }
        self.answers.read = self.facts.inputs.clone();
        self.note(Topic::Inputs, "git does not know it, and the code needs it: it is copied once");
    }

    fn scope(&mut self) {
        let sources = ["src", "lib", "core", "app", "internal", "pkg"];
        let package = self.facts.files.iter().find_map(|file| {
            file.strip_suffix("/__init__.py")
                .filter(|folder| !folder.contains('/') && !crate::is_test_path(file))
        });
        let folder =
            sources.into_iter().find(|folder| self.has_folder(folder)).or(package).map(str::to_owned);
        let scripts: Vec<String> = self.facts.files.iter().filter(|file| is_script(file)).cloned().collect();
        if let Some(folder) = folder {
            self.answers.in_scope = vec![format!("{folder}/**")];
            self.note(Topic::Scope, format!("the sources are in `{folder}`: name fewer files if you can"));
        } else if !scripts.is_empty() && scripts.len() <= MAX_SCRIPTS {
            self.answers.in_scope = scripts;
            self.note(Topic::Scope, "the scripts at the top are all the sources");
        }
        let fixed = ["tests", "test", "benches", "bench", "benchmark", "benchmarks", "fixtures", ".github"];
        let off: Vec<String> =
            fixed.into_iter().filter(|f| self.has_folder(f)).map(|f| format!("{f}/**")).collect();
        if !off.is_empty() {
            self.note(Topic::Scope, format!("tests and benchmarks are off limits: {}", off.join(", ")));
        }
        self.answers.off_limits = off;
    }
}

/// More scripts than this are a collection, not one program.
const MAX_SCRIPTS: usize = 5;

/// A path as one word of a shell command.
fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-/".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(facts: &RepoFacts) -> String {
        let (answers, notes) = infer(facts);
        let notes: Vec<String> = notes.iter().map(|(topic, why)| format!("{topic}: {why}")).collect();
        format!(
            "{:?}\nbuild {:?}\nchecks {:?}\nscope {:?} but {:?}\n{}",
            answers.measure,
            answers.build,
            answers.checks,
            answers.in_scope,
            answers.off_limits,
            notes.join("\n")
        )
    }

    #[test]
    fn a_repository_is_recognized_by_its_manifests() {
        let files = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let rust = RepoFacts {
            files: files(&["Cargo.toml", "src/main.rs", "tests/t.rs", "benches/b.rs"]),
            cargo: true,
            cargo_binaries: vec!["parse".to_owned()],
            ..RepoFacts::default()
        };
        insta::assert_snapshot!(told(&rust), @r#"
        Timed("./target/release/parse")
        build Some("cargo build --release --offline --bin parse")
        checks Some("cargo test --offline --quiet")
        scope ["src/**"] but ["tests/**", "benches/**"]
        build: there is a Cargo.toml
        checks: cargo packages have `cargo test`
        measure: `parse` is the only binary: give it a workload
        metric: Sprag times the command itself, and holds its peak memory as a control
        scope: the sources are in `src`: name fewer files if you can
        scope: tests and benchmarks are off limits: tests/**, benches/**
        "#);
        let node = RepoFacts {
            files: files(&["package.json", "src/index.ts"]),
            npm_scripts: vec![
                ("test".to_owned(), "vitest".to_owned()),
                ("bench".to_owned(), "node b.js".to_owned()),
            ],
            ..RepoFacts::default()
        };
        insta::assert_snapshot!(told(&node), @r#"
        Timed("npm run --silent bench")
        build None
        checks Some("npm test --silent")
        scope ["src/**"] but []
        checks: package.json has a script `test`
        measure: package.json has a script `bench`: timed as a whole
        metric: Sprag times the command itself, and holds its peak memory as a control
        scope: the sources are in `src`: name fewer files if you can
        "#);
        let python = RepoFacts {
            files: files(&["pyproject.toml", "core/a.py", "tests/test_a.py", "benchmark/run it.py"]),
            python: true,
            inputs: vec![".venv".to_owned()],
            ..RepoFacts::default()
        };
        insta::assert_snapshot!(told(&python), @r#"
        Timed(".venv/bin/python 'benchmark/run it.py'")
        build None
        checks Some(".venv/bin/python -m pytest -q")
        scope ["core/**"] but ["tests/**", "benchmark/**"]
        checks: there are tests
        measure: `benchmark/run it.py` looks like a benchmark: timed as a whole
        metric: Sprag times the command itself, and holds its peak memory as a control
        scope: the sources are in `core`: name fewer files if you can
        scope: tests and benchmarks are off limits: tests/**, benchmark/**
        inputs: git does not know it, and the code needs it: it is copied once
        "#);
        let script = RepoFacts {
            files: files(&["report.py", "test_report.py"]),
            python: true,
            ..RepoFacts::default()
        };
        insta::assert_snapshot!(told(&script), @r#"
        Timed("python3 report.py")
        build None
        checks Some("python3 -m pytest -q")
        scope ["report.py"] but []
        checks: there are tests
        measure: `report.py` is the only script at the top: timed as a whole
        metric: Sprag times the command itself, and holds its peak memory as a control
        scope: the scripts at the top are all the sources
        "#);
        assert_eq!(infer(&RepoFacts::default()).0, InitAnswers::default());
    }
}
