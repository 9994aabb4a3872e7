//! What `integrations/` teaches an agent stays true: the commands and flags that it names, and the spec that it shows.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sprag_contract::{Enforcement, Source, Surroundings, compile};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations")
}

fn skill() -> String {
    fs::read_to_string(folder().join("skill/SKILL.md")).unwrap()
}

/// Each command line of Sprag's in a page, in its words: from inline code, and from blocks for a shell.
fn command_lines(page: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut fence = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), fence) {
            (Some(kind), None) => fence = Some(kind),
            (Some(_), Some(_)) => fence = None,
            (None, Some("sh")) => found.push(line.split('#').next().unwrap_or_default()),
            (None, Some(_)) => {}
            (None, None) => found.extend(line.split('`').skip(1).step_by(2)),
        }
    }
    let words = found.into_iter().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.len() > 1 && words[0] == "sprag").collect()
}

/// What `sprag COMMAND --help` says; `None` where there is no such command.
fn help(command: &str) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_sprag")).args([command, "--help"]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_command_and_flag_that_an_agent_is_taught_is_there() {
    let pages = [skill(), fs::read_to_string(folder().join("pi/README.md")).unwrap()];
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    let lines: Vec<Vec<&str>> = pages.iter().flat_map(|page| command_lines(page)).collect();
    assert!(lines.len() >= 15, "only {} command lines were found", lines.len());
    for words in lines {
        let command = words[1];
        let help = known
            .entry(command)
            .or_insert_with(|| help(command).unwrap_or_else(|| panic!("there is no `sprag {command}`")));
        for flag in words.iter().filter(|word| word.starts_with('-')) {
            assert!(help.contains(flag), "`sprag {command}` has no {flag}");
        }
    }
}

#[test]
fn every_command_and_flag_of_the_extension_is_there() {
    let code = fs::read_to_string(folder().join("pi/index.ts")).unwrap();
    let calls: Vec<&str> = code
        .split("ctx.cwd, signal")
        .filter_map(|part| part.rsplit_once(">(["))
        .map(|(_, call)| call)
        .collect();
    assert_eq!(calls.len(), 4, "{calls:?}");
    for call in calls {
        let words: Vec<&str> =
            call.split(['"', '`']).filter(|word| !word.trim_matches([',', ' ', ']']).is_empty()).collect();
        let help = help(words[0]).unwrap_or_else(|| panic!("there is no `sprag {}`", words[0]));
        for flag in words.iter().filter_map(|word| word.strip_prefix("--")) {
            let flag = format!("--{}", flag.split('=').next().unwrap_or_default());
            assert!(help.contains(&flag), "`sprag {}` has no {flag}", words[0]);
        }
    }
}

#[test]
fn the_spec_that_the_skill_shows_is_enforced_line_by_line() {
    let skill = skill();
    let spec = skill.split("```markdown\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let around = Surroundings {
        measure: Some(".auto/measure.sh".to_owned()),
        checks: Some(".auto/checks.sh".to_owned()),
        paths: Some(["src/report/sum.py", "src/report/schema.py"].map(str::to_owned).into()),
        ..Surroundings::default()
    };
    let compiled = compile(&Source::new("prompt.md", spec), None, &around);
    assert!(compiled.contract.is_some(), "{:?}", compiled.diagnostics);
    let advice =
        compiled.standing.iter().filter(|line| matches!(line.standing, Enforcement::Advisory { .. }));
    assert_eq!(advice.count(), 0, "{:#?}", compiled.standing);
}

#[test]
fn the_skill_says_what_it_is_for_ends_in_a_check_and_waits() {
    let skill = skill();
    let front = skill.strip_prefix("---\n").and_then(|rest| rest.split("\n---\n").next()).unwrap();
    let value = |key: &str| front.lines().find_map(|line| line.strip_prefix(&format!("{key}: "))).unwrap();
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(is_plain(value("name")), "{front}");
    let length = value("description").len();
    assert!((100..=1024).contains(&length), "agents read at most 1024 characters of it: {length}");
    let blocks: Vec<&str> =
        skill.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.last().unwrap().trim_end().ends_with("sprag check"), "{blocks:?}");
    assert!(
        blocks.iter().all(|block| !block.contains("sprag run") && !block.contains("sprag try")),
        "{blocks:?}"
    );
    assert!(skill.contains("Do not run `sprag run`"));
}
