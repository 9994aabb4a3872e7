//! What is done when nothing is kept for a while. A greedy search is a strong default: a start elsewhere pays only after a
//! plateau. Each step is an event, so a session that is resumed stands on the same one.

use serde_json::{Value, json};
use sprag_agent::Proposer;
use sprag_contract::settings::Turns;
use sprag_judge::Reason;
use sprag_ledger::{Event, EventKind, Run};
use sprag_workspace::{AgentCopy, Expected, TreeId};

use crate::SessionError;
use crate::open::parse_tree;
use crate::rule;
use crate::session::{Session, now};

/// Why a session stopped in which nothing was kept and nothing was left to start from.
pub(crate) const STALLED: &str = "stalled";
/// Of so many of the nearest misses two are combined.
const COMBINED_OF: usize = 6;

/// What was done since the last keep because nothing was kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stall {
    /// Experiments in a row that were discarded, since the last keep or step.
    pub discards: u32,
    /// How often another agent was asked.
    pub handed_on: usize,
    /// Where the copies begin, if not as the incumbent.
    pub start: Option<Start>,
    /// The runs that were gone back to.
    pub used: Vec<u64>,
}

/// Where copies begin, if not as the incumbent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The tree.
    pub tree: String,
    /// The runs that it is made of.
    pub runs: Vec<u64>,
    /// It is the sum of two changes.
    pub is_combination: bool,
}

impl Stall {
    /// Takes in a step that was taken.
    pub(crate) fn take_step(&mut self, event: &Event) {
        let word = event.data.get("step").and_then(Value::as_str).unwrap_or_default();
        let runs = event.data.get("runs").and_then(Value::as_array);
        let runs: Vec<u64> = runs.into_iter().flatten().filter_map(Value::as_u64).collect();
        self.discards = 0;
        self.used.extend(&runs);
        match (&event.tree, word) {
            (Some(tree), "start" | "combine") => {
                self.start = Some(Start { tree: tree.clone(), runs, is_combination: word == "combine" });
            }
            _ => self.handed_on += 1,
        }
    }
}

/// The next step.
enum Step {
    /// This agent is asked.
    Agent(String),
    /// Copies begin elsewhere.
    Start(TreeId, Start),
}

/// A change that was not kept, though what was measured speaks for it.
struct NearMiss<'a> {
    run: &'a Run,
    effect: f64,
}

impl<'a> NearMiss<'a> {
    fn of(run: &'a Run) -> Option<Self> {
        if !matches!(run.reason, Some(Reason::NoGain | Reason::Inconclusive)) {
            return None;
        }
        let evidence = run.evidence.as_ref()?.get().ok()?;
        let effect = rule::gain(&evidence)?;
        (effect > 0.0).then_some(Self { run, effect })
    }
}

