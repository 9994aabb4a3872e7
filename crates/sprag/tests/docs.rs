//! The manual stays true where that can be checked cheaply: commands, settings, reasons, rules, messages, links, and what
//! shows a guarantee.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sprag_contract::settings::replay::{Class, Match, Pace, Part, Pass, Port, Repeat, Replay};
use sprag_contract::settings::{
    Agent, AgentName, Bytes, Cases, Compare, CompareKind, Cpus, DriverKind, Layout, Lifetime, Measure, Price,
    Reach, Reader, Run, Sandbox, Serve, Service, Settings, Size, Tier, Timeouts, Trust, Unread,
    UsagePatterns, Workspace,
};
use sprag_contract::{Enforcement, Source, Surroundings, compile};
use sprag_judge::{JudgeSettings, Policy, Reason};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("the page is there")
}

/// The part of a page below a heading, up to the next one of the same depth or less deep.
fn section<'t>(page: &'t str, heading: &str) -> &'t str {
    let start = page.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("there is no heading {heading}"));
    let body = &page[start + heading.len()..];
    let depth = heading.bytes().take_while(|b| *b == b'#').count();
    let ends = (1..=depth).filter_map(|depth| body.find(&format!("\n{} ", "#".repeat(depth))));
    &body[..ends.min().unwrap_or(body.len())]
}

/// The cells of the rows of all tables in a text.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let cells = |line: &'_ str| -> bool { line.starts_with("| ") && !line.starts_with("| ---") };
    text.lines()
        .filter(|line| cells(line))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// What stands in backticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).map(str::trim).filter(|code| !code.is_empty()).collect()
}

#[test]
fn every_command_has_a_section_with_an_example_and_no_section_is_without_a_command() {
    let help = Command::new(env!("CARGO_BIN_EXE_sprag")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).unwrap();
    let commands: BTreeSet<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let page = page("commands.md");
    let told: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## `sprag ")?.strip_suffix('`')).collect();
    assert_eq!(commands, told);
    for command in commands {
        let section = section(&page, &format!("## `sprag {command}`"));
        assert!(section.contains(&format!("```console\n$ sprag {command}")), "{command} has no example");
    }
}

/// Settings with something under every key. The literals name every field, so that a new one does not compile here.
fn full_settings() -> Settings {
    let minute = Duration::from_secs(60);
    let text = || Some("x".to_owned());
    Settings {
        run: Run {
            prepare: text(),
            build: text(),
            measure: text(),
            checks: text(),
            profile: text(),
            timeout: Timeouts { build: minute, measure: minute, checks: minute, propose: minute },
        },
        workspace: Workspace { root: "x".to_owned(), include: vec![], read: vec![], cache: vec![] },
        measure: Measure {
            driver: DriverKind::Script,
            trust: Trust::SelfReported,
            cpus: Some(Cpus::One),
            layout: Some(Layout::Off),
            size: Some(Size { glob: "x".to_owned(), gzip: true }),
            read: [("name".to_owned(), Reader::Regex("x".to_owned()))].into(),
        },
        service: vec![Service {
            name: "x".to_owned(),
            command: "x".to_owned(),
            ready: text(),
            counters: text(),
        }],
        cases: Some(Cases {
            file: "x".to_owned(),
            goldens: text(),
            hidden: text(),
            serve: Serve::Stdio("x".to_owned()),
            lifetime: Lifetime::Service,
            repeat: 1,
            compare: Compare {
                kind: CompareKind::Json,
                tolerance: 0.0,
                ignore: vec![],
                mask: vec!["x".to_owned()],
            },
        }),
        judge: JudgeSettings {
            mode: Policy::Paired,
            alpha: 0.02,
            beta: 0.1,
            max_pairs: 20,
            min_pairs: 3,
            min_effect: 0.01,
            kappa: 1.6,
        },
        sandbox: Sandbox {
            tier: Tier::Enforced,
            env: vec![],
            read: vec!["x".to_owned()],
            write: vec!["x".to_owned()],
            network: Reach::Open,
            memory: Some(Bytes(1)),
            processes: Some(NonZeroU32::MIN),
        },
        agent: Agent {
            name: Some(AgentName::Claude),
            model: text(),
            args: vec![],
            env: vec![],
            retry: vec![minute],
            usage: UsagePatterns {
                input: text(),
                cached: text(),
                output: text(),
                reasoning: text(),
                usd: text(),
            },
        },
        prices: [("m".to_owned(), price())].into(),
        memory: Unread,
        replay: Some(full_replay()),
    }
}

