//! What is wrong in `[prices]`.

use std::collections::BTreeMap;

use super::Findings;
use crate::{diagnostic::Severity, settings::Price};

/// A million tokens for more dollars than this is a slip of the unit.
const DEAREST: f64 = 100_000.0;

impl Findings {
    pub(super) fn prices(&mut self, prices: &BTreeMap<String, Price>) {
        for (model, price) in prices {
            for (key, amount) in price.amounts() {
                if amount.is_some_and(|amount| !(0.0..=DEAREST).contains(&amount)) {
                    let message = format!("`{key}` of `{model}` is no price");
                    let help = "write US dollars per million tokens, such as 1.25";
                    self.add(Severity::Error, &["prices", model, key], message, help);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use crate::settings::{Price, Settings};

    #[test]
    fn a_price_is_read_with_its_day_written_either_way() {
        for day in ["'2026-11-01'", "2026-11-01"] {
            let text = format!("[prices.'gpt-5.2-codex']\ndate = {day}\ninput = 1.25\noutput = 10\n");
            let (settings, found) = Settings::parse(&crate::Source::new("sprag.toml", text)).unwrap();
            assert_eq!(found, []);
            let date = jiff::civil::date(2026, 11, 1);
            let expected = Price { date, input: 1.25, cached: None, output: 10.0, reasoning: None };
            assert_eq!(settings.prices["gpt-5.2-codex"], expected);
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        insta::assert_snapshot!(told("[prices.m]\ninput = 1\noutput = 2\n"), @"1:1 missing field `date` | add `date = …`");
        insta::assert_snapshot!(told("[prices.m]\ndate = 'May'\ninput = 1\noutput = 2\n"), @r#"2:8 `May` is no day: write one such as "2026-11-01" | -"#);
        insta::assert_snapshot!(told("[prices.m]\ndate = 2026-11-01T10:00:00Z\ninput = 1\noutput = 2\n"), @r#"2:8 `2026-11-01T10:00:00Z` is no day: write one such as "2026-11-01" | -"#);
        insta::assert_snapshot!(told("[prices.m]\ndate = '2026-11-01'\ninput = -1\noutput = nan\n"), @r"
        3:9 `input` of `m` is no price | write US dollars per million tokens, such as 1.25
        4:10 `output` of `m` is no price | write US dollars per million tokens, such as 1.25
        ");
        insta::assert_snapshot!(told("[prices.m]\ndate = '2026-11-01'\ninput = 1\noutput = 2\ncache = 1\n"), @"5:1 unknown key `cache` | did you mean `cached`?");
    }
}
