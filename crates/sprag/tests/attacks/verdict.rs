//! What came of playing an attack, and whether that is what its head says.

use serde::{Deserialize, Serialize};
use sprag_judge::Tier;

use crate::attack::{Attack, Layer, Verdict};

/// What the process that played one attack says at its end.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Said {
    /// The stable word of the row's reason, or of the event where there is no row. Empty: nothing was decided.
    pub(crate) word: String,
    /// The sentence beside it.
    pub(crate) detail: String,
    /// This machine cannot do what the script does.
    #[serde(default)]
    pub(crate) skipped: bool,
}

/// The same, with what was seen from outside.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) said: Said,
    pub(crate) verdict: Verdict,
    pub(crate) layer: Layer,
    /// What it reached outside of its place; empty where nothing.
    pub(crate) reached: Vec<String>,
    pub(crate) seconds: f64,
}

/// What the import says of trees that no path of the scope could mend.
const HOSTILE: &[&str] = &[
    "is a symbolic link",
    "is a hard link",
    "is a pipe, socket or device",
    "has extended attributes",
    "only by case or Unicode form",
    "is a git repository inside the tree",
    "has a name that is not plain",
    "has other permissions",
    "is more than the limits allow",
    "cannot be read",
];

impl Played {
    pub(crate) fn new(said: Said, reached: Vec<String>, seconds: f64) -> Self {
        let hostile = || HOSTILE.iter().any(|words| said.detail.contains(words));
        let (verdict, layer) = match said.word.as_str() {
            "improved" => (Verdict::Keep, Layer::Nothing),
            "scope" if hostile() => (Verdict::Scope, Layer::Import),
            "scope" => (Verdict::Scope, Layer::Scope),
            "output" => (Verdict::Output, Layer::Output),
            "hidden" => (Verdict::Hidden, Layer::Hidden),
            "control" => (Verdict::Control, Layer::Control),
            "replay_miss" => (Verdict::ReplayMiss, Layer::Replay),
            "checks" => (Verdict::Checks, Layer::Checks),
            "suspect" => (Verdict::Suspect, Layer::Plausibility),
            "no_gain" | "regression" | "inconclusive" => (Verdict::Discard, Layer::Statistics),
            "build" => (Verdict::Build, Layer::Build),
            "crash" | "timeout" | "protocol" | "metric" => (Verdict::Crash, Layer::Protocol),
            "no_edit" => (Verdict::NoEdit, Layer::Import),
            _ => (Verdict::Lost, Layer::Nothing),
        };
        Self { said, verdict, layer, reached, seconds }
    }

    /// What is not as the attack's head has it; `None` where all is.
    pub(crate) fn complaint(&self, attack: &Attack, tier: Tier) -> Option<String> {
        if self.said.skipped {
            return None;
        }
        let other = attack.other(tier);
        let wanted = other.map_or(&attack.head.verdict, |other| &other.verdict);
        let Self { verdict, said, .. } = self;
        if !wanted.0.iter().any(|want| self.is(*want)) {
            return Some(format!(
                "{wanted} was expected, and it came to {verdict}: {} {}",
                said.word, said.detail
            ));
        }
        if !self.reached.is_empty() && !other.is_some_and(|other| other.reaches_out) {
            return Some(format!("it reached out: {}", self.reached.join("; ")));
        }
        if other.is_some() {
            return None;
        }
        let layer = &attack.head.layer;
        // That an act came to nothing shows in what it did not reach.
        if !layer.0.iter().any(|want| *want == self.layer || *want == Layer::Sandbox) {
            return Some(format!("{layer} should have stopped it, and {} did: {}", self.layer, said.detail));
        }
        let says = &attack.head.says;
        (!said.detail.contains(says.as_str()))
            .then(|| format!("`{says}` is missing in the row's sentence: {}", said.detail))
    }

    /// Whether statistics decided, of a candidate about which they may.
    pub(crate) fn may_be_luck(&self, attack: &Attack) -> bool {
        let by_numbers = |verdict: &Verdict| matches!(verdict, Verdict::Keep | Verdict::Discard);
        by_numbers(&self.verdict) && self.reached.is_empty() && attack.head.verdict.0.iter().any(by_numbers)
    }

    fn is(&self, wanted: Verdict) -> bool {
        match wanted {
            Verdict::NotKept => self.verdict != Verdict::Keep,
            wanted => self.verdict == wanted,
        }
    }

    /// Whether something happened that must never happen, known or not.
    pub(crate) fn got_through(&self, attack: &Attack) -> bool {
        let honest = attack.head.verdict.0.contains(&Verdict::Keep) && attack.head.limit.is_none();
        !honest
            && (self.verdict == Verdict::Keep || self.verdict == Verdict::Lost || !self.reached.is_empty())
    }
}