fn price() -> Price {
    let date = "2026-11-01".parse().expect("a day");
    Price { date, input: 1.0, cached: Some(1.0), output: 1.0, reasoning: Some(1.0) }
}

fn full_replay() -> Replay {
    let text = || Some("x".to_owned());
    let part =
        || Part { json: text(), header: text(), query: text(), path: text(), body: text(), class: text() };
    Replay {
        cassette: "x".to_owned(),
        timing: Pace::Recorded,
        roots: text(),
        port: vec![Port {
            name: "x".to_owned(),
            upstream: "x".to_owned(),
            listen: Some(1),
            env: [("x".to_owned(), "x".to_owned())].into(),
        }],
        class: vec![Class {
            name: "x".to_owned(),
            matches: Match { host: text(), port: text(), path: text(), method: text(), statement: text() },
            items: text(),
            repeat: Repeat::Sticky,
            headers: vec!["x".to_owned()],
        }],
        volatile: vec![part()],
        redact: vec![part()],
        pass: vec![Pass { host: "x".to_owned() }],
    }
}

#[test]
fn every_key_of_the_settings_is_a_row_of_its_table() {
    let page = page("settings.md");
    let settings = serde_json::to_value(full_settings()).unwrap();
    for (table, keys) in settings.as_object().unwrap() {
        let (heading, keys) = match keys.as_array() {
            Some(list) => (format!("## `[[{table}]]`"), &list[0]),
            // One table for each model.
            None if table == "prices" => (format!("## `[{table}]`"), &keys["m"]),
            None => (format!("## `[{table}]`"), keys),
        };
        let section = section(&page, &heading);
        let told: Vec<&str> = rows(section).into_iter().flat_map(|row| code(row[0])).collect();
        for (key, value) in keys.as_object().unwrap() {
            // `[measure.read]` is a table of its own, and `[[replay.class]]` one of several.
            let sub_table = section.contains(&format!("### `[{table}.{key}]`"))
                || section.contains(&format!("### `[[{table}.{key}]]`"));
            let entries = value.as_array().and_then(|list| list.first()).and_then(|entry| entry.as_object());
            // The keys of what is redacted are those of what is volatile.
            let like = if key == "redact" { "volatile" } else { key.as_str() };
            for inner in entries.into_iter().flatten().map(|(name, _)| name) {
                let told = rows(self::section(&page, &format!("### `[[{table}.{like}]]`")));
                let told = told.iter().any(|row| row[0] == format!("`{inner}`"));
                assert!(told, "[[{table}.{key}]] {inner} is in no table of settings.md");
            }
            assert!(
                sub_table || told.contains(&key.as_str()),
                "[{table}] {key} is in no table of settings.md"
            );
            for inner in value.as_object().into_iter().flatten().map(|(name, _)| name).filter(|_| !sub_table)
            {
                assert!(section.contains(inner.as_str()), "[{table}] {key}.{inner} is not in settings.md");
            }
        }
    }
    assert!(page.contains("`[memory]`"), "[memory] is not in settings.md");
}

