//! What a session needs before it is worth starting, what of it is there, and what is missing.

use sprag_judge::{Bound, stop::StopRule};

use crate::{Control, Goldens, Primary, Scope, Settings, Surroundings, settings::DriverKind};

/// The parts of a well-posed problem, in the order of their weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Readiness {
    /// One entry for each part.
    pub requirements: Vec<Requirement>,
}

/// One part of a well-posed problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// What it is called.
    pub what: &'static str,
    /// No session starts without it.
    pub required: bool,
    /// Whether it is there.
    pub state: State,
}

/// Whether a part is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is, in this form.
    Present(String),
    /// It is not.
    Missing {
        /// Why it matters.
        why: &'static str,
        /// What to add, and where.
        add: String,
    },
    /// Nobody has looked yet.
    Unknown {
        /// Why it matters, and how to find out.
        why: &'static str,
    },
}

impl Readiness {
    /// Whether everything is there that a session cannot do without.
    pub fn is_ready(&self) -> bool {
        self.missing().all(|requirement| !requirement.required)
    }

    /// What is not there.
    pub fn missing(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().filter(|r| matches!(r.state, State::Missing { .. }))
    }

    pub(crate) fn new(facts: &Facts<'_>) -> Self {
        let mut requirements = vec![
            facts.number(),
            facts.correctness(),
            facts.controls(),
            facts.scope(),
            facts.loop_time(),
            facts.stop(),
        ];
        requirements.extend(facts.recording());
        Self { requirements }
    }
}

/// What the compiler found.
pub(crate) struct Facts<'a> {
    pub(crate) primary: Option<&'a Primary>,
    pub(crate) controls: &'a [Control],
    pub(crate) goldens: Option<Goldens>,
    pub(crate) checks: Option<&'a str>,
    pub(crate) stop: &'a [StopRule],
    pub(crate) scope: &'a Scope,
    pub(crate) settings: &'a Settings,
    pub(crate) env: &'a Surroundings,
}

/// A run longer than this makes a session of fifty candidates last more than a day.
const SLOW_SECONDS: f64 = 60.0;

