//! The `[judge]` table of the settings.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Mode;

/// What the person chose about judging; every key optional.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JudgeSettings {
    /// How a noisy primary metric is judged.
    pub mode: Policy,
    /// The share of candidates without effect that may be kept.
    pub alpha: f64,
    /// The share of candidates with the smallest effect that may be given up on early.
    pub beta: f64,
    /// Pairs at most for one candidate.
    pub max_pairs: u32,
    /// Pairs at least before a keep.
    pub min_pairs: u32,
    /// The smallest effect of interest, as a fraction. Read from `"1%"` or `0.01`.
    #[serde(deserialize_with = "fraction")]
    pub min_effect: f64,
    /// How far the smallest effect that is looked for stands above the noise; see [`crate::minimum_effect`].
    pub kappa: f64,
}

impl Default for JudgeSettings {
    fn default() -> Self {
        Self {
            mode: Policy::Paired,
            alpha: 0.02,
            beta: 0.10,
            max_pairs: 20,
            min_pairs: 3,
            min_effect: 0.01,
            kappa: 1.6,
        }
    }
}

/// The modes that a person can choose. Whether a metric is deterministic is observed, not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Pairs, with the fast path.
    #[default]
    Paired,
    /// Pairs, the exact process alone.
    Strict,
    /// One run a candidate, never called verified.
    Single,
}

impl From<Policy> for Mode {
    fn from(policy: Policy) -> Mode {
        match policy {
            Policy::Paired => Mode::Paired,
            Policy::Strict => Mode::Strict,
            Policy::Single => Mode::Single,
        }
    }
}

/// A value of `[judge]` that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("[judge] {key} = {value} is out of range: it must be {allowed}")]
pub struct SettingsError {
    /// The key.
    pub key: &'static str,
    /// The value found.
    pub value: f64,
    /// The values allowed, in words.
    pub allowed: &'static str,
}

impl JudgeSettings {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first key that is out of its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let check = |key, value: f64, ok: bool, allowed| {
            if ok { Ok(()) } else { Err(SettingsError { key, value, allowed }) }
        };
        let rate = |value: f64| value > 0.0 && value <= 0.5;
        let pairs = f64::from(self.max_pairs);
        check("alpha", self.alpha, rate(self.alpha), "above 0 and at most 0.5")?;
        check("beta", self.beta, rate(self.beta), "above 0 and at most 0.5")?;
        check("max_pairs", pairs, (1..=MAX_PAIRS).contains(&self.max_pairs), "from 1 to 1000")?;
        let min_pairs_fit = (1..=self.max_pairs).contains(&self.min_pairs);
        check("min_pairs", self.min_pairs.into(), min_pairs_fit, "from 1 to max_pairs")?;
        check("min_effect", self.min_effect, (0.0..1.0).contains(&self.min_effect), "from 0 to below 100%")?;
        check("kappa", self.kappa, (0.0..=10.0).contains(&self.kappa), "from 0 to 10")
    }
}

/// More pairs than this are a mistake, or an attack on whoever recomputes the row.
pub(crate) const MAX_PAIRS: u32 = 1000;

fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Fraction;

    impl de::Visitor<'_> for Fraction {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a share such as \"1%\" or 0.01")
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
            Ok(value)
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
            Ok(value as f64)
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
            Ok(value as f64)
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<f64, E> {
            let compact: String = value.split_whitespace().collect();
            crate::stop::Sentence::percent(&compact)
                .or_else(|| crate::stop::Sentence::number(&compact))
                .ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
        }
    }

    deserializer.deserialize_any(Fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_effect_reads_as_percent_or_fraction() {
        for text in [
            r#"{"min_effect":"1%"}"#,
            r#"{"min_effect":"1 %"}"#,
            r#"{"min_effect":0.01}"#,
            r#"{"min_effect":"0.01"}"#,
        ] {
            assert_eq!(
                serde_json::from_str::<JudgeSettings>(text).unwrap(),
                JudgeSettings::default(),
                "{text}"
            );
        }
        assert!(serde_json::from_str::<JudgeSettings>(r#"{"min_effect":"a bit"}"#).is_err());
        assert!(serde_json::from_str::<JudgeSettings>(r#"{"min_efect":0.01}"#).is_err());
    }

    #[test]
    fn defaults_are_valid_and_values_out_of_range_are_named() {
        JudgeSettings::default().validate().unwrap();
        let error = JudgeSettings { alpha: 0.0, ..JudgeSettings::default() }.validate().unwrap_err();
        insta::assert_snapshot!(error, @"[judge] alpha = 0 is out of range: it must be above 0 and at most 0.5");
        for wrong in [
            JudgeSettings { min_pairs: 21, ..JudgeSettings::default() },
            JudgeSettings { max_pairs: 0, ..JudgeSettings::default() },
            JudgeSettings { beta: f64::NAN, ..JudgeSettings::default() },
            JudgeSettings { min_effect: 1.0, ..JudgeSettings::default() },
        ] {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
    }
}
