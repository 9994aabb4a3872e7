//! How fast the replay harness answers, beside nginx with static files and mitmdump with the same fixtures.
//!
//!     cargo run --release -p sprag-bench --bin replay -- [--rounds N] [--millis N] [--large N]
//!
//! One load generator asks all of them, on a CPU of its own where there are two. Rounds alternate between the servers, and
//! a ratio is the median over rounds of what two servers did in the same round.

use std::process::Command;
use std::time::Duration;

use camino::Utf8Path;
use sprag_bench::load::{Load, Talk, Target, Until, on_cpu, run};
use sprag_bench::numbers::{Spread, machine, processor_time};
use sprag_bench::replay::{Served, Upstream, mitmdump, nginx, record, target};
use sprag_bench::stage::Stage;
use sprag_bench::{Result, options};
use sprag_replay::Mode;

const FIXTURES: usize = 1_000;
const CONNECTIONS: [usize; 2] = [1, 16];
/// How many answers of a large cassette are asked for: more than is kept decoded.
const ASKED: usize = 30_000;
/// The folder of the large cassette, for the child that answers out of it.
const CHILD: &str = "SPRAG_BENCH_REPLAY_MEMORY";
/// The addresses that its fixtures were recorded from.
const UPSTREAM: &str = "SPRAG_BENCH_REPLAY_UPSTREAM";

/// A figure of one round.
type Figure = fn(&(Load, f64)) -> f64;
const RATE: Figure = |(load, _)| load.rate;
const P50: Figure = |(load, _)| load.p50;
const SPENT: Figure = |(_, spent)| *spent;

