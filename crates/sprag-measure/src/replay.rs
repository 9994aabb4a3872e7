//! Processes that find recorded answers in place of the outside, in an empty network where this machine has one.
//!
//! One [`Replayed`] for each side and repetition, so that neither can use up or count what belongs to the other. A
//! process that is started in an empty network has one of its own, and with it a scope of its own; without empty
//! networks, and where a process needs the loopback of this machine, there is one scope for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;
use sprag_contract::settings::{Serve, Settings};
use sprag_judge::{Finding, Metrics, Reason};
use sprag_replay::{CassetteError, Changed, Listeners, Proxy, Scope, Surplus, Trouble};
use sprag_sandbox::{Jail, Wall};

use crate::{CpuSet, MeasureError, Sandbox, Setup};

/// So much of a request that was missed is kept in a finding, in characters.
const SHOWN: usize = 3_000;
/// How many requests that differ are named, and how much of each, in characters.
const NAMED: usize = 5;
const LABEL: usize = 200;

/// How the processes of a driver come to the recorded answers.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    proxy: Arc<Proxy>,
    network: Network,
}

#[derive(Debug, Clone)]
enum Network {
    /// Each process has one of its own, with nothing in it but the proxy.
    Empty(Box<Jail>, Wall),
    /// That of this machine, and why.
    Open(String),
}

impl Outside {
    /// `None` where nothing is replayed. Tries whether this machine has empty networks.
    pub(crate) fn of(settings: &Settings, setup: &Setup) -> Option<Self> {
        let proxy = setup.replay.clone()?;
        let network = match wall(setup) {
            Err(why) => Network::Open(why),
            Ok(wall) => {
                let mut jail = Jail::new(setup.jail.iter().flatten().cloned());
                if matches!(settings.compared_cases().map(|cases| &cases.serve), Some(Serve::Http(_))) {
                    jail = jail.call();
                }
                let inside = Listeners::inside(proxy.settings());
                let jail = inside.into_iter().fold(jail, |jail, (name, port)| jail.listen(name, port));
                Network::Empty(Box::new(jail), wall)
            }
        };
        Some(Self { proxy, network })
    }

    /// Whether a metric of this name is counted by the proxy.
    pub(crate) fn counts(&self, metric: &str) -> bool {
        self.proxy.settings().metrics().iter().any(|counted| counted == metric)
    }

    /// What a reader of the numbers should know.
    pub(crate) fn caveat(&self) -> Option<String> {
        match &self.network {
            Network::Empty(_, wall) => wall.caveat().map(str::to_owned),
            Network::Open(why) => {
                Some(format!("the network was open: a client that ignores the proxy was not stopped ({why})"))
            }
        }
    }

    /// For one side and repetition.
    pub(crate) fn replayed(&self) -> Result<Replayed, MeasureError> {
        let mut state = State::default();
        let env = match &self.network {
            Network::Empty(..) => self.proxy.env_inside().map_err(MeasureError::replay)?,
            Network::Open(_) => {
                let listeners = Listeners::bind(self.proxy.settings()).map_err(MeasureError::replay)?;
                let scope = self.proxy.scope(listeners).map_err(MeasureError::replay)?;
                let env = scope.env();
                state.scope = Some(scope);
                env
            }
        };
        Ok(Replayed { outside: self.clone(), env, state: Mutex::new(state) })
    }
}

/// Whom an empty network holds here, or why the network is open.
fn wall(setup: &Setup) -> Result<Wall, String> {
    // The sandbox may have one where a network alone can't be made: bubblewrap makes that.
    if let Some(wall) = setup.sandbox.as_ref().and_then(Sandbox::wall) {
        return Ok(wall);
    }
    match &setup.jail {
        None => Err("no empty one was asked for".to_owned()),
        Some(launcher) => sprag_sandbox::network(launcher).map_err(|why| why.to_string()),
    }
}

/// The CPUs for the threads of a proxy: those that no measured process has; `None` where there are no others.
///
/// # Errors
/// [`MeasureError::Harness`] where the settings name CPUs that there are not.
pub fn cpus_beside(settings: &Settings) -> Result<Option<Vec<usize>>, MeasureError> {
    let measured = CpuSet::measured(settings)?;
    let others = CpuSet::beside(measured.as_ref())?;
    Ok(others.map(|others| others.numbers().to_vec()))
}

/// The recorded answers for one side and repetition. Dropped, nobody answers any more.
#[derive(Debug)]
pub struct Replayed {
    outside: Outside,
    env: BTreeMap<String, String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the process that runs, or of all.
    scope: Option<Scope>,
    case: String,
    counting: bool,
    frozen: bool,
    /// Of processes that have ended.
    counts: Metrics,
    changed: Changed,
    trouble: Option<Trouble>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("case", &self.case)
            .field("trouble", &self.trouble)
            .finish_non_exhaustive()
    }
}

impl Replayed {
    /// What a process is told.
    pub(crate) fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// The jail of each of its processes: an empty network, with the listeners at which it is answered. `None` where the
    /// network is open.
    pub(crate) fn jail(&self) -> Option<Jail> {
        match &self.outside.network {
            Network::Empty(jail, _) => Some(Jail::clone(jail)),
            Network::Open(_) => None,
        }
    }

    /// The folder that its processes must be able to read: whom to trust.
    pub(crate) fn trusted(&self) -> &Utf8Path {
        self.outside.proxy.trust().folder()
    }

