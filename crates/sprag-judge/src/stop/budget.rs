//! What money and tokens have in common: a limit that no try should pass.

use super::Standing;

/// From this share of the limit on a person is warned.
const NEARLY: f64 = 0.8;
/// A limit that buys fewer tries than this is said as soon as it is known.
const FEW: f64 = 3.0;
/// Sums of decimal fractions miss whole numbers by less than this.
const ROUNDING: f64 = 1e-9;

/// What was used of one thing, try by try. A try of which nobody knows counts apart, and never as zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// The sum over the tries that are known.
    pub known: f64,
    /// How many are known.
    pub tries: u32,
    /// How many are not.
    pub unknown: u32,
    /// The dearest of those that are known; 0 where none is.
    pub dearest: f64,
}

impl Spent {
    /// Takes in one more try; `None`: unknown.
    pub fn add(&mut self, amount: Option<f64>) {
        match amount.filter(|amount| amount.is_finite() && *amount >= 0.0) {
            Some(amount) => {
                self.known += amount;
                self.tries += 1;
                self.dearest = self.dearest.max(amount);
            }
            None => self.unknown += 1,
        }
    }

    /// The sum, or `None` where any part of it is unknown.
    pub fn total(&self) -> Option<f64> {
        (self.unknown == 0).then_some(self.known)
    }

    /// What a budget counts: a try that is not known is reckoned as the dearest that is.
    pub fn reckoned(&self) -> f64 {
        self.known + f64::from(self.unknown) * self.dearest
    }

    /// Whether there are tries of which nothing is known, and none by which they could be reckoned.
    pub fn is_dark(&self) -> bool {
        self.unknown > 0 && self.dearest == 0.0
    }
}

/// A limit, and how much of it is used up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Of what.
    pub of: Resource,
    /// The most that may be used, in US dollars or tokens.
    pub limit: f64,
    /// What was used.
    pub spent: Spent,
}

/// What can be used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// US dollars.
    Money,
    /// Tokens of all kinds together.
    Tokens,
}

/// What a person should know of a budget before it ends the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// It does not buy three tries. The sentence says what one has cost.
    Few(String),
    /// Four fifths of it are used up. The sentence says how much.
    Nearly(String),
}

impl Budget {
    /// The share of the limit that is used up, as a fraction.
    pub fn share(&self) -> f64 {
        self.spent.reckoned() / self.limit
    }

    /// What is left, at least 0.
    pub fn left(&self) -> f64 {
        (self.limit - self.spent.reckoned()).max(0.0)
    }

    /// Stops where the limit is reached, and before a try that would pass it if it cost what the dearest one has.
    pub(super) fn standing(&self, rule: &str) -> Standing {
        if self.spent.is_dark() {
            return Standing::Unknown(format!(
                "`{rule}` cannot stop anything: no try told its {}",
                match self.of {
                    Resource::Money => "cost",
                    Resource::Tokens => "tokens",
                }
            ));
        }
        let reckoned = self.spent.reckoned();
        let slack = self.limit * ROUNDING;
        if reckoned + slack < self.limit && reckoned + self.spent.dearest <= self.limit + slack {
            return Standing::GoOn;
        }
        let next = self.spent.tries.saturating_add(self.spent.unknown).saturating_add(1);
        Standing::Stop(format!("before try {next}: {}{}", self.used(), self.and_a_try()))
    }

    /// What a person should know now, if anything.
    pub fn warning(&self) -> Option<Warning> {
        let Spent { tries, unknown, dearest, .. } = self.spent;
        let buys = (self.limit * (1.0 + ROUNDING) / dearest).floor();
        if dearest > 0.0 && buys < FEW && f64::from(tries + unknown) < FEW {
            let buys = ["no try", "1 try", "2 tries"][(buys as usize).min(2)];
            let (limit, one) = (self.of.spell_limit(self.limit), self.of.spell(dearest));
            return Some(Warning::Few(format!("{limit} buys {buys}: one has {} {one}", self.of.verb())));
        }
        (self.share() >= NEARLY).then(|| {
            Warning::Nearly(format!(
                "{:.0} % of the budget is used up: {}",
                100.0 * self.share(),
                self.used()
            ))
        })
    }

    /// As `$23.10 of $25 spent`.
    fn used(&self) -> String {
        let (spent, limit) = (self.of.spell(self.spent.reckoned()), self.of.spell_limit(self.limit));
        let verb = match self.of {
            Resource::Money => "spent",
            Resource::Tokens => "tokens used",
        };
        let reckoned = match self.spent.unknown {
            0 => String::new(),
            1 => " (1 try told nothing and is reckoned as the dearest)".to_owned(),
            n => format!(" ({n} tries told nothing and are reckoned as the dearest)"),
        };
        format!("{spent} of {limit} {verb}{reckoned}")
    }

    fn and_a_try(&self) -> String {
        if self.spent.reckoned() >= self.limit {
            return String::new();
        }
        format!(", and a try has {} up to {}", self.of.verb(), self.of.spell(self.spent.dearest))
    }
}

