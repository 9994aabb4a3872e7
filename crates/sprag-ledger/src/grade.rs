//! The grade printed with every result: where the number came from, and what confined the candidate.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sprag_judge::{Provenance, Tier};

/// How much a result may be trusted: provenance of the primary metric and tier of the sandbox.
///
/// Written as `observed/enforced`, the weaker of the two first: `none/observed`, `self-reported/reduced`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grade {
    /// Where the primary metric came from.
    pub provenance: Provenance,
    /// What confined the candidate.
    pub tier: Tier,
}

impl Grade {
    /// The weaker of two grades, part by part: what a summary over both may claim.
    pub fn weaker(self, other: Self) -> Self {
        Self { provenance: self.provenance.min(other.provenance), tier: self.tier.min(other.tier) }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provenance = match self.provenance {
            Provenance::SelfReported => "self-reported",
            Provenance::Attested => "attested",
            Provenance::Observed => "observed",
        };
        let tier = self.tier;
        // Both have three steps, weakest first.
        if (tier as u8) < self.provenance as u8 {
            write!(f, "{tier}/{provenance}")
        } else {
            write!(f, "{provenance}/{tier}")
        }
    }
}

/// A grade that is not `provenance/tier` in either order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no grade; one looks like `observed/enforced`")]
pub struct GradeError(String);

impl FromStr for Grade {
    type Err = GradeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let provenance = |word: &str| match word {
            "self-reported" => Some(Provenance::SelfReported),
            "attested" => Some(Provenance::Attested),
            "observed" => Some(Provenance::Observed),
            _ => None,
        };
        let tier = |word: &str| word.parse::<Tier>().ok();
        let found = text
            .split_once('/')
            .and_then(|(a, b)| provenance(a).zip(tier(b)).or_else(|| provenance(b).zip(tier(a))));
        match found {
            Some((provenance, tier)) => Ok(Self { provenance, tier }),
            None => Err(GradeError(text.chars().take(60).collect())),
        }
    }
}

impl Serialize for Grade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weaker_part_is_named_first_and_every_grade_reads_back() {
        let all = [Provenance::SelfReported, Provenance::Attested, Provenance::Observed];
        let texts: Vec<String> = all
            .into_iter()
            .flat_map(|provenance| Tier::ALL.map(|tier| Grade { provenance, tier }))
            .map(|grade| {
                assert_eq!(grade.to_string().parse(), Ok(grade));
                grade.to_string()
            })
            .collect();
        insta::assert_snapshot!(texts.join("\n"), @r"
        self-reported/none
        self-reported/reduced
        self-reported/enforced
        none/attested
        attested/reduced
        attested/enforced
        none/observed
        reduced/observed
        observed/enforced
        ");
        assert!("observed".parse::<Grade>().is_err());
    }
}
