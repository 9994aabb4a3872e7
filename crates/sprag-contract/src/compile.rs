//! The compiler: spec and settings in, contract, standing of every line and diagnostics out.

mod apply;
mod conflicts;
mod knobs;
mod metrics;
mod paths;
mod rules;
mod sections;
mod stopping;
mod wording;

use std::sync::Arc;

use crate::{
    Contract, Diagnostic, Measuring, Readiness, Scope, ScopeMatcher, Settings, Severity, Source, Span,
    readiness::Facts,
    scope::is_within,
    settings::normal,
    spec::{Document, Kind, misspelt, scan},
};
use rules::Rules;
pub(crate) use wording::describe;

/// What the caller knows about the repository. The compiler itself looks at nothing; what is unknown stays unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// The path of the benchmark script, where it exists.
    pub measure: Option<String>,
    /// The path of the checks script, where it exists.
    pub checks: Option<String>,
    /// All files of the repository, relative to its top, with `/`.
    pub paths: Option<Vec<String>>,
    /// Files and folders of the harness: spec, settings, scripts, cases, goldens, cassette, hooks.
    pub locked: Vec<String>,
    /// Seconds that one measured run takes.
    pub seconds: Option<f64>,
    /// How many scored cases there are.
    pub scored_cases: Option<u32>,
    /// `maxIterations` of the other tools' `config.json`.
    pub max_iterations: Option<u32>,
    /// Its `workingDir`: the package, where the settings name none.
    pub working_dir: Option<String>,
}

/// What became of a line of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// Sprag checks it for every candidate.
    Enforced {
        /// By what.
        by: String,
    },
    /// Another rule sees to it.
    Covered {
        /// By which.
        by: String,
    },
    /// Only the agent is told.
    Advisory {
        /// How to make it enforced.
        how: String,
    },
}

/// A line of the spec and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineStanding {
    /// The line, from 1.
    pub line: u32,
    /// Its words, or those of the sentence of it that is meant.
    pub text: String,
    /// What became of it.
    pub standing: Enforcement,
}

/// What the compiler made of a spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// The contract, unless something is wrong or missing that it cannot do without.
    pub contract: Option<Contract>,
    /// Every line that states a rule or might, in the order of the spec.
    pub standing: Vec<LineStanding>,
    /// Everything that is wrong or doubtful, worst first, then in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// What a session needs, and what of it is there.
    pub readiness: Readiness,
    /// How it would be measured and judged.
    pub measuring: Measuring,
}

impl Compiled {
    /// Whether a session can be started on it.
    pub fn is_ready(&self) -> bool {
        self.contract.is_some() && self.readiness.is_ready()
    }
}

/// A spec is read by people: a longer one is a mistake or an attack.
const MAX_BYTES: usize = 256 << 10;

/// More findings than a person reads.
const MAX_DIAGNOSTICS: usize = 100;

/// Compiles a spec. Never fails: what is wrong is in the diagnostics.
pub fn compile(spec: &Source, settings: Option<&Source>, env: &Surroundings) -> Compiled {
    let mut findings = Vec::new();
    let settings = match settings.map_or_else(|| Ok(Default::default()), Settings::parse) {
        Ok((settings, warnings)) => {
            findings.extend(warnings);
            settings
        }
        Err(errors) => {
            findings.extend(errors);
            Settings::default()
        }
    };
    let mut compiler =
        Compiler { source: Arc::new(spec.clone()), env, settings, findings, standing: Vec::new() };
    compiler.package();
    if spec.text.len() > MAX_BYTES {
        let message =
            format!("the spec is {} bytes long, and was not read: 256 KiB is the limit", spec.text.len());
        compiler.error(None, message).help = Some("keep what explains in files of its own".to_owned());
        return compiler.finish(Document::default());
    }
    let document = scan(&spec.text);
    compiler.finish(document)
}

struct Compiler<'a> {
    source: Arc<Source>,
    env: &'a Surroundings,
    settings: Settings,
    findings: Vec<Diagnostic>,
    standing: Vec<LineStanding>,
}