#[test]
fn the_defaults_in_the_manual_are_the_defaults() {
    let page = page("settings.md");
    let default = JudgeSettings::default();
    let told = |table: &str, key: &str| -> String {
        let row = rows(section(&page, table)).into_iter().find(|row| row[0] == format!("`{key}`"));
        row.unwrap_or_else(|| panic!("{key}"))[1].trim_matches(['`', '"']).to_owned()
    };
    let number = |key: &str| told("## `[judge]`", key).parse::<f64>().unwrap();
    assert_eq!(number("alpha"), default.alpha);
    assert_eq!(number("beta"), default.beta);
    assert_eq!(number("max_pairs"), f64::from(default.max_pairs));
    assert_eq!(number("min_pairs"), f64::from(default.min_pairs));
    assert_eq!(number("kappa"), default.kappa);
    assert_eq!(told("## `[judge]`", "min_effect"), format!("{}%", default.min_effect * 100.0));
    let timeouts = Timeouts::default();
    let [build, measure, checks, propose] =
        [timeouts.build, timeouts.measure, timeouts.checks, timeouts.propose]
            .map(sprag_contract::settings::format_duration);
    assert_eq!(
        told("## `[run]`", "timeout"),
        format!(
            r#"{{ build = "{build}", measure = "{measure}", checks = "{checks}", propose = "{propose}" }}"#
        )
    );
}

#[test]
fn every_reason_is_told_with_its_status_and_its_exit_code() {
    use Reason::*;
    let reasons = [
        Improved,
        NoGain,
        Regression,
        Inconclusive,
        Scope,
        Output,
        Hidden,
        Control,
        ReplayMiss,
        Checks,
        Build,
        Crash,
        Timeout,
        Protocol,
        Metric,
        Suspect,
    ];
    // Without a wildcard: a new reason does not compile here until it is in the list above.
    let listed = |reason: &Reason| match reason {
        Improved | NoGain | Regression | Inconclusive | Scope | Output | Hidden | Control | ReplayMiss
        | Checks | Build | Crash | Timeout | Protocol | Metric | Suspect => reason.exit_code(),
    };
    let page = page("verdicts.md");
    for reason in reasons {
        let word = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        let name = word(serde_json::to_value(reason).unwrap());
        let status = word(serde_json::to_value(reason.status()).unwrap());
        let row = format!("\n| `{name}` | {status} | {} |", listed(&reason));
        assert!(page.contains(&row), "verdicts.md lacks{row}");
    }
}

