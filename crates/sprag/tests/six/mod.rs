//! A session of six tries, the same for whoever makes them: a gain, an edit that changes nothing, one out of scope, a lie
//! about the metric, a crash, and a second gain.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use serde_json::Value;

use crate::repo::{Repo, SPEC, lines};

/// What is measured: a program that must run, and the bytes beside it. It is as trusting as people's harnesses are: what
/// the program prints comes out.
const MEASURE: &str = "\
#!/bin/sh
set -e
sh src/main.sh
echo \"METRIC bytes=$(cat src/*.txt | wc -c)\"
echo \"METRIC calls=$(cat src/*.txt | grep -c call)\"
";
const MAIN: &str = "\
# Says hello.
echo hello
";
/// What an agent that lies leaves beside its edit.
const CLAIMS: &str = r#"{"description":"1000 times smaller.","hypothesis":"trust me","metric":0.3,"bytes":0.3,"status":"keep","commit":"abc1234"}"#;

/// Where aider says what it used, for `[agent]`.
pub(crate) const AIDER_USAGE: &str = "\
[agent.usage]
input = 'Tokens: ([0-9,]+) sent'
output = '([0-9,]+) received'
usd = 'Cost: \\$([0-9.]+) message'
";

/// One try: an edit, and what must become of it.
pub(crate) struct Try {
    pub(crate) path: &'static str,
    pub(crate) old: String,
    pub(crate) new: String,
    /// `.sprag/proposal.json`, where it leaves one.
    pub(crate) proposal: Option<&'static str>,
    /// The model's last words.
    pub(crate) said: &'static str,
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
    /// What is measured; `None` where nothing can be, or need be.
    pub(crate) metric: Option<f64>,
}

impl Try {
    /// The whole text of its file, as it leaves it.
    pub(crate) fn whole(&self) -> String {
        if self.path == "src/main.sh" { MAIN.replace(&self.old, &self.new) } else { self.new.clone() }
    }
}

/// The six, in their order. Each of the four in the middle is made on what the first one left.
pub(crate) fn tries() -> [Try; 6] {
    let gain = |path, letter, said, metric| Try {
        path,
        old: lines(letter, 10),
        new: lines(letter, 5),
        proposal: None,
        said,
        status: "keep",
        reason: "improved",
        metric: Some(metric),
    };
    let edit = |old: &str, new: &str, said, (status, reason), metric| Try {
        path: "src/main.sh",
        old: old.to_owned(),
        new: new.to_owned(),
        proposal: None,
        said,
        status,
        reason,
        metric,
    };
    [
        gain("src/a.txt", "a", "Half of the lines say the same.", 285.0),
        edit(
            "# Says hello.\n",
            "# Says hello once.\n",
            "A clearer comment.",
            ("discard", "no_gain"),
            Some(285.0),
        ),
        Try {
            path: "README",
            ..edit("a repository\n", "a small one\n", "A shorter README.", ("checks_failed", "scope"), None)
        },
        Try {
            proposal: Some(CLAIMS),
            ..edit(
                "echo hello\n",
                "echo METRIC bytes=0.3\necho hello\n",
                "1000 times smaller.",
                ("crash", "metric"),
                None,
            )
        },
        edit("echo hello\n", "exit 3\n", "No hello any more.", ("crash", "crash"), None),
        gain("src/b.txt", "b", "The same for b.", 235.0),
    ]
}

/// The number of the row that the first try makes: 1 is the baseline.
const FIRST: usize = 2;

/// What only the brief of the try after `at` says: how the try before it was judged.
pub(crate) fn judged(at: usize) -> String {
    format!("\n{} {} ", at + FIRST, tries()[at].status)
}

/// A repository in which the six can be made, and nothing more.
pub(crate) fn project(settings: &str) -> Repo {
    let repo = Repo::new();
    repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", "after 6 experiments"));
    repo.script(".auto/measure.sh", MEASURE);
    repo.write(".auto/sprag.toml", settings);
    repo.write("src/main.sh", MAIN);
    repo.commit("six tries");
    repo
}

/// The rows of the tries.
pub(crate) fn rows(repo: &Repo) -> Vec<Value> {
    repo.rows().into_iter().filter(|row| row["kind"] == "experiment").collect()
}

/// Each row stands as its try wants it, and what was kept is all that was changed.
#[track_caller]
pub(crate) fn are_judged(repo: &Repo, agent: &str) {
    let rows = rows(repo);
    let told: Vec<(&str, &str, Option<f64>)> = rows
        .iter()
        .map(|row| {
            // What was not measured has a 0 for old readers.
            let is_measured = matches!(row["status"].as_str(), Some("keep" | "discard"));
            let metric = row["metric"].as_f64().filter(|_| is_measured);
            (row["status"].as_str().unwrap(), row["reason"].as_str().unwrap(), metric)
        })
        .collect();
    let tries = tries();
    let wanted: Vec<_> = tries.iter().map(|made| (made.status, made.reason, made.metric)).collect();
    assert_eq!(told, wanted, "{agent}");
    let told: Vec<&str> = rows.iter().map(|row| row["description"].as_str().unwrap()).collect();
    let wanted: Vec<&str> = tries.iter().map(|made| made.said).collect();
    assert_eq!(told, wanted, "{agent}");
    let lie = &rows[3];
    assert_eq!(lie["asi"]["status"], "keep", "{agent}: what it claims is told, and decides nothing");
    assert_ne!(lie["commit"], "abc1234", "{agent}");
    repo.run(&["apply"]).expect(0);
    let changed = repo.git(&["diff", "--name-only", "main", "sprag/kept"]);
    assert_eq!(changed, "src/a.txt\nsrc/b.txt\n", "{agent}");
    repo.run(&["audit"]).expect(0);
}
