//! What people are shown of the cost of a session.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use sample::{Room, config, every_kind, run};
use sprag_judge::Reason;
use sprag_judge::stop::parse;
use sprag_ledger::{
    Entry, Event, EventKind, Final, Ledger, Price, UnixMs, Usage,
    view::{run_view, status_view},
};

/// A session of three tries, of which one was kept and one came to no row.
fn billed(usages: [Usage; 3], gained: bool) -> (Room, Ledger) {
    let room = Room::new();
    let mut ledger = Ledger::create(&room.path("ledger.jsonl"), None).unwrap();
    ledger.append(config()).unwrap();
    ledger.append(run(1, Some(9.0), None, "Baseline")).unwrap();
    let [kept, discarded, idle] = usages;
    for (number, reason, usage) in [(2, Reason::Improved, kept), (3, Reason::NoGain, discarded)] {
        let mut row = run(number, Some(8.0), Some(reason), "a try");
        row.usage = usage;
        ledger.append(row).unwrap();
    }
    let mut event = Event::new(EventKind::NoEdit, "nothing was changed", UnixMs(0));
    event.usage = idle;
    ledger.append(event).unwrap();
    let sample = every_kind().into_iter().find_map(|entry| match entry {
        Entry::Final(result) => Some(*result),
        _ => None,
    });
    let result = sample.unwrap();
    ledger.append(Final { demonstrated: gained, ..result }).unwrap();
    (room, ledger)
}

fn told(usd: Option<f64>) -> Usage {
    Usage { input: Some(1000), cached: Some(0), output: Some(500), usd, ..Usage::default() }
}

#[test]
fn a_bill_says_what_was_paid_for_what() {
    let rules = ["at $25", "at 6k tokens", "after 50 experiments"].map(|rule| parse(rule).unwrap());
    let lines = |usages: [Usage; 3], gained: bool| {
        let (_room, ledger) = billed(usages, gained);
        let text = status_view(ledger.log(), &rules).to_text();
        text.lines()
            .filter(|l| l.contains("cost") || l.contains("budget") || l.contains("tokens"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(lines([told(Some(8.0)), told(Some(4.5)), told(Some(7.5))], true), @"
    37.5 s; 3000 tokens in; 1500 out; 1500 tokens a try, 4500 a keep
    cost: $20.00, $6.67 a try, $20.00 a keep, 60 % of it for what was not kept, $0.29 per percent gained
    budget `at $25`: ████████████████░░░░ 80 %
    budget `at 6k tokens`: ███████████████░░░░░ 75 %
    ");
    insta::assert_snapshot!(lines([told(Some(8.0)), told(None), told(Some(7.5))], true), @"
    37.5 s; 3000 tokens in; 1500 out; 1500 tokens a try, 4500 a keep
    cost: $15.50 or more: 1 of 3 tries told no cost; per percent gained: unknown
    budget `at $25`: ██████████████████░░ 94 %
    budget `at 6k tokens`: ███████████████░░░░░ 75 %
    ");
    insta::assert_snapshot!(lines([told(Some(8.0)), told(Some(1.0)), told(Some(1.0))], false), @"
    37.5 s; 3000 tokens in; 1500 out; 1500 tokens a try, 4500 a keep
    cost: $10.00, $3.33 a try, $10.00 a keep, 20 % of it for what was not kept
    budget `at $25`: ████████░░░░░░░░░░░░ 40 %
    budget `at 6k tokens`: ███████████████░░░░░ 75 %
    ");
    insta::assert_snapshot!(lines([told(None), told(None), told(None)], true), @"
    37.5 s; 3000 tokens in; 1500 out; 1500 tokens a try, 4500 a keep
    cost: unknown: 3 of 3 tries told no cost; per percent gained: unknown
    budget `at $25`: what is used is unknown
    budget `at 6k tokens`: ███████████████░░░░░ 75 %
    ");
    insta::assert_snapshot!(lines([Usage::FREE, Usage::FREE, Usage::FREE], true), @"
    cost: $0.00
    budget `at $25`: ░░░░░░░░░░░░░░░░░░░░ 0 %
    budget `at 6k tokens`: ░░░░░░░░░░░░░░░░░░░░ 0 %
    ");
}

#[test]
fn dollars_that_were_computed_are_told_apart_from_those_that_an_agent_told() {
    let price = Price {
        model: "gpt-5.2-codex\u{1b}[31m".to_owned(),
        date: "2026-11-01".to_owned(),
        input: 1.25,
        cached: 0.125,
        output: 10.0,
        reasoning: None,
    };
    let usd = price.cost(&told(None));
    assert_eq!(usd, Some(0.00625));
    let computed = Usage { price: Some(price), ..told(usd) };
    let (_room, ledger) = billed([computed, told(Some(0.5)), Usage::FREE], true);
    let view = status_view(ledger.log(), &[]);
    assert_eq!((view.bill.computed, view.bill.usd.total), (0.00625, Some(0.50625)));
    insta::assert_snapshot!(view.bill.money(), @r"cost: $0.51 ($0.0063 of it computed by the price of gpt-5.2-codex\u{1b}[31m of 2026-11-01), $0.17 a try, $0.51 a keep, 99 % of it for what was not kept, $0.0072 per percent gained");
    let shown = run_view(&ledger.log().session(), 2).unwrap().to_text();
    insta::assert_snapshot!(shown.lines().find(|line| line.contains("cost")).unwrap(), @r"  cost       $0.0063, 1000 in, 500 out, 0 cached; the dollars are computed: gpt-5.2-codex\u{1b}[31m of 2026-11-01, a million tokens at $1.25 in, $0.125 cached, $10 out");
}
