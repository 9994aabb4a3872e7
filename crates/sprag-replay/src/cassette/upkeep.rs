//! Looking at a cassette, and changing it as a whole: what is removed or redacted is sealed anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8Path;

use super::blobs::{BlobName, Blobs};
use super::draft::{Draft, UnderRules};
use super::format::{Line, TimingLine};
use super::{Cassette, CassetteError, Manifest, Played};
use crate::exchange::Key;

pub use redact::{Redacted, redact};

mod redact;

/// Some of the exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Each.
    All,
    /// One, by its line in `interactions.jsonl`, from 1.
    Line(u32),
    /// All answers to a request, in every case.
    Key(Key),
    /// All of a case; `""` is what was asked outside of any.
    Case(String),
}

impl Which {
    fn is(&self, nth: u32, case: &str, key: Key) -> bool {
        match self {
            Self::All => true,
            Self::Line(line) => nth.checked_add(1) == Some(*line),
            Self::Key(wanted) => *wanted == key,
            Self::Case(wanted) => wanted == case,
        }
    }
}

/// What one case asked of one upstream in one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `""`: outside of any.
    pub case: String,
    /// `None` where no class matched.
    pub class: Option<String>,
    /// Where it went.
    pub upstream: String,
    /// How many different requests.
    pub requests: u64,
    /// How many answers.
    pub answers: u64,
}

/// The exchanges by case, class and upstream.
///
/// # Errors
/// A line cannot be read.
pub fn ls(cassette: &Cassette) -> Result<Vec<Listed>, CassetteError> {
    let mut sums: BTreeMap<(String, Option<String>, String), (u64, u64)> = BTreeMap::new();
    for nth in 0..cassette.len() {
        let text = cassette.text(nth)?;
        let line = cassette.parsed(nth, &text)?;
        let at = (line.case.into_owned(), line.class, line.upstream.into_owned());
        let (requests, answers) = sums.entry(at).or_default();
        *requests += u64::from(line.ordinal == 0);
        *answers += 1;
    }
    let listed =
        |((case, class, upstream), (requests, answers))| Listed { case, class, upstream, requests, answers };
    Ok(sums.into_iter().map(listed).collect())
}

/// One exchange, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its line in `interactions.jsonl`, from 1.
    pub line: u32,
    /// `""`: outside of any.
    pub case: String,
    /// What it is recognised by.
    pub key: Key,
    /// The how-manieth answer to this request in this case, from 0.
    pub ordinal: u32,
    /// `None` where no class matched.
    pub class: Option<String>,
    /// Where it went.
    pub upstream: String,
    /// The request in one line.
    pub label: String,
    /// Its canonical form.
    pub canonical: Bytes,
    /// The answer.
    pub played: Arc<Played>,
}

/// Some exchanges, one after the other. Each may be an error: a line or a blob that cannot be read.
pub fn show(cassette: &Cassette, which: Which) -> impl Iterator<Item = Result<Shown, CassetteError>> + '_ {
    (0..cassette.len()).filter_map(move |nth| shown(cassette, nth, &which).transpose())
}

fn shown(cassette: &Cassette, nth: u32, which: &Which) -> Result<Option<Shown>, CassetteError> {
    if matches!(which, Which::Line(line) if *line != nth + 1) {
        return Ok(None);
    }
    let text = cassette.text(nth)?;
    let line = cassette.parsed(nth, &text)?;
    if !which.is(nth, &line.case, line.key) {
        return Ok(None);
    }
    let wrong = |what| cassette.wrong(nth, what);
    let slot =
        cassette.find(&line.case, line.key).ok_or_else(|| wrong("it is not in the index".to_owned()))?;
    Ok(Some(Shown {
        line: nth + 1,
        key: line.key,
        ordinal: line.ordinal,
        class: line.class,
        upstream: line.upstream.into_owned(),
        label: line.request.label.into_owned(),
        canonical: line.request.canonical.bytes(&cassette.blobs, wrong)?,
        played: cassette.answer(slot, line.ordinal)?,
        case: line.case.into_owned(),
    }))
}

/// What was found intact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the cassette says about itself; its seal holds.
    pub manifest: Manifest,
    /// What is damaged although the seal holds: blobs, each once. Empty where nothing is.
    pub damaged: Vec<CassetteError>,
}

