//! `.auto/sprag.toml`, with every default filled in.

mod agent;
mod duration;
mod hidden;
mod parse;
mod places;
mod price;
pub mod replay;
mod serve;
mod size;
mod values;

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};
use sprag_judge::JudgeSettings;
pub use sprag_judge::Tier;

pub use agent::{Agent, AgentName, NoAgent, UsagePatterns};
pub use duration::{DurationError, format_duration, parse_duration};
pub(crate) use places::normal;
pub use price::Price;
pub use replay::Replay;
pub use serve::{Http, Port, Serve};
pub use size::{Bytes, SizeError};
pub use values::{Cpus, Unread};

/// The resolved settings. See the manual's settings page for each key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The commands of the harness and their deadlines.
    pub run: Run,
    /// What is copied beside the tree.
    pub workspace: Workspace,
    /// How the metrics are measured.
    pub measure: Measure,
    /// Processes that the harness starts beside the candidate.
    pub service: Vec<Service>,
    /// The cases, for `measure.driver = "cases"`.
    pub cases: Option<Cases>,
    /// How the primary metric is judged.
    pub judge: JudgeSettings,
    /// How far the candidate is locked in.
    pub sandbox: Sandbox,
    /// The recorded answers of the outside; `None`: nothing is recorded or replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// Who proposes.
    #[serde(skip_serializing_if = "Agent::is_default")]
    pub agent: Agent,
    /// What models cost, by the name of the model. No verdict depends on it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, Price>,
    /// Not read by this version.
    #[serde(skip_serializing)]
    pub memory: Unread,
}

impl Settings {
    /// The cases whose outputs are compared: with the goldens that they name, or with the baseline's own answers.
    /// `None` where the driver sends no cases.
    pub fn compared_cases(&self) -> Option<&Cases> {
        self.cases.as_ref().filter(|_| self.measure.driver == DriverKind::Cases)
    }

    /// What the proxy counts with these settings.
    pub fn counted(&self) -> Vec<String> {
        self.replay.as_ref().map(Replay::metrics).unwrap_or_default()
    }

    /// What Sprag itself measures with these settings, besides a `case_…_ms` for each case.
    pub fn measured(&self) -> Vec<&'static str> {
        let serve = self.compared_cases().map(|cases| &cases.serve);
        // A process that serves one case is never ready for another.
        let starts = !matches!(serve, Some(Serve::Each(_)));
        let given = self.measure.driver.metrics().iter().copied();
        given.filter(|name| starts || *name != "start_ms").collect()
    }
}

/// `[run]`: commands, run by `sh -c` in the package.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// Once a session, in a checkout of the baseline, with the person's own environment and network, before the
    /// harness is locked. Its deadline is that of the build.
    pub prepare: Option<String>,
    /// Before measuring, not timed.
    pub build: Option<String>,
    /// The benchmark. Without it: the spec's How to Run, else the layout's measure script.
    pub measure: Option<String>,
    /// The correctness checks. Without it: the layout's checks script, where there is one.
    pub checks: Option<String>,
    /// After each keep, on the incumbent; its text goes into the brief.
    pub profile: Option<String>,
    /// Deadlines.
    pub timeout: Timeouts,
}

/// `[run] timeout`: after this long a step is killed with its whole process group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Of the build; 10 minutes by default.
    #[serde(with = "duration")]
    pub build: Duration,
    /// Of one measured run; 5 minutes by default.
    #[serde(with = "duration")]
    pub measure: Duration,
    /// Of the checks; 5 minutes by default.
    #[serde(with = "duration")]
    pub checks: Duration,
    /// Of one proposal; 20 minutes by default.
    #[serde(with = "duration")]
    pub propose: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self { build: minutes(10), measure: minutes(5), checks: minutes(5), propose: minutes(20) }
    }
}

/// `[workspace]`: what belongs to the tree besides the tree.
///
/// Every path here, and in the spec, is relative to the top of the repository, wherever the package is; commands run in
/// the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workspace {
    /// The package of a monorepo; `.` by default.
    pub root: String,
    /// What is copied beside the root; an entry that starts with `../` or `./` is written from the root.
    pub include: Vec<String>,
    /// Ignored inputs: read-only and fingerprinted.
    pub read: Vec<String>,
    /// Build caches: one for each side and lane.
    pub cache: Vec<String>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self { root: ".".to_owned(), include: Vec::new(), read: Vec::new(), cache: Vec::new() }
    }
}

/// `[measure]`: where the numbers come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Measure {
    /// Who takes the numbers.
    pub driver: DriverKind,
    /// What the numbers of a script are worth.
    pub trust: Trust,
    /// Where the measured processes may run. Without it: one CPU for cases, all else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// How layout luck is dealt with. Without it: shuffled where that works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Files whose total size is the metric `size_kb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Other ways to find a number, by metric name.
    pub read: BTreeMap<String, Reader>,
}

