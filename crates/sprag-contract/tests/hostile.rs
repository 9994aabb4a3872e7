//! Any text is answered, none with a panic, and long ones soon.

use proptest::prelude::*;
use sprag_contract::{Source, Surroundings, compile, report};

fn answer(text: &str) -> String {
    let env = Surroundings { paths: Some(vec!["src/a.rs".to_owned()]), ..Surroundings::default() };
    report(&compile(&Source::new("spec.md", text), None, &env))
}

/// Pieces of specs, so that random texts get past the first heading.
fn fragment() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "## Metrics\n",
        "## Files in Scope\n",
        "## Constraints\n",
        "## Stop\n",
        "## Phase 2\n",
        "## Off Limits\n",
        "- **Primary**: ",
        "- Secondary: ",
        "p95_ms (ms, lower is better)",
        "a_b, ",
        "`",
        "**",
        "*",
        "[x](",
        "<!--",
        "-->",
        "```\n",
        "- ",
        "1. ",
        " == 7",
        " within 5%",
        " (hard)",
        " — ",
        "é\u{301}",
        "goldens exact",
        "if ",
        "phase 1 is ",
        "src/**",
        "../",
        "[",
        "{",
        "\\",
        "\r\n",
        "\t",
        "|",
        "---\n",
        "===\n",
        "after 5 ",
        "discards",
        "0.1.2",
        "1,000",
        "%",
        "don't ",
        "edit ",
        "≤",
        "<=",
        "\u{feff}",
        "-",
        "+",
        "(",
        ")",
        "~~~",
        "$",
        "'",
        "’",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>(), 1 => "\\PC{0,12}"]
}

proptest! {
    #[test]
    fn no_text_makes_the_compiler_panic(text in any::<String>()) {
        answer(&text);
    }

    #[test]
    fn no_mixture_of_fragments_makes_the_compiler_panic(parts in prop::collection::vec(fragment(), 0..60)) {
        answer(&parts.concat());
    }

    #[test]
    fn no_settings_make_the_reader_panic(text in "[\\[\\]a-z=\"'{}., 0-9\n#-]{0,200}") {
        let settings = Source::new("sprag.toml", text);
        compile(&Source::new("spec.md", ""), Some(&settings), &Surroundings::default());
    }

    #[test]
    fn every_finding_points_into_its_text(parts in prop::collection::vec(fragment(), 0..60)) {
        let text = parts.concat();
        let compiled = compile(&Source::new("spec.md", text.clone()), None, &Surroundings::default());
        for finding in &compiled.diagnostics {
            if let Some(span) = &finding.span {
                prop_assert!(text.get(span.clone()).is_some(), "{finding:?}");
            }
        }
    }
}

#[test]
fn ten_megabytes_are_refused_with_a_reason() {
    let text = "## Constraints\n".to_owned() + &"- embeder_calls == 7 and `x` **y**\n".repeat(300_000);
    let told = answer(&text);
    assert!(told.contains("256 KiB is the limit"), "{}", &told[..200]);
}

#[test]
fn a_great_deal_of_any_one_thing_is_answered() {
    for piece in [
        "- embeder_calls withn 5%\n",
        "`",
        "*",
        "**a",
        "[a](",
        "(",
        "- a, ",
        "# x\n",
        "<!--\n",
        "a_b ",
        "1. ",
        "\\",
        "x.",
        "- no new ",
    ] {
        for head in
            ["", "## Metrics\n- Secondary: ", "## Constraints\n- ", "## Files in Scope\n- ", "## Stop\n- "]
        {
            let text = head.to_owned() + &piece.repeat((32 << 10) / piece.len());
            answer(&text);
        }
    }
}
