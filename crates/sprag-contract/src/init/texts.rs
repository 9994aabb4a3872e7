//! The texts of the generated files.

use std::fmt::Write;

use super::{InitAnswers, Measured};
use crate::settings::Tier;

/// One line without line breaks: an answer must not become a heading.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches('#').trim().to_owned()
}

/// A value of TOML, quoted.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

pub(super) fn spec(answers: &InitAnswers) -> String {
    let metric = &answers.metric;
    let goal = match line(&answers.goal) {
        goal if goal.is_empty() => format!("a better {}", metric.name),
        goal => goal,
    };
    let way = metric.direction.word();
    let unit = if metric.unit.is_empty() { String::new() } else { format!("{}, ", line(&metric.unit)) };
    let mut out = format!("# Autoresearch: {goal}\n\n## Objective\n{goal}.\n\n## Metrics\n");
    let _ = writeln!(out, "- **Primary**: {} ({unit}{way} is better)", metric.name);
    if !answers.controls.is_empty() {
        let names: Vec<&str> = answers.controls.iter().map(|(name, _)| name.as_str()).collect();
        let _ = writeln!(out, "- **Secondary**: {}", names.join(", "));
    }
    let note = match answers.measure {
        Measured::Timed(_) => "timed from outside",
        Measured::Prints(_) | Measured::Unknown => "prints `METRIC name=value` lines",
    };
    let _ = write!(out, "\n## How to Run\n`./.auto/measure.sh` — {note}.\n\n## Files in Scope\n");
    list(&mut out, &answers.in_scope);
    out.push_str("\n## Off Limits\n");
    list(&mut out, &answers.off_limits);
    out.push_str("\n## Constraints\n");
    let bounds = answers.controls.iter().filter(|(_, bound)| !bound.is_empty());
    let mut constraints: Vec<String> =
        bounds.map(|(name, bound)| format!("{name} {}", line(bound))).collect();
    if answers.checks.is_some() {
        constraints.push("checks must pass".to_owned());
    }
    list(&mut out, &constraints);
    out.push_str("\n## Stop\n");
    list(&mut out, &answers.stop.iter().map(|rule| line(rule)).collect::<Vec<_>>());
    // Left empty on purpose: the history comes from the ledger, and nothing is tried before the baseline.
    out.push_str("\n## What's Been Tried\n");
    out
}

fn list(out: &mut String, entries: &[String]) {
    for entry in entries {
        let entry = line(entry);
        let needs_code = entry.contains(' ') && entry.contains('/');
        let _ = if needs_code { writeln!(out, "- `{entry}`") } else { writeln!(out, "- {entry}") };
    }
}

pub(super) fn measure(answers: &InitAnswers) -> String {
    let name = &answers.metric.name;
    let (what, body) = match &answers.measure {
        Measured::Prints(command) => {
            ("The benchmark: prints `METRIC name=value` lines, one a metric.", format!("{command}\n"))
        }
        Measured::Timed(command) => (
            "The workload. Sprag takes its wall time, CPU time and peak memory from outside.",
            format!("{command}\n"),
        ),
        Measured::Unknown => (
            "The benchmark: prints `METRIC name=value` lines, one a metric.",
            format!(
                "# Run the workload here, and print its number:\n#   echo \"METRIC {name}=12.3\"\n\
                 echo \"measure.sh measures nothing yet: print METRIC {name}=<number>\" >&2\nexit 1\n"
            ),
        ),
    };
    format!(
        "#!/usr/bin/env bash\n# {what} Locked while a session runs.\nset -euo pipefail\n\
         cd \"$(dirname \"$0\")/..\"\n\n{body}"
    )
}

pub(super) fn checks(command: &str) -> String {
    format!(
        "#!/usr/bin/env bash\n# Correctness: exits 0 only when the code is right. Locked while a session runs.\n\
         set -euo pipefail\ncd \"$(dirname \"$0\")/..\"\n\n{command}\n"
    )
}

pub(super) fn settings(answers: &InitAnswers) -> String {
    let mut out = "# Settings of Sprag. Every key is optional; `sprag check` names the ones it does not know.\n\n[run]\n".to_owned();
    match &answers.build {
        Some(build) => {
            let _ = writeln!(out, "build = {}", quoted(build));
        }
        None => out.push_str("# build = \"make\"            # before measuring, not timed\n"),
    }
    out.push_str("# timeout = { build = \"10m\", measure = \"5m\", checks = \"5m\", propose = \"20m\" }\n");
    if !answers.read.is_empty() {
        let list: Vec<String> = answers.read.iter().map(|path| quoted(path)).collect();
        let list = list.join(", ");
        let _ = writeln!(out, "\n[workspace]\n# What git does not know and the code needs.\nread = [{list}]");
    }
    out.push_str(match answers.measure {
        Measured::Timed(_) => "\n[measure]\ndriver = \"command\"          # wall_ms, cpu_ms and peak_rss_mb, taken by Sprag\n",
        Measured::Prints(_) | Measured::Unknown => {
            "\n[measure]\ndriver = \"script\"\n# trust = \"attested\"        # your claim that measure.sh never loads the code under test\n"
        }
    });
    out.push_str("\n[sandbox]\n");
    out.push_str(match answers.tier {
        Tier::Enforced => {
            "tier = \"enforced\"           # no network, no files but the tree and the system's; a machine that cannot is refused\n"
        }
        Tier::Reduced => {
            "tier = \"reduced\"            # this machine has no namespaces (see `sprag doctor`)\n"
        }
        Tier::None => {
            "tier = \"none\"               # this machine has no sandbox (see `sprag doctor`): run only what you would run yourself\n"
        }
    });
    out.push_str("\n[judge]\nmode = \"paired\"\nmin_effect = \"1%\"\n");
    out
}
