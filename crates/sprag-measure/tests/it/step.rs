//! Builds and checks.

use serde_json::json;
use sprag_judge::Reason;
use sprag_measure::build::{LayoutControl, build, checks};
use sprag_measure::{Interrupt, Role};

use crate::place::{Place, settings};

#[test]
fn a_build_without_a_command_is_done() {
    let place = Place::new();
    let step = place.with_side(Role::Candidate, |side| {
        build(&settings(json!({})), side, Some(1), None, &Interrupt::new()).unwrap()
    });
    assert_eq!((step.failure, step.layout, step.logs.len()), (None, LayoutControl::Off, 0));
}

#[test]
fn a_build_that_is_not_cargo_is_told_the_seed() {
    let place = Place::new();
    let settings = settings(json!({ "run": { "build": "echo $SPRAG_LAYOUT_SEED > seed" } }));
    let build = |layout| {
        place.with_side(Role::Candidate, |side| {
            build(&settings, side, layout, None, &Interrupt::new()).unwrap()
        })
    };
    assert_eq!(build(Some(77)).layout, LayoutControl::Told);
    assert_eq!(place.read(Role::Candidate, "seed"), "77\n");
    assert_eq!(build(None).layout, LayoutControl::Off);
    assert_eq!(place.read(Role::Candidate, "seed"), "\n");
}

#[test]
fn a_failed_build_and_failed_checks_are_findings_with_their_last_lines() {
    let place = Place::new();
    let settings = settings(json!({ "run": { "build": "echo compiling; echo 'error: no' >&2; exit 1" } }));
    place.with_side(Role::Candidate, |side| {
        let failed = build(&settings, side, None, None, &Interrupt::new()).unwrap().failure.unwrap();
        assert_eq!(failed.reason, Reason::Build);
        assert!(failed.detail.ends_with("exit code 1; its last lines:\nerror: no"), "{}", failed.detail);
        let failed = checks("echo 3 tests failed; false", &settings, side, None, &Interrupt::new())
            .unwrap()
            .failure
            .unwrap();
        assert_eq!(failed.reason, Reason::Checks);
        assert!(failed.detail.ends_with("exit code 1; its last lines:\n3 tests failed"), "{}", failed.detail);
        assert_eq!(checks("true", &settings, side, None, &Interrupt::new()).unwrap().failure, None);
    });
}

fn cargo_project(source: &str) -> Place {
    let place = Place::new();
    place.both(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    );
    place.both("src/main.rs", source);
    place
}

#[test]
fn cargo_relinks_with_the_seed_and_the_same_seed_gives_the_same_bytes() {
    let functions: String = (0..50)
        .map(|i| format!("#[inline(never)] fn f{i}(x: u64) -> u64 {{ std::hint::black_box(x * {i} + 1) }}\n"))
        .collect();
    let sum: String = (0..50).map(|i| format!("+ f{i}({i})")).collect();
    let place = cargo_project(&format!("{functions} fn main() {{ println!(\"{{}}\", 0 {sum}); }}"));
    let settings = settings(json!({ "run": { "build": "cargo build --release --offline" } }));
    let binary = |seed| {
        let step = place.with_side(Role::Candidate, |side| {
            build(&settings, side, seed, None, &Interrupt::new()).unwrap()
        });
        assert_eq!(step.failure, None);
        (step.layout, std::fs::read(place.dir(Role::Candidate).join("target/release/app")).unwrap())
    };
    let (layout, first) = binary(Some(1));
    if layout == LayoutControl::Off {
        return; // A linker that cannot shuffle: built as written, and said so.
    }
    assert_eq!(layout, LayoutControl::Shuffled);
    let (_, second) = binary(Some(2));
    assert!(first != second, "another seed gives another layout");
    assert!(first == binary(Some(1)).1, "the same seed gives the same");
}

#[test]
fn code_that_does_not_compile_fails_however_it_is_linked() {
    let place = cargo_project("fn main() { nonsense }");
    let settings = settings(json!({ "run": { "build": "cargo build --release --offline" } }));
    let step = place
        .with_side(Role::Candidate, |side| build(&settings, side, Some(1), None, &Interrupt::new()).unwrap());
    let failed = step.failure.unwrap();
    assert!(
        failed.reason == Reason::Build && failed.detail.contains("could not compile `app`"),
        "{}",
        failed.detail
    );
}