/// Checks everything: version, seal and structure, and each blob against its name and its request's key.
///
/// # Errors
/// As [`Cassette::open`].
pub fn verify(dir: &Utf8Path) -> Result<Verified, CassetteError> {
    let cassette = Cassette::open(dir)?;
    let mut damaged = Vec::new();
    let mut named = BTreeSet::new();
    for nth in 0..cassette.len() {
        let text = cassette.text(nth)?;
        let line = cassette.parsed(nth, &text)?;
        let canonical = line.request.canonical.blob().map(|(name, _)| name);
        for (name, size) in line.blobs() {
            if !named.insert(name) {
                continue;
            }
            match cassette.blobs.read(name, size) {
                Ok(bytes) if canonical == Some(name) && Key::of(&bytes) != line.key => {
                    damaged.push(cassette.wrong(nth, "the key is not that of the request".to_owned()));
                }
                Ok(_) => {}
                Err(error) => damaged.push(error),
            }
        }
    }
    damaged.extend(strays(&cassette.blobs, &named));
    if named.len() as u64 != cassette.manifest().blobs {
        let what = format!("it says {} blobs, and {} are named", cassette.manifest().blobs, named.len());
        damaged.push(CassetteError::file(&dir.join(super::format::MANIFEST), what));
    }
    Ok(Verified { manifest: cassette.manifest().clone(), damaged })
}

/// What lies among the blobs and is none of them: nobody would review it.
fn strays(blobs: &Blobs, named: &BTreeSet<BlobName>) -> Vec<CassetteError> {
    let Ok(entries) = blobs.folder().read_dir_utf8() else { return Vec::new() };
    let is_stray = |name: &str| !BlobName::of_file(name).is_some_and(|name| named.contains(&name));
    (entries.flatten())
        .filter(|entry| is_stray(entry.file_name()))
        .map(|entry| CassetteError::file(entry.path(), "no interaction names it"))
        .collect()
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// How many exchanges.
    pub removed: u64,
    /// What is left; sealed anew, unless nothing was removed.
    pub manifest: Manifest,
}

/// Removes exchanges.
///
/// # Errors
/// As [`Cassette::open`]; another process is writing; or the file system refuses. Then nothing is changed.
pub fn rm(dir: &Utf8Path, which: &Which) -> Result<Removed, CassetteError> {
    let cassette = Cassette::open(dir)?;
    let mut removed = 0;
    let draft = rewrite(&cassette, |nth, line, _, _| {
        let goes = which.is(nth, &line.case, line.key);
        removed += u64::from(goes);
        Ok(!goes)
    })?;
    let manifest = match removed {
        0 => cassette.manifest().clone(),
        _ => draft.publish(UnderRules::of(cassette.manifest()))?,
    };
    Ok(Removed { removed, manifest })
}

/// Writes a cassette anew, without the lines for which `edit` says no. It may change the others: where keys change, the
/// answers of requests that become the same follow one another in their old order.
fn rewrite(
    cassette: &Cassette,
    mut edit: impl FnMut(u32, &mut Line<'_>, &mut Option<TimingLine<'_>>, &Blobs) -> Result<bool, CassetteError>,
) -> Result<Draft, CassetteError> {
    let mut draft = Draft::begin(cassette.dir())?;
    let mut ordinals: HashMap<(u32, Key), u32> = HashMap::new();
    for nth in 0..cassette.len() {
        let text = cassette.text(nth)?;
        let mut line = cassette.parsed(nth, &text)?;
        let timing = cassette.timing_text(nth)?;
        let mut timing = match &timing {
            Some(text) => Some(cassette.parsed_timing(nth, text)?),
            None => None,
        };
        let blobs = draft.blobs.clone();
        if !edit(nth, &mut line, &mut timing, &blobs)? {
            continue;
        }
        // Those that were changed have been written already.
        for (name, _) in line.blobs() {
            blobs.take(&cassette.blobs, name)?;
        }
        let ordinal = ordinals.entry((draft.case(&line.case), line.key)).or_default();
        line.ordinal = *ordinal;
        *ordinal += 1;
        if let Some(timing) = &mut timing {
            (timing.key, timing.ordinal) = (line.key, line.ordinal);
        }
        draft.add(&line, timing.as_ref())?;
    }
    Ok(draft)
}
