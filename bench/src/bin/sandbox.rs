//! What a jail adds to a run: the time from spawning `true` to having waited for it, bare and in each tier.
//!
//!     cargo run --release -p sprag-bench --bin sandbox -- [--rounds 200]
//!
//! The three take turns. What counts for a measurement is the second column: its clock starts when the jail stands.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use sprag_bench::numbers::{Spread, machine, verdict};
use sprag_bench::{Result, options};
use sprag_sandbox::{Confinement, Jail, Tier};

/// How many milliseconds a jail may add.
const TARGET: f64 = 15.0;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // The bench is its own launcher.
    if args.next().is_some_and(|first| first == "__jail") {
        return sprag_sandbox::launch(args);
    }
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<()> {
    options::only(&["--rounds"])?;
    let rounds = options::number("--rounds", 200)?;
    let launcher: [OsString; 2] = [std::env::current_exe()?.into(), "__jail".into()];
    let best = sprag_sandbox::examine(&launcher).tier;
    let tiers: Vec<Tier> =
        [Tier::None, Tier::Reduced, Tier::Enforced].into_iter().filter(|tier| *tier <= best).collect();
    let mut times = vec![(Vec::new(), Vec::new()); tiers.len()];
    println!("{}", machine());
    // The first round is not counted.
    for round in 0..=rounds {
        for (tier, (whole, started)) in tiers.iter().zip(&mut times) {
            let (all, from_the_word) = run(&launcher, *tier)?;
            if round > 0 {
                whole.push(all.as_secs_f64() * 1e3);
                started.push(from_the_word.as_secs_f64() * 1e3);
            }
        }
    }
    println!("{rounds} rounds of `true`, in milliseconds, median (nine of ten are not above)");
    println!("{:<10} {:>16} {:>24}", "", "the whole run", "from the program's start");
    let spreads: Vec<(Spread, Spread)> =
        times.iter().map(|(whole, started)| (Spread::of(whole), Spread::of(started))).collect();
    for (tier, (whole, started)) in tiers.iter().zip(&spreads) {
        let name = if *tier == Tier::None { "bare".to_owned() } else { tier.to_string() };
        let show = |spread: &Spread| format!("{:.2} ({:.2})", spread.median, spread.p90);
        println!("{name:<10} {:>16} {:>24}", show(whole), show(started));
    }
    for (tier, (whole, _)) in tiers.iter().zip(&spreads).skip(1) {
        let added = whole.median - spreads[0].0.median;
        println!("{tier} adds {added:.2} ms (at most {TARGET}: {})", verdict(added, TARGET));
    }
    Ok(())
}

/// The whole run, and the part of it from the program's start on; bare where there is no tier.
fn run(launcher: &[OsString], tier: Tier) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    if tier == Tier::None {
        silent(&["true".into()]).spawn()?.wait()?;
        return Ok((start.elapsed(), start.elapsed()));
    }
    let folder = std::env::current_dir()?;
    let mut confinement = Confinement::new(tier);
    confinement.write.push(folder);
    let (command, door) = Jail::new(launcher).confine(confinement).prepare(&["true"])?;
    let mut child = silent(&command).spawn()?;
    let ready = door.open(&child, Duration::from_secs(10))?;
    let word = Instant::now();
    ready.go()?;
    let status = child.wait()?;
    let (whole, started) = (start.elapsed(), word.elapsed());
    if !status.success() {
        return Err(format!("in tier {tier} `true` ended with {status}").into());
    }
    Ok((whole, started))
}

fn silent(argv: &[OsString]) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
