//! How much noise each way of running two sides has, with Sprag's own driver: two identical Python workers, no true
//! difference, all ways side by side in one session of the machine.
//!
//!     cargo run --release -p sprag-measure --example noise_table -- [ROUNDS]
//!
//! Prints the robust standard deviation (1.4826 · MAD) of the log-ratio of the run's total, in brackets of its
//! maximum, in percent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::Settings;
use sprag_judge::Order;
use sprag_measure::drivers::{Cases, Turns};
use sprag_measure::{Driver, MeasureError, PairPlan, Role, Setup, Side};

const SIZES_MS: [u32; 3] = [3, 10, 35];
const WAYS: [(&str, &str, Turns); 5] = [
    ("one after the other, any core", "all", Turns::Sequential),
    ("alternating case by case, any core", "all", Turns::Alternating),
    ("one after the other, pinned to one core", "one", Turns::Sequential),
    ("alternating case by case, pinned to one core", "one", Turns::Alternating),
    ("the same, the waiting side stopped", "one", Turns::Frozen),
];

/// The rows of [`WAYS`] that Sprag is held to: its own way, and the best that two runs in a row can do.
const FROZEN: usize = 4;
const SEQUENTIAL_PINNED: usize = 2;

const WORKER: &str = r#"
import json, sys
def say(x): sys.stdout.write(json.dumps(x) + "\n"); sys.stdout.flush()
def work(rounds):
    table, total = {}, 0
    for i in range(rounds):
        table[i & 4095] = total
        total = (total * 31 + i + len(table)) & 0xffffffff
    return total
say({"ready": True})
for line in sys.stdin:
    request = json.loads(line)
    say({"id": request["id"], "output": work(request["input"])})
"#;

struct Bench {
    _keep: tempfile::TempDir,
    root: Utf8PathBuf,
}

impl Bench {
    fn new() -> std::io::Result<Self> {
        let keep = tempfile::tempdir()?;
        let root = Utf8PathBuf::try_from(keep.path().to_owned()).map_err(std::io::Error::other)?;
        for side in ["a", "b"] {
            for folder in ["dir", "tmp", "out"] {
                std::fs::create_dir_all(root.join(side).join(folder))?;
            }
            std::fs::write(root.join(side).join("dir/worker.py"), WORKER)?;
        }
        Ok(Self { _keep: keep, root })
    }

    fn driver(&self, millis: u32, cpus: &str, turns: Turns) -> Result<Cases, Box<dyn std::error::Error>> {
        // About 8 rounds a microsecond on the machine that this was written on; the exact length does not matter.
        let input = |i: u32| format!(r#"{{"id":"c{i}","input":{}}}"#, millis * 7000 + i);
        let list = |range: std::ops::Range<u32>| range.map(input).collect::<Vec<_>>().join(",");
        let file = format!(r#"{{"v":1,"warmup":[{}],"cases":[{}]}}"#, list(0..2), list(2..14));
        let name = format!("cases-{millis}.json");
        std::fs::write(self.root.join(&name), file)?;
        let settings: Settings = serde_json::from_value(serde_json::json!({
            "measure": { "driver": "cases", "cpus": cpus },
            "cases": { "file": name, "serve": { "stdio": "python3 worker.py" } },
        }))?;
        let setup = Setup { harness: self.root.clone(), wanted: BTreeSet::new(), ..Setup::default() };
        Ok(Cases::open(&settings, setup)?.with_turns(turns))
    }
}

fn side<'a>(
    root: &'a Utf8Path,
    role: Role,
    paths: &'a [Utf8PathBuf; 3],
    env: &'a BTreeMap<String, String>,
) -> Side<'a> {
    let _ = root;
    Side { dir: &paths[0], tmp: &paths[1], out: &paths[2], role, env }
}

fn paths(root: &Utf8Path, side: &str) -> [Utf8PathBuf; 3] {
    ["dir", "tmp", "out"].map(|folder| root.join(side).join(folder))
}

fn log_ratios(driver: &mut Cases, root: &Utf8Path, seed: u64) -> Result<[f64; 2], MeasureError> {
    let (a, b, env) = (paths(root, "a"), paths(root, "b"), BTreeMap::new());
    let order = if seed.is_multiple_of(2) { Order::Ab } else { Order::Ba };
    let runs = driver.measure_pair(
        &side(root, Role::Incumbent, &a, &env),
        &side(root, Role::Candidate, &b, &env),
        &PairPlan { order, seed },
    )?;
    if let Some(finding) = runs.iter().find_map(|run| run.failure.as_ref()) {
        return Err(MeasureError::Harness {
            what: finding.detail.clone(),
            remedy: "see the worker".to_owned(),
        });
    }
    Ok(["total_ms", "max_ms"].map(|name| (runs[0].metrics[name] / runs[1].metrics[name]).ln()))
}

fn robust_sd(values: &[f64]) -> f64 {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let middle = median(values.to_vec());
    1.4826 * median(values.iter().map(|value| (value - middle).abs()).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: u64 = std::env::args().nth(1).map_or(Ok(30), |text| text.parse())?;
    let bench = Bench::new()?;
    let mut cells: BTreeMap<(usize, usize), Vec<[f64; 2]>> = BTreeMap::new();
    for round in 0..rounds {
        for (column, millis) in SIZES_MS.into_iter().enumerate() {
            for (row, (_, cpus, turns)) in WAYS.into_iter().enumerate() {
                let mut driver = bench.driver(millis, cpus, turns)?;
                let ratios = log_ratios(&mut driver, &bench.root, round)?;
                cells.entry((row, column)).or_default().push(ratios);
            }
        }
        eprint!("\r{} of {rounds} rounds", round + 1);
    }
    let mut table = String::from(
        "\n| how the two sides run | cases of 3 ms | of 10 ms | of 35 ms |\n| --- | --- | --- | --- |\n",
    );
    for (row, (name, _, _)) in WAYS.into_iter().enumerate() {
        write!(table, "| {name} |")?;
        for column in 0..SIZES_MS.len() {
            let [total, max] = [0, 1].map(|i| {
                100.0 * robust_sd(&cells[&(row, column)].iter().map(|ratios| ratios[i]).collect::<Vec<_>>())
            });
            write!(table, " {total:.1} % ({max:.1}) |")?;
        }
        table.push('\n');
    }
    println!("{table}");
    let sd = |row: usize, column: usize| {
        robust_sd(&cells[&(row, column)].iter().map(|ratios| ratios[0]).collect::<Vec<_>>())
    };
    for (column, millis) in SIZES_MS.into_iter().enumerate() {
        let share = sd(FROZEN, column) / sd(SEQUENTIAL_PINNED, column);
        let word = if share <= 0.5 { "met" } else { "MISSED" };
        println!(
            "total of cases of {millis} ms: alternating, pinned, stopped / one after the other, pinned = {share:.2} (at most 0.50: {word})"
        );
    }
    Ok(())
}
