//! The tasks of this repository, run as `cargo xtask TASK`.
//!
//! Standard library only: it is built before everything else, on every machine, so it must build in seconds.

mod command;
mod gate;
mod needs;
mod suite;
mod tidy;

use std::process::ExitCode;

use command::{Failure, Root};

const USAGE: &str = "\
usage: cargo xtask TASK

  test     installs or names what the tests need, builds, runs every test
  attacks  plays the attack corpus and prints what became of each:
           [--tier TIER] [--sentences] [PROJECT or beginning of an ID …]
  agents   installs the real coding agents below target/, and runs each in the loop against a model that plays a script
  side-by-side
           installs pi and pi-autoresearch below target/, tells the same lie to it and to Sprag, and prints what became of it
  gates    fmt, tidy, clippy, doc and deny, in this order
  ci       gates, then test
  fmt      cargo fmt --check
  clippy   clippy on every target, warnings are errors
  doc      rustdoc, warnings are errors
  deny     licences, bans and sources, where cargo-deny is installed
  tidy     rules of this repository that no other tool knows; reports long files
  needs    installs or names what the tests need, and nothing else";

fn main() -> ExitCode {
    let task: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = task.iter().map(String::as_str).collect();
    let root = Root::find();
    let done = match words.as_slice() {
        ["test"] => suite::run(&root),
        ["attacks", which @ ..] => suite::attacks(&root, which),
        ["agents"] => suite::agents(&root),
        ["side-by-side"] => suite::side_by_side(&root),
        ["gates"] => gate::all(&root),
        ["ci"] => gate::all(&root).and_then(|()| suite::run(&root)),
        ["fmt"] => gate::fmt(&root),
        ["clippy"] => gate::clippy(&root),
        ["doc"] => gate::doc(&root),
        ["deny"] => gate::deny(&root),
        ["tidy"] => tidy::check(&root),
        ["needs"] => needs::meet(&root).map(drop),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
