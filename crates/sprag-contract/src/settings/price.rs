//! `[prices]`: what a model costs, for agents that tell tokens and no dollars.

use std::fmt;

use jiff::civil::Date;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// `[prices."model"]`: US dollars per million tokens. No verdict depends on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The day on which it was looked up.
    #[serde(deserialize_with = "day")]
    pub date: Date,
    /// Input that no cache served.
    pub input: f64,
    /// Input that a cache served; without it as much as other input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<f64>,
    /// Output.
    pub output: f64,
    /// Reasoning, where it is billed at another price than the rest of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<f64>,
}

impl Price {
    /// Each amount, by its key.
    pub fn amounts(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("input", Some(self.input)),
            ("cached", self.cached),
            ("output", Some(self.output)),
            ("reasoning", self.reasoning),
        ]
    }
}

/// A day as a text, or as TOML writes dates: without quotes.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    struct Day;

    impl<'de> Visitor<'de> for Day {
        type Value = Date;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a day such as \"2026-11-01\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Date, E> {
            // Not everything that begins with a day is one: a time after it would be dropped.
            let is_day = text.len() == "2026-11-01".len();
            let day = text.parse().ok().filter(|_| is_day);
            day.ok_or_else(|| E::custom(format!("`{text}` is no day: write one such as \"2026-11-01\"")))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Date, A::Error> {
            let written = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
            self.visit_str(&written.to_string())
        }
    }

    deserializer.deserialize_any(Day)
}
