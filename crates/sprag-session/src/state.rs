//! Where a session stands: a fold over the entries of its ledger, the same live, after a resume and in an audit.

use std::collections::{BTreeMap, HashMap};

use sprag_contract::Contract;
use sprag_judge::stop::Progress;
use sprag_judge::{Evidence, Metrics, Noise, Reason, Rule};
use sprag_ledger::{Calibration, Config, Entry, Run, RunKind};
use sprag_workspace::CommitId;

use crate::rule;

/// How many of the incumbent's latest runs the first run of a candidate is compared with.
const RECENT_RUNS: usize = 20;

/// A session as its ledger tells it.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The segment under way; none before the first config entry.
    pub segment: Option<Segment>,
    /// Segments so far, the one under way among them.
    pub segments: u64,
    /// The number of the last run.
    pub last_run: u64,
    /// What the stop rules look at.
    pub progress: Progress,
    /// What was kept, in order.
    pub keeps: Vec<Keep>,
    /// Events in a row that came to no row.
    pub idle: u32,
    /// The ids of the proposals that the ledger holds, however they ended.
    pub proposals: Vec<String>,
    /// The tree of the latest fresh measurement.
    pub measured_result: Option<String>,
    spent: Spent,
}

/// A stretch of the session under one contract, one harness and one host.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its config row.
    pub config: Config,
    /// The contract in force.
    pub contract: Contract,
    /// The phase of the spec, from 1.
    pub phase: u32,
    /// The tree that relative bounds and the result are measured against.
    pub origin: Origin,
    /// The best so far.
    pub incumbent: Incumbent,
    /// What the A/A pairs said; `None` until they are measured.
    pub calibrated: Option<Calibration>,
    /// The noise as it is known now; `None` until the A/A pairs are measured.
    pub noise: Option<Noise>,
    /// The incumbent's latest runs of the primary metric.
    pub recent: Vec<f64>,
    /// Trees that were judged, against which incumbent, and how it ended.
    pub tested: HashMap<String, Tested>,
}

/// The baseline that bounds are relative to.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Its tree in the store.
    pub tree: String,
    /// Its values, by metric; empty until they are measured.
    pub baseline: Metrics,
    /// How many keeps of the session it holds already.
    pub kept_before: usize,
    /// The change that each keep made to each metric, as a log-ratio that is positive where the number became smaller:
    /// which way is better is said by the control, and some controls are bound only later.
    pub changes: BTreeMap<String, Vec<f64>>,
}

/// The best tree so far.
#[derive(Debug, Clone, Default)]
pub struct Incumbent {
    /// Its tree.
    pub tree: String,
    /// Its commit in the session's store; `None` before the baseline's row.
    pub commit: Option<CommitId>,
    /// The run that made it.
    pub run: u64,
    /// The primary metric.
    pub value: Option<f64>,
    /// All its metrics as its own row tells them.
    pub metrics: Metrics,
}

/// One kept candidate.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Its run.
    pub run: u64,
    /// The provisional effect: the median x of its pairs.
    pub effect: Option<f64>,
}

/// How a tree was judged before.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The run.
    pub run: u64,
    /// Against which incumbent.
    pub incumbent: String,
    /// How it ended.
    pub reason: Reason,
    /// The exact evidence, for the one repetition that is allowed after `inconclusive`.
    pub e1: f64,
    /// It was this repetition.
    pub repeated: bool,
}

/// Whether a tree was judged before under the same conditions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Known {
    /// It was not.
    No,
    /// It was inconclusive: one repetition, with the exact evidence carried on.
    Undecided {
        /// That evidence.
        e1: f64,
    },
    /// It was, and that decided.
    Duplicate {
        /// As this run.
        run: u64,
    },
}

/// Sums in which one unknown part makes the whole unknown.
#[derive(Debug, Clone)]
struct Spent {
    usd: Option<f64>,
    tokens: Option<u64>,
}

impl Default for Spent {
    fn default() -> Self {
        Self { usd: Some(0.0), tokens: Some(0) }
    }
}

