//! One scope of a run: where its requests are answered, counted, and, once one of them is not known, latched.
//!
//! Each side of a pair and each repetition has a desk of its own; they share the cassette, which does not change, and
//! nothing else.

mod ticket;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sprag_contract::settings::replay::Pace;

use crate::cassette::{Cassette, CassetteError, Played, Recorder, Slot};
use crate::counts::{Changed, Counts, Differing, Tally};
use crate::dial::Dialer;
use crate::exchange::{Asked, Key, Timing};
use crate::rules::{Repeat, Rules};
use crate::trouble::{Difference, Trouble};
pub(crate) use ticket::Ticket;

/// How many troubles of a scope are kept; the first is what matters.
const TROUBLES: usize = 100;
/// The cursor of a slot whose one answer is enough: none of the others is left.
const ENOUGH: u32 = u32::MAX;

/// Where answers come from.
pub(crate) enum Source {
    /// The cassette, and nowhere else: there is no way to the outside in here.
    Replay(Arc<Cassette>),
    /// The outside; answers are taken down. What `known` holds is played instead.
    Record { dialer: Arc<Dialer>, recorder: Arc<Recorder>, known: Option<Arc<Cassette>> },
    /// The outside; answers are compared with what the cassette holds.
    Verify { dialer: Arc<Dialer>, cassette: Arc<Cassette> },
}

/// The desk of one scope. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    rules: Arc<Rules>,
    source: Source,
    pace: Pace,
    case: RwLock<Arc<str>>,
    /// How often each slot of the cassette was asked for.
    cursors: Vec<AtomicU32>,
    /// How many connections were made, by case and port.
    numbered: Mutex<HashMap<(Arc<str>, String), u32>>,
    tally: Mutex<Tally>,
    troubles: Mutex<Vec<Trouble>>,
    latched: AtomicBool,
    differences: Mutex<Vec<Difference>>,
}

/// What becomes of a request.
pub(crate) enum Reply {
    /// It is answered so.
    Play(Arc<Played>),
    /// It goes to the outside.
    Forward(Ticket),
    /// It is refused; the scope is latched.
    Refuse(Trouble),
}

/// One connection of the application. Requests are asked through it, so that connections are counted by class.
pub(crate) struct Connection {
    desk: Desk,
    /// Which of those to its port within the case, from 1.
    number: u32,
    /// The classes that have used it, one bit each.
    classes: AtomicU64,
}

impl Desk {
    pub(crate) fn new(rules: Arc<Rules>, source: Source, pace: Pace) -> Self {
        let slots = match &source {
            Source::Replay(cassette) | Source::Verify { cassette, .. } => cassette.slots(),
            Source::Record { known, .. } => known.as_ref().map_or(0, |cassette| cassette.slots()),
        };
        let tally = Tally::new(rules.classes().len());
        Self(Arc::new(Inner {
            rules,
            source,
            pace,
            case: RwLock::new(Arc::from("")),
            cursors: (0..slots).map(|_| AtomicU32::new(0)).collect(),
            numbered: Mutex::default(),
            tally: Mutex::new(tally),
            troubles: Mutex::default(),
            latched: AtomicBool::new(false),
            differences: Mutex::default(),
        }))
    }

    /// How requests are put into their canonical form.
    pub(crate) fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// The way to the outside; `None` in replay.
    pub(crate) fn dialer(&self) -> Option<&Arc<Dialer>> {
        match &self.0.source {
            Source::Replay(_) => None,
            Source::Record { dialer, .. } | Source::Verify { dialer, .. } => Some(dialer),
        }
    }

    /// The application has connected, to a port of the settings or, where it has no name, to the forward proxy.
    pub(crate) fn connect(&self, port: &str) -> Connection {
        let mut numbered = self.0.numbered.lock().unwrap_or_else(PoisonError::into_inner);
        let number = numbered.entry((self.case(), port.to_owned())).or_default();
        *number = number.saturating_add(1);
        Connection { desk: self.clone(), number: *number, classes: AtomicU64::new(0) }
    }

    /// When the bytes of a recorded answer are to be sent, from the end of the request on. What is drawn is drawn from
    /// the request itself: the same one is always as slow, in whatever order requests come.
    pub(crate) fn timing(&self, played: &Played) -> Timing {
        let at = |time: Duration| {
            let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            Timing { first_us: us, last_us: us }
        };
        match self.0.pace {
            Pace::Instant => Timing::default(),
            Pace::Recorded => played.timing.unwrap_or_default(),
            Pace::Fixed(time) => at(time),
            Pace::Uniform([from, to]) => at(from + to.saturating_sub(from).mul_f64(played.key.share())),
        }
    }

    /// From now on requests belong to this case; `""` is no case.
    pub(crate) fn enter(&self, case: &str) {
        let case: Arc<str> = Arc::from(case);
        *self.0.case.write().unwrap_or_else(PoisonError::into_inner) = case.clone();
        self.tally(|tally| tally.enter(&case));
    }

    /// Counting starts anew: what came before was warm-up. Misses stay.
    pub(crate) fn start_counting(&self) {
        self.tally(Tally::restart);
    }

    /// What was counted since.
    pub(crate) fn counts(&self) -> Counts {
        let cassette = match &self.0.source {
            Source::Replay(cassette) => Some(cassette.as_ref()),
            _ => None,
        };
        self.tally(|tally| tally.counts(&self.0.rules, cassette))
    }

    /// The scope is invalid for this. The application's own handling of the error does not matter.
    pub(crate) fn latch(&self, trouble: Trouble) {
        self.0.latched.store(true, Ordering::Release);
        self.tally(|tally| tally.trouble(&trouble));
        let mut troubles = self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.len() < TROUBLES {
            troubles.push(trouble);
        }
    }

