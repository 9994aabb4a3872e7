//! Stop rules: when a session has done enough.
//!
//! # Adding a rule
//! One file and one line. The file, `src/stop/NAME.rs`, holds a serializable struct that implements [`Rule`]: how its
//! sentence reads, when it fires and what a person is told. The line stands in the `registry!` below and makes the
//! module, the variant of [`StopRule`] and its place in [`parse`]. Sentences are tried in the order of the registry,
//! so a rule must refuse whatever it does not understand to the last word. The variant's name is the rule's name in
//! ledgers (`kind`, in snake case): once released it never changes.
//!
//! rustfmt does not look for modules inside a macro: format the new file with `rustfmt --edition 2024 FILE`.

mod budget;
mod sentence;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Metrics;
pub use budget::{Budget, Resource, Spent, Warning};
pub use sentence::Sentence;

macro_rules! registry {
    ($($module:ident :: $rule:ident),* $(,)?) => {
        $(
            mod $module;
            pub use $module::$rule;
        )*

        /// One stop rule. Displayed as its canonical sentence, which [`parse`] reads back.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum StopRule {
            $(
                #[doc = concat!("See [`", stringify!($rule), "`].")]
                $rule($rule),
            )*
        }

        impl StopRule {
            fn rule(&self) -> &dyn Rule {
                match self { $(StopRule::$rule(rule) => rule,)* }
            }
        }

        $(
            impl From<$rule> for StopRule {
                fn from(rule: $rule) -> Self {
                    StopRule::$rule(rule)
                }
            }
        )*

        /// Reads one sentence of the spec's Stop section, such as `after 50 experiments`. `None` where no rule
        /// understands all of it.
        pub fn parse(sentence: &str) -> Option<StopRule> {
            let sentence = Sentence::new(sentence);
            None$(.or_else(|| $rule::parse(&sentence).map(StopRule::$rule)))*
        }

        #[cfg(test)]
        fn examples() -> Vec<&'static str> {
            vec![$($rule::example()),*]
        }
    };
}

registry! {
    discards::Discards,
    experiments::Experiments,
    elapsed::Elapsed,
    money::Money,
    tokens::Tokens,
    target::Target,
    plateau::Plateau,
}

/// What a kind of stop rule must say about itself.
pub trait Rule: fmt::Display {
    /// A canonical sentence, for the manual and for tests.
    fn example() -> &'static str
    where
        Self: Sized;

    /// The rule that the whole sentence means, or `None`.
    fn parse(sentence: &Sentence) -> Option<Self>
    where
        Self: Sized;

    /// Where the session stands with it.
    fn check(&self, progress: &Progress) -> Standing;

    /// The limit that no try should pass, for a rule that is one.
    fn budget(&self, _progress: &Progress) -> Option<Budget> {
        None
    }
}

/// What a session has used and reached so far, over all its resumes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Experiments judged: rows in the ledger of kind experiment.
    pub experiments: u32,
    /// The experiments since the last keep; whatever is not a keep counts.
    pub consecutive_discards: u32,
    /// Working time in seconds.
    pub seconds: f64,
    /// Money spent in US dollars, over experiments and tries that came to no row.
    pub usd: Spent,
    /// Tokens used: input, cached and output together.
    pub tokens: Spent,
    /// The incumbent's numbers by metric, the primary among them.
    pub incumbent: Metrics,
    /// By experiment, oldest first: the log-ratio gained, 0 where it was not kept, or `None` where it is unknown.
    pub gains: Vec<Option<f64>>,
}

/// Where a session stands with a stop rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not yet.
    GoOn,
    /// It fires; the sentence is for a person.
    Stop(String),
    /// It cannot fire because a number is unknown, and unknown is not zero. The sentence says which number.
    Unknown(String),
}

impl StopRule {
    /// Where the session stands with this rule.
    pub fn check(&self, progress: &Progress) -> Standing {
        self.rule().check(progress)
    }

    /// The limit that no try should pass, where this rule is one.
    pub fn budget(&self, progress: &Progress) -> Option<Budget> {
        self.rule().budget(progress)
    }
}

impl fmt::Display for StopRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule().fmt(f)
    }
}

/// The message of the first rule that fires, in the order of the spec.
pub fn first_to_fire(rules: &[StopRule], progress: &Progress) -> Option<String> {
    rules.iter().find_map(|rule| match rule.check(progress) {
        Standing::Stop(message) => Some(message),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_canonical_sentence_reads_back_as_itself() {
        for example in examples() {
            let rule = parse(example).unwrap_or_else(|| panic!("{example} is not understood"));
            assert_eq!(rule.to_string(), example);
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<StopRule>(&json).unwrap(), rule, "{json}");
        }
    }

    #[test]
    fn a_rule_is_tagged_by_its_kind_in_json() {
        insta::assert_snapshot!(
            serde_json::to_string(&parse("after 50 experiments").unwrap()).unwrap(),
            @r#"{"kind":"experiments","count":50}"#
        );
    }

    #[test]
    fn case_full_stops_backticks_and_a_leading_stop_do_not_matter() {
        let rule = parse("after 5 consecutive discards");
        for same in ["Stop after 5 discards.", "  `after 5  consecutive discards` ", "AFTER 5 DISCARDS"] {
            assert_eq!(parse(same), rule, "{same}");
        }
    }

    #[test]
    fn sentences_with_more_words_than_a_rule_knows_are_not_understood() {
        for text in [
            "",
            "stop",
            "after",
            "after lunch",
            "after 5 discards in a different branch",
            "after 50 experiments or so",
            "after 0 experiments",
            "after -3 discards",
            "at $",
            "at $nan",
            "at $0",
            "when p95_ms",
            "when p95_ms <= fast",
            "after 99999999999999999999 experiments",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_rule_that_fires_is_reported_and_unknown_numbers_never_fire() {
        let rules = ["at $25", "after 3 experiments", "after 2 experiments"].map(|s| parse(s).unwrap());
        let usd = Spent { unknown: 3, ..Spent::default() };
        let progress = Progress { experiments: 3, usd, ..Progress::default() };
        assert_eq!(first_to_fire(&rules, &progress).unwrap(), "3 experiments done: the limit is 3");
        assert_eq!(first_to_fire(&rules[..1], &progress), None);
        assert!(matches!(rules[0].check(&progress), Standing::Unknown(_)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_reads_it_prints_readable(text in "(stop )?(after|at|when|the| )*[ -~µ≤]{0,40}") {
            if let Some(rule) = parse(&text) {
                proptest::prop_assert_eq!(parse(&rule.to_string()), Some(rule));
            }
        }
    }
}