impl State {
    /// Folds a whole ledger.
    ///
    /// # Errors
    /// A sentence about the first entry that cannot be understood, with its place in the ledger.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, String> {
        let mut state = Self::default();
        for (seq, entry) in entries.into_iter().enumerate() {
            state.apply(entry).map_err(|what| format!("entry {seq}: {what}"))?;
        }
        Ok(state)
    }

    /// Takes one more entry in.
    ///
    /// # Errors
    /// A sentence about what cannot be understood.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Config(config) => self.start_segment(config)?,
            Entry::Calibration(calibrated) => {
                let segment = self.segment.as_mut().ok_or("a calibration before any config")?;
                segment.calibrate(calibrated);
            }
            Entry::Run(run) => self.take_run(run)?,
            Entry::Event(event) => {
                if event.event.is_try() {
                    self.idle += 1;
                    self.spend(&event.usage, event.seconds.total());
                }
                if let Some(id) = event.data.get("proposal").and_then(|v| v.as_str()) {
                    self.proposals.push(id.to_owned());
                }
            }
            Entry::Idea(idea) => {
                // A proposer that only parks ideas is as idle as one that edits nothing.
                self.idle += 1;
                self.proposals.extend(idea.proposal.clone());
            }
            Entry::Final(result) => self.measured_result = result.tree.clone(),
            Entry::Stop(_) => {
                // A person who goes on after that has looked into why nothing came of it.
                self.idle = 0;
            }
            _ => {}
        }
        Ok(())
    }

    /// The segment under way.
    ///
    /// # Errors
    /// A sentence, when there is none yet.
    pub fn segment(&self) -> Result<&Segment, String> {
        self.segment.as_ref().ok_or_else(|| "the ledger has no config row yet".to_owned())
    }

    fn start_segment(&mut self, config: &Config) -> Result<(), String> {
        let contract = config
            .compiled_contract::<Contract>()
            .map_err(|e| format!("its contract cannot be read: {e}"))?
            .ok_or("its config row has no contract")?;
        let tree = config.tree.clone().ok_or("its config row names no tree")?;
        let before = self.segment.take();
        // Bounds stay relative to the first baseline for as long as the same harness measures on the same host.
        let origin = match before.as_ref() {
            Some(old) if old.config.harness == config.harness && old.config.host == config.host => {
                old.origin.clone()
            }
            _ => Origin { tree: tree.clone(), kept_before: self.keeps.len(), ..Origin::default() },
        };
        // On another host the same contract asks the same question again: a tree that was judged stays judged.
        let tested = match before.as_ref() {
            Some(old)
                if (&old.config.contract, &old.config.harness) == (&config.contract, &config.harness) =>
            {
                old.tested.clone()
            }
            _ => HashMap::new(),
        };
        let incumbent = match before {
            Some(old) if old.incumbent.tree == tree => old.incumbent,
            _ => Incumbent { tree, run: self.last_run, ..Incumbent::default() },
        };
        self.segments += 1;
        self.progress.consecutive_discards = 0;
        self.progress.incumbent = incumbent.metrics.clone();
        self.segment = Some(Segment {
            phase: config.phase.unwrap_or(1),
            config: config.clone(),
            contract,
            origin,
            incumbent,
            calibrated: None,
            noise: None,
            recent: Vec::new(),
            tested,
        });
        Ok(())
    }

    fn take_run(&mut self, run: &Run) -> Result<(), String> {
        self.idle = 0;
        self.last_run = self.last_run.max(run.run);
        self.proposals.extend(run.proposal.clone());
        self.spend(&run.usage, run.seconds.total());
        let segment =
            self.segment.as_mut().ok_or_else(|| format!("run {} stands before any config", run.run))?;
        if run.kind == Some(RunKind::Baseline) {
            segment.incumbent.run = run.run;
            segment.incumbent.commit = run.commit.parse().ok();
            segment.incumbent.value = run.metric;
            segment.incumbent.metrics = all_metrics(run, &segment.contract);
            self.progress.incumbent = segment.incumbent.metrics.clone();
            return Ok(());
        }
        if run.kind != Some(RunKind::Experiment) {
            return Ok(());
        }
        let stored = run.evidence.as_ref().ok_or_else(|| format!("run {} has no evidence", run.run))?;
        let evidence =
            stored.get().map_err(|e| format!("the evidence of run {} cannot be read: {e}", run.run))?;
        let gain = segment.judge(run, &evidence);
        self.progress.experiments += 1;
        self.progress.gains.push(gain);
        if run.is_keep() {
            self.progress.consecutive_discards = 0;
            self.progress.incumbent = segment.incumbent.metrics.clone();
            self.keeps.push(Keep { run: run.run, effect: gain });
        } else {
            self.progress.consecutive_discards += 1;
        }
        Ok(())
    }

    fn spend(&mut self, usage: &sprag_ledger::Usage, seconds: f64) {
        self.progress.seconds += seconds;
        let tokens = [usage.input, usage.cached, usage.output].into_iter().sum::<Option<u64>>();
        self.spent.usd = self.spent.usd.zip(usage.usd).map(|(a, b)| a + b);
        self.spent.tokens = self.spent.tokens.zip(tokens).map(|(a, b)| a + b);
        self.progress.usd = self.spent.usd;
        self.progress.tokens = self.spent.tokens;
    }
}

/// The row's primary metric and its others in one map.
fn all_metrics(run: &Run, contract: &Contract) -> Metrics {
    let mut metrics = run.metrics.clone();
    if let Some(value) = run.metric {
        metrics.insert(contract.primary.name.clone(), value);
    }
    metrics
}