/// A server by its name.
struct Row {
    name: &'static str,
    target: Target,
    /// Its process, and the name of its threads there where it has not all of them.
    process: (u32, Option<&'static str>),
    /// By number of connections, then by round: what was seen, and the processor time of an answer in microseconds.
    loads: [Vec<(Load, f64)>; 2],
}

fn main() -> Result<()> {
    options::only(&["--rounds", "--millis", "--large"])?;
    if let Ok(dir) = std::env::var(CHILD) {
        return memory(Utf8Path::new(&dir), options::number("--large", 0)?);
    }
    let stage = Stage::enter()?;
    let rounds = options::number("--rounds", 10)?;
    let time = Duration::from_millis(u64::try_from(options::number("--millis", 300)?)?);
    let large = options::number("--large", 100_000)?;
    println!("{}", machine());
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (server, client) = (0, usize::from(cpus > 1));
    let upstream = Upstream::start()?;

    let dir = stage.join("small");
    std::fs::create_dir_all(&dir)?;
    record(&dir, &upstream, Talk::Http1, FIXTURES)?;
    record(&dir, &upstream, Talk::Postgres, FIXTURES)?;
    let served = Served::open(&dir, &upstream, Mode::Replay, Some(server))?;
    let ours = |talk| Ok::<_, Box<dyn std::error::Error>>(target(served.at(talk)?, talk, 0..FIXTURES));
    let http = ours(Talk::Http1)?;
    let https = Target { tls: Some(served.tls()?), ..http.clone() };
    let mut rows = vec![
        Row::ours("sprag", http),
        Row::ours("sprag, HTTPS", https),
        Row::ours("sprag, HTTP/2", ours(Talk::Http2)?),
        Row::ours("sprag, PostgreSQL", ours(Talk::Postgres)?),
    ];
    let at = |name| {
        let dir = stage.join(name);
        std::fs::create_dir_all(&dir).map(|()| dir)
    };
    let peers = [
        ("nginx, static files", on_cpu(server, || nginx(&at("nginx")?, FIXTURES))),
        ("mitmdump", on_cpu(server, || mitmdump(&at("mitmdump")?, &upstream, FIXTURES))),
    ];
    let mut running = Vec::new();
    for (name, peer) in peers {
        match peer {
            Ok(Some(peer)) => {
                rows.push(Row::of(name, peer.target.clone(), (peer.pid(), None)));
                running.push(peer);
            }
            Ok(None) => println!("skipped: {name} is not installed"),
            Err(error) => println!("skipped: {name}: {error}"),
        }
    }

    println!("{FIXTURES} fixtures matched by a JSON body, answers of 1.1 KB; {rounds} rounds of {time:?}");
    on_cpu(client, || {
        for row in &rows {
            run(&row.target, 1, Until::Each)?;
        }
        for round in 0..rounds {
            for (nth, connections) in CONNECTIONS.iter().enumerate() {
                for place in 0..rows.len() {
                    let turn = (place + round) % rows.len();
                    let row = &mut rows[turn];
                    row.load(nth, *connections, time).map_err(|error| format!("{}: {error}", row.name))?;
                }
            }
        }
        Ok(())
    })?;
    served.check()?;
    report(&rows);
    drop((served, running));

    let dir = stage.join("large");
    std::fs::create_dir_all(&dir)?;
    record(&dir, &upstream, Talk::Http1, large)?;
    let mut child = Command::new(std::env::current_exe()?);
    let addresses = format!("{} {}", upstream.http, upstream.postgres);
    child.args(["--large", &large.to_string()]).env(CHILD, &dir).env(UPSTREAM, addresses);
    let output = child.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

impl Row {
    fn ours(name: &'static str, target: Target) -> Self {
        Self::of(name, target, (std::process::id(), Some("sprag-replay")))
    }

    fn of(name: &'static str, target: Target, process: (u32, Option<&'static str>)) -> Self {
        Self { name, target, process, loads: [Vec::new(), Vec::new()] }
    }

    fn load(&mut self, nth: usize, connections: usize, time: Duration) -> Result<()> {
        let spent = || processor_time(self.process.0, self.process.1);
        let before = spent();
        let load = run(&self.target, connections, Until::Time(time))?;
        let each = (spent() - before) / load.count as f64;
        self.loads[nth].push((load, each));
        Ok(())
    }
}

fn report(rows: &[Row]) {
    let median = |values: Vec<f64>| Spread::of(&values).median;
    for (nth, connections) in CONNECTIONS.iter().enumerate() {
        println!("{connections} connection{}", if *connections == 1 { "" } else { "s" });
        for row in rows {
            let of = |figure: Figure| median(row.loads[nth].iter().map(figure).collect());
            let (rate, p50, spent) = (of(RATE), of(P50), of(SPENT));
            println!(
                "  {:<20} {rate:>8.0} requests/s, p50 {p50:>7.0} µs, {spent:>6.1} µs of a processor",
                row.name
            );
        }
        let ratio = |what: &str, one: &str, other: &str, figure: Figure, goal: fn(f64) -> bool| {
            let loads = |name| rows.iter().find(|row| row.name.starts_with(name)).map(|row| &row.loads[nth]);
            if let (Some(one), Some(other)) = (loads(one), loads(other)) {
                let ratio = median(one.iter().zip(other).map(|(a, b)| figure(a) / figure(b)).collect());
                println!("  {what} {ratio:.2}: {}", if goal(ratio) { "met" } else { "MISSED" });
            }
        };
        ratio("rate, times that of nginx (at least 0.5):", "sprag", "nginx", RATE, |ratio| ratio >= 0.5);
        ratio("p50, times that of nginx (at most 3):", "sprag", "nginx", P50, |ratio| ratio <= 3.0);
        ratio("rate, times that of mitmdump (at least 20):", "sprag", "mitmdump", RATE, |ratio| {
            ratio >= 20.0
        });
        ratio("rate, HTTPS / HTTP (at least 0.6):", "sprag, HTTPS", "sprag", RATE, |ratio| ratio >= 0.6);
    }
}

/// Answers out of a large cassette, and says what this process took.
fn memory(dir: &Utf8Path, fixtures: usize) -> Result<()> {
    // Nobody need be there: it is a part of what requests are recognised by.
    let addresses = std::env::var(UPSTREAM)?;
    let (http, postgres) = addresses.split_once(' ').ok_or("two addresses")?;
    let upstream = Upstream { http: http.parse()?, postgres: postgres.parse()? };
    let before = peak()?;
    let begun = std::time::Instant::now();
    let served = Served::open(dir, &upstream, Mode::Replay, None)?;
    let opened = begun.elapsed();
    let after = peak()?;
    let step = (fixtures / ASKED).max(1);
    run(&target(served.at(Talk::Http1)?, Talk::Http1, (0..fixtures).step_by(step)), 16, Until::Each)?;
    served.check()?;
    let end = peak()?;
    println!(
        "{fixtures} fixtures: opened in {opened:.0?}; peak memory {before:.0} MB before, {after:.0} MB open, {end:.0} MB \
         after {} answers (at most 100 MB): {}",
        fixtures.div_ceil(step),
        if end < 100.0 { "met" } else { "MISSED" }
    );
    Ok(())
}

/// The most that this process had in memory, in MB.
fn peak() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}