impl Facts<'_> {
    fn number(&self) -> Requirement {
        let why = "a loop can only climb one number; without it \"better\" is a matter of taste";
        let measured =
            self.settings.run.measure.is_some() || self.settings.measure.driver == DriverKind::Cases;
        let state = match self.primary {
            Some(primary) if measured => {
                let way = primary.direction.word();
                State::Present(format!(
                    "{}, {way} is better, by the driver `{}`",
                    primary.name,
                    self.settings.measure.driver.name()
                ))
            }
            Some(primary) => State::Missing {
                why: "the metric has a name, and nothing measures it",
                add: format!(
                    "## How to Run\n`./.auto/measure.sh` — prints `METRIC {}=<number>`",
                    primary.name
                ),
            },
            None => State::Missing {
                why,
                add: "## Metrics\n- **Primary**: p95_ms (ms, lower is better)".to_owned(),
            },
        };
        Requirement { what: "one number", required: true, state }
    }

    fn correctness(&self) -> Requirement {
        let compared = self.settings.compared_cases().is_some();
        let state = match (self.goldens, self.checks) {
            (Some(Goldens::Exact), checks) if compared => State::Present(with("goldens exact", checks)),
            (Some(Goldens::Within { tolerance }), checks) if compared => {
                State::Present(with(&format!("goldens within {tolerance:e}"), checks))
            }
            (_, Some(checks)) => State::Present(format!("`{checks}` must exit 0")),
            _ => State::Missing {
                why: "the fastest code is code that does nothing: something must say yes or no to its output",
                add: "a script .auto/checks.sh that exits 0 only when the output is right".to_owned(),
            },
        };
        Requirement { what: "a binary correctness check", required: false, state }
    }

    fn controls(&self) -> Requirement {
        let bounded: Vec<&str> = self
            .controls
            .iter()
            .filter(|c| c.explicit && c.bound != Bound::Watched)
            .map(|c| c.metric.as_str())
            .collect();
        // Counts that the harness takes are held to the baseline without a word of the spec.
        let counted = !self.controls.is_empty() && self.settings.service.iter().any(|s| s.counters.is_some());
        let by_proxy = self.settings.counted();
        let proxied = self.controls.iter().any(|c| c.looks_like_count() && by_proxy.contains(&c.metric));
        let state = if !bounded.is_empty() {
            State::Present(bounded.join(", "))
        } else if counted {
            State::Present("the counts of the services stay unchanged".to_owned())
        } else if proxied {
            State::Present("the counts of the proxy stay unchanged".to_owned())
        } else {
            let best = self.controls.iter().find(|c| c.looks_like_count()).or(self.controls.first());
            let add = match best {
                Some(control) => format!("## Constraints\n- {}", control.example()),
                None => {
                    "## Metrics\n- **Secondary**: api_calls\n## Constraints\n- api_calls unchanged".to_owned()
                }
            };
            State::Missing {
                why: "a second number with a bound shows when the first one was bought by doing less work",
                add,
            }
        };
        Requirement { what: "controls that make cheating visible", required: false, state }
    }

    fn scope(&self) -> Requirement {
        let add = "## Files in Scope\n- src/hot_path.py".to_owned();
        let in_scope = &self.scope.in_scope;
        let state = if in_scope.is_empty() {
            State::Missing { why: "without a list of files a candidate may change nothing", add }
        } else if in_scope.iter().any(|p| matches!(p.as_str(), "**" | "*" | "**/*")) {
            State::Missing {
                why: "everything is in scope: a narrow problem is solved sooner, and reviewed at all",
                add,
            }
        } else {
            State::Present(format!(
                "{} in scope, {} off limits",
                count(in_scope.len(), "entry", "entries"),
                self.scope.off_limits.len()
            ))
        };
        // A scope of everything is unwise, and still a scope.
        Requirement { what: "a bounded scope", required: in_scope.is_empty(), state }
    }

    fn loop_time(&self) -> Requirement {
        let state = match self.env.seconds {
            Some(seconds) if seconds <= SLOW_SECONDS => State::Present(format!("{seconds:.1} s a run")),
            Some(seconds) => State::Missing {
                why: "every candidate costs several runs: slow ones make the session last for days",
                add: format!(
                    "a smaller workload, as a run takes {seconds:.0} s; or `mode = \"single\"` under `[judge]`"
                ),
            },
            None => State::Unknown { why: "every candidate costs several runs: `sprag bench` measures one" },
        };
        Requirement { what: "a fast loop", required: false, state }
    }

    /// What the settings want to play.
    fn recording(&self) -> Option<Requirement> {
        let replay = self.settings.replay.as_ref()?;
        let folder = replay.cassette.trim_end_matches('/');
        let manifest = format!("{folder}/manifest.json");
        let state = match &self.env.paths {
            None => State::Unknown { why: "every request of a run is answered from the recording" },
            Some(paths) if paths.contains(&manifest) => State::Present(format!("the cassette {folder}")),
            Some(_) => State::Missing {
                why: "every request of a run is answered from the recording, and there is none",
                add: "sprag record".to_owned(),
            },
        };
        Some(Requirement { what: "recorded answers", required: true, state })
    }

    fn stop(&self) -> Requirement {
        let state = if self.stop.is_empty() {
            State::Missing {
                why: "without one the session goes on, and costs money, long after the last gain",
                add: "## Stop\n- after 5 consecutive discards".to_owned(),
            }
        } else {
            State::Present(self.stop.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        };
        Requirement { what: "a stop rule", required: false, state }
    }
}

fn with(rule: &str, checks: Option<&str>) -> String {
    checks.map_or_else(|| rule.to_owned(), |checks| format!("{rule}, and `{checks}` must exit 0"))
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