impl Segment {
    fn calibrate(&mut self, calibrated: &Calibration) {
        self.noise = Some(rule::noise(&self.contract, calibrated));
        self.recent = calibrated
            .pairs
            .iter()
            .filter_map(|pair| pair.values.get(&self.contract.primary.name))
            .flat_map(|[a, b]| [*a, *b])
            .collect();
        // A metric that the contract names only now was never measured on the original code: then it counts from here.
        for (metric, value) in &calibrated.baseline {
            self.origin.baseline.entry(metric.clone()).or_insert(*value);
        }
        self.calibrated = Some(calibrated.clone());
    }

    /// The rule for the next candidate, with `carried` evidence of an earlier test of it.
    ///
    /// # Errors
    /// A sentence, when the segment is not calibrated.
    pub fn rule(&self, carried: f64) -> Result<Rule, String> {
        rule::next(self, carried)
    }

    /// Takes in what a judged candidate taught, and answers the gain of a keep, 0 for anything else.
    fn judge(&mut self, run: &Run, evidence: &Evidence) -> Option<f64> {
        let primary = &self.contract.primary.name;
        if let Some(noise) = &mut self.noise {
            rule::learn(noise, &self.contract, evidence);
        }
        let of_side = |side: usize| {
            evidence.pairs.iter().filter_map(move |pair| pair.values.get(primary).map(|pair| pair[side]))
        };
        // Of a candidate out of scope the tree holds only what lay inside: that alone was not judged.
        if let Some(tree) = run.tree.as_ref().filter(|_| run.reason != Some(Reason::Scope)) {
            let tested = Tested {
                run: run.run,
                incumbent: self.incumbent.tree.clone(),
                reason: run.reason.unwrap_or(Reason::Crash),
                e1: evidence.e1.unwrap_or(1.0),
                repeated: evidence.rule.carried != 1.0,
            };
            self.tested.insert(tree.clone(), tested);
        }
        if !run.is_keep() {
            self.recent.extend(of_side(0));
            self.trim_recent();
            return Some(0.0);
        }
        self.recent = of_side(1).collect();
        if self.recent.is_empty() {
            // Kept without pairs: its own runs are all that is known of the new incumbent.
            let runs = [&evidence.first, &evidence.again].into_iter().flatten();
            self.recent = runs.filter_map(|run| run.get(primary).copied()).collect();
        }
        self.trim_recent();
        let metrics = all_metrics(run, &self.contract);
        for (metric, change) in rule::changes_of_keep(evidence, &self.incumbent.metrics, &metrics) {
            self.origin.changes.entry(metric).or_default().push(change);
        }
        self.incumbent = Incumbent {
            tree: run.tree.clone().unwrap_or_default(),
            commit: run.commit.parse().ok(),
            run: run.run,
            value: run.metric,
            metrics,
        };
        rule::gain(evidence)
    }

    /// Whether a tree was judged before under the same conditions.
    pub(crate) fn known(&self, tree: &str) -> Known {
        match self.tested.get(tree) {
            Some(tested) if tested.incumbent == self.incumbent.tree => match tested.reason {
                Reason::Inconclusive if !tested.repeated => Known::Undecided { e1: tested.e1 },
                _ => Known::Duplicate { run: tested.run },
            },
            _ if tree == self.incumbent.tree => Known::Duplicate { run: self.incumbent.run },
            _ => Known::No,
        }
    }

    fn trim_recent(&mut self) {
        let surplus = self.recent.len().saturating_sub(RECENT_RUNS);
        self.recent.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sprag_contract::{Source, Surroundings, compile};

    fn config(contract: &str, host: &str) -> Entry {
        let spec = "# Autoresearch: less\n\n## Objective\nLess.\n\n## Metrics\n- **Primary**: ms (ms, lower is better)\n\n## How to Run\n`./m.sh`\n\n## Files in Scope\n- `src/`\n";
        let compiled = compile(&Source::new("prompt.md", spec.to_owned()), None, &Surroundings::default());
        Config {
            contract: Some(contract.to_owned()),
            harness: Some("b3:h".to_owned()),
            host: host.into(),
            tree: Some("t0".to_owned()),
            compiled: serde_json::to_value(compiled.contract.unwrap()).unwrap(),
            ..Config::default()
        }
        .into()
    }

    #[test]
    fn on_another_host_a_judged_tree_stays_judged_and_under_another_contract_it_does_not() {
        let mut state = State::default();
        state.apply(&config("b3:c", "here")).unwrap();
        let judged =
            Tested { run: 2, incumbent: "t0".to_owned(), reason: Reason::NoGain, e1: 0.5, repeated: false };
        state.segment.as_mut().unwrap().tested.insert("t1".to_owned(), judged);
        state.keeps.push(Keep { run: 3, effect: Some(0.1) });
        state.apply(&config("b3:c", "there")).unwrap();
        assert_eq!(
            state.segment().unwrap().origin.kept_before,
            1,
            "what was kept before it claims nothing of it"
        );
        assert_eq!(state.segment().unwrap().known("t1"), Known::Duplicate { run: 2 });
        state.apply(&config("b3:d", "there")).unwrap();
        assert_eq!(state.segment().unwrap().known("t1"), Known::No);
    }
}
