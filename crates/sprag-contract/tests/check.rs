//! What `sprag check` says about whole specs: each fixture with the report that a person reads.

use sprag_contract::{Compiled, Source, Surroundings, compile, report};

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| s.to_string()).collect()
}

fn replay_repository() -> Surroundings {
    Surroundings {
        measure: Some("autoresearch.sh".to_owned()),
        checks: Some("autoresearch.checks.sh".to_owned()),
        paths: Some(strings(&[
            "core/scoring.py",
            "core/expressions.py",
            "core/__init__.py",
            "benchmark/replay/cases.json",
            "benchmark/replay/fixtures/a.json",
            "benchmark/replay/goldens/a.json",
        ])),
        locked: strings(&["autoresearch.md", "autoresearch.sh", "autoresearch.checks.sh"]),
        ..Surroundings::default()
    }
}

fn check(name: &str, text: &str, settings: Option<&str>, env: &Surroundings) -> Compiled {
    let settings = settings.map(|text| Source::new(".auto/sprag.toml", text));
    compile(&Source::new(name, text), settings.as_ref(), env)
}

const CASES: &str = r#"
[measure]
driver = "cases"
[[service]]
name = "upstreams"
command = "python up.py"
counters = "http://127.0.0.1:{port}/counts"
[cases]
file = "benchmark/replay/cases.json"
goldens = "benchmark/replay/goldens"
serve = { stdio = "python -m worker" }
"#;

#[test]
fn a_spec_of_sections_alone_with_a_script() {
    let text = include_str!("fixtures/sections_only.md");
    let compiled = check("autoresearch.md", text, None, &replay_repository());
    insta::assert_snapshot!(report(&compiled), @"");
}

#[test]
fn the_same_spec_with_cases_is_compared_by_sprag() {
    let text = include_str!("fixtures/sections_only.md");
    let env = Surroundings { scored_cases: Some(7), seconds: Some(0.4), ..replay_repository() };
    let compiled = check("autoresearch.md", text, Some(CASES), &env);
    insta::assert_snapshot!(report(&compiled), @"");
}

#[test]
fn a_filled_in_template_with_phases() {
    let env = Surroundings {
        measure: Some(".auto/measure.sh".to_owned()),
        checks: Some(".auto/checks.sh".to_owned()),
        paths: Some(strings(&["src/lexer.rs", "src/tables/a.rs", "src/simd/x86.rs", "benches/b.rs", "tests/t.rs", "Cargo.toml"])),
        locked: strings(&[".auto"]),
        seconds: Some(2.0),
        ..Surroundings::default()
    };
    let compiled = check(".auto/prompt.md", include_str!("fixtures/template_shape.md"), None, &env);
    insta::assert_snapshot!(report(&compiled), @"");
    let contract = compiled.contract.unwrap();
    insta::assert_snapshot!(format!("{:#?}", contract.in_phase(2)), @"");
    assert_eq!(contract.name, "a quicker tokenizer");
    assert_ne!(contract.hash(1), contract.hash(2));
}

#[test]
fn every_contradiction_is_named_with_its_place() {
    let env = Surroundings { locked: strings(&[".auto"]), ..replay_repository() };
    let compiled = check(".auto/prompt.md", include_str!("fixtures/contradictory.md"), None, &env);
    assert!(compiled.contract.is_none());
    insta::assert_snapshot!(report(&compiled), @"");
}

#[test]
fn slips_are_errors_with_what_was_meant() {
    let compiled = check(".auto/prompt.md", include_str!("fixtures/slips.md"), None, &replay_repository());
    assert!(compiled.contract.is_none());
    insta::assert_snapshot!(report(&compiled), @"");
}

#[test]
fn a_wish_is_answered_with_what_a_problem_needs() {
    let compiled = check(".auto/prompt.md", include_str!("fixtures/wish.md"), None, &Surroundings::default());
    assert!(compiled.contract.is_none() && !compiled.is_ready());
    insta::assert_snapshot!(report(&compiled), @"");
}

#[test]
fn an_empty_spec_is_no_contract() {
    let compiled = check(".auto/prompt.md", "", None, &Surroundings::default());
    assert!(compiled.contract.is_none() && !compiled.is_ready());
    assert_eq!(compiled.standing, []);
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.readiness.missing().count(), 5);
}
