//! What a proposal cost, how long the parts of an experiment took, and when. Unknown is never zero.

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// As `2026-05-23 17:11:26Z`; the bare number where it is no date.
    pub fn to_text(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            Err(_) => self.0.to_string(),
        }
    }
}

/// What a model used. Each number is unknown unless the agent's tool reported it, or, for dollars, a price is known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens, without those read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Input tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// Output tokens spent on reasoning, where they are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// By which price the dollars were computed. Without it the agent told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What a model costs, in US dollars per million tokens: a copy of the settings' price, as it was when it was used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The model.
    pub model: String,
    /// The day on which the price was looked up, as `2026-11-01`.
    pub date: String,
    /// Input that no cache served.
    pub input: f64,
    /// Input that a cache served.
    pub cached: f64,
    /// Output.
    pub output: f64,
    /// Reasoning, where it is billed at another price than the rest of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<f64>,
}

impl Price {
    /// What these tokens cost, in US dollars; `None` where a number that is needed for it is unknown.
    pub fn cost(&self, usage: &Usage) -> Option<f64> {
        let (input, cached, output) = (usage.input?, usage.cached?, usage.output?);
        let (reasoning, rest) = match self.reasoning {
            // Reasoning is a part of the output.
            Some(price) => {
                let tokens = usage.reasoning?.min(output);
                (tokens as f64 * price, output - tokens)
            }
            None => (0.0, output),
        };
        let sum = input as f64 * self.input + cached as f64 * self.cached + rest as f64 * self.output;
        Some((sum + reasoning) / 1e6)
    }
}

impl Usage {
    /// Known to have used nothing: a proposal without a model.
    pub const FREE: Self = Self {
        input: Some(0),
        output: Some(0),
        cached: Some(0),
        reasoning: Some(0),
        usd: Some(0.0),
        price: None,
    };

    /// Input, cached and output tokens together, of which reasoning is a part; `None` where one of them is unknown.
    pub fn tokens(&self) -> Option<u64> {
        let mut parts = [self.input, self.cached, self.output].into_iter();
        parts.try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)))
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// How long the parts of an experiment took, in seconds of wall time. A part that did not happen is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Seconds {
    /// The proposer's edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propose: Option<f64>,
    /// The build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<f64>,
    /// First run and pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<f64>,
    /// The checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<f64>,
}

impl Seconds {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// The sum of the parts that happened.
    pub fn total(&self) -> f64 {
        [self.propose, self.build, self.measure, self.check].into_iter().flatten().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(reasoning: Option<f64>) -> Price {
        let (model, date) = ("m".to_owned(), "2026-11-01".to_owned());
        Price { model, date, input: 1.25, cached: 0.125, output: 10.0, reasoning }
    }

    fn used(reasoning: Option<u64>) -> Usage {
        Usage {
            input: Some(2_000_000),
            cached: Some(8_000_000),
            output: Some(100_000),
            reasoning,
            ..Usage::default()
        }
    }

    #[test]
    fn tokens_cost_what_the_price_says_and_reasoning_is_a_part_of_the_output() {
        assert_eq!(price(None).cost(&used(None)), Some(2.5 + 1.0 + 1.0));
        assert_eq!(price(Some(20.0)).cost(&used(Some(50_000))), Some(2.5 + 1.0 + 0.5 + 1.0));
        assert_eq!(price(Some(20.0)).cost(&used(Some(u64::MAX))), Some(2.5 + 1.0 + 2.0));
    }

    #[test]
    fn a_cost_is_unknown_where_a_number_that_it_needs_is() {
        assert_eq!(price(Some(20.0)).cost(&used(None)), None);
        assert_eq!(price(None).cost(&Usage { cached: None, ..used(None) }), None);
        assert_eq!(price(None).cost(&Usage { input: None, ..used(None) }), None);
    }

    #[test]
    fn a_row_without_a_price_says_what_the_agent_told() {
        let told: Usage = serde_json::from_str(r#"{"usd":0.5}"#).unwrap();
        assert_eq!((told.usd, told.price.is_none(), told.tokens()), (Some(0.5), true, None));
        let computed = Usage { usd: price(None).cost(&used(None)), price: Some(price(None)), ..used(None) };
        let json = serde_json::to_string(&computed).unwrap();
        assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), computed, "{json}");
    }
}