#[test]
fn every_sentence_that_the_manual_calls_a_rule_is_one() {
    let page = page("spec.md");
    let around = Surroundings {
        measure: Some(".auto/measure.sh".to_owned()),
        checks: Some(".auto/checks.sh".to_owned()),
        paths: Some(["src/api.py", "src/a.py", "pyproject.toml"].map(str::to_owned).into()),
        ..Surroundings::default()
    };
    let head = "# x\n## Metrics\n- **Primary**: p95_ms (ms, lower is better)\n- **Secondary**: p50_ms, api_calls, \
                db_calls, peak_rss_mb, bundle_kb, hit_rate (higher is better), rows\n## Files in Scope\n- src/**\n";
    let mut checked = 0;
    for row in rows(section(&page, "## Constraints")) {
        for sentence in code(row[0]) {
            let wanted = row[1].split_whitespace().next().unwrap().trim_end_matches(';');
            // Told whole where the sentence itself has backticks in it.
            let sentence =
                if sentence.starts_with("do not touch") { "do not touch `src/api.py`" } else { sentence };
            let text = format!("{head}## Constraints\n- {sentence}\n");
            let compiled = compile(&Source::new("prompt.md", &text), None, &around);
            let standing =
                compiled.standing.iter().find(|line| line.line == 8).map(|line| match line.standing {
                    Enforcement::Enforced { .. } => "ENFORCED",
                    Enforcement::Covered { .. } => "COVERED",
                    Enforcement::Advisory { .. } => "ADVISORY",
                });
            if wanted.chars().all(char::is_uppercase) && !sentence.starts_with("src/") {
                assert_eq!(standing, Some(wanted), "{sentence}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 15, "only {checked} sentences were found in spec.md");
    let stops: Vec<&str> =
        section(&page, "## Stop").lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert!(stops.len() >= 7, "{stops:?}");
    for stop in stops {
        assert!(sprag_judge::stop::parse(stop).is_some(), "{stop}");
    }
}

/// Every source file of the product below `dir`, as one text in which line breaks inside of strings do not count.
fn sources(dir: &Path, text: &mut String) {
    for entry in fs::read_dir(dir).expect("a folder of the product").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
            sources(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn every_message_of_the_troubleshooting_page_can_be_met() {
    let mut text = String::new();
    sources(&root().join("crates"), &mut text);
    let joined = text.replace("\\\n", "");
    let flat = joined.split_whitespace().collect::<Vec<_>>().join(" ");
    for row in rows(&page("troubleshooting.md")) {
        let Some(message) = row[0].strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
            continue;
        };
        for part in message.trim_matches('`').split('…').map(|part| part.trim_matches([' ', '`'])) {
            assert!(part.len() < 6 || flat.contains(part), "no source says `{part}`");
        }
    }
}

#[test]
fn every_link_of_the_manual_leads_somewhere() {
    let mut pages: Vec<PathBuf> =
        fs::read_dir(root().join("docs")).unwrap().flatten().map(|e| e.path()).collect();
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    pages.extend(
        ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root().join(name)),
    );
    for path in pages {
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let to = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(to.exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                let headings = fs::read_to_string(&to).unwrap();
                let slug = |line: &str| -> String {
                    let plain = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                    plain.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
                };
                let found =
                    headings.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                assert!(found, "{}: {target}", path.display());
            }
        }
    }
}

/// An id of the corpus, such as `A03` or `E17b`: its letter and its number.
fn attack(word: &str) -> Option<(char, u32)> {
    let letter = word.chars().next().filter(char::is_ascii_uppercase)?;
    let number = word.get(1..3)?.parse().ok()?;
    let part = word.get(3..)?;
    (part.len() <= 1 && part.chars().all(|c| c.is_ascii_lowercase())).then_some((letter, number))
}

/// The attacks that a text names; `B09 to B14` names all of them.
fn attacks(text: &str) -> Vec<String> {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut named: Vec<String> =
        words.iter().filter(|word| attack(word).is_some()).map(ToString::to_string).collect();
    for around in words.windows(3).filter(|around| around[1] == "to") {
        if let (Some((letter, first)), Some((_, last))) = (attack(around[0]), attack(around[2])) {
            named.extend((first..=last).map(|number| format!("{letter}{number:02}")));
        }
    }
    named
}

#[test]
fn what_shows_a_guarantee_is_there() {
    let folders = fs::read_dir(root().join("tests/attacks")).unwrap().flatten().map(|e| e.path());
    let scripts: BTreeSet<String> = folders
        .filter(|path| path.is_dir())
        .flat_map(|folder| fs::read_dir(folder).unwrap().flatten())
        .filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(".sh")?.split('-').next()?.to_owned()))
        .collect();
    let page = page("guarantees.md");
    let missing: Vec<String> = attacks(&page).into_iter().filter(|id| !scripts.contains(id)).collect();
    assert_eq!(missing, Vec::<String>::new(), "no script of tests/attacks has such an id");

    let is_path = |word: &str| !word.contains(' ') && (word.contains('/') || word.ends_with(".rs"));
    for path in code(&page).into_iter().filter(|word| is_path(word)) {
        assert!(root().join(path).is_file(), "there is no file {path}");
    }
    let claims: Vec<Vec<&str>> = rows(&page).into_iter().filter(|row| row[0] != "claim").collect();
    assert!(claims.len() >= 15, "only {} claims were found in guarantees.md", claims.len());
    for row in claims {
        let (paths, names): (Vec<&str>, Vec<&str>) = code(row[1]).into_iter().partition(|word| is_path(word));
        assert!(!paths.is_empty() || !attacks(row[1]).is_empty(), "nothing shows this: {}", row[0]);
        let tests: String = paths.iter().map(|path| fs::read_to_string(root().join(path)).unwrap()).collect();
        for name in names.into_iter().filter(|name| !name.contains(' ')) {
            assert!(tests.contains(&format!("fn {name}()")), "there is no test {name} in {paths:?}");
        }
    }
}
