//! `kill -9` at random moments of a session: nothing that was decided is lost, nothing is decided twice, and the next
//! start goes on as if nothing had happened.
//!
//! `SPRAG_KILL_SEED` plays one seed again, `SPRAG_KILLS` sets how many kills there are in all.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod repo;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use repo::{Repo, git, lines};
use serde_json::Value;

/// The kills of the test, over as many sessions as it takes.
const KILLS: usize = 200;
/// A session has so many proposals.
const PROPOSALS: usize = 24;
/// The user's uncommitted file, which nobody may touch.
const DIRTY: &str = "notes/mine.txt";

/// A small generator: its whole state is the seed that a failure prints.
struct Dice(u64);

impl Dice {
    /// SplitMix64, Steele et al. 2014.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform below `limit`.
    fn below(&mut self, limit: Duration) -> Duration {
        limit.mul_f64((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// Eight kinds of proposals, over and over: each file is shortened, made longer, or left, and some touch what they may
/// not. Every ending of the verdict table that a deterministic metric has is among them.
fn a_repository() -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", repo::SPEC);
    // A child that outlives a killed session, and still writes when the next one has begun.
    let late = "(sleep 0.8; echo late > src/late.txt) >/dev/null 2>&1 &\n";
    repo.script(".auto/measure.sh", &format!("{}{late}", repo::MEASURE));
    for nth in 0..PROPOSALS {
        repo.write(&format!("src/f{nth:02}.txt"), &lines("f", 40));
    }
    repo.write("src/calls.txt", &"call\n".repeat(7));
    repo.write("README", "a repository\n");
    repo.write(".gitignore", "notes/\n");
    repo.commit("start");
    repo.write(DIRTY, "not committed\n");
    for nth in 0..PROPOSALS {
        let (id, path) = (format!("{nth:02}"), format!("src/f{nth:02}.txt"));
        match nth % 8 {
            0 | 3 | 6 => repo.propose_text(&id, &path, &lines("f", 10)),
            1 => repo.propose_text(&id, &path, &lines("f", 60)),
            2 => repo.propose_text(&id, "README", "out of scope\n"),
            4 => repo.proposal(&id, &format!("description = \"{id}\"\n"), ""),
            5 => repo.proposal(&id, &format!("description = \"{id}\"\npark = true\n"), ""),
            _ => repo.propose_text(&id, "src/calls.txt", &format!("call {id}\n").repeat(6)),
        }
    }
    repo
}

/// What a session came to, without what differs from one session to the next: times, seeds, ids.
fn outcome(repo: &Repo) -> (Vec<[String; 4]>, String, String) {
    let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let mut rows = Vec::new();
    for entry in repo.entries() {
        let kind = if entry.get("run").is_some() { "run".to_owned() } else { word(&entry, "type") };
        let id = proposal_of(&entry).unwrap_or_default();
        match kind.as_str() {
            "run" => {
                rows.push([id, word(&entry, "status"), word(&entry, "reason"), entry["metric"].to_string()])
            }
            "idea" => rows.push([id, kind, String::new(), String::new()]),
            "event" if !id.is_empty() => rows.push([id, word(&entry, "event"), String::new(), String::new()]),
            _ => {}
        }
    }
    let result = repo.of_type("final").pop().unwrap_or_default();
    (rows, result["final"].to_string(), word(&result, "tree"))
}

/// The id of the proposal that an entry is about.
fn proposal_of(entry: &Value) -> Option<String> {
    let id = entry["proposal"].as_str().or_else(|| entry["data"]["proposal"].as_str());
    id.map(str::to_owned)
}

/// The user's files and git's, without the log and the ideas, which are Sprag's to write.
fn the_users(repo: &Repo) -> BTreeMap<String, String> {
    let mut all = repo.everything();
    all.retain(|path, _| !path.starts_with(".auto/log.jsonl") && !path.starts_with(".auto/ideas.md"));
    all
}

/// What must hold whenever no session runs.
fn check(repo: &Repo, before: &BTreeMap<String, String>) {
    if !repo.state().join("sprag").exists() || !repo.home().join("current").exists() {
        return;
    }
    let audit = repo.run(&["audit"]);
    // A kill in the midst of a write leaves half a line. Nothing else may be wrong, and cutting it must be enough.
    if audit.code != Some(0) {
        let torn = audit.stdout.lines().filter(|line| line.contains("is unfinished")).count();
        assert_eq!(torn, 1, "{audit:?}");
        assert!(audit.stdout.contains("1 problem(s)"), "{audit:?}");
    }
    let seen = proposals(repo);
    let unique: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "a proposal was judged twice: {seen:?}");
    assert!(seen.is_sorted(), "a proposal was skipped: {seen:?}");
    assert_eq!(&the_users(repo), before, "the user's repository was touched");
}

/// The proposals of the ledger's whole lines.
fn proposals(repo: &Repo) -> Vec<String> {
    let text = fs::read_to_string(repo.ledger()).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| proposal_of(&serde_json::from_str(line).unwrap())).collect()
}

/// The incumbent's ref must be where the ledger says it is.
fn check_incumbent(repo: &Repo) {
    let rows = repo.rows();
    let kept = rows.iter().rev().find(|row| row["status"] == "keep").unwrap();
    let session = fs::read_to_string(repo.home().join("current")).unwrap();
    let name = format!("refs/sprag/{}/incumbent", session.trim());
    let store = repo.home().join("store.git");
    assert_eq!(git(&store, &["rev-parse", &name]).trim(), kept["commit"].as_str().unwrap());
    let tree = git(&store, &["rev-parse", &format!("{name}^{{tree}}")]);
    assert_eq!(tree.trim(), kept["tree"].as_str().unwrap());
    git(&store, &["fsck", "--no-dangling", "--connectivity-only"]);
}

/// Runs until the session ends or `patience` is over; then kills Sprag alone. Whether the session ended by itself.
fn run_for(repo: &Repo, patience: Duration) -> bool {
    let agent = format!("playbook:{}", repo.playbook().display());
    let mut command = repo.command(&["run", "--agent", &agent]);
    let log = fs::File::options().create(true).append(true).open(repo.beside("kill.log")).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            let said = fs::read_to_string(repo.beside("kill.log")).unwrap();
            assert!(status.success(), "a start after a kill failed:\n{said}");
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // The children live on, as after any SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// One session, killed until `kills` are used up or it ends. Answers how many kills it took.
fn killed_session(
    dice: &mut Dice,
    kills: usize,
    expected: &(Vec<[String; 4]>, String, String),
    whole: Duration,
) -> usize {
    let repo = a_repository();
    let before = the_users(&repo);
    let mut used = 0;
    let mut ended = false;
    let mut without_progress = 0;
    while used < kills && !ended {
        // Spread over everything: the opening, the calibration, the tries, the end. Starts get longer where one
        // after the other came to nothing, so that every session ends.
        let reach = (whole / 6).mul_f64(1.0 + 0.25 * f64::from(without_progress));
        let known = decided(&repo);
        ended = run_for(&repo, dice.below(reach));
        if !ended {
            used += 1;
            check(&repo, &before);
            without_progress = if decided(&repo) > known { 0 } else { without_progress + 1 };
        }
    }
    if !ended {
        assert!(run_for(&repo, Duration::from_secs(600)), "the last run did not end");
    }
    check(&repo, &before);
    check_incumbent(&repo);
    repo.run(&["audit"]).expect(0);
    assert_eq!(&outcome(&repo), expected, "the session came to something else than an uninterrupted one");
    used
}

/// How many proposals the ledger holds, where there is one.
fn decided(repo: &Repo) -> usize {
    let there = repo.state().join("sprag").exists() && repo.home().join("current").exists();
    if there { proposals(repo).len() } else { 0 }
}

#[test]
fn two_hundred_kills_lose_nothing_and_decide_nothing_twice() {
    let from_env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = from_env("SPRAG_KILL_SEED").unwrap_or_else(clock);
    let wanted = from_env("SPRAG_KILLS").map_or(KILLS, |kills| kills as usize);
    // Shown with a failure only.
    println!("SPRAG_KILL_SEED={seed}");
    let mut dice = Dice(seed);
    let undisturbed = a_repository();
    let started = Instant::now();
    assert!(run_for(&undisturbed, Duration::from_secs(600)));
    let whole = started.elapsed();
    check_incumbent(&undisturbed);
    let expected = outcome(&undisturbed);
    assert_eq!(expected.0.len(), PROPOSALS + 1, "{expected:?}");
    let (mut done, mut sessions) = (0, 0);
    while done < wanted {
        done += killed_session(&mut dice, wanted - done, &expected, whole);
        sessions += 1;
    }
    println!("{done} kills in {sessions} sessions; one undisturbed takes {whole:?}");
}
