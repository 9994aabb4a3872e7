//! How much of a build's speed is where its sections lie, and what that does to do-nothing edits.
//!
//!     cargo build --release -p sprag && cargo run --release -p sprag-bench --bin layout -- [--builds N] [--rounds N] [--edits N]
//!
//! First: the standard deviation between builds of one crate whose sections were shuffled, beside copies of one build,
//! and beside the standard error of one build's mean: below that error, no difference between builds is seen.
//! Then: how many of `--edits` do-nothing edits Sprag's own judge keeps with shuffling and without.

use std::process::{Command, Stdio};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_bench::numbers::{machine, mean_and_sd};
use sprag_bench::rust_crate::{BUILD, Metric, generate, play, playbook};
use sprag_bench::stage::Stage;
use sprag_bench::{Result, options};
use sprag_judge::stats::median;
use sprag_measure::build::shuffled;

fn main() -> Result<()> {
    options::only(&["--builds", "--rounds", "--edits"])?;
    let stage = Stage::enter()?;
    let builds = options::number("--builds", 16)?.max(2);
    let rounds = options::number("--rounds", 40)?.max(2);
    let edits = options::number("--edits", 20)?;
    println!("{}", machine());
    between_builds(&stage, builds, rounds)?;
    for layout in ["shuffle", "off"] {
        if edits == 0 {
            break;
        }
        let (dir, book) = (stage.join(layout), stage.join(&format!("{layout}-playbook")));
        generate(&dir, Metric::Wall, layout)?;
        playbook(&dir, &book, edits)?;
        let tally = play(&dir, &book)?;
        println!(
            "layout = \"{layout}\": {} of {} do-nothing edits kept, {:.1} pairs each",
            tally.kept,
            tally.judged,
            tally.pairs as f64 / f64::from(tally.judged.max(1))
        );
    }
    Ok(())
}

fn between_builds(stage: &Stage, builds: usize, rounds: usize) -> Result<()> {
    let dir = stage.join("builds");
    generate(&dir, Metric::Wall, "off")?;
    let mut binaries = Vec::new();
    for nth in 0..builds {
        let command = shuffled(BUILD, nth as u64 + 1).ok_or("the build cannot be shuffled")?;
        binaries.push(build(&dir, &command, &dir.join(format!("target/shuffled-{nth:02}")))?);
    }
    let one = build(&dir, BUILD, &dir.join("target/copied-00"))?;
    let mut copies = vec![one.clone()];
    for nth in 1..builds {
        let copy = dir.join(format!("target/copied-{nth:02}"));
        std::fs::copy(&one, &copy)?;
        copies.push(copy);
    }
    // Every round runs every binary once, in an order that changes, so that a mood of the machine meets all of them.
    let all: Vec<&Utf8PathBuf> = binaries.iter().chain(&copies).collect();
    let mut logs: Vec<Vec<f64>> = vec![Vec::new(); all.len()];
    for round in 0..rounds {
        for step in 0..all.len() {
            let nth = (step * 7 + round * 11) % all.len();
            // 7 and the number of binaries may have a factor in common; then the order is a plain rotation.
            let nth = if all.len().is_multiple_of(7) { (step + round) % all.len() } else { nth };
            logs[nth].push(time(all[nth])?.ln());
        }
    }
    // What one round has in common is the machine's.
    for round in 0..rounds {
        let middle = median(&logs.iter().map(|log| log[round]).collect::<Vec<_>>());
        logs.iter_mut().for_each(|log| log[round] -= middle);
    }
    let (shuffled, copied) = logs.split_at(builds);
    println!("{builds} builds in {rounds} rounds");
    println!(
        "  | what | sd between | standard error of one mean | sd / error |\n  | --- | --- | --- | --- |"
    );
    let moved = row("builds with shuffled sections", shuffled);
    let same = row("copies of one build", copied);
    println!("  shuffled / copies: {:.1} times", moved / same);
    Ok(())
}

/// Prints one row and answers the standard deviation between the medians, in percent.
fn row(name: &str, logs: &[Vec<f64>]) -> f64 {
    let middles: Vec<f64> = logs.iter().map(|log| 100.0 * median(log)).collect();
    let (_, between) = mean_and_sd(&middles);
    let errors: Vec<f64> = logs.iter().map(|log| standard_error(log)).collect();
    let error = 100.0 * median(&errors);
    println!("  | {name} | {between:.2} % | {error:.2} % | {:.1} |", between / error);
    between
}

/// Of a median, from the median absolute deviation as for normal noise: 1.2533 · 1.4826 · MAD / √n.
fn standard_error(values: &[f64]) -> f64 {
    let middle = median(values);
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    1.2533 * 1.4826 * median(&deviations) / (values.len() as f64).sqrt()
}

fn build(dir: &Utf8Path, command: &str, to: &Utf8Path) -> Result<Utf8PathBuf> {
    let built =
        Command::new("/bin/sh").args(["-c", command]).current_dir(dir).stderr(Stdio::null()).status()?;
    if !built.success() {
        return Err(format!("`{command}` failed in {dir}").into());
    }
    std::fs::copy(dir.join("target/release/small"), to)?;
    Ok(to.to_owned())
}

fn time(program: &Utf8Path) -> Result<f64> {
    let started = Instant::now();
    if !Command::new(program).stdout(Stdio::null()).status()?.success() {
        return Err(format!("{program} failed").into());
    }
    Ok(started.elapsed().as_secs_f64())
}
