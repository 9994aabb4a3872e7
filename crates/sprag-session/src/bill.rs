//! What tries cost: dollars for what an agent told in tokens alone, and what is said of a limit before it ends the session.

use std::collections::BTreeSet;

use sprag_agent::{Note, Proposer, Tells};
use sprag_contract::Contract;
use sprag_judge::stop::{Budget, Resource, Standing, StopRule, Warning};
use sprag_ledger::{Price, Usage, view::bill_view};

use crate::session::{Session, now};

/// A price that was looked up longer ago than this, in days, is said to be old.
const OLD: i64 = 180;

impl Session<'_> {
    /// What a try used, as its row says it. Where the agent told tokens and no dollars, they are computed by the price
    /// of its model.
    pub(crate) fn usage_of(&self, note: &Note) -> Usage {
        usage_of(&self.contract, note)
    }

    /// The US dollars that are left of the smallest budget.
    pub(crate) fn usd_left(&self) -> Option<f64> {
        let money = self.budgets().map(|(_, budget)| budget).filter(|budget| budget.of == Resource::Money);
        money.map(|budget| budget.left()).min_by(f64::total_cmp)
    }

    fn budgets(&self) -> impl Iterator<Item = (&StopRule, Budget)> {
        let progress = &self.state.progress;
        self.contract.stop.iter().filter_map(|rule| Some((rule, rule.budget(progress)?)))
    }

    /// Says what a person should know of the stop rules before one fires: that one cannot, that a budget is small or
    /// nearly used up, that a price is old. Each once; `said` holds what was.
    pub(crate) fn warn_of_limits(&mut self, proposer: &dyn Proposer, said: &mut BTreeSet<String>) {
        let mut found: Vec<(String, String)> = old_prices(&self.contract, today());
        for (rule, budget) in self.budgets() {
            if budget.spent.dearest == 0.0
                && let Some(why) = proposer.tells().and_then(|tells| self.deafness(budget.of, tells))
            {
                let who = if proposer.agents() > 1 { "one of the agents" } else { proposer.name() };
                let text = format!("`{rule}` cannot stop this session: {who} {why}");
                found.push((format!("deaf {rule}"), format!("{text}; {}", self.other_rules())));
            }
            let ends = matches!(rule.check(&self.state.progress), Standing::Stop(_));
            match budget.warning() {
                Some(Warning::Few(text)) => found.push((format!("few {rule}"), text)),
                Some(Warning::Nearly(text)) if !ends => found.push((format!("nearly {rule}"), text)),
                _ => {}
            }
        }
        for rule in &self.contract.stop {
            if let Standing::Unknown(why) = rule.check(&self.state.progress) {
                found.push((format!("deaf {rule}"), why));
            }
        }
        for (what, text) in found {
            if said.insert(what) {
                self.notice(&text);
            }
        }
    }

    /// Why a budget will count nothing, where that is known before the first try.
    fn deafness(&self, of: Resource, tells: Tells) -> Option<String> {
        let settings = &self.contract.settings;
        match of {
            Resource::Tokens if !tells.tokens => Some("does not tell all of its tokens".to_owned()),
            Resource::Money if !tells.usd => match &settings.agent.model {
                Some(model) if settings.prices.contains_key(model) && tells.tokens => None,
                Some(model) => Some(format!("tells no dollars, and `[prices]` has no price for `{model}`")),
                None => Some(
                    "tells no dollars, and without `model` under `[agent]` no price of `[prices]` is its own"
                        .to_owned(),
                ),
            },
            _ => None,
        }
    }

    fn other_rules(&self) -> String {
        let others = self.contract.stop.iter().filter(|rule| rule.budget(&self.state.progress).is_none());
        let others: Vec<String> = others.map(|rule| format!("`{rule}`")).collect();
        match others.len() {
            0 => "and there is no other stop rule: it goes on until `sprag stop`".to_owned(),
            _ => format!("{} still can", others.join(", ")),
        }
    }

    /// Says what the session has cost, unless nobody was asked for anything.
    pub(crate) fn tell_bill(&mut self) {
        let bill = bill_view(&self.ledger.log().session(), &self.contract.stop);
        if !bill.is_free() {
            self.notice(&bill.money());
        }
    }
}

