//! What is wrong in `[sandbox]`.

use super::Findings;
use crate::{
    diagnostic::Severity,
    settings::{Bytes, Reach, Sandbox, Tier, places::normal},
};

/// Below this not even the launcher of a sandbox and a shell start.
const LEAST_MEMORY: Bytes = Bytes(16_000_000);

impl Findings {
    pub(super) fn sandbox(&mut self, sandbox: &Sandbox, replays: bool) {
        if replays && sandbox.network == Reach::Open {
            let message =
                "`network = \"open\"` and `[replay]`: a run with recorded answers has no other network";
            let help = "leave `network` out, or `[replay]`";
            self.add(Severity::Error, &["sandbox", "network"], message, help);
        }
        for (at, path) in sandbox.read.iter().enumerate() {
            if !(path.starts_with('/') || path.starts_with("~/")) {
                let message = format!("`{path}` does not say where it is");
                let help = "write a path from `/` or from `~/`; what lies in the repository is named under `[workspace] read`";
                self.add(Severity::Error, &["sandbox", "read", &at.to_string()], message, help);
            }
        }
        for (at, path) in sandbox.write.iter().enumerate() {
            if normal(path).is_none_or(|path| path == ".") {
                let message = format!("`{path}` is no path in the repository");
                let help =
                    "write it from the repository's top, without `..`: what lies outside cannot be written";
                self.add(Severity::Error, &["sandbox", "write", &at.to_string()], message, help);
            }
        }
        if let Some(memory) = sandbox.memory.filter(|memory| *memory < LEAST_MEMORY) {
            let message = format!("`memory` = {memory} is less than anything needs");
            let help = format!("write at least \"{LEAST_MEMORY}\", or leave it out");
            self.add(Severity::Error, &["sandbox", "memory"], message, help);
        }
        if sandbox.tier != Tier::None {
            return;
        }
        for (key, used) in [
            ("read", !sandbox.read.is_empty()),
            ("write", !sandbox.write.is_empty()),
            ("network", sandbox.network != Reach::Empty),
            ("memory", sandbox.memory.is_some()),
            ("processes", sandbox.processes.is_some()),
        ] {
            if used {
                let message = format!("`{key}` is not used: nothing is locked in");
                let help = "write `tier = \"enforced\"` under `[sandbox]`, or `tier = \"reduced\"` where the system has no namespaces";
                self.add(Severity::Warning, &["sandbox", key], message, help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn paths_that_lead_elsewhere_are_refused_with_their_place() {
        insta::assert_snapshot!(told("[sandbox]\ntier = 'enforced'\nread = ['lib', '~/.pyenv']\nwrite = ['../out', '/tmp', 'target', '']\n"), @r#"
        3:9 `lib` does not say where it is | write a path from `/` or from `~/`; what lies in the repository is named under `[workspace] read`
        4:10 `../out` is no path in the repository | write it from the repository's top, without `..`: what lies outside cannot be written
        4:20 `/tmp` is no path in the repository | write it from the repository's top, without `..`: what lies outside cannot be written
        4:38 `` is no path in the repository | write it from the repository's top, without `..`: what lies outside cannot be written
        "#);
    }

    #[test]
    fn a_limit_that_nothing_can_keep_is_refused() {
        insta::assert_snapshot!(told("[sandbox]\ntier = 'enforced'\nmemory = '2 MB'\n"), @r#"3:10 `memory` = 2 MB is less than anything needs | write at least "16 MB", or leave it out"#);
        insta::assert_snapshot!(told("[sandbox]\nmemory = 4\n"), @"2:10 invalid type: integer `4`, expected a string | -");
        insta::assert_snapshot!(told("[sandbox]\nmemory = '4'\n"), @r#"2:10 `4` is no size: write a whole number with its unit, such as "4 GB" or "512 MiB" | -"#);
        insta::assert_snapshot!(told("[sandbox]\nprocesses = 0\n"), @"2:13 invalid value: integer `0`, expected a nonzero u32 | -");
        insta::assert_snapshot!(told("[sandbox]\ntier = 'none'\nmemory = '4 GB'\nprocesses = 9\n"), @r#"
        3:10 `memory` is not used: nothing is locked in | write `tier = "enforced"` under `[sandbox]`, or `tier = "reduced"` where the system has no namespaces
        4:13 `processes` is not used: nothing is locked in | write `tier = "enforced"` under `[sandbox]`, or `tier = "reduced"` where the system has no namespaces
        "#);
    }

    #[test]
    fn recorded_answers_and_an_open_network_exclude_each_other() {
        insta::assert_snapshot!(
            told("[sandbox]\ntier = 'enforced'\nnetwork = 'open'\n[replay]\ncassette = 'x'\n"),
            @r#"3:11 `network = "open"` and `[replay]`: a run with recorded answers has no other network | leave `network` out, or `[replay]`"#
        );
    }

    #[test]
    fn what_a_sandbox_alone_uses_is_told_where_there_is_none() {
        insta::assert_snapshot!(told("[sandbox]\ntier = 'none'\nnetwork = 'open'\nwrite = ['out']\n"), @r#"
        4:1 `write` is not used: nothing is locked in | write `tier = "enforced"` under `[sandbox]`, or `tier = "reduced"` where the system has no namespaces
        3:11 `network` is not used: nothing is locked in | write `tier = "enforced"` under `[sandbox]`, or `tier = "reduced"` where the system has no namespaces
        "#);
    }
}