    /// What made the scope invalid, in order; empty where nothing did.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the outside answered otherwise than the cassette.
    pub(crate) fn differences(&self) -> Vec<Difference> {
        self.0.differences.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often each slot of the cassette was asked for, in their order.
    pub(crate) fn asked(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.cursors.iter().map(|cursor| cursor.load(Ordering::Relaxed))
    }

    /// Which requests were made more often than they were recorded, or less, since counting began, in the cases that were
    /// entered. What was never recorded is a trouble, and not here.
    pub(crate) fn changed(&self) -> Result<Changed, CassetteError> {
        let mut changed = Changed::new();
        let Source::Replay(cassette) = &self.0.source else { return Ok(changed) };
        for Differing { case, key, made, recorded } in
            self.tally(|tally| tally.differing_of_all(&self.0.rules, cassette))
        {
            let slot = cassette.find(&case, key).or_else(|| cassette.find_in_any_case(key));
            if let Some(slot) = slot {
                let sums = changed.entry(cassette.label(slot)?).or_default();
                sums.more += made.saturating_sub(recorded);
                sums.fewer += recorded.saturating_sub(made);
            }
        }
        Ok(changed)
    }

    fn tally<T>(&self, act: impl FnOnce(&mut Tally) -> T) -> T {
        act(&mut self.0.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn case(&self) -> Arc<str> {
        self.0.case.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ask(&self, case: Arc<str>, asked: Asked, key: Key) -> Reply {
        match &self.0.source {
            Source::Replay(cassette) => match self.known(cassette, &case, &asked, key) {
                Ok(Some(played)) => Reply::Play(played),
                Ok(None) => self.refuse(Trouble::miss(&case, &asked, cassette.closest(&case, &asked))),
                Err(trouble) => self.refuse(trouble),
            },
            Source::Record { known, .. } => {
                match known.as_ref().map(|known| self.known(known, &case, &asked, key)) {
                    Some(Ok(Some(played))) => Reply::Play(played),
                    Some(Err(trouble)) => self.refuse(trouble),
                    Some(Ok(None)) | None => Reply::Forward(Ticket::new(self, asked, case, None)),
                }
            }
            Source::Verify { cassette, .. } => match self.known(cassette, &case, &asked, key) {
                Ok(expected) => Reply::Forward(Ticket::new(self, asked, case, expected)),
                Err(trouble) => self.refuse(trouble),
            },
        }
    }

    /// The answer that is next for a request; `None` where there is none, or no more.
    fn known(
        &self,
        cassette: &Cassette,
        case: &str,
        asked: &Asked,
        key: Key,
    ) -> Result<Option<Arc<Played>>, Trouble> {
        let repeat = if asked.aside { Repeat::Sticky } else { self.0.rules.repeat(asked.class) };
        let own = cassette.find(case, key);
        // What is asked once and kept, such as a token, may have been recorded in another case.
        let found =
            own.or_else(|| (repeat == Repeat::Sticky).then(|| cassette.find_in_any_case(key)).flatten());
        let Some(slot) = found else { return Ok(None) };
        let Some(nth) = self.turn(slot, cassette.answers(slot), repeat) else { return Ok(None) };
        cassette.answer(slot, nth).map(Some).map_err(Trouble::Cassette)
    }

    /// Which of the answers in a slot is next.
    fn turn(&self, slot: Slot, answers: u32, repeat: Repeat) -> Option<u32> {
        if repeat == Repeat::Sticky {
            self.0.cursors[slot.index()].store(ENOUGH, Ordering::Relaxed);
            return Some(0);
        }
        let asked_before = self.0.cursors[slot.index()].fetch_add(1, Ordering::Relaxed);
        match repeat {
            _ if asked_before < answers => Some(asked_before),
            Repeat::SequenceThenLast => answers.checked_sub(1),
            _ => None,
        }
    }

    fn refuse(&self, trouble: Trouble) -> Reply {
        self.latch(trouble.clone());
        Reply::Refuse(trouble)
    }
}

impl Connection {
    /// The desk that it belongs to.
    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Which it is of those that were made to its port within the case, from 1, in the order in which they were accepted:
    /// for protocols of which nothing else is known.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Asks for what becomes of a request.
    pub(crate) fn ask(&self, asked: Asked) -> Reply {
        // Looked at once: another case may begin meanwhile, and what counts here must not be answered from there.
        let case = self.desk.case();
        let key = asked.key();
        self.count(&case, &asked, key);
        self.desk.ask(case, asked, key)
    }

    /// Asks, in replay, for what is recorded only where it goes wrong, such as preparing a statement. `None`: it went
    /// well, and nothing is counted.
    ///
    /// # Errors
    /// A cassette that cannot be read; the scope is latched.
    pub(crate) fn recall(&self, asked: Asked) -> Result<Option<Arc<Played>>, Trouble> {
        let Source::Replay(cassette) = &self.desk.0.source else { return Ok(None) };
        let (case, key) = (self.desk.case(), asked.key());
        match self.desk.known(cassette, &case, &asked, key) {
            Ok(Some(played)) => {
                self.count(&case, &asked, key);
                Ok(Some(played))
            }
            Ok(None) => Ok(None),
            Err(trouble) => {
                self.desk.latch(trouble.clone());
                Err(trouble)
            }
        }
    }

    fn count(&self, case: &Arc<str>, asked: &Asked, key: Key) {
        if !asked.aside {
            let bit = 1u64 << asked.class.map_or(63, |class| class.min(62));
            let first = self.classes.fetch_or(bit, Ordering::Relaxed) & bit == 0;
            self.desk.tally(|tally| tally.asked(case, asked, key, first));
        }
    }
}