fn usage_of(contract: &Contract, note: &Note) -> Usage {
    let sprag_agent::Usage { input, cached, output, reasoning, usd } = note.usage;
    let told = Usage { input, output, cached, reasoning, usd, price: None };
    if usd.is_some() {
        return told;
    }
    // The person's own word comes first: what an agent says of itself is data.
    let names = [contract.settings.agent.model.as_ref(), note.model.as_ref()];
    let prices = &contract.settings.prices;
    let Some((model, price)) = names.into_iter().flatten().find_map(|name| prices.get_key_value(name)) else {
        return told;
    };
    let price = Price {
        model: model.clone(),
        date: price.date.to_string(),
        input: price.input,
        cached: price.cached.unwrap_or(price.input),
        output: price.output,
        reasoning: price.reasoning,
    };
    match price.cost(&told) {
        Some(usd) => Usage { usd: Some(usd), price: Some(price), ..told },
        None => told,
    }
}

/// Prices that may have changed since they were looked up, with what is said of each.
fn old_prices(contract: &Contract, today: Option<jiff::civil::Date>) -> Vec<(String, String)> {
    let age = |date: jiff::civil::Date| Some(i64::from(date.until(today?).ok()?.get_days()));
    let old = contract.settings.prices.iter().filter_map(|(model, price)| {
        let days = age(price.date).filter(|days| *days > OLD)?;
        let text = format!("the price of `{model}` in `[prices]` is {days} days old, of {}", price.date);
        Some((format!("old {model}"), text))
    });
    old.collect()
}

/// The day of today, in UTC.
fn today() -> Option<jiff::civil::Date> {
    let at = jiff::Timestamp::from_millisecond(now().0).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(at).date())
}

#[cfg(test)]
mod tests {
    use sprag_contract::{Source, Surroundings, compile};

    use super::*;

    fn contract(settings: &str) -> Contract {
        let spec = "# Autoresearch: less\n\n## Objective\nLess.\n\n## Metrics\n- **Primary**: ms (ms, lower is better)\n\n## How to Run\n`./m.sh`\n\n## Files in Scope\n- `src/`\n";
        let settings = Source::new("sprag.toml", settings.to_owned());
        let compiled =
            compile(&Source::new("prompt.md", spec.to_owned()), Some(&settings), &Surroundings::default());
        compiled.contract.unwrap()
    }

    const PRICES: &str = "[prices.dear]\ndate = '2026-11-01'\ninput = 10\noutput = 100\n[prices.cheap]\ndate = '2026-05-01'\ninput = 1\ncached = 0.1\noutput = 10\n";

    fn note(model: Option<&str>, usd: Option<f64>) -> Note {
        let usage = sprag_agent::Usage {
            input: Some(100_000),
            cached: Some(900_000),
            output: Some(10_000),
            reasoning: None,
            usd,
        };
        Note { usage, model: model.map(str::to_owned), ..Note::default() }
    }

    #[test]
    fn dollars_are_computed_by_the_price_of_the_model_where_the_agent_told_none() {
        let contract = contract(PRICES);
        let usage = usage_of(&contract, &note(Some("cheap"), None));
        assert!(usage.usd.is_some_and(|usd| (usd - 0.29).abs() < 1e-12), "{usage:?}");
        let price = usage.price.unwrap();
        assert_eq!((price.model.as_str(), price.date.as_str()), ("cheap", "2026-05-01"));
        let told = usage_of(&contract, &note(Some("cheap"), Some(0.5)));
        assert_eq!((told.usd, told.price), (Some(0.5), None), "what the agent tells comes first");
        let other = usage_of(&contract, &note(Some("other"), None));
        assert_eq!((other.usd, other.price), (None, None));
        assert_eq!(usage_of(&contract, &note(None, None)).usd, None);
    }

    #[test]
    fn input_from_a_cache_costs_as_much_as_other_where_no_price_says_less() {
        let usage = usage_of(&contract(PRICES), &note(Some("dear"), None));
        assert!(usage.usd.is_some_and(|usd| (usd - 11.0).abs() < 1e-12), "{usage:?}");
    }

    #[test]
    fn the_model_of_the_settings_comes_before_what_an_agent_says_of_itself() {
        let contract = contract(&format!("[agent]\nmodel = 'dear'\n{PRICES}"));
        let usage = usage_of(&contract, &note(Some("cheap"), None));
        assert_eq!(usage.price.unwrap().model, "dear");
    }

    #[test]
    fn a_price_of_more_than_half_a_year_ago_is_old() {
        let contract = contract(PRICES);
        let told = |year, month, day| -> Vec<String> {
            let found = old_prices(&contract, Some(jiff::civil::date(year, month, day)));
            found.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(told(2026, 10, 1), [""; 0]);
        assert_eq!(told(2026, 11, 24), ["the price of `cheap` in `[prices]` is 207 days old, of 2026-05-01"]);
        assert_eq!(told(2027, 11, 24).len(), 2);
    }

    #[test]
    fn no_verdict_depends_on_a_price() {
        assert_eq!(contract("").hash(1), contract(PRICES).hash(1));
    }
}
