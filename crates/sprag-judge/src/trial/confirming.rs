//! What stands between a gain and its keep: the hidden cases, and more pairs where the gain is too good to be believed.
//!
//! Of both only a yes or no is told, never a name or a number: whoever proposes reads the sentence.

use std::collections::BTreeMap;

use super::{Next, Trial};
use crate::{Finding, Pair, Reason, Verdict, plausible::Seen, primary::PrimaryTest, stats::median};

/// A gain that would be kept.
#[derive(Debug, Clone)]
pub(super) struct Earned {
    verdict: Verdict,
    doubt: Option<Doubt>,
}

/// A gain that is too good to be believed at once, and the test that it is put to once more.
#[derive(Debug, Clone)]
struct Doubt {
    why: String,
    test: PrimaryTest,
}

impl Trial {
    /// Whether the candidate passed the hidden cases.
    pub fn hidden(&mut self, passed: bool) -> Next {
        if self.next == Next::Hidden {
            self.hidden = Some(passed);
            self.next = if passed { self.after_hidden() } else { refused(Finding::hidden()) };
        }
        self.next()
    }

    /// One more pair to confirm a gain. Only the primary metric of it is taken: which hidden cases there are, and how long
    /// each takes, is not for the row.
    pub fn confirm(&mut self, mut pair: Pair) -> Next {
        if self.next != Next::Confirm {
            return self.next();
        }
        let scale = self.scale();
        let finite = |values: &[f64; 2]| values.iter().all(|value| value.is_finite());
        pair.values.retain(|name, values| *name == self.rule.primary && finite(values));
        let levels = pair.values.get(&self.rule.primary);
        let levels = levels.and_then(|[a, b]| Some((scale.level(*a)?, scale.level(*b)?)));
        self.confirming.push(pair);
        let doubt = self.earned.as_mut().and_then(|earned| earned.doubt.as_mut());
        if let (Some(doubt), Some((incumbent, candidate))) = (doubt, levels) {
            doubt.test.push(incumbent, candidate);
        }
        if let Some(verdict) = self.judge_confirming(levels.is_some()) {
            self.next = Next::Decided(verdict);
        }
        self.next()
    }

    /// Confirming pairs so far.
    pub fn confirming_pairs(&self) -> usize {
        self.confirming.len()
    }

    /// Whether the hidden cases were asked.
    pub fn asked_hidden(&self) -> bool {
        self.hidden.is_some()
    }

    /// Why the gain was too good to be believed at once, where it was.
    pub fn doubt(&self) -> Option<&str> {
        Some(self.earned.as_ref()?.doubt.as_ref()?.why.as_str())
    }

    pub(super) fn before_keep(&mut self, verdict: Verdict) -> Next {
        let test = |why| Doubt { why, test: self.primary.anew() };
        let doubt = self.too_good().map(test);
        self.earned = Some(Earned { verdict, doubt });
        if self.rule.hidden_cases { Next::Hidden } else { self.after_hidden() }
    }

    fn after_hidden(&self) -> Next {
        match &self.earned {
            Some(Earned { verdict, doubt: None }) => Next::Decided(verdict.clone()),
            _ => Next::Confirm,
        }
    }

    fn too_good(&self) -> Option<String> {
        let plausible = self.rule.plausible.as_ref()?;
        let mut values: BTreeMap<&str, [Vec<f64>; 2]> = BTreeMap::new();
        for (name, [incumbent, candidate]) in self.pairs.iter().flat_map(|pair| &pair.values) {
            let sides = values.entry(name).or_default();
            sides[0].push(*incumbent);
            sides[1].push(*candidate);
        }
        let mut sides: BTreeMap<&str, [f64; 2]> =
            values.into_iter().map(|(name, sides)| (name, sides.map(|side| median(&side)))).collect();
        if let Some(run) = self.again.as_ref().or(self.first.as_ref()).filter(|_| self.pairs.is_empty()) {
            let (incumbent, candidate) = self.against_incumbent(run);
            sides.insert(&self.rule.primary, [incumbent, candidate]);
        }
        plausible.doubt(&Seen { rule: &self.rule, effect: self.effect(), sides })
    }

    /// The decision after a confirming pair. The gain is confirmed where it would be kept for these pairs too, and half of
    /// what was claimed is there: less than that is alarming at a ratchet audit as well.
    fn judge_confirming(&self, usable: bool) -> Option<Verdict> {
        let Earned { verdict, doubt } = self.earned.as_ref()?;
        let Doubt { why, test } = doubt.as_ref()?;
        let refuse = || Verdict::new(Reason::Suspect, format!("{why}; measured again, it was not confirmed"));
        if !usable {
            return Some(refuse());
        }
        let half_is_there =
            self.effect().is_none_or(|claimed| test.median() + self.rule.layout >= claimed / 2.0);
        let believed = test.median() > 0.0 && half_is_there;
        let enough = test.pairs() >= self.rule.min_pairs as usize;
        let (confirmed, hopeless) = match self.primary.pairs() {
            // What single runs decided one pair confirms, or the median of some, so that no hiccup refuses it.
            0 => (believed, enough),
            _ => (
                believed && enough && test.e() >= self.needed(),
                test.futility() <= self.rule.beta.ln() || test.pairs() >= self.rule.max_pairs as usize,
            ),
        };
        if confirmed { Some(verdict.clone()) } else { hopeless.then(refuse) }
    }
}

fn refused(finding: Finding) -> Next {
    Next::Decided(Verdict::new(finding.reason, finding.detail))
}