    /// From now on requests belong to this case.
    pub(crate) fn enter(&self, case: &str) {
        let mut state = self.state();
        case.clone_into(&mut state.case);
        if let Some(scope) = &state.scope {
            scope.enter(case);
        }
    }

    /// What was counted until now was warm-up.
    pub(crate) fn start_counting(&self) {
        let mut state = self.state();
        state.counting = true;
        state.counts.clear();
        state.changed.clear();
        state.case.clear();
        if let Some(scope) = &state.scope {
            scope.enter("");
            scope.start_counting();
        }
    }

    /// Waits until what was asked for by now is done and counted: some of it may be on its way when the last answer is there.
    pub(crate) fn settle(&self) {
        self.state().scope.iter().for_each(Scope::settle);
    }

    /// The side stands still: nothing is done for it until it is [thawed](Self::thaw).
    pub(crate) fn freeze(&self) {
        let mut state = self.state();
        state.frozen = true;
        state.scope.iter().for_each(Scope::freeze);
    }

    /// The side goes on.
    pub(crate) fn thaw(&self) {
        let mut state = self.state();
        state.frozen = false;
        state.scope.iter().for_each(Scope::thaw);
    }

    /// What was counted since.
    pub(crate) fn counts(&self) -> Metrics {
        let state = self.state();
        let mut counts = state.counts.clone();
        state.scope.iter().for_each(|scope| add(&mut counts, scope.counts()));
        counts
    }

    /// Which requests differ from those of the recording, in words; `None` where none does.
    ///
    /// # Errors
    /// A cassette that cannot be read any more: nobody's verdict.
    pub(crate) fn changed(&self) -> Result<Option<String>, MeasureError> {
        let state = self.state();
        let mut changed = state.changed.clone();
        state.scope.iter().try_for_each(|scope| merge(&mut changed, scope)).map_err(MeasureError::replay)?;
        Ok((!changed.is_empty()).then(|| in_words(&changed)))
    }

    /// What the application did wrong outside of its own process, if anything.
    ///
    /// # Errors
    /// A cassette that cannot be read, or an upstream that does not answer while recording: nobody's verdict.
    pub(crate) fn finding(&self) -> Result<Option<Finding>, MeasureError> {
        let state = self.state();
        let trouble = state.trouble.clone().or_else(|| state.scope.as_ref()?.troubles().into_iter().next());
        match trouble {
            None => Ok(None),
            Some(trouble) if trouble.is_the_applications() => {
                let detail = trouble.to_string().chars().take(SHOWN).collect();
                Ok(Some(Finding { reason: Reason::ReplayMiss, detail }))
            }
            Some(trouble) => Err(MeasureError::replay(trouble)),
        }
    }

    /// The process that came by an entrance is dead: what it did stays known.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        if let Some(scope) = state.scope.take() {
            // What it said last it may have said without waiting for an answer.
            scope.settle();
            state.trouble = state.trouble.take().or_else(|| scope.troubles().into_iter().next());
            add(&mut state.counts, scope.counts());
            if let Err(error) = merge(&mut state.changed, &scope) {
                state.trouble.get_or_insert(Trouble::Cassette(error));
            }
        }
    }

    /// A process has come whose listeners are these: it gets a scope of its own.
    pub(crate) fn attach(&self, listeners: Listeners) -> Result<(), MeasureError> {
        let mut state = self.state();
        let scope = self.outside.proxy.scope(listeners).map_err(MeasureError::replay)?;
        if state.frozen {
            scope.freeze();
        }
        if state.counting {
            scope.start_counting();
        }
        if !state.case.is_empty() {
            scope.enter(&state.case);
        }
        state.scope = Some(scope);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(sums: &mut Metrics, counts: impl IntoIterator<Item = (String, f64)>) {
    for (name, count) in counts {
        *sums.entry(name).or_default() += count;
    }
}

fn merge(sums: &mut Changed, scope: &Scope) -> Result<(), CassetteError> {
    for (label, Surplus { more, fewer }) in scope.changed()? {
        let sum = sums.entry(label).or_default();
        (sum.more, sum.fewer) = (sum.more + more, sum.fewer + fewer);
    }
    Ok(())
}

fn in_words(changed: &Changed) -> String {
    let each = changed.iter().take(NAMED).map(|(label, surplus)| {
        let words: Vec<&str> = label.split_whitespace().collect();
        let label: String = words.join(" ").chars().take(LABEL).collect();
        let how = match surplus {
            Surplus { more: 0, fewer } => format!("{fewer} fewer"),
            Surplus { more, fewer: 0 } => format!("{more} more"),
            Surplus { more, fewer } => format!("{more} more of one, {fewer} fewer of another"),
        };
        format!("`{label}` ({how})")
    });
    let others = changed.len().saturating_sub(NAMED);
    let others = if others > 0 { format!(", and {others} others") } else { String::new() };
    format!("requests differ from the recording: {}{others}", each.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_differ_are_told_in_one_line() {
        let mut changed = Changed::new();
        changed.insert("SELECT a\n  FROM t".to_owned(), Surplus { more: 0, fewer: 2 });
        changed.insert("POST /v1".to_owned(), Surplus { more: 1, fewer: 1 });
        assert_eq!(
            in_words(&changed),
            "requests differ from the recording: `POST /v1` (1 more of one, 1 fewer of another), `SELECT a FROM t` (2 fewer)"
        );
        changed.extend((0..NAMED).map(|nth| (format!("x{nth}"), Surplus { more: 3, fewer: 0 })));
        assert!(in_words(&changed).ends_with("(3 more), and 2 others"), "{}", in_words(&changed));
    }
}
