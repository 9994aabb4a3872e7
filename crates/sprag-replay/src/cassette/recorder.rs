//! Recording: exchanges go to disk as they come, redacted, and become a cassette at the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;

use super::draft::{Draft, UnderRules};
use super::format::{Line, Payload, Request, TimingLine, Written, chunks, label};
use super::{Cassette, CassetteError};
use crate::exchange::{Answer, Asked, Key, Timing};
use crate::rules::Rules;

/// How many ambiguous requests are named.
const NAMED: usize = 1_000;

/// Takes exchanges down until it is [finished](Recorder::finish). Dropped before, it leaves what was there.
#[derive(Debug)]
pub struct Recorder {
    rules: Arc<Rules>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once it is finished.
    draft: Option<Draft>,
    seen: HashMap<(u32, Key), Seen>,
    added: u64,
    /// The first that went wrong. The recording is worth nothing then.
    failure: Option<CassetteError>,
}

/// What was seen of one request in one case.
#[derive(Debug)]
struct Seen {
    times: u32,
    /// The hash of its first answer.
    answer: blake3::Hash,
    /// The [`masked`](Asked::masked) of the first; not known of what was recorded before.
    masked: Option<u64>,
    /// Its label, once it was answered otherwise, or was another request.
    differs: Option<String>,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many exchanges the cassette holds.
    pub interactions: u64,
    /// How many of them are new.
    pub added: u64,
    /// How many cases made requests.
    pub cases: u64,
    /// The seal of the cassette.
    pub seal: String,
    /// Requests with more than one answer in a case, and those that stand for several: with concurrency, which of the
    /// answers is for whom is open. Sorted by case and label; at most a thousand.
    pub ambiguous: Vec<Ambiguous>,
}

/// A request that was answered differently within one case; or several that differ in nothing but a `key` or a `token`,
/// which was taken for a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ambiguous {
    /// The case.
    pub case: String,
    /// The request, in one line.
    pub label: String,
    /// What it is recognised by.
    pub key: Key,
    /// How often it was made.
    pub times: u32,
}

impl Recorder {
    /// Begins a recording that replaces the cassette in `dir` at its end. `known`: a cassette whose exchanges are kept, and
    /// to which the new ones are added.
    ///
    /// # Errors
    /// The folder holds something else, another process records into it, `known` was recorded under other rules, or the
    /// file system refuses.
    pub fn create(
        dir: &Utf8Path,
        rules: Arc<Rules>,
        known: Option<&Cassette>,
    ) -> Result<Self, CassetteError> {
        let mut draft = Draft::begin(dir)?;
        let mut seen = HashMap::new();
        if let Some(known) = known {
            known.check_rules(&rules)?;
            for nth in 0..known.len() {
                draft.keep(known, nth)?;
                let text = known.text(nth)?;
                let line = known.parsed(nth, &text)?;
                let case = draft.case(&line.case);
                Seen::note(&mut seen, (case, line.key), hash(&line.answer)?, None, &line.request.label);
            }
        }
        let state = State { draft: Some(draft), seen, added: 0, failure: None };
        Ok(Self { rules, state: Mutex::new(state) })
    }

    /// Takes an exchange down. `asked` is redacted already; the answer is redacted here, before anything of it is written.
    /// What cannot be kept fails the whole recording, at its end. After the end it does nothing.
    pub fn record(&self, case: &str, asked: &Asked, answer: Answer, timing: Timing) {
        if let Err(error) = self.try_record(case, asked, answer, timing) {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).failure.get_or_insert(error);
        }
    }

    fn try_record(
        &self,
        case: &str,
        asked: &Asked,
        answer: Answer,
        timing: Timing,
    ) -> Result<(), CassetteError> {
        let refused = |what| CassetteError::Refused {
            label: asked.label.clone(),
            upstream: asked.upstream.clone(),
            what,
        };
        if let Some(why) = self.rules.unsearched(&answer) {
            return Err(refused(why));
        }
        let answer = self.rules.redact_answer(asked.class, answer);
        // Compressing and writing blobs need no lock.
        let blobs = match &self.state.lock().unwrap_or_else(PoisonError::into_inner).draft {
            Some(draft) => draft.blobs.clone(),
            None => return Ok(()),
        };
        let canonical = Payload::of(&asked.canonical, &blobs)?;
        let written = Written::of(&answer, &blobs)?;
        written.check().map_err(refused)?;
        let (answered, key) = (hash(&written)?, asked.key());
        // It is found in any case, so it belongs to none: which case needed a connection of its own is chance.
        let case = if asked.aside { "" } else { case };

        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { draft: Some(draft), seen, added, .. } = &mut *state else { return Ok(()) };
        let label = label(asked);
        let ordinal = Seen::note(seen, (draft.case(case), key), answered, Some(asked.masked), &label);
        if asked.aside && ordinal > 0 {
            return Ok(());
        }
        let class =
            asked.class.and_then(|class| self.rules.classes().get(class)).map(|class| class.name.clone());
        let line = Line {
            case: case.into(),
            key,
            ordinal,
            class,
            aside: asked.aside,
            upstream: asked.upstream.as_str().into(),
            request: Request { label, canonical },
            answer: written,
        };
        let Timing { first_us, last_us } = timing;
        let timing =
            TimingLine { case: case.into(), key, ordinal, first_us, last_us, chunks: chunks(&answer) };
        draft.add(&line, Some(&timing))?;
        *added += 1;
        Ok(())
    }

    /// Sorts, seals and puts the cassette in its place. Exchanges that come later are not taken down.
    ///
    /// # Errors
    /// Something could not be kept or written; then what was there stays.
    pub fn finish(&self) -> Result<Summary, CassetteError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let draft = state.draft.take();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let draft = draft.ok_or(CassetteError::Finished)?;
        let mut ambiguous: Vec<Ambiguous> = (state.seen.iter())
            .filter_map(|((case, key), seen)| {
                let label = seen.differs.clone()?;
                Some(Ambiguous {
                    case: draft.case_name(*case).to_owned(),
                    label,
                    key: *key,
                    times: seen.times,
                })
            })
            .collect();
        ambiguous.sort();
        ambiguous.truncate(NAMED);
        let manifest = draft.publish(UnderRules::from(&*self.rules))?;
        let added = state.added;
        Ok(Summary {
            interactions: manifest.interactions,
            added,
            cases: manifest.cases,
            seal: manifest.seal,
            ambiguous,
        })
    }
}

impl Seen {
    /// Counts a request and gives how often it was made before.
    fn note(
        seen: &mut HashMap<(u32, Key), Self>,
        at: (u32, Key),
        answer: blake3::Hash,
        masked: Option<u64>,
        label: &str,
    ) -> u32 {
        let this = seen.entry(at).or_insert(Self { times: 0, answer, masked, differs: None });
        let is_another = this.masked.or(masked) != masked;
        this.masked = this.masked.or(masked);
        if (this.answer != answer || is_another) && this.differs.is_none() {
            this.differs = Some(label.to_owned());
        }
        this.times += 1;
        this.times - 1
    }
}

/// What tells answers apart: not how the network cut them.
fn hash(written: &Written<'_>) -> Result<blake3::Hash, CassetteError> {
    let text = serde_json::to_vec(written);
    let text = text.map_err(|error| CassetteError::io("write", Utf8Path::new("an answer"))(error.into()))?;
    Ok(blake3::hash(&text))
}
