//! What was asked, counted by class, where the application has no say in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cassette::Cassette;
use crate::exchange::{Asked, Key};
use crate::rules::{Repeat, Rules};
use crate::trouble::Trouble;

pub use sprag_contract::settings::replay::{OTHER_CALLS as OTHER, metrics_of_class};

/// Numbers by name, each one that of a metric: for a class `embedder_calls` its calls under that very name, and
/// `embedder_items`, `embedder_bytes`, `embedder_connections`, `embedder_requests_changed`; for all classes together
/// `replay_misses` and `replay_denials`.
pub type Counts = BTreeMap<String, f64>;

/// What differs from the recording, by the line that requests are called by.
pub type Changed = BTreeMap<String, Surplus>;

/// How often requests of one name were made that were not recorded, and recorded that were not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surplus {
    /// So often too often.
    pub more: u64,
    /// So often too rarely.
    pub fewer: u64,
}

/// The sums of one scope.
#[derive(Debug)]
pub(crate) struct Tally {
    /// One for each class of the rules, and one for the others.
    sums: Vec<Sums>,
    misses: u64,
    denials: u64,
    /// The case under way.
    case: Arc<str>,
    /// The cases that were entered since counting began.
    cases: BTreeSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct Sums {
    calls: u64,
    items: u64,
    bytes: u64,
    connections: u64,
    /// How often each request was made, by case.
    asked: HashMap<(Arc<str>, Key), u64>,
}

/// A request of a case that was made more often than it was recorded, or less.
#[derive(Debug)]
pub(crate) struct Differing {
    /// Empty where the request is sticky.
    pub(crate) case: String,
    pub(crate) key: Key,
    pub(crate) made: u64,
    pub(crate) recorded: u64,
}

impl Tally {
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            sums: (0..=classes).map(|_| Sums::default()).collect(),
            misses: 0,
            denials: 0,
            case: Arc::from(""),
            cases: [Arc::from("")].into(),
        }
    }

    pub(crate) fn enter(&mut self, case: &Arc<str>) {
        self.case = case.clone();
        self.cases.insert(case.clone());
    }

    /// Forgets all sums but misses and denials: those made the scope invalid, whenever they came. What was recorded outside
    /// of any case is asked while the application starts: from here on it is not missed.
    pub(crate) fn restart(&mut self) {
        self.sums.iter_mut().for_each(|sums| *sums = Sums::default());
        self.cases = Some(self.case.clone()).filter(|case| !case.is_empty()).into_iter().collect();
    }

    pub(crate) fn asked(&mut self, case: &Arc<str>, asked: &Asked, key: Key, first_on_its_connection: bool) {
        let others = self.sums.len() - 1;
        let sums = &mut self.sums[asked.class.map_or(others, |class| class.min(others))];
        sums.calls += 1;
        sums.items += asked.items;
        sums.bytes += asked.bytes;
        sums.connections += u64::from(first_on_its_connection);
        *sums.asked.entry((case.clone(), key)).or_default() += 1;
    }

    pub(crate) fn trouble(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Miss(_) => self.misses += 1,
            Trouble::Denied { .. } => self.denials += 1,
            Trouble::Cassette(_) | Trouble::Upstream { .. } | Trouble::Host { .. } => {}
        }
    }

    /// `recorded`: what the requests are compared with; without it none counts as changed.
    pub(crate) fn counts(&self, rules: &Rules, recorded: Option<&Cassette>) -> Counts {
        let names = rules.classes().iter().map(|class| class.name.as_str()).chain([OTHER]);
        let mut counts = Counts::new();
        for (class, (name, sums)) in names.zip(&self.sums).enumerate() {
            let changed = recorded.map_or(0, |cassette| self.changed(class, sums, rules, cassette));
            let values = [sums.calls, sums.items, sums.bytes, sums.connections, changed];
            counts.extend(metrics_of_class(name).into_iter().zip(values.map(|value| value as f64)));
        }
        counts.insert("replay_misses".to_owned(), self.misses as f64);
        counts.insert("replay_denials".to_owned(), self.denials as f64);
        counts
    }

    /// How many requests of the cases that were entered were recorded and not made, or made and not recorded: the size of
    /// the difference of two multisets. Seven dummy calls are seven calls, too; here they are up to fourteen.
    fn changed(&self, class: usize, sums: &Sums, rules: &Rules, cassette: &Cassette) -> u64 {
        self.differing(class, sums, rules, cassette).iter().map(|one| one.made.abs_diff(one.recorded)).sum()
    }

    /// Which these are, of all classes.
    pub(crate) fn differing_of_all(&self, rules: &Rules, cassette: &Cassette) -> Vec<Differing> {
        let classes = self.sums.iter().enumerate();
        classes.flat_map(|(class, sums)| self.differing(class, sums, rules, cassette)).collect()
    }

    fn differing(&self, class: usize, sums: &Sums, rules: &Rules, cassette: &Cassette) -> Vec<Differing> {
        let class = (class + 1 < self.sums.len()).then_some(class);
        // What is sticky is asked by whichever case comes first: to which it belongs is chance.
        let sticky = rules.repeat(class) == Repeat::Sticky;
        let place = |case: &str, key| (if sticky { String::new() } else { case.to_owned() }, key);
        let mut both: HashMap<(String, Key), (u64, u64)> = HashMap::new();
        for ((case, key), made) in &sums.asked {
            both.entry(place(case, *key)).or_default().0 += made;
        }
        for case in &self.cases {
            for (key, recorded) in cassette.requests(case, class) {
                both.entry(place(case, key)).or_default().1 += u64::from(recorded);
            }
        }
        let differ = both.into_iter().filter(|(_, (made, recorded))| made != recorded);
        differ.map(|((case, key), (made, recorded))| Differing { case, key, made, recorded }).collect()
    }
}
