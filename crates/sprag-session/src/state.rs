//! Where a session stands: a fold over the entries of its ledger, the same live, after a resume and in an audit.

use sprag_judge::stop::Progress;
use sprag_ledger::{Config, Entry, EventKind, Run, RunKind, Usage};

use crate::guest::GUEST;
use crate::person::PERSON;
use crate::segment::{Segment, all_metrics};
use crate::stall::{STALLED, Stall};
use crate::turn::Cut;

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
    /// How many tries, and parts of tries that were cut short, the ledger holds.
    pub turns: u64,
    /// The last try was cut short.
    pub cut: Option<Cut>,
    /// Who proposed last, or shall propose next.
    pub proposer: Option<String>,
    /// What was done since the last keep because nothing was kept.
    pub stall: Stall,
}

/// One kept candidate.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Its run.
    pub run: u64,
    /// The provisional effect: the median x of its pairs.
    pub effect: Option<f64>,
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
                    self.end_turn(event.agent.as_deref());
                }
                if event.is_billed() {
                    self.progress.seconds += event.seconds.total();
                    spend(&mut self.progress, &event.usage);
                } else if event.event == EventKind::Bench {
                    self.progress.seconds += event.seconds.total();
                }
                match event.event {
                    EventKind::Interrupted => {
                        // Whoever is started again and again by somebody must come to an end.
                        self.idle += 1;
                        self.end_turn(event.agent.as_deref());
                        self.cut = Some(Cut::of(event));
                    }
                    EventKind::Stalled => {
                        self.stall.take_step(event);
                        self.proposer = event.agent.clone().or(self.proposer.take());
                    }
                    _ => {}
                }
                if let Some(id) = event.data.get("proposal").and_then(|v| v.as_str()) {
                    self.proposals.push(id.to_owned());
                }
            }
            Entry::Idea(idea) => {
                // A proposer that only parks ideas is as idle as one that edits nothing; one that leaves some beside a change
                // is not.
                self.idle += u32::from(idea.from_run.is_none());
                self.proposals.extend(idea.proposal.clone());
            }
            Entry::Final(result) => self.measured_result = result.tree.clone(),
            Entry::Stop(stop) => {
                // A person who goes on after that has looked into why nothing came of it.
                self.idle = 0;
                if stop.reason == STALLED {
                    self.stall = Stall::default();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_turn(&mut self, agent: Option<&str>) {
        self.turns += 1;
        self.cut = None;
        self.proposer = agent.filter(|name| is_agent(name)).map(str::to_owned).or(self.proposer.take());
    }

    /// The segment under way.
    ///
    /// # Errors
    /// A sentence, when there is none yet.
    pub fn segment(&self) -> Result<&Segment, String> {
        self.segment.as_ref().ok_or_else(|| "the ledger has no config row yet".to_owned())
    }

    fn start_segment(&mut self, config: &Config) -> Result<(), String> {
        let segment = Segment::start(config, self.segment.take(), self.keeps.len(), self.last_run)?;
        self.segments += 1;
        self.progress.consecutive_discards = 0;
        self.stall = Stall::default();
        self.progress.incumbent = segment.incumbent.metrics.clone();
        self.segment = Some(segment);
        Ok(())
    }

    fn take_run(&mut self, run: &Run) -> Result<(), String> {
        self.idle = 0;
        self.last_run = self.last_run.max(run.run);
        self.proposals.extend(run.proposal.clone());
        self.progress.seconds += run.seconds.total();
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
        spend(&mut self.progress, &run.usage);
        let stored = run.evidence.as_ref().ok_or_else(|| format!("run {} has no evidence", run.run))?;
        let evidence =
            stored.get().map_err(|e| format!("the evidence of run {} cannot be read: {e}", run.run))?;
        let gain = segment.judge(run, &evidence);
        let by_agent = run.agent.as_deref().is_some_and(is_agent);
        self.turns += 1;
        self.cut = None;
        self.proposer = run.agent.clone().filter(|_| by_agent).or(self.proposer.take());
        self.progress.experiments += 1;
        self.progress.gains.push(gain);
        if run.is_keep() {
            self.progress.consecutive_discards = 0;
            self.stall = Stall::default();
            self.progress.incumbent = segment.incumbent.metrics.clone();
            self.keeps.push(Keep { run: run.run, effect: gain });
        } else {
            self.progress.consecutive_discards += 1;
            // What a person or a folder of patches tried says nothing of the agents.
            self.stall.discards += u32::from(by_agent);
        }
        Ok(())
    }
}

/// Whether it is an agent that the loop asks: not a person, not a guest of `sprag mcp`, and nobody who needs no brief.
fn is_agent(name: &str) -> bool {
    ![PERSON, "playbook", "knobs"].contains(&name) && !name.starts_with(GUEST)
}

/// Takes in what one try used.
fn spend(progress: &mut Progress, usage: &Usage) {
    progress.usd.add(usage.usd);
    progress.tokens.add(usage.tokens().map(|tokens| tokens as f64));
}

#[cfg(test)]
mod tests {
    use sprag_contract::{Source, Surroundings, compile};
    use sprag_judge::Reason;

    use super::*;
    use crate::segment::{Known, Tested};

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