/// Who takes the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriverKind {
    /// A script prints them: `METRIC name=value`.
    #[default]
    Script,
    /// Sprag measures a command from outside: wall time, CPU time, peak memory.
    Command,
    /// Sprag sends each case itself, times it outside and compares the output with its golden.
    Cases,
}

impl DriverKind {
    /// The name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            DriverKind::Script => "script",
            DriverKind::Command => "command",
            DriverKind::Cases => "cases",
        }
    }

    /// What Sprag itself measures with it, besides a `case_…_ms` for each case.
    pub fn metrics(self) -> &'static [&'static str] {
        match self {
            DriverKind::Script => &[],
            DriverKind::Command => &["wall_ms", "cpu_ms", "peak_rss_mb", "size_kb"],
            DriverKind::Cases => {
                &["p50_ms", "p95_ms", "max_ms", "total_ms", "cpu_ms", "peak_rss_mb", "start_ms"]
            }
        }
    }
}

/// What the numbers of a script are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Printed by a process that loads candidate code, or that might.
    #[default]
    SelfReported,
    /// The person's claim that the printing process never loads candidate code.
    Attested,
}

impl From<Trust> for sprag_judge::Provenance {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::SelfReported => sprag_judge::Provenance::SelfReported,
            Trust::Attested => sprag_judge::Provenance::Attested,
        }
    }
}

/// How the luck of a binary's layout is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Both sides are relinked with fresh seeds for every pair.
    Shuffle,
    /// Some builds a side, drawn at random for each pair.
    Sample,
    /// Not controlled; said in every row.
    Off,
}

/// `measure.size`: artifact size as `size_kb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Which files, relative to the workspace root.
    pub glob: String,
    /// Whether each file counts as compressed by gzip.
    #[serde(default)]
    pub gzip: bool,
}

/// Where a metric's number is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reader {
    /// The first group of a regular expression, matched against a line of standard output.
    Regex(String),
    /// A file and a JSON pointer in it: `out.json#/p95`.
    Json(String),
    /// A criterion benchmark: `group/bench`.
    Criterion(String),
}

/// `[[service]]`: a process of the harness; one instance for each side and repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The worker finds it at `SPRAG_<NAME>_URL`.
    pub name: String,
    /// How it is started; `{port}` stands for the port.
    pub command: String,
    /// A URL that answers 200 when it is up. Without it: the port accepts connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// A URL that answers a JSON object of numbers, read after the warm-up and after the last case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<String>,
}

/// `[cases]`: requests with their answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// The file of cases.
    pub file: String,
    /// A folder with one golden a case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goldens: Option<String>,
    /// A folder with cases, goldens and a cassette of its own, which no proposer sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// How a case is sent.
    pub serve: Serve,
    /// Whether there is an unscored warm-up.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// Fresh processes a run; 1 by default.
    #[serde(default = "one")]
    pub repeat: u32,
    /// How an output is compared with its golden.
    #[serde(default)]
    pub compare: Compare,
}

fn one() -> u32 {
    1
}

/// What a process has done before it is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// It is warmed up by unscored cases, as a service is.
    #[default]
    Service,
    /// Nothing: the first case is scored.
    Fresh,
}

/// How an output is compared with its golden.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compare {
    /// As what.
    pub kind: CompareKind,
    /// The largest absolute difference of two numbers, for JSON; 0 by default.
    pub tolerance: f64,
    /// JSON paths that are not compared.
    pub ignore: Vec<String>,
    /// For text: regular expressions; what they match counts as equal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<String>,
}

/// As what two outputs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompareKind {
    /// As JSON values; types count.
    #[default]
    Json,
    /// Byte for byte.
    Bytes,
    /// As text; line endings do not count.
    Text,
}

/// `[sandbox]`: how far the candidate is locked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// How far: a machine that cannot do it is refused. Less than [`Tier::Enforced`] must be asked for.
    pub tier: Tier,
    /// Environment variables passed through to the candidate.
    pub env: Vec<String>,
    /// Folders outside of the tree that may be read, such as a toolchain's; `~` is the person's home.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Paths in the tree that measured runs may write. The rest of the tree is read-only to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Which network builds, checks and measured runs find.
    #[serde(skip_serializing_if = "Reach::is_default")]
    pub network: Reach,
    /// The most memory of all that runs in one sandbox together; three quarters of the machine's by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The most processes and threads at a time in one sandbox; 4096 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<NonZeroU32>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            tier: Tier::Enforced,
            env: Vec::new(),
            read: Vec::new(),
            write: Vec::new(),
            network: Reach::default(),
            memory: None,
            processes: None,
        }
    }
}

/// Which network what is locked in finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// One of its own, with nothing in it but what the settings put there.
    #[default]
    Empty,
    /// That of this machine.
    Open,
}

impl Reach {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