impl Resource {
    fn verb(self) -> &'static str {
        match self {
            Resource::Money => "cost",
            Resource::Tokens => "used",
        }
    }

    /// A limit, short and exact: `$25`, `3M`.
    fn spell_limit(self, amount: f64) -> String {
        match self {
            Resource::Money => format!("${amount}"),
            Resource::Tokens => super::tokens::spell(amount as u64),
        }
    }

    /// An amount that was used: `$2.40`, `1.2M`. Small amounts of money keep two digits that say something.
    pub fn spell(self, amount: f64) -> String {
        match self {
            Resource::Money if amount > 0.0 && amount < 0.095 => {
                let digits = (1 - amount.log10().floor() as i32).clamp(2, 8) as usize;
                format!("${amount:.digits$}")
            }
            Resource::Money => format!("${amount:.2}"),
            Resource::Tokens => match amount {
                n if n >= 999_500.0 => format!("{:.2}M", n / 1e6),
                n if n >= 9_999.5 => format!("{:.0}k", n / 1e3),
                n => format!("{n:.0}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(limit: f64, tries: &[Option<f64>]) -> Budget {
        let mut spent = Spent::default();
        tries.iter().for_each(|amount| spent.add(*amount));
        Budget { of: Resource::Money, limit, spent }
    }

    fn told(limit: f64, tries: &[Option<f64>]) -> String {
        match money(limit, tries).standing("at $1") {
            Standing::Stop(why) | Standing::Unknown(why) => why,
            Standing::GoOn => "go on".to_owned(),
        }
    }

    #[test]
    fn it_stops_before_the_try_that_would_pass_it() {
        insta::assert_snapshot!(told(25.0, &[Some(2.4), Some(20.7)]), @"before try 3: $23.10 of $25 spent, and a try has cost up to $20.70");
        insta::assert_snapshot!(told(1.0, &[Some(0.25), Some(0.5)]), @"before try 3: $0.75 of $1 spent, and a try has cost up to $0.50");
        insta::assert_snapshot!(told(1.0, &[Some(0.25), Some(0.5), Some(0.5)]), @"before try 4: $1.25 of $1 spent");
        insta::assert_snapshot!(told(1.0, &[Some(0.25), Some(0.25)]), @"go on");
        assert_eq!(told(1.0, &[]), "go on", "nothing is known before the first try");
        assert_eq!(told(1.0, &[Some(0.1); 9]), "go on", "nine tenths and one more are one");
        assert_eq!(told(1.0, &[Some(0.0); 50]), "go on", "what costs nothing passes no limit");
    }

    #[test]
    fn a_try_that_told_nothing_is_reckoned_as_the_dearest_that_is_known() {
        insta::assert_snapshot!(told(1.0, &[Some(0.3), None, Some(0.2)]), @"before try 4: $0.80 of $1 spent (1 try told nothing and is reckoned as the dearest), and a try has cost up to $0.30");
        insta::assert_snapshot!(told(1.0, &[None, None]), @"`at $1` cannot stop anything: no try told its cost");
        insta::assert_snapshot!(told(1.0, &[Some(0.0), None]), @"`at $1` cannot stop anything: no try told its cost");
        assert_eq!(money(1.0, &[Some(0.3), None]).spent.total(), None, "a sum stays unknown");
    }

    #[test]
    fn a_budget_that_does_not_buy_three_tries_and_one_that_is_nearly_used_up_are_said() {
        let warned = |limit, tries: &[Option<f64>]| match money(limit, tries).warning() {
            Some(Warning::Few(text) | Warning::Nearly(text)) => text,
            None => "nothing".to_owned(),
        };
        insta::assert_snapshot!(warned(1.0, &[Some(0.4)]), @"$1 buys 2 tries: one has cost $0.40");
        insta::assert_snapshot!(warned(1.0, &[Some(2.0)]), @"$1 buys no try: one has cost $2.00");
        insta::assert_snapshot!(warned(1.0, &[Some(0.2); 4]), @"80 % of the budget is used up: $0.80 of $1 spent");
        assert_eq!(warned(1.0, &[Some(0.1)]), "nothing");
        assert_eq!(warned(1.2, &[Some(0.4)]), "nothing", "it buys three");
        assert_eq!(warned(1.0, &[]), "nothing");
    }

    proptest! {
        #[test]
        fn no_try_passes_the_limit_unless_it_is_dearer_than_all_before_it(
            limit in 0.01..100.0f64,
            prices in prop::collection::vec(0.0..10.0f64, 1..60),
        ) {
            let mut budget = money(limit, &[]);
            for price in prices {
                if !matches!(budget.standing("at $1"), Standing::GoOn) {
                    break;
                }
                let is_dearer = price > budget.spent.dearest;
                budget.spent.add(Some(price));
                prop_assert!(is_dearer || budget.spent.known <= limit * (1.0 + 1e-8));
            }
        }

        #[test]
        fn unknown_tries_never_make_a_budget_last_longer(
            limit in 0.01..100.0f64,
            tries in prop::collection::vec(prop::option::of(0.0..10.0f64), 1..60),
        ) {
            let known: Vec<_> = tries.iter().copied().filter(Option::is_some).collect();
            let stops = |tries: &[Option<f64>]| matches!(money(limit, tries).standing(""), Standing::Stop(_));
            prop_assert!(!stops(&known) || stops(&tries));
        }
    }
}
