//! Do-nothing edits of a small Rust crate that is rebuilt each time, through `sprag run`: how many are kept?
//!
//!     cargo build --release -p sprag && cargo run --release -p sprag-bench --bin noop -- [--edits N]
//!
//! Once by the time of a run, with layouts shuffled as by default, and once by a metric that repeats to the bit.

use sprag_bench::numbers::machine;
use sprag_bench::rust_crate::{Metric, generate, play, playbook};
use sprag_bench::stage::Stage;
use sprag_bench::{Result, options};

fn main() -> Result<()> {
    options::only(&["--edits"])?;
    let stage = Stage::enter()?;
    let edits = options::number("--edits", 100)?;
    println!("{}", machine());
    for (name, metric, allowed) in [("steps", Metric::Steps, 0), ("wall", Metric::Wall, 4)] {
        let (dir, book) = (stage.join(name), stage.join(&format!("{name}-playbook")));
        generate(&dir, metric, "shuffle")?;
        playbook(&dir, &book, edits)?;
        let tally = play(&dir, &book)?;
        let word = match u64::from(tally.judged) {
            // One keep among a few edits says nothing: each has a chance of two in a hundred.
            0..100 => "fewer than a hundred: no verdict".to_owned(),
            judged => {
                let met = u64::from(tally.kept) * 100 <= allowed * judged;
                format!("at most {allowed} of 100: {}", if met { "met" } else { "MISSED" })
            }
        };
        let pairs = tally.pairs as f64 / f64::from(tally.judged.max(1));
        println!(
            "{name}: {} of {} do-nothing edits kept, {pairs:.1} pairs each ({word})",
            tally.kept, tally.judged
        );
    }
    Ok(())
}
