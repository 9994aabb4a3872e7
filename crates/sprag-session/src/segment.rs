//! A stretch of a session under one contract, one harness and one host: what it started from, how noisy it is, the best
//! so far, and what was tried against it.

use std::collections::{BTreeMap, HashMap};

use sprag_contract::Contract;
use sprag_judge::{Evidence, Metrics, Noise, Reason, Rule};
use sprag_ledger::{Calibration, Config, Run};
use sprag_workspace::CommitId;

use crate::rule;

/// How many of the incumbent's latest runs the first run of a candidate is compared with.
const RECENT_RUNS: usize = 20;

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

/// The row's primary metric and its others in one map.
pub(crate) fn all_metrics(run: &Run, contract: &Contract) -> Metrics {
    let mut metrics = run.metrics.clone();
    if let Some(value) = run.metric {
        metrics.insert(contract.primary.name.clone(), value);
    }
    metrics
}

impl Segment {
    /// The segment that `config` starts after another one, `kept` keeps and `last_run` runs.
    ///
    /// # Errors
    /// A sentence about what cannot be understood.
    pub(crate) fn start(
        config: &Config,
        before: Option<Self>,
        kept: usize,
        last_run: u64,
    ) -> Result<Self, String> {
        let contract = config
            .compiled_contract::<Contract>()
            .map_err(|e| format!("its contract cannot be read: {e}"))?
            .ok_or("its config row has no contract")?;
        let tree = config.tree.clone().ok_or("its config row names no tree")?;
        // Bounds stay relative to the first baseline for as long as the same harness measures on the same host.
        let origin = match before.as_ref() {
            Some(old) if old.config.harness == config.harness && old.config.host == config.host => {
                old.origin.clone()
            }
            _ => Origin { tree: tree.clone(), kept_before: kept, ..Origin::default() },
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
            _ => Incumbent { tree, run: last_run, ..Incumbent::default() },
        };
        Ok(Self {
            phase: config.phase.unwrap_or(1),
            config: config.clone(),
            contract,
            origin,
            incumbent,
            calibrated: None,
            noise: None,
            recent: Vec::new(),
            tested,
        })
    }

    pub(crate) fn calibrate(&mut self, calibrated: &Calibration) {
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
    pub(crate) fn judge(&mut self, run: &Run, evidence: &Evidence) -> Option<f64> {
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