impl Compiler<'_> {
    fn finish(mut self, document: Document) -> Compiled {
        self.shape(&document);
        let metrics = self.metrics(&document);
        let mut scope = self.scope(&document);
        let how_to_run = self.how_to_run(&document);
        self.resolve_commands(how_to_run.as_deref());
        let mut rules = self.rules(&document, &metrics, &mut scope);
        rules.advisory.extend(self.untold(&document));
        let knobs = self.knobs(&document, &scope, &mut rules.advisory);
        self.driver(&metrics);
        let matcher = self.scope_conflicts(&scope, rules.same_tests);
        let readiness = Readiness::new(&Facts {
            primary: metrics.primary.as_ref().map(|p| &p.metric),
            controls: &rules.controls,
            goldens: rules.goldens,
            checks: self.settings.run.checks.as_deref(),
            stop: &rules.stop,
            scope: &scope.rules,
            settings: &self.settings,
            env: self.env,
        });
        let broken = self.findings.iter().any(|d| d.severity == Severity::Error);
        let contract = match metrics.primary {
            Some(primary) if !broken && matcher && !scope.rules.in_scope.is_empty() => {
                Some(Contract { knobs, ..self.contract(&document, primary, scope.rules, rules, how_to_run) })
            }
            _ => None,
        };
        let measuring = Measuring::new(&self.settings, self.env.seconds);
        let (standing, diagnostics) = self.sorted();
        Compiled { contract, standing, diagnostics, readiness, measuring }
    }

    fn contract(
        &self,
        document: &Document,
        primary: metrics::Named<crate::Primary>,
        scope: Scope,
        rules: Rules,
        how_to_run: Option<String>,
    ) -> Contract {
        let objective = sections::objective(document);
        Contract {
            name: sections::name(document, &objective, &self.source.name),
            objective,
            primary: primary.metric,
            controls: rules.controls,
            goldens: rules.goldens,
            scope,
            checks: self.settings.run.checks.is_some(),
            same_tests: rules.same_tests,
            stop: rules.stop,
            phases: rules.phases,
            advisory: rules.advisory,
            knobs: Vec::new(),
            how_to_run,
            settings: self.settings.clone(),
        }
    }

    /// Slips of the headings and of the Markdown itself.
    fn shape(&mut self, document: &Document) {
        if let Some(span) = document.unclosed.clone() {
            let message = "this code block is closed nowhere: everything below it is read as code";
            self.warning(Some(span), message).help = Some("close it with the same mark".to_owned());
        }
        for section in document.sections.iter().filter(|s| !s.named && s.line > 0) {
            if let Some(meant) = misspelt(section.heading.as_str()).filter(|_| section.kind == Kind::Prose) {
                let message = format!(
                    "the heading `{}` is not known, so its rules would be lost",
                    section.heading.as_str()
                );
                let finding = self.error(Some(section.heading.whole()), message);
                finding.help = Some(format!("did you mean `{meant}`?"));
            }
        }
    }

    /// Takes the other tools' package where the settings name none, and says where there is none of that name.
    fn package(&mut self) {
        let workspace = &mut self.settings.workspace;
        let other = self.env.working_dir.as_deref().filter(|_| workspace.root == ".");
        if let Some(dir) = other {
            match normal(dir) {
                Some(root) => workspace.root = root,
                None => {
                    let message = format!("`workingDir` is `{dir}`, which leaves the repository");
                    self.error(None, message).help =
                        Some("write it relative to the top of the repository, in config.json".to_owned());
                    return;
                }
            }
        }
        let root = self.settings.workspace.root.clone();
        let empty = self.env.paths.as_ref().is_some_and(|paths| {
            let package = [root.clone()];
            !paths.iter().any(|path| is_within(path, &package))
        });
        if root != "." && empty {
            let message = format!("the package `{root}` has no files that git knows");
            self.error(None, message).help =
                Some("write `root` under `[workspace]` relative to the top of the repository".to_owned());
        }
    }

    /// Fills in which commands measure and check: the settings first, then the spec, then the files that are there.
    fn resolve_commands(&mut self, how_to_run: Option<&str>) {
        let workspace = self.settings.workspace.clone();
        let script = |path: &String| workspace.path_in_package(path);
        let named = |command: &str| self.in_package(command);
        let run = &self.settings.run;
        let measure = run.measure.as_deref().or(how_to_run).map(named);
        let checks = run.checks.as_deref().map(named);
        let run = &mut self.settings.run;
        run.measure = measure.or(self.env.measure.as_ref().map(script));
        run.checks = checks.or(self.env.checks.as_ref().map(script));
    }

    /// The command as it runs in the package: a script of the harness that it names from the top of the repository is
    /// found from there.
    fn in_package(&self, command: &str) -> String {
        let workspace = &self.settings.workspace;
        let scripts = [&self.env.measure, &self.env.checks];
        let own = |word: &str| scripts.into_iter().flatten().any(|own| own == word.trim_start_matches("./"));
        if workspace.root == "." || !command.split_whitespace().any(own) {
            return command.to_owned();
        }
        let words = command.split(' ').map(|word| match own(word) {
            true => workspace.path_in_package(word.trim_start_matches("./")),
            false => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// What the checks script is called here.
    fn checks_script(&self) -> String {
        self.env.checks.clone().unwrap_or_else(|| ".auto/checks.sh".to_owned())
    }

    fn error(&mut self, span: Option<Span>, message: impl Into<String>) -> &mut Diagnostic {
        self.find(Severity::Error, span, message)
    }

    fn warning(&mut self, span: Option<Span>, message: impl Into<String>) -> &mut Diagnostic {
        self.find(Severity::Warning, span, message)
    }

    fn find(
        &mut self,
        severity: Severity,
        span: Option<Span>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.findings.push(Diagnostic::new(severity, message, span, &self.source));
        self.findings.last_mut().expect("it was just pushed")
    }

    fn stand(&mut self, line: u32, text: &str, standing: Enforcement) {
        self.standing.push(LineStanding { line, text: text.to_owned(), standing });
    }

    fn sorted(mut self) -> (Vec<LineStanding>, Vec<Diagnostic>) {
        self.standing.sort_by_key(|line| line.line);
        let start = |d: &Diagnostic| d.span.as_ref().map_or(usize::MAX, |span| span.start);
        self.findings
            .sort_by_key(|d| (std::cmp::Reverse(d.severity), d.source.name != self.source.name, start(d)));
        let more = self.findings.len().saturating_sub(MAX_DIAGNOSTICS);
        self.findings.truncate(MAX_DIAGNOSTICS);
        if more > 0 {
            let message = format!("{more} more findings are not shown");
            self.findings.push(Diagnostic::new(Severity::Note, message, None, &self.source));
        }
        (self.standing, self.findings)
    }
}

impl Enforcement {
    pub(crate) fn enforced(by: impl Into<String>) -> Self {
        Enforcement::Enforced { by: by.into() }
    }

    pub(crate) fn covered(by: impl Into<String>) -> Self {
        Enforcement::Covered { by: by.into() }
    }

    pub(crate) fn advisory(how: impl Into<String>) -> Self {
        Enforcement::Advisory { how: how.into() }
    }
}

/// A scope with the places of its entries.
struct Scoped {
    rules: Scope,
    listed: Vec<Listed>,
    forbidden: Vec<Listed>,
    /// Lines of Off Limits that name no path: they are read like constraints.
    prose: Vec<sections::Item>,
}

/// One path or glob of the spec.
struct Listed {
    pattern: String,
    span: Span,
}

impl Scoped {
    /// `None` where an entry is no pattern; that has been said already.
    fn matcher(&self, locked: &[String]) -> Option<ScopeMatcher> {
        ScopeMatcher::new(&self.rules, locked).ok()
    }
}
