//! What a session has cost, and what was got for it.

use serde::Serialize;
use sprag_judge::stop::{Budget, Progress, Resource, Spent, StopRule};

use super::count;
use crate::{Final, Price, Session};

/// The bill. What is unknown is `null`, and never 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BillView {
    /// Experiments, and tries that came to no row.
    pub tries: u64,
    /// US dollars.
    pub usd: AmountView,
    /// Input, cached and output tokens together.
    pub tokens: AmountView,
    /// How many of the known dollars were not told by the agent, but computed by a price of the settings.
    pub computed: f64,
    /// These prices.
    pub prices: Vec<Price>,
    /// Percent gained by the result, where it is demonstrated; `null` without such a result.
    pub percent: Option<f64>,
    /// US dollars for each percent gained; `null` where either is unknown.
    pub per_percent: Option<f64>,
    /// The stop rules that are limits, and how far they are used up.
    pub budgets: Vec<BudgetView>,
}

/// One thing that was used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AmountView {
    /// The sum; `null` where a part of it is unknown.
    pub total: Option<f64>,
    /// The sum of the known parts.
    pub known: f64,
    /// How many tries are unknown.
    pub unknown: u64,
    /// The mean over the tries that are known; `null` where none is.
    pub per_try: Option<f64>,
    /// The sum for each keep; `null` where it is unknown or nothing was kept.
    pub per_keep: Option<f64>,
    /// The share of the sum that went into what was not kept, as a fraction; `null` where the sum is unknown or 0.
    pub not_kept: Option<f64>,
}

/// A stop rule that is a limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetView {
    /// As the spec says it.
    pub rule: String,
    /// The limit.
    pub limit: f64,
    /// What of it counts as used up: a try that is unknown is reckoned as the dearest that is known. `null` where none is
    /// known.
    pub used: Option<f64>,
    /// The same as a fraction of the limit.
    pub share: Option<f64>,
}

/// The bill of a session, with the stop rules that are in force now.
pub fn bill_view(session: &Session<'_>, rules: &[StopRule]) -> BillView {
    let tries = session.tries();
    let keeps = tries.iter().filter(|(_, kept)| *kept).count();
    let sum = |of: fn(&crate::Usage) -> Option<f64>| {
        let (mut all, mut kept) = (Spent::default(), 0.0);
        for (usage, is_keep) in &tries {
            all.add(of(usage));
            kept += of(usage).filter(|_| *is_keep).unwrap_or(0.0);
        }
        (all, kept)
    };
    let (usd, usd_kept) = sum(|usage| usage.usd);
    let (tokens, tokens_kept) = sum(|usage| usage.tokens().map(|n| n as f64));
    let mut prices: Vec<Price> = Vec::new();
    let mut computed = 0.0;
    for (usage, _) in &tries {
        let Some(price) = &usage.price else { continue };
        computed += usage.usd.unwrap_or(0.0);
        if !prices.contains(price) {
            prices.push(price.clone());
        }
    }
    let percent = session.result().and_then(percent);
    let progress = Progress { usd, tokens, ..Progress::default() };
    BillView {
        tries: tries.len() as u64,
        usd: AmountView::of(&usd, usd_kept, keeps),
        tokens: AmountView::of(&tokens, tokens_kept, keeps),
        computed,
        prices,
        percent,
        per_percent: usd.total().zip(percent).map(|(usd, percent)| usd / percent),
        budgets: rules
            .iter()
            .filter_map(|rule| Some(BudgetView::of(rule, &rule.budget(&progress)?)))
            .collect(),
    }
}

/// By how many percent of the baseline the result is better; `None` where that is not demonstrated.
fn percent(result: &Final) -> Option<f64> {
    let ratio = match result.interval {
        // x is a log-ratio: positive is better, so the metric went by exp(−x) where lower is better.
        Some(interval) => (-interval.effect * result.direction.sign()).exp(),
        None => result.result / result.baseline,
    };
    let percent = 100.0 * (ratio - 1.0).abs();
    (result.demonstrated && percent.is_finite() && percent > 0.0).then_some(percent)
}

