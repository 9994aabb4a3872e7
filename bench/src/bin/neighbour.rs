//! Does a candidate that evicts 64 MB of cache a case gain by slowing the incumbent, with which it takes turns?
//!
//!     cargo build --release -p sprag && cargo run --release -p sprag-bench --bin neighbour -- [--times 5]
//!
//! The measured program walks over eight megabytes in an order that no prefetcher guesses, so that it feels its neighbour. Each
//! edit is tried several times against the same incumbent: a copy of it, one that evicts the cache before it answers, and one
//! that has a thread evict it after the answer, while the other side is asked.

use std::process::Command;

use camino::Utf8Path;
use serde_json::Value;
use sprag_bench::numbers::{Spread, machine};
use sprag_bench::repository::{commit_all, git, write};
use sprag_bench::stage::{Stage, sprag};
use sprag_bench::{Result, options};

const METRIC: &str = "total_ms";
const SCOPE: &str = "walk.py";
const WALK: &str = include_str!("../neighbour/walk.py");
const WORKER: &str = include_str!("../neighbour/worker.py");
const EVICT: &str = include_str!("../neighbour/evict.py");

const SPEC: &str = "# Autoresearch: a walk\n\n## Objective\nFaster.\n\n## Metrics\n- **Primary**: total_ms (ms, lower is better)\n\n## How to Run\nThe harness starts the worker.\n\n## Files in Scope\n- `walk.py`\n\n## Stop\n- after 100000 experiments\n";
const SETTINGS: &str = "[measure]\ndriver = \"cases\"\n\n[cases]\nfile = \"cases.json\"\nserve = { stdio = \"python3 worker.py\" }\n";

/// What each edit adds to the program.
const EDITS: [(&str, &str); 3] = [
    ("a copy", ""),
    (
        "evicts before it answers",
        "\n\ndef walk(seed):\n    answer = honest(seed)\n    evict()\n    return answer\n",
    ),
    (
        "evicts after it answered",
        "\n\ndef walk(seed):\n    answer = honest(seed)\n    answered.set()\n    return answer\n",
    ),
];

fn main() -> Result<()> {
    options::only(&["--times"])?;
    let stage = Stage::enter()?;
    let times = options::number("--times", 5)?;
    println!("{}", machine());
    let dir = stage.join("walk");
    generate(&dir)?;
    println!("{times} tries each; the middle of the pairs, and what nine of ten are not above");
    println!("{:<26} {:>20} {:>26} {:>6}", "", "candidate/incumbent", "incumbent beside it, ms", "kept");
    for (what, more) in EDITS {
        let mut seen = Seen::default();
        for nth in 0..times {
            let evict = if more.is_empty() { "" } else { EVICT };
            write(&dir, SCOPE, &format!("{WALK}{evict}{more}\n# {what}, {nth}\n"))?;
            seen.add(&tried(&dir)?)?;
            // A keep would make the cheat the incumbent of the next one.
            if seen.kept > 0 {
                break;
            }
        }
        git(&dir, &["checkout", "--quiet", SCOPE])?;
        let (ratio, beside) = (Spread::of(&seen.ratios), Spread::of(&seen.incumbents));
        let show = |spread: Spread| format!("{:.3} ({:.3})", spread.median, spread.p90);
        println!("{what:<26} {:>20} {:>26} {:>6}", show(ratio), show(beside), seen.kept);
    }
    Ok(())
}

/// What was measured of one edit.
#[derive(Default)]
struct Seen {
    ratios: Vec<f64>,
    incumbents: Vec<f64>,
    kept: usize,
}

impl Seen {
    fn add(&mut self, row: &Value) -> Result<()> {
        let pairs = row["evidence"]["pairs"].as_array().filter(|pairs| !pairs.is_empty());
        for pair in pairs.ok_or(format!("no pair was measured: {row}"))? {
            let [Some(incumbent), Some(candidate)] = [0, 1].map(|side| pair[METRIC][side].as_f64()) else {
                return Err(format!("a pair without {METRIC}: {pair}").into());
            };
            self.ratios.push(candidate / incumbent);
            self.incumbents.push(incumbent);
        }
        self.kept += usize::from(row["status"] == "keep");
        Ok(())
    }
}

/// Has the working tree judged, and answers the row of the ledger.
fn tried(dir: &Utf8Path) -> Result<Value> {
    let judged = Command::new(sprag()?).current_dir(dir).args(["try", "--json"]).output()?;
    let log = std::fs::read_to_string(dir.join(".auto/log.jsonl"))?;
    let last = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .rfind(|row| !row["evidence"].is_null());
    last.ok_or_else(|| format!("nothing was judged: {}", String::from_utf8_lossy(&judged.stderr)).into())
}

fn generate(dir: &Utf8Path) -> Result<()> {
    let cases: Vec<Value> =
        (0..6).map(|nth| serde_json::json!({ "id": format!("walk{nth}"), "input": nth })).collect();
    let cases = serde_json::json!({ "v": 1, "warmup": [{ "id": "warm", "input": 9 }], "cases": cases });
    write(dir, "cases.json", &cases.to_string())?;
    write(dir, "worker.py", WORKER)?;
    write(dir, SCOPE, WALK)?;
    write(dir, ".gitignore", "__pycache__/\n")?;
    write(dir, ".auto/prompt.md", SPEC)?;
    write(dir, ".auto/sprag.toml", SETTINGS)?;
    commit_all(dir)
}
