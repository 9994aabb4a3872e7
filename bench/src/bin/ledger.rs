//! How long the reading commands take on a long ledger: whole processes, from start to exit.
//!
//!     cargo build --release -p sprag && cargo run --release -p sprag-bench --bin ledger -- [--runs N]
//!
//! Each command alternates with `git rev-parse HEAD` and with `sprag --version` in the same repository, so that what a
//! process costs on this machine stands beside it.

use std::process::{Command, Stdio};
use std::time::Instant;

use camino::Utf8Path;
use sprag_bench::numbers::{Spread, machine, verdict};
use sprag_bench::stage::{Stage, sprag};
use sprag_bench::{Result, options, repository, rows};
use sprag_session::{Home, Project};

/// How often each command runs.
const TIMES: usize = 30;
const SESSION: &str = "01KDZSAMPLE000000000000000";

fn main() -> Result<()> {
    options::only(&["--runs"])?;
    let sprag = sprag()?;
    let stage = Stage::enter()?;
    let runs = options::number("--runs", 10_000)?;
    println!("{}", machine());
    let dir = stage.join("repository");
    repository::generate(&dir, 100)?;
    let bytes = install(&dir, u64::try_from(runs)?)?;
    println!("a ledger of {runs} runs, {:.1} MB", bytes as f64 / 1e6);

    let ways: [(&str, &str, &[&str], Option<f64>); 6] = [
        ("git rev-parse HEAD", "git", &["rev-parse", "HEAD"], None),
        ("sprag --version", sprag.as_str(), &["--version"], None),
        ("sprag status", sprag.as_str(), &["status"], Some(50.0)),
        ("sprag status --json", sprag.as_str(), &["status", "--json"], Some(50.0)),
        ("sprag log", sprag.as_str(), &["log"], None),
        ("sprag log --json", sprag.as_str(), &["log", "--json"], Some(150.0)),
    ];
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..TIMES {
        for (nth, (_, program, args, _)) in ways.iter().enumerate() {
            times[nth].push(once(&dir, program, args)?);
        }
    }
    let floor = Spread::of(&times[1]).median;
    for ((name, _, _, target), times) in ways.iter().zip(&times) {
        let spread = Spread::of(times);
        let word = target.map_or(String::new(), |target| {
            format!("  target at most {target} ms: {}", verdict(spread.median, target))
        });
        let ratio = spread.median / floor;
        println!(
            "  {name:<22} {:>7.1} ms (p90 {:>6.1}) {ratio:>6.1} x --version{word}",
            spread.median, spread.p90
        );
    }
    Ok(())
}

/// Writes the ledger in memory, where a sync costs nothing, and puts it where the commands look for it.
fn install(dir: &Utf8Path, runs: u64) -> Result<u64> {
    let memory = Utf8Path::new("/dev/shm");
    let scratch = tempfile::tempdir_in(if memory.is_dir() { memory } else { dir })?;
    let made = Utf8Path::from_path(scratch.path()).ok_or("a path that is not UTF-8")?.join("ledger.jsonl");
    rows::write(&made, SESSION, runs)?;
    let home: Home = Project::open(dir)?.home()?;
    std::fs::create_dir_all(home.session(SESSION))?;
    let bytes = std::fs::copy(&made, home.ledger(SESSION))?;
    home.set_current(SESSION)?;
    Ok(bytes)
}

fn once(dir: &Utf8Path, program: &str, args: &[&str]) -> Result<f64> {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed().as_secs_f64() * 1e3;
    if status.success() { Ok(took) } else { Err(format!("{program} {} failed", args.join(" ")).into()) }
}