impl AmountView {
    fn of(spent: &Spent, kept: f64, keeps: usize) -> Self {
        let total = spent.total();
        Self {
            total,
            known: spent.known,
            unknown: u64::from(spent.unknown),
            per_try: (spent.tries > 0).then(|| spent.known / f64::from(spent.tries)),
            per_keep: total.filter(|_| keeps > 0).map(|total| total / keeps as f64),
            not_kept: total
                .filter(|total| *total > 0.0)
                .map(|total| ((total - kept) / total).clamp(0.0, 1.0)),
        }
    }
}

impl BudgetView {
    fn of(rule: &StopRule, budget: &Budget) -> Self {
        let known = !budget.spent.is_dark();
        Self {
            rule: rule.to_string(),
            limit: budget.limit,
            used: known.then(|| budget.spent.reckoned()),
            share: known.then(|| budget.share()),
        }
    }

    /// As `at $25  ████████░░░░  66 %`.
    fn to_text(&self) -> String {
        const CELLS: usize = 20;
        let Some(share) = self.share else {
            return format!("budget `{}`: what is used is unknown", self.rule);
        };
        let full = ((share * CELLS as f64) as usize).min(CELLS);
        let (full, rest) = ("█".repeat(full), "░".repeat(CELLS - full));
        format!("budget `{}`: {full}{rest} {:.0} %", self.rule, 100.0 * share)
    }
}

impl BillView {
    /// Whether tries were made, and none of them asked a model.
    pub fn is_free(&self) -> bool {
        self.usd.total == Some(0.0) && self.tokens.total.is_none_or(|tokens| tokens == 0.0)
    }

    /// The money in one line; empty before the first try.
    pub fn money(&self) -> String {
        let usd = |amount: f64| Resource::Money.spell(amount);
        if self.tries == 0 {
            return String::new();
        }
        let Some(total) = self.usd.total else { return self.unknown_money() };
        let mut parts = vec![format!("cost: {}{}", usd(total), self.by_which_prices())];
        if total > 0.0 {
            parts.extend(self.usd.per_try.map(|each| format!("{} a try", usd(each))));
            parts.extend(self.usd.per_keep.map(|each| format!("{} a keep", usd(each))));
            parts.extend(
                self.usd.not_kept.map(|share| format!("{:.0} % of it for what was not kept", 100.0 * share)),
            );
            parts.extend(self.per_percent.map(|each| format!("{} per percent gained", usd(each))));
        }
        parts.join(", ")
    }

    fn unknown_money(&self) -> String {
        let (unknown, tries) = (self.usd.unknown, self.tries);
        let s = if tries == 1 { "try" } else { "tries" };
        let known = match self.usd.known {
            0.0 => "unknown".to_owned(),
            known => format!("{} or more{}", Resource::Money.spell(known), self.by_which_prices()),
        };
        let gained = self.percent.map(|_| "; per percent gained: unknown").unwrap_or_default();
        format!("cost: {known}: {unknown} of {tries} {s} told no cost{gained}")
    }

    fn by_which_prices(&self) -> String {
        if self.prices.is_empty() {
            return String::new();
        }
        let told: Vec<String> = self
            .prices
            .iter()
            .map(|price| format!("{} of {}", super::clip(&price.model, 40), super::clip(&price.date, 10)))
            .collect();
        let part = if self.computed < self.usd.known {
            format!("{} of it ", Resource::Money.spell(self.computed))
        } else {
            String::new()
        };
        format!(" ({part}computed by the price of {})", told.join(", "))
    }

    /// The tokens for each try and each keep; empty where they are unknown or none.
    pub(super) fn tokens_each(&self) -> Option<String> {
        self.tokens.total?;
        let each = self.tokens.per_try.filter(|each| *each > 0.0)?;
        let keep = self.tokens.per_keep.map(|keep| format!(", {} a keep", count(keep))).unwrap_or_default();
        Some(format!("{} tokens a try{keep}", count(each)))
    }

    /// A bar for each budget.
    pub(super) fn bars(&self) -> Vec<String> {
        self.budgets.iter().map(BudgetView::to_text).collect()
    }
}