impl Session<'_> {
    /// Takes the next step where nothing was kept for long enough. Whether there was none left to take.
    pub(crate) fn is_stuck(&mut self, proposer: &dyn Proposer) -> Result<bool, SessionError> {
        let limit = self.contract.settings.agent.stall;
        if limit == 0 || proposer.agents() == 0 || self.state.stall.discards < limit {
            return Ok(false);
        }
        let Some(step) = self.next_step(proposer)? else { return Ok(true) };
        let after = format!("nothing was kept in {} experiments", self.state.stall.discards);
        let mut event = Event::new(EventKind::Stalled, "", now());
        match step {
            Step::Agent(name) => {
                event.detail = format!("{after}: {name} is asked now");
                event.data.insert("step".to_owned(), "agent".into());
                event.agent = Some(name);
            }
            Step::Start(tree, start) => {
                let runs: Vec<String> = start.runs.iter().map(u64::to_string).collect();
                let what = if start.is_combination { "the changes of runs" } else { "what run" };
                let end = if start.is_combination { "together" } else { "left" };
                event.detail = format!("{after}: copies begin as {what} {} {end}", runs.join(" and "));
                let word = if start.is_combination { "combine" } else { "start" };
                event.data.insert("step".to_owned(), word.into());
                event.data.insert("runs".to_owned(), json!(start.runs));
                event.tree = Some(start.tree);
                self.hold(&tree, &start.runs)?;
            }
        }
        let detail = event.detail.clone();
        self.record(event)?;
        self.notice(&detail);
        Ok(false)
    }

    /// Another agent, then an older start, then two changes together: what was not tried since the last keep.
    fn next_step(&self, proposer: &dyn Proposer) -> Result<Option<Step>, SessionError> {
        let Stall { handed_on, start, .. } = &self.state.stall;
        let on_stall = self.contract.settings.agent.turns == Turns::OnStall;
        if start.is_none() && on_stall && handed_on + 1 < proposer.agents() {
            let now = self.state.proposer.as_deref().unwrap_or_else(|| proposer.name());
            if let Some(name) = proposer.after(now) {
                return Ok(Some(Step::Agent(name)));
            }
        }
        let elsewhere = match start {
            None => match self.elsewhere()? {
                Some(found) => Some(found),
                None => self.combination()?,
            },
            Some(start) if !start.is_combination => self.combination()?,
            Some(_) => None,
        };
        Ok(elsewhere.map(|(tree, start)| Step::Start(tree, start)))
    }

    /// What came nearest to a keep, on top of the incumbent; where there is none, the keep before the incumbent.
    fn elsewhere(&self) -> Result<Option<(TreeId, Start)>, SessionError> {
        for miss in self.near_misses() {
            if let Some(tree) = self.merged(&[miss.run])? {
                return Ok(Some(begin(tree, &[miss.run])));
            }
        }
        let incumbent = &self.state.segment().map_err(SessionError::Refused)?.incumbent.tree;
        let is_older = |run: &&Run| run.is_keep() && run.tree.as_ref() != Some(incumbent);
        let Some(run) = self.runs_of_contract().rev().find(is_older) else { return Ok(None) };
        let tree = run.tree.as_deref().map(parse_tree).transpose()?;
        Ok(tree.map(|tree| begin(tree, &[run])))
    }

    /// Two changes that came near a keep, and do not touch the same lines: the best two first.
    fn combination(&self) -> Result<Option<(TreeId, Start)>, SessionError> {
        let misses = self.all_near_misses();
        let nearest = &misses[..misses.len().min(COMBINED_OF)];
        let mut pairs: Vec<[&NearMiss<'_>; 2]> = nearest
            .iter()
            .enumerate()
            .flat_map(|(n, a)| nearest[n + 1..].iter().map(move |b| [a, b]))
            .collect();
        let effect = |pair: &[&NearMiss<'_>; 2]| pair[0].effect + pair[1].effect;
        // Stable: what came first stays first.
        pairs.sort_by(|a, b| effect(b).total_cmp(&effect(a)));
        for [a, b] in pairs {
            let runs = [a.run, b.run];
            if let Some(tree) = self.merged(&runs)?
                && runs.iter().all(|run| run.tree.as_ref() != Some(&tree.to_string()))
            {
                let (tree, start) = begin(tree, &runs);
                return Ok(Some((tree, Start { is_combination: true, ..start })));
            }
        }
        Ok(None)
    }

    /// The rows that were judged under the contract in force.
    fn runs_of_contract(&self) -> impl DoubleEndedIterator<Item = &Run> {
        let contract = self.state.segment().ok().and_then(|segment| segment.config.contract.clone());
        self.ledger.log().runs().filter(move |run| {
            run.kind == Some(sprag_ledger::RunKind::Experiment)
                && run.contract == contract
                && run.tree.is_some()
        })
    }

    /// Correct changes that were measured to be better, and not by enough: the best first, of equals the latest.
    fn all_near_misses(&self) -> Vec<NearMiss<'_>> {
        let mut misses: Vec<NearMiss<'_>> = self.runs_of_contract().rev().filter_map(NearMiss::of).collect();
        misses.sort_by(|a, b| b.effect.total_cmp(&a.effect));
        misses
    }

    /// The same without those that were gone back to since the last keep.
    fn near_misses(&self) -> Vec<NearMiss<'_>> {
        let mut misses = self.all_near_misses();
        misses.retain(|miss| !self.state.stall.used.contains(&miss.run.run));
        misses
    }

    /// The incumbent with the changes of these runs; `None` where they do not fit, or change nothing.
    fn merged(&self, runs: &[&Run]) -> Result<Option<TreeId>, SessionError> {
        let incumbent = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        let copy = self.copy_in("merged", &incumbent)?;
        let mut fits = true;
        for run in runs {
            let [Some(parent), Some(tree)] = [&run.parent, &run.tree] else { return Ok(None) };
            let diff = self.store.diff(&parse_tree(parent)?, &parse_tree(tree)?)?;
            fits = fits && self.lay(copy.path(), &diff)?.is_none();
        }
        let tree = match self.import(copy.path(), &incumbent)? {
            candidate if fits && candidate.violations.is_empty() && !candidate.is_no_edit() => {
                Some(self.store.write_tree(&incumbent, &candidate.changes)?)
            }
            _ => None,
        };
        copy.remove()?;
        Ok(tree)
    }

    /// Keeps a start's tree in the store.
    fn hold(&self, tree: &TreeId, runs: &[u64]) -> Result<(), SessionError> {
        let parent = self.state.segment().map_err(SessionError::Refused)?.incumbent.commit;
        let parent = parent.ok_or_else(|| SessionError::Refused("the incumbent has no commit".to_owned()))?;
        let runs: Vec<String> = runs.iter().map(u64::to_string).collect();
        let commit = self.commit(tree, &parent, &format!("A start from run {}", runs.join(" and ")))?;
        Ok(self.store.update_ref(
            &self.ref_name(&format!("starts/{}", runs.join("-"))),
            &commit,
            Expected::Any,
        )?)
    }

    /// A copy that begins where the next try shall begin.
    pub(crate) fn copy_of_start(&self) -> Result<AgentCopy, SessionError> {
        match &self.state.stall.start {
            Some(start) => self.copy_of(&parse_tree(&start.tree)?),
            None => self.fresh_copy(),
        }
    }

    /// The proposer whose turn it is, as the ledger tells it.
    pub(crate) fn seat(&self, proposer: &mut dyn Proposer) {
        let Some(last) = &self.state.proposer else { return };
        let next = match self.contract.settings.agent.turns {
            Turns::RoundRobin => proposer.after(last),
            Turns::OnStall => Some(last.clone()),
        };
        if let Some(name) = next {
            proposer.be(&name);
        }
    }
}

fn begin(tree: TreeId, runs: &[&Run]) -> (TreeId, Start) {
    let runs = runs.iter().map(|run| run.run).collect();
    (tree, Start { tree: tree.to_string(), runs, is_combination: false })
}
